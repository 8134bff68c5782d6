"""Runs in the store: what the panda trains, what it is told, and what it writes down.

One process keeps a run. It takes it up with ``take``, which counts the run's fence up, and every write of its carries
that number: a keeper that was taken for dead and wakes up again is refused (Fenced). A keeper of this machine that has
ended is seen at once; of one elsewhere only patience tells, by beats that stand still.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from caviar.errors import Fenced, StoreError, did_you_mean
from caviar.records import (
    Clock,
    DiaryEntry,
    Holding,
    Intervention,
    InterventionState,
    Run,
    RunMeasurement,
    RunSnapshot,
    RunSpec,
    RunState,
)
from caviar.store import process
from caviar.store.database import folder_beside
from caviar.store.run_tables import OF_A_RUN, RUN_DIARY, RUN_MEASUREMENTS, RUN_ORDERS, RUN_SNAPSHOTS, RUNS

if TYPE_CHECKING:
    from caviar.store.store import Store

PATIENCE = 10.0
"""Seconds without a beat after which a keeper on another machine is taken for dead."""

_PLAIN = [RUNS.c[f.name] for f in fields(Run) if f.name not in ("parent", "state", "spec")]
_CLOCK = [f.name for f in fields(Clock)]
_NAME = re.compile(r"\w[\w .-]{0,99}")


def check_name(name: str) -> None:
    """Raise StoreError unless ``name`` is safe in a terminal, a file name and a sentence."""
    if not _NAME.fullmatch(name):
        raise StoreError(
            f"a run's name is letters, digits, '_', '-', '.' and spaces, at most 100 of them, got {name[:100]!r}",
            "name it with --name",
        )


def is_kept(run: Run) -> bool:
    """Whether a process keeps ``run``, as far as this machine can know."""
    return run.state is RunState.RUNNING and run.keeper is not None and not process.is_gone(run.keeper)


def now() -> str:
    """The time for people, in UTC; nothing is decided by it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Runs:
    """The runs of an open store. Every method is one transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def folder(self) -> Path:
        """Where the states of runs are kept, a folder a run by its number; it need not be there."""
        return folder_beside(self._store.database, "runs")

    def create(self, run: Run) -> None:
        """Write a new run; StoreError if there is one of its name."""
        check_name(run.name)
        with self._store._writing() as connection:
            if connection.scalar(sa.select(RUNS.c.id).where(RUNS.c.name == run.name)) is not None:
                raise StoreError(
                    f"the store has a run {run.name!r} already",
                    "name this one otherwise, or go on with it: caviar resume",
                )
            row = {f.name: getattr(run, f.name) for f in fields(run) if f.name != "spec"}
            row |= {"kind": str(run.kind), "request": run.spec.to_record()}
            row |= {"state": str(run.state), "fence": 0, "parent": None}
            if run.parent is not None:
                row["parent"] = _identity(connection, run.parent)
            connection.execute(RUNS.insert().values(row))

    def free_name(self, name: str) -> str:
        """``name`` if no run has it yet, else the first free one of name-2, name-3, ..."""
        with self._store._reading() as connection:
            taken = set(connection.scalars(sa.select(RUNS.c.name)))
        return next(free for free in chain([name], (f"{name}-{n}" for n in count(2))) if free not in taken)

    def exists(self, name: str) -> bool:
        """Whether there is a run of that name."""
        with self._store._reading() as connection:
            return connection.scalar(sa.select(RUNS.c.id).where(RUNS.c.name == name)) is not None

    def all(self) -> list[Run]:
        """All runs, oldest first."""
        with self._store._reading() as connection:
            return self._runs(connection, None)

    def run(self, name: str) -> Run:
        """The run ``name``; StoreError with 'did you mean' if there is none."""
        with self._store._reading() as connection:
            return self._runs(connection, _identity(connection, name))[0]

    def number(self, name: str) -> int:
        """The number of run ``name``, which names its folder."""
        with self._store._reading() as connection:
            return _identity(connection, name)

    def take(
        self,
        name: str,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Holding:
        """Become the keeper of run ``name``. Raises StoreError while another process keeps it."""
        seen = self.run(name)
        if seen.keeper is not None and not process.is_gone(seen.keeper):
            if _same_machine(seen.keeper):
                raise _kept_by(seen)
            began = clock()
            while clock() - began < patience:
                sleep(min(0.5, patience))
                if self.run(name).beats != seen.beats:
                    raise _kept_by(seen)
        with self._store._writing() as connection:
            identity = _identity(connection, name, lock=True)
            row = connection.execute(sa.select(RUNS.c.fence, RUNS.c.beats).where(RUNS.c.id == identity)).one()
            if row.beats != seen.beats:  # another was quicker
                raise _kept_by(self._runs(connection, identity)[0])
            connection.execute(
                RUNS.update()
                .where(RUNS.c.id == identity)
                .values(
                    fence=row.fence + 1,
                    beats=row.beats + 1,
                    keeper=process.identity() | {"since": now()},
                    state=str(RunState.RUNNING),
                    ended=None,
                )
            )
        return Holding(name, row.fence + 1)

    def write(
        self,
        holding: Holding,
        measurements: Sequence[RunMeasurement] = (),
        diary: Sequence[DiaryEntry] = (),
        orders: Sequence[Intervention] = (),
        snapshots: Sequence[RunSnapshot] = (),
        progress: Mapping[str, Any] | None = None,
    ) -> None:
        """Write all of this or nothing; also a beat. ``orders`` and ``snapshots`` take the place of their numbers'.

        The numbers of ``diary`` are not read: they count on. Raises Fenced if another process keeps the run by now.
        """
        with self._store._writing() as connection:
            identity = self._beat(connection, holding, progress)
            if measurements:
                first = _next(connection, RUN_MEASUREMENTS, identity)
                rows = [
                    {"run": identity, "number": number, **_of_clock(m.clock), "values": m.values}
                    for number, m in enumerate(measurements, start=first)
                ]
                connection.execute(RUN_MEASUREMENTS.insert(), rows)
            for entry in diary:
                self._enter(connection, identity, entry)
            for order in orders:
                connection.execute(
                    RUN_ORDERS.update()
                    .where(RUN_ORDERS.c.run == identity, RUN_ORDERS.c.number == order.number)
                    .values(state=str(order.state), outcome=order.outcome, tick=order.tick)
                )
            for snapshot in snapshots:
                row = _snapshot_row(identity, snapshot)
                key = {name: row.pop(name) for name in ("run", "number")}
                changed = RUN_SNAPSHOTS.update().where(*(RUN_SNAPSHOTS.c[k] == v for k, v in key.items()))
                if connection.execute(changed.values(row)).rowcount == 0:
                    connection.execute(RUN_SNAPSHOTS.insert().values(key | row))

    def close(self, holding: Holding, state: RunState, result: Mapping[str, Any] | None) -> None:
        """The keeper ends, and how the run stands. Orders that wait for a run that is over are refused."""
        with self._store._writing() as connection:
            identity = self._beat(connection, holding, None)
            values: dict[str, Any] = {"keeper": None, "state": str(state), "ended": now()}
            if result is not None:
                values["result"] = result
            connection.execute(RUNS.update().where(RUNS.c.id == identity).values(values))
            if state in (RunState.FINISHED, RunState.STOPPED):
                waiting = RUN_ORDERS.c.run == identity, RUN_ORDERS.c.state == str(InterventionState.WAITING)
                refused = {
                    "state": str(InterventionState.REFUSED),
                    "outcome": f"the run was {state} before it was obeyed",
                }
                connection.execute(RUN_ORDERS.update().where(*waiting).values(refused))

    def enter(self, name: str, entry: DiaryEntry) -> None:
        """Write into the diary of a run from outside, as a branch of it does."""
        with self._store._writing() as connection:
            self._enter(connection, _identity(connection, name, lock=True), entry)

    def order(self, name: str, kind: str, arguments: Mapping[str, Any], who: str, because: str) -> Intervention:
        """Give an order; its keeper obeys at the next mini-batch boundary.

        Raises StoreError for a run that is over: it takes no orders any more.
        """
        with self._store._writing() as connection:
            identity = _identity(connection, name, lock=True)
            run = self._runs(connection, identity)[0]
            if run.state in (RunState.FINISHED, RunState.STOPPED):
                raise StoreError(
                    f"run {name!r} is {run.state} and takes no orders",
                    f"begin from one of its snapshots: caviar branch {name}",
                )
            number = _next(connection, RUN_ORDERS, identity)
            order = Intervention(number, kind, dict(arguments), who, because, now())
            row = {f.name: getattr(order, f.name) for f in fields(order)} | {"state": str(order.state)}
            connection.execute(RUN_ORDERS.insert().values(run=identity, **row))
        return order

    def orders(self, name: str, state: InterventionState | None = None) -> list[Intervention]:
        """The orders of run ``name`` in the order in which they were given."""
        found = self._rows(RUN_ORDERS, name, [] if state is None else [RUN_ORDERS.c.state == str(state)])
        return [Intervention(**{**row, "state": InterventionState(row["state"])}) for row in found]

    def measurements(self, name: str, after: int = 0) -> list[RunMeasurement]:
        """What was measured of run ``name``, without the first ``after``."""
        found = self._rows(RUN_MEASUREMENTS, name, [RUN_MEASUREMENTS.c.number > after])
        return [RunMeasurement(_clock(row), _numbers(row["values"])) for row in found]

    def snapshots(self, name: str) -> list[RunSnapshot]:
        """The snapshots of run ``name``, oldest first, removed and damaged ones included."""
        return [
            RunSnapshot(clock=_clock(row), loss=row.pop("merit"), **{k: v for k, v in row.items() if k not in _CLOCK})
            for row in self._rows(RUN_SNAPSHOTS, name, [])
        ]

    def diary(self, name: str) -> list[DiaryEntry]:
        """The diary of run ``name``."""
        return [
            DiaryEntry(clock=_clock(row), **{k: v for k, v in row.items() if k not in _CLOCK})
            for row in self._rows(RUN_DIARY, name, [])
        ]

    def next_snapshot(self, name: str) -> int:
        """The number that the next snapshot of run ``name`` gets."""
        with self._store._reading() as connection:
            return _next(connection, RUN_SNAPSHOTS, _identity(connection, name))

    def last_tick(self, name: str) -> int:
        """The last moment that the store knows of run ``name``."""
        with self._store._reading() as connection:
            identity = _identity(connection, name)
            tables = (RUN_MEASUREMENTS, RUN_SNAPSHOTS, RUN_DIARY)
            ticks = [connection.scalar(sa.select(sa.func.max(t.c.tick)).where(t.c.run == identity)) for t in tables]
        return max((int(tick) for tick in ticks if tick is not None), default=0)

    def mend(self, seen: Run, damaged: Sequence[RunSnapshot]) -> bool:
        """A run that nobody keeps is interrupted, if it was running, and these snapshots of it are ``damaged``.

        False, and nothing is changed, if a process has taken it up since it was ``seen``.
        """
        with self._store._writing() as connection:
            identity = _identity(connection, seen.name, lock=True)
            if self._runs(connection, identity)[0].beats != seen.beats:
                return False
            if seen.state is RunState.RUNNING:
                values = {"keeper": None, "state": str(RunState.INTERRUPTED), "ended": now()}
                connection.execute(RUNS.update().where(RUNS.c.id == identity).values(values))
            for snapshot in damaged:
                this = RUN_SNAPSHOTS.c.run == identity, RUN_SNAPSHOTS.c.number == snapshot.number
                connection.execute(RUN_SNAPSHOTS.update().where(*this).values(state=snapshot.state))
        return True

    def delete(self, name: str) -> None:
        """Delete run ``name`` and all that belongs to it, except its files (see run_examination.delete_run).

        Raises StoreError while a process may be keeping it, or while there are branches of it.
        """
        with self._store._writing() as connection:
            identity = _identity(connection, name, lock=True)
            run = self._runs(connection, identity)[0]
            if is_kept(run):
                raise StoreError(_kept_by(run).rule, f"end it first: caviar stop {name}")
            branches = list(connection.scalars(sa.select(RUNS.c.name).where(RUNS.c.parent == identity)))
            if branches:
                raise StoreError(
                    f"run {name!r} has branches that began from its snapshots: {', '.join(branches[:5])}",
                    f"delete these first: caviar delete {branches[0]}",
                )
            for table in OF_A_RUN:
                connection.execute(table.delete().where(table.c.run == identity))
            connection.execute(RUNS.delete().where(RUNS.c.id == identity))

    def _beat(self, connection: sa.Connection, holding: Holding, progress: Mapping[str, Any] | None) -> int:
        identity = _identity(connection, holding.run, lock=True)
        mine = RUNS.update().where(RUNS.c.id == identity, RUNS.c.fence == holding.fence, RUNS.c.keeper.is_not(None))
        values: dict[str, Any] = {"beats": RUNS.c.beats + 1}
        if progress is not None:
            values["progress"] = progress
        if connection.execute(mine.values(values)).rowcount != 1:
            raise Fenced(
                f"another process keeps run {holding.run!r} by now, and nothing of this one is taken any more",
                f"end this one; caviar watch {holding.run} shows the other",
            )
        return identity

    def _enter(self, connection: sa.Connection, identity: int, entry: DiaryEntry) -> None:
        number = _next(connection, RUN_DIARY, identity)
        row = {name: getattr(entry, name) for name in ("written", "kind", "who", "text", "facts")}
        connection.execute(RUN_DIARY.insert().values(run=identity, number=number, **_of_clock(entry.clock), **row))

    def _runs(self, connection: sa.Connection, identity: int | None) -> list[Run]:
        parents = RUNS.alias()
        query = sa.select(*_PLAIN, RUNS.c.kind, RUNS.c.request, RUNS.c.state, parents.c.name.label("parent_name"))
        query = query.select_from(RUNS.outerjoin(parents, RUNS.c.parent == parents.c.id)).order_by(RUNS.c.id)
        if identity is not None:
            query = query.where(RUNS.c.id == identity)
        found = []
        for row in connection.execute(query):
            values = dict(row._mapping)
            spec = RunSpec.from_record(values.pop("kind"), values.pop("request"))
            state, parent = RunState(values.pop("state")), values.pop("parent_name")
            found.append(Run(**values, spec=spec, state=state, parent=parent))
        return found

    def _rows(self, table: sa.Table, name: str, conditions: Sequence[Any]) -> list[dict[str, Any]]:
        with self._store._reading() as connection:
            query = sa.select(*(c for c in table.columns if c.name != "run"))
            query = query.where(table.c.run == _identity(connection, name), *conditions)
            return [dict(row._mapping) for row in connection.execute(query.order_by(table.c.number))]


def _identity(connection: sa.Connection, name: str, lock: bool = False) -> int:
    if not _NAME.fullmatch(name):
        check_name(name)
    query = sa.select(RUNS.c.id).where(RUNS.c.name == name)
    identity = connection.scalar(query.with_for_update() if lock else query)
    if identity is None:
        raise StoreError(
            f"the store has no run {name!r}", did_you_mean(name, connection.scalars(sa.select(RUNS.c.name)))
        )
    return int(identity)


def _next(connection: sa.Connection, table: sa.Table, identity: int) -> int:
    return int(connection.scalar(sa.select(sa.func.max(table.c.number)).where(table.c.run == identity)) or 0) + 1


def _of_clock(clock: Clock) -> dict[str, int]:
    return {name: int(getattr(clock, name)) for name in _CLOCK}


def _clock(row: Mapping[str, Any]) -> Clock:
    return Clock(*(row[name] for name in _CLOCK))


def _snapshot_row(identity: int, snapshot: RunSnapshot) -> dict[str, Any]:
    plain = {f.name: getattr(snapshot, f.name) for f in fields(snapshot) if f.name not in ("clock", "loss")}
    return {"run": identity, "merit": snapshot.loss, **plain, **_of_clock(snapshot.clock)}


def _numbers(values: Any) -> Any:
    """The floats that JSON keeps as text, as floats again."""
    if isinstance(values, Mapping):
        return {name: _numbers(value) for name, value in values.items()}
    if isinstance(values, list):
        return [_numbers(value) for value in values]
    return (
        {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}.get(values, values)
        if isinstance(values, str)
        else values
    )


def _same_machine(keeper: Mapping[str, Any]) -> bool:
    here = process.identity()
    return bool(here["boot"]) and all(keeper.get(key) == here[key] for key in ("host", "boot", "pids"))


def _kept_by(run: Run) -> StoreError:
    keeper = run.keeper or {}
    return StoreError(
        f"run {run.name!r} is kept by process {keeper.get('pid')} of {keeper.get('user')} on {keeper.get('host')}, "
        f"since {keeper.get('since')}",
        f"look on with caviar watch {run.name}, or turn its knobs with caviar turn {run.name}",
    )
