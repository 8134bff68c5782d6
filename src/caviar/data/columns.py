"""Kinds of columns: numbers, truth values, text or dates, and nothing else after ``tidy``.

    numbers   a NumPy integer or float column; a missing value is NaN
    booleans  a NumPy bool column; with missing values it becomes numbers 0, 1, NaN
    text      a string column, or an object column of str; a missing value is None or NaN
    dates     a NumPy datetime64 column, the time as a clock showed it; a missing value is NaT

Lengths of time become numbers, days; times of the day hours. Other columns (lists, complex numbers) are left out with a
warning. Rows are counted from 1 in every
message, the header not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from caviar.data.numerals import PLAIN, Notation
from caviar.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]

LARGEST = 1e100  # beyond it a number stands for 'missing' or is an accident, and its square would overflow
_BLOCK = 1 << 21  # cells of a block of rows: 16 MiB of float64, however large the table
NONE: Mapping[str, Notation] = MappingProxyType({})
_TRUTH = {"true": "1", "false": "0"}
_MISSING = "an empty cell means a missing value"


def shown(value: object, width: int = 60) -> str:
    """``value`` as text that is safe on a terminal: quoted, control characters escaped, at most ``width`` long."""
    text = repr(value[: width + 1] if isinstance(value, str) else value)
    return text if len(text) <= width else f"{text[: width - 4]}...{text[-1]}"


def printable(name: object, width: int = 60) -> str:
    """``name`` without quotes, its control characters replaced, at most ``width`` long."""
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(name)[: width + 1])
    return text if len(text) <= width else f"{text[: width - 3]}..."


def option(argument: str, names: Sequence[object], most: int = 5) -> str:
    """``argument`` with a list of columns, in backquotes as a message writes it."""
    return f"`{argument}=[{', '.join(map(_quoted, names))}]`" if len(names) <= most else f"`{argument}=...`"


def set_to(argument: str, name: object) -> str:
    """``argument`` with one column, in backquotes as a message writes it."""
    return f"`{argument}={_quoted(name)}`"


def _quoted(name: object) -> str:
    """A name as Python writes it, in double quotes where it can be."""
    text = shown(str(name))
    return f'"{text[1:-1]}"' if text[0] == "'" and '"' not in text else text


def listed(names: Sequence[object], most: int = 5) -> str:
    """The first few of ``names``, quoted, for a message."""
    return ", ".join(shown(n) for n in names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def written_alike(texts: Iterable[str], key: Callable[[str], str]) -> list[list[str]]:
    """Those of ``texts`` that have one ``key``, but for blanks and upper case, in lists of two or more."""
    alike: dict[str, list[str]] = {}
    for text in sorted(texts):
        alike.setdefault(key(" ".join(text.split()).casefold()), []).append(text)
    return [group for group in alike.values() if len(group) > 1]


def row_blocks(rows: int, columns: int, cells: int | None = None) -> Iterator[slice]:
    """Slices that cover ``rows`` in blocks of bounded memory, or of so many ``cells``."""
    step = max(1, (cells or _BLOCK) // max(columns, 1))
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


def is_number(dtype: Any) -> bool:
    """True for a column type of numbers or booleans."""
    return isinstance(dtype, np.dtype) and dtype.kind in "biuf"


def is_date(dtype: Any) -> bool:
    """True for a column type of dates; a tidy column that is neither that nor a number is text."""
    return isinstance(dtype, np.dtype) and dtype.kind == "M"


def is_text(dtype: Any) -> bool:
    """True for the type of a tidy column of text."""
    return not is_number(dtype) and not is_date(dtype)


def codes(values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """A number (m,) from 0 on for every different value, by its first appearance; all missing ones have one."""
    import pandas as pd

    found, different = pd.factorize(values)
    return np.where(found < 0, len(different), found).astype(np.int64)


def cell_text(value: object) -> str:
    """A cell as text: a whole number without its ``.0``, bytes decoded."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def as_text(column: pd.Series[Any]) -> pd.Series[Any]:
    """The column as text, missing values kept."""
    cells = column.astype(object)
    return cells.where(column.isna(), cells.map(cell_text, na_action="ignore"))


