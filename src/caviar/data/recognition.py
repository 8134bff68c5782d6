"""Recognise columns of text that hold numbers, however they are written; what is done is said in one note a kind.

A column's kind is a property of the whole column, the rows of the test part included. What is learned from its values
is learned on the training rows alone (see preprocessing.py).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from caviar.data.bare_numbers import bare_columns, note_on_bare
from caviar.data.checkboxes import checkbox_of, note_on, ticked
from caviar.data.columns import as_text, is_number, is_text, option, read_numbers, shown
from caviar.data.date_columns import other_mark, read_dates
from caviar.data.date_recognition import recognise_dates
from caviar.data.descriptions import cell_shown, described, is_float, it_or_them, marks_found, refusal_of
from caviar.data.forms import Forms
from caviar.data.number_cells import cell_of, is_mark
from caviar.data.numerals import UNITS_DIFFER, Notation, Numbers, notation_of
from caviar.data.text_columns import MOST_CATEGORIES
from caviar.data.two_numbers import two_numbers
from caviar.data.verdicts import Doubt, Words
from caviar.errors import DataError
from caviar.records import Reading

if TYPE_CHECKING:
    import pandas as pd

_SAMPLE = 500  # cells that are looked at before a column of text is looked at as a whole

_ONE_WAY = r"[-+]?(?:[0-9]*\.(?:[0-9]{1,2}|[0-9]{4,})|0?\.[0-9]+|[0-9]{4,}\.[0-9]+)"  # and not 1.234
_POSTAL = ("zip", "zipcode", "zipcodes", "postalcode", "postcode", "plz", "postleitzahl")

Verdict = Numbers | Words | Doubt


@dataclass(frozen=True, eq=False)
class Recognised:
    """A tidy frame whose numbers are numbers, the forms that they had, and notes on them."""

    frame: pd.DataFrame
    forms: Forms
    notes: tuple[str, ...] = ()
    decimal: str | None = None  # the mark that the columns of text prove
    bare: tuple[str, ...] = ()  # columns of numbers without the unit of training


def recognise(
    frame: pd.DataFrame, reading: Reading, categorical: Collection[str] = (), known: Forms | None = None
) -> Recognised:
    """Read the columns of text in a tidy ``frame`` that hold numbers.

    ``categorical``: columns that stay text. ``known``: the forms of an earlier table, which this one must have too.
    Raises DataError for a column that can be read in two ways, and for a cell that does not fit ``known``.
    """
    import pandas as pd

    before = {str(name): frame[name] for name in frame.columns}
    columns = {name: without_marks(column, reading.missing) for name, column in before.items()}
    for name in reading.text:
        if name in columns and not is_text(columns[name].dtype):
            columns[name] = as_text(columns[name])
    notes: tuple[str, ...] = ()
    bare: tuple[str, ...] = ()
    decimal = decimal_mark(reading)
    if known is None:
        codes = {name: as_text(column) for name, column in columns.items() if _is_postal(name, column, reading)}
        columns |= codes
        named = {*reading.number, *reading.text, *categorical, *codes, reading.group, reading.time}
        boxes = {n: value for n, c in columns.items() if n not in named and (value := checkbox_of(c)) is not None}
        fixed = {*reading.text, *categorical, *codes, *boxes}
        dates = recognise_dates({name: c for name, c in columns.items() if name not in fixed}, reading)
        texts = {name: c for name, c in columns.items() if is_text(c.dtype) and name not in {*fixed, *dates.notations}}
        verdicts, decimal = _verdicts(texts, frame, reading)
        for name in verdicts:
            if _is_postal_name(name) and name not in reading.number and isinstance(verdicts[name], Numbers):
                verdicts[name] = Words("postal codes")
        numbers = {name: found.notation for name, found in verdicts.items() if isinstance(found, Numbers)}
        doubtful = {name: why for name, why in dates.doubtful.items() if name not in numbers}
        reasons = dict.fromkeys(codes, "postal codes")
        reasons |= {name: one.why for name, one in verdicts.items() if isinstance(one, Words) and one.why}
        rest = {n: texts[n] for n, one in verdicts.items() if isinstance(one, Words) and n not in {*reasons, *doubtful}}
        kept = (*_kept_as_text(reasons, doubtful), *_of_two_numbers(rest))
        notes = (*_notes(columns, verdicts), *dates.notes, *kept, *note_on(columns, boxes))
        known = replace(file_forms(reading), numbers=numbers, dates=dates.notations, checkboxes=boxes)
    else:
        bare = bare_columns(columns, known.numbers)
        notes = tuple(note_on_bare(name, columns[name], known.numbers[name]) for name in bare)
        notes += tuple(
            filter(None, (other_mark(columns[name], known.dates[name]) for name in known.dates if name in columns))
        )
    for name, column in columns.items():
        if name in known.checkboxes:
            columns[name] = ticked(column, known.checkboxes[name])
        elif name in known.dates:
            columns[name] = read_dates(column, known.dates[name])
        elif name in known.numbers and is_text(column.dtype):
            columns[name] = without_marks(read_numbers(column, known.numbers[name]), reading.missing)
    changed = any(column is not before[name] for name, column in columns.items())
    read = pd.DataFrame(columns, index=frame.index) if changed else frame
    return Recognised(read, known, notes, decimal, bare)


def decimal_mark(reading: Reading) -> str | None:
    """The user's decimal mark. Raises DataError for one that is none."""
    if reading.decimal not in (None, ".", ","):
        raise DataError(f"`decimal` must be a point or a comma, got {shown(reading.decimal)}", '`decimal=","`')
    return reading.decimal


