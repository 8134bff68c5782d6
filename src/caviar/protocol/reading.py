"""Messages from a process, one by one: the lines that it writes by the protocol, or what it prints without it."""

from __future__ import annotations

from typing import Protocol

from caviar.protocol.messages import Failure, Measured, Message, Over, parse
from caviar.protocol.output import Output
from caviar.protocol.process import Program


class Reader(Protocol):
    """Reads the output of one process, for one trial."""

    def next(self, program: Program, epoch: int) -> Message | None:
        """The next message of a trial that has reported ``epoch``; None while there is none. Raises Malformed."""
        ...

    @property
    def is_empty(self) -> bool:
        """True where nothing waits to be taken that the process has written."""
        ...

    def over(self) -> Over | Failure | None:
        """The end of a trial whose process has ended well; None where that is not the end that it should have."""
        ...


class Spoken:
    """Reads the lines of the protocol."""

    is_empty = True

    def next(self, program: Program, epoch: int) -> Message | None:
        """The next message; other lines are kept."""
        while (line := program.next_line()) is not None:
            message = parse(line)
            if message is not None:
                return message
            program.keep(line + b"\n")
        return None

    def over(self) -> None:
        """None: the end of a trial is a message."""


class Printed:
    """Reads the scores that a program prints; each is that of the next epoch."""

    def __init__(self, output: Output) -> None:
        self._output = output

    @property
    def is_empty(self) -> bool:
        """True where no score waits to be taken."""
        return self._output.is_empty

    def next(self, program: Program, epoch: int) -> Measured | None:
        """The next score, as a message."""
        score = self._output.next_score()
        while score is None and (line := program.next_line()) is not None:
            if not self._output.read(line):
                program.keep(line)
            score = self._output.next_score()
        if score is None and program.has_ended and not program.drain():
            score = self._output.close()
        return None if score is None else Measured(epoch + 1, None, score)

    def over(self) -> Over | Failure:
        """The last score of all, or the reason why there is none."""
        if self._output.last is None:
            return Failure("error", self._output.missing)
        return Over(self._output.final)
