"""Processes that are to end: of trials that were stopped, and of places that have no trial for them.

A program without the protocol goes on while its score is compared. It may be about to fail where its trial is stopped:
it has printed an epoch, and then saves, evaluates, or runs out of memory. Or it was done, and the stop came to nothing.
So it has a moment to show it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from caviar.protocol.failures import sentence
from caviar.protocol.messages import Kind
from caviar.protocol.process import Program
from caviar.protocol.reading import Reader

_LEAVING = 5.0  # seconds that a process has to end


class Leaving:
    """Processes that were asked to end, and that are killed where they do not."""

    def __init__(self) -> None:
        self._programs: list[tuple[Program, float]] = []

    def add(self, program: Program, now: float) -> None:
        """Ask a process to end."""
        program.ask_to_end()
        self._programs.append((program, now + _LEAVING))

    def reap(self, now: float) -> None:
        """Forget those that have ended, and kill those whose time is over."""
        for program, until in list(self._programs):
            if program.has_ended or now >= until:
                program.end()
                self._programs.remove((program, until))

    def end(self, clock: Callable[[], float], hurries: bool) -> None:
        """End all of them."""
        until = clock() + (0.5 if hurries else _LEAVING)
        while self._programs and clock() < until:
            self.reap(clock())
            time.sleep(0.01)
        for program, _ in self._programs:
            program.end()


@dataclass
class Stopped:
    """The processes that have such a moment, ``seconds`` long; by the numbers of their trials."""

    seconds: float
    _programs: dict[int, tuple[Program, Reader, float]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """True while there are any."""
        return bool(self._programs)

    def add(self, number: int, program: Program, reader: Reader, now: float) -> None:
        """Give a process its moment; ``reader`` has read it until its stop."""
        self._programs[number] = program, reader, now + self.seconds

    def take(self, number: int) -> Program | None:
        """The process of a trial, which is forgotten here."""
        return self._programs.pop(number, (None,))[0]

    def over(self, now: float) -> Iterator[tuple[int, Program, bool]]:
        """The trials and processes whose moment is over, or that have ended; they are forgotten here.

        Each with True where it was done at its stop: it ended well, without a further score.
        """
        for number, (program, reader, until) in list(self._programs.items()):
            if program.has_ended or now >= until:
                del self._programs[number]
                program.drain()
                ended_well, scores = program.has_ended and program.ended_well, 0
                while reader.next(program, scores) is not None:
                    scores += 1
                yield number, program, ended_well and not scores


def why_gone(program: Program) -> tuple[Kind, str]:
    """The kind of failure, and the reason, of a process that ended before its trial was done."""
    if program.was_killed_for_memory:
        return "out_of_memory", "the system ended it for want of memory"
    said, ending = sentence(program.last_words), f"{program.ending} before the trial was done"
    why = [ending, said] if program.ended_well else [said, ending]
    return "error", "; ".join(filter(None, why))