def _is_postal(name: str, column: pd.Series[Any], reading: Reading) -> bool:
    """True for numbers that are postal codes by the column's name, of so few places that each can be a category."""
    if not is_number(column.dtype) or name in reading.number or not _is_postal_name(name):
        return False
    values = column.to_numpy(np.float64)
    present = np.unique(values[~np.isnan(values)])
    return 1 < len(present) <= MOST_CATEGORIES and bool((present == np.floor(present)).all()) and present[0] >= 100


def _is_postal_name(name: str) -> bool:
    return re.sub("[^a-z]", "", name.casefold()).endswith(_POSTAL)


def file_forms(reading: Reading) -> Forms:
    """The forms that the user names."""
    return Forms(missing=reading.missing, encoding=reading.encoding, separator=reading.separator)


def verdict_of(
    column: pd.Series[Any], reading: Reading, usual: str | None = None, forced: bool = False, wary: bool = False
) -> Verdict:
    """The kind of a column of text; ``usual`` is the decimal mark of the others; see ``notation_of`` for the rest."""
    present = column.dropna()
    if not forced and not _promising(present):
        return Words()
    simple = _simple(present, reading.decimal or usual or ".") if not wary else None
    return simple or notation_of(Counter(present.tolist()), reading.decimal, usual, reading.missing, forced, wary)


def _simple(present: pd.Series[Any], decimal: str) -> Numbers | None:
    """Numbers as Python writes them, but for the ``decimal`` mark, and marks for missing values; None for all else.

    It says of a large column in no time what ``notation_of`` would.
    """
    import pandas as pd

    cells = present.astype("str")
    if decimal == ",":
        if cells.str.contains(".", regex=False).any():
            return None
        cells = cells.str.replace(",", ".", regex=False)
    values = pd.to_numeric(cells.astype(object), errors="coerce")
    rest = Counter(present[values.isna()].tolist())
    proved = cells.str.fullmatch(_ONE_WAY).any()
    if not proved and decimal == "." and cells.str.contains(".", regex=False).any():
        return None  # 950, 1.250: thousands?
    codes = cells.str.fullmatch("[-+]?0[0-9]+").any()
    if codes or values.nunique() < 2 or not all(is_mark(text) for text in rest):
        return None
    example = "" if decimal == "." else next((t for t in present.iloc[:_SAMPLE].tolist() if "," in t), "")
    return Numbers(Notation(decimal=decimal, example=example), tuple(rest), proof=decimal if proved else "")


def how_read(column: pd.Series[Any], found: Numbers) -> str:
    """A few words on the way in which a column's numbers were written, and on the cells that were none."""
    notation, parts = found.notation, []
    value = notation.value(notation.example) if notation.example else None
    if value is not None and not (is_float(notation.example) and float(notation.example) == value):
        parts.append(f"{cell_shown(notation.example)} is {value:.12g}")
    if notation.unit and notation.bare:
        bare = next((text for text in column.dropna().unique().tolist() if _is_bare(text)), None)
        if bare is not None:
            parts.append(f"{cell_shown(bare)} is {notation.value(bare):.12g}, too")
    if found.bounds and notation.example not in found.bounds:
        limit = notation.value(found.bounds[0])
        parts.append(f"{cell_shown(found.bounds[0])} is {limit:.12g}")
    if found.marks:
        parts.append(marks_found([column], found.marks))
    return "; ".join(parts)


def _is_bare(text: str) -> bool:
    """True for a number other than 0 that has no unit."""
    cell = cell_of(text)
    return cell is not None and not cell.unit and any(digit in "123456789" for digit in cell.body)


