"""Score of predictions on labels that the table has already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from caviar.data.columns import plain, shown
from caviar.data.number_cells import is_mark
from caviar.data.preprocessing import Preprocessing
from caviar.data.several import encode_several
from caviar.errors import DataError
from caviar.label_sets import unpacked
from caviar.nn.metrics import hamming_accuracy, r2
from caviar.records.metrics import metric_name

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd


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


def known_labels(learned: Preprocessing, frame: pd.DataFrame, outputs: npt.NDArray[Any]) -> KnownLabels | None:
    """The score of ``outputs`` (m, n_out) where ``frame`` has the target of training, else None."""
    name = ", ".join(learned.target_columns)
    metric = "hamming_accuracy" if learned.targets else "r2" if learned.regression else "accuracy"
    present = rows_with_label(learned, frame)
    if not present.any():
        return None
    try:
        wanted = labels_of(learned, frame, present)
    except DataError as error:
        return KnownLabels(name, metric, None, int(present.sum()), error.rule)
    given = outputs[present]
    if learned.targets:
        score = hamming_accuracy(given, unpacked(wanted, len(learned.targets)))
    elif learned.regression:
        score = r2(learned.decode(given[:, 0]), learned.decode(wanted))
    else:
        score = float((given.argmax(axis=1) == wanted).mean())
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


def labels_of(learned: Preprocessing, frame: pd.DataFrame, rows: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    """The labels of some ``rows`` (m,), as ``Preprocessing.encode`` gives them. Raises DataError as it does."""
    found = {}
    for name in learned.target_columns:
        cells = plain(frame[name])
        assert cells is not None  # the rows have one
        found[name] = cells[rows].reset_index(drop=True)
    return encode_several(found, learned.targets) if learned.targets else learned.encode(found[learned.target])
