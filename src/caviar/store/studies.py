"""Rows of studies, trials and measurements as records, and back.

The functions take a connection that is in a transaction, and the number of a study.
"""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from caviar.errors import StoreError
from caviar.files import numbers as as_numbers
from caviar.machine import no_collection
from caviar.records import (
    Box,
    Comparison,
    Curve,
    Measurement,
    Standing,
    Study,
    StudySpec,
    StudyState,
    Trial,
    TrialState,
)
from caviar.records.config import as_config
from caviar.records.names import storable, visible
from caviar.records.result import StudyResult
from caviar.store import paths
from caviar.store.database import Database
from caviar.store.places import without_place
from caviar.store.schema import BOXES, COMPARISONS, MEASUREMENTS, STUDIES, TRIALS

if TYPE_CHECKING:
    import pandas as pd

_STUDY_COLUMNS = [STUDIES.c[field.name] for field in fields(Study) if field.name != "notes"]
_AS_KEPT = {  # past SQLAlchemy's work on every cell
    "config": sa.cast(TRIALS.c.config, sa.Text).label("config"),
    "attributes": sa.cast(TRIALS.c.attributes, sa.Text).label("attributes"),
    "score": sa.type_coerce(TRIALS.c.score, sa.types.NullType()),
    "validation_loss": sa.type_coerce(TRIALS.c.validation_loss, sa.types.NullType()),
}
_TRIAL_COLUMNS = [_AS_KEPT.get(name, TRIALS.c[name]) for name in Trial._fields]
_MEASUREMENT_COLUMNS = [MEASUREMENTS.c[field.name] for field in fields(Measurement)]
_COMPARISON_COLUMNS = [COMPARISONS.c[name] for name in Comparison._fields]
_BOX_COLUMNS = [BOXES.c[field.name] for field in fields(Box)]
_SHOWN = ("number", "repeat", "state", "epochs", "score", "validation_loss", "origin", "began", "ended")

Keyed = tuple[int, int]
"""A trial by number and repeat."""


MEASURES = ("score", "validation_loss", "train_loss")
"""Columns of measurements that curves are drawn of."""

Times = tuple[float | None, float | None]
"""Seconds since 1970 at which a trial began and ended; None where that is not known."""


def studies(database: Database, connection: sa.Connection, number: int | None = None) -> list[Study]:
    """All studies, oldest first, or the one of that number."""
    query = sa.select(*_STUDY_COLUMNS).order_by(STUDIES.c.id)
    if number is not None:
        query = query.where(STUDIES.c.id == number)
    return [_study(database, row) for row in connection.execute(query)]


def spec(database: Database, connection: sa.Connection, study: int) -> StudySpec:
    """The specification of a study."""
    record = connection.execute(sa.select(STUDIES.c.spec).where(STUDIES.c.id == study)).scalar_one()
    return StudySpec.from_record(paths.found(record, database))


def retests(database: Database, connection: sa.Connection, of: str) -> list[Study]:
    """The studies that test the answer of the study ``of`` again."""
    specs = connection.execute(sa.select(STUDIES.c.id, STUDIES.c.spec).order_by(STUDIES.c.id))
    found = [number for number, spec in specs if ((spec or {}).get("retest") or {}).get("of") == of]
    return [study for number in found for study in studies(database, connection, number)]


def enqueued(connection: sa.Connection, study: int) -> int:
    """The number of trials that a person wished for."""
    mine = (TRIALS.c.study == study, TRIALS.c.repeat == 0, TRIALS.c.origin == "enqueued")
    return connection.scalar(sa.select(sa.func.count()).select_from(TRIALS).where(*mine)) or 0


def trial_counts(connection: sa.Connection) -> dict[str, dict[TrialState, int]]:
    """The trials of every study by state, repeats left out."""
    rows = connection.execute(sa.select(STUDIES.c.id, STUDIES.c.name).order_by(STUDIES.c.id))
    names = {row.id: row.name for row in rows}
    counts = {name: dict.fromkeys(TrialState, 0) for name in names.values()}
    query = sa.select(TRIALS.c.study, TRIALS.c.state, sa.func.count()).where(TRIALS.c.repeat == 0)
    for number, state, n in connection.execute(query.group_by(TRIALS.c.study, TRIALS.c.state)):
        counts[names[number]][TrialState(state)] = n
    return counts


