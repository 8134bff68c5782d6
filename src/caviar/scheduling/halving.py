"""Successive halving that never waits and still decides the same on any number of threads.

Notation
    rung      a number of epochs after which trials are compared
    eta       one trial in eta goes on from a rung to the next
    rank_key  the numbers that trials are ranked by; larger is better (see ranking.py)

Every rung is a queue in the order of trial numbers: a trial that is done early is compared only when those ahead of it
are. Compared trials wait in a small pool; with every eta-th that is compared, the best of the pool goes on, so that
exactly one in eta does; and when the pool is full, its poorest stops. So every decision is a function of rank_keys and
trial numbers alone, never of time.

Slow starters are configs with a low learning rate or a high decay: far from their end when they are first compared.
They would lose to merely quick ones. So every `RESERVE`-th promotion of a rung is for the best slow starter, and a
third of the pool is kept for them.

With ``median`` the rule is another: a trial goes on if it is no worse than the median of those compared at the rung
before it (Golovin and others, Google Vizier, 2017), and nobody waits.

Source: successive halving (Jamieson and Talwalkar, 2016) in the asynchronous form of Li et al. (ASHA, 2018). Ours
differs: there, who is promoted depends on who happens to be done, and any trial may still be promoted later, so that
all weights must be kept; here it depends on numbers, and the weights of `POOL` trials a rung are kept at most.
"""

from __future__ import annotations

import math
from bisect import insort
from collections import deque
from dataclasses import dataclass, field

from caviar.records.ranking import WORST, RankKey
from caviar.scheduling.contract import Decision

ETA = 3
_SLACK = 1  # promotions of a rung that a window does not wait for
RESERVE = 4  # a quarter of the promotions: enough to learn whether slow starters deserve it, too few to lose much
_UNJUDGED = 4  # trials at a rung before its median stops any: fewer have no median worth the name
WHOLE = (
    24  # trainings to the last rung that the time of a search is enough for: the finals are as many or twice as many
)
FEWEST, ENOUGH = 3.0, 27  # such trainings at the least, and epochs of a training that is no stump
LADDERS = (9, 27, 81, 243)  # the last rungs that there are
POOL = 9  # eta**2: a trial outside the best third is all but never among the best nine of those passed over


def rungs_for(rows: int) -> tuple[int, ...]:
    """The rungs, in epochs, for a training part of ``rows`` rows: the fewer rows, the more epochs a network needs."""
    return rungs_to(243 if rows < 400 else 81 if rows < 10_000 else 27)


def rungs_within(seconds: float, epoch_seconds: float) -> tuple[int, ...]:
    """The rungs for a search of ``seconds`` in all, where an epoch takes about ``epoch_seconds``.

    The last rung is such that `WHOLE` trainings fit: halving then brings a few trials there, and begins many. Where
    that would be very few epochs, the trials are fewer.
    """
    epochs = seconds / epoch_seconds
    wanted = max(epochs / WHOLE, min(epochs / FEWEST, ENOUGH))
    return rungs_to(min(LADDERS, key=lambda last: abs(math.log(last / wanted))))


