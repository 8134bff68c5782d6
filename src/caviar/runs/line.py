"""The epochs of a session's run, of which a rollback undoes some; see records/line.py."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from caviar.errors import ConfigError, did_you_mean
from caviar.ranges import check_range
from caviar.records import RunMeasurement, RunSpec
from caviar.records.line import is_before, judged_by, loss_of
from caviar.runs.epochs import Epochs

SAVED = ("best", "last")
"""Epochs whose network may become the model."""


def check_line(spec: RunSpec) -> None:
    """Raise ConfigError for a patience, or an epoch to save, that no run can have."""
    check_range("patience", spec.patience)
    if spec.save not in SAVED:
        raise ConfigError(f"`save` is best or last, got {spec.save!r}", did_you_mean(spec.save, SAVED))


class Line:
    """The epochs of a run as it is."""

    def __init__(self, goal: str, measurements: Iterable[RunMeasurement] = ()) -> None:
        """``goal`` is that of a program's score, see ``goal_of``; ``measurements`` may have undone ones among them."""
        self.goal = goal
        self.measured: list[RunMeasurement] = []
        self.epochs = Epochs()
        """Values by name, the number of the epoch among them."""
        self._loss = partial(loss_of, goal=goal)
        for measurement in measurements:
            self.add(measurement)

    def add(self, measurement: RunMeasurement) -> None:
        """Put a measurement at the end; it takes the place of those that it comes before."""
        while self.measured and not is_before(self.measured[-1].clock, measurement.clock):
            self._pop()
        self.measured.append(measurement)
        self.epochs.append(dict(measurement.values) | {"epoch": measurement.clock.epoch})

    def back_to(self, epoch: int) -> None:
        """Leave out the epochs after ``epoch``."""
        while self.measured and self.measured[-1].clock.epoch > epoch:
            self._pop()

    def lost_patience(self, patience: int | None) -> str:
        """The reason to stop once ``patience`` epochs are no better than the best before them; empty until then."""
        best = self.best
        if patience is None or best is None or self.measured[-1].clock.epoch - best.clock.epoch < patience:
            return ""
        name = (judged_by(best.values, self.goal) or "").replace("_", " ")
        value = float(best.values[judged_by(best.values, self.goal) or ""])
        since = "the epoch since was" if patience == 1 else f"{patience} epochs since were"
        return f"epoch {best.clock.epoch} has the best {name}, {value:.4g}, and {since} no better"

    @property
    def best(self) -> RunMeasurement | None:
        """The best epoch; None where none was measured."""
        place = self.epochs.best(self._loss)
        return None if place is None else self.measured[place]

    def _pop(self) -> None:
        self.measured.pop()
        self.epochs.pop()
