"""Numbers without the unit that they had in training: a column that was 51.2% there and is 0.512 here, in a frame, say.

They are read as they stand, in the unit of training, and a note says so. Shares from 0 to 1 where training had per
cent far above can hardly be meant so, and are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from caviar.data.columns import is_number, shown
from caviar.data.numerals import Notation
from caviar.data.verdicts import NEARLY_ALL
from caviar.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

_WHOLES = {"%": 100, "‰": 1000}
_FACTORS = (1000.0, 100.0, 0.01, 0.001)  # between units, and of a decimal mark that is one of thousands
_FEW = 5  # numbers: of fewer nothing is said
_WELL_ABOVE = 5.0  # per cent that training has on average: shares from 0 to 1 are not likely to be per cent


def bare_columns(columns: Mapping[str, pd.Series[Any]], known: Mapping[str, Notation]) -> tuple[str, ...]:
    """The columns of numbers whose cells had a unit in training."""
    return tuple(n for n, column in columns.items() if n in known and known[n].unit and is_number(column.dtype))


def note_on_bare(name: str, column: pd.Series[Any], notation: Notation) -> str:
    """A note on a column of numbers that had a unit in training."""
    values = column.to_numpy(np.float64)
    value = next((v for v in values.tolist() if v == v and v), 0.0)
    had = f", such as {shown(notation.example, 30)}" if notation.example else ""
    return (
        f"{shown(name)} had the unit {shown(notation.unit)} in training{had}, and has none here: its numbers are taken "
        f"to be in that unit ({value:.6g} is {value:.6g} {notation.unit}); if they are not, convert them"
    )


def check_shares(name: str, column: pd.Series[Any], notation: Notation, mean: float) -> None:
    """Raise DataError for shares from 0 to 1 in a column that was in per cent, and that on average, in training."""
    whole = _WHOLES.get(notation.unit)
    values = column.to_numpy(np.float64)
    values = np.abs(values[np.isfinite(values) & (values != 0)])
    if whole is None or abs(mean) < _WELL_ABOVE * whole / 100 or not len(values) or values.max() > 1:
        return
    if (values == 1).all():
        return
    value = float(values[values < 1][0])
    raise DataError(
        f"{shown(name)} had the unit {notation.unit} in training, {mean:.3g} {notation.unit} on average, and has none "
        f"here: {value:.6g} can be {value:.6g} {notation.unit} or {value * whole:.6g} {notation.unit}",
        f"multiply the column by {whole}; or write the unit in each cell, as text: "
        f"{shown(f'{value:.6g}{notation.unit}')}",
    )


def note_on_scale(name: str, column: pd.Series[Any], low: float, high: float) -> str:
    """A note where numbers would be like those of training if all were multiplied by 1,000, say; empty elsewhere.

    low, high: the least and the greatest of training.
    """
    values = column.to_numpy(np.float64)
    values = values[np.isfinite(values)]
    if len(values) < _FEW or not low < high:
        return ""
    if np.count_nonzero((values < low) | (values > high)) < NEARLY_ALL * len(values):
        return ""
    middle = float(np.median(values))
    factor = next((f for f in _FACTORS if low <= middle * f <= high), None)
    if factor is None or not middle:
        return ""
    by = f"times {factor:,g}" if factor > 1 else f"divided by {1 / factor:,.0f}"
    return (
        f"{shown(name)} has {middle:.6g} in the middle, and {low:.6g} to {high:.6g} in training: {by} it would be "
        "alike, so look at its unit and its decimal mark"
    )
