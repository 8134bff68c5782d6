"""Columns that identify a row and say nothing about other rows: row numbers, ids, texts that differ in every row.

A network learns from such a column what is true of these rows alone. Where a file was sorted by class when its rows
were numbered, the number gives the class away, and the score on sealed rows is perfect and worth nothing. So these
columns are left out, with a note, unless they are kept by name.

A true feature with many different values (a price in cents, a population, a time) must stay. No single sign tells the
two apart, so the rule has several. Of a column of whole numbers, n of them present, between low and high:

    by its values   it numbers the rows if nearly no value is there twice, the values lie close together, and there are
                    enough of them. Numbers drawn at random from a range of R values would have n * n / (2 * R) pairs of
                    equal ones; measurements, which crowd around their middle, have more. Where 20 pairs or more are
                    expected and less than a quarter of them is there, nothing was drawn or measured: the rows were
                    counted, and a few of them copied. In a range without a gap or a copy 12 pairs are enough, 25 rows,
                    and steps of more than 1 count as steps of 1. R is at most 10 n: what is left of a numbered table
                    after a tenth was drawn. Order and start do not matter.
    by its name     `id`, `uuid`, `index`, `rownames` and the like, and nine tenths of the values differ: then they may
                    lie anywhere. A name alone is not enough: a store_id of 10 stores is a category. Of `Unnamed: 0`
                    a tenth may differ: tables that were put together have counted their rows more than once.
    what stays      numbers that look counted and are not: years, dates as 20240131, seconds since 1970, negative ones;
                    columns whose name is a time, a rank, a number of things, or a quantity that is often set to even
                    steps (age, dose, wavelength); three or more columns that count in different orders, for these are
                    ranks, but for one that counts the rows as they stand. An id by its name is none of these. The
                    only column of a table stays, too.

Text is left out where nine tenths of the rows have a text of their own. All rows are looked at, those of the test too;
their labels are not.

tests/data/test_identifiers.py holds the rule to real tables, no feature of which may go.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from caviar.data.columns import Floats, is_number, is_text, listed, option, shown

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 10  # rows, or nothing can be said
NEARLY_ALL = 0.9  # of the rows have a value of their own
OF_UNNAMED = 0.1
FEW_TEXTS = 10  # so few different texts are never taken for names
WITHOUT_GAPS, WITH_GAPS = 12.0, 20.0  # expected pairs of equal values, of which there is none
WIDEST = 10  # the range, in rows

_SAMPLE = 64  # rows that rule most columns out
_MANY = 10_000  # rows, of which a part is looked at first
_TEXTS = 2_000  # rows that rule most text columns out

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


def _words(name: str) -> list[str]:
    """The words of a name: customer, id of customer_id, of CustomerID, and of "customer id"."""
    return [word.lower() for word in _WORDS.findall(name)]


_IDS = frozenset(
    _words(
        "id ids uid uuid guid oid pk rowid rowno rownum rownumber rowname rownames objectid recordid caseid sampleid "
        "userid customerid clientid patientid subjectid passengerid employeeid studentid personid memberid accountid "
        "orderid transactionid invoiceid ticketid sessionid eventid requestid messageid itemid productid loanid "
        "pid pidnum patid patno patientno subjid subjno caseno custid empid ssn isbn iban imei"
    )
)
_ALONE = frozenset(_words("index idx row rn nr no key serial"))
_THINGS = frozenset(
    _words(
        "account case client code customer employee invoice member order patient person phone record row sample "
        "serial student subject ticket transaction user"
    )
)
_WHO = frozenset(
    _words(
        "animal child client customer driver employee family household member participant patient person player pupil "
        "respondent speaker student subject user worker"
    )
)
_NUMBERS = frozenset(_words("code index key name names no nr num number nummer"))  # account number, sample code
_STEPS = frozenset(
    _words(
        "time times timestamp date datetime year years yr jahr annee ano anno month months week weeks day days hour "
        "hours minute minutes min second seconds sec ms quarter season period epoch step steps tick ticks iteration "
        "iter cycle cycles round generation age rank ranking ranks place position pos dose depth height altitude "
        "elevation distance dist length width radius angle degree degrees latitude longitude lat lon wavelength "
        "frequency freq energy voltage current power temperature temp pressure speed velocity concentration duration"
    )
)


class Found(NamedTuple):
    """Columns to leave out, by the reason; ``notes`` say so. ``numbers`` are those among them that hold numbers."""

    columns: tuple[str, ...]
    numbers: tuple[str, ...]
    notes: tuple[str, ...]


def identifiers(frame: pd.DataFrame, columns: Sequence[str], keep: Collection[str] = ()) -> Found:
    """Those ``columns`` of ``frame`` that identify its rows, besides some to ``keep``; see the head of this file."""
    counted, named = dict[str, npt.NDArray[np.int64]](), dict[str, str]()
    looked_at = [name for name in columns if name not in keep]
    for name in _suspects(frame, looked_at):
        values = _whole(frame[name])
        if values is None or len(values) < FEWEST:
            continue
        if counts_rows(values) and (is_id(name) or not _is_of_steps(name, values)):
            counted[name] = values
        elif is_id(name):
            different, present = _different(values), len(values)
            if different >= (OF_UNNAMED if is_unnamed(name) else NEARLY_ALL) * present:
                named[name] = f"identifies the rows, with {different:,} different numbers in {present:,} rows,"
    counts = _without_ranks(counted)
    kinds = dict(zip(frame.columns, frame.dtypes, strict=True))
    texts = {name: _different_texts(frame[name]) for name in looked_at if is_text(kinds[name])}
    own = [name for name, different in texts.items() if different]
    found = [*counts, *named, *own]
    notes = []
    if len(found) == len(columns) and counts:  # nothing would be left to learn from
        spared = counts.pop(0)
        notes.append(f"{shown(spared)} only numbers the rows, and is used all the same, for there is no other column")
    notes += _note(counts, "only numbers the rows", "only number the rows")
    notes += [note for name, says in named.items() for note in _note([name], says)]
    notes += [note for name in own for note in _note([name], _of_texts(frame[name], texts[name]))]
    left_out = tuple(name for name in columns if name in {*counts, *named, *own})
    return Found(left_out, tuple(name for name in left_out if name not in own), tuple(notes))


def counts_rows(values: npt.NDArray[np.int64]) -> bool:
    """True where whole numbers (n,) number rows, by their values alone."""
    n = len(values)
    low, span = int(values.min()), int(values.max()) - int(values.min())
    step, rest = divmod(span, n - 1)
    even = rest == 0 and step > 0 and not ((values - low) % step).any()
    if even and (n - 1) / 2 >= WITHOUT_GAPS and _different(values) == n:
        return True
    pairs = n * (n - 1) / (2 * (span + 1))
    if span >= WIDEST * n or pairs < WITH_GAPS:
        return False
    if n >= _MANY and 2 * _different(values[: n // 50]) < n // 50:  # most columns have far too few different ones
        return False
    return n - _different(values) <= min(pairs / 4, (1 - NEARLY_ALL) * n)


def _without_ranks(counted: dict[str, npt.NDArray[np.int64]]) -> list[str]:
    """The columns that count rows, without ranks: three or more that count in different orders."""
    orders = {name: np.argsort(values).tobytes() for name, values in counted.items() if not is_id(name)}
    if len(set(orders.values())) < 3:
        return list(counted)
    return [name for name, values in counted.items() if name not in orders or (abs(np.diff(values)) == 1).all()]


def is_id(name: str) -> bool:
    """True where a column's name says that it identifies rows."""
    words = _words(name)
    return (
        is_unnamed(name)
        or (bool(words) and (words[-1] in _IDS or (words[0] in ("id", "uuid", "guid") and len(words) < 3)))
        or (len(words) == 1 and words[0] in _ALONE)
        or (len(words) > 1 and words[-1] in _NUMBERS and words[-2] in _THINGS)
        or name == "level_0"
    )


