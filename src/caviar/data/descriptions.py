"""Parts of the notes on a table: columns with a few words each, cells that are taken as missing, refusals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from typing import TYPE_CHECKING, Any

import numpy as np

from caviar.data.columns import listed, shown
from caviar.data.verdicts import Doubt
from caviar.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

_DESCRIBED = 5  # columns in a note


def cell_shown(cell: str) -> str:
    """A cell in quotes, with blanks of every width as such."""
    return shown(" ".join(cell.split()), 30)


def is_float(text: str) -> bool:
    """True for a number as Python writes it."""
    try:
        float(text)
    except ValueError:
        return False
    return text.isascii()


def it_or_them(columns: Sized) -> str:
    """The pronoun for some columns."""
    return "it" if len(columns) == 1 else "them"


def described(reasons: Mapping[str, str] | Mapping[tuple[str, ...], str]) -> str:
    """The first few columns, each with its words in parentheses; some that share them stand in a tuple."""
    parts, left = [], _DESCRIBED
    together = [((names,) if isinstance(names, str) else names, why) for names, why in reasons.items()]
    for names, why in together:
        if left:
            parts.append(listed(names, left) + (f" ({why})" if why else ""))
            left -= min(len(names), left)
        else:
            break
    rest = sum(len(names) for names, _ in together[len(parts) :])
    more = f" and {rest} more column{'s' * (rest > 1)}" if rest > 0 else ""
    return ", ".join(parts) + more


def marks_found(columns: Sequence[pd.Series[Any]], marks: Sequence[str]) -> str:
    """The cells of some columns that have one of ``marks``: how many, which texts, the first row."""
    hits = np.sum([column.isin(list(marks)).to_numpy(dtype=bool) for column in columns], axis=0)
    cells, rows = int(hits.sum()), np.flatnonzero(hits)
    texts = listed([text.strip() for text in marks], 3)
    if cells == 1:
        return f"1 cell {texts} is taken as missing, in row {rows[0] + 1}"
    return f"{cells:,} cells {texts} are taken as missing, the first in row {rows[0] + 1}"


def refusal_of(doubt: Doubt, name: str) -> DataError:
    """The refusal of a column that can be read in two ways."""
    bare = shown(name)[1:-1]
    return DataError(
        doubt.rule.replace("{name}", shown(name)),
        doubt.way_out.replace("[{name}]", f'["{bare}"]').replace("{name}", shown(name)).replace("{bare}", bare),
    )
