"""Tables of a study or a run for a file: frames of pandas with the scale or unit of each column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from caviar import files
from caviar.records import DiaryEntry, Measurement, Run, RunMeasurement, Study, Trial
from caviar.records.names import cleaned, cleaned_value
from caviar.store import Store, studies
from caviar.store.runs import Runs
from caviar.store.studies import Times

if TYPE_CHECKING:
    import pandas as pd

_FACTS = {
    "number": "trials, from 0",
    "repeat": "0 for the trial itself, 1 and more for its repeats",
    "state": "",
    "origin": "",
    "error": "",
    "began": "",
    "ended": "",
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
_ABOUT_A_STUDY = ("metric", "search", "space")
_ABOUT_A_RUN = ("kind", "config", "parent")


@dataclass(frozen=True)
class Export:
    """A frame, and for formats that keep it: facts ``about`` the study or run, and ``columns``' own scale or unit."""

    kind: str  # "study" or "run"
    frame: pd.DataFrame
    about: Mapping[str, Any]
    columns: Mapping[str, Mapping[str, str]]


def export(store: Store, name: str, of_run: bool, detail: bool) -> Export:
    """The trials of study ``name``, or the measurements of run ``name``.

    ``detail`` asks for the measurements of a study's trials, or for the diary of a run. Raises StoreError if the store
    has no such study or run.
    """
    if of_run:
        runs = Runs(store)
        run = runs.run(name)
        return of_diary(run, runs.diary(name)) if detail else of_measured_run(run, runs.measurements(name))
    study = store.study(name)
    if detail:
        return of_measurements(study, store.measurements(name))
    return of_trials(study, store.trials(name), store.times(name))


def of_trials(study: Study, trials: Sequence[Trial], at: Mapping[tuple[int, int], Times] | None = None) -> Export:
    """A row a trial, with its origin, its error and its times ``at``; a column a hyperparameter, and an attribute."""
    clean = [trial._replace(attributes=cleaned_value(trial.attributes)) for trial in trials]
    return _of_study(study, studies.frame(clean, _FACTS, for_file=True, at=at), _FACTS)


def of_measurements(study: Study, measured: Sequence[tuple[int, int, Measurement]]) -> Export:
    """A row an epoch of a trial."""
    import pandas as pd

    columns: dict[str, Any] = {"number": [row[0] for row in measured], "repeat": [row[1] for row in measured]}
    columns |= {name: [getattr(row[2], name) for row in measured] for name in list(_MEASURED)[2:]}
    return _of_study(study, pd.DataFrame(columns), _MEASURED)


def of_measured_run(run: Run, measured: Sequence[RunMeasurement]) -> Export:
    """A row a measurement of ``run``: its clock, and a column a number. Lists and mappings become texts of JSON."""
    import pandas as pd

    columns: dict[str, Any] = {field: [getattr(m.clock, field) for m in measured] for field in _CLOCK}
    for value in dict.fromkeys(key for m in measured for key in m.values):
        cells = [cleaned_value(m.values.get(value)) for m in measured]
        name = cleaned(value if value not in _CLOCK else f"values.{value}")  # stores of before have any name
        while name in columns:
            name += "_"
        columns[name] = [files.dumps(cell) if isinstance(cell, list | dict) else cell for cell in cells]
    return _of_run(run, pd.DataFrame(columns))


def of_diary(run: Run, entries: Sequence[DiaryEntry]) -> Export:
    """A row an entry of the diary of ``run``; ``facts`` are JSON."""
    import pandas as pd

    columns: dict[str, Any] = {"number": [entry.number for entry in entries]}
    columns |= {field: [getattr(entry.clock, field) for entry in entries] for field in _CLOCK}
    columns |= {field: [getattr(entry, field) for entry in entries] for field in ("written", "kind", "who", "text")}
    columns["text"] = [cleaned(text) for text in columns["text"]]
    columns["facts"] = [files.dumps(cleaned_value(entry.facts)) for entry in entries]
    return _of_run(run, pd.DataFrame(columns))


def _of_study(study: Study, frame: pd.DataFrame, units: Mapping[str, str]) -> Export:
    scales = {name: {"scale": files.dumps(scale)} for name, scale in study.space.items()}
    scales |= {f"config.{name}": scale for name, scale in scales.items()}
    columns = {name: {"unit": units[name]} if name in units else scales.get(name, {}) for name in frame.columns}
    return Export("study", frame, _about(study, _ABOUT_A_STUDY), columns)


def _of_run(run: Run, frame: pd.DataFrame) -> Export:
    columns = {name: {"unit": _CLOCK[name]} if name in _CLOCK else {} for name in frame.columns}
    about = _about(run, _ABOUT_A_RUN) | {"request": run.spec.to_record()}
    return Export("run", frame, about, columns)


def _about(record: Study | Run, of_its_own: Sequence[str]) -> dict[str, Any]:
    names = ("name", "data", "environment", "created", *of_its_own)
    return {name: getattr(record, name) for name in names} | {"seed": str(record.seed)}
