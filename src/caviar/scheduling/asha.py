"""Successive halving for trials that cannot be put aside: whoever comes to a rung is told at once, or very soon.

Notation
    rung      a number of epochs after which trials are compared
    eta       a trial goes on if it is among the best of eta of those that it is compared with, itself included
    index     the how-manieth trial of this ladder it is
    slots     how many trials are trained at once
    lag       how many trials just before it are not in its company, so that nobody waits for them
    company   whom a trial is compared with: the last ``COMPANY`` with smaller indices, before the lag, that came there

A network of our own engine costs nothing while it waits for others to be compared (halving.py). One in a process of its
own, written in any framework, holds that process: so here a trial is compared with its company alone, and what is
decided of it is decided for good. The company is fixed by numbers: the lag is ``(slots - 1) * eta**rung`` trials of the
ladder (at most half of those before it), of which about as many come to the rung as are trained at the same time. Until
the company is there, it waits. So every decision is a function of rank_keys, numbers and ``slots``, never of time; with
one slot nobody ever waits. A company of all that ever came would be no measure: a search that learns proposes better
trials as it goes on, so that nearly all of them would be among its best.

A slow starter (see slow_starters.py) goes on, too, if it is among the best of eta of the slow starters alone.

Source: ASHA (Li et al., 2018), which compares with whoever happens to be done, and so decides otherwise each time.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import itemgetter

from caviar.records.ranking import WORST, RankKey
from caviar.scheduling.halving import ETA, Decision

COMPANY = 27


@dataclass(slots=True)
class _Rung:
    epoch: int
    lag: int
    arrived: dict[int, RankKey] = field(default_factory=dict)  # by index
    settled: int = 0  # of all trials with smaller indices it is known whether they come here, and how they did
    indices: list[int] = field(default_factory=list)  # of those compared, rising
    compared: list[tuple[int, RankKey]] = field(default_factory=list)  # (number, rank_key), in the order of `indices`
    slow: list[tuple[int, RankKey]] = field(default_factory=list)  # (index, rank_key) of the slow starters among them
    waiting: list[int] = field(default_factory=list)  # arrived, and not decided of


class Asha:
    """The rungs of one study: ``enter`` trials by number, ``report`` results in any order. See halving.Halving."""

    def __init__(self, rungs: tuple[int, ...], slots: int = 1, eta: int = ETA) -> None:
        self._eta = eta
        self._rungs = [_Rung(epoch, (slots - 1) * eta**at) for at, epoch in enumerate(rungs)]
        self._numbers: list[int] = []  # by index
        self._index: dict[int, int] = {}  # by number
        self._slow: set[int] = set()  # indices
        self._ended: dict[int, int] = {}  # by index: the rung that it did not go beyond

    def enter(self, number: int, slow: bool = False) -> int:
        """A new trial: it trains to the epoch returned."""
        index = self._index[number] = len(self._numbers)
        self._numbers.append(number)
        if slow:
            self._slow.add(index)
        return self._rungs[0].epoch

    def report(self, number: int, epoch: int, rank_key: RankKey) -> list[Decision]:
        """A trial came to the rung at ``epoch``: the decisions that this allows, about it or others.

        A trial whose rank_key is WORST has diverged: it is compared, never goes on, and there is no decision about it.
        """
        index = self._index[number]
        rung = next(rung for rung in self._rungs if rung.epoch == epoch)
        rung.arrived[index] = rank_key
        insort(rung.waiting, index)
        decisions: list[Decision] = []
        for at in range(len(self._rungs)):
            self._settle(at)
            decisions += self._decide(at)
        return decisions

    def close(self) -> list[Decision]:
        """No more trials will enter; nobody waited for them."""
        return []

    def reached(self) -> tuple[int, ...]:
        """How many trials have been compared at each rung so far."""
        return tuple(len(rung.compared) for rung in self._rungs)

    @property
    def compared(self) -> list[list[tuple[int, RankKey]]]:
        """Of each rung, (number, rank_key) of the trials compared there, in an order that no timing changes."""
        return [rung.compared for rung in self._rungs]

    def certain(self, entered: int) -> list[int]:
        """How many comparisons of each rung to wait for, if the first ``entered`` trials are to be looked at.

        At each rung the lag is left out, as in a trial's company. One too many is asked for while it is not known how
        many there will be.
        """
        window = []
        for rung in self._rungs:
            until = _company(entered, rung.lag)
            known = rung.settled >= until
            window.append(bisect_left(rung.indices, until) if known else len(rung.compared) + 1)
        return window

    def _settle(self, at: int) -> None:
        rung = self._rungs[at]
        while rung.settled < len(self._numbers):
            index = rung.settled
            rank_key = rung.arrived.get(index)
            if rank_key is not None:
                rung.indices.append(index)
                rung.compared.append((self._numbers[index], rank_key))
                if index in self._slow:
                    rung.slow.append((index, rank_key))
            elif self._ended.get(index, at) >= at:
                return
            rung.settled += 1

    def _decide(self, at: int) -> Iterator[Decision]:
        rung = self._rungs[at]
        last = at == len(self._rungs) - 1
        while rung.waiting:
            index = rung.waiting[0]
            until = _company(index, rung.lag)
            if rung.settled < until and not last:
                return
            rung.waiting.pop(0)
            rank_key = rung.arrived[index]
            number = self._numbers[index]
            if rank_key > WORST and not last and self._is_good(rung, index, until, rank_key):
                yield Decision(number, at, self._rungs[at + 1].epoch)
                continue
            self._ended[index] = at
            if rank_key > WORST:
                yield Decision(number, at, None)

    def _is_good(self, rung: _Rung, index: int, until: int, rank_key: RankKey) -> bool:
        """Whether ``rank_key`` is among the best of eta of its company; of equal ones the earlier is the better."""
        end = bisect_left(rung.indices, until)
        company = [other for _, other in rung.compared[max(end - COMPANY, 0) : end]]
        if sum(other >= rank_key for other in company) * self._eta < len(company) + 1:
            return True
        if index not in self._slow:
            return False
        end = bisect_left(rung.slow, until, key=itemgetter(0))
        alike = [other for _, other in rung.slow[max(end - COMPANY, 0) : end]]
        return sum(other >= rank_key for other in alike) * self._eta < len(alike) + 1


def _company(index: int, lag: int) -> int:
    """Where the company of ``index`` ends: at most half of those before it are left out."""
    return index - min(lag, index // 2)
