"""Score of predictions on labels that the table has already."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from caviar.data.columns import listed, plain, shown
from caviar.data.labels import Label, few_classes, meaning, positions
from caviar.data.number_cells import is_mark
from caviar.data.preprocessing import Preprocessing
from caviar.data.several import encode_several
from caviar.errors import DataError
from caviar.learners.scoring import Scoring, outputs_for
from caviar.records.metrics import metric_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    import pandas as pd

    from caviar.learners.contract import Floats

METRIC, POSITIVE = "metric", "positive"
"""The facts of a model that say by what its study chose, and about which of two classes average precision is."""


@dataclass(frozen=True)
class KnownLabels:
    """The ``score`` of predictions by the ``metric`` on so many ``rows`` that have a label in the ``column``.

    Where the labels cannot be read there is no score, and ``why``.
    """

    column: str
    metric: str
    score: float | None
    rows: int
    why: str = ""

    @property
    def note(self) -> str:
        """A sentence on the score."""
        if self.score is None:
            return f"{shown(self.column)} has labels, but they cannot be compared with the predictions: {self.why}"
        rows = "1 row that has its label" if self.rows == 1 else f"{self.rows:,} rows that have their label"
        score = f"{metric_name(self.metric)} {self.score:.4f}"
        return f"{score} on {rows} in {shown(self.column)}; rows that were trained on make it too good"


def known_labels(
    learned: Preprocessing, frame: pd.DataFrame, outputs: Floats, labels: Floats, facts: Mapping[str, Any]
) -> KnownLabels | None:
    """The score of ``outputs`` (m, n_out) where ``frame`` has the target of training, else None.

    It is by the metric of the ``facts`` of a model, else by the usual one. labels: (m, n_out), as the networks gave
    them, where the label need not be the most probable class.
    """
    name = ", ".join(learned.target_columns)
    scoring = Scoring.of_target(learned, 0 if facts.get(POSITIVE) == 0 else 1)
    usual = scoring.metrics[0]
    metric = facts[METRIC] if facts.get(METRIC) in scoring.metrics else usual
    present = rows_with_label(learned, frame)
    if not present.any():
        return None
    try:
        wanted = labels_of(learned, frame, present)
    except DataError as error:
        return KnownLabels(name, metric, None, int(present.sum()), error.rule)
    if scoring.undefined(metric, wanted) is not None:
        metric = usual
    score = scoring.score(metric, outputs_for(metric, outputs, labels)[present], wanted)
    return KnownLabels(name, metric, score, int(present.sum()))


def rows_with_label(learned: Preprocessing, frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """True (m,) for each row of ``frame`` that has a cell of the target, or of each of several.

    Nowhere, where there is no such column.
    """
    names = learned.target_columns
    there = bool(names) and all(name in frame.columns and name not in learned.columns for name in names)
    present = np.full(len(frame), there)
    for name in names if there else ():
        cells = plain(frame[name])
        if cells is None:
            return np.zeros(len(frame), dtype=bool)
        present &= cells.notna().to_numpy(dtype=bool)
        if learned.regression:
            present &= ~np.array([isinstance(cell, str) and is_mark(cell) for cell in cells.tolist()], dtype=bool)
    return present


def new_labels(
    learned: Preprocessing, frame: pd.DataFrame, rows: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.bool_], tuple[tuple[Label, int], ...]]:
    """True (m,) for those of the ``rows`` with a class that training had, and each other label with its rows.

    The most frequent label is first. Raises DataError where the labels are numbers to estimate and not classes, or
    numbers in place of all of the texts that training had.
    """
    cells = plain(frame[learned.target])
    assert cells is not None  # the rows have one
    labels, codes = positions(cells[rows].reset_index(drop=True), learned.classes)
    others = labels[codes < 0]
    counts = Counter(others.tolist())
    _check_classes(learned, counts, len(labels))
    known = rows.copy()
    known[np.flatnonzero(rows)[codes < 0]] = False
    return known, tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _check_classes(learned: Preprocessing, others: Counter[Label], labels: int) -> None:
    """Raise DataError where the ``others`` among so many ``labels`` are mostly numbers, and no classes."""
    classes = [meaning(label) for label in learned.classes]
    found = {label: meaning(label) for label in others if str(label).strip().casefold() not in ("true", "false")}
    numbers = {label: value for label, value in found.items() if not isinstance(value, str)}
    written = sum(others[label] for label in numbers)
    if 2 * written <= others.total() or any(not isinstance(c, str) and c % 1 for c in classes):
        return
    values = np.repeat([*numbers.values()], [others[label] for label in numbers])
    in_place_of_texts = others.total() == labels and all(isinstance(c, str) for c in classes)
    if in_place_of_texts or not few_classes(values):
        raise DataError(
            f"{shown(learned.target)} has numbers that are no class of the model, such as {shown(next(iter(numbers)))} "
            f"({written:,} of {labels:,} labelled rows); the model knows the {len(classes)} classes "
            f"{listed(learned.classes)}",
            f"give the column of classes the name {shown(learned.target)}; or compare all else: `labels=False`",
        )


def labels_of(learned: Preprocessing, frame: pd.DataFrame, rows: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    """The labels of some ``rows`` (m,), as ``Preprocessing.encode`` gives them. Raises DataError as it does."""
    found = {}
    for name in learned.target_columns:
        cells = plain(frame[name])
        assert cells is not None  # the rows have one
        found[name] = cells[rows].reset_index(drop=True)
    return encode_several(found, learned.targets) if learned.targets else learned.encode(found[learned.target])
