"""The column of labels: as written, and the numbers that its text stands for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from caviar.data.bare_numbers import note_on_bare
from caviar.data.columns import as_text, is_date, is_number, is_text, option, plain, shown, written_alike
from caviar.data.descriptions import refusal_of
from caviar.data.labels import FEW, few_classes, target_numbers, tidy_labels
from caviar.data.number_cells import is_mark
from caviar.data.numerals import Notation, Numbers
from caviar.data.recognition import how_read, verdict_of, without_marks
from caviar.data.verdicts import Doubt
from caviar.errors import DataError, Unlabelled
from caviar.records import Reading

if TYPE_CHECKING:
    import pandas as pd

_WHOLE = re.compile("0|-?[1-9][0-9]{0,17}")  # as Python writes it, so that it is written back as it came


@dataclass(frozen=True, eq=False)
class Target:
    """Tidy labels. Where they are text that stands for numbers, these are ``values``, written in ``notation``."""

    labels: pd.Series[Any]
    values: pd.Series[Any] | None = None
    notation: Notation | None = None
    notes: tuple[str, ...] = ()


def target_of(
    column: pd.Series[Any], reading: Reading, usual: str | None = None, known: Notation | None = None
) -> Target:
    """The target in ``column``.

    ``usual`` is the decimal mark of the other columns, ``known`` the notation of an earlier table. Raises DataError for
    missing labels, dates, numbers that can be read in two ways, and a column of numbers with a cell that is none.
    """
    import pandas as pd

    name = str(column.name)
    _check_labelled(without_marks(column, reading.missing))
    labels = tidy_labels(without_marks(column, reading.missing))
    if name in reading.text:
        return Target(labels if is_text(labels.dtype) else as_text(labels))
    if is_date(labels.dtype):
        raise DataError(
            f"labels must be classes or numbers, but {shown(name)} holds dates",
            f"make them numbers, such as the days since the first; or make each date a class: {option('text', [name])}",
        )
    if is_number(labels.dtype) or isinstance(column.dtype, pd.CategoricalDtype):
        bare = known is not None and known.unit and is_number(labels.dtype)
        return Target(labels, notes=(note_on_bare(name, labels, known),) if known and bare else ())
    if known is not None:
        return Target(labels, _numbers(labels, known, reading), known)
    found = verdict_of(labels, reading, usual, name in reading.number)
    if isinstance(found, Doubt):
        raise refusal_of(found, name)
    if not isinstance(found, Numbers) or labels.isin(found.bounds).all():  # 1,000+ and 5,000+ are classes
        return Target(labels, notes=_odd_labels(labels))
    refused = [*found.marks, *found.bounds]
    if refused:
        rows = np.flatnonzero(labels.isin(refused).to_numpy(dtype=bool))
        raise Unlabelled(
            f"every row must have a number in the target {shown(name)}, but row {rows[0] + 1} has "
            f"{shown(labels.iloc[rows[0]])} ({len(rows):,} such rows)",
            "correct these rows, or leave those without a number out: `skip_unlabelled=True`; or make each text a "
            f"class: {option('text', [name])}",
        )
    values = _numbers(labels, found.notation, reading)
    how = how_read(labels, found)
    note = f"the target {shown(name)} is read as numbers ({how}); {option('text', [name])} keeps it as text"
    return Target(labels, values, found.notation, ((note,) if how else ()) + _written_twice(labels, values))


def unlabelled(column: pd.Series[Any], reading: Reading, usual: str | None = None) -> npt.NDArray[np.bool_]:
    """The rows (m,) without a label: blank, or a mark of a missing value where the labels are numbers."""
    labels = without_marks(column, reading.missing)
    absent = labels.isna().to_numpy(dtype=bool, copy=True)
    present = plain(labels[~absent]) if len(labels) > absent.sum() else None
    if present is not None and is_text(present.dtype) and str(column.name) not in reading.text:
        found = verdict_of(present, reading, usual, str(column.name) in reading.number)
        if isinstance(found, Numbers):
            absent |= labels.isin(found.marks).to_numpy(dtype=bool)
    return absent


def note_on_unlabelled(name: object, absent: npt.NDArray[np.bool_]) -> str:
    """A note on the rows without a label that are left out."""
    rows = np.flatnonzero(absent)
    which = "1 row has no label" if len(rows) == 1 else f"{len(rows):,} rows have no label"
    return (
        f"{which} in {shown(name)} and {'is' if len(rows) == 1 else 'are'} left out, the first is row {rows[0] + 1:,}; "
        "notes on duplicates and parts count the other rows alone"
    )


def _check_labelled(labels: pd.Series[Any]) -> None:
    """Raise DataError for a row without a label."""
    absent = np.flatnonzero(labels.isna())
    if len(absent):
        raise Unlabelled(
            f"every row must have a label, but {len(absent)} of {len(labels)} rows have none in {shown(labels.name)}, "
            f"the first is row {int(absent[0]) + 1}",
            "fill the labels in; or leave these rows out: `skip_unlabelled=True` (caviar predict can fill them in "
            "afterwards)",
        )


def _numbers(labels: pd.Series[Any], notation: Notation, reading: Reading) -> pd.Series[Any]:
    """The numbers that labels of text stand for. Raises DataError for one that the user takes as missing."""
    import pandas as pd

    values = pd.Series(target_numbers(labels, notation), index=labels.index, name=labels.name)
    return tidy_labels(without_marks(values, reading.missing))


def as_written(column: pd.Series[Any]) -> pd.Series[Any]:
    """A CSV file's column of labels: whole numbers where all are written as Python would, else text as it came."""
    texts = column.dropna().unique().tolist()
    if not texts or not all(_WHOLE.fullmatch(text) for text in texts):
        return column
    numbers = column.astype(object).where(column.notna(), np.nan)
    return numbers.astype(np.float64) if column.isna().any() else numbers.astype(np.int64)


