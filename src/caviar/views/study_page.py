"""Facts of the pages of studies: a study with all its pictures, one of its trials, studies side by side, a whole store.

Functions take a ``store``, read it in few statements however many trials there are, and leave the rest to pure
functions of records (study.py, pictures.py, curves.py).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from caviar.errors import StoreError
from caviar.records import Config, Standing, Study, StudyState, Trial
from caviar.records.names import visible
from caviar.records.ranking import WORST, rank_key_of
from caviar.space import Space
from caviar.store import Store
from caviar.store.runs import Runs, is_running
from caviar.views.curves import CurvesPicture, curves_picture
from caviar.views.pictures import (
    Compared,
    Comparison,
    Lane,
    Ranked,
    RungPicture,
    compared,
    comparison,
    lanes,
    ranked_by_number,
    rung_pictures,
)
from caviar.views.retest import RetestRow, retest_rows
from caviar.views.run import RunView, run_view_of
from caviar.views.spaces import outside_of
from caviar.views.study import (
    Axis,
    MeasureImportance,
    Running,
    StudyRow,
    StudyView,
    axes_of,
    importance_of,
    is_alive,
    running_of,
    study_rows,
    study_view_of,
)

_TAIL = 100_000  # bytes of a trial's log


@dataclass(frozen=True)
class StudyPage:
    """A study with its pictures. ``own`` are its trials without repeats, which ``ranked`` and ``lanes`` go with.

    ``repeats`` have a lane each. ``chosen`` are the winner, or the best so far, and the other finalists.
    """

    store: str
    view: StudyView
    running: Running
    own: tuple[Standing, ...]
    ranked: Ranked
    lanes: tuple[Lane, ...]
    repeats: tuple[tuple[Standing, Lane], ...]
    axes: tuple[Axis, ...]
    curves: CurvesPicture
    rungs: tuple[RungPicture, ...]
    chosen: tuple[int, ...]
    retests: tuple[RetestRow, ...] = ()
    """The tests of its answer."""


@dataclass(frozen=True)
class TrialPage:
    """A trial with its repeats, beside the best: its number and config, None and empty where no trial has a score.

    ``points`` are (epochs, 4): the epoch, the score, the validation and the training loss. ``log`` is the end of what
    its program wrote to a file of the trial's folder whose name ends in .log.
    """

    trial: Trial
    repeats: tuple[Trial, ...]
    best: int | None
    best_config: Config
    points: npt.NDArray[np.float64]
    log: str | None


@dataclass(frozen=True)
class StudyItem:
    """A study in the list of a store, as it stands, with its best score, None where there is none yet."""

    row: StudyRow
    running: Running
    best: float | None


@dataclass(frozen=True)
class StorePage:
    """The studies and runs of a store, the oldest first."""

    store: str
    studies: tuple[StudyItem, ...]
    runs: tuple[RunView, ...]


def study_page(store: Store, name: str, measured: MeasureImportance | None = None) -> StudyPage:
    """Study ``name`` with its pictures; ``measured`` in the place of importance_of. StoreError if there is none."""
    study = store.study(name)
    trials, standings = _alike(store.trials(name), store.standings(name))
    own = tuple(one for one in standings if one.repeat == 0)
    view = study_view_of(study, trials, store.boxes(name), measured)
    every_lane = list(zip(standings, lanes(study, standings), strict=True))
    chosen = _chosen(view)
    return StudyPage(
        store=store.url,
        view=view,
        running=running_of(study, is_alive(store, study), lambda: trials),
        own=own,
        ranked=ranked_by_number(study.metric, [rank_key_of(study.metric, one) for one in own]),
        lanes=tuple(lane for one, lane in every_lane if one.repeat == 0),
        repeats=tuple((one, lane) for one, lane in every_lane if one.repeat),
        axes=axes_of(view.space, [view.today.get(trial.number, {}) for trial in view.trials]),
        curves=curves_picture(store, name, study.metric, own, chosen),
        rungs=tuple(rung_pictures(study, own)),
        chosen=chosen,
        retests=tuple(retest_rows(store, name)),
    )


def _alike(trials: Sequence[Trial], standings: Sequence[Standing]) -> tuple[list[Trial], list[Standing]]:
    """Those of ``trials`` and ``standings`` that both have: a study that trains writes between two readings."""
    known = {(trial.number, trial.repeat) for trial in trials}
    found = [one for one in standings if (one.number, one.repeat) in known]
    both = {(one.number, one.repeat) for one in found}
    return [trial for trial in trials if (trial.number, trial.repeat) in both], found


def trial_page(store: Store, name: str, number: int) -> TrialPage:
    """Trial ``number`` of study ``name``. Raises StoreError if there is no such study or trial."""
    study = store.study(name)
    found = store.trials(name, [number])
    if not found or found[0].repeat:
        raise StoreError(f"study {visible(name)!r} has no trial {number}", f"caviar trials {visible(name)} lists them")
    best = best_number(study, store.standings(name), outside_of(store, study))
    beside = store.trials(name, [best]) if best is not None else []
    folder = store.subjects.place(name).folder(store.database, "programs") / str(number)
    return TrialPage(
        trial=found[0],
        repeats=tuple(found[1:]),
        best=best,
        best_config=beside[0].config if beside else {},
        points=store.points(name, [number])[:, 1:],
        log=_log(folder),
    )


def comparison_of(store: Store, names: Sequence[str]) -> Comparison:
    """The studies ``names`` side by side. Raises StoreError if one is not there."""
    sides = []
    for name in names:
        side = side_of(store, name)
        own = [trial for trial in store.trials(name) if trial.repeat == 0]
        found = importance_of(side.study, Space.from_dict(side.study.space), own)
        sides.append(replace(side, importance=tuple(found)))
    return comparison(sides)


def side_of(store: Store, name: str) -> Compared:
    """Study ``name`` as one side of a comparison. Raises StoreError if there is none."""
    study, standings = store.study(name), store.standings(name)
    best = best_number(study, standings, outside_of(store, study))
    found = store.trials(name, [best]) if best is not None else []
    own = [one for one in standings if one.repeat == 0]
    return compared(study, own, dict(found[0].config) if found else {})


def store_page(store: Store) -> StorePage:
    """All studies and runs of ``store``."""
    runs = Runs(store)
    return StorePage(
        store=store.url,
        studies=tuple(_item(store, row) for row in study_rows(store)),
        runs=tuple(
            run_view_of(run, runs.measurements(run.name), (), run.progress or {}, is_running(run)) for run in runs.all()
        ),
    )


def best_number(study: Study, standings: Sequence[Standing], outside: Collection[int] = ()) -> int | None:
    """The trial that the result names, or the best by its rank of those that are not ``outside``; None without any."""
    if study.result is not None:
        return study.result.best.trial
    own = [one for one in standings if one.repeat == 0]
    own = [one for one in own if one.number not in outside] or own
    keys = [rank_key_of(study.metric, one) for one in own]
    at = max(range(len(own)), key=keys.__getitem__, default=None)
    return None if at is None or keys[at] == WORST else own[at].number


def _chosen(view: StudyView) -> tuple[int, ...]:
    result = view.head.record.result
    first = [] if result is None else [result.best.trial]
    if result is None and view.best is not None:
        first = [view.best.number]
    return tuple(dict.fromkeys([*first, *(one.trial for one in view.finals.finalists)]))


def _item(store: Store, row: StudyRow) -> StudyItem:
    study = row.head.record
    at = running_of(study, row.alive, lambda: [])
    if study.result is not None:
        answer = study.result.best
        best = answer.score if answer.validation is None else answer.validation.get(study.metric)
        return StudyItem(row, at, best)
    if study.state is StudyState.RUNNING and at.progress.best is not None:
        return StudyItem(row, at, at.progress.best.score)
    standings = store.standings(study.name)
    number = best_number(study, standings, outside_of(store, study))
    scores = [one.score for one in standings if one.number == number and one.repeat == 0]
    return StudyItem(row, at, scores[0] if scores else None)


def _log(folder: Path) -> str | None:
    """The end of the newest log in the ``folder`` of a trial; None without one."""
    with suppress(OSError):
        logs = [path for path in folder.iterdir() if path.suffix == ".log" and path.is_file() and not path.is_symlink()]
        newest = max(logs, key=lambda path: path.stat().st_mtime, default=None)
        if newest is not None:
            with newest.open("rb") as file:
                file.seek(max(os.fstat(file.fileno()).st_size - _TAIL, 0))
                return file.read(_TAIL).decode(errors="replace")
    return None


def differences(config: Config, best: Config) -> dict[str, tuple[Any, Any]]:
    """The hyperparameters that ``config`` has otherwise than ``best``: both values, None where one does not apply."""
    names = [*config, *(name for name in best if name not in config)]
    return {
        name: (config.get(name), best.get(name))
        for name in names
        if best and (name not in config or name not in best or config[name] != best[name])
    }
