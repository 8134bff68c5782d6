"""Columns of dates: read from text, and turned into numbers for a network.

A column of dates is datetime64, without a zone; a gap is NaT. Of the features a network is fed, those that are the same
in all training rows are left out. Each becomes z, by its mean and deviation over the training rows, as numbers do.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from caviar.data.columns import Floats, as_text, is_date, is_number, is_text, plain, shown
from caviar.data.dates import FEATURES, DateNotation
from caviar.data.moments import moments
from caviar.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

Dates = npt.NDArray[np.datetime64]

ISO = DateNotation()
_DAY = np.timedelta64(1, "D")
_SHORT = re.compile(r"\s*(?P<a>[0-9]{1,2})(?P<mark>[-/. ])(?P<b>[0-9]{1,2})(?P=mark)[0-9]{2,4}.*", re.DOTALL)
_WRITTEN_IN_ISO = r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?"


@dataclass(frozen=True)
class DateColumn:
    """The ``features`` that a column of dates becomes, with ``mean`` and ``deviation``; days count from ``start``."""

    name: str
    features: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    start: str

    def __post_init__(self) -> None:
        if not len(self.features) == len(self.mean) == len(self.deviation) or not {*self.features} <= {*FEATURES}:
            raise ValueError("a feature of a date is wrong")
        if not all(map(math.isfinite, self.mean)) or not all(0 < sigma < math.inf for sigma in self.deviation):
            raise ValueError("a mean or a deviation of a date is wrong")
        if np.isnat(np.datetime64(self.start)):
            raise ValueError("the start of a date is missing")

    @property
    def width(self) -> int:
        """Output columns."""
        return len(self.features)

    def apply(self, column: pd.Series[Any], out: npt.NDArray[np.float32]) -> int:
        """Write the standardised features to ``out`` (m, width); the number of gaps, which become zeros."""
        days = column.to_numpy(dtype="datetime64[us]")
        found = features_of(days, np.datetime64(self.start))
        z = np.column_stack([found[name] for name in self.features])  # (m, width)
        z = (z - np.array(self.mean)) / np.array(self.deviation)
        absent = np.isnat(days)
        z[absent] = 0.0
        out[:] = z
        return int(absent.sum())


def learn_dates(name: str, column: pd.Series[Any]) -> DateColumn | None:
    """The features of a column of the training rows; None where no date differs from another."""
    import pandas as pd

    days = column.to_numpy(dtype="datetime64[us]")
    present = days[~np.isnat(days)]
    if not len(present):
        return None
    start = present.min().astype("datetime64[D]")
    found = moments(pd.DataFrame(features_of(days, start)))
    kept = [k for k in range(len(FEATURES)) if found.deviation[k] > 0]
    if not kept:
        return None
    return DateColumn(
        name,
        tuple(FEATURES[k] for k in kept),
        tuple(float(found.mean[k]) for k in kept),
        tuple(float(found.deviation[k]) for k in kept),
        str(start),
    )


def features_of(days: Dates, start: np.datetime64) -> dict[str, Floats]:
    """The features (m,) of dates (m,), NaN for a gap."""
    absent = np.isnat(days)
    days = np.where(absent, start.astype("datetime64[us]"), days)
    day, month, year = (days.astype(f"datetime64[{unit}]") for unit in "DMY")
    counted = day.astype(np.int64)
    found = {
        "year": year.astype(np.int64) + 1970,
        "month": month.astype(np.int64) % 12 + 1,
        "day": (day - month.astype("datetime64[D]")).astype(np.int64) + 1,
        "weekday": (counted + 3) % 7,  # 1 January 1970 was a Thursday
        "hour": (days - day) / np.timedelta64(1, "h"),
        "days": (days - start.astype("datetime64[us]")) / _DAY,
    }
    return {name: np.where(absent, np.nan, values.astype(np.float64)) for name, values in found.items()}


def read_dates(column: pd.Series[Any], notation: DateNotation = ISO) -> pd.Series[Any]:
    """A column of dates, of text or of whole numbers such as 20200131, as dates; of times alone, as hours.

    Raises DataError, naming row and column, for a cell that does not fit.
    """
    import pandas as pd

    tidied = plain(column)
    if tidied is not None and (is_date(tidied.dtype) or (notation.clock and is_number(tidied.dtype))):
        return tidied
    if tidied is None:
        raise DataError(f"column {shown(column.name)} must hold dates, got {column.dtype}", "turn it into dates")
    cells = as_text(tidied) if is_number(tidied.dtype) else tidied
    values = _quickly(cells) if not notation.clock else None
    if values is None:
        values = _cell_by_cell(cells, notation)
    return pd.Series(values, index=column.index, name=column.name)


def other_mark(column: pd.Series[Any], notation: DateNotation) -> str:
    """A note where text that could be read with the day or the month first is written with another mark than before."""
    own = _SHORT.fullmatch(notation.example)
    if own is None or notation.order == "ymd" or not is_text(column.dtype):
        return ""
    marks = column.dropna().astype("str").str.extract(_SHORT, expand=True)
    foreign = marks[(marks["mark"].notna()) & (marks["mark"] != own["mark"])]
    if foreign.empty or (foreign[["a", "b"]].astype(int).max() > 12).any():  # a day above 12 shows the order
        return ""
    text = column.loc[foreign.index[0]]
    day, month = ("day", "month") if notation.order == "dmy" else ("month", "day")
    return (
        f"{shown(text)} in {shown(column.name)} is read with the {day} before the {month}, "
        f"as {shown(notation.example)} was in training; write it so if that is wrong"
    )


def _quickly(cells: pd.Series[Any]) -> Dates | None:
    """The dates of a column in the one notation that pandas reads at once; None for any other."""
    import pandas as pd

    present = cells.dropna().astype("str")
    if not present.str.fullmatch(_WRITTEN_IN_ISO).all():
        return None
    read = pd.to_datetime(cells, format="ISO8601", errors="coerce")
    return None if read.isna().sum() != cells.isna().sum() else read.to_numpy(dtype="datetime64[us]")


def _cell_by_cell(cells: pd.Series[Any], notation: DateNotation) -> npt.NDArray[Any]:
    meanings: Mapping[str, Any] = {text: notation.value(text) for text in cells.dropna().unique()}
    for row, text in enumerate(cells.tolist(), 1):
        if isinstance(text, str) and meanings[text] is None:
            what = "times" if notation.clock else "dates"
            raise DataError(
                f"row {row}, column {shown(cells.name)}: it holds {what} in training, got {shown(text)}",
                f"write it as in training, such as {shown(notation.example or '2020-01-31')}, or leave the cell empty",
            )
    found = [meanings.get(text) if isinstance(text, str) else None for text in cells.tolist()]
    if notation.clock:
        return np.array([math.nan if value is None else value for value in found], dtype=np.float64)
    return np.array([None if isinstance(v, float) else v for v in found], dtype="datetime64[us]")
