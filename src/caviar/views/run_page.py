"""Facts of a run's page beside those of its view: knobs as controls, undone epochs, the inside over time, its family.

Rows are the measurements, oldest first, those that a rollback has undone too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from caviar.learners.dense.knobs import KNOBS
from caviar.records import Run, RunKind, RunMeasurement, RunSnapshot
from caviar.scale_rules import Value
from caviar.scales import Choice, Integer, Log
from caviar.store import Store
from caviar.store.runs import Runs, is_running
from caviar.views.run import Family, Layer, RunView, effective, family_of, layer, run_view_of

_AVERAGES = ("momentum", "beta1", "beta2")
"""Averages over 1 / (1 - beta) steps, which are turned on the scale of 1 - beta."""


@dataclass(frozen=True)
class Knob:
    """A knob as a control. ``is_effective`` is false where a turn would change nothing.

    ``scale`` is "log", "linear", "one_minus_log", "integer", "choices", "text", "number" without limits, or "fixed"
    where it cannot be turned.
    """

    name: str
    value: Value
    scale: str
    low: float | None = None
    high: float | None = None
    choices: tuple[Value, ...] | None = None
    is_effective: bool = True


@dataclass(frozen=True)
class RunPage:
    """Everything that the page of a run shows.

    ``undone``, ``train``, ``validation`` and the columns of ``inside`` have a member a row, NaN where a row has none.
    ``train`` and ``validation`` are the smoothed losses of the rows that count. ``inside`` has a column a layer, by the
    name of the measure.
    """

    view: RunView
    undone: tuple[bool, ...]
    train: tuple[float, ...]
    validation: tuple[float, ...]
    inside: Mapping[str, tuple[tuple[float, ...], ...]]
    knobs: tuple[Knob, ...]
    snapshots: tuple[RunSnapshot, ...]
    family: Family


def run_page(store: Store, name: str) -> RunPage:
    """The page of run ``name`` as it stands. Raises StoreError if there is no such run."""
    runs = Runs(store)
    run = runs.run(name)
    view = run_view_of(run, runs.measurements(name), runs.diary(name), run.progress or {}, is_running(run))
    return run_page_of(view, runs.snapshots(name), family_of(name, runs.all(), runs.measurements))


def run_page_of(view: RunView, snapshots: Sequence[RunSnapshot], family: Family) -> RunPage:
    """The page of the run of ``view``."""
    places = {id(m): i for i, m in enumerate(view.line)}
    line = [places.get(id(m)) for m in view.measured]
    return RunPage(
        view=view,
        undone=tuple(place is None for place in line),
        train=tuple(math.nan if place is None else view.curves.train[place] for place in line),
        validation=tuple(math.nan if place is None else view.curves.validation[place] for place in line),
        inside=inside_of(view.measured),
        knobs=knobs_of(view.record),
        snapshots=tuple(snapshots),
        family=family,
    )


def inside_of(rows: Sequence[RunMeasurement]) -> dict[str, tuple[tuple[float, ...], ...]]:
    """The measures of every layer by the rows; empty where no network of ours was looked into."""
    looks = [row.values.get("inside", ()) for row in rows]
    layers = max(map(len, looks), default=0)
    if not layers:
        return {}
    by_row = [[layer(values, i + 1 == len(look)) for i, values in enumerate(look)] for look in looks]

    def column(name: str, at: int) -> tuple[float, ...]:
        found = [getattr(row[at], name) if at < len(row) else None for row in by_row]
        return tuple(math.nan if value is None else value for value in found)

    return {field.name: tuple(column(field.name, at) for at in range(layers)) for field in fields(Layer)}


def knobs_of(run: Run) -> tuple[Knob, ...]:
    """The knobs of ``run`` as they stand; before its process has said anything, those that it begins with."""
    standing = dict((run.progress or {}).get("knobs") or {})
    if run.kind is not RunKind.NETWORK:
        return tuple(_own(name, value) for name, value in (standing or run.config).items())
    standing = standing or {name: value for name, value in run.config.items() if name in KNOBS}
    with_effect = effective(standing)
    return tuple(_of_a_network(name, value, name in with_effect) for name, value in standing.items() if name in KNOBS)


def _of_a_network(name: str, value: Any, is_effective: bool) -> Knob:
    scale = KNOBS[name]
    if isinstance(scale, Choice):
        return Knob(name, value, "choices", choices=tuple(scale.choices), is_effective=is_effective)
    kind = "log" if isinstance(scale, Log) else "integer" if isinstance(scale, Integer) else "linear"
    kind = "one_minus_log" if name in _AVERAGES else kind
    low, high = float(getattr(scale, "low", math.nan)), float(getattr(scale, "high", math.nan))
    return Knob(name, value, kind, low, high, is_effective=is_effective)


def _own(name: str, value: Any) -> Knob:
    """A knob of another's program; one with a name of ours has our limits."""
    if value is None or isinstance(value, list | tuple):
        return Knob(name, tuple(value) if value is not None else None, "fixed")
    if isinstance(value, bool):
        return Knob(name, value, "choices", choices=(True, False))
    if isinstance(value, str):
        return Knob(name, value, "text")
    return _of_a_network(name, value, True) if name in KNOBS else Knob(name, value, "number")
