"""Who works on a study, and on which piece of it: workers, their claims, and fencing.

A worker that joins a study gets a number, its fence, larger than all before it. It claims pieces of work (trial,
repeat, epoch to train to), and every write carries its number. A worker that is dead or frozen is declared lost: in one
transaction its claims go back and its number stops counting, so that if it wakes up, nothing that it writes is taken.
(M. Kleppmann, "How to do distributed locking", 2016; Chubby's sequencers, M. Burrows, OSDI 2006.)

No clock of another machine is read. A worker counts its beats up; who watches compares two looks over its own monotonic
time. A process of the same machine that has ended is seen at once.

The functions take a connection that is in a writing transaction, and the number of a study whose row is locked.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from caviar.errors import Fenced
from caviar.records import Piece, TrialState, Worker, WorkerState
from caviar.store import process
from caviar.store.schema import CLAIMS, MEASUREMENTS, TRIALS, WORKERS

if TYPE_CHECKING:
    from caviar.store.store import Store

LOOKS = 4
"""A worker has to be still for this many looks at least, so that an observer that was itself frozen condemns nobody."""

_AT_ONCE = 1000  # pieces in one query; SQLite takes 32,766 parameters, PostgreSQL 65,535


def join(connection: sa.Connection, study: int, name: str) -> Worker:
    """A new worker of this process."""
    highest = connection.scalar(sa.select(sa.func.max(WORKERS.c.fence)).where(WORKERS.c.study == study))
    worker = Worker(name, (highest or 0) + 1, process.identity(), secrets.token_hex(8))
    row = {"fence": worker.fence, "identity": worker.identity, "token": worker.token}
    connection.execute(WORKERS.insert().values(study=study, beats=0, state=str(worker.state), **row))
    return worker


def beat(connection: sa.Connection, study: int, worker: Worker) -> None:
    """Count the worker's signs of life up, which only one that counts can; Fenced if it was declared lost."""
    mine = (WORKERS.c.study == study, WORKERS.c.fence == worker.fence, WORKERS.c.token == worker.token)
    working = WORKERS.update().where(*mine, WORKERS.c.state == str(WorkerState.WORKING))
    if connection.execute(working.values(beats=WORKERS.c.beats + 1)).rowcount != 1:
        raise Fenced(
            f"worker {worker.fence} of this study was declared lost or has left, and others may have its work",
            "nothing that it wrote since is taken: end it, and start another if there is more to do",
        )


def claim(connection: sa.Connection, study: int, fence: int, pieces: Iterable[Piece]) -> list[Piece]:
    """Those of ``pieces`` that worker ``fence`` now holds: neither another's, nor done, nor of a trial that is over."""
    wanted = [(int(number), int(repeat), int(to_epoch)) for number, repeat, to_epoch in pieces]
    over = _over(connection, study, wanted)
    free = [piece for piece in wanted if piece not in over]
    taken = holders(connection, study, free)
    fresh = dict.fromkeys(piece for piece in free if piece not in taken)
    if fresh:
        rows = [_key(study, piece) | {"fence": fence} for piece in fresh]
        connection.execute(CLAIMS.insert(), rows)
    return [piece for piece in free if piece in fresh or taken.get(piece) == fence]


def done(connection: sa.Connection, study: int, worker: Worker | None, pieces: Iterable[Piece]) -> None:
    """``pieces`` need no claim any more."""
    rows = [{f"the_{name}": value for name, value in _key(study, piece).items()} for piece in pieces]
    if not rows:
        return
    keys = [CLAIMS.c[name] == sa.bindparam(f"the_{name}") for name in _key(study, (0, 0, 0))]
    mine = [CLAIMS.c.fence == worker.fence] if worker is not None else []
    connection.execute(CLAIMS.delete().where(*keys, *mine), rows)


def end(connection: sa.Connection, study: int, worker: Worker, state: WorkerState, beats: int | None = None) -> bool:
    """A worker is over, and its claims go back; False if it was over already, or has beaten since ``beats``."""
    mine = (WORKERS.c.study == study, WORKERS.c.fence == worker.fence, WORKERS.c.token == worker.token)
    ending = WORKERS.update().where(*mine, WORKERS.c.state == str(WorkerState.WORKING))
    if beats is not None:
        ending = ending.where(WORKERS.c.beats == beats)
    if connection.execute(ending.values(state=str(state))).rowcount != 1:
        return False
    connection.execute(CLAIMS.delete().where(CLAIMS.c.study == study, CLAIMS.c.fence == worker.fence))
    return True


