"""The epochs of a run that count, those that no rollback has undone, and the best of them.

The best epoch is that of the smallest validation loss; of a program that reports a score, that of the best score by its
goal; where neither was measured, that of the smallest loss.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from caviar.records.run import Clock, Run, RunKind, RunMeasurement


def present_line(measurements: Iterable[RunMeasurement]) -> list[RunMeasurement]:
    """The measurements that are in the network, without those that a rollback has undone."""
    line: list[RunMeasurement] = []
    for measurement in measurements:
        while line and not is_before(line[-1].clock, measurement.clock):
            line.pop()
        line.append(measurement)
    return line


def goal_of(run: Run) -> str:
    """The goal of a program's score; empty for networks of ours and for loops."""
    return run.spec.goal or "maximize" if run.kind is RunKind.PROGRAM else ""


def judged_by(values: Mapping[str, Any], goal: str) -> str | None:
    """The name of the number that epochs of these ``values`` are compared by; None where there is none."""
    names = ("score", "validation_loss", "loss") if goal else ("validation_loss", "loss")
    return next((name for name in names if name in values), None)


def best_of(epochs: Sequence[RunMeasurement], goal: str = "") -> RunMeasurement | None:
    """The best of ``epochs``, the first of equals; None where none was measured by a finite number."""
    losses = [loss_of(measurement.values, goal) for measurement in epochs]
    measured = [i for i, loss in enumerate(losses) if math.isfinite(loss)]
    return epochs[min(measured, key=losses.__getitem__)] if measured else None


def loss_of(values: Mapping[str, Any], goal: str) -> float:
    """The number that an epoch of these ``values`` is compared by, the smaller the better; NaN where there is none."""
    name = judged_by(values, goal)
    if name is None:
        return math.nan
    try:
        value = float(values[name])
    except (TypeError, ValueError):
        return math.nan
    return -value if name == "score" and goal == "maximize" else value


def is_before(one: Clock, other: Clock) -> bool:
    """True for a measurement at ``one`` that stays before one at ``other``. A loop of the user's counts no epochs."""
    return one.epoch < other.epoch or (one.epoch == other.epoch == 0 and one.step < other.step)
