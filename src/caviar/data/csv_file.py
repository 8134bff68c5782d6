"""Comma-separated values, read strictly: a row that does not fit its header is an error."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from caviar.data.blanks import with_tabs
from caviar.data.columns import Floats, is_number, listed, shown
from caviar.data.csv_layout import Layout, layout_of, records
from caviar.data.descriptions import refusal_of
from caviar.data.numerals import Numbers, notation_of
from caviar.data.repeated_headers import lines_of_headers, note_on_headers
from caviar.data.room import MOST_COLUMNS, check_columns
from caviar.data.table import check_names
from caviar.data.verdicts import Doubt
from caviar.errors import DataError, did_you_mean
from caviar.records import BY_ITSELF, Reading

if TYPE_CHECKING:
    import pandas as pd

_BLOCK = 1 << 17  # bytes that are searched at once: they stay in the processor's cache
_TAIL = 1 << 20  # bytes in which rows without a value are looked for first
_NAMELESS = "\N{NULL}"  # begins the name of a column that has none; no file has it
_LONGEST_HEADER = 1 << 22  # bytes: 20 a column, of as many as there may be
_LOOKED_AT = 1_000  # lines at the beginning, of which the layout is found
_SAMPLE = 2_000  # rows of a column of text that are looked at for decimal commas
_THREE_DIGITS = re.compile(r"[.][0-9]{3}")  # which a point for thousands has behind it


@dataclass(frozen=True, eq=False)
class CsvFile:
    """The table in a file of text, and notes on its lines and columns."""

    frame: pd.DataFrame
    notes: tuple[str, ...] = ()


def parse_csv(
    raw: bytes, text: Collection[str] | None = (), reading: Reading = BY_ITSELF, earlier: Reading = BY_ITSELF
) -> CsvFile:
    """The table of a CSV file's bytes; columns in ``text`` stay text, all where it is None.

    The file is UTF-8, or of the encoding that the user names, or else of that of an ``earlier`` file. Text is kept as
    it stands in it, and so are numbers that Python does not write like that: with leading zeros, and those of a file
    with decimal commas. Only an empty cell is missing. Raises DataError for what is not such a table, naming row and
    line.
    """
    raw, decoded = _decoded(raw, reading.encoding, earlier.encoding)
    _check_width(raw)
    layout = layout_of(decoded, reading.separator, earlier.separator)
    if layout.blanks:
        decoded = with_tabs(decoded, layout.blanks)
        raw = decoded.encode()
    headers = lines_of_headers(raw, layout.line, layout.separator)
    layout = replace(layout, skipped=layout.skipped | {*headers})
    if layout.skipped or layout.comment:
        raw, decoded = _without_lines(raw, layout)
    raw, decoded, empty = _without_end(raw, decoded, layout)
    header = [name or f"{_NAMELESS}{k}" for k, name in enumerate(layout.header)]
    if not layout.header[0] and len(header) > 1:
        header[0] = "Unnamed: 0"  # as pandas calls the index, which it writes without a name
    check_names([name for name in header if name[0] != _NAMELESS])
    _check_rows(raw, decoded, layout.separator, layout.header)
    del decoded  # a large file is held once while pandas reads it
    kept = {*(header if text is None else text), *reading.text}

    def columns(names: Collection[str], text: Collection[str]) -> pd.DataFrame:
        return _parsed(raw, header, layout.separator, names, text)

    frame = columns(header, kept)
    again = _not_as_python_writes(frame, raw, layout.separator, columns, reading)
    if len(again.columns):
        frame = frame.assign(**{str(name): again[name] for name in again.columns})
    frame, nameless = _without_nameless(frame)
    notes = (*layout.notes, *note_on_headers(headers, "line"), *nameless, *empty)
    # a copy joins equal columns into one block, where taking rows of 10,000 columns takes no seconds
    return CsvFile(
        frame.copy() if len(header) > len(frame) else frame,
        (*layout.notes, *note_on_headers(headers, "line"), *notes, *empty),
    )


def _without_nameless(frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The frame without columns that have neither a name nor a value; and a note on them.

    Raises DataError for a column that has values and no name.
    """
    nameless = [k for k, column in enumerate(frame.columns) if column[0] == _NAMELESS]
    if not nameless:
        return frame, ()
    if frame.iloc[:, nameless].notna().any(axis=None):
        check_names(["" if name[0] == _NAMELESS else name for name in frame.columns])
    which = f"column {nameless[0] + 1} has" if len(nameless) == 1 else f"{len(nameless)} columns have"
    note = f"{which} neither a name nor a value, as a separator at the end of each line makes it; left out"
    return frame.drop(columns=[frame.columns[k] for k in nameless]), (note,)


