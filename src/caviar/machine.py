"""This machine: processor, versions and memory; and pauses of Python's search for garbage."""

from __future__ import annotations

import gc
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path

VERSION = "0.1.0"
"""The version of this package; pyproject.toml reads it from here."""


def processors() -> int:
    """The number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def processor() -> str:
    """The processor's own name, such as "AMD EPYC 7763"."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def environment(engine: str, instruction_set: str, threads: int) -> dict[str, str | int]:
    """The facts of this machine that a study records."""
    return {
        "caviar": VERSION,
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "processors": processors(),
        "engine": engine,
        "instruction_set": instruction_set,
        "threads": threads,
    }


def memory_left() -> int | None:
    """Bytes that this process may still take, by its limit and the free memory; None where these are unknown."""
    try:
        machine, own = _bytes_of("/proc/meminfo", "MemAvailable"), _bytes_of("/proc/self/status", "VmSize")
    except (OSError, KeyError):
        return None
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    left = machine if limit == resource.RLIM_INFINITY else min(machine, limit - own)
    return max(left, 0)


def _bytes_of(path: str, name: str) -> int:
    """The bytes under ``name`` in the file ``path``, whose lines are "NAME:  123 kB"."""
    facts = dict(line.split(":", 1) for line in Path(path).read_text().splitlines() if ":" in line)
    return int(facts[name].split()[0]) << 10


@contextmanager
def no_collection() -> Iterator[None]:
    """Pause the search for garbage, which takes longer than making a million objects that stay."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def setting_aside() -> Iterator[Callable[[], None]]:
    """Give a function that sets aside all present objects: the search for garbage skips them.

    At its end all are searched again, so that no garbage stays for good.
    """
    try:
        yield gc.freeze
    finally:
        gc.unfreeze()
