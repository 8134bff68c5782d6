"""Runs in the store: their measurements, interventions, snapshots and diaries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from caviar import files
from caviar.errors import StoreError
from caviar.records import (
    Clock,
    DiaryEntry,
    Intervention,
    InterventionState,
    Lease,
    LeaseState,
    Run,
    RunMeasurement,
    RunSnapshot,
    RunSpec,
    RunState,
)
from caviar.records.names import check_name
from caviar.store import paths
from caviar.store.database import Database
from caviar.store.delivery import STORE_PATIENCE, Delivery
from caviar.store.lease import PATIENCE, Leases, beat, end, is_living, rows
from caviar.store.places import without_place
from caviar.store.run_tables import RUN_DIARY, RUN_INTERVENTIONS, RUN_MEASUREMENTS, RUN_SNAPSHOTS, RUNS
from caviar.store.schema import LEASES
from caviar.store.snapshots import Saved, StateFiles
from caviar.store.store import Store
from caviar.store.subjects import Subjects
from caviar.store.taking_up import take_up_kept

_PLAIN = [f.name for f in fields(Run) if f.name not in ("parent", "owner", "spec")]
_CLOCK = [f.name for f in fields(Clock)]


def is_running(run: Run) -> bool:
    """True where a process trains ``run``, as far as this machine can know."""
    return run.state is RunState.RUNNING and is_living(run.owner)


def now() -> str:
    """The time for people, in UTC; nothing is decided by it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Runs:
    """The runs of an open store. Every method is one transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.subjects = Subjects(store.transactions, "run")
        """The names and numbers of runs."""
        self.leases = Leases(self.subjects)
        """The leases of runs: of their owners."""

    @property
    def folder(self) -> Path:
        """The folder of saved states, with a folder for each run that began here; it need not be there."""
        return self._store.database.folder("runs")

    def files(self, name: str) -> StateFiles:
        """The saved states of run ``name``."""
        return StateFiles(self.subjects.place(name).folder(self._store.database, "runs"))

    def load(self, name: str, snapshot: RunSnapshot) -> Any:
        """The state of a ``snapshot`` of run ``name``. Raises SnapshotError if its file is not what was saved."""
        saved = Saved(snapshot.path, snapshot.sha256, snapshot.size)
        return self.files(name).read(saved, f"snapshot {snapshot.number}")

    def create(self, run: Run, numbered: bool = False) -> Run:
        """Write a new run; the run with the name that it has.

        NameTaken if there is one of its name, unless it may be ``numbered``; StoreError if its name is no name.
        """
        check_name("run", run.name)
        parent = None if run.parent is None else self.subjects.number(run.parent)
        row = {name: getattr(run, name) for name in _PLAIN}
        request = paths.kept(run.spec.to_record(), self._store.database)
        row |= {"parent": parent, "kind": str(run.kind), "request": request}
        return replace(run, name=self.subjects.create(row, numbered))

    def move(self, name: str, spec: RunSpec) -> None:
        """Write the ``spec`` of a run whose files are elsewhere now."""
        with self.subjects.writing(name) as (connection, number):
            request = paths.kept(spec.to_record(), self._store.database)
            connection.execute(RUNS.update().where(RUNS.c.id == number).values(request=request))

    def all(self) -> list[Run]:
        """All runs, oldest first."""
        with self._store.transactions.reading() as connection:
            return _runs(self._store.database, connection)

    def run(self, name: str) -> Run:
        """The run ``name``; StoreError with 'did you mean' if there is none."""
        with self.subjects.reading(name) as (connection, number):
            return _runs(self._store.database, connection, number)[0]

    def take(self, name: str, patience: float = PATIENCE) -> Lease:
        """Own run ``name`` and go on with it. Raises StoreError while another process owns it (see Leases.take)."""
        lease = self.leases.take(name, patience)
        with self.subjects.writing(name) as (connection, number):
            beat(connection, "run", number, lease)
            values = {"state": str(RunState.RUNNING), "ended": None}
            connection.execute(RUNS.update().where(RUNS.c.id == number).values(values))
        return lease

    def delivery(self, lease: Lease, patience: float = STORE_PATIENCE) -> Delivery:
        """The way to the store for the owner of a run; what its last owner could not deliver is written first."""
        write = partial(self.write, lease)
        take_up_kept(self.leases, lease, write)
        return Delivery(self.leases, lease, write, patience)

    def write(
        self,
        lease: Lease,
        measurements: Sequence[RunMeasurement] = (),
        diary: Sequence[DiaryEntry] = (),
        interventions: Sequence[Intervention] = (),
        snapshots: Sequence[RunSnapshot] = (),
        progress: Mapping[str, Any] | None = None,
    ) -> None:
        """Write all of this or nothing; also a beat.

        ``interventions`` and ``snapshots`` take the place of those with their numbers. The numbers of ``diary`` are not
        read: they count on. Raises Fenced if the lease was declared lost.
        """
        with self.subjects.writing(lease.name) as (connection, identity):
            beat(connection, "run", identity, lease)
            if progress is not None:
                connection.execute(
                    RUNS.update()
                    .where(RUNS.c.id == identity)
                    .values(progress=paths.kept(progress, self._store.database))
                )
            if measurements:
                first = _next(connection, RUN_MEASUREMENTS, identity)
                rows = [
                    {"run": identity, "number": number, **_of_clock(m.clock), "values": m.values}
                    for number, m in enumerate(measurements, start=first)
                ]
                connection.execute(RUN_MEASUREMENTS.insert(), rows)
            for entry in diary:
                _enter(connection, identity, entry)
            for each in interventions:
                this = RUN_INTERVENTIONS.c.run == identity, RUN_INTERVENTIONS.c.number == each.number
                values = {"state": str(each.state), "outcome": each.outcome, "tick": each.tick}
                connection.execute(RUN_INTERVENTIONS.update().where(*this).values(values))
            for snapshot in snapshots:
                row = _snapshot_row(identity, snapshot)
                key = {name: row.pop(name) for name in ("run", "number")}
                changed = RUN_SNAPSHOTS.update().where(*(RUN_SNAPSHOTS.c[k] == v for k, v in key.items()))
                if connection.execute(changed.values(row)).rowcount == 0:
                    connection.execute(RUN_SNAPSHOTS.insert().values(key | row))

    def close(self, lease: Lease, state: RunState, result: Mapping[str, Any] | None) -> None:
        """Give the lease back and write how the run stands. Interventions that wait for a run that is over are refused.

        Raises Fenced if the lease was declared lost.
        """
        with self.subjects.writing(lease.name) as (connection, identity):
            beat(connection, "run", identity, lease)
            end(connection, "run", identity, lease, LeaseState.LEFT)
            values: dict[str, Any] = {"state": str(state), "ended": now()}
            if result is not None:
                values["result"] = paths.kept(result, self._store.database)
            connection.execute(RUNS.update().where(RUNS.c.id == identity).values(values))
            if state.is_over:
                columns = RUN_INTERVENTIONS.c
                waiting = columns.run == identity, columns.state == str(InterventionState.WAITING)
                refused = {"state": str(InterventionState.REFUSED), "outcome": f"the run was {state} before it"}
                connection.execute(RUN_INTERVENTIONS.update().where(*waiting).values(refused))

    def enter(self, name: str, entry: DiaryEntry) -> None:
        """Write into the diary of a run from outside, as a branch of it does."""
        with self.subjects.writing(name) as (connection, identity):
            _enter(connection, identity, entry)

    def intervene(self, name: str, kind: str, arguments: Mapping[str, Any], who: str, because: str) -> Intervention:
        """Write an intervention, which the run's process carries out at its next mini-batch boundary.

        Raises StoreError for a run that is over.
        """
        with self.subjects.writing(name) as (connection, identity):
            run = _runs(self._store.database, connection, identity)[0]
            if run.state.is_over:
                raise StoreError(
                    f"run {name!r} is {run.state} and takes no interventions",
                    f"begin from one of its snapshots: caviar branch {name}",
                )
            number = _next(connection, RUN_INTERVENTIONS, identity)
            made = Intervention(number, kind, dict(arguments), who, because, now())
            row = {f.name: getattr(made, f.name) for f in fields(made)} | {"state": str(made.state)}
            connection.execute(RUN_INTERVENTIONS.insert().values(run=identity, **row))
        return made

    def interventions(self, name: str, state: InterventionState | None = None) -> list[Intervention]:
        """The interventions of run ``name``, oldest first; only those in ``state`` if it is given."""
        found = self._rows(RUN_INTERVENTIONS, name, [] if state is None else [RUN_INTERVENTIONS.c.state == str(state)])
        return [Intervention(**{**row, "state": InterventionState(row["state"])}) for row in found]

    def measurements(self, name: str, after: int = 0) -> list[RunMeasurement]:
        """The measurements of run ``name``, without the first ``after``."""
        found = self._rows(RUN_MEASUREMENTS, name, [RUN_MEASUREMENTS.c.number > after])
        return [RunMeasurement(_clock(row), files.numbers(row["values"])) for row in found]

    def snapshots(self, name: str) -> list[RunSnapshot]:
        """The snapshots of run ``name``, oldest first, removed and damaged ones included."""
        return [
            RunSnapshot(clock=_clock(row), **{k: v for k, v in row.items() if k not in _CLOCK})
            for row in self._rows(RUN_SNAPSHOTS, name, [])
        ]

    def diary(self, name: str) -> list[DiaryEntry]:
        """The diary of run ``name``."""
        return [
            DiaryEntry(clock=_clock(row), **{k: v for k, v in row.items() if k not in _CLOCK})
            for row in self._rows(RUN_DIARY, name, [])
        ]

    def last_tick(self, name: str) -> int:
        """The last tick that the store has of run ``name``."""
        with self.subjects.reading(name) as (connection, identity):
            tables = (RUN_MEASUREMENTS, RUN_SNAPSHOTS, RUN_DIARY)
            ticks = [connection.scalar(sa.select(sa.func.max(t.c.tick)).where(t.c.run == identity)) for t in tables]
        return max((int(tick) for tick in ticks if tick is not None), default=0)

    def mark(self, name: str, snapshots: Sequence[int], state: str) -> None:
        """Write the ``state`` of these snapshots, by number: "kept", or "damaged"."""
        with self.subjects.writing(name) as (connection, identity):
            these = RUN_SNAPSHOTS.c.run == identity, RUN_SNAPSHOTS.c.number.in_(snapshots)
            connection.execute(RUN_SNAPSHOTS.update().where(*these).values(state=state))

    def _rows(self, table: sa.Table, name: str, conditions: Sequence[Any]) -> list[dict[str, Any]]:
        with self.subjects.reading(name) as (connection, identity):
            query = sa.select(*(c for c in table.columns if c.name != "run"))
            query = query.where(table.c.run == identity, *conditions)
            return [dict(row._mapping) for row in connection.execute(query.order_by(table.c.number))]


def _runs(database: Database, connection: sa.Connection, number: int | None = None) -> list[Run]:
    """All runs, oldest first, or the one of that number."""
    parents = RUNS.alias()
    columns = [RUNS.c[name] for name in ("id", "kind", "request", *_PLAIN)]
    query = sa.select(*columns, parents.c.name.label("parent"))
    query = query.select_from(RUNS.outerjoin(parents, RUNS.c.parent == parents.c.id)).order_by(RUNS.c.id)
    if number is not None:
        query = query.where(RUNS.c.id == number)
    found = [dict(row._mapping) for row in connection.execute(query)]
    held = set(connection.scalars(sa.select(LEASES.c.run).where(LEASES.c.state == str(LeaseState.HELD))))
    for values in found:
        number = values.pop("id")
        values["environment"] = without_place(values["environment"])
        values["spec"] = RunSpec.from_record(values.pop("kind"), paths.found(values.pop("request"), database))
        for name in ("result", "progress"):
            if values[name] is not None:
                values[name] = paths.found(values[name], database)
        values["owner"] = rows(connection, "run", number, values["name"], held=True)[0] if number in held else None
    return [Run(**values | {"state": RunState(values["state"])}) for values in found]


def _enter(connection: sa.Connection, identity: int, entry: DiaryEntry) -> None:
    number = _next(connection, RUN_DIARY, identity)
    row = {name: getattr(entry, name) for name in ("written", "kind", "who", "text", "facts")}
    connection.execute(RUN_DIARY.insert().values(run=identity, number=number, **_of_clock(entry.clock), **row))


def _next(connection: sa.Connection, table: sa.Table, identity: int) -> int:
    return int(connection.scalar(sa.select(sa.func.max(table.c.number)).where(table.c.run == identity)) or 0) + 1


def _of_clock(clock: Clock) -> dict[str, int]:
    return {name: int(getattr(clock, name)) for name in _CLOCK}


def _clock(row: Mapping[str, Any]) -> Clock:
    return Clock(*(row[name] for name in _CLOCK))


def _snapshot_row(identity: int, snapshot: RunSnapshot) -> dict[str, Any]:
    plain = {f.name: getattr(snapshot, f.name) for f in fields(snapshot) if f.name != "clock"}
    return {"run": identity, **plain, **_of_clock(snapshot.clock)}