def without_marks(column: pd.Series[Any], missing: Sequence[str]) -> pd.Series[Any]:
    """The column with a gap where it has a text, or its number, that the user takes as missing."""
    if not missing:
        return column
    if not is_number(column.dtype):
        return column.mask(column.isin(list(missing)))
    marks = [float(mark) for mark in missing if is_float(mark)]
    hit = column.isin(marks)
    return column.astype(np.float64).mask(hit) if hit.any() else column


def _promising(present: pd.Series[Any]) -> bool:
    """True where a sample of the cells has numbers among it, so that the whole column is worth a look."""
    step = max(1, len(present) // _SAMPLE)
    sample = [text for text in present.iloc[::step].tolist() if not is_mark(text)]
    return sum(cell_of(text) is not None for text in sample) * 5 > len(sample)


def _verdicts(
    columns: Mapping[str, pd.Series[Any]], frame: pd.DataFrame, reading: Reading
) -> tuple[dict[str, Verdict], str | None]:
    """The kind of every column of text, and the decimal mark that they prove."""
    found = {name: verdict_of(column, reading, forced=name in reading.number) for name, column in columns.items()}
    proofs = {verdict.proof for verdict in found.values() if isinstance(verdict, Numbers)} - {""}
    proved = proofs.pop() if len(proofs) == 1 else None
    usual = proved or (None if proofs else _mark_of_floats(frame))
    for name, verdict in found.items():
        doubtful = isinstance(verdict, Doubt) and verdict.settled_by_others
        unproved = isinstance(verdict, Numbers) and not verdict.proof and usual != "."
        if reading.decimal is None and (doubtful or (unproved and (proofs or usual))):
            found[name] = verdict_of(columns[name], reading, usual, name in reading.number, wary=bool(proofs))
    for name, verdict in found.items():
        if isinstance(verdict, Doubt):
            raise refusal_of(verdict, name)
        if name in reading.number and not isinstance(verdict, Numbers):
            raise DataError(f"column {shown(name)} must hold numbers, but it has none", "leave out `number`")
    return found, reading.decimal or proved


def _mark_of_floats(frame: pd.DataFrame) -> str | None:
    """A point where the frame has a column of fractions, which were written with one."""
    fractions = (frame[name].to_numpy() for name, dtype in frame.dtypes.items() if getattr(dtype, "kind", "") == "f")
    return "." if any((np.mod(values[np.isfinite(values)], 1) != 0).any() for values in fractions) else None


def _notes(columns: Mapping[str, pd.Series[Any]], verdicts: Mapping[str, Verdict]) -> tuple[str, ...]:
    """A note on the columns that were read as numbers; of those with the same marks alone it is said once."""
    numbers = {name: verdict for name, verdict in verdicts.items() if isinstance(verdict, Numbers)}
    if not numbers:
        return ()
    how = {name: how_read(columns[name], found) for name, found in numbers.items()}
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, found in numbers.items():
        only_marks = found.marks and how[name] == marks_found([columns[name]], found.marks)
        alike.setdefault(tuple(sorted(found.marks)) if only_marks else ("", name), []).append(name)
    reasons = {}
    for names in alike.values():
        found = numbers[names[0]]
        several = len(names) > 1
        reasons[tuple(names)] = marks_found([columns[n] for n in names], found.marks) if several else how[names[0]]
    instead = f"{option('text', list(numbers))} keeps {it_or_them(numbers)} as text"
    return (f"read as numbers: {described(reasons)}; {instead}",)


def _of_two_numbers(columns: Mapping[str, pd.Series[Any]]) -> tuple[str, ...]:
    """A note on the text of which each cell holds two numbers."""
    found = {}
    for name, column in columns.items():
        present = column.dropna()
        sample = present.iloc[:: max(1, len(present) // _SAMPLE)].tolist()
        if example := two_numbers([text for text in sample if not is_mark(text)]):
            found[name] = cell_shown(example)
    if not found:
        return ()
    return (f"kept as text, though each cell holds two numbers: {described(found)}; as numbers they are two columns",)


def _kept_as_text(words: Mapping[str, str], doubtful: Mapping[str, str]) -> tuple[str, ...]:
    """A note on the text that looks like numbers, and one on that which looks like dates, with the reasons."""
    notes = []
    for what, reasons, argument in (
        ("numbers", words, "number"),
        ("dates", {name: why for name, why in doubtful.items() if name not in words}, "date"),
    ):
        if reasons:
            instead = (
                f"{option(argument, list(reasons))} reads {it_or_them(reasons)} as {what}, what is none is missing"
            )
            if any(why.startswith(UNITS_DIFFER) for why in reasons.values()):
                instead += ", and so are cells in another unit than most: better convert them to one"
            looks = "it looks" if len(reasons) == 1 else "they look"
            notes.append(f"kept as text, though {looks} like {what}: {described(reasons)}; {instead}")
    return tuple(notes)
