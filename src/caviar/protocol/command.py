"""The ways to start a process that trains: a command line, with or without the protocol, or a Python function.

A function goes to its processes by cloudpickle, so a lambda, a closure or a function of a notebook will do. It goes
through a file without a name, which only this process and its children have: no other program can put a pickle there.
"""

from __future__ import annotations

import json
import math
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Protocol

from caviar.errors import ConfigError, did_you_mean
from caviar.protocol.messages import VERSION
from caviar.protocol.process import Program
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

    def score(self, line: bytes) -> float | None:
        """The score in a line of output, for a process without the protocol; None for a line without a score."""
        ...

    def close(self) -> None:
        """No more processes will be started."""
        ...


class Speaking:
    """A command line whose program speaks the protocol."""

    speaks = True

    def __init__(self, command: str) -> None:
        """Raises ConfigError where there is no such program."""
        self._arguments = split(command)
        self.name = name_of(self._arguments)

    def start(self, trial: Mapping[str, Any], environment: Mapping[str, str]) -> Program:
        """A process for ``trial`` and those after it."""
        return Program(self._arguments, {**environment, "CAVIAR_PROTOCOL": str(VERSION)})

    def score(self, line: bytes) -> float | None:
        """None: scores come in messages."""
        return None

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
        try:
            self._score = re.compile(score.encode())
        except re.error as error:
            raise ConfigError(
                f"`score` is not a regular expression: {error}, got {score!r:.80}",
                "write `score='acc=([0-9.]+)'`",
            ) from None
        if self._score.groups < 1:
            raise ConfigError(
                f"`score` must have a group around the number, got {score!r:.80}",
                "write `score='acc=([0-9.]+)'`",
            )

    def start(self, trial: Mapping[str, Any], environment: Mapping[str, str]) -> Program:
        """A process for ``trial`` alone."""
        values = {**{name: trial[name] for name in _OF_THE_TRIAL}, **trial["config"]}

        def value(found: re.Match[str]) -> str:
            given = values.get(found[1], "")  # a hyperparameter that does not apply to this config
            return as_argument(given)

        return Program([_BRACES.sub(value, argument) for argument in self._arguments], environment, one_output=True)

    def score(self, line: bytes) -> float | None:
        """The number in ``line``; NaN where the match is no number."""
        found = self._score.search(line)
        if found is None:
            return None
        try:
            return float(found[1])
        except (TypeError, ValueError):
            return math.nan

    def close(self) -> None:
        """There is nothing to close."""


class Objective:
    """A Python function of a trial, in processes of this Python."""

    speaks = True

    def __init__(self, function: Callable[..., Any]) -> None:
        """Raises ConfigError for a function that cannot be taken to another process."""
        import cloudpickle

        self.name = (
            re.sub(r"\W+", "-", getattr(function, "__name__", type(function).__name__)).strip("-") or "objective"
        )
        try:
            function_bytes = cloudpickle.dumps(function)
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

    def score(self, line: bytes) -> float | None:
        """None: scores come in messages."""
        return None

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


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
