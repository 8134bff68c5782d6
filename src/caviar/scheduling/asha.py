"""Asynchronous successive halving, for trials that hold a slot while they wait.

Notation
    rung      a number of epochs after which trials are compared
    eta       a trial goes on if it is among the best of eta of its peers, itself included
    index     position of the trial on this ladder, from 0
    slots     trials that are trained at once
    lag       trials just before it that are not its peers, so that nobody waits for them
    peers     the last ``PEERS`` trials with smaller indices, before the lag, that came to the rung

A network of our own engine costs nothing while it waits for others to be compared (halving.py). A trial in a process,
written in any framework, holds that process. So here a trial is compared with its peers alone, and the decision is
final. The lag is ``(slots - 1) * eta**rung`` trials of the ladder, at most half of those before it: about as many come
to the rung as are trained at the same time. A trial waits until its peers have come. So every decision is a function
of rank keys, numbers and ``slots``, never of time; with one slot no trial ever waits. Comparing with every earlier
trial would be unfair: early ones had weaker configs.

Ask and tell cannot wait at all: the user's own code trains, in any order. There the peers are the last ``PEERS`` trials
that came to the rung before this one (``by_arrival``). The same calls in the same order give the same decisions.

A slow starter (see slow_starters.py) also goes on if it is among the best of eta of the slow starters alone.

Source: ASHA (Li et al., 2018), which compares with all trials that happen to be done, and so decides otherwise each
time.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import itemgetter

from caviar.records.ranking import WORST, RankKey
from caviar.scheduling.contract import Decision
from caviar.scheduling.halving import ETA

PEERS = 27


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
    """A Ladder on which every decision is final; see the head of this file."""

    def __init__(self, rungs: tuple[int, ...], slots: int = 1, eta: int = ETA, by_arrival: bool = False) -> None:
        self._eta = eta
        self._by_arrival = by_arrival
        self._rungs = [_Rung(epoch, (slots - 1) * eta**at) for at, epoch in enumerate(rungs)]
        self._at = {epoch: at for at, epoch in enumerate(rungs)}
        self._numbers: list[int] = []  # by index
        self._index: dict[int, int] = {}  # by number
        self._slow: set[int] = set()  # indices
        self._ended: dict[int, int] = {}  # by index: the last rung of the trial

    def enter(self, number: int, slow: bool = False) -> int:
        """See Ladder."""
        index = self._index[number] = len(self._numbers)
        self._numbers.append(number)
        if slow:
            self._slow.add(index)
        return self._rungs[0].epoch

    def report(self, number: int, epoch: int, rank_key: RankKey) -> list[Decision]:
        """See Ladder."""
        if self._by_arrival:
            return self._decide_at_once(self._at[epoch], number, rank_key)
        index = self._index[number]
        rung = self._rungs[self._at[epoch]]
        rung.arrived[index] = rank_key
        insort(rung.waiting, index)
        decisions: list[Decision] = []
        for at in range(len(self._rungs)):
            self._settle(at)
            decisions += self._decide(at)
        return decisions

    def close(self) -> list[Decision]:
        """See Ladder: no trial waits for a later one."""
        return []

    def reached(self) -> tuple[int, ...]:
        """See Ladder."""
        return tuple(len(rung.compared) for rung in self._rungs)

    @property
    def compared(self) -> list[list[tuple[int, RankKey]]]:
        """See Ladder."""
        return [rung.compared for rung in self._rungs]

    def certain(self, entered: int) -> list[int]:
        """See Ladder: the lag is left out, as among a trial's peers.

        One too many is asked for while their number is not known. By arrival, all that came are certain.
        """
        if self._by_arrival:
            return [len(rung.compared) for rung in self._rungs]
        window = []
        for rung in self._rungs:
            until = _peers_end(entered, rung.lag)
            known = rung.settled >= until
            window.append(bisect_left(rung.indices, until) if known else len(rung.compared) + 1)
        return window

    def _decide_at_once(self, at: int, number: int, rank_key: RankKey) -> list[Decision]:
        rung, last = self._rungs[at], at == len(self._rungs) - 1
        peers = [other for _, other in rung.compared[-PEERS:]]
        rung.compared.append((number, rank_key))
        if rank_key == WORST:
            return []
        goes_on = not last and self._among_best(rank_key, peers)
        return [Decision(number, at, self._rungs[at + 1].epoch if goes_on else None)]

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
            until = _peers_end(index, rung.lag)
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
        """True where ``rank_key`` is among the best of eta of its peers."""
        end = bisect_left(rung.indices, until)
        if self._among_best(rank_key, [other for _, other in rung.compared[max(end - PEERS, 0) : end]]):
            return True
        if index not in self._slow:
            return False
        end = bisect_left(rung.slow, until, key=itemgetter(0))
        return self._among_best(rank_key, [other for _, other in rung.slow[max(end - PEERS, 0) : end]])

    def _among_best(self, rank_key: RankKey, peers: list[RankKey]) -> bool:
        """True where at most one in eta is as good, itself included; of equal ones the earlier is the better."""
        return sum(other >= rank_key for other in peers) * self._eta < len(peers) + 1


def _peers_end(index: int, lag: int) -> int:
    """Where the peers of ``index`` ends: at most half of those before it are left out."""
    return index - min(lag, index // 2)
