"""The ways to start a process that trains: a command line, with or without the protocol, or a Python function.

A function goes to its processes by cloudpickle, so a lambda, a closure or a function of a notebook will do. It goes
through a file without a name, which only this process and its children have: no other program can put a pickle there.
"""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import CodeType
from typing import IO, Any, ClassVar, Protocol

from caviar.errors import ConfigError
from caviar.files import working_folder
from caviar.protocol.messages import VERSION
from caviar.protocol.output import Output
from caviar.protocol.process import Program
from caviar.protocol.reading import Printed, Reader, Spoken
from caviar.protocol.score import ScorePattern
from caviar.protocol.template import OF_THE_TRIAL, Template, refuse_places
from caviar.space import Space

_QUOTED = re.compile(r"'[^']*'|\"(?:\\.|[^\"\\])*\"|\\.")
_OF_A_SHELL = re.compile(r"(?<!\S)(?:\|\|?|&&?|[012&]?>>?(?:&\d)?|<(?!\w+>)|;)|;(?!\S)")
"""Words that a shell would read, where they are not quoted."""


class Command(Protocol):
    """Starts the processes of a pool."""

    @property
    def name(self) -> str:
        """A name for a study of it."""
        ...

    @property
    def speaks(self) -> bool:
        """True for processes with the protocol; a process without it trains one trial, given in its arguments."""
        ...

    def start(self, trial: Mapping[str, Any], environment: Mapping[str, str]) -> Program:
        """Start a process for ``trial``, a message of the protocol, which is sent later."""
        ...

    @property
    def notes(self) -> dict[str, str]:
        """Sentences on its trials that a person should read, by their kind; whoever has one adds it."""
        ...

    def reader(self) -> Reader:
        """Reads the output of one process, for one trial."""
        ...

    def alone(self, config: Mapping[str, Any]) -> str:
        """The line with which a person tries ``config`` without caviar; empty where there is none."""
        ...

    def close(self) -> None:
        """No more processes will be started."""
        ...


class Speaking:
    """A command line whose program speaks the protocol."""

    speaks = True

    def __init__(self, command: str, hyperparameters: Iterable[str] = (), folder: str | None = None) -> None:
        """``folder`` is its working folder, None for ours.

        Raises ConfigError where there is no such program, or where the command has a place for a hyperparameter.
        """
        self.notes: dict[str, str] = {}
        self._arguments = split(command, folder)
        self._folder = folder
        refuse_places(self._arguments, hyperparameters)
        self.name = name_of(self._arguments)

    def start(self, trial: Mapping[str, Any], environment: Mapping[str, str]) -> Program:
        """A process for ``trial`` and those after it."""
        return Program(self._arguments, {**environment, "CAVIAR_PROTOCOL": str(VERSION)}, cwd=self._folder)

    def reader(self) -> Reader:
        """Reads messages."""
        return Spoken()

    def alone(self, config: Mapping[str, Any]) -> str:
        """A line for a shell."""
        line = f"CAVIAR_TRY={shlex.quote(json.dumps(dict(config)))} {shlex.join(self._arguments)}"
        return _line_in(self._folder, line)

    def close(self) -> None:
        """There is nothing to close."""


class Silent:
    """A command line whose program does not speak the protocol: ``{learning_rate}`` in it is the trial's."""

    speaks = False

    def __init__(self, command: str, score: str, space: Space, folder: str | None = None) -> None:
        """``score`` is a regular expression whose first group is a score; ``folder`` as of Speaking.

        Raises ConfigError.
        """
        self._template = Template(split(command, folder), space)
        self._folder = folder
        self.name = name_of(self._template.words)
        self.names = self._template.used
        """The hyperparameters that stand in it."""
        self._pattern = ScorePattern(score)
        self.notes: dict[str, str] = {}

    @property
    def notes_before(self) -> tuple[str, ...]:
        """Sentences on the command line that a person should read before it is run."""
        return tuple(dict.fromkeys(filter(None, [self._pattern.remark, *self._template.notes()])))

    def start(self, trial: Mapping[str, Any], environment: Mapping[str, str]) -> Program:
        """A process for ``trial`` alone."""
        facts = {name: trial[name] for name in OF_THE_TRIAL}
        arguments = self._template.fill(facts, trial["config"])
        return Program(arguments, environment, one_output=True, cwd=self._folder)

    def alone(self, config: Mapping[str, Any]) -> str:
        """A line for a shell, with the config in its places."""
        facts = {"trial": 0, "seed": 0, "epochs": 1, "folder": "."}
        return _line_in(self._folder, shlex.join(self._template.fill(facts, config)))

    def reader(self) -> Reader:
        """Reads the scores that one process prints."""
        return Printed(Output(self._pattern, self.notes))

    def close(self) -> None:
        """There is nothing to close."""


