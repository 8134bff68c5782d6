"""A last row that sums up the others, as spreadsheets have it: it is no example."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from caviar.data.columns import is_number, is_text, shown

if TYPE_CHECKING:
    import pandas as pd

_WORDS = frozenset({
    "total", "totals", "grand total", "sub total", "subtotal", "sum", "sums", "all", "overall", "average", "mean",
    "gesamt", "summe", "gesamtsumme", "insgesamt", "mittelwert", "durchschnitt", "somme", "totale", "totaal", "suma",
})  # fmt: skip
_FEWEST = 3  # rows above it


def note_on_total(frame: pd.DataFrame) -> tuple[str, ...]:
    """A note on a last row that has such a word as no other row has, or the sums of all columns of numbers."""
    m = len(frame)
    if m <= _FEWEST:
        return ()
    for name, dtype in zip(frame.columns, frame.dtypes, strict=True):
        word = frame[name].iloc[-1] if is_text(dtype) else None
        if isinstance(word, str) and word.strip(" :.*").casefold() in _WORDS and (frame[name] == word).sum() == 1:
            return (_note(m, f"it has {shown(word, 30)} in {shown(name)}"),)
    numeric = [name for name, dtype in zip(frame.columns, frame.dtypes, strict=True) if is_number(dtype)]
    last = frame.iloc[-1:][numeric].to_numpy(np.float64)[0] if numeric else np.zeros(0)
    if len(numeric) < 2 or not np.isfinite(last).all() or not last.all():
        return ()
    for place, name in enumerate(numeric):  # the first column that is no sum ends it
        above = float(np.nansum(frame[name].to_numpy(np.float64)[:-1]))
        if not np.isclose(above, last[place], rtol=1e-6, atol=0):
            return ()
    return (_note(m, "each number in it is the sum of those above"),)


def _note(row: int, why: str) -> str:
    return f"the last row, row {row:,}, looks like a total: {why}; remove it from the table if it is no example"
