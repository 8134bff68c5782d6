"""The layout of a file of text: its separator, its header, and the lines that are no rows.

Of the first records every candidate for a separator is tried; the one that divides the most of them into the same
number of fields, the header among them, is it; blanks are, where nothing else is. What stands above the header is
skipped: comments, titles, Excel's ``sep=;``; a row of units below it, too. A first line that looks like the rows below
it is no header, and is refused.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from caviar.data.blanks import BLANKS, ONE, with_row_names, with_tabs
from caviar.data.columns import listed, shown
from caviar.data.number_cells import cell_of, is_mark
from caviar.errors import DataError

_SAMPLE = 200  # records that are looked at
_SEPARATORS = (",", ";", "\t", "|")
_NAMED = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|"}
_SEP_LINE = re.compile(r'\s*"?sep=(.)"?\s*', re.IGNORECASE)
_COMMENT = ("#", "%", "//")
_LONGEST_UNIT = 20  # characters
_ALIKE = 0.9  # of the records have the same number of fields

Records = list[tuple[list[str], int]]


@dataclass(frozen=True)
class Layout:
    """The ``separator``, the names in the ``header``, the numbers of the lines that are to be ``skipped``, and notes.

    A name is empty where the header has none. ``comment`` is the mark of lines that may stand between the rows.
    ``line`` is the header's. ``blanks``: the separator is the tab that ``with_tabs`` writes for each run of them.
    """

    separator: str
    header: tuple[str, ...]
    skipped: frozenset[int] = frozenset()
    notes: tuple[str, ...] = ()
    comment: str = ""
    blanks: str = ""
    line: int = 1


def layout_of(decoded: str, separator: str | None = None, usual: str | None = None) -> Layout:
    """Find the layout of a file of text; ``separator`` is the user's, ``usual`` an earlier file's. Raises DataError."""
    skipped: set[int] = set()
    first = next(_lines(decoded))
    if hint := _SEP_LINE.fullmatch(first):
        skipped.add(1)
        decoded = "\n" * first.count("\n") + decoded[len(first) :]
        separator = separator or hint[1]
    separator = _separator(decoded, usual) if separator is None else named_separator(separator)
    blanks = separator if separator in BLANKS else ""
    if blanks:
        decoded, separator = with_tabs(_beginning(decoded), blanks), "\t"
    sample = _first(decoded, separator)
    if not sample:
        raise DataError("a CSV file must have a header and rows, this one is empty", "write the table again")
    n = _usual_fields(sample)
    start = _header_at(sample, n)
    notes = []
    comment = ""
    if start:
        above = sample[:start]
        comment = next((mark for mark in _COMMENT if any(row[0].startswith(mark) for row, _ in above)), "")
        last = above[-1][1]
        skipped |= {*range(1, last + 1)}
        which = "line 1 is" if last == 1 else f"lines 1 to {last} are"
        notes.append(f"{which} above the header and skipped: {listed([' '.join(row).strip() for row, _ in above], 2)}")
    names, line = sample[start]
    below = [(row, end) for row, end in sample[start + 1 :] if row != names]
    rows = [row for row, _ in below]
    if names[0].startswith("# ") and not any(row[0].startswith("#") for row in rows):
        names = [names[0].removeprefix("# "), *names[1:]]  # as numpy.savetxt writes it
    names = _without_single_quotes([name.strip() for name in names])
    if len(names) == n - 1 and rows and all(len(row) == n and not row[-1].strip() for row in rows):
        names.append("")  # the rows end with a separator, and the header does not
    elif len(names) == n - 1:
        names = with_row_names(names, rows, "".join(islice(_lines(decoded), line - 1, line + 1)))
        if len(names) == n:
            notes.append(
                f"the header has one name too few, as R writes it where rows have names: the first column was called "
                f"{shown(names[0])}"
            )
    _check_header(names, rows, line)
    if _is_of_units(rows):
        units, end = below[0]
        skipped |= {*range(line + 1, end + 1)}
        notes.append(f"line {end}, below the header, looks like units and is skipped: {listed(units, 4)}")
    return Layout(separator, tuple(names), frozenset(skipped), tuple(notes), comment, blanks, line)


def named_separator(given: str) -> str:
    """The character that ``separator`` names. Raises DataError for what is none."""
    found = _NAMED.get(given.casefold(), given)
    if len(found) != 1 or not found.isascii() or found in '"\r\n\0':
        raise DataError(f"`separator` must be one ASCII character, got {shown(given)}", '`separator=";"`, or "tab"')
    return found


def records(decoded: str, separator: str) -> Iterator[tuple[list[str], int]]:
    """Every row that is not blank, with the line on which it ends. Raises DataError."""
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


def _lines(decoded: str) -> Iterator[str]:
    """Line by line; io.StringIO would hold the whole file once more, at four bytes a character."""
    start = 0
    while start < len(decoded):
        end = decoded.find("\n", start) + 1 or len(decoded)
        yield decoded[start:end]
        start = end


def _first(decoded: str, separator: str) -> Records:
    """The first records; fewer where the file stops being a table before."""
    found: Records = []
    try:
        for record in records(decoded, separator):
            found.append(record)
            if len(found) == _SAMPLE:
                break
    except DataError:
        if not found:
            raise
    return found


def _beginning(decoded: str) -> str:
    """The lines from which the first records are taken."""
    return "".join(islice(_lines(decoded), 4 * _SAMPLE))


def _without_single_quotes(names: list[str]) -> list[str]:
    """The names; where each stands in single quotes, without these."""
    quoted = all(len(name) > 2 and name[0] == name[-1] == "'" for name in names)
    return [name[1:-1] for name in names] if quoted else names


def _separator(decoded: str, usual: str | None) -> str:
    """The separator that gives the most of the first records, and their header, the same number of fields."""
    candidates = dict.fromkeys((*_SEPARATORS, *([] if usual is None else [named_separator(usual)])))
    scores = {separator: _score(_first(decoded, separator)) for separator in candidates if separator not in BLANKS}
    best = max(scores, key=lambda separator: scores[separator])
    if scores[best][0]:
        return best
    beginning = _beginning(decoded)
    samples = {separator: _first(with_tabs(beginning, separator), "\t") for separator in BLANKS}
    for separator, sample in samples.items():
        fits, share, fields = _score(sample)
        if fits and share >= _ALIKE and fields > scores[best][2]:
            return separator
    sample = samples[ONE]
    fields = _usual_fields(sample) if sample else 0
    has_row_names = fields > 2 and len(sample[0][0]) == fields - 1 and all(len(row) == fields for row, _ in sample[1:])
    return ONE if has_row_names and fields > scores[best][2] else best


def _score(sample: Records) -> tuple[bool, float, int]:
    """True if the first record has as many fields as most; the share of those that have; the number of fields."""
    if not sample:
        return False, 0.0, 0
    n = _usual_fields(sample)
    share = sum(len(row) == n for row, _ in sample) / len(sample)
    return (n > 1 and len(sample[0][0]) == n, share, n) if n > 1 else (False, 0.0, len(sample[0][0]))


def _usual_fields(sample: Records) -> int:
    """The number of fields that most records have; of two that are as frequent, that of the first."""
    counts = Counter(len(row) for row, _ in sample)
    return max(counts, key=lambda n: counts[n])


def _header_at(sample: Records, n: int) -> int:
    """The position of the header: the first record, unless comments or titles stand above one that has only names."""
    for k, (row, _) in enumerate(sample[:-1]):
        is_comment = row[0].lstrip().startswith(_COMMENT)
        if len(row) == n and not (n > 2 and 2 * sum(map(bool, map(str.strip, row))) < n):
            return k if k == 0 or is_comment or _has_only_names(row) else 0
        width = max((place for place, cell in enumerate(row, 1) if cell.strip()), default=0)
        if not is_comment and width >= max(2, n - 1):
            return 0  # a header with a name too few or too many
    return 0


def _has_only_names(row: Sequence[str]) -> bool:
    cells = [cell.strip() for cell in row if cell.strip()]
    digits = [cell for cell in cells if cell_of(cell)]
    return len(cells) == len(set(cells)) > len(digits) and (not digits or _are_names(digits))


def _check_header(names: Sequence[str], rows: Sequence[Sequence[str]], line: int) -> None:
    """Raise DataError for a first line that looks like the rows below it."""
    same = [row for row in rows if len(row) == len(names)]
    if len(same) < 2 or len(names) < 2:
        return
    digits = [name for name in names if _is_bare(name)]
    worded = (k for k, name in enumerate(names) if name and not _is_bare(name))
    if any(_is_numeric([row[k] for row in same]) for k in worded):  # the first such column says it, of 10,000
        return
    numeric = [_is_numeric([row[k] for row in same]) for k in range(len(names))]
    votes = sum(name in {row[k].strip() for row in same} for k, name in enumerate(names) if name and not numeric[k])
    if any(numeric):
        votes += bool(digits) and not _are_names(digits)
        missing = votes > 0 and bool(digits)
    else:
        missing = 2 * votes > len(names)
    if missing:
        raise DataError(
            f"the table must have a header, but line {line} looks like the rows below it: {listed(names, 4)}",
            f"a CSV file starts with a header: write a name for each column above it, such as "
            f"{','.join(f'x{k}' for k in range(min(3, len(names))))}",
        )


def _is_bare(text: str) -> bool:
    """True for a number without a unit."""
    cell = cell_of(text)
    return cell is not None and not cell.unit


def _are_names(digits: Sequence[str]) -> bool:
    """True for numbers that may be names: years, or 0, 1, 2, ..."""
    if not all(text.isdigit() and (text == "0" or text[0] != "0") for text in digits):
        return False
    values = list(map(int, digits))
    steps = {b - a for a, b in pairwise(values)}
    years = all(1800 <= value <= 2100 for value in values) and len(set(values)) == len(values)
    return years or steps <= {1}


def _is_numeric(cells: Sequence[str]) -> bool:
    present = [cell for cell in cells if not is_mark(cell)]
    return bool(present) and all(cell_of(cell) for cell in present)


def _is_of_units(rows: Sequence[Sequence[str]]) -> bool:
    """True where the first row has text in every column that has numbers in all other rows, and nothing like theirs."""
    if len(rows) < 4 or len({len(row) for row in rows}) != 1:
        return False
    top, *others = rows
    if any(cell_of(top[k]) and _is_numeric([row[k] for row in others]) for k in range(len(top))):
        return False  # by the first such column, of 10,000
    numeric = [k for k in range(len(top)) if _is_numeric([row[k] for row in others])]
    text = [k for k in range(len(top)) if k not in numeric and not is_mark(top[k])]
    words = [k for k in numeric if not is_mark(top[k]) and len(top[k]) <= _LONGEST_UNIT]
    if 2 * len(words) <= len(numeric):
        return False
    known = any(top[k] in {row[k] for row in others} for k in text)
    return not known and (len(words) > 1 or not text)
