"""A hash of the content of a table, independent of the file that it came from.

Hashed are the columns' names and their cells: numbers as float64 (as bytes where the whole table is of bytes, as images
are: an eighth of the work), dates as microseconds, text as the list of different texts in order of appearance and the
place of every cell in that list. Names and texts go with their lengths, so that no two tables can run together into the
same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from caviar.data.columns import is_date, is_number, row_blocks
from caviar.data.table import Table

if TYPE_CHECKING:
    import pandas as pd


def digest(*tables: Table | None) -> str:
    """The SHA-256 of the tables' contents as 64 hexadecimal digits."""
    state = hashlib.sha256()
    for table in tables:
        if table is not None:
            _add_frame(state, table.frame)
            _add_column(state, table.target)
            for column in table.several:  # a label set is a number: here is what it stands for
                _add_strings(state, [column.name, *(f"{type(label).__name__} {label}" for label in column.labels)])
    return state.hexdigest()


def _add_frame(state: Any, frame: pd.DataFrame) -> None:
    kinds = [not is_number(dtype) for dtype in frame.dtypes]
    _add_strings(
        state, [("text " if text else "number ") + str(n) for n, text in zip(frame.columns, kinds, strict=True)]
    )
    positions = [i for i, text in enumerate(kinds) if not text]
    numbers = frame if len(positions) == frame.shape[1] else frame.iloc[:, positions]
    dtype = np.uint8 if _all_bytes(numbers) else np.float64
    for rows in row_blocks(*numbers.shape):
        block = numbers.iloc[rows].to_numpy(dtype)
        if dtype == np.float64:
            block = np.where(np.isnan(block), np.nan, block + 0.0)  # one NaN, and no negative zero
        state.update(np.ascontiguousarray(block))
    for i, text in enumerate(kinds):
        if text:
            _add_column(state, frame.iloc[:, i])


def _all_bytes(numbers: pd.DataFrame) -> bool:
    """True where every number is a whole one from 0 to 255, in columns of integers or booleans."""
    if any(d.kind not in "biu" for d in set(numbers.dtypes)):
        return False
    blocks = (numbers.iloc[rows].to_numpy(np.int64) for rows in row_blocks(*numbers.shape))
    return all(block.min(initial=0) >= 0 and block.max(initial=0) <= 255 for block in blocks)


def _add_column(state: Any, column: pd.Series[Any] | None) -> None:
    import pandas as pd

    if column is None:
        state.update(b"no labels")
        return
    if is_date(column.dtype):
        state.update(column.to_numpy("datetime64[us]").astype("<i8"))
        return
    codes, different = pd.factorize(column.astype(object))
    _add_strings(state, [f"{type(v).__name__} {v}" for v in different])
    state.update(codes.astype("<i4"))


def _add_strings(state: Any, strings: Iterable[str]) -> None:
    encoded = [s.encode("utf-8", "surrogatepass") for s in strings]
    state.update(np.array([len(encoded), *map(len, encoded)], dtype="<i8"))
    state.update(b"".join(encoded))
