"""A study's decisions as one machine without a clock: what to train next, and who goes on.

Notation
    step       a piece of training: one trial, on until an epoch at which it is compared
    evidence   the comparisons that a proposal may look at

`Strategy.next` gives steps and `Strategy.report` takes their rank keys, in any order, from any number of threads,
processes or simulated machines: every decision is a function of rank keys and trial numbers alone. So a study can be
taken up again by asking for its steps and reporting what is known of them already; the rest is what is left to train.

A search that learns from the trials may look at the evidence of a fixed window: the first so many comparisons of each
rung, counted from the trial that is to be proposed. `next` gives None while one of them is still being trained.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Sequence
from heapq import heappop, heappush
from itertools import accumulate
from typing import Literal, NamedTuple, get_args

from caviar.records import Box, Config
from caviar.records.ranking import RankKey
from caviar.scheduling.asha import Asha
from caviar.scheduling.halving import Decision, Halving
from caviar.search.contract import Compared, Proposal, Search

Stopping = Literal["halving", "hyperband", "median", "none"]
STOPPINGS: tuple[Stopping, ...] = get_args(Stopping)
_GOLDEN = (5**0.5 - 1) / 2


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

    def __init__(
        self,
        search: Search,
        rungs: tuple[int, ...],
        pool: int,
        trials: int | None = None,
        stopping: Stopping = "halving",
        slots: int | None = None,
    ) -> None:
        """``trials`` is the number after which no new one is begun; None goes on until ``close``.

        ``pool`` is how many trials may wait at one rung of one ladder: ``places`` says at how many they can. Where
        ``slots`` is given none can: so many are trained at once, and each is told at its rung (see asha.py).
        """
        self.rungs = rungs
        self.boxes: list[Box] = []
        self._search = search
        self._stopping = stopping
        patient = slots is None or stopping == "median"  # nobody waits under the median rule either
        self._ladders: list[Halving | Asha] = [
            Halving(rungs[entry:], pool=pool, median=stopping == "median")
            if patient
            else Asha(rungs[entry:], slots or 1)
            for entry in range(len(rungs))
        ]  # by the rung of entry
        self._entered: list[list[int]] = [[] for _ in rungs]  # of each ladder, its trials
        self._ladder_of: list[int] = []  # by trial
        self._evidence: list[list[Compared]] = [[] for _ in rungs]
        self._seen = [[0] * len(ladder.reached()) for ladder in self._ladders]  # comparisons that are evidence already
        self._closed = False
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
        return self._closed and not self._open and not self._going_on

    def next(self, begin: bool = True) -> Step | None:
        """The next step, those that go on before new trials, the oldest first; None while none may start.

        Without ``begin`` there are no new trials.
        """
        if not begin and not self._going_on:
            return None
        if not self._going_on and not self._closed and not self._more():
            if self._waits():
                return None
            self.close()
        if self._going_on:
            self._open += 1
            number, from_epoch, to_epoch = heappop(self._going_on)
            proposal = self._known[number]
            return Step(number, proposal.config, proposal.origin, from_epoch, to_epoch)
        if self._closed:
            return None
        number, self._begun = self._begun, self._begun + 1
        proposal = self._known[number] = self._proposed.popleft()
        entry = entry_rung(self._stopping, number, proposal, self.rungs)
        self._ladder_of.append(entry)
        self._entered[entry].append(number)
        self._open += 1
        to_epoch = self._ladders[entry].enter(number, proposal.slow)
        return Step(number, proposal.config, proposal.origin, 0, to_epoch)

    def report(self, number: int, epoch: int, rank_key: RankKey) -> list[Ending]:
        """Take the rank key of a step, WORST if it diverged: the trials that end by it."""
        self._open -= 1
        ladder = self._ladder_of[number]
        self._obey(ladder, self._ladders[ladder].report(number, epoch, rank_key))
        return self.ended()

    def close(self) -> None:
        """Begin no more trials; those under way go on as far as they deserve."""
        if not self._closed:
            self._closed = True
            for entry, ladder in enumerate(self._ladders):
                self._obey(entry, ladder.close())

    def ended(self) -> list[Ending]:
        """Trials that ended and were not told yet: ``close`` ends some without a report."""
        endings, self._endings = self._endings, []
        return endings

    def reached(self) -> tuple[int, ...]:
        """How many trials have been compared at each rung so far."""
        counts = [0] * len(self.rungs)
        for entry, ladder in enumerate(self._ladders):
            for rung, count in enumerate(ladder.reached(), entry):
                counts[rung] += count
        return tuple(counts)

    def _more(self) -> bool:
        """Whether there is a new trial to begin now."""
        if self._most is not None and self._begun >= self._most:
            return False
        if not self._proposed and not self._waits():
            self._see()
            proposals, boxes = self._search.propose(self._begun, self._evidence)
            self._proposed.extend(proposals)
            self.boxes += boxes
        return bool(self._proposed)

    def _waits(self) -> bool:
        """Whether a comparison is missing that the next proposals may look at."""
        if self._proposed or (self._most is not None and self._begun >= self._most):
            return False
        return any(
            have < need
            for ladder, window in zip(self._ladders, self._windows(), strict=True)
            for have, need in zip(ladder.reached(), window, strict=True)
        )

    def _windows(self) -> list[list[int]]:
        """How many comparisons the next proposals look at, of each rung of each ladder."""
        lag = self._search.lag(self._begun)
        if lag is None:
            return [[0] * len(seen) for seen in self._seen]
        until = self._begun - lag
        return [
            ladder.certain(bisect_left(entered, until))
            for ladder, entered in zip(self._ladders, self._entered, strict=True)
        ]

    def _see(self) -> None:
        """Add what the next proposals may look at to the evidence, and look at nothing twice."""
        for entry, (ladder, window) in enumerate(zip(self._ladders, self._windows(), strict=True)):
            for at, until in enumerate(window):
                rung = entry + at
                self._evidence[rung] += [
                    Compared(number, self._known[number].config, rung, self.rungs[rung], rank_key)
                    for number, rank_key in ladder.compared[at][self._seen[entry][at] : until]
                ]
                self._seen[entry][at] = max(until, self._seen[entry][at])

    def _obey(self, entry: int, decisions: Sequence[Decision]) -> None:
        for number, at, to_epoch in decisions:
            if to_epoch is not None:
                heappush(self._going_on, (number, self.rungs[entry + at], to_epoch))
            else:
                self._endings.append(Ending(number, stopped=entry + at < len(self.rungs) - 1))


def entry_rung(stopping: Stopping, number: int, proposal: Proposal, rungs: tuple[int, ...]) -> int:
    """The rung, counted from 0, at which trial ``number`` is compared first.

    Halving and the median rule leave it to the search. Hyperband's brackets (Li et al., 2017) get the same number of
    epochs each, and who enters where is fixed by the trial's number: the golden ratio's multiples are spread evenly.
    """
    last = len(rungs) - 1
    if stopping == "none":
        return last
    if stopping != "hyperband":
        return min(proposal.entry, last)
    shares = list(accumulate(1.0 / (epoch * (len(rungs) - rung)) for rung, epoch in enumerate(rungs)))
    return min(bisect_right(shares, number * _GOLDEN % 1.0 * shares[-1]), last)


def places(rungs: int) -> int:
    """At how many rungs trials can wait, in all ladders together: one ladder begins at each of the ``rungs``."""
    return max(rungs * (rungs - 1) // 2, 1)