def _without_end(raw: bytes, decoded: str, layout: Layout) -> tuple[bytes, str, tuple[str, ...]]:
    """The file without the rows at its end that have separators alone, and a note on them."""
    marks = layout.separator.encode() + b" \r\n"
    tail = max(0, len(raw) - _TAIL)
    last = tail + len(raw[tail:].rstrip(marks))
    last = len(raw.rstrip(marks)) if last == tail else last
    end = raw.find(b"\n", last) + 1 or len(raw)
    rows = sum(1 for line in io.BytesIO(raw[end:]) if line.strip(b" \r\n"))
    if not rows or len(layout.header) < 2:
        return raw, decoded, ()
    what = "the last row has no value and is" if rows == 1 else f"the last {rows:,} rows have no value and are"
    return raw[:end], raw[:end].decode(), (f"{what} left out",)


def _without_lines(raw: bytes, layout: Layout) -> tuple[bytes, str]:
    """The file with blank lines in place of those that are no rows, so that the others keep their numbers."""
    comment = b"" if b'"' in raw else layout.comment.encode()  # a line may be within a quoted cell
    lines = raw.split(b"\n", -1 if comment else max(layout.skipped))
    separator, n = layout.separator.encode(), len(layout.header)
    for k, line in enumerate(lines):
        if k + 1 in layout.skipped or (comment and line.startswith(comment) and line.count(separator) + 1 != n):
            lines[k] = b""
    raw = b"\n".join(lines)
    return raw, raw.decode()


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

    Whole numbers with leading zeros are codes. 1.234 is 1234 in a file with decimal commas, and where the column looks
    like whole numbers with marks of thousands; where nothing says which decimal mark a file has that was separated by
    semicolons, as such files are, it is refused.
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
        wanted |= {name for name in floats if name in fractions or b".000" in raw}
    elif reading.decimal is None and (points := _with_thousands(frame, floats, b".000" in raw)):
        texts = columns(points, points)
        wanted |= {name for name in points if _is_doubtful(texts[name])}
    if (
        not commas
        and separator == ";"
        and reading.decimal is None
        and not any(map(_proves_a_point, (frame[n] for n in fractions)))
    ):
        _refuse_doubts(columns(fractions, fractions))
    names = [name for name in numeric if name in wanted]
    return columns(names, names) if names else frame[[]]


def _whole(values: Floats) -> bool:
    present = values[~np.isnan(values)]
    return bool((present == np.floor(present)).all())


def _has_leading_zeros(raw: bytes, separator: str) -> bool:
    """True where a cell of the file begins with a 0 before a digit, behind a sign or not."""
    begins = np.zeros(256, dtype=bool)
    begins[list(separator.encode() + b'\n\r" ')] = True
    whole = np.frombuffer(raw, np.uint8)
    for start in range(0, len(whole), _BLOCK):
        block = whole[max(start - 2, 0) : start + _BLOCK + 1]
        digit = block - np.uint8(ord("0")) < 10  # wraps around below 0
        found = digit[2:] & (block[1:-1] == ord("0"))
        found &= ~digit[:-2]
        found &= block[:-2] != ord(".")
        places = np.flatnonzero(found)  # of what stands before the 0
        if len(places):
            before, further = block[places], block[np.maximum(places - 1, 0)]
            sign = (before == ord("-")) | (before == ord("+"))
            if (begins[before] | (sign & begins[further])).any():
                return True
    return False


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


def _with_thousands(frame: pd.DataFrame, floats: Sequence[str], zeros: bool) -> list[str]:
    """The columns of ``floats`` that may be whole numbers with points for thousands; ``zeros``: .000 is in the file."""
    found = []
    for name in floats:
        if not _proves_a_point(frame[name]):
            values = frame[name].to_numpy(np.float64)
            values = values[np.isfinite(values)]
            some = zeros or bool((values != np.floor(values)).any())
            found.extend([name] if some and np.abs(values).max(initial=0) < 1000 else [])
    return found


def _is_doubtful(texts: pd.Series[Any]) -> bool:
    """True for a column of numbers with points that are more than Python's."""
    counts = Counter(texts.dropna().tolist())
    if not any(map(_THREE_DIGITS.search, counts)):
        return False
    found = notation_of(counts)
    return isinstance(found, Doubt) or (isinstance(found, Numbers) and bool(found.notation.thousands))


