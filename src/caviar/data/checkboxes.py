"""Columns with one value and blanks: a box that is ticked or not.

As a number such a column would be constant, its blanks filled with the mean; as text it is present or missing. A model
keeps the value, and finds it in another dress: 1 is 1.0, True and "true"; 0, False and no are an empty box.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from caviar.data.columns import as_text, is_date, is_number, option, shown
from caviar.data.descriptions import described
from caviar.data.number_cells import is_mark
from caviar.data.numerals import meaning_of

if TYPE_CHECKING:
    import pandas as pd

_SAMPLE = 1_000  # cells that are looked at before a column is looked at as a whole
_TICKED = frozenset(
    {"x", "1", "true", "t", "yes", "y", "ja", "j", "oui", "si", "s\xed", "on", "checked", "\u2713", "\u2714", "\u2611"}
)
_EMPTY = ("no", "n", "false", "f", "0")


def checkbox_of(column: pd.Series[Any]) -> str | None:
    """The one value of a column that has it and blanks, as text; None for any other column.

    Beside 0 a blank is a missing value: the dark pixels of images.
    """
    if is_date(column.dtype) or (is_number(column.dtype) and column.dtype.kind != "f"):
        return None
    first = column.iloc[:_SAMPLE].dropna()
    if len(first) and (first != first.iloc[0]).any():
        return None
    different = as_text(column.dropna().drop_duplicates().iloc[:2]).tolist()
    if len(different) != 1 or not column.isna().any() or is_mark(different[0]):
        return None
    if is_number(column.dtype) and different[0] == "0":
        return None
    return str(different[0])


def ticked(column: pd.Series[Any], value: str) -> pd.Series[Any]:
    """A column as text that has ``value`` wherever it means that, and a gap where it means an empty box."""
    cells = as_text(column)
    meanings = {text: _ticked(text, value) for text in cells.dropna().unique().tolist()}
    return cells.map(meanings.get, na_action="ignore").astype(object).where(cells.notna(), np.nan)


def note_on(columns: Mapping[str, pd.Series[Any]], found: Mapping[str, str]) -> tuple[str, ...]:
    """A note on the columns that are taken as boxes."""
    if not found:
        return ()
    how = {
        name: f"{shown(value, 30)} in {columns[name].notna().sum():,} rows, blank in {columns[name].isna().sum():,}"
        for name, value in found.items()
    }
    return (
        f"one value and blanks, so taken as present or absent: {described(how)}; "
        f"{option('ignore', list(found))} leaves {'it' if len(found) == 1 else 'them'} out",
    )


def _ticked(text: str, value: str) -> str | None:
    """``value`` for a text that means it, None for an empty box, else the text."""
    cell, wanted = text.strip().casefold(), value.strip().casefold()
    if cell == wanted or meaning_of(cell) == meaning_of(wanted) or {_as_sign(cell), _as_sign(wanted)} <= _TICKED:
        return value
    if is_mark(cell) or ((cell in _EMPTY or meaning_of(cell) == 0) and wanted not in _EMPTY):
        return None
    return text


def _as_sign(cell: str) -> str:
    """1 for 1.0 as well."""
    return "1" if meaning_of(cell) == 1 else cell
