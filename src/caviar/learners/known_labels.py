"""Score of predictions on labels that the table has already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from caviar.data.columns import plain, shown
from caviar.data.number_cells import is_mark
from caviar.data.preprocessing import Preprocessing
from caviar.errors import DataError
from caviar.nn.metrics import r2

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
        name = "R2" if self.metric == "r2" else self.metric
        rows = "1 row that has its label" if self.rows == 1 else f"{self.rows:,} rows that have their label"
        return f"{name} {self.score:.4f} on {rows} in {shown(self.column)}; rows that were trained on make it too good"


def known_labels(learned: Preprocessing, frame: pd.DataFrame, outputs: npt.NDArray[Any]) -> KnownLabels | None:
    """The score of ``outputs`` (m, n_out) where ``frame`` has the target of training, else None."""
    name, metric = learned.target, "r2" if learned.regression else "accuracy"
    present = rows_with_label(learned, frame)
    if not present.any():
        return None
    try:
        wanted = labels_of(learned, frame, present)
    except DataError as error:
        return KnownLabels(name, metric, None, int(present.sum()), error.rule)
    given = outputs[present]
    score = (
        r2(learned.decode(given[:, 0]), learned.decode(wanted))
        if learned.regression
        else float((given.argmax(axis=1) == wanted).mean())
    )
    return KnownLabels(name, metric, score, int(present.sum()))


def rows_with_label(learned: Preprocessing, frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """True (m,) for each row of ``frame`` that has a cell of the target; nowhere, where there is no such column."""
    name = learned.target
    cells = plain(frame[name]) if name and name in frame.columns and name not in learned.columns else None
    if cells is None:
        return np.zeros(len(frame), dtype=bool)
    present = cells.notna().to_numpy(dtype=bool, copy=True)
    if learned.regression:
        present &= ~np.array([isinstance(cell, str) and is_mark(cell) for cell in cells.tolist()], dtype=bool)
    return present


def labels_of(learned: Preprocessing, frame: pd.DataFrame, rows: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    """The labels of some ``rows`` (m,), as ``Preprocessing.encode`` gives them. Raises DataError as it does."""
    cells = plain(frame[learned.target])
    assert cells is not None  # the rows have one
    return learned.encode(cells[rows].reset_index(drop=True))