class Objective:
    """A Python function of a trial, in processes of this Python."""

    speaks = True

    def __init__(self, function: Callable[..., Any]) -> None:
        """Raises ConfigError for a function that cannot be taken to another process."""
        self.notes: dict[str, str] = {}
        self.name = (
            re.sub(r"\W+", "-", getattr(function, "__name__", type(function).__name__)).strip("-") or "objective"
        )
        try:
            function_bytes = _pickled(function)
        except Exception as error:
            raise ConfigError(
                f"the objective cannot be taken to another process: {str(error).splitlines()[0]:.200}",
                "make its open files, connections and locks within it",
            ) from None
        # The path comes on a line of its own, before the function: its modules are looked for there.
        self._content = json.dumps(sys.path).encode() + b"\n" + function_bytes
        self._file: IO[bytes] | None = None

    def start(self, trial: Mapping[str, Any], environment: Mapping[str, str]) -> Program:
        """A process for ``trial`` and those after it."""
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - `close` does
            self._file.write(self._content)
            self._file.flush()
        descriptor = self._file.fileno()
        own = {"CAVIAR_PROTOCOL": str(VERSION), "CAVIAR_OBJECTIVE": str(descriptor)}
        arguments = [sys.executable, "-m", "caviar.protocol.host"]
        return Program(arguments, {**environment, **own}, pass_fds=[descriptor])

    def reader(self) -> Reader:
        """Reads messages."""
        return Spoken()

    def alone(self, config: Mapping[str, Any]) -> str:
        """None: it is a function of a trial."""
        return ""

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _pickled(function: Callable[..., Any]) -> bytes:
    """``function`` as bytes; its code remembers its file, which cloudpickle would leave out, for tracebacks."""
    import cloudpickle

    reduce = cloudpickle.Pickler.dispatch_table[CodeType]

    def with_file(code: CodeType) -> tuple[Any, ...]:
        kind, arguments = reduce(code)
        return kind, tuple(code.co_filename if value == "<dynamic-code>" else value for value in arguments)

    class WithFiles(cloudpickle.Pickler):  # type: ignore[misc]
        dispatch_table: ClassVar[ChainMap[Any, Any]] = ChainMap(
            {CodeType: with_file}, cloudpickle.Pickler.dispatch_table
        )

    written = io.BytesIO()
    WithFiles(written).dump(function)
    return written.getvalue()


def split(command: str, folder: str | None = None) -> list[str]:
    """The words of a command line, by the shell's rules, without a shell.

    Raises ConfigError unless the first is a program that can be started in ``folder``.
    """
    try:
        arguments = shlex.split(command)
    except ValueError as error:
        raise ConfigError(f"`command` cannot be read: {error}", "mind the quotes") from None
    if not arguments:
        raise ConfigError("`command` is empty", "give a program: `command='python train.py'`")
    of_a_shell = _OF_A_SHELL.search(_QUOTED.sub("_", command))
    if of_a_shell is not None:
        raise ConfigError(
            f"the command has {of_a_shell[0]!r}, and no shell reads it",
            f"leave that out, or call a shell: sh -c {shlex.quote(command)}",
        )
    if _found(arguments[0], folder) is None:
        if Path(folder or "", arguments[0]).is_file():
            raise ConfigError(f"{arguments[0]!r} is no program that can be started", _with_interpreter(arguments[0]))
        way_out = "give its path, or put its folder into PATH"
        if re.match(r"\w+=", arguments[0]):
            way_out = f"variables are set by env: env {command}"
        raise ConfigError(f"there is no program {arguments[0]!r}", way_out)
    return arguments


def _found(program: str, folder: str | None) -> str | None:
    """The path of a ``program`` that is started in ``folder``; None where there is none."""
    if folder is None or os.path.dirname(program):
        return shutil.which(os.path.join(folder or "", program))
    return shutil.which(program, path=os.pathsep.join(os.path.join(folder, place) for place in os.get_exec_path()))


def _line_in(folder: str | None, line: str) -> str:
    """The ``line`` for a shell, after a change to ``folder`` where the shell is likely to be elsewhere."""
    return line if folder in (None, working_folder()) else f"cd {shlex.quote(str(folder))} && {line}"


_INTERPRETERS = {".py": "python", ".sh": "sh", ".R": "Rscript", ".jl": "julia", ".jar": "java -jar", ".js": "node"}


def _with_interpreter(path: str) -> str:
    """The way out for a file that is no program by itself."""
    interpreter = _INTERPRETERS.get(Path(path).suffix)
    if interpreter is not None:
        return f"write {interpreter} {shlex.quote(path)} ..."
    return f"make it one: chmod +x {shlex.quote(path)}, and write its path: ./{Path(path).name}"


def script_of(command: str, folder: str | None) -> Path | None:
    """The Python script that ``command`` runs in ``folder``; None where it runs none."""
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    script = next((word for word in words if word.endswith(".py")), None)
    return None if script is None else Path(folder or "", script)


def name_of(arguments: Sequence[str]) -> str:
    """A name for a study of this command: of the script if there is one, else of the program."""
    script = next((a for a in arguments[1:] if Path(a).suffix in (".py", ".jar", ".sh", ".jl", ".R")), arguments[0])
    return re.sub(r"[^\w.-]+", "-", Path(script).stem).strip("-.") or "program"