def _refuse_doubts(texts: pd.DataFrame) -> None:
    """Raise DataError for a column whose points may stand for thousands or for fractions."""
    for name in texts.columns:
        found = notation_of(Counter(texts[name].dropna().tolist()), wary=True)
        if isinstance(found, Doubt):
            raise refusal_of(found, str(name))


def _decoded(raw: bytes, encoding: str | None, fallback: str | None) -> tuple[bytes, str]:
    """The file's text, and its bytes in UTF-8. Raises DataError for what is no text of that encoding."""
    wide = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    if encoding is None and wide:
        encoding = fallback
        if encoding is None:
            raise DataError(
                "a CSV file must be UTF-8, this one looks like UTF-16",
                'read it so: `encoding="utf-16"`; or save as UTF-8',
            )
    if encoding is not None and encoding.casefold().replace("_", "-") not in ("utf-8", "utf8"):
        raw = _recoded(raw, encoding)
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    if b"\0" in raw:  # asked before UTF-8: the way out of a compressed file named .csv is not another encoding
        line = raw.count(b"\n", 0, raw.index(b"\0")) + 1
        raise DataError(f"a CSV file must be text, but line {line} has a zero byte", "is it a file of another format?")
    try:
        decoded = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        if encoding is None and fallback is not None:
            return _decoded(raw, fallback, None)
        line = raw.count(b"\n", 0, error.start) + 1
        likely = "cp1252" if any(0x80 <= byte < 0xA0 for byte in raw) else "latin-1"
        raise DataError(
            f"a CSV file must be UTF-8, but line {line} has the byte 0x{raw[error.start]:02x} that cannot be",
            f'read it as it probably is, `encoding="{likely}"`; or save it again as UTF-8',
        ) from error
    if decoded.isspace() or not decoded:
        raise DataError("a CSV file must have a header and rows, this one is empty", "write the table again")
    if "\n" not in decoded and "\r" in decoded:  # lines as old Macintoshes ended them
        decoded = decoded.replace("\r", "\n")
        raw = decoded.encode()
    return raw, decoded


def _recoded(raw: bytes, encoding: str) -> bytes:
    """The bytes in UTF-8 of a file of another ``encoding``. Raises DataError."""
    try:
        return raw.decode(encoding).removeprefix("\ufeff").encode()
    except LookupError:
        known = ("utf-8", "latin-1", "cp1252", "utf-16", "utf-32", "mac-roman", "shift-jis", "gbk")
        raise DataError(f"there is no encoding {shown(encoding)}", did_you_mean(encoding, known)) from None
    except UnicodeError as error:
        raise DataError(
            f"the file is not {shown(encoding)}: {shown(str(error), 120)}", "name another `encoding`"
        ) from None


def _check_width(raw: bytes) -> None:
    """Raise DataError for more columns than a table can have, before a row is taken apart."""
    start = line = 0
    while start < len(raw) and line < _LOOKED_AT:
        end, line = raw.find(b"\n", start) + 1 or len(raw), line + 1
        if end - start > MOST_COLUMNS:
            columns = 1 + max(raw.count(mark, start, end) for mark in (b",", b";", b"\t", b"|"))
            check_columns(columns, f"line {line}")
            if end - start > _LONGEST_HEADER and not raw[:start].strip():
                raise DataError(
                    f"a header must have at most {_LONGEST_HEADER:,} bytes, but line {line} has {end - start:,}",
                    "is it a table? Write a header and a row in a line each",
                )
        start = end


def _check_rows(raw: bytes, decoded: str, separator: str, names: Sequence[str]) -> None:
    """Raise DataError for the first ragged row. pandas would fill a short row with missing values."""
    n = len(names)
    if b'"' not in raw:  # a row is a line
        ragged = _ragged_line(raw, separator.encode(), n)
    else:
        rows = records(decoded, separator)
        next(rows)
        numbered = ((k, line, len(row)) for k, (row, line) in enumerate(rows, 1))
        ragged = next((found for found in numbered if found[2] != n), None)
    if ragged is not None:
        row, line, fields = ragged
        way_out = "correct that row; put quotes around text that holds a separator"
        if fields == n + 1 and row == 1:
            way_out = "name each column in the header (R leaves the row names without: write.csv(..., row.names=FALSE))"
        raise DataError(
            f"every row must have {n} fields, as the header has ({listed(names, 3)}), but row {row} (line {line}) has "
            f"{fields}",
            way_out,
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
