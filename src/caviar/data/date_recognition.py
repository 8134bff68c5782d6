"""Recognise columns of dates: text, whole numbers such as 20200131, and columns that are dates already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from caviar.data.columns import is_date, is_number, is_text, option, shown
from caviar.data.date_columns import features_of, read_dates
from caviar.data.dates import CLOCK, DateNotation, Dates, dates_of, hours, moment, order_in, short_year
from caviar.data.descriptions import described, marks_found, refusal_of
from caviar.data.number_cells import is_mark
from caviar.data.verdicts import Doubt, Words
from caviar.errors import DataError
from caviar.records import Reading

if TYPE_CHECKING:
    import pandas as pd

_SAMPLE = 200  # cells that are looked at before a column of text is looked at as a whole
_EARLIEST, _LATEST = 1900_01_01, 2100_12_31  # of whole numbers that are dates

_SAID = {"days": "days since the first"}

Verdict = Dates | Words | Doubt


@dataclass(frozen=True)
class FoundDates:
    """The notations of the columns of dates, notes on them, and why other columns that look like dates are text."""

    notations: Mapping[str, DateNotation] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    doubtful: Mapping[str, str] = field(default_factory=dict)


def recognise_dates(columns: Mapping[str, pd.Series[Any]], reading: Reading) -> FoundDates:
    """Find the dates among ``columns``. Raises DataError for a column that can be read in two ways."""
    named = dict(order_in(entry, list(columns)) for entry in reading.date)
    found = {name: _verdict(column, name in named, named.get(name)) for name, column in columns.items()}
    orders = {one.proof for one in found.values() if isinstance(one, Dates) and one.proof}
    for name, verdict in found.items():
        if isinstance(verdict, Doubt) and verdict.settled_by_others and len(orders) == 1:
            found[name] = _verdict(columns[name], name in named, None, min(orders))
    dates = {}
    for name, verdict in found.items():
        if isinstance(verdict, Doubt):
            raise refusal_of(verdict, name)
        if isinstance(verdict, Dates):
            dates[name] = verdict
        elif name in named:
            cell = next(iter(columns[name].dropna().astype(str)), "")
            raise DataError(
                f"column {shown(name)} must hold dates, but it has none that can be read: the first cell is "
                f"{shown(cell, 30)}",
                "write them as 2024-01-31, 31.01.2024 or 31 Jan 2024; or leave out `date`",
            )
    notations = {name: one.notation for name, one in dates.items()}
    already = {name: Dates(DateNotation()) for name, column in columns.items() if is_date(column.dtype)}
    doubtful = {name: one.why for name, one in found.items() if isinstance(one, Words) and one.why}
    return FoundDates(notations, _notes(columns, {**already, **dates}, reading), doubtful)


def _verdict(column: pd.Series[Any], forced: bool, order: str | None, usual: str | None = None) -> Verdict:
    if is_date(column.dtype):
        return Words() if not forced else Dates(DateNotation())
    if is_number(column.dtype):
        return _of_whole_numbers(column, forced)
    present = column.dropna()
    if not forced and not _promising(present):
        return Words()
    return dates_of(Counter(present.tolist()), order, usual, forced)


def _promising(present: pd.Series[Any]) -> bool:
    """True where a sample of the cells has dates among it."""
    sample = [text for text in present.iloc[:: max(1, len(present) // _SAMPLE)].tolist() if not is_mark(text)]
    found = [t for t in sample if hours(t) is not None or any(moment(t, order) for order in ("dmy", "mdy"))]
    return len(found) * 2 > len(sample)


def _of_whole_numbers(column: pd.Series[Any], forced: bool) -> Verdict:
    """Numbers such as 20200131, each of which is a day."""
    if column.to_numpy().itemsize < 4:  # too small for such a number
        return Words()
    values = column.to_numpy(np.float64)
    values = values[~np.isnan(values)]
    low, high = values.min(initial=np.inf), values.max(initial=-np.inf)
    if not (_EARLIEST <= low < high <= _LATEST) or (values != np.floor(values)).any():
        return Words()
    different = np.unique(values).astype(np.int64)
    fit = [moment(str(value), "ymd") is not None for value in different.tolist()]
    return Dates(DateNotation(example=str(different[0]))) if all(fit) and (forced or len(fit) > 1) else Words()


def _notes(columns: Mapping[str, pd.Series[Any]], dates: Mapping[str, Dates], reading: Reading) -> tuple[str, ...]:
    """A note on the dates, and one on the times alone."""
    notes = []
    for what, chosen in (
        ("dates become numbers", {name: one for name, one in dates.items() if not one.notation.clock}),
        ("times become hours", {name: one for name, one in dates.items() if one.notation.clock}),
    ):
        if chosen:
            how = {name: _how(columns[name], one) for name, one in chosen.items()}
            otherwise = f"as text with {option('text', list(chosen))}, left out with {option('ignore', list(chosen))}"
            only = next(iter(chosen)) if len(chosen) == 1 and not next(iter(chosen.values())).notation.clock else None
            if only is not None and reading.time is None and not columns[only].isna().any():
                bare = shown(only)[1:-1]
                otherwise += f'; rows are drawn at random, with `time="{bare}"` the past predicts the future'
            notes.append(f"{what}: {described(how)}; {otherwise}")
    return tuple(notes)


def _how(column: pd.Series[Any], found: Dates) -> str:
    """The features, the reading of one cell where it depends on the order, and the marks."""
    notation, parts, present = found.notation, [], np.array([], dtype="datetime64[us]")
    if not notation.clock:
        days = read_dates(column, notation).to_numpy("datetime64[us]")
        present = days[~np.isnat(days)]
        if len(present):
            made = features_of(present, present.min().astype("datetime64[D]"))
            parts.append(", ".join(_SAID.get(name, name) for name, v in made.items() if v.min() < v.max()))
    if notation.clock and (hour := hours(notation.example)) is not None:
        parts.append(f"{shown(notation.example)} is {hour:.4g}")
    short = not notation.clock and is_text(column.dtype) and short_year(notation.example, notation.order) is not None
    if (notation.order not in ("ymd", CLOCK) or short) and is_text(column.dtype):
        day = moment(notation.example, notation.order, notation.first)
        parts.append(f"{shown(notation.example)} is {day:%d %B %Y}")
    if short and len(present):
        first, last = (str(day)[:4] for day in (present.min(), present.max()))
        parts.append(f"years of two digits are {first} to {last}")
    if found.marks:
        parts.append(marks_found([column], found.marks))
    return "; ".join(part for part in parts if part)
