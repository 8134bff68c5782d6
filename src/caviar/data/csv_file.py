"""Comma-separated values, read strictly: a row that does not fit its header is an error."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from caviar.data.columns import shown
from caviar.data.table import check_names
from caviar.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


def parse_csv(raw: bytes, text: Collection[str] = ()) -> pd.DataFrame:
    """The table of a CSV file's bytes: UTF-8, a header, comma, semicolon or tab; columns in ``text`` stay text.

    Raises DataError for what is not such a table, naming row and line.
    """
    import pandas as pd

    raw = raw.removeprefix(b"\xef\xbb\xbf")
    decoded = _decode(raw)
    if "\n" not in decoded and "\r" in decoded:  # lines as old Macintoshes ended them
        decoded = decoded.replace("\r", "\n")
        raw = decoded.encode()
    header, separator = _header(decoded)
    check_names(header)
    _check_rows(raw, decoded, separator, len(header))
    del decoded  # a large file is held once while pandas reads it
    try:
        frame = pd.read_csv(
            io.BytesIO(raw),
            sep=separator,
            header=0,
            names=header,
            index_col=False,
            dtype={name: "str" for name in text if name in header},
            skipinitialspace=True,
            low_memory=False,  # a column's kind is decided on all of its rows
        )
        # a copy joins equal columns into one block, where taking rows of 10,000 columns takes no seconds
        return frame.copy() if len(header) > len(frame) else frame
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError, OverflowError) as error:
        raise DataError(f"this is not a table: {shown(str(error), 200)}", "check the quotes in the file") from error


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
    if b'"' not in raw:  # a row is a line: count separators, ten times as fast
        mark = separator.encode()
        lines = ((line.count(mark) + 1, k) for k, line in enumerate(io.BytesIO(raw), 1) if line.strip(b" \r\n"))
    else:
        lines = ((len(row), line) for row, line in _records(decoded, separator))
    next(lines)
    for row, (fields, line) in enumerate(lines, 1):
        if fields != n:
            raise DataError(
                f"every row must have {n} fields, as the header has, but row {row} (line {line}) has {fields}",
                "correct that row; put quotes around text that holds a separator",
            )