def index(values: Iterable[object]) -> pd.Index[Any]:
    """Values to look others up in, each as the Python object it is: 1 and "1" differ, 1 and True do not."""
    import pandas as pd

    found: pd.Index[Any] = pd.Index(np.array(list(values), dtype=object), dtype=object)
    return found


def plain(column: pd.Series[Any]) -> pd.Series[Any] | None:
    """The column as numbers, booleans, text or dates; None if it is none of these."""
    import pandas as pd

    dtype = column.dtype
    if is_number(dtype):
        return column
    if isinstance(dtype, pd.PeriodDtype | pd.DatetimeTZDtype) or getattr(dtype, "kind", "") in ("M", "m"):
        return _of_times(column)
    if isinstance(dtype, pd.StringDtype):
        return column
    if isinstance(dtype, pd.CategoricalDtype):
        return as_text(column)  # a category is a name, even where it is written with digits
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind == "string":
        return column
    if kind in ("datetime", "datetime64", "date", "period", "timedelta", "timedelta64", "time"):
        return _of_objects(column, kind)
    if kind == "bytes" or (kind in ("mixed", "mixed-integer") and _all_scalars(column)):
        return as_text(column)
    if kind in ("boolean", "integer", "floating", "mixed-integer-float", "decimal", "empty"):
        if column.isna().any():
            return _as_floats(column.astype(object).where(column.notna(), np.nan))
        try:
            return column.astype(np.bool_ if kind == "boolean" else np.int64 if kind == "integer" else np.float64)
        except OverflowError:  # a Python integer beyond 64 bits
            return _as_floats(column)
    return None


def _as_floats(column: pd.Series[Any]) -> pd.Series[Any]:
    """A column of Python's numbers as floats; one of 400 digits is infinite, as any that no float can hold."""
    try:
        return column.astype(np.float64)
    except OverflowError:
        return column.map(_as_float).astype(np.float64)


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return np.inf if value > 0 else -np.inf


def _of_times(column: pd.Series[Any]) -> pd.Series[Any]:
    """A column of pandas' dates, periods or differences as dates without a zone, or as days."""
    import pandas as pd

    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_localize(None)
    if column.dtype.kind == "m":
        days = column.to_numpy("timedelta64[us]") / np.timedelta64(1, "D")
        return pd.Series(days, index=column.index, name=column.name)
    return pd.Series(column.to_numpy("datetime64[us]"), index=column.index, name=column.name)


def _of_objects(column: pd.Series[Any], kind: str) -> pd.Series[Any]:
    """A column of Python's dates, times or differences as dates, hours or days."""
    import pandas as pd

    cells: list[Any] = [None if gap else one for one, gap in zip(column.tolist(), column.isna(), strict=True)]
    if kind == "period":
        cells = [None if cell is None else cell.to_timestamp() for cell in cells]
    if kind == "time":
        found = [np.nan if cell is None else _hours(cell) for cell in cells]
    elif kind.startswith("timedelta"):
        found = [np.nan if cell is None else pd.Timedelta(cell) / pd.Timedelta(1, "D") for cell in cells]
    else:
        naive = [cell.replace(tzinfo=None) if getattr(cell, "tzinfo", None) is not None else cell for cell in cells]
        return pd.Series(np.array(naive, dtype="datetime64[us]"), index=column.index, name=column.name)
    return pd.Series(np.array(found, dtype=np.float64), index=column.index, name=column.name)


def _hours(clock: time) -> float:
    return clock.hour + (60 * clock.minute + clock.second + clock.microsecond / 1e6) / 3600


def _all_scalars(column: pd.Series[Any]) -> bool:
    return all(isinstance(v, (str, bytes, int, float, np.generic)) for v in column.dropna())


