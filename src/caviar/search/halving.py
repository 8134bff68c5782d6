"""Successive halving that never waits and still decides the same on any number of threads.

Notation
    rung        a number of epochs after which a trial is compared
    eta         one trial in eta goes on from a rung to the next
    merit       what trials are ranked by; larger is better (see ranking.py)

A trial goes on from a rung when it is among the best 1/eta of itself and all trials that came to that rung before it. 'Before' is
settled by trial numbers, not by time: every rung is a queue in the order of trial numbers, and a trial that is done early waits there
until those ahead of it are done too. So the decisions are a function of the trials' merits alone.

Source: successive halving (Jamieson and Talwalkar, 2016) in the asynchronous form of Li et al. (ASHA, 2018). Ours differs: there, a trial
that was passed over can still be promoted later, which depends on timing and keeps every trial's weights; here it stops for good.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from caviar.search.ranking import Merit

ETA = 3


def rungs_for(rows: int) -> tuple[int, ...]:
    """The rungs, in epochs, for a training part of ``rows`` rows: the fewer rows, the more epochs a network needs."""
    last = 243 if rows < 400 else 81 if rows < 10_000 else 27
    rungs = [last]
    while rungs[0] > 1:
        rungs.insert(0, rungs[0] // ETA)
    return tuple(rungs)


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a trial at a rung (counted from 0): it goes on to ``to_epoch``, or its training ends there (None)."""

    number: int
    rung: int
    to_epoch: int | None


class Halving:
    """The queues of one study. ``enter`` trials in the order of their numbers, ``report`` results in any order."""

    def __init__(self, rungs: tuple[int, ...], eta: int = ETA) -> None:
        self.rungs = rungs
        self.eta = eta
        self._queues: list[deque[int]] = [deque() for _ in rungs]
        self._waiting: list[dict[int, Merit]] = [{} for _ in rungs]
        self._seen: list[list[Merit]] = [[] for _ in rungs]

    def enter(self, number: int) -> int:
        """A new trial: it trains to the epoch returned."""
        self._queues[0].append(number)
        return self.rungs[0]

    def report(self, number: int, epoch: int, merit: Merit) -> Iterator[Decision]:
        """A trial came to the rung at ``epoch``: the decisions that this allows, its own and those of trials behind it."""
        rung = self.rungs.index(epoch)
        self._waiting[rung][number] = merit
        queue, waiting, seen = self._queues[rung], self._waiting[rung], self._seen[rung]
        while queue and queue[0] in waiting:
            decided = queue.popleft()
            own = waiting.pop(decided)
            better = len(seen) - bisect_right(seen, own)
            insort(seen, own)
            goes_on = rung + 1 < len(self.rungs) and better * self.eta < len(seen)
            if goes_on:
                self._queues[rung + 1].append(decided)
            yield Decision(decided, rung, self.rungs[rung + 1] if goes_on else None)

    def reached(self) -> tuple[int, ...]:
        """How many trials have been compared at each rung so far."""
        return tuple(len(seen) for seen in self._seen)
