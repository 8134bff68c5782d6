"""Leases: the one way in which a process takes a study or a run, keeps it, and loses it.

A lease has a number, its fence, larger than all before it of the same study or run. Every write of its process carries
that number. A process that died or froze has its lease declared lost: in one transaction its claims go back and its
number stops counting, so that nothing is taken of it when it wakes up. (M. Kleppmann, "How to do distributed locking",
2016; Chubby's sequencers, M. Burrows, OSDI 2006.)

No clock of another machine is read. A process counts its beats up; a watcher compares two looks over its own monotonic
time. Of a process of the same machine the system says at once whether it ended, runs or is stopped.

The functions at the end take a connection that is in a writing transaction with the subject's row locked.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from caviar.errors import Fenced, StoreError
from caviar.records import Lease, LeaseState
from caviar.records.names import Kind, visible
from caviar.store import process
from caviar.store.schema import CLAIMS, LEASES
from caviar.store.subjects import Subjects

PATIENCE = 10.0
"""Seconds without a beat after which a process that cannot be seen from here counts as dead."""

LOOKS = 4
"""A lease has to be still for this many looks at least, so that an observer that was itself frozen condemns nobody."""

_LOOK_EVERY = 0.3  # seconds; an owner beats every 2 seconds at least

_GIVEN_UP: set[str] = set()  # tokens of leases that this process could not give back, for the store was away


@dataclass(frozen=True)
class Leases:
    """The leases of all studies, or of all runs. Every method is one transaction, except ``take``."""

    subjects: Subjects

    def of(self, name: str) -> list[Lease]:
        """All leases of ``name``, the first one first."""
        with self.subjects.reading(name) as (connection, number):
            return rows(connection, self.subjects.kind, number, name)

    def join(self, name: str) -> Lease:
        """Make this process the owner of ``name``. Raises StoreError while another process is."""
        with self.subjects.writing(name) as (connection, number):
            return join(connection, self.subjects.kind, number, name)

    def take(
        self,
        name: str,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Lease:
        """Make this process the owner of ``name`` as soon as an owner from before is known to be gone.

        A process of this machine that ended is gone at once, and one that runs is not gone. Of any other, stopped or on
        another machine, the beats are watched for ``patience`` seconds. Raises StoreError where the owner is alive.
        """
        watch = Watch(self, name, patience, clock)
        seen: dict[int, int] = {}
        while True:
            lost = {lease.fence for lease in watch.look()}
            owners = [lease for lease in watch.held if not lease.is_helper and lease.fence not in lost]
            for owner in owners:
                beats_now = seen.setdefault(owner.fence, owner.beats) != owner.beats
                if beats_now or process.is_running(owner.identity):
                    raise taken(self.subjects.kind, owner)
            if not owners:
                return self.join(name)
            sleep(_LOOK_EVERY)

    def beat(self, lease: Lease) -> None:
        """Give a sign of life. Raises Fenced if the lease was declared lost."""
        with self.subjects.writing(lease.name) as (connection, number):
            beat(connection, self.subjects.kind, number, lease)

    def leave(self, lease: Lease) -> None:
        """Give the lease back with all that it claimed; nothing happens if it was declared lost before."""
        with self.subjects.writing(lease.name) as (connection, number):
            end(connection, self.subjects.kind, number, lease, LeaseState.LEFT)

    def lost(self, name: str, seen: Sequence[Lease]) -> list[Lease]:
        """Declare leases lost that have not beaten since they were ``seen``, and free what they claimed, at once.

        Returns those that now are lost.
        """
        if not seen:
            return []
        with self.subjects.writing(name) as (connection, number):
            return [
                replace(lease, state=LeaseState.LOST)
                for lease in seen
                if end(connection, self.subjects.kind, number, lease, LeaseState.LOST, lease.beats)
            ]

    def held(self) -> list[str]:
        """The names of those that have a held lease."""
        table, kind = self.subjects.table, self.subjects.kind
        query = sa.select(table.c.name).where(
            table.c.id.in_(sa.select(LEASES.c[kind]).where(LEASES.c.state == str(LeaseState.HELD)))
        )
        with self.subjects.transactions.reading() as connection:
            return list(connection.scalars(query))

    def living(self, name: str) -> list[Lease]:
        """Held leases of ``name`` whose process may be at work: all but those whose process certainly ended."""
        return [lease for lease in self.of(name) if is_living(lease)]


class Watch:
    """Finds the leases of dead and frozen processes: call ``look`` now and then, many times in ``patience_seconds``."""

    def __init__(
        self, leases: Leases, name: str, patience_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.held: list[Lease] = []
        """Leases that were held when ``look`` or ``find`` last looked, those found lost included."""
        self._leases = leases
        self._name = name
        self._patience = patience_seconds
        self._clock = clock
        self._last: float | None = None
        self._seen: dict[tuple[int, str], tuple[int, float]] = {}  # (fence, token): beats, and seconds without another

    def look(self) -> list[Lease]:
        """Declare the leases lost that ``find`` found, and return them."""
        return self._leases.lost(self._name, self.find())

    def find(self) -> list[Lease]:
        """Leases that are lost, and not yet declared so.

        Lost is the lease of a process of this machine that ended, and one whose beats stood still for the patience. A
        long time between two looks counts as a quarter of the patience, and a clock that goes back as nothing: then the
        observer, or its clock, was away.
        """
        now = self._clock()
        passed = 0.0 if self._last is None else min(max(0.0, now - self._last), self._patience / LOOKS)
        self._last = now
        self.held = [lease for lease in self._leases.of(self._name) if lease.state is LeaseState.HELD]
        seen = {}
        for lease in self.held:
            beats, still = self._seen.get((lease.fence, lease.token), (-1, 0.0))
            seen[lease.fence, lease.token] = (lease.beats, still + passed if beats == lease.beats else 0.0)
        self._seen = seen
        return [lease for lease in self.held if is_gone(lease) or seen[lease.fence, lease.token][1] >= self._patience]


def lifeless(
    watched: Iterable[tuple[Leases, str]],
    patience: float = PATIENCE,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Lease]:
    """Held leases of processes that ended, or that cannot be seen from here and give no sign of life for ``patience``.

    It takes no longer than that, and no time at all where every process can be seen from here.
    """
    found: dict[str, Lease] = {}
    watches = [Watch(leases, name, patience, clock) for leases, name in watched]
    first: dict[str, int] = {}  # beats at the first look, by token
    while True:
        for watch in watches:
            dead = [lease for lease in watch.find() if is_gone(lease) or not process.is_near(lease.identity)]
            found |= {lease.token: lease for lease in dead}
        watches = [
            watch
            for watch in watches
            if any(
                lease.token not in found
                and not process.is_near(lease.identity)
                and first.setdefault(lease.token, lease.beats) == lease.beats
                for lease in watch.held
            )
        ]
        if not watches:
            return list(found.values())
        sleep(_LOOK_EVERY)


def give_up(lease: Lease) -> None:
    """Let this process be no owner any more: its store was away for longer than the patience, and has it as held."""
    _GIVEN_UP.add(lease.token)


def is_gone(lease: Lease) -> bool:
    """True where the process of ``lease`` certainly ended, or has given it up."""
    return lease.token in _GIVEN_UP or process.is_gone(lease.identity)


def is_living(lease: Lease | None) -> bool:
    """True where a process holds ``lease``, as far as this machine can know."""
    return lease is not None and lease.state is LeaseState.HELD and not is_gone(lease)


def shown(lease: Lease) -> str:
    """The process of a lease, for people."""
    facts = lease.identity
    return f"process {facts.get('pid')} of {facts.get('user')} on {facts.get('host')}"


def taken(kind: Kind, lease: Lease) -> StoreError:
    """The error of a process that wants what another one has."""
    name = visible(lease.name)
    ways = {
        "study": "wait for it, or end it with Ctrl-C there; it can be resumed then",
        "run": f"look on with caviar watch {name}, or end it with caviar stop {name}",
    }
    return StoreError(f"{kind} {name!r} is running: {shown(lease)} works on it", ways[kind])


def rows(connection: sa.Connection, kind: Kind, number: int | None, name: str, held: bool = False) -> list[Lease]:
    """The leases of one subject, the first one first; only those that are ``held`` if asked for."""
    columns: list[Any] = [LEASES.c[key] for key in ("fence", "identity", "token", "beats", "state", "helps")]
    query = sa.select(*columns).where(LEASES.c[kind] == number).order_by(LEASES.c.fence)
    if held:
        query = query.where(LEASES.c.state == str(LeaseState.HELD))
    return [
        Lease(name, fence, identity, token, beats, LeaseState(state), helps)
        for fence, identity, token, beats, state, helps in connection.execute(query)
    ]


def join(connection: sa.Connection, kind: Kind, number: int, name: str) -> Lease:
    """A lease that makes this process the owner; StoreError while another is. Helpers of an earlier owner are lost."""
    for other in rows(connection, kind, number, name, held=True):
        if not other.is_helper:
            raise taken(kind, other)
        end(connection, kind, number, other, LeaseState.LOST)
    return add(connection, kind, number, name, process.identity(), None)


def add(
    connection: sa.Connection, kind: Kind, number: int, name: str, identity: dict[str, Any], helps: int | None
) -> Lease:
    """A new lease, with the next fence."""
    highest = connection.scalar(sa.select(sa.func.max(LEASES.c.fence)).where(LEASES.c[kind] == number))
    lease = Lease(name, (highest or 0) + 1, identity, secrets.token_hex(8), helps=helps)
    values = {"fence": lease.fence, "identity": identity, "token": lease.token, "helps": helps}
    connection.execute(LEASES.insert().values({kind: number, "beats": 0, "state": str(lease.state), **values}))
    return lease


def beat(connection: sa.Connection, kind: Kind, number: int, lease: Lease) -> None:
    """Count the signs of life of ``lease`` up: the check of every write. Raises Fenced unless it is held."""
    _counted(connection, kind, number, lease, 1)


def check(connection: sa.Connection, kind: Kind, number: int, lease: Lease) -> None:
    """Raise Fenced unless ``lease`` is held. It counts no sign of life: see Delivery, which counts what it writes."""
    _counted(connection, kind, number, lease, 0)


def _counted(connection: sa.Connection, kind: Kind, number: int, lease: Lease, more: int) -> None:
    held = _held(kind, number, lease).values(beats=LEASES.c.beats + more)
    if connection.execute(held).rowcount != 1:
        raise Fenced(
            f"this process was declared lost, or has left {kind} {visible(lease.name)!r}: another may have its work",
            "nothing that it wrote since is taken: end it, and start another if there is more to do",
        )


def end(
    connection: sa.Connection, kind: Kind, number: int, lease: Lease, state: LeaseState, beats: int | None = None
) -> bool:
    """End a lease and free its claims; False if it ended before, or has beaten since ``beats``."""
    held = _held(kind, number, lease)
    if beats is not None:
        held = held.where(LEASES.c.beats == beats)
    if connection.execute(held.values(state=str(state))).rowcount != 1:
        return False
    if kind == "study":
        connection.execute(CLAIMS.delete().where(CLAIMS.c.study == number, CLAIMS.c.fence == lease.fence))
    return True


def _held(kind: Kind, number: int, lease: Lease) -> sa.Update:
    mine = (LEASES.c[kind] == number, LEASES.c.fence == lease.fence, LEASES.c.token == lease.token)
    return LEASES.update().where(*mine, LEASES.c.state == str(LeaseState.HELD))