def is_somebody(name: str) -> bool:
    """True where a column's name says that its values are people, animals or the like, who may have several rows."""
    words = _words(name)
    return len(words) == 1 and (words[0] in _WHO or words[0].removesuffix("s") in _WHO)


def is_unnamed(name: str) -> bool:
    """True for the names that pandas gives to a column without one: the index of a table that was written with it."""
    return re.fullmatch(r"Unnamed: \d+(\.\d+)?", name) is not None


def _is_of_steps(name: str, values: npt.NDArray[np.int64]) -> bool:
    """True for a time, a rank, a number of things, or a quantity that is often set to even steps."""
    words = _words(name)
    if any(word in _STEPS for word in words) or (len(words) > 1 and words[0] in ("n", "num", "number", "count")):
        return True
    low, high = int(values.min()), int(values.max())
    year, month, day = values // 10_000, values // 100 % 100, values % 100
    return (
        low < 0
        or (low >= 1700 and high <= 2100)
        or (low >= 10**9 and high <= 2 * 10**9)  # seconds since 1970: 2001 to 2033
        or (low >= 10**12 and high <= 2 * 10**12)
        or bool(((year >= 1700) & (year <= 2100) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)).all())
    )


def _suspects(frame: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """The columns of numbers that may be identifiers: a sample of their rows is of whole numbers that differ."""
    import pandas as pd

    dtypes = frame.dtypes.tolist()
    numbers = [
        position
        for position in frame.columns.get_indexer(pd.Index(columns)).tolist()
        if is_number(dtypes[position]) and (dtypes[position].itemsize > 1 or len(frame) < 257)  # bytes repeat, in more
    ]
    if not numbers or len(frame) < FEWEST:
        return []
    rows = np.unique(np.linspace(0, len(frame) - 1, _SAMPLE).astype(np.int64))
    sample = np.sort(frame.iloc[rows, numbers].to_numpy(np.float64), axis=0)  # (rows, columns), NaN last
    present = ~np.isnan(sample)
    whole = ((sample == np.floor(sample)) | ~present).all(axis=0)
    steps = np.diff(sample, axis=0)
    enough = 1 + (steps > 0).sum(axis=0) >= 0.7 * present.sum(axis=0)  # nine tenths of all, and by chance fewer here
    wide = np.fmax.reduce(sample, axis=0) - np.fmin.reduce(sample, axis=0) >= WIDEST * len(frame)
    wide[whole] &= np.gcd.reduce(_integers(steps[:, whole]), axis=0) == 1  # neither close together nor in even steps
    return [
        name
        for name, w, e, by_name in zip(frame.columns[numbers], whole, enough, wide, strict=True)
        if w and (e or is_unnamed(name)) and (not by_name or is_id(name))
    ]


def _integers(x: Floats) -> npt.NDArray[np.int64]:
    """Whole numbers, 0 for missing ones and those beyond 64 bits."""
    return np.where(np.abs(x) < 2.0**62, x, 0.0).astype(np.int64)


def _whole(column: pd.Series[Any]) -> npt.NDArray[np.int64] | None:
    """The present values as whole numbers; None where some are not."""
    values = column.to_numpy()
    if values.dtype.kind == "f":
        values = values[~np.isnan(values)]
        if (np.abs(values) >= 2.0**53).any() or (values != np.floor(values)).any():
            return None
    elif values.dtype == np.uint64 and (values >= 2**63).any():
        return None
    return values.astype(np.int64)


def _different(values: npt.NDArray[np.int64]) -> int:
    """The number of different values (NumPy's unique is ten times as slow)."""
    return int(np.count_nonzero(np.diff(np.sort(values)))) + 1 if len(values) else 0


def _different_texts(column: pd.Series[Any]) -> int:
    """The number of different texts where nearly every row has one of its own; else 0."""
    m = len(column)
    if m > 2 * _TEXTS:
        sample = column.iloc[np.linspace(0, m - 1, _TEXTS).astype(np.int64)]
        if sample.nunique() < (NEARLY_ALL - 0.05) * int(sample.notna().sum()):
            return 0
    different, present = int(column.nunique()), int(column.notna().sum())
    return different if different > FEW_TEXTS and different >= NEARLY_ALL * present else 0


def _of_texts(column: pd.Series[Any], different: int) -> str:
    example = next(text for text in column if isinstance(text, str))
    rows = int(column.notna().sum())
    return f"has a text of its own in nearly every row ({different:,} in {rows:,} rows, {shown(example, 30)} for one)"


def _note(names: Sequence[str], says: str, of_several: str = "") -> list[str]:
    """A note on columns that are left out, with the way to keep them."""
    if not names:
        return []
    if len(names) == 1:
        return [f"{shown(names[0])} {says} and was left out ({option('keep', names)} uses it)"]
    return [f"{listed(names)} {of_several} and were left out ({option('keep', names)} uses them)"]