def _odd_labels(labels: pd.Series[Any]) -> tuple[str, ...]:
    """Notes on labels that may be mistakes: the same but for blanks or case, and words for a missing value."""
    counts = labels.value_counts()
    alike = written_alike(counts.index.tolist(), lambda text: text)
    notes = _note_of_alike(alike, counts, "differ only in blanks or upper case")
    states = sum(len(text) == 2 and text.isupper() for text in counts.index) > FEW
    marks = [text for text in counts.index if is_mark(text) and len(counts) > 1 and not (states and text == "ND")]
    if marks:
        written = ", ".join(f"{shown(text, 30)} ({counts[text]:,} rows)" for text in marks[:3])
        notes.append(f"a class like any other: {written}; if its rows have no label, {option('missing', marks)}")
    return tuple(notes)


def _written_twice(labels: pd.Series[Any], values: pd.Series[Any]) -> tuple[str, ...]:
    """A note on labels that are the same number, such as 1 and 1.0, where numbers are classes."""
    if not few_classes(values.to_numpy()):
        return ()
    counts = labels.value_counts()
    alike: dict[object, list[str]] = {}
    for text, value in sorted(set(zip(labels.tolist(), values.tolist(), strict=True))):
        alike.setdefault(value, []).append(text)
    return tuple(_note_of_alike([texts for texts in alike.values() if len(texts) > 1], counts, "are the same number"))


def _note_of_alike(groups: list[list[str]], counts: pd.Series[Any], how: str) -> list[str]:
    if not groups:
        return []
    written = ", ".join(f"{shown(text, 30)} ({counts[text]:,} rows)" for text in groups[0])
    more = f", and {len(groups) - 1} more such" if len(groups) > 1 else ""
    note = f"labels that {how} are classes of their own: {written}{more}"
    return [f"{note}; write them alike in the file if they mean the same"]