def trials(connection: sa.Connection, study: int, numbers: Collection[int] | None = None) -> list[Trial]:
    """The trials ``numbers``, all by default, by number, each followed by its repeats."""
    query = sa.select(*_TRIAL_COLUMNS).where(TRIALS.c.study == study)
    if numbers is not None:
        query = query.where(TRIALS.c.number.in_(sorted(numbers)))
    with no_collection():
        rows: Sequence[Any] = connection.execute(query.order_by(TRIALS.c.number, TRIALS.c.repeat)).all()
        text = f"[{','.join([row.config for row in rows])}]"  # one call of JSON, not one a trial
        configs = json.loads(text)
        if "[" in text[1:]:  # a tuple, which is a list to JSON
            configs = [as_config(config) for config in configs]
        states = {str(state): state for state in TrialState}
        return [
            Trial(
                number,
                config,
                states[state],
                epochs,
                _float(score),
                _float(loss),
                repeat,
                origin,
                error,
                as_numbers(json.loads(attributes)) if attributes else {},
            )
            for (number, _, state, epochs, score, loss, repeat, origin, error, attributes), config in zip(
                rows, configs, strict=True
            )
        ]


def standings(connection: sa.Connection, study: int) -> list[Standing]:
    """The trials by number, each followed by its repeats, without configs."""
    columns = [_AS_KEPT.get(name, TRIALS.c[name]) for name in Standing._fields]
    query = sa.select(*columns).where(TRIALS.c.study == study).order_by(TRIALS.c.number, TRIALS.c.repeat)
    states = {str(state): state for state in TrialState}
    with no_collection():
        return [
            Standing(row[0], row[1], states[row[2]], row[3], _float(row[4]), _float(row[5]), row[6], row[7])
            for row in connection.execute(query)
        ]


def times(connection: sa.Connection, study: int) -> dict[Keyed, Times]:
    """The times of the trials by (number, repeat)."""
    columns = TRIALS.c
    query = sa.select(columns.number, columns.repeat, columns.began, columns.ended).where(columns.study == study)
    return {(number, repeat): (began, ended) for number, repeat, began, ended in connection.execute(query)}


def measurements(database: Database, connection: sa.Connection, study: int) -> list[tuple[int, int, Measurement]]:
    """All measurements as (number, repeat, measurement), in the order of trials and epochs."""
    columns = MEASUREMENTS.c
    query = sa.select(columns.number, columns.repeat, *_MEASUREMENT_COLUMNS).where(columns.study == study)
    query = query.order_by(columns.number, columns.repeat, columns.epoch)
    with no_collection():
        rows = database.fetch_numbers(connection, query)
        return [
            (number, repeat, Measurement(epoch, train, loss, accuracy, score, rate, seconds))
            for number, repeat, epoch, train, loss, accuracy, score, rate, seconds in rows
        ]


def points(
    database: Database,
    connection: sa.Connection,
    study: int,
    numbers: Collection[int] | None = None,
    epochs: Collection[int] | None = None,
    measures: Sequence[str] = MEASURES,
) -> npt.NDArray[np.float64]:
    """The measurements of these trials at these epochs, all by default; repeats are left out.

    The columns are the trial's number, the epoch and the ``measures``; rows are in the order of trials and epochs. The
    database finds each trial's epochs by the key: a few epochs of 10,000 trials take half a second, and no scan.
    """
    columns = MEASUREMENTS.c
    mine = [columns.study == study, columns.repeat == 0]
    if numbers is not None:
        mine.append(columns.number.in_(sorted(numbers)))
    if epochs is not None:
        every = sa.select(TRIALS.c.number).where(TRIALS.c.study == study, TRIALS.c.repeat == 0)
        mine += [columns.number.in_(every)] if numbers is None else []
        mine.append(columns.epoch.in_(sorted(epochs)))
    counted = (sa.cast(columns.number, sa.Double), sa.cast(columns.epoch, sa.Double))
    query = sa.select(*counted, *(columns[name] for name in measures)).where(*mine)
    found = database.fetch_floats(connection, query)
    return found[np.lexsort((found[:, 1], found[:, 0]))]


def comparisons(database: Database, connection: sa.Connection, study: int) -> list[tuple[int, int, Comparison]]:
    """All comparisons as (number, repeat, comparison), in the order of trials and epochs."""
    columns = COMPARISONS.c
    query = sa.select(columns.number, columns.repeat, *_COMPARISON_COLUMNS).where(columns.study == study)
    query = query.order_by(columns.number, columns.repeat, columns.epoch)
    with no_collection():
        rows = database.fetch_numbers(connection, query)
        return [(row[0], row[1], Comparison(*row[2:])) for row in rows]


