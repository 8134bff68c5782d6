"""A study's decisions as one machine without a clock: what to train next, and who goes on.

Notation
    step       a piece of training: one trial, on until an epoch at which it is compared
    evidence   the comparisons that a proposal may look at

`Strategy.next` gives steps and `Strategy.report` takes their merits, in any order, from any number of threads,
processes or simulated machines: every decision is a function of merits and trial numbers alone. So a study can be taken
up again by asking for its steps and reporting what is known of them already; the rest is what is left to train.

A search that learns from the trials may look at the evidence of a fixed window: the first so many comparisons of each
rung, counted from the trial that is to be proposed. `next` gives None while one of them is still being trained.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from typing import NamedTuple, Protocol

from caviar.records import Box, Config
from caviar.search.halving import Decision, Halving
from caviar.search.ranking import Merit


class Compared(NamedTuple):
    """A trial's merit where it was compared: at ``rung``, after ``epoch`` epochs."""

    number: int
    config: Config
    rung: int
    epoch: int
    merit: Merit


class Proposal(NamedTuple):
    """A config, and where it comes from: "middle", "sobol", "box 3", "whole space"."""

    config: Config
    origin: str


class Search(Protocol):
    """Proposes configs. It sees what ``evidence`` it asks for and nothing else: no files, no clock, no threads."""

    def lag(self, number: int) -> int | None:
        """How many trials before ``number`` are not waited for; None for a search that looks at no trials."""
        ...

    def propose(self, number: int, evidence: Sequence[Compared]) -> tuple[list[Proposal], list[Box]]:
        """The trials from ``number`` on, at least one, and the boxes that were opened for them.

        ``evidence`` holds what was compared, rung by rung, each in the rung's own order. No proposals: the search is
        over (a grid that was walked through).
        """
        ...


class Step(NamedTuple):
    """Train trial ``number`` on until ``to_epoch``; ``from_epoch`` is 0 for a trial that is new."""

    number: int
    config: Config
    origin: str
    from_epoch: int
    to_epoch: int


class Ending(NamedTuple):
    """A trial is over: it was ``stopped`` at a rung, or finished the last one."""

    number: int
    stopped: bool


class Strategy:
    """The decisions of one study: ``next`` and ``report`` until ``over``."""

    def __init__(self, search: Search, rungs: tuple[int, ...], pool: int, trials: int | None = None) -> None:
        """``trials`` is the number after which no new one is begun; None goes on until ``close``."""
        self.rungs = rungs
        self.boxes: list[Box] = []
        self._search = search
        self._halving = Halving(rungs, pool=pool)
        self._most = trials
        self._proposed: deque[Proposal] = deque()
        self._known: dict[int, Proposal] = {}
        self._going_on: list[tuple[int, int, int]] = []  # a heap of (trial, from_epoch, to_epoch)
        self._endings: list[Ending] = []
        self._begun = 0
        self._open = 0  # steps given and not yet reported

    @property
    def begun(self) -> int:
        """How many trials were begun."""
        return self._begun

    @property
    def over(self) -> bool:
        """Whether every step was given and reported."""
        return self._halving.closed and not self._open and not self._going_on

    def next(self) -> Step | None:
        """The next step, those that go on before new trials, the oldest first; None while none may start."""
        if not self._going_on and not self._halving.closed and not self._more():
            if self._waits():
                return None
            self.close()
        if self._going_on:
            self._open += 1
            number, from_epoch, to_epoch = heappop(self._going_on)
            config, origin = self._known[number]
            return Step(number, config, origin, from_epoch, to_epoch)
        if self._halving.closed:
            return None
        number, self._begun = self._begun, self._begun + 1
        self._known[number] = self._proposed.popleft()
        self._open += 1
        return Step(number, *self._known[number], 0, self._halving.enter(number))

    def report(self, number: int, epoch: int, merit: Merit) -> list[Ending]:
        """Take the merit of a step, WORST if it diverged: the trials that end by it."""
        self._open -= 1
        self._obey(self._halving.report(number, epoch, merit))
        return self.ended()

    def close(self) -> None:
        """Begin no more trials; those under way go on as far as they deserve."""
        if not self._halving.closed:
            self._obey(self._halving.close())

    def ended(self) -> list[Ending]:
        """Trials that ended and were not told yet: ``close`` ends some without a report."""
        endings, self._endings = self._endings, []
        return endings

    def reached(self) -> tuple[int, ...]:
        """How many trials have been compared at each rung so far."""
        return self._halving.reached()

    def _more(self) -> bool:
        """Whether there is a new trial to begin now."""
        if self._most is not None and self._begun >= self._most:
            return False
        if not self._proposed and not self._waits():
            proposals, boxes = self._search.propose(self._begun, self._evidence())
            self._proposed.extend(proposals)
            self.boxes += boxes
        return bool(self._proposed)

    def _waits(self) -> bool:
        """Whether a comparison is missing that the next proposals may look at."""
        if self._proposed or (self._most is not None and self._begun >= self._most):
            return False
        reached = self._halving.reached()
        return any(have < need for have, need in zip(reached, self._window(), strict=True))

    def _window(self) -> list[int]:
        """How many comparisons of each rung the next proposals look at."""
        lag = self._search.lag(self._begun)
        if lag is None:
            return [0] * len(self.rungs)
        return self._halving.certain(max(self._begun - lag, 0))

    def _evidence(self) -> list[Compared]:
        return [
            Compared(number, self._known[number].config, rung, self.rungs[rung], merit)
            for rung, count in enumerate(self._window())
            for number, merit in self._halving.compared[rung][:count]
        ]

    def _obey(self, decisions: Iterator[Decision]) -> None:
        for number, rung, to_epoch in decisions:
            if to_epoch is not None:
                heappush(self._going_on, (number, self.rungs[rung], to_epoch))
            else:
                self._endings.append(Ending(number, stopped=rung < len(self.rungs) - 1))
