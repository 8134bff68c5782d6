"""The environment of every framework's row: the interpreter it needs, its packages, its variables.

What a row wants stands in examples/frameworks/NAME/setup.toml; a folder with several files has several rows, NAME-FILE.

    title = "Theano"
    python = "3.7"                      the interpreter, looked for among pyenv's and on the PATH
    pip = "24.0"                        where the one that comes with the interpreter is too old
    requirements = ["Theano==1.0.5"]    the framework first, every one with its version
    commands = [{ run = "...", failing = "why" }]   run in the row's folder after that, see `Row.fill` for braces; and
                                        what the table says where one fails, if not its last lines
    command = "java Train"              the program, if it is not train.py
    version = "1.0 (Java)"              where it is not the first requirement's
    cannot = "no package"               why there is no such environment
    [variables]                         of the environment in which the program runs

The environments are made under build/frameworks, or in the folder that CAVIAR_FRAMEWORKS names. One that is whole has
the file `ready.json`, which `caviar frameworks` reads.
"""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import shutil
import subprocess
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
EXAMPLES = CHECKOUT / "examples" / "frameworks"
CLIENTS = CHECKOUT / "src" / "caviar" / "clients"
_LINES = 4  # of what a failed command wrote last


class CannotBeSetUp(Exception):
    """Why a row has no environment."""


@dataclass(frozen=True)
class Row:
    """One framework as its setup file describes it."""

    name: str
    folder: Path
    title: str
    python: str | None = None
    pip: str | None = None
    requirements: tuple[str, ...] = ()
    commands: tuple[tuple[str, str], ...] = ()  # and why it could fail
    command: str = "{python} train.py"
    version: str = ""
    cannot: str = ""
    variables: tuple[tuple[str, str], ...] = ()

    @property
    def framework(self) -> str:
        """The version of the framework, such as "torch 2.13.0"."""
        return self.version or (self.requirements[0].replace("==", " ") if self.requirements else "")

    def fill(self, text: str, environment: Path) -> str:
        """``text`` with {python}, {environment} and {clients} in place of their braces."""
        python = environment / "bin" / "python"
        return text.replace("{python}", str(python)).replace("{environment}", str(environment)).replace(
            "{clients}", str(CLIENTS)
        )  # fmt: skip


@dataclass(frozen=True)
class Environment:
    """An environment that is whole: what it took, and how a program is run in it."""

    row: str
    title: str
    framework: str
    python: str  # "3.11.7", or "" where the row is not of Python
    folder: str
    variables: Mapping[str, str]
    seconds: float
    megabytes: int
    wants: str  # a digest of the setup file

    @property
    def process_variables(self) -> dict[str, str]:
        """The whole environment of a process of the row."""
        path = os.pathsep.join([str(EXAMPLES / "digits"), str(CLIENTS)])
        return {**os.environ, "PYTHONPATH": path, "DIGITS": str(digits_folder()), **self.variables}


def folder() -> Path:
    """Where the environments are."""
    return Path(os.environ.get("CAVIAR_FRAMEWORKS") or CHECKOUT / "build" / "frameworks").absolute()


def digits_folder() -> Path:
    """Where the digits are written for the rows."""
    return folder() / "digits"


def rows(examples: Path = EXAMPLES) -> list[Row]:
    """All rows, by name."""
    return sorted((read(path) for path in examples.glob("*/*.toml") if path.name != "space.toml"), key=lambda r: r.name)


def read(path: Path) -> Row:
    """The row that a setup file describes.

    Raises ValueError if a requirement has no version or a key is unknown.
    """
    wants: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    name = path.parent.name if path.stem == "setup" else f"{path.parent.name}-{path.stem}"
    loose = [requirement for requirement in wants.get("requirements", []) if "==" not in requirement]
    if loose:
        raise ValueError(f"{path}: {loose[0]} needs a version: {loose[0]}==...")
    unknown = sorted(set(wants) - set(Row.__dataclass_fields__) - {"name", "folder"})
    if unknown:
        raise ValueError(f"{path}: {unknown[0]} is no key of a setup file")
    wants["requirements"] = tuple(wants.get("requirements", ()))
    wants["commands"] = tuple((given["run"], given.get("failing", "")) for given in wants.get("commands", ()))
    wants["variables"] = tuple(wants.get("variables", {}).items())
    return Row(name=name, folder=path.parent, **wants)


