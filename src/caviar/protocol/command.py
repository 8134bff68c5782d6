"""The ways to start a process that trains: a command line, with or without the protocol, or a Python function.

A function goes to its processes by cloudpickle, so a lambda, a closure or a function of a notebook will do. It goes
through a file without a name, which only this process and its children have: no other program can put a pickle there.
"""

from __future__ import annotations

import io
import json
import re
import shlex
import shutil
import sys
import tempfile
from collections import ChainMap
from collections.abc import Callable, Mapping
from pathlib import Path
from types import CodeType
from typing import IO, Any, ClassVar, Protocol

from caviar.errors import ConfigError, did_you_mean
from caviar.protocol.messages import VERSION
from caviar.protocol.output import Output
from caviar.protocol.process import Program
from caviar.protocol.reading import Printed, Reader, Spoken
from caviar.protocol.score import ScorePattern
from caviar.records.config import as_argument

_BRACES = re.compile(r"\{(\w+(?:\.\w+)*)\}")
_OF_THE_TRIAL = ("trial", "seed", "epochs", "folder")


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
    def notes(self) -> Mapping[str, str]:
        """Sentences on the output of its processes that a person should read, by their kind."""
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
    notes: Mapping[str, str] = {}

    def __init__(self, command: str) -> None:
        """Raises ConfigError where there is no such program."""
        self._arguments = split(command)
        self.name = name_of(self._arguments)

    def start(self, trial: Mapping[str, Any], environment: Mapping[str, str]) -> Program:
        """A process for ``trial`` and those after it."""
        return Program(self._arguments, {**environment, "CAVIAR_PROTOCOL": str(VERSION)})

    def reader(self) -> Reader:
        """Reads messages."""
        return Spoken()

    def alone(self, config: Mapping[str, Any]) -> str:
        """A line for a shell."""
        return f"CAVIAR_TRY={shlex.quote(json.dumps(dict(config)))} {shlex.join(self._arguments)}"

    def close(self) -> None:
        """There is nothing to close."""


class Silent:
    """A command line whose program does not speak the protocol: ``{learning_rate}`` in it is the trial's."""

    speaks = False

    def __init__(self, command: str, score: str, hyperparameters: tuple[str, ...]) -> None:
        """``score`` is a regular expression whose first group is a score. Raises ConfigError."""
        self._arguments = split(command)
        self.name = name_of(self._arguments)
        known = (*hyperparameters, *_OF_THE_TRIAL)
        names = [name for argument in self._arguments for name in _BRACES.findall(argument)]
        for name in names:
            if name not in known:
                raise ConfigError(f"the command has {{{name}}}, which is no hyperparameter", did_you_mean(name, known))
        for name in hyperparameters:
            if name not in names:
                raise ConfigError(
                    f"the command does not use hyperparameter {name!r} of the space",
                    f"write {{{name}}} where it belongs, or take it out of the space",
                )
        self._pattern = ScorePattern(score)
        self.notes: dict[str, str] = {}

    def start(self, trial: Mapping[str, Any], environment: Mapping[str, str]) -> Program:
        """A process for ``trial`` alone."""
        return Program(self._filled(trial, trial["config"]), environment, one_output=True)

    def alone(self, config: Mapping[str, Any]) -> str:
        """A line for a shell, with the config in its places."""
        return shlex.join(self._filled({"trial": 0, "seed": 0, "epochs": 1, "folder": "."}, config))

    def _filled(self, trial: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
        """The words of the command with the values of a trial in their places."""
        values = {**{name: trial[name] for name in _OF_THE_TRIAL}, **config}

        def value(found: re.Match[str]) -> str:
            given = values.get(found[1], "")  # a hyperparameter that does not apply to this config
            return as_argument(given)

        return [_BRACES.sub(value, argument) for argument in self._arguments]

    def reader(self) -> Reader:
        """Reads the scores that one process prints."""
        return Printed(Output(self._pattern, self.notes))

    def close(self) -> None:
        """There is nothing to close."""


class Objective:
    """A Python function of a trial, in processes of this Python."""

    speaks = True
    notes: Mapping[str, str] = {}

    def __init__(self, function: Callable[..., Any]) -> None:
        """Raises ConfigError for a function that cannot be taken to another process."""
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


def split(command: str) -> list[str]:
    """The words of a command line, by the shell's rules, without a shell. ConfigError unless the first is a program."""
    try:
        arguments = shlex.split(command)
    except ValueError as error:
        raise ConfigError(f"`command` cannot be read: {error}", "mind the quotes") from None
    if not arguments:
        raise ConfigError("`command` is empty", "give a program: `command='python train.py'`")
    if shutil.which(arguments[0]) is None:
        raise ConfigError(f"there is no program {arguments[0]!r}", "give its path, or put its folder into PATH")
    return arguments


def name_of(arguments: list[str]) -> str:
    """A name for a study of this command: of the script if there is one, else of the program."""
    script = next((a for a in arguments[1:] if Path(a).suffix in (".py", ".jar", ".sh", ".jl", ".R")), arguments[0])
    return re.sub(r"[^\w.-]+", "-", Path(script).stem).strip("-.") or "program"
