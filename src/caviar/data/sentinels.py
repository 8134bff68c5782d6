"""Numbers that may stand for a missing value: 9999 among ages, -1 among amounts.

They are noted, and nothing is done: a column may well have them. A number of nines, or its negative, must be further
from the others than these are from one another. A negative one may also be the most frequent by far, where none of the
others is negative.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from caviar.data.columns import Floats, is_number, option
from caviar.data.descriptions import described

if TYPE_CHECKING:
    import pandas as pd

_NINES = tuple(float("9" * k) for k in range(2, 10))
_KNOWN = frozenset({*_NINES, *(-nine for nine in _NINES), -1.0, -9.0, -8888.0, -888.0, -88.0, 8888.0, -200.0})
_FEWEST = 3  # cells
_WIDE = 10  # different other values, for the most frequent one among them to be odd
_OFTEN = 2  # times the next most frequent


def note_on_sentinels(columns: Mapping[str, pd.Series[Any]]) -> tuple[str, ...]:
    """A note on the columns of numbers with such values, and how to have these taken as missing."""
    found = {name: one for name, column in columns.items() if (one := _sentinel(column)) is not None}
    if not found:
        return ()
    how = {
        name: f"{value:g} in {count:,} rows, the others from {low:g} to {high:g}"
        for name, (value, count, low, high) in found.items()
    }
    marks = list(dict.fromkeys(f"{value:g}" for value, *_ in found.values()))
    those = "this stands" if len(found) == 1 else "these stand"
    return (
        f"far from all other numbers of the column, or very frequent: {described(how)}; if {those} for a missing "
        f"value, {option('missing', marks)}",
    )


def _sentinel(column: pd.Series[Any]) -> tuple[float, int, float, float] | None:
    """The value, its cells, and the range of the others; None where the column has none."""
    if not is_number(column.dtype) or column.dtype.kind == "b" or not len(column):
        return None
    values = column.to_numpy()
    low, high = (float(edge) for edge in _range(values))
    for value in (high, low):
        if value in _KNOWN and low < high:
            hits = values == value
            others = values[~hits & ~np.isnan(values)].astype(np.float64)
            if hits.sum() >= _FEWEST and len(others) and _stands_out(value, int(hits.sum()), others):
                return value, int(hits.sum()), float(others.min()), float(others.max())
    return None


def _range(values: Any) -> tuple[float, float]:
    if values.dtype.kind != "f":
        return values.min(), values.max()
    return np.fmin.reduce(values), np.fmax.reduce(values)


def _stands_out(value: float, count: int, others: Floats) -> bool:
    low, high = float(others.min()), float(others.max())
    gap = low - value if value < low else value - high
    if value != -1 and gap > max(high - low, 1.0) and gap > 10:
        return True
    if not value < 0 <= low:
        return False
    different, counts = np.unique(others, return_counts=True)
    return len(different) >= _WIDE and count > _OFTEN * int(counts.max())
