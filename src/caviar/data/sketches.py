"""Sketches of columns: as much of the rows of training as a model keeps, to compare new rows with.

Notation
    n          rows in which the column has a value
    v_1 < v_2  values of a column of numbers at which its distribution is kept
    F(v)       share of the n values that are at most v;  F(v-)  share of those below v

A column of numbers is kept as F(v) and F(v-) at no more than some hundreds of its values: at all of them where they are
few, else at values of equally distant ranks. What is kept is exact, so that the distance of Kolmogorov and Smirnov
from new rows, taken over these values alone, is never too large (analysis/two_samples.py). A column of text is kept as
the count of each of its categories.

Each column is kept on its own, in order of its values: no row can be put together again. The size is bounded, whatever
the table's: see MOST_VALUES, and relations.py for the pairs of columns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from caviar.data.columns import Floats

MOST_VALUES = 257
"""Values that are kept of a column, at most."""

ALL_VALUES = 1 << 15
"""Values that are kept of all columns together, about."""

_FEWEST_VALUES = 17  # of a column, however many columns there are


@dataclass(frozen=True)
class NumberSketch:
    """A column of numbers: of its ``rows`` so many are ``missing``, and n have a value.

    ``up_to`` counts those that are at most each of the ``values``, ``below`` those that are below it.
    """

    rows: int
    missing: int
    values: tuple[float, ...]
    up_to: tuple[int, ...]
    below: tuple[int, ...]

    @property
    def present(self) -> int:
        """n: rows with a value."""
        return self.rows - self.missing

    @property
    def is_whole(self) -> bool:
        """True where all different values are kept, so that the distribution is known everywhere."""
        between = zip(self.up_to, self.below[1:], strict=False)
        return not self.values or (self.below[0] == 0 and all(a == b for a, b in between))

    def shares(self) -> tuple[Floats, Floats]:
        """F(v) and F(v-) at the values."""
        n = max(self.present, 1)
        return np.array(self.up_to) / n, np.array(self.below) / n

    def place(self, x: Floats) -> Floats:
        """The place (m,) of numbers in the distribution, from 0 to 1: (F(x) + F(x-)) / 2, in steps between the values.

        A missing number has the place 1/2. The function is fixed: old and new rows go through the same one.
        """
        if not self.values:
            return np.full(len(x), 0.5)
        up_to, below = self.shares()
        values = np.array(self.values)
        after = np.searchsorted(values, x, side="right")  # how many values are at most x
        before = np.searchsorted(values, x, side="left")  # how many are below it
        at_least = np.append(0.0, up_to)[after]
        at_most = np.append(below, 1.0)[before]
        return np.where(np.isnan(x), 0.5, (at_least + at_most) / 2)

    def quantile(self, share: float) -> float:
        """The least of the values that at least this ``share`` of the rows is at most; NaN where there is none."""
        if not self.values:
            return math.nan
        up_to, _ = self.shares()
        return self.values[min(int(np.searchsorted(up_to, share - 1e-12)), len(self.values) - 1)]


@dataclass(frozen=True)
class TextSketch:
    """A column of text: of its ``rows`` so many are ``missing``; ``counts`` of each of its ``texts``.

    The other rows with a value have other texts.
    """

    rows: int
    missing: int
    texts: tuple[str, ...]
    counts: tuple[int, ...]

    @property
    def present(self) -> int:
        """Rows with a value."""
        return self.rows - self.missing

    @property
    def others(self) -> int:
        """Rows of other texts."""
        return self.present - sum(self.counts)


def most_values(columns: int) -> int:
    """Values that are kept of each of so many ``columns``."""
    return int(min(max(ALL_VALUES // max(columns, 1), _FEWEST_VALUES), MOST_VALUES))


def sketch_numbers(x: Floats, most: int = MOST_VALUES) -> NumberSketch:
    """The sketch of a column (m,), NaN where it is missing, at ``most`` of its values at most."""
    present = np.sort(x[~np.isnan(x)])
    values = np.unique(present)
    if len(values) > most:
        ranks = np.unique(np.round(np.linspace(0, len(present) - 1, most)).astype(np.int64))
        values = np.unique(present[ranks])
    return NumberSketch(
        rows=len(x),
        missing=len(x) - len(present),
        values=tuple(values.tolist()),
        up_to=tuple(np.searchsorted(present, values, side="right").tolist()),
        below=tuple(np.searchsorted(present, values, side="left").tolist()),
    )


def number_sketch(data: Mapping[str, Any]) -> NumberSketch:
    """The inverse of ``asdict``. Raises ValueError for what it cannot have written."""
    found = NumberSketch(
        int(data["rows"]),
        int(data["missing"]),
        tuple(map(float, data["values"])),
        tuple(map(int, data["up_to"])),
        tuple(map(int, data["below"])),
    )
    sizes = {len(found.values), len(found.up_to), len(found.below)}
    ends = [count for pair in zip(found.below, found.up_to, strict=False) for count in pair]
    rising = all(a < b for a, b in zip(found.values, found.values[1:], strict=False))
    if (
        len(sizes) != 1
        or not rising
        or not all(map(math.isfinite, found.values))
        or not 0 <= found.missing <= found.rows
        or ends != sorted(ends)
        or (ends and not 0 <= ends[0] <= ends[-1] == found.present)
        or bool(ends) != bool(found.present)
    ):
        raise ValueError("a sketch of numbers is damaged")
    return found


def text_sketch(data: Mapping[str, Any]) -> TextSketch:
    """The inverse of ``asdict``. Raises ValueError for what it cannot have written."""
    found = TextSketch(
        int(data["rows"]), int(data["missing"]), tuple(map(str, data["texts"])), tuple(map(int, data["counts"]))
    )
    if len(found.texts) != len(found.counts) or min(found.counts, default=0) < 0 or found.others < 0:
        raise ValueError("a sketch of texts is damaged")
    if not 0 <= found.missing <= found.rows:
        raise ValueError("a sketch of texts is damaged")
    return found


def plain(sketch: NumberSketch | TextSketch) -> dict[str, Any]:
    """Plain data, for a model file."""
    return asdict(sketch)