def rungs_to(last: int) -> tuple[int, ...]:
    """The rungs of trials that get ``last`` epochs at most: each a third of the one above, down to one epoch."""
    rungs = [last]
    while rungs[0] > 1:
        rungs.insert(0, rungs[0] // ETA)
    return tuple(rungs)


@dataclass(slots=True)
class _Rung:
    epoch: int
    expected: deque[int] = field(default_factory=deque)  # trials on their way, by number
    arrived: dict[int, RankKey] = field(default_factory=dict)  # of those, who is here before its turn
    pool: list[tuple[RankKey, int]] = field(default_factory=list)  # (rank_key, -number), the poorest first
    compared: list[tuple[int, RankKey]] = field(default_factory=list)  # (number, rank_key), in the order of the queue
    ordered: list[RankKey] = field(default_factory=list)  # rank_keys compared, the worst first, for the median rule
    promoted: int = 0
    promoted_by: list[int] = field(default_factory=lambda: [0])  # how many had been after so many comparisons


class Halving:
    """The rungs of one study: ``enter`` trials by number, ``report`` results in any order, ``close`` at the end."""

    def __init__(self, rungs: tuple[int, ...], eta: int = ETA, pool: int = POOL, median: bool = False) -> None:
        self._median = median
        self._rungs = [_Rung(epoch) for epoch in rungs]
        self._at = {epoch: at for at, epoch in enumerate(rungs)}
        self._eta = eta
        self._pool = pool
        self._slow: set[int] = set()
        self.closed = False

    def enter(self, number: int, slow: bool = False) -> int:
        """A new trial: it trains to the epoch returned. ``slow`` ones have promotions of their own."""
        if slow:
            self._slow.add(number)
        self._rungs[0].expected.append(number)
        return self._rungs[0].epoch

    def report(self, number: int, epoch: int, rank_key: RankKey) -> list[Decision]:
        """A trial came to the rung at ``epoch``: the decisions that this allows, about it or others.

        A trial whose rank_key is WORST has diverged: it is compared, never goes on, and there is no decision about it.
        """
        at = self._at[epoch]
        rung = self._rungs[at]
        rung.arrived[number] = rank_key
        decisions: list[Decision] = []
        while rung.expected and rung.expected[0] in rung.arrived:
            self._compare(at, rung.expected.popleft(), decisions)
        if self.closed:
            self._top_up(decisions)
        return decisions

    def close(self) -> list[Decision]:
        """No more trials will enter. A rung without arrivals promotes its remaining quota, rounded up."""
        self.closed = True
        decisions: list[Decision] = []
        self._top_up(decisions)
        return decisions

    def reached(self) -> tuple[int, ...]:
        """The number of trials that have been compared at each rung so far."""
        return tuple(len(rung.compared) for rung in self._rungs)

    @property
    def compared(self) -> list[list[tuple[int, RankKey]]]:
        """Of each rung, (number, rank_key) of the trials compared there, in an order that no timing changes."""
        return [rung.compared for rung in self._rungs]

    def certain(self, entered: int) -> list[int]:
        """The number of comparisons of each rung to wait for, so that the first ``entered`` trials are seen.

        For example, 12 trials entered and eta is 3: 12 comparisons at the first rung promote 4 trials. At the second
        rung 4 - `_SLACK` = 3 comparisons are waited for, because the last of the 4 may need long to get there. Every
        comparison in the list will come, whatever the scores are.
        """
        window = [entered]
        for rung in self._rungs[:-1]:
            known = min(window[-1], len(rung.compared))
            window.append(max(rung.promoted_by[known] - _SLACK, 0))
        return window

    def _compare(self, at: int, number: int, decisions: list[Decision]) -> None:
        """It is the turn of trial ``number``; what is decided by that is added to ``decisions``."""
        rung = self._rungs[at]
        rank_key = rung.arrived.pop(number)
        rung.compared.append((number, rank_key))
        if at == len(self._rungs) - 1:
            if rank_key > WORST:
                decisions.append(Decision(number, at, None))
            return
        if self._median:
            if rank_key > WORST:
                good = self._is_good(rung, rank_key)
                decisions.append(self._send_up(at, number) if good else Decision(number, at, None))
            insort(rung.ordered, rank_key)
        else:
            if rank_key > WORST:
                insort(rung.pool, (rank_key, -number))
            self._promote(at, len(rung.compared) // self._eta, decisions)
            if len(rung.pool) > self._pool:
                decisions.append(Decision(self._poorest(rung), at, None))
        rung.promoted_by.append(rung.promoted)

    def _is_good(self, rung: _Rung, rank_key: RankKey) -> bool:
        """The median rule; the diverged count among those compared."""
        before = len(rung.ordered)
        return before < _UNJUDGED or rank_key >= rung.ordered[before // 2]

    def _poorest(self, rung: _Rung) -> int:
        """Take the poorest out of the pool; a third of it is kept for slow starters."""
        if -rung.pool[0][1] not in self._slow:
            return -rung.pool.pop(0)[1]
        slow = [-minus in self._slow for _, minus in rung.pool]
        kept = max(self._pool // 3, 1) if self._pool > 1 else 0
        poorest = 0 if sum(slow) > kept or all(slow) else slow.index(False)
        return -rung.pool.pop(poorest)[1]

    def _next_up(self, rung: _Rung) -> int:
        """Take out of the pool who goes on."""
        if rung.promoted % RESERVE == RESERVE - 1:
            for i in range(len(rung.pool) - 1, -1, -1):
                if -rung.pool[i][1] in self._slow:
                    return -rung.pool.pop(i)[1]
        return -rung.pool.pop()[1]

    def _send_up(self, at: int, number: int) -> Decision:
        self._rungs[at].promoted += 1
        above = self._rungs[at + 1]
        above.expected.append(number)
        return Decision(number, at, above.epoch)

    def _promote(self, at: int, owed: int, decisions: list[Decision]) -> None:
        rung = self._rungs[at]
        while rung.promoted < owed and rung.pool:
            decisions.append(self._send_up(at, self._next_up(rung)))

    def _top_up(self, decisions: list[Decision]) -> None:
        for at, rung in enumerate(self._rungs[:-1]):
            if rung.expected:
                return
            self._promote(at, -(-len(rung.compared) // self._eta), decisions)
            while rung.pool:
                decisions.append(Decision(-rung.pool.pop()[1], at, None))
