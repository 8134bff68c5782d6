"""Rows of features and their labels, given as two objects with an index each, belong together by position.

pandas joins by index in some places and by position in others, so an index that says otherwise is a mistake that shows
nowhere: X was shuffled and y was not, say. The rule:

    the same index, or an index on one side only    by position
    the same labels in another order                refused: they may be meant by label, or by position
    different labels, one side just 0, 1, 2, ...    by position, with a note: that side was made from an array
    different labels                                refused
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from caviar.data.columns import shown
from caviar.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


def check_aligned(x: Any, y: Any, x_name: str = "x", y_name: str = "y") -> tuple[str, ...]:
    """Raise DataError where the indexes of ``x`` and ``y`` say that they are not joined by position; or notes."""
    import pandas as pd

    pair = [given.index if isinstance(given, pd.DataFrame | pd.Series) else None for given in (x, y)]
    first, second = pair
    if first is None or second is None or len(first) != len(second) or first.equals(second):
        return ()
    row = int((first != second).argmax()) if first.nlevels == second.nlevels == 1 else 0
    differ = f"row {row + 1} is {shown(first[row])} in {x_name} and {shown(second[row])} in {y_name}"
    if Counter(first.tolist()) == Counter(second.tolist()):
        raise DataError(
            f"{x_name} and {y_name} have the same index in another order: {differ}",
            f"join them by the index, as {y_name}.loc[{x_name}.index]; or by position, with reset_index(drop=True)",
        )
    if not (_is_counted(first) or _is_counted(second)):
        raise DataError(
            f"{x_name} and {y_name} have different indexes: {differ}",
            "give the labels of these rows; or join them by position, with reset_index(drop=True)",
        )
    counted = x_name if _is_counted(first) else y_name
    return (
        f"{x_name} and {y_name} have different indexes and were joined by position, since the index of {counted} "
        f"only numbers the rows: {differ}",
    )


def _is_counted(index: pd.Index[Any]) -> bool:
    import pandas as pd

    return bool(index.equals(pd.RangeIndex(len(index))))
