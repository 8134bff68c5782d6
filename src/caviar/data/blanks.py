"""Files whose cells stand apart by blanks: what R's write.table writes, columns of fixed width, mixtures with tabs.

A run of blanks is one separator. Where a cell has a blank in it, and no quotes around it, two blanks or a tab are
needed to separate. Such a file is rewritten with one tab between two cells, and read like any other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

ONE = " "
"""A run of one or more blanks or tabs separates."""
TWO = "  "
"""A run of two or more blanks, or a tab, separates."""
BLANKS = (ONE, TWO)

_QUOTED = r'(?<!\S)"(?:[^"]|"")*"(?!\S)'
_RUNS = {
    separator: re.compile(rf"(?P<quoted>{_QUOTED})|(?P<edge>^[^\S\n]+|[^\S\n]+$)|{run}", re.MULTILINE)
    for separator, run in {ONE: r"[^\S\n]+", TWO: r"[^\S\n\t]*\t[^\S\n\t]*|[^\S\n]{2,}"}.items()
}
_ROW_NAMES = "Unnamed: 0"  # as pandas calls an index without a name


def with_tabs(decoded: str, separator: str) -> str:
    """The file with a tab for each run of blanks between two cells; what stands in quotes is left as it is."""

    def one(found: re.Match[str]) -> str:
        return found[0] if found["quoted"] else "" if found["edge"] is not None else "\t"

    return _RUNS[separator].sub(one, decoded)


def with_row_names(names: Sequence[str], rows: Sequence[Sequence[str]], header: str) -> list[str]:
    """The names, and one more in front where the rows have one cell more: the names of the rows, as R writes them.

    A header that lacks any other name must not be taken for one of R's: its first cells differ from row to row, and
    either they count the rows, or they and the names stand in quotes. ``header`` is the header's line and the next.
    """
    first = [row[0] for row in rows]
    if len(rows) < 2 or any(len(row) != len(names) + 1 for row in rows) or len(set(first)) < len(first):
        return list(names)
    counted = any(first == [str(start + k) for k in range(len(first))] for start in (0, 1))
    lines = [line.lstrip() for line in header.splitlines()]
    quoted = header.count('"') >= 2 * len(names) and all(line.startswith('"') for line in lines)
    return [_ROW_NAMES, *names] if counted or quoted else list(names)
