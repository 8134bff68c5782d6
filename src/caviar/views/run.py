"""Facts of a run: how far it is, its knobs, its curves, the inside of its layers, its diary, its family.

Functions of records are pure; those that take a ``store`` read the records and call them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from caviar.nn.averages import bias_corrected, exponentially_weighted
from caviar.records import Clock, DiaryEntry, Run, RunKind, RunMeasurement, RunState
from caviar.records.line import best_of, goal_of, judged_by, present_line
from caviar.store import Store
from caviar.store.runs import Runs, is_running

SMOOTHING = 0.6
"""beta of the curves of epochs: two or three epochs, enough to see a trend through the noise."""

LOGGED = "logged"
"""Steps of a loop of the user's that became one measurement; the other values are their means."""

_SCORES = ("score", "accuracy", "hamming_accuracy", "r2", "validation_loss")
_OPTIMIZERS = {
    "momentum": ("momentum", "nesterov"),
    "beta1": ("adam", "adamw", "schedule_free"),
    "beta2": ("adam", "adamw", "schedule_free", "rmsprop"),
    "weight_decay": ("adamw", "schedule_free"),
}
_OFF_AT_ZERO = ("l2", "dropout", "input_dropout", "clip_norm", "decay_rate")


@dataclass(frozen=True)
class RunProgress:
    """A run at one moment. ``done`` is in epochs, with the part of the present one; ``epochs`` is None where nobody
    has set a number. ``pace`` counts ``unit`` in a second; ``losses`` are those of the last mini-batches, smoothed.
    ``rate_knob`` is the program's name for its learning rate. ``phase`` is what it does besides training; ``take``
    counts its rollbacks."""

    epoch: int = 0
    done: float = 0.0
    epochs: int | None = None
    pace: float = 0.0
    unit: str = "rows"
    seconds_left: float | None = None
    paused: bool = False
    knobs: Mapping[str, Any] | None = None
    losses: tuple[float, ...] = ()
    rate_knob: str = "learning_rate"
    step: int = 0
    snapshots: int = 0
    snapshot_bytes: int = 0
    snapshot_folder: str = ""
    phase: str = ""
    take: int = 0


@dataclass(frozen=True)
class Curves:
    """Losses of the epochs, smoothed, and the main score by name; NaN where an epoch lacks one."""

    train: tuple[float, ...]
    validation: tuple[float, ...]
    score: str | None
    scores: tuple[float, ...]


@dataclass(frozen=True)
class Layer:
    """The inside of a layer after an epoch; shares are from 0 to 1, ``drift`` is None for the output layer.

    ``drift`` is how far the running means of batch norm went in the epoch, in standard deviations.
    """

    gradient_norm: float
    update_to_weight: float
    activation_std: float
    dead: float
    saturated: float
    drift: float | None


@dataclass(frozen=True)
class Point:
    """An epoch with its main score; ``loss`` is that of validation where there is one. NaN where unknown."""

    epoch: int
    metric: str | None
    score: float
    loss: float


@dataclass(frozen=True)
class Best:
    """The best epoch: ``by`` is the number that makes it the best, which is the highest or the lowest ``value`` of all.

    Of a loop of the user's, which counts no epochs, it is a step.
    """

    step: int
    by: str
    value: float
    is_highest: bool
    point: Point


@dataclass(frozen=True)
class RunView:
    """Everything that the screen of a run shows. ``line`` are the epochs that no rollback has undone.

    ``is_alive`` is true while a process trains the run. ``end`` is the object of
    ``caviar babysit --json``, None before the end.
    """

    record: Run
    state: str
    is_alive: bool
    progress: RunProgress
    knobs: Mapping[str, Any]  # those that have an effect
    measured: tuple[RunMeasurement, ...]
    line: tuple[RunMeasurement, ...]
    last: Point | None
    best: Best | None
    curves: Curves
    layers: tuple[Layer, ...]
    diary: tuple[DiaryEntry, ...]
    end: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Member:
    """A run of a family with its best epoch, None where nothing was measured."""

    record: Run
    best: RunMeasurement | None
    shown: Best | None
    is_alive: bool = True


@dataclass(frozen=True)
class Family:
    """A run's ancestors and branches, parents before their branches; ``asked`` is the run's name."""

    asked: str
    members: tuple[Member, ...]


# --- from the store ---


def run_view(store: Store, name: str) -> RunView:
    """Run ``name`` as it stands, which another process may be training. Raises StoreError if there is none."""
    runs = Runs(store)
    run = runs.run(name)
    return run_view_of(run, runs.measurements(name), runs.diary(name), run.progress or {}, is_running(run))


def family_view(store: Store, name: str) -> Family:
    """The family of run ``name``, the oldest first. Raises StoreError if there is no such run."""
    runs = Runs(store)
    runs.run(name)
    return family_of(name, runs.all(), runs.measurements)


# --- from records ---


def run_view_of(
    run: Run,
    epochs: Sequence[RunMeasurement],
    diary: Sequence[DiaryEntry],
    facts: Mapping[str, Any] | None = None,
    is_alive: bool = True,
) -> RunView:
    """The view of ``run``; ``facts`` are its progress, ``is_alive`` is true while a process trains it."""
    progress = progress_of(facts or {})
    line = [m for m in present_line(epochs) if not _is_undone(m.clock, progress)]
    if line and not progress.epoch:  # a loop's own progress counts no epochs
        progress = replace(progress, epoch=line[-1].clock.epoch)
    inside = line[-1].values.get("inside", ()) if line else ()
    state = str(run.state)
    if run.state is RunState.RUNNING:
        state = progress.phase or ("paused" if progress.paused else state) if is_alive else "its process has ended"
    return RunView(
        record=run,
        state=state,
        is_alive=is_alive,
        progress=progress,
        knobs=effective(progress.knobs or {}) if run.kind is RunKind.NETWORK else dict(progress.knobs or {}),
        measured=tuple(epochs),
        line=tuple(line),
        last=point(line[-1]) if line else None,
        best=_best(best_of(line, goal_of(run)), goal_of(run)),
        curves=_curves(line),
        layers=tuple(layer(values, i + 1 == len(inside)) for i, values in enumerate(inside)),
        diary=tuple(diary),
        end=None if run.kind is RunKind.LOOP else run.result,
    )


