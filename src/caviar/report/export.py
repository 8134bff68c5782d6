"""A study or a run as a file: CSV that a spreadsheet may open, or Parquet that knows its scales and units."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caviar import files
from caviar.errors import DataError
from caviar.records import Run, Study
from caviar.report.table import write_csv
from caviar.store import Store
from caviar.store.runs import Runs

if TYPE_CHECKING:
    import pandas as pd

KINDS = (".csv", ".parquet")

_FACTS = {
    "number": "trials, from 0",
    "repeat": "0 for the trial itself, 1 and more for its repeats",
    "state": "",
    "origin": "",
    "error": "",
    "epochs": "epochs",
    "score": "the study's metric on the validation part",
    "validation_loss": "mean loss on the validation part: nats, or squared standard deviations of the target",
}
_MEASURED = {
    "number": _FACTS["number"],
    "repeat": _FACTS["repeat"],
    "epoch": "epochs, from 1",
    "train_loss": "mean loss of the epoch's mini-batches: nats, or squared standard deviations of the target",
    "validation_loss": _FACTS["validation_loss"],
    "validation_accuracy": "share of rows",
    "score": _FACTS["score"],
    "learning_rate": "",
    "seconds": "seconds of this epoch",
}


_CLOCK = {
    "tick": "mini-batches trained, those that were undone too",
    "step": "mini-batches that are in the network",
    "epoch": "epochs that are in the network",
    "take": "rollbacks before",
}


def trials_table(store: Store, study: str) -> pd.DataFrame:
    """The trials of ``study``, a row each, with where they came from and why they failed; a column a hyperparameter.

    A hyperparameter that is called as one of the other columns gets ``config.`` before its name.
    """
    import pandas as pd

    trials = store.trials(study)
    columns: dict[str, Any] = {name: [getattr(trial, name) for trial in trials] for name in _FACTS}
    columns["state"] = [str(trial.state) for trial in trials]
    for name in ("score", "validation_loss"):
        columns[name] = pd.Series(columns[name], dtype="float64")
    for name in dict.fromkeys(key for trial in trials for key in trial.config):
        columns[_column(name)] = [trial.config.get(name) for trial in trials]
    return _with_units(pd.DataFrame(columns), _FACTS)


def measurements_table(store: Store, study: str) -> pd.DataFrame:
    """What ``study`` measured, a row an epoch of a trial."""
    import pandas as pd

    measured = store.measurements(study)
    columns: dict[str, Any] = {"number": [row[0] for row in measured], "repeat": [row[1] for row in measured]}
    columns |= {name: [getattr(row[2], name) for row in measured] for name in list(_MEASURED)[2:]}
    return _with_units(pd.DataFrame(columns), _MEASURED)


def run_table(runs: Runs, name: str) -> pd.DataFrame:
    """What was measured of run ``name``, a row a measurement: where the run stood, and a column a number.

    What is not one number, as the look inside of each layer, is a column of JSON.
    """
    import pandas as pd

    measured = runs.measurements(name)
    columns: dict[str, Any] = {field: [getattr(m.clock, field) for m in measured] for field in _CLOCK}
    for value in dict.fromkeys(key for m in measured for key in m.values):
        cells = [m.values.get(value) for m in measured]
        columns[value if value not in _CLOCK else f"values.{value}"] = [
            files.dumps(cell) if isinstance(cell, list | dict) else cell for cell in cells
        ]
    return _with_units(pd.DataFrame(columns), _CLOCK)


def diary_table(runs: Runs, name: str) -> pd.DataFrame:
    """The diary of run ``name``, a row an entry; ``facts`` are JSON."""
    import pandas as pd

    entries = runs.diary(name)
    columns: dict[str, Any] = {"number": [entry.number for entry in entries]}
    columns |= {field: [getattr(entry.clock, field) for entry in entries] for field in _CLOCK}
    columns |= {field: [getattr(entry, field) for entry in entries] for field in ("written", "kind", "who", "text")}
    columns["facts"] = [files.dumps(dict(entry.facts)) for entry in entries]
    return _with_units(pd.DataFrame(columns), _CLOCK)


def write(frame: pd.DataFrame, record: Study | Run, to: str | os.PathLike[str] | None) -> None:
    """Write ``frame`` to the file ``to``, whose ending says how; as CSV to stdout where it is None.

    Raises DataError for another ending, or if the file cannot be written.
    """
    if to is None:
        write_csv(frame, sys.stdout)
        return
    path = Path(to)
    if path.suffix.lower() == ".csv":
        write_csv(frame, path)
    elif path.suffix.lower() == ".parquet":
        _write_parquet(frame, record, path)
    else:
        raise DataError(
            f"{path.name!r} ends in neither {' nor '.join(KINDS)}",
            f"name the file {Path(path.name).stem}.csv or {Path(path.name).stem}.parquet",
        )


def _write_parquet(frame: pd.DataFrame, record: Study | Run, path: Path) -> None:
    """One file whose own metadata says which study or run it is, and each column's which scale or unit it has."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({name: _cells(frame[name]) for name in frame.columns})
    units: Mapping[str, str] = frame.attrs["units"]
    scales = record.space if isinstance(record, Study) else {}
    for i, name in enumerate(table.schema.names):
        scale = scales.get(name.removeprefix("config."))
        known = {"unit": units[name]} if name in units else {"scale": files.dumps(scale)} if scale else {}
        table = table.cast(table.schema.set(i, table.schema.field(i).with_metadata(known)))
    of_study, of_run = ("metric", "search", "space", "budget"), ("kind", "request", "config", "parent")
    names = ("name", "data", "environment", "created", *(of_study if isinstance(record, Study) else of_run))
    about = files.dumps({name: getattr(record, name) for name in names} | {"seed": str(record.seed)})
    kind = "study" if isinstance(record, Study) else "run"
    table = table.replace_schema_metadata({f"caviar.{kind}": about})
    try:
        pq.write_table(table, path)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}", "choose another file") from error


def _cells(column: pd.Series[Any]) -> Any:
    """Arrow's column; one of mixed types, as a list of choices may have, becomes text."""
    import pyarrow as pa

    values = [None if _is_missing(value) else value for value in column.tolist()] if column.dtype == object else column
    try:
        return pa.array(values, from_pandas=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if value is None else str(value) for value in values])


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and value != value)


def _with_units(frame: pd.DataFrame, units: Mapping[str, str]) -> pd.DataFrame:
    frame.attrs["units"] = units
    return frame


def _column(name: str) -> str:
    return f"config.{name}" if name in _FACTS else name
