"""The nouns of a report on drift: tests of columns and outputs, classes, layers, and the report itself."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from caviar.analysis.old_from_new import TwoSample

LEVEL = 0.05
"""The share of reports on rows that have not changed which may say that something has."""

LEAST_EFFECT = 0.02
"""The least effect that counts as a change: 2 % of the rows are elsewhere."""


@dataclass(frozen=True)
class Change:
    """A test of ``name``, a column or another thing: its ``statistic``, the ``effect`` from 0 to 1, and ``p``.

    ``test`` is "values", "missing" or "relations" of a column, "outputs", "labels", "errors" or "rows". ``p_adjusted``
    is below 0.05 for what is significant among all tests of the report.
    """

    name: str
    test: str
    statistic: float
    effect: float
    p: float
    p_adjusted: float = 1.0

    @property
    def changed(self) -> bool:
        """True where it is significant, and not too small to matter."""
        return self.p_adjusted < LEVEL and self.effect >= LEAST_EFFECT


@dataclass(frozen=True)
class ClassShare:
    """A class: its share in training, and among the predictions for sealed rows and new ones.

    ``estimated``, with its interval, is the share among new rows if nothing but the mix of classes has changed.
    """

    label: str | int | bool
    trained: float
    predicted_then: float
    predicted_now: float
    estimated: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class NewLabel:
    """A label that the model does not know, and the new rows that have it."""

    label: str | int | bool
    rows: int


@dataclass(frozen=True)
class LayerShift:
    """A hidden layer: by how many deviations of then the mean of a unit has moved, on average and at most.

    ``by_chance`` is that average where nothing has changed; ``spread`` the median ratio of deviations, now to then.
    """

    layer: int
    shift: float
    largest: float
    spread: float
    by_chance: float


@dataclass(frozen=True)
class Score:
    """Accuracy, or the mean absolute error, on the sealed rows ``then`` and on labelled new rows ``now``."""

    metric: str
    then: float
    now: float
    rows: int


@dataclass(frozen=True)
class Drift:
    """The report: so many new ``rows`` against so many ``old_rows``; ``columns`` has the most probable change first.

    ``detectable`` is the least distance of a column's distributions that so many rows show. ``new_labels`` has the most
    frequent one first; ``labels`` and ``score`` are of the other labelled rows. ``notes`` are on the data; ``unknown``
    says what cannot be known.
    """

    rows: int
    old_rows: int
    outputs: Change | None
    columns: tuple[Change, ...]
    labels: tuple[Change, ...] = ()
    new_labels: tuple[NewLabel, ...] = ()
    together: Change | None = None
    two_sample: TwoSample | None = None
    score: Score | None = None
    classes: tuple[ClassShare, ...] = ()
    layers: tuple[LayerShift, ...] = ()
    detectable: float = math.nan
    notes: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def tests(self) -> tuple[Change, ...]:
        """All tests, the outputs' first."""
        alone = (one for one in (self.outputs, self.together) if one is not None)
        return (*alone, *self.labels, *self.columns)

    @property
    def changed(self) -> bool:
        """True where any test says so, and where a label is one that the model does not know: no test is needed."""
        return bool(self.new_labels) or any(test.changed for test in self.tests)

    def to_record(self) -> dict[str, Any]:
        """Plain data: the object of ``caviar drift``; its "drift" is also that of ``caviar retest``."""
        return {
            "rows": self.rows,
            "old_rows": self.old_rows,
            "changed": self.changed,
            "drift": {
                "changed": self.changed,
                "columns": [_plain(one) for one in self.columns],
                "outputs": None if self.outputs is None else _plain(self.outputs),
                "labels": [_plain(one) for one in self.labels],
                "new_labels": [asdict(one) for one in self.new_labels],
                "rows": None if self.together is None else _plain(self.together),
                "two_sample": None if self.two_sample is None else asdict(self.two_sample),
                "score": None if self.score is None else asdict(self.score),
                "classes": [asdict(one) for one in self.classes],
                "layers": [asdict(one) for one in self.layers],
                "detectable": self.detectable,
            },
            "notes": list(self.notes),
            "unknown": list(self.unknown),
        }


def _plain(test: Change) -> dict[str, Any]:
    return {**asdict(test), "changed": test.changed}
