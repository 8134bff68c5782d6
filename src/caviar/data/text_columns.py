"""Columns of text: a category each, learned on the training rows; in a row it is 1 where the row has it (one-hot)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from caviar.data.columns import as_text, index, is_text, plain, shown
from caviar.data.number_cells import is_mark
from caviar.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

_WHOLE = re.compile(r"(-?[0-9]+)\.0+")
MOST_CATEGORIES = 100  # of a text column; the rest share one column, or a wide network is fed almost only zeros


@dataclass(frozen=True)
class TextColumn:
    """A column of text: one output column a category, then one for missing, then one for any other text."""

    name: str
    categories: tuple[str, ...]
    missing: bool
    other: bool

    @property
    def width(self) -> int:
        """Output columns."""
        return len(self.categories) + self.missing + self.other

    def apply(self, column: pd.Series[Any], out: npt.NDArray[np.float32]) -> tuple[int, int]:
        """Write 1 in every row's category to ``out`` (m, width), zeros before; the missing and the unknown cells."""
        cells = plain(column)
        if cells is None:
            raise DataError(
                f"column {shown(self.name)} must hold text, as in training, got {column.dtype}", "convert it"
            )
        if not is_text(cells.dtype):
            cells = as_text(cells)
        codes = index(self.categories).get_indexer(index(cells))
        absent = cells.isna().to_numpy(dtype=bool, copy=True)
        if self.missing:  # a mark of a missing value that training did not have as text
            for row in np.flatnonzero((codes < 0) & ~absent).tolist():
                absent[row] = is_mark(cells.iloc[row])
        strange = (codes < 0) & ~absent
        for row in np.flatnonzero(strange).tolist():  # a whole number as a column with gaps has it: 98101.0
            whole = _WHOLE.fullmatch(cells.iloc[row])
            codes[row] = self.categories.index(whole[1]) if whole and whole[1] in self.categories else -1
        strange &= codes < 0
        if self.missing:
            codes[absent] = len(self.categories)
        if self.other:
            codes[strange] = self.width - 1
        rows = np.flatnonzero(codes >= 0)
        out[rows, codes[rows]] = 1.0
        return int(absent.sum()), 0 if self.other else int(strange.sum())


def learn_text(column: pd.Series[Any]) -> tuple[TextColumn | None, str | None]:
    """The column's categories; or None and why it is left out."""
    name, present = str(column.name), int(column.notna().sum())
    counts = {str(text): int(n) for text, n in column.value_counts().items()}
    if len(counts) + (present < len(column)) < 2:
        return None, f"constant in the training rows, so left out: {shown(name)}"
    by_frequency = sorted(counts, key=lambda text: (-counts[text], text))
    kept, rest = by_frequency[:MOST_CATEGORIES], by_frequency[MOST_CATEGORIES:]
    text = TextColumn(name, tuple(sorted(kept)), missing=present < len(column), other=bool(rest))
    return (
        text,
        f"only the {MOST_CATEGORIES} most frequent of {len(counts)} texts are told apart: {shown(name)}"
        if rest
        else None,
    )