def curves(
    database: Database, connection: sa.Connection, study: int, numbers: Collection[int] | None
) -> dict[Keyed, Curve]:
    """The curves of the trials ``numbers``, all by default, by (number, repeat)."""
    [record] = studies(database, connection, study)
    may_skip = not record.spec.every_epoch
    columns = MEASUREMENTS.c
    key = (columns.number, columns.repeat)
    totals = sa.func.count(), sa.func.max(columns.epoch), sa.func.sum(columns.seconds)
    with no_collection():
        mine = columns.study == study
        if numbers is not None:
            mine &= columns.number.in_(sorted(numbers))
        measured = connection.execute(sa.select(*key, *totals).where(mine).group_by(*key).order_by(*key)).all()
        query = sa.select(columns.score, columns.validation_loss).where(mine).order_by(*key, columns.epoch)
        scores, losses = (array("d", column.tobytes()) for column in database.fetch_floats(connection, query).T)
        skipping = {
            (number, repeat): connection.scalars(
                sa.select(columns.epoch)
                .where(mine, columns.number == number, columns.repeat == repeat)
                .order_by(columns.epoch)
            ).all()
            for number, repeat, n, last, _ in measured
            if n != last
        }
    found, begin = {}, 0
    for number, repeat, n, last, seconds in measured:
        if n != last and not may_skip:
            raise StoreError(
                f"trial {number} of study {visible(record.name)!r} lacks {last - n} of its {last} epochs",
                "another program has removed them: take the store from a copy of it, if there is one",
            )
        end = begin + n
        epochs = range(1, n + 1) if n == last else skipping[number, repeat]
        found[number, repeat] = Curve(epochs, scores[begin:end], losses[begin:end], seconds)
        begin = end
    return found


def boxes(connection: sa.Connection, study: int) -> list[Box]:
    """The boxes, the first one first."""
    query = sa.select(*_BOX_COLUMNS).where(BOXES.c.study == study).order_by(BOXES.c.number)
    return [Box(**row._mapping) for row in connection.execute(query)]


def frame(
    found: Sequence[Trial],
    facts: Collection[str] = _SHOWN,
    for_file: bool = False,
    at: Mapping[Keyed, Times] | None = None,
) -> pd.DataFrame:
    """Trials as a table: a row a trial or repeat, a column for each of ``facts`` and each hyperparameter.

    A hyperparameter with the name of one of ``facts`` gets ``config.`` before its name. Where it does not apply it is
    NaN. ``for_file`` writes None and tuples as texts, for an empty cell of a file does not apply. ``at`` has the times
    of the trials, which are written in UTC. An attribute has ``attributes.`` before its name.
    """
    import pandas as pd

    columns: dict[str, Any] = {name: [getattr(trial, name, None) for trial in found] for name in facts}
    known = [(at or {}).get((trial.number, trial.repeat), (None, None)) for trial in found]
    for i, name in enumerate(("began", "ended")):
        if name in facts:
            thousandths = (pd.Series([times[i] for times in known], dtype="float64") * 1000).round()
            columns[name] = pd.to_datetime(thousandths.astype("Int64"), unit="ms", utc=True)
    if "ended" in facts:
        running = [trial.state is TrialState.RUNNING for trial in found]  # taken up again, maybe
        columns["ended"] = columns["ended"].mask(pd.Series(running, dtype=bool))
    columns["state"] = [str(trial.state) for trial in found]
    for name in ("score", "validation_loss"):
        columns[name] = pd.Series(columns[name], dtype="float64")
    for name in dict.fromkeys(key for trial in found for key in trial.config):
        cells = [trial.config.get(name, math.nan) for trial in found]
        columns[f"config.{name}" if name in facts else name] = _column(cells, for_file)
    for name in dict.fromkeys(key for trial in found for key in trial.attributes):
        cells = [trial.attributes.get(name, math.nan) for trial in found]
        columns[f"attributes.{name}"] = _column(cells, for_file)
    return pd.DataFrame(columns)


