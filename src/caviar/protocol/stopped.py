"""Processes of trials that were stopped, and that get a moment to show that they were failing by themselves.

A program without the protocol goes on while its score is compared. It may be about to fail where its trial is stopped:
it has printed an epoch, and then saves, evaluates, or runs out of memory. So it is not ended at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from caviar.protocol.failures import sentence
from caviar.protocol.messages import Kind
from caviar.protocol.process import Program


@dataclass
class Stopped:
    """The processes that have such a moment, ``seconds`` long; by the numbers of their trials."""

    seconds: float
    _programs: dict[int, tuple[Program, float]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """True while there are any."""
        return bool(self._programs)

    def add(self, number: int, program: Program, now: float) -> None:
        """Give a process its moment."""
        self._programs[number] = program, now + self.seconds

    def take(self, number: int) -> Program | None:
        """The process of a trial, which is forgotten here."""
        return self._programs.pop(number, (None, 0.0))[0]

    def over(self, now: float) -> Iterator[tuple[int, Program]]:
        """The trials and processes whose moment is over, or that have ended; they are forgotten here."""
        for number, (program, until) in list(self._programs.items()):
            if program.has_ended or now >= until:
                del self._programs[number]
                program.drain()
                while (line := program.next_line()) is not None:
                    program.keep(line)
                yield number, program


def why_gone(program: Program) -> tuple[Kind, str]:
    """The kind of failure, and the reason, of a process that ended before its trial was done."""
    if program.was_killed_for_memory:
        return "out_of_memory", "the system ended it for want of memory"
    said, ending = sentence(program.last_words), f"{program.ending} before the trial was done"
    why = [ending, said] if program.ended_well else [said, ending]
    return "error", "; ".join(filter(None, why))
