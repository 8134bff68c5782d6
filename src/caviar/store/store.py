"""The store: studies, their trials and what every epoch measured, in one database."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import fields
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import sqlalchemy as sa

from caviar.errors import StoreError, did_you_mean
from caviar.records import Measurement, Study, StudyState, Trial, TrialState
from caviar.store import sqlite
from caviar.store.schema import MEASUREMENTS, META, STUDIES, TRIALS, VERSION

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_URL = "sqlite:///caviar.db"

_STUDY_COLUMNS = [STUDIES.c[field.name] for field in fields(Study)]
_TRIAL_COLUMNS = [TRIALS.c[field.name] for field in fields(Trial)]
_MEASUREMENT_COLUMNS = [MEASUREMENTS.c[field.name] for field in fields(Measurement)]


class Store(AbstractContextManager["Store"]):
    """One open store: ``with Store.open("caviar.db") as store: ...``.

    Every method is one transaction. Any number of processes may use a store at the same time; a process keeps one
    Store open on it, for all of its threads, and none across a fork.
    """

    def __init__(self, url: str, engine: sa.Engine) -> None:
        """Use Store.open, which checks what it opens."""
        self.url = url
        self._engine = engine
        self._process = os.getpid()

    @classmethod
    def open(cls, url: str | os.PathLike[str] = DEFAULT_URL, create: bool = True) -> Self:
        """Open the store at ``url``, a path or ``sqlite:///path``; ``create`` makes it where there is none.

        Raises StoreError where that cannot be, and changes nothing then.
        """
        path = _path(os.fspath(url))
        if create:
            sqlite.create(path)
        sqlite.check(path)
        store = cls(f"sqlite:///{path}", sqlite.connect(path))
        try:
            store._check_version(path)
            sqlite.use_write_ahead_log(store._engine)
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Close the connection; what was written is safe already."""
        self._engine.dispose()

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
                f"name this one otherwise, with --study {_visible(self.free_name(study.name))!r}, say "
                "(going on with a study, `caviar resume`, comes in a later version)",
            ) from None

    def write(
        self, study: str, trials: Sequence[Trial] = (), measurements: Sequence[tuple[int, int, Measurement]] = ()
    ) -> None:
        """Write ``trials``, new or changed, and (number, repeat, measurement) triples, all of them or none.

        Raises StoreError if an epoch has been measured before, or its trial is in neither the store nor ``trials``.
        """
        try:
            with self._writing() as connection:
                identity = _identity(connection, study)
                if trials:
                    connection.execute(sqlite.upsert(TRIALS), [_trial_row(identity, trial) for trial in trials])
                rows = [_measurement_row(identity, *measurement) for measurement in measurements]
                sqlite.insert_many(connection, MEASUREMENTS, rows)
        except sa.exc.IntegrityError as error:
            raise StoreError(
                f"study {_visible(study)!r} has these epochs already, or not their trials ({error.orig})",
                "if another process is writing to this study, end it",
            ) from error

    def finish_study(self, name: str, state: StudyState, result: Mapping[str, Any] | None, ended: str) -> None:
        """Write how study ``name`` ended; a trial that was still running was interrupted by that."""
        with self._writing() as connection:
            identity = _identity(connection, name)
            ending = STUDIES.update().where(STUDIES.c.id == identity)
            connection.execute(ending.values(state=str(state), result=result, ended=ended))
            running = TRIALS.update().where(TRIALS.c.study == identity, TRIALS.c.state == str(TrialState.RUNNING))
            connection.execute(running.values(state=str(TrialState.INTERRUPTED)))

    def reopen_study(self, name: str, budget: Mapping[str, Any]) -> None:
        """Study ``name`` goes on, with a new ``budget``; its last result stays until there is another."""
        with self._writing() as connection:
            study = STUDIES.update().where(STUDIES.c.id == _identity(connection, name))
            connection.execute(study.values(state=str(StudyState.RUNNING), budget=budget, ended=None))

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
        with self._reading() as connection:
            query = sa.select(*_TRIAL_COLUMNS).where(TRIALS.c.study == _identity(connection, name))
            rows = connection.execute(query.order_by(TRIALS.c.number, TRIALS.c.repeat)).all()
        return [Trial(**{**row._mapping, "state": TrialState(row.state)}) for row in rows]

    def measurements(self, name: str) -> list[tuple[int, int, Measurement]]:
        """What study ``name`` measured, as (number, repeat, measurement), in the order of trials and epochs."""
        columns = MEASUREMENTS.c
        with self._reading() as connection:
            query = sa.select(columns.number, columns.repeat, *_MEASUREMENT_COLUMNS)
            query = query.where(columns.study == _identity(connection, name))
            rows = connection.execute(query.order_by(columns.number, columns.repeat, columns.epoch)).all()
        return [(number, repeat, Measurement(*values)) for number, repeat, *values in rows]

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

    def _check_version(self, path: Path) -> None:
        with self._reading() as connection:
            tables = sa.inspect(connection)
            if not tables.has_table(META.name) or "schema_version" not in {
                column["name"] for column in tables.get_columns(META.name)
            }:
                raise StoreError(f"{str(path)!r} is a database, but not a store of caviar's", sqlite.NOT_ONE)
            version = connection.scalar(sa.select(META.c.schema_version))
        if version != VERSION:
            raise StoreError(
                f"the store {str(path)!r} has schema {version}, and this caviar knows schema {VERSION}",
                "upgrade caviar, or name another store with --store",
            )

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        self._check_process()
        with sqlite.reading(self._engine) as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        self._check_process()
        with sqlite.writing(self._engine) as connection:
            yield connection

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            # A SQLite connection that two processes share after a fork corrupts the database.
            raise StoreError("this store was opened by another process", "open it again in this one")


def _path(url: str) -> Path:
    """The file that ``url`` names; a URL of another kind is never shown, for it may hold a password."""
    kind, separator, rest = url.partition("://")
    if not separator:
        kind, rest = "sqlite", f"/{url}"
    path = rest.removeprefix("/")
    if kind != "sqlite":
        raise StoreError(f"a store is a SQLite file, got a URL of kind {kind!r}", "write --store sqlite:///caviar.db")
    if path in {"", ":memory:"} or "\0" in path or not rest.startswith("/"):
        raise StoreError("a store's URL names no file", "write three slashes and a path, --store sqlite:///caviar.db")
    return Path(path)


def _identity(connection: sa.Connection, name: str) -> int:
    _check_name(name)
    identity = connection.scalar(sa.select(STUDIES.c.id).where(STUDIES.c.name == name))
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
    }


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