def _column(cells: list[Any], for_file: bool) -> pd.Series[Any]:
    """The values of a hyperparameter; pandas would take None for one that does not apply, and 64 beside it for 64.0."""
    import pandas as pd

    mixed = [cell is None or isinstance(cell, tuple | list | dict) for cell in cells]
    if for_file:
        cells = [str(cell) if is_mixed else cell for cell, is_mixed in zip(cells, mixed, strict=True)]
    return pd.Series(cells, dtype=object) if any(mixed) else pd.Series(cells)


def write_trials(
    database: Database,
    connection: sa.Connection,
    study: int,
    changed: Sequence[Trial],
    measured: Sequence[tuple[int, int, Measurement]],
    compared: Sequence[tuple[int, int, Comparison]] = (),
    at: Mapping[Keyed, Times] | None = None,
) -> None:
    """Insert or change trials, and insert what was measured and compared of them. Times ``at`` are added, and kept."""
    if changed:
        known = at or {}
        rows = [_trial_row(study, trial, known.get((trial.number, trial.repeat), (None, None))) for trial in changed]
        connection.execute(_upsert(database, TRIALS, kept=("began", "ended")), rows)
    database.insert_many(connection, MEASUREMENTS, [_measurement_row(study, *each) for each in measured])
    database.insert_many(connection, COMPARISONS, [_comparison_row(study, *each) for each in compared])


def write_boxes(database: Database, connection: sa.Connection, study: int, drawn: Sequence[Box]) -> None:
    """Insert or change boxes."""
    if drawn:
        connection.execute(_upsert(database, BOXES), [_box_row(study, box) for box in drawn])


def _upsert(database: Database, table: sa.Table, kept: Collection[str] = ()) -> sa.Insert:
    """An insert into ``table`` that takes the place of a row with the same primary key.

    Columns that are ``kept`` keep what they have where the new row has nothing.
    """
    statement: Any = database.insert(table)
    fresh = {column.name: statement.excluded[column.name] for column in table.columns if not column.primary_key}
    fresh |= {name: sa.func.coalesce(fresh[name], table.c[name]) for name in kept}
    upsert: sa.Insert = statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=fresh)
    return upsert


def _float(cell: float | str | None) -> float | None:
    """A number as a database keeps it: NaN is text on SQLite."""
    return float(cell) if isinstance(cell, str) else cell


def study_row(database: Database, study: Study) -> dict[str, Any]:
    """A study as its row; the notes stand with the facts of the data, which spares every store a column."""
    row = {field.name: getattr(study, field.name) for field in fields(study)}
    notes = list(row.pop("notes"))
    return row | {
        "spec": paths.kept(study.spec.to_record(), database),
        "result": study.result and paths.kept(study.result.to_record(), database),
        "data": {**study.data, "notes": notes} if notes else study.data,
    }


def _study(database: Database, row: Any) -> Study:
    data = dict(row.data)
    notes = tuple(data.pop("notes", ()))
    return Study(
        **{
            **row._mapping,
            "state": StudyState(row.state),
            "spec": StudySpec.from_record(paths.found(row.spec, database)),
            "result": row.result and StudyResult.from_record(paths.found(row.result, database), row.metric),
            "data": data,
            "notes": notes,
            "environment": without_place(row.environment),
        }
    )


def _trial_row(study: int, trial: Trial, at: Times) -> dict[str, Any]:
    return {
        "study": study,
        "number": int(trial.number),
        "repeat": int(trial.repeat),
        "config": trial.config,
        "state": str(trial.state),
        "epochs": int(trial.epochs),
        "score": trial.score,
        "validation_loss": trial.validation_loss,
        "origin": storable(trial.origin),
        "error": None if trial.error is None else storable(trial.error),
        "began": at[0],
        "ended": at[1],
        "attributes": dict(trial.attributes) or None,
    }


def _box_row(study: int, box: Box) -> dict[str, Any]:
    return {
        "study": study,
        "number": int(box.number),
        "first_trial": int(box.first_trial),
        "ranges": box.ranges,
        "reason": storable(box.reason),
    }


def _measurement_row(study: int, number: int, repeat: int, m: Measurement) -> tuple[int | float, ...]:
    """The columns of the measurements table in order; NumPy's numbers, which the driver refuses, made Python's."""
    return (
        study,
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


def _comparison_row(study: int, number: int, repeat: int, c: Comparison) -> tuple[int | float, ...]:
    """The columns of the comparisons table in order, as above."""
    return study, int(number), int(repeat), int(c.epoch), *map(float, c[1:])
