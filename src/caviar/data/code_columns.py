"""Columns of whole numbers that may be codes: of shops, places, products.

Notation
    v, y     a column's numbers, and the targets of the training rows (m,); of numbers their ranks
    equal    the mean of (y_i - y_j)^2, or the share of other classes, over neighbours in the order of v with the same v
    near     the same over neighbours with different v

Where a number says how much of something there is, near is about as small as equal, for rows of the next number are
like it. A code says nothing of its neighbours. Where equal is less than CODE times near, a note says so. The column
stays a number, for an amount that differs from person to person looks the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from caviar.data.columns import Floats, codes, is_number, option, shown
from caviar.data.deal import Indices

if TYPE_CHECKING:
    import pandas as pd

CODE = 0.3
WIDEST_OF_BYTES = 255  # pixels have no larger numbers
ENOUGH = 200  # pairs of neighbours of either kind


def note_on_codes(
    frame: pd.DataFrame,
    columns: Sequence[str],
    target: pd.Series[Any],
    rows: Indices,
    regression: bool,
    sets: Indices | None = None,
) -> tuple[str, ...]:
    """A note on those ``columns`` of ``frame`` (m, n) whose numbers look like codes, by the training ``rows``.

    Of copies, rows of one of the ``sets`` (m,), only the first is looked at.
    """
    if sets is not None:
        rows = rows[np.unique(sets[rows], return_index=True)[1]]
    labels = target.iloc[rows]
    y: Floats = np.asarray(labels.rank() if regression else codes(labels.to_numpy()), dtype=np.float64)
    found = [name for name in columns if is_number(frame[name].dtype) and _is_code(frame[name], rows, y, regression)]
    if not found:
        return ()
    names = ", ".join(map(shown, found[:5])) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
    return (
        f"rows of one value in {names} are alike in {shown(target.name)}, and those of the next value are not, as with "
        f"codes; if the numbers are codes, {option('text', found)}",
    )


def _is_code(column: pd.Series[Any], rows: Indices, y: Floats, regression: bool) -> bool:
    """True for whole numbers of which equal ones say much of ``y`` (m,), and near ones little."""
    v = column.to_numpy()[rows]
    if v.dtype.kind == "b" or not len(v) or not float(np.ptp(v)) > WIDEST_OF_BYTES or (v != np.floor(v)).any():
        return False  # so also with a missing value
    order = np.argsort(v, kind="stable")
    same, step = np.diff(v[order]) == 0, np.diff(y[order])
    apart = step**2 if regression else (step != 0).astype(np.float64)
    if min(same.sum(), (~same).sum()) < ENOUGH:
        return False
    return bool(apart[same].mean() < CODE * apart[~same].mean())
