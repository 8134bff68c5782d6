"""Columns of text: a category each, learned on the training rows; in a row it is 1 where the row has it (one-hot).

Of many texts only the most frequent have a column each. All that are in two rows or more are then told apart by one
further column, of places in the order of frequency: 1 for the most frequent, in equal steps down to -1. Those in one
row are told apart too where they are fewer: they say a little of themselves. Where they are more the column is nearly
one of names, and they would only be many. The last steps are one for all other texts, and one for missing cells. A
place stands for its text: networks take it as its code, and are fed what the training rows say of the text (see
nn/text_statistics.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from caviar.data.columns import as_text, index, is_text, option, plain, shown
from caviar.data.number_cells import is_mark
from caviar.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

_WHOLE = re.compile(r"(-?[0-9]+)\.0+")
MOST_CATEGORIES = 100  # of a text column with a column each: of more a wide network is fed almost only zeros


@dataclass(frozen=True)
class TextColumn:
    """A column of text: one output column a category, then one for missing, then one for any other text.

    Where there are texts ``ranked`` by frequency, a last one has the place of the row's text among them.
    """

    name: str
    categories: tuple[str, ...]
    missing: bool
    other: bool
    ranked: tuple[str, ...] = ()  # models of earlier versions have none

    @property
    def width(self) -> int:
        """Output columns."""
        return self.one_hot + bool(self.ranked)

    @property
    def one_hot(self) -> int:
        """Output columns of which at most one is 1."""
        return len(self.categories) + self.missing + self.other

    @property
    def cells(self) -> int:
        """Columns that stand for the output (see examples.py): one for those of which one is 1, one for the place."""
        return 1 + bool(self.ranked)

    @property
    def codes(self) -> int:
        """Places: those of the ``ranked`` texts, one for all others, and one for missing cells."""
        return len(self.ranked) + 1 + self.missing

    def apply(self, column: pd.Series[Any], out: npt.NDArray[np.float32]) -> tuple[int, int]:
        """Write the number of each row's category, -1 for none, to ``out`` (m, cells); the missing and the unknown."""
        import pandas as pd

        cells = plain(column)
        if cells is None:
            raise DataError(
                f"column {shown(self.name)} must hold text, as in training, got {column.dtype}", "convert it"
            )
        if not is_text(cells.dtype):
            cells = as_text(cells)
        place, different = pd.factorize(cells)  # (m,) of every row among the different texts, -1 where it has none
        texts = different.tolist()
        codes, ranks = (index(known).get_indexer(index(texts)) for known in (self.categories, self.ranked))
        marks = np.zeros(len(texts) + 1, dtype=bool)
        for at in np.flatnonzero((codes < 0) & (ranks < 0)).tolist():
            marks[at] = self.missing and is_mark(texts[at])  # of a missing value that training did not have as text
            whole = None if marks[at] else _WHOLE.fullmatch(texts[at])
            if whole:  # a whole number as a column with gaps has it: 98101.0
                codes[at], ranks[at] = (_place(whole[1], known) for known in (self.categories, self.ranked))
        codes, ranks = np.append(codes, -1)[place], np.append(ranks, -1)[place]
        absent = (place < 0) | marks[place]
        strange = (codes < 0) & ~absent
        if self.missing:
            codes[absent] = len(self.categories)
        if self.other:
            codes[strange] = len(self.categories) + self.missing
        if self.ranked:
            ranks[ranks < 0] = len(self.ranked)
            if self.missing:
                ranks[absent] = len(self.ranked) + 1
            out[:, 1] = 1 - 2 * ranks / (self.codes - 1)
        out[:, 0] = codes
        return int(absent.sum()), 0 if self.other else int(strange.sum())


def learn_text(column: pd.Series[Any]) -> tuple[TextColumn | None, str | None]:
    """The column's categories; or None and why it is left out."""
    name, present = str(column.name), int(column.notna().sum())
    counts = {str(text): int(n) for text, n in column.value_counts().items()}
    if len(counts) + (present < len(column)) < 2:
        return None, f"constant in the training rows, so left out: {shown(name)}"
    by_frequency = sorted(counts, key=lambda text: (-counts[text], text))
    kept, rest = by_frequency[:MOST_CATEGORIES], by_frequency[MOST_CATEGORIES:]
    repeated = tuple(text for text in by_frequency if counts[text] > 1)
    ranked = () if not rest else tuple(by_frequency) if len(repeated) > len(counts) / 2 else repeated
    text = TextColumn(name, tuple(sorted(kept)), present < len(column), bool(rest), ranked)
    return text, _many(name, len(counts), len(ranked)) if rest else None


def _many(name: str, texts: int, ranked: int) -> str:
    """A note on a column of more texts than have a column each, so many of which are ``ranked``."""
    which = "all" if ranked == texts else f"the {ranked:,} in two rows or more"
    others = f"{which} count by their frequency and their targets" if ranked else ""
    return (
        f"{shown(name)} has {texts:,} different texts: the {MOST_CATEGORIES} most frequent have an input each, "
        f"{others or 'the others share one'} ({option('ignore', [name])} leaves it out)"
    )


def _place(text: str, known: tuple[str, ...]) -> int:
    """The place of ``text`` among the ``known``, -1 where it is not there."""
    return known.index(text) if text in known else -1