def interpreter(version: str) -> Path:
    """An interpreter of Python ``version``, such as "3.7": the newest of pyenv's, or pythonX.Y on the PATH.

    Raises CannotBeSetUp.
    """
    roots = [os.environ.get("PYENV_ROOT"), "~/.pyenv"]
    found = [
        path
        for root in roots
        if root
        for path in Path(root).expanduser().glob(f"versions/{version}.*/bin/python")
        if path.parents[1].name.rpartition(".")[2].isdigit()
    ]
    if found:
        return max(found, key=lambda path: int(path.parents[1].name.rpartition(".")[2]))
    on_path = shutil.which(f"python{version}")
    if on_path is None:
        raise CannotBeSetUp(f"it needs Python {version}, which is not on this machine")
    return Path(on_path)


def ready(row: Row) -> Environment | None:
    """The row's environment if it is whole and of today's setup file."""
    path = folder() / row.name / "ready.json"
    if not path.exists():
        return None
    environment = Environment(**json.loads(path.read_text(encoding="utf-8")))
    return environment if environment.wants == _digest(row) else None


def set_up(row: Row) -> Environment:
    """Make the row's environment, unless it is there.

    Raises CannotBeSetUp with the last lines of what failed.
    """
    if row.cannot:
        raise CannotBeSetUp(row.cannot)
    folder().mkdir(parents=True, exist_ok=True)
    with _locked(folder() / f"{row.name}.lock"):
        there = ready(row)
        return there or _made(row, folder() / row.name)


def _made(row: Row, environment: Path) -> Environment:
    began = time.monotonic()
    shutil.rmtree(environment, ignore_errors=True)
    environment.mkdir()
    variables = {name: row.fill(value, environment) for name, value in row.variables}
    version = ""
    if row.python is not None:
        python = environment / "bin" / "python"
        _run([str(interpreter(row.python)), "-m", "venv", str(environment)])
        install = [str(python), "-m", "pip", "install", "--quiet", "--no-cache-dir", "--disable-pip-version-check"]
        if row.pip is not None:
            _run([*install, f"pip=={row.pip}"])
        _run([*install, *row.requirements])
        version = _run([str(python), "-c", "import platform; print(platform.python_version())"]).strip()
    for command, failing in row.commands:
        try:
            _run(shlex.split(row.fill(command, environment)), row.folder, {**os.environ, **variables})
        except CannotBeSetUp as error:
            raise CannotBeSetUp(failing or str(error)) from error
    made = Environment(
        row.name,
        row.title,
        row.framework,
        version,
        str(environment),
        variables,
        round(time.monotonic() - began, 1),
        _megabytes(environment),
        _digest(row),
    )
    (environment / "ready.json").write_text(json.dumps(vars(made), indent=1), encoding="utf-8")
    return made


def _run(command: Sequence[str], cwd: Path | None = None, variables: Mapping[str, str] | None = None) -> str:
    try:
        done = subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise CannotBeSetUp(f"{command[0]} is not on this machine") from error
    if done.returncode:
        said = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()][-_LINES:]
        raise CannotBeSetUp(f"{Path(command[0]).name} failed: {' / '.join(said)}")
    return done.stdout


def _megabytes(environment: Path) -> int:
    """The size of the files, in units of 1,000,000 bytes; a file of two names counts once."""
    files = {(s.st_dev, s.st_ino): s.st_size for p in environment.rglob("*") if not p.is_symlink() and (s := p.stat())}
    return round(sum(files.values()) / 1e6)


def _digest(row: Row) -> str:
    """Of what an environment depends on: another title needs no other environment."""
    wants = (row.python, row.pip, row.requirements, [run for run, _ in row.commands], row.variables)
    return sha256(repr(wants).encode()).hexdigest()[:16]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Only one process makes this environment; another waits for it."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
