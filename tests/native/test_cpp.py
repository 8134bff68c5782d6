"""The C++ tests of native/tests, built with AddressSanitizer and UndefinedBehaviorSanitizer and run.

Objects are kept in build/cpp_tests by a hash of everything that they are made of, so that only what changed is compiled
again. Levels that this processor does not run are linked, because trial.cpp names them, but not sanitized nor called.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from caviar.learners.dense.layout import instruction_sets

ROOT = Path(__file__).parents[2]
NATIVE = ROOT / "native"
KEPT = ROOT / "build" / "cpp_tests"
COMPILER = shlex.split(os.environ.get("CXX", "g++"))
PLAIN = ["-O0", "-std=gnu++17", "-Wno-psabi", "-Werror=switch"]
SANITIZED = ["-O1", "-g1", *PLAIN[1:], "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
ARITHMETIC = [
    "-ffp-contract=fast",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-Wno-ignored-attributes",
]  # CMakeLists.txt

# Symbol, floats of a vector, rows of a register block and flags, as in native/CMakeLists.txt.
SCALAR = {"scalar": ("level_scalar", 1, 1, ["-fno-tree-vectorize", "-fno-tree-slp-vectorize"])}
X86 = {
    "x86-64-v2": ("level_v2", 4, 3, ["-march=x86-64-v2"]),
    "x86-64-v3": ("level_v3", 8, 6, ["-march=x86-64-v3"]),
    "x86-64-v4": ("level_v4", 16, 12, ["-march=x86-64-v4", "-mprefer-vector-width=512"]),
}
NEON = {"neon": ("level_neon", 4, 6, [])}
LEVELS = SCALAR | {"x86_64": X86, "aarch64": NEON, "arm64": NEON}.get(platform.machine(), {})
HERE = [level for level in instruction_sets() if level in LEVELS]

COUNTED = ("malloc", "calloc", "realloc", "aligned_alloc", "posix_memalign")

pytestmark = pytest.mark.skipif(shutil.which(COMPILER[0]) is None, reason=f"there is no compiler {COMPILER[0]}")


def made(command: Sequence[str], inputs: Sequence[Path], suffix: str) -> Path:
    """Output of ``command`` on ``inputs``, now or kept from before; another process at the same is waited for."""
    content = hashlib.sha256(repr((COMPILER, list(command))).encode())
    for path in inputs:
        content.update(path.read_bytes())
    KEPT.mkdir(parents=True, exist_ok=True)
    target = KEPT / f"{content.hexdigest()[:24]}{suffix}"
    with target.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            part = target.with_suffix(".part")
            done = subprocess.run([*COMPILER, *command, "-o", str(part)], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr[-4000:]
            part.rename(target)
    return target


def compiled(source: Path, flags: Sequence[str]) -> Path:
    headers = sorted([*NATIVE.glob("*.h"), *(NATIVE / "tests").glob("*.h")])
    return made([*flags, "-c", str(source)], [source, *headers], ".o")


def linked(objects: Sequence[Path], flags: Sequence[str] = ()) -> Path:
    return made([*SANITIZED, *flags, *map(str, objects)], objects, ".run")


def of_level(name: str) -> list[str]:
    symbol, lanes, block_rows, flags = LEVELS[name]
    runs_here = name in HERE
    names = {"LEVEL": symbol, "LEVEL_NAME": f'"{name}"', "LANES": lanes, "BLOCK_ROWS": block_rows}
    defined = [f"-DCAVIAR_{key}={value}" for key, value in names.items()]
    sanitized = SANITIZED if runs_here else PLAIN
    return [*sanitized, *ARITHMETIC, *flags, *defined, f"-DCAVIAR_RUNS_HERE={str(runs_here).lower()}"]


def engine() -> list[Path]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        levels = pool.map(lambda name: compiled(NATIVE / "level.cpp", of_level(name)), LEVELS)
        return [compiled(NATIVE / "trial.cpp", SANITIZED), *levels]


def holds(program: Path) -> None:
    done = subprocess.run([program], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, (done.stdout[-4000:], done.stderr[-4000:])
    assert "all checks hold" in done.stdout


@pytest.mark.parametrize("level", HERE)
def test_kernels_against_loops_in_double(level: str):
    holds(linked([compiled(NATIVE / "tests" / "kernels.cpp", of_level(level))]))


def test_trials_of_odd_shapes_at_every_level():
    holds(linked([compiled(NATIVE / "tests" / "trial.cpp", SANITIZED), *engine()]))


def test_no_allocation_inside_a_step():
    counted = [f"-Wl,--wrap={name}" for name in COUNTED]
    holds(linked([compiled(NATIVE / "tests" / "allocations.cpp", SANITIZED), *engine()], counted))


def test_a_write_beside_its_place_is_seen():
    """The sanitizers are on: this fault ends the program."""
    program = linked([compiled(NATIVE / "tests" / "fault.cpp", SANITIZED)])
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "heap-buffer-overflow" in done.stderr