class Watch:
    """Finds the workers of a study that are dead or frozen: call ``look`` now and then, many times in ``patience``."""

    def __init__(
        self, store: Store, study: str, patience_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.working: list[Worker] = []
        """Who worked when ``look`` or ``find`` last looked, those included whom it found lost."""
        self._store = store
        self._study = study
        self._patience = patience_seconds
        self._clock = clock
        self._last: float | None = None
        self._seen: dict[tuple[int, str], tuple[int, float]] = {}  # (fence, token): beats, and seconds without another

    def look(self) -> list[Worker]:
        """Declare lost whoever is, and return them."""
        lost = self.find()
        return self._store.lost(self._study, lost) if lost else []

    def find(self) -> list[Worker]:
        """Whoever is lost, and not yet declared so.

        Lost is a process of this machine that has ended, and a worker whose beats have stood still for the patience.
        A long time between two looks counts as a quarter of the patience, and a clock that goes back as nothing: then
        it was the observer, or its clock, that was away.
        """
        now = self._clock()
        passed = 0.0 if self._last is None else min(max(0.0, now - self._last), self._patience / LOOKS)
        self._last = now
        workers = self._store.workers(self._study)
        self.working = [worker for worker in workers if worker.state is WorkerState.WORKING]
        seen = {}
        for worker in self.working:
            beats, still = self._seen.get((worker.fence, worker.token), (-1, 0.0))
            seen[worker.fence, worker.token] = (worker.beats, still + passed if beats == worker.beats else 0.0)
        self._seen = seen
        return [
            worker
            for worker in self.working
            if process.is_gone(worker.identity) or seen[worker.fence, worker.token][1] >= self._patience
        ]


def _key(study: int, piece: Piece) -> dict[str, int]:
    number, repeat, to_epoch = piece
    return {"study": study, "number": int(number), "repeat": int(repeat), "to_epoch": int(to_epoch)}


def holders(connection: sa.Connection, study: int, pieces: Sequence[Piece]) -> dict[Piece, int]:
    """The fence of whoever holds them, of those of ``pieces`` that are held."""
    columns = (CLAIMS.c.number, CLAIMS.c.repeat, CLAIMS.c.to_epoch)
    query = sa.select(*columns, CLAIMS.c.fence).where(CLAIMS.c.study == study)
    rows = rows_of(connection, query, columns, pieces)
    return {(number, repeat, to_epoch): fence for number, repeat, to_epoch, fence in rows}


def _over(connection: sa.Connection, study: int, pieces: Sequence[Piece]) -> set[Piece]:
    """Those of ``pieces`` that are measured, or whose trial has ended."""
    columns = (MEASUREMENTS.c.number, MEASUREMENTS.c.repeat, MEASUREMENTS.c.epoch)
    query = sa.select(*columns).where(MEASUREMENTS.c.study == study)
    over = {(number, repeat, epoch) for number, repeat, epoch in rows_of(connection, query, columns, pieces)}
    keys = (TRIALS.c.number, TRIALS.c.repeat)
    running = (str(TrialState.RUNNING), str(TrialState.INTERRUPTED))  # an interrupted one can be taken up again
    ended = sa.select(*keys).where(TRIALS.c.study == study, TRIALS.c.state.not_in(running))
    trials = {(number, repeat) for number, repeat, _ in pieces}
    ends = {(number, repeat) for number, repeat in rows_of(connection, ended, keys, trials)}
    return over | {piece for piece in pieces if piece[:2] in ends}


def rows_of(
    connection: sa.Connection, query: sa.Select[Any], columns: Sequence[Any], keys: Collection[tuple[int, ...]]
) -> Iterable[Any]:
    """The rows of ``query`` whose ``columns`` are among ``keys``."""
    ordered = sorted(keys)
    for start in range(0, len(ordered), _AT_ONCE):
        yield from connection.execute(query.where(sa.tuple_(*columns).in_(ordered[start : start + _AT_ONCE])))
