"""Comma-separated values, read strictly: a row that does not fit its header is an error."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from caviar.data.columns import Floats, is_number, shown
from caviar.data.descriptions import refusal_of
from caviar.data.numerals import Doubt, Numbers, notation_of
from caviar.data.table import check_names
from caviar.errors import DataError
from caviar.records import BY_ITSELF, Reading

if TYPE_CHECKING:
    import pandas as pd

_BLOCK = 1 << 24  # bytes that are searched at once
_SAMPLE = 2_000  # rows of a column of text that are looked at for decimal commas


def parse_csv(raw: bytes, text: Collection[str] | None = (), reading: Reading = BY_ITSELF) -> pd.DataFrame:
    """The table of a CSV file's bytes: UTF-8, a header, comma, semicolon or tab; columns in ``text`` stay text, all
    where it is None.

    Text is kept as it stands in the file, and so are numbers that Python does not write like that: with leading zeros,
    and those of a file with decimal commas. Only an empty cell is missing. Raises DataError for what is not such a
    table, naming row and line.
    """
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    decoded = _decode(raw)
    if "\n" not in decoded and "\r" in decoded:  # lines as old Macintoshes ended them
        decoded = decoded.replace("\r", "\n")
        raw = decoded.encode()
    header, separator = _header(decoded)
    check_names(header)
    _check_rows(raw, decoded, separator, len(header))
    del decoded  # a large file is held once while pandas reads it
    kept = {*(header if text is None else text), *reading.text}

    def columns(names: Collection[str], text: Collection[str]) -> pd.DataFrame:
        return _parsed(raw, header, separator, names, text)

    frame = columns(header, kept)
    again = _not_as_python_writes(frame, raw, separator, columns, reading)
    if len(again.columns):
        frame = frame.assign(**{str(name): again[name] for name in again.columns})
    # a copy joins equal columns into one block, where taking rows of 10,000 columns takes no seconds
    return frame.copy() if len(header) > len(frame) else frame


def _parsed(
    raw: bytes, header: list[str], separator: str, names: Collection[str], text: Collection[str]
) -> pd.DataFrame:
    """The columns ``names`` of the file, those in ``text`` as text."""
    import pandas as pd

    try:
        return pd.read_csv(
            io.BytesIO(raw),
            sep=separator,
            header=0,
            names=header,
            usecols=None if len(names) == len(header) else list(names),
            index_col=False,
            dtype={name: "str" for name in text if name in header},
            skipinitialspace=True,
            keep_default_na=False,
            na_values=[""],
            low_memory=False,  # a column's kind is decided on all of its rows
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError, OverflowError) as error:
        raise DataError(f"this is not a table: {shown(str(error), 200)}", "check the quotes in the file") from error


def _not_as_python_writes(
    frame: pd.DataFrame, raw: bytes, separator: str, columns: Callable[..., pd.DataFrame], reading: Reading
) -> pd.DataFrame:
    """The columns, as text, that pandas took for numbers and that may mean something else.

    Whole numbers with leading zeros are codes. 1.234 is 1234 in a file with decimal commas; where nothing says which
    decimal mark a file has that was separated by semicolons, as such files are, it is refused.
    """
    numeric = {str(name): dtype.kind for name, dtype in frame.dtypes.items() if is_number(dtype)}
    floats = [name for name, kind in numeric.items() if kind == "f"]
    fractions = [name for name in floats if not _whole(frame[name].to_numpy())]
    whole = [name for name, kind in numeric.items() if kind in "iu" or (kind == "f" and name not in fractions)]
    wanted = set()
    if whole and _has_leading_zeros(raw, separator):
        texts = columns(whole, whole)
        wanted |= {name for name in whole if texts[name].str.fullmatch("[-+]?0[0-9]+").any()}
    commas = reading.decimal == "," or (reading.decimal is None and _has_decimal_commas(frame))
    if commas:
        wanted |= set(fractions)
    elif separator == ";" and reading.decimal is None and not any(map(_proves_a_point, (frame[n] for n in fractions))):
        _refuse_doubts(columns(fractions, fractions))
    names = [name for name in numeric if name in wanted]
    return columns(names, names) if names else frame[[]]


def _whole(values: Floats) -> bool:
    present = values[~np.isnan(values)]
    return bool((present == np.floor(present)).all())


def _has_leading_zeros(raw: bytes, separator: str) -> bool:
    """True where a cell of the file begins with a 0 before a digit, behind a minus or not."""
    before = [mark for mark in (separator.encode(), b"\n", b'"', b" ") if mark in raw]
    # search by search, each of which looks for its first bytes at the speed of the memory
    return any(re.search(re.escape(mark + sign) + b"0[0-9]", raw) for mark in before for sign in (b"", b"-"))


def _has_decimal_commas(frame: pd.DataFrame) -> bool:
    """True where the first cells of some column of text can be read with a decimal comma only."""
    proofs = set()
    for name, dtype in frame.dtypes.items():
        if not is_number(dtype):
            cells = Counter(cell for cell in frame[name].iloc[:_SAMPLE].tolist() if isinstance(cell, str))
            found = notation_of(cells)
            proofs |= {found.proof} if isinstance(found, Numbers) else set()
    return "," in proofs


def _proves_a_point(column: pd.Series[Any]) -> bool:
    """True where some fraction has not three digits behind the mark, or not one to three before it."""
    values = column.to_numpy(np.float64)
    fractions = np.abs(values[np.isfinite(values) & (values != np.floor(values))])
    thousandfold = fractions * 1000
    return bool(((fractions < 1) | (fractions >= 1000) | (np.abs(thousandfold - np.rint(thousandfold)) > 1e-6)).any())


def _refuse_doubts(texts: pd.DataFrame) -> None:
    """Raise DataError for a column whose points may stand for thousands or for fractions."""
    for name in texts.columns:
        found = notation_of(Counter(texts[name].dropna().tolist()), wary=True)
        if isinstance(found, Doubt):
            raise refusal_of(found, str(name))


def _decode(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError("a CSV file must be UTF-8, this one looks like UTF-16", "save it again as UTF-8")
    if b"\0" in raw:  # asked before UTF-8: the way out of a compressed file named .csv is not another encoding
        line = raw.count(b"\n", 0, raw.index(b"\0")) + 1
        raise DataError(f"a CSV file must be text, but line {line} has a zero byte", "is it a file of another format?")
    try:
        decoded = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"a CSV file must be UTF-8, but line {line} has the byte 0x{raw[error.start]:02x} that cannot be",
            "save it again as UTF-8 (a spreadsheet calls this 'CSV UTF-8')",
        ) from error
    if not decoded.strip():
        raise DataError("a CSV file must have a header and rows, this one is empty", "write the table again")
    return decoded


def _lines(decoded: str) -> Iterator[str]:
    """Line by line; io.StringIO would hold the whole file once more, at four bytes a character."""
    start = 0
    while start < len(decoded):
        end = decoded.find("\n", start) + 1 or len(decoded)
        yield decoded[start:end]
        start = end


def _records(decoded: str, separator: str) -> Iterator[tuple[list[str], int]]:
    """Every row that is not blank, with the line on which it ends."""
    limit = csv.field_size_limit(max(len(decoded), 1 << 17))  # Python's own limit for a cell is 128 KiB
    try:
        reader = csv.reader(_lines(decoded), delimiter=separator, skipinitialspace=True)
        for row in reader:
            if row and (len(row) > 1 or row[0].strip()):
                yield row, reader.line_num
    except csv.Error as error:
        raise DataError(f"this is not a table: {error}", "check the line ends and the quotes in the file") from error
    finally:
        csv.field_size_limit(limit)


def _header(decoded: str) -> tuple[list[str], str]:
    """The names of the columns, and whichever of comma, semicolon and tab finds the most of them."""
    headers = [(next(_records(decoded, separator), ([""], 1))[0], separator) for separator in ",;\t"]
    names, separator = max(headers, key=lambda found: len(found[0]))
    return [name.strip() for name in names], separator


def _check_rows(raw: bytes, decoded: str, separator: str, n: int) -> None:
    """Raise DataError for the first ragged row. pandas would fill a short row with missing values."""
    if b'"' not in raw:  # a row is a line
        ragged = _ragged_line(raw, separator.encode(), n)
    else:
        rows = _records(decoded, separator)
        next(rows)
        numbered = ((k, line, len(row)) for k, (row, line) in enumerate(rows, 1))
        ragged = next((found for found in numbered if found[2] != n), None)
    if ragged is not None:
        row, line, fields = ragged
        raise DataError(
            f"every row must have {n} fields, as the header has, but row {row} (line {line}) has {fields}",
            "correct that row; put quotes around text that holds a separator",
        )


def _ragged_line(raw: bytes, separator: bytes, n: int) -> tuple[int, int, int] | None:
    """The row, the line and the fields of the first line that has not ``n`` fields; lines of blanks do not count."""
    start = line = 0
    while start < len(raw):
        end = (raw.rfind(b"\n", start, start + _BLOCK) + 1) or (raw.find(b"\n", start) + 1) or len(raw)
        block = np.frombuffer(raw, np.uint8, end - start, start)
        ends = np.flatnonzero(block == ord("\n"))
        starts = np.concatenate([[0], ends + 1])
        starts = starts[starts < len(block)]
        fields = np.add.reduceat(block == ord(separator), starts, dtype=np.int64) + 1
        for k in np.flatnonzero(fields != n).tolist():
            first = start + int(starts[k])
            if raw[first : (raw.find(b"\n", first) + 1) or None].strip(b" \r\n"):
                rows = sum(1 for text in io.BytesIO(raw[:first]) if text.strip(b" \r\n"))  # the header among them
                if rows:
                    return rows, line + k + 1, int(fields[k])
        start, line = end, line + len(starts)
    return None