def progress_of(facts: Mapping[str, Any]) -> RunProgress:
    """The progress that a run's process has written; its mapping may lack any of it."""
    epoch, rows = int(facts.get("epoch", 0)), max(int(facts.get("rows", 1) or 1), 1)
    left = number_of(facts.get("seconds_left"))
    return RunProgress(
        epoch,
        epoch + int(facts.get("row", 0)) / rows,
        int(facts["epochs"]) if facts.get("epochs") else None,
        float(facts.get("rows_per_second", 0) or 0),
        str(facts.get("unit", "rows")),
        left if math.isfinite(left) else None,
        bool(facts.get("paused")),
        facts.get("knobs"),
        tuple(number_of(value) for value in facts.get("curve", ())),
        str(facts.get("rate_knob", "learning_rate")),
        int(facts.get("step", 0)),
        int(facts.get("snapshots", 0)),
        int(facts.get("snapshot_bytes", 0)),
        str(facts.get("snapshot_folder", "")),
        str(facts.get("phase", "")),
        int(facts.get("take", 0)),
    )


def effective(knobs: Mapping[str, Any]) -> dict[str, Any]:
    """The knobs of a network that change anything: those of its optimiser, and regularisers that are not 0."""
    without = {"decay_by", "epsilon"} | {name for name in _OFF_AT_ZERO if not knobs.get(name)}
    if "decay_rate" in without:
        without.add("decay")
    without |= {name for name, optimizers in _OPTIMIZERS.items() if knobs.get("optimizer") not in optimizers}
    return {name: value for name, value in knobs.items() if name not in without}


def point(measurement: RunMeasurement) -> Point:
    """The main numbers of an epoch."""
    values = measurement.values
    metric = next((name for name in _SCORES if name in values), None)
    score = math.nan if metric is None else number_of(values[metric])
    loss = number_of(values.get("validation_loss", values.get("loss")))
    return Point(measurement.clock.epoch, metric, score, loss)


def family_of(name: str, runs: Sequence[Run], measurements: Callable[[str], Sequence[RunMeasurement]]) -> Family:
    """The family of run ``name`` among ``runs``, oldest first; ``measurements`` gives those of a run's name."""
    by_name = {run.name: run for run in runs}
    first = by_name[name]
    while first.parent is not None:
        first = by_name[first.parent]
    kin = {first.name}
    for run in runs:  # parents come before their branches
        if run.parent in kin:
            kin.add(run.name)
    members = []
    for run in runs:
        if run.name in kin:
            best = best_of(present_line(measurements(run.name)), goal_of(run))
            members.append(Member(run, best, _best(best, goal_of(run)), is_running(run)))
    return Family(name, tuple(members))


def is_routine(entry: DiaryEntry) -> bool:
    """True for a snapshot at an epoch's end, or after so many seconds, which a diary leaves out."""
    return entry.kind == "snapshot" and entry.text.endswith((", epoch", ", now and then"))


def smooth(values: Sequence[float], beta: float) -> list[float]:
    """The exponentially weighted averages of ``values``, bias corrected; values that are not finite are left out."""
    averages, v, t = [], 0.0, 0
    for value in values:
        if math.isfinite(value):
            t += 1
            v = float(exponentially_weighted(v, value, beta))  # type: ignore[arg-type]  # numbers of no dimensions
        averages.append(float(bias_corrected(v, beta, t)) if t else math.nan)  # type: ignore[arg-type]
    return averages


def number_of(value: Any) -> float:
    """``value`` as a number; NaN where it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def layer(values: Mapping[str, Any], is_output: bool) -> Layer:
    """The inside of a layer from the values that an epoch has of it."""
    return Layer(
        number_of(values["gradient_norm"]),
        number_of(values["update_to_weight"]),
        number_of(values["activation_std"]),
        number_of(values["dead"]),
        number_of(values["saturated"]),
        None if is_output else number_of(values["drift"]),
    )


def _is_undone(clock: Clock, progress: RunProgress) -> bool:
    """True for what was measured at ``clock`` before a rollback to where the run stands."""
    return clock.take < progress.take and (clock.epoch, clock.step) > (progress.epoch, progress.step)


def _best(measurement: RunMeasurement | None, goal: str) -> Best | None:
    by = None if measurement is None else judged_by(measurement.values, goal)
    if measurement is None or by is None:
        return None
    is_highest, value = by == "score" and goal == "maximize", number_of(measurement.values[by])
    return Best(measurement.clock.step, by, value, is_highest, point(measurement))


def _curves(line: Sequence[RunMeasurement]) -> Curves:
    score = point(line[-1]).metric if line else None
    train = [number_of(m.values.get("train_loss", m.values.get("loss"))) for m in line]
    validation = [number_of(m.values.get("validation_loss")) for m in line]
    return Curves(
        tuple(smooth(train, SMOOTHING)),
        tuple(smooth(validation, SMOOTHING)),
        score,
        tuple(number_of(m.values.get(score or "")) for m in line),
    )
