"""The store: studies, their trials and what every epoch measured, in one database."""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import fields, replace
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import sqlalchemy as sa

from caviar.errors import StoreError, did_you_mean
from caviar.machine import no_collection
from caviar.records import (
    Box,
    Comparison,
    Curve,
    Measurement,
    Piece,
    Study,
    StudyState,
    Trial,
    TrialState,
    Worker,
    WorkerState,
)
from caviar.store import assignments, claims, migrations
from caviar.store.assignments import Assigned, Result
from caviar.store.backends import postgresql, sqlite
from caviar.store.database import Database
from caviar.store.schema import BOXES, COMPARISONS, MEASUREMENTS, META, OF_A_STUDY, STUDIES, TRIALS, VERSION, WORKERS

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_URL = "sqlite:///caviar.db"

_STUDY_COLUMNS = [STUDIES.c[field.name] for field in fields(Study)]
_AS_KEPT = {  # past SQLAlchemy's work on every cell
    "config": sa.cast(TRIALS.c.config, sa.Text).label("config"),
    "score": sa.type_coerce(TRIALS.c.score, sa.types.NullType()),
    "validation_loss": sa.type_coerce(TRIALS.c.validation_loss, sa.types.NullType()),
}
_TRIAL_COLUMNS = [_AS_KEPT.get(name, TRIALS.c[name]) for name in Trial._fields]
_MEASUREMENT_COLUMNS = [MEASUREMENTS.c[field.name] for field in fields(Measurement)]
_COMPARISON_COLUMNS = [COMPARISONS.c[name] for name in Comparison._fields]
_BOX_COLUMNS = [BOXES.c[field.name] for field in fields(Box)]
_WORKER_COLUMNS = [WORKERS.c[field.name] for field in fields(Worker) if field.name != "study"]