def tidy(frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The frame with plain columns only, uncopied if it has them already; and warnings about those left out."""
    import pandas as pd

    if all(map(is_number, set(frame.dtypes))):
        return frame, ()
    kept: dict[str, pd.Series[Any]] = {}
    dropped = []
    for position, name in enumerate(frame.columns):
        column = plain(frame.iloc[:, position])
        if column is None:
            dropped.append(name)
        else:
            kept[name] = column
    warnings = (f"left out, neither numbers nor text nor dates (lists?): {listed(dropped)}",) if dropped else ()
    return pd.DataFrame(kept, index=frame.index), warnings


def check_finite(frame: pd.DataFrame) -> None:
    """Raise DataError at the first infinite or absurdly large number, naming row and column."""
    positions = [i for i, d in enumerate(frame.dtypes) if isinstance(d, np.dtype) and d.kind == "f"]
    if not positions:
        return
    floats = frame if len(positions) == frame.shape[1] else frame.iloc[:, positions]
    for rows in row_blocks(*floats.shape):
        block = floats.iloc[rows].to_numpy(np.float64)
        bad = np.abs(block) > LARGEST  # NaN is not
        if bad.any():
            row, column = (int(k) for k in np.argwhere(bad)[0])
            raise DataError(
                f"row {rows.start + row + 1}, column {shown(floats.columns[column])}: "
                f"a number must be finite and at most {LARGEST:g} in size, got {block[row, column]:g}",
                f"correct it, or leave the cell empty: {_MISSING}",
            )


def numbers(frame: pd.DataFrame, names: Sequence[str], notations: Mapping[str, Notation] = NONE) -> pd.DataFrame:
    """The named columns as numbers; text is read in the ``notations`` of its column, or as Python writes numbers.

    Raises DataError, naming row and column, for a cell that is not a number or not finite.
    """
    import pandas as pd

    chosen = frame if list(frame.columns) == list(names) else frame[list(names)]
    if not all(map(is_number, set(chosen.dtypes))):
        read = {name: read_numbers(chosen[name], notations.get(name, PLAIN)) for name in names}
        chosen = pd.DataFrame(read, index=chosen.index)
    check_finite(chosen)
    return chosen


def read_numbers(column: pd.Series[Any], notation: Notation = PLAIN) -> pd.Series[Any]:
    """A column of numbers, or of text in that ``notation``, as numbers. Raises DataError for a cell that does not fit.

    Whole numbers without a fraction or a gap become int64, as in a column that was never text.
    """
    import pandas as pd

    tidied = plain(column)
    if tidied is None or is_date(tidied.dtype):
        raise DataError(
            f"column {shown(column.name)} must hold numbers, as in training, got {column.dtype}",
            "turn it into numbers",
        )
    if is_number(tidied.dtype):
        return tidied
    values, misfit = values_of(tidied, notation)
    if misfit is not None and not notation.unit:  # truth values in a column that had 1 and 0
        tidied = tidied.map(lambda text: _TRUTH.get(text.casefold(), text), na_action="ignore")
        values, misfit = values_of(tidied, notation)
    if misfit is not None:
        unit = f" with {shown(notation.unit)}" if notation.unit else ""
        raise DataError(
            f"row {misfit + 1}, column {shown(column.name)}: it holds numbers{unit} in training, "
            f"got {shown(tidied.iloc[misfit])}",
            f"{_as_in_training(notation)}, or leave the cell empty: {_MISSING}",
        )
    read = pd.Series(values, index=column.index, name=column.name)
    whole = not np.isnan(values).any() and (values == np.floor(values)).all() and np.abs(values).max(initial=0) < 2**53
    return read.astype(np.int64) if whole and not any(notation.decimal in text for text in tidied) else read


def values_of(text: pd.Series[Any], notation: Notation) -> tuple[Floats, int | None]:
    """The numbers (m,) that cells of text stand for, NaN for a gap or a mark; and the first row that fits none."""
    import pandas as pd

    if notation.unit or (notation.decimal == "," and text.str.contains(".", regex=False).any()):
        values = np.full(len(text), np.nan)  # cell by cell
    else:
        pythons = text if notation.decimal == "." else text.str.replace(",", ".", regex=False)
        values = pd.to_numeric(pythons.astype(object), errors="coerce").to_numpy(np.float64, copy=True)
    rest = np.flatnonzero(np.isnan(values) & text.notna().to_numpy(dtype=bool))
    texts = text.iloc[rest].tolist()
    meanings = {cell: notation.value(cell) for cell in set(texts)}
    for row, cell in zip(rest.tolist(), texts, strict=True):
        meaning = meanings[cell]
        if meaning is None:
            return values, row
        values[row] = meaning
    return values, None


def _as_in_training(notation: Notation) -> str:
    return f"write it as in training, such as {shown(notation.example)}" if notation.example else "write a number there"
