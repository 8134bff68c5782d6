"""Successive halving that never waits and still decides the same on any number of threads.

Notation
    rung      a number of epochs after which trials are compared
    eta       one trial in eta goes on from a rung to the next
    merit     what trials are ranked by; larger is better (see ranking.py)

Every rung is a queue in the order of trial numbers: a trial that is done early is compared only when those ahead of it
are. Compared trials wait in a small pool; with every eta-th that is compared, the best of the pool goes on, so that
exactly one in eta does; and when the pool is full, its poorest stops. So every decision is a function of merits and
trial numbers alone, never of time.

Source: successive halving (Jamieson and Talwalkar, 2016) in the asynchronous form of Li et al. (ASHA, 2018). Ours
differs: there, who is promoted depends on who happens to be done, and any trial may still be promoted later, so that
all weights must be kept; here it depends on numbers, and the weights of `POOL` trials a rung are kept at most.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from caviar.search.ranking import WORST, Merit

ETA = 3
_SLACK = 2  # promotions of a rung that a window does not wait for
POOL = 9  # eta**2: a trial outside the best third is all but never among the best nine of those passed over


def rungs_for(rows: int) -> tuple[int, ...]:
    """The rungs, in epochs, for a training part of ``rows`` rows: the fewer rows, the more epochs a network needs."""
    last = 243 if rows < 400 else 81 if rows < 10_000 else 27
    rungs = [last]
    while rungs[0] > 1:
        rungs.insert(0, rungs[0] // ETA)
    return tuple(rungs)


class Decision(NamedTuple):
    """What becomes of a trial at a rung (counted from 0): it goes on to ``to_epoch``, or ends there (None)."""

    number: int
    rung: int
    to_epoch: int | None


@dataclass(slots=True)
class _Rung:
    epoch: int
    expected: deque[int] = field(default_factory=deque)  # trials on their way, by number
    arrived: dict[int, Merit] = field(default_factory=dict)  # of those, who is here before its turn
    pool: list[tuple[Merit, int]] = field(default_factory=list)  # (merit, -number), the poorest first
    compared: list[tuple[int, Merit]] = field(default_factory=list)  # (number, merit), in the order of the queue
    promoted: int = 0
    promoted_by: list[int] = field(default_factory=lambda: [0])  # how many had been after so many comparisons


class Halving:
    """The rungs of one study: ``enter`` trials by number, ``report`` results in any order, ``close`` at the end."""

    def __init__(self, rungs: tuple[int, ...], eta: int = ETA, pool: int = POOL) -> None:
        self._rungs = [_Rung(epoch) for epoch in rungs]
        self._eta = eta
        self._pool = pool
        self.closed = False

    def enter(self, number: int) -> int:
        """A new trial: it trains to the epoch returned."""
        self._rungs[0].expected.append(number)
        return self._rungs[0].epoch

    def report(self, number: int, epoch: int, merit: Merit) -> Iterator[Decision]:
        """A trial came to the rung at ``epoch``: the decisions that this allows, about it or others.

        A trial whose merit is WORST has diverged: it is compared, never goes on, and there is no decision about it.
        """
        at = next(i for i, rung in enumerate(self._rungs) if rung.epoch == epoch)
        rung = self._rungs[at]
        rung.arrived[number] = merit
        while rung.expected and rung.expected[0] in rung.arrived:
            yield from self._compare(at, rung.expected.popleft())
        if self.closed:
            yield from self._top_up()

    def close(self) -> Iterator[Decision]:
        """No more trials will enter: a rung that nobody is on the way to lets go on what it still owes, rounded up."""
        self.closed = True
        yield from self._top_up()

    def reached(self) -> tuple[int, ...]:
        """How many trials have been compared at each rung so far."""
        return tuple(len(rung.compared) for rung in self._rungs)

    @property
    def compared(self) -> list[list[tuple[int, Merit]]]:
        """Of each rung, (number, merit) of the trials compared there, in an order that no timing changes."""
        return [rung.compared for rung in self._rungs]

    def certain(self, entered: int) -> list[int]:
        """How many comparisons of each rung to wait for, if the first ``entered`` trials are to be looked at.

        They exist or will, whatever happens: at a rung above the first, those let go on by the comparisons waited for
        below, but for the last `_SLACK`, whose long way up would hold up everybody.
        """
        window = [entered]
        for rung in self._rungs[:-1]:
            known = min(window[-1], len(rung.compared))
            window.append(max(rung.promoted_by[known] - _SLACK, 0))
        return window

    def _compare(self, at: int, number: int) -> Iterator[Decision]:
        rung = self._rungs[at]
        merit = rung.arrived.pop(number)
        rung.compared.append((number, merit))
        if at == len(self._rungs) - 1:
            if merit > WORST:
                yield Decision(number, at, None)
            return
        if merit > WORST:
            insort(rung.pool, (merit, -number))
        yield from self._promote(at, len(rung.compared) // self._eta)
        rung.promoted_by.append(rung.promoted)
        if len(rung.pool) > self._pool:
            yield Decision(-rung.pool.pop(0)[1], at, None)

    def _promote(self, at: int, owed: int) -> Iterator[Decision]:
        rung = self._rungs[at]
        while rung.promoted < owed and rung.pool:
            number = -rung.pool.pop()[1]
            rung.promoted += 1
            above = self._rungs[at + 1]
            above.expected.append(number)
            yield Decision(number, at, above.epoch)

    def _top_up(self) -> Iterator[Decision]:
        for at, rung in enumerate(self._rungs[:-1]):
            if rung.expected:
                return
            yield from self._promote(at, -(-len(rung.compared) // self._eta))
            while rung.pool:
                yield Decision(-rung.pool.pop()[1], at, None)
