"""The helpers of a study under way: processes that train what they are given and decide nothing.

They stand beside the threads: pieces of work go to them through the store, and what they measured comes back by it.
So whoever trains a piece, and however often it has to be given again, changes no number. Without helpers this costs one
small query in half a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple

from caviar.errors import StoreError
from caviar.records import Lease, Piece, TrialState
from caviar.records.ranking import RankKey
from caviar.study.ledger import Ledger

if TYPE_CHECKING:
    from caviar.store import Result, Store

PATIENCE = 15.0  # seconds without a sign of life, of which there are two a second, until a process counts as frozen

_LOOK_EVERY = 0.5  # seconds between two looks at who is there
_ASK_EVERY = 0.1  # and between two questions for results, while there is work out
_MOST = 32  # pieces a thread: small networks take milliseconds, and a round through the store takes tenths of a second


class Back(NamedTuple):
    """A piece of work that came back: measured, with the trial's rank key after it; None if it is to be done yet."""

    number: int
    to_epoch: int
    rank_key: RankKey | None


class Helpers:
    """Gives pieces of trials to the helpers of the study that ``leader`` leads; used by the leader's one thread."""

    def __init__(
        self,
        store: Store,
        leader: Lease,
        ledger: Ledger,
        patience_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        from caviar.store import Watch

        self._store = store
        self._leader = leader
        self._ledger = ledger
        self._clock = clock
        self._watch = Watch(store.leases, leader.name, patience_seconds, clock)
        self._rooms: dict[int, int] = {}  # of each helper, by its fence: how many pieces it may have at once
        self._most: dict[int, int] = {}
        self._held: dict[Piece, int] = {}  # whose each piece is
        self._chosen: dict[Piece, int] = {}  # the same, of those that were not sent yet
        self._homes: dict[int, int] = {}  # which helper has the network of a trial
        self._back: list[Piece] = []  # never sent after all
        self._looked = self._asked = float("-inf")
        self._closed = False

    def __enter__(self) -> Helpers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take all back, and ledger what was measured by then."""
        with suppress(StoreError):  # the store is lost to us: nobody can write to it in our name either
            self.take_back()
            self._ask()

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._rooms)

    @property
    def under_way(self) -> int:
        """Pieces given and not yet back."""
        return len(self._held) + len(self._chosen) + len(self._back)

    @property
    def wants_work(self) -> bool:
        """Whether one of them has room for a piece."""
        return not self._closed and bool(self._rooms) and self._freest() is not None

    def has(self, number: int) -> bool:
        """Whether one of them has the network of trial ``number``, and still works."""
        return not self._closed and self._homes.get(number) in self._rooms

    def give(self, number: int, to_epoch: int) -> None:
        """A piece for the helper that has the trial's network, or else the one with the most room."""
        fence = self._homes[number] if self.has(number) else self._freest()
        assert fence is not None  # who gives has asked wants_work
        self._homes[number] = fence
        self._chosen[number, 0, to_epoch] = fence

    def send(self) -> None:
        """Put what was given where the helpers find it."""
        if not self._chosen:
            return
        chosen, self._chosen = self._chosen, {}
        work: dict[int, list[Piece]] = {}
        for piece, fence in chosen.items():
            work.setdefault(fence, []).append(piece)
        self._ledger.write()  # their trials, which the store has to have
        holds = self._store.assign(self._leader, work)
        for fence, pieces in work.items():
            held = set(holds[fence])
            self._held.update((piece, fence) for piece in pieces if piece in held)
            self._back += [piece for piece in pieces if piece not in held]

    def look(self) -> list[Back]:
        """What came back since the last time, those pieces included whose helpers are gone."""
        now = self._clock()
        if now - self._looked >= _LOOK_EVERY:
            self._looked = now
            self._see()
        if not self._back and (not self._held or now - self._asked < _ASK_EVERY):
            return []
        self._asked = now
        return self._ask()

    def take_back(self) -> None:
        """No more work for them; what they have not handed in by now is nobody's, and ``look`` gives it back."""
        self._closed = True
        self._back += list(self._chosen)
        self._chosen = {}
        if self._held:
            self._store.take_back(self._leader, list(self._held))
        self._asked = float("-inf")

    def _see(self) -> None:
        """Who is there, and whose work is to be done by another."""
        lost = [worker for worker in self._watch.find() if worker.is_helper]
        gone = {worker.fence for worker in self._store.leases.lost(self._leader.name, lost)}
        mine = [
            worker for worker in self._watch.held if worker.helps == self._leader.fence and worker.fence not in gone
        ]
        self._most = {worker.fence: _MOST * int(worker.identity["threads"]) for worker in mine}
        self._rooms = {w.fence: self._rooms.get(w.fence, 2 * int(w.identity["threads"])) for w in mine}

    def _ask(self) -> list[Back]:
        backs = [Back(number, to_epoch, None) for number, _, to_epoch in self._back]
        self._back = []
        if not self._held:
            return backs
        busy = set(self._held.values())
        for result in self._store.handed_in(self._leader.name, list(self._held)):
            del self._held[result.piece]
            backs.append(self._booked(result))
        for fence in busy - set(self._held.values()):  # it had nothing left to do: more at once, the next time
            if fence in self._rooms:
                self._rooms[fence] = min(2 * self._rooms[fence], self._most[fence])
        return backs

    def _booked(self, result: Result) -> Back:
        number, _, to_epoch = result.piece
        if result.trial.epochs < to_epoch and result.trial.state is not TrialState.DIVERGED:
            self._homes.pop(number, None)
            return Back(number, to_epoch, None)
        return Back(number, to_epoch, self._ledger.take_in(result.trial, result.measurements))

    def _freest(self) -> int | None:
        """The helper with the most room."""
        rooms = dict(self._rooms)
        for fence in [*self._held.values(), *self._chosen.values()]:
            if fence in rooms:
                rooms[fence] -= 1
        fence = max(rooms, key=lambda fence: rooms[fence])
        return fence if rooms[fence] > 0 else None