class Store(AbstractContextManager["Store"]):
    """One open store: ``with Store.open("caviar.db") as store: ...``.

    Every method is one transaction. Any number of processes may use a store at the same time; a process keeps one
    Store open on it, for all of its threads, and none across a fork.
    """

    def __init__(self, database: Database) -> None:
        """Use Store.open, which checks what it opens."""
        self.database = database
        self.url = database.url
        """For people and summaries: stars in the place of a password."""
        self._process = os.getpid()

    @classmethod
    def open(cls, url: str | os.PathLike[str] = DEFAULT_URL, create: bool = True) -> Self:
        """Open the store at ``url``: a path, ``sqlite:///path`` or ``postgresql+psycopg://user:password@host/name``.

        ``create`` makes it where there is none. A store of an older version is migrated, on SQLite after a copy of it
        was kept. Raises StoreError where any of that cannot be, and changes nothing then.
        """
        database = _database(os.fspath(url))
        store = cls(database)
        try:
            database.prepare(create)
            store._check_version()
            database.settle()
            store._migrate()
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Close the connection; what was written is safe already."""
        self.database.engine.dispose()

    def __exit__(self, *_: object) -> None:
        """Close the store, whatever was raised."""
        self.close()

    def create_study(self, study: Study) -> None:
        """Write a new study; StoreError if one of that name is there, also where two processes do it at once."""
        _check_name(study.name)
        row = {field.name: getattr(study, field.name) for field in fields(study)} | {"state": str(study.state)}
        try:
            with self._writing() as connection:
                connection.execute(STUDIES.insert(), row)
        except sa.exc.IntegrityError:
            raise StoreError(
                f"the store has a study {_visible(study.name)!r} already",
                f'name this one otherwise: `study="{_visible(self.free_name(study.name))}"`; '
                "or go on with the one that is there: caviar resume",
            ) from None

    def write(
        self,
        study: str,
        trials: Sequence[Trial] = (),
        measurements: Sequence[tuple[int, int, Measurement]] = (),
        boxes: Sequence[Box] = (),
        claims_done: Sequence[Piece] = (),
        worker: Worker | None = None,
        comparisons: Sequence[tuple[int, int, Comparison]] = (),
    ) -> None:
        """Write all of this or nothing: ``trials`` and ``boxes``, new or changed, and (number, repeat, measurement).

        ``comparisons`` go with their trials in the same way.

        ``claims_done`` are the pieces that ``worker`` need not hold any more; a write is also one of its beats.
        Raises StoreError if an epoch has been measured before, or its trial is in neither the store nor ``trials``;
        Fenced if the worker was declared lost.
        """
        try:
            with self._writing() as connection:
                identity = _identity(connection, study, lock=True)
                if worker is not None:
                    claims.beat(connection, identity, worker)
                if trials:
                    connection.execute(self._upsert(TRIALS), [_trial_row(identity, trial) for trial in trials])
                rows = [_measurement_row(identity, *measurement) for measurement in measurements]
                self.database.insert_many(connection, MEASUREMENTS, rows)
                rows = [_comparison_row(identity, *comparison) for comparison in comparisons]
                self.database.insert_many(connection, COMPARISONS, rows)
                if boxes:
                    connection.execute(self._upsert(BOXES), [_box_row(identity, box) for box in boxes])
                claims.done(connection, identity, worker, claims_done)
        except sa.exc.IntegrityError as error:
            raise StoreError(
                f"study {_visible(study)!r} has these epochs already, or not their trials ({_one_line(error.orig)})",
                "if another process is writing to this study, end it",
            ) from error

    def finish_study(
        self,
        name: str,
        state: StudyState,
        result: Mapping[str, Any] | None,
        ended: str,
        worker: Worker | None = None,
    ) -> None:
        """Write how study ``name`` ended; a trial that was still running was interrupted by that."""
        with self._writing() as connection:
            identity = _identity(connection, name, lock=True)
            if worker is not None:
                claims.beat(connection, identity, worker)
            ending = STUDIES.update().where(STUDIES.c.id == identity)
            connection.execute(ending.values(state=str(state), result=result, ended=ended))
            running = TRIALS.update().where(TRIALS.c.study == identity, TRIALS.c.state == str(TrialState.RUNNING))
            connection.execute(running.values(state=str(TrialState.INTERRUPTED)))

    def reopen_study(self, name: str, budget: Mapping[str, Any] | None = None, worker: Worker | None = None) -> None:
        """Study ``name`` goes on, with a new ``budget`` if one is given; its result stays until there is another."""
        with self._writing() as connection:
            identity = _identity(connection, name, lock=True)
            if worker is not None:
                claims.beat(connection, identity, worker)
            fresh = {"state": str(StudyState.RUNNING), "ended": None}
            going_on = STUDIES.update().where(STUDIES.c.id == identity)
            connection.execute(going_on.values(fresh if budget is None else {**fresh, "budget": budget}))

    def delete_study(self, name: str) -> None:
        """Delete study ``name`` and all that belongs to it, except its files (see examination.delete).

        Raises StoreError while a worker is working on it.
        """
        with self._writing() as connection:
            identity = _identity(connection, name, lock=True)
            working = WORKERS.c.study == identity, WORKERS.c.state == str(WorkerState.WORKING)
            if connection.scalar(sa.select(sa.func.count()).select_from(WORKERS).where(*working)):
                raise StoreError(
                    f"study {_visible(name)!r} has a worker that works on it",
                    "end that first; caviar doctor shows who it is",
                )
            for table in OF_A_STUDY:
                connection.execute(table.delete().where(table.c.study == identity))
            connection.execute(STUDIES.delete().where(STUDIES.c.id == identity))

    def join(self, study: str) -> Worker:
        """A new worker of ``study``, this process."""
        with self._writing() as connection:
            return claims.join(connection, _identity(connection, study, lock=True), study)

    def claim(self, worker: Worker, pieces: Sequence[Piece]) -> list[Piece]:
        """Those of ``pieces``, (number, repeat, to_epoch), that ``worker`` now holds; the rest is others' or done.

        Raises Fenced if the worker was declared lost.
        """
        with self._writing() as connection:
            identity = _identity(connection, worker.study, lock=True)
            claims.beat(connection, identity, worker)
            return claims.claim(connection, identity, worker.fence, pieces)

    def join_helper(self, study: str, threads: int) -> Worker:
        """A new helper of ``study``, this process; StoreError where no other is in charge of it."""
        with self._writing() as connection:
            return assignments.join(connection, _identity(connection, study, lock=True), study, threads)

    def assign(self, leader: Worker, work: Mapping[int, Sequence[Piece]]) -> dict[int, list[Piece]]:
        """Claim pieces for helpers, by their fences; what each of them now holds of it, nothing if it is over.

        Raises Fenced if the leader was declared lost. The trials of the pieces are in the store already.
        """
        with self._writing() as connection:
            identity = _identity(connection, leader.study, lock=True)
            claims.beat(connection, identity, leader)
            return {fence: assignments.assign(connection, identity, fence, pieces) for fence, pieces in work.items()}

    def take_back(self, leader: Worker, pieces: Sequence[Piece]) -> None:
        """Nobody holds ``pieces`` any more: no result of theirs is taken from here on. Raises Fenced as ``assign``."""
        with self._writing() as connection:
            identity = _identity(connection, leader.study, lock=True)
            claims.beat(connection, identity, leader)
            assignments.take_back(connection, identity, pieces)

    def handed_in(self, study: str, pieces: Sequence[Piece]) -> list[Result]:
        """Of ``pieces`` that were assigned, those that are held no more, with what the store has of their trials."""
        with self._reading() as connection:
            identity = _identity(connection, study)
            still = assignments.open_pieces(connection, identity, pieces)
            return assignments.results(connection, identity, [piece for piece in pieces if piece not in still])

    def assigned(self, helper: Worker) -> list[Assigned]:
        """The pieces that ``helper`` holds."""
        with self._reading() as connection:
            return assignments.assigned(connection, _identity(connection, helper.study), helper.fence)

    def hand_in(self, helper: Worker, results: Sequence[Result], given_back: Sequence[Piece] = ()) -> list[Piece]:
        """Write the results that ``helper`` still holds, and give the other pieces back; the pieces that were taken.

        Raises Fenced if the helper was declared lost.
        """
        with self._writing() as connection:
            identity = _identity(connection, helper.study, lock=True)
            claims.beat(connection, identity, helper)
            trials, measurements, done = assignments.hand_in(connection, identity, helper, results)
            if done:
                connection.execute(self._upsert(TRIALS), [_trial_row(identity, trial) for trial in trials])
                rows = [_measurement_row(identity, *measurement) for measurement in measurements]
                self.database.insert_many(connection, MEASUREMENTS, rows)
            claims.done(connection, identity, helper, [*done, *given_back])
            return done

    def beat(self, worker: Worker) -> None:
        """A sign of life; Fenced if the worker was declared lost."""
        with self._writing() as connection:
            claims.beat(connection, _identity(connection, worker.study, lock=True), worker)

    def leave(self, worker: Worker) -> None:
        """The worker ends and gives back what it holds; nothing happens if it was declared lost before."""
        with self._writing() as connection:
            identity = _identity(connection, worker.study, lock=True)
            claims.end(connection, identity, worker, WorkerState.LEFT)

    def lost(self, study: str, seen: Sequence[Worker]) -> list[Worker]:
        """Declare workers lost that have not beaten since they were ``seen``, and give back what they hold, at once.

        Returns those that now are.
        """
        with self._writing() as connection:
            identity = _identity(connection, study, lock=True)
            return [
                replace(worker, state=WorkerState.LOST)
                for worker in seen
                if claims.end(connection, identity, worker, WorkerState.LOST, worker.beats)
            ]

    def workers(self, study: str) -> list[Worker]:
        """Whoever has joined ``study``, the first one first."""
        with self._reading() as connection:
            query = sa.select(*_WORKER_COLUMNS).where(WORKERS.c.study == _identity(connection, study))
            rows = connection.execute(query.order_by(WORKERS.c.fence)).all()
        return [Worker(**{**row._mapping, "study": study, "state": WorkerState(row.state)}) for row in rows]

    def boxes(self, study: str) -> list[Box]:
        """The boxes that ``study`` has drawn from, the first one first."""
        with self._reading() as connection:
            query = sa.select(*_BOX_COLUMNS).where(BOXES.c.study == _identity(connection, study))
            return [Box(**row._mapping) for row in connection.execute(query.order_by(BOXES.c.number))]

    def free_name(self, name: str) -> str:
        """``name`` if no study has it yet, else the first free one of name-2, name-3, ..."""
        with self._reading() as connection:
            taken = set(connection.scalars(sa.select(STUDIES.c.name)))
        numbered = (f"{name}-{number}" for number in count(2))
        return next(free for free in chain([name], numbered) if free not in taken)

    def studies(self) -> list[Study]:
        """All studies, oldest first."""
        with self._reading() as connection:
            return [_study(row) for row in connection.execute(sa.select(*_STUDY_COLUMNS).order_by(STUDIES.c.id))]

    def study(self, name: str) -> Study:
        """The study ``name``; StoreError with 'did you mean' if there is none."""
        with self._reading() as connection:
            query = sa.select(*_STUDY_COLUMNS).where(STUDIES.c.id == _identity(connection, name))
            return _study(connection.execute(query).one())

    def trial_counts(self) -> dict[str, dict[TrialState, int]]:
        """How many trials, repeats left out, every study has in each state."""
        ids = sa.select(STUDIES.c.id, STUDIES.c.name).order_by(STUDIES.c.id)
        query = sa.select(TRIALS.c.study, TRIALS.c.state, sa.func.count()).where(TRIALS.c.repeat == 0)
        with self._reading() as connection:
            names = {row.id: row.name for row in connection.execute(ids)}
            rows = connection.execute(query.group_by(TRIALS.c.study, TRIALS.c.state)).all()
        counts = {name: dict.fromkeys(TrialState, 0) for name in names.values()}
        for identity, state, n in rows:
            counts[names[identity]][TrialState(state)] = n
        return counts

    def trials(self, name: str) -> list[Trial]:
        """The trials of study ``name`` by number, each followed by its repeats."""
        with self._reading() as connection, no_collection():
            query = sa.select(*_TRIAL_COLUMNS).where(TRIALS.c.study == _identity(connection, name))
            rows: Sequence[Any] = connection.execute(query.order_by(TRIALS.c.number, TRIALS.c.repeat)).all()
            configs = json.loads(f"[{','.join([row.config for row in rows])}]")  # one call, not one a trial
            states = {str(state): state for state in TrialState}
            return [
                Trial(number, config, states[state], epochs, _float(score), _float(loss), repeat, origin, error)
                for (number, _, state, epochs, score, loss, repeat, origin, error), config in zip(
                    rows, configs, strict=True
                )
            ]

    def measurements(self, name: str) -> list[tuple[int, int, Measurement]]:
        """What study ``name`` measured, as (number, repeat, measurement), in the order of trials and epochs."""
        columns = MEASUREMENTS.c
        with self._reading() as connection:
            query = sa.select(columns.number, columns.repeat, *_MEASUREMENT_COLUMNS)
            query = query.where(columns.study == _identity(connection, name))
            query = query.order_by(columns.number, columns.repeat, columns.epoch)
            with no_collection():
                rows = self.database.fetch_numbers(connection, query)
                return [
                    (number, repeat, Measurement(epoch, train, loss, accuracy, score, rate, seconds))
                    for number, repeat, epoch, train, loss, accuracy, score, rate, seconds in rows
                ]

    def comparisons(self, name: str) -> list[tuple[int, int, Comparison]]:
        """The comparisons of study ``name``, as (number, repeat, comparison), in the order of trials and epochs."""
        columns = COMPARISONS.c
        with self._reading() as connection, no_collection():
            query = sa.select(columns.number, columns.repeat, *_COMPARISON_COLUMNS)
            query = query.where(columns.study == _identity(connection, name))
            query = query.order_by(columns.number, columns.repeat, columns.epoch)
            rows = self.database.fetch_numbers(connection, query)
            return [(row[0], row[1], Comparison(*row[2:])) for row in rows]

    def curves(self, name: str, numbers: Collection[int] | None = None) -> dict[tuple[int, int], Curve]:
        """What of the measurements of study ``name`` its decisions depend on, by (number, repeat).

        ``numbers`` are those of the trials that are asked for, all by default. Raises StoreError where a trial lacks an
        epoch before its last one; a program's may.
        """
        may_skip = "program" in self.study(name).budget
        columns = MEASUREMENTS.c
        key = (columns.number, columns.repeat)
        totals = sa.func.count(), sa.func.max(columns.epoch), sa.func.sum(columns.seconds)
        with self._reading() as connection, no_collection():
            mine = columns.study == _identity(connection, name)
            if numbers is not None:
                mine &= columns.number.in_(sorted(numbers))
            measured = connection.execute(sa.select(*key, *totals).where(mine).group_by(*key).order_by(*key)).all()
            query = sa.select(columns.score, columns.validation_loss).where(mine).order_by(*key, columns.epoch)
            scores, losses = (
                array("d", column.tobytes()) for column in self.database.fetch_floats(connection, query).T
            )
            skipping = {
                (number, repeat): connection.scalars(
                    sa.select(columns.epoch)
                    .where(mine, columns.number == number, columns.repeat == repeat)
                    .order_by(columns.epoch)
                ).all()
                for number, repeat, told, last, _ in measured
                if told != last
            }
        curves, begin = {}, 0
        for number, repeat, told, last, seconds in measured:
            if told != last and not may_skip:
                raise StoreError(
                    f"trial {number} of study {_visible(name)!r} lacks {last - told} of its {last} epochs",
                    "another program has removed them: take the store from a copy of it, if there is one",
                )
            end = begin + told
            epochs = range(1, told + 1) if told == last else skipping[number, repeat]
            curves[number, repeat] = Curve(epochs, scores[begin:end], losses[begin:end], seconds)
            begin = end
        return curves

    def trials_frame(self, name: str) -> pd.DataFrame:
        """The trials of study ``name`` as a table: a row a trial or repeat, a column a hyperparameter."""
        import pandas as pd

        trials = self.trials(name)
        facts = {
            "number": [trial.number for trial in trials],
            "repeat": [trial.repeat for trial in trials],
            "state": [str(trial.state) for trial in trials],
            "epochs": [trial.epochs for trial in trials],
            "score": pd.Series([trial.score for trial in trials], dtype="float64"),
            "validation_loss": pd.Series([trial.validation_loss for trial in trials], dtype="float64"),
        }
        hyperparameters = dict.fromkeys(key for trial in trials for key in trial.config)
        return pd.DataFrame(facts | {key: [trial.config.get(key) for trial in trials] for key in hyperparameters})

    def _check_version(self) -> None:
        with self._reading() as connection:
            tables = sa.inspect(connection)
            if not tables.has_table(META.name) or "schema_version" not in {
                column["name"] for column in tables.get_columns(META.name)
            }:
                raise StoreError(f"{self.url!r} is a database, but not a store of caviar's", sqlite.NOT_ONE)
            version = connection.scalar(sa.select(META.c.schema_version))
        if version is None or version < 1:
            raise StoreError(f"the store {self.url!r} does not say which schema it has", sqlite.NOT_ONE)
        if version > VERSION:
            raise StoreError(
                f"the store {self.url!r} has schema {version}, and this caviar knows schema {VERSION}",
                "upgrade caviar, or name another store with --store",
            )
        self._version = version

    def _migrate(self) -> None:
        if self._version == VERSION:
            return
        with self._writing() as connection:
            version = connection.scalar(sa.select(META.c.schema_version).with_for_update())
            if version is not None and version < VERSION:  # no other process was quicker
                self.database.back_up(VERSION)
                migrations.migrate(connection, version, VERSION)
        self._version = VERSION

    def _upsert(self, table: sa.Table) -> sa.Insert:
        """An insert into ``table`` that takes the place of a row with the same primary key."""
        statement: Any = self.database.insert(table)
        fresh = {column.name: statement.excluded[column.name] for column in table.columns if not column.primary_key}
        upsert: sa.Insert = statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=fresh)
        return upsert

    def study_number(self, name: str) -> int:
        """The number that the database has for study ``name``; files are named by it."""
        with self.reading(name) as (_, identity):
            return identity

    @contextmanager
    def reading(self, study: str) -> Iterator[tuple[sa.Connection, int]]:
        """A reading transaction and the number of ``study``, for the other rooms of the store."""
        with self._reading() as connection:
            yield connection, _identity(connection, study)

    @contextmanager
    def writing(self, study: str) -> Iterator[tuple[sa.Connection, int]]:
        """A writing transaction, which holds up other writers to ``study``, and its number."""
        with self._writing() as connection:
            yield connection, _identity(connection, study, lock=True)

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        self._check_process()
        with self.database.reading() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        self._check_process()
        with self.database.writing() as connection:
            yield connection

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            # A SQLite connection that two processes share after a fork corrupts the database.
            raise StoreError("this store was opened by another process", "open it again in this one")


def _database(url: str) -> Database:
    """The database that ``url`` names; one of an unknown kind is never shown, for it may hold a password."""
    kind, separator, rest = url.partition("://")
    if separator and kind in postgresql.KINDS:
        return postgresql.PostgreSQL(postgresql.address(url))
    if not separator:
        kind, rest = "sqlite", f"/{url}"
    path = rest.removeprefix("/")
    if kind != "sqlite":
        raise StoreError(
            f"a store is a SQLite file or a PostgreSQL database, got a URL of kind {_visible(kind)!r}",
            "write --store sqlite:///caviar.db or --store postgresql+psycopg://user:password@host/database",
        )
    if path in {"", ":memory:"} or "\0" in path or not rest.startswith("/"):
        raise StoreError("a store's URL names no file", "write three slashes and a path, --store sqlite:///caviar.db")
    return sqlite.SQLite(Path(path))


def _identity(connection: sa.Connection, name: str, lock: bool = False) -> int:
    """The number of study ``name``; ``lock`` holds up other writers to it until the transaction ends."""
    _check_name(name)
    query = sa.select(STUDIES.c.id).where(STUDIES.c.name == name)
    identity = connection.scalar(query.with_for_update(key_share=True) if lock else query)
    if identity is None:
        known = [_visible(known) for known in connection.scalars(sa.select(STUDIES.c.name))]
        raise StoreError(f"the store has no study {_visible(name)!r}", did_you_mean(_visible(name), known))
    return int(identity)


def _check_name(name: str) -> None:
    if "\0" in name or any("\ud800" <= letter <= "\udfff" for letter in name):
        raise StoreError(
            f"a study's name has characters that databases do not keep, got {_visible(name)!r}",
            "name it otherwise, with --study",
        )


def _visible(name: str) -> str:
    """``name`` for a message: short, and nothing in it that a terminal obeys or turns round."""
    shown = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name[:60])
    return shown if len(name) <= 60 else f"{shown}..."


def _study(row: sa.Row[Any]) -> Study:
    return Study(**{**row._mapping, "state": StudyState(row.state)})


def _float(cell: float | str | None) -> float | None:
    """A number as a database keeps it: NaN is text on SQLite."""
    return float(cell) if isinstance(cell, str) else cell


def _trial_row(identity: int, trial: Trial) -> dict[str, Any]:
    return {
        "study": identity,
        "number": int(trial.number),
        "repeat": int(trial.repeat),
        "config": trial.config,
        "state": str(trial.state),
        "epochs": int(trial.epochs),
        "score": trial.score,
        "validation_loss": trial.validation_loss,
        "origin": _kept(trial.origin),
        "error": None if trial.error is None else _kept(trial.error),
    }


def _box_row(identity: int, box: Box) -> dict[str, Any]:
    return {
        "study": identity,
        "number": int(box.number),
        "first_trial": int(box.first_trial),
        "ranges": box.ranges,
        "reason": _kept(box.reason),
    }


def _kept(text: str) -> str:
    """``text``, which another program may have written, without the characters that databases do not keep."""
    return "".join("\N{REPLACEMENT CHARACTER}" if c == "\0" or "\ud800" <= c <= "\udfff" else c for c in text)


def _one_line(said: object) -> str:
    return " ".join(str(said).split())


def _measurement_row(identity: int, number: int, repeat: int, m: Measurement) -> tuple[int | float, ...]:
    """The columns of the measurements table in order; NumPy's numbers, which the driver refuses, made Python's."""
    return (
        identity,
        int(number),
        int(repeat),
        int(m.epoch),
        float(m.train_loss),
        float(m.validation_loss),
        float(m.validation_accuracy),
        float(m.score),
        float(m.learning_rate),
        float(m.seconds),
    )


def _comparison_row(identity: int, number: int, repeat: int, c: Comparison) -> tuple[int | float, ...]:
    """The columns of the comparisons table in order, as above."""
    return identity, int(number), int(repeat), int(c.epoch), *map(float, c[1:])
