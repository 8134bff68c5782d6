"""Texts as numbers: how often each is in the training rows, and the mean of the target where it is.

Notation
    m, n     training rows; those that have one text
    t        (m, d) the target, less its mean and over its deviation: the number itself, an indicator of the second of
             two classes, or one indicator a class, or a target where there are several; of too many those with the
             largest variance, which of classes are the most frequent
    within, between   the variance of t among rows of one text, and that of the texts' own means
    a        within / between, the rows that a text must have for its mean to count as much as the mean of all

The input came as a place in the texts' order by frequency, from 1 (code 0) in equal steps down to -1. It becomes

frequency    log(1 + n), standardised over the training rows
target       sum of t over the n rows / (n + a), d numbers: the mean of t that is to be expected for the text, where
             texts' means are normally distributed around that of all

A training row may not see its own target, or the network learns to read it there. The mean without the row itself
(leave one out), or without its fold, does not hide it: where a network knows the text too, by a column of its own, the
mean of the others is low exactly where the target is high. So every training row has the sum and the count of the rows
*before* it, in one random order (ordered target statistics). Because of a, such a number is an expected mean whatever
the count is: it says the same of a row early in the order as of a new row, which has all n. Where texts say nothing of
the target a is large, and the numbers are close to 0.

Sources: Prokhorenkova et al., CatBoost: unbiased boosting with categorical features, 2018, section 3 (why leave-one-out
leaks; ordered statistics); Micci-Barreca, A preprocessing scheme for high-cardinality categorical attributes, 2001,
section 3 (a); Searle, Casella and McCulloch, Variance components, 1992, section 3.6 (both variances).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from caviar.errors import ConfigError
from caviar.randomness import Purpose, generator, stream_key

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

MOST_CLASSES = 100
"""Classes, or targets, that have a number for each text, at most: as many as a column of text has categories."""
FEWEST_CLASSES = 10
"""Classes that have a number, however many texts or columns of text there are."""
_MOST_NUMBERS = 1 << 19  # of a table: they are in every file of a network
_MOST_ROWS = 1e6  # of a: texts that say nothing of the target
_LEAST_ROWS = 0.01


@dataclass(frozen=True)
class TextTable:
    """The numbers of each text of the ``column``: (codes, width) by the text's code, one row after the other."""

    column: int
    width: int
    numbers: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.column < 0 or self.width < 1 or len(self.numbers) < 2 * self.width or len(self.numbers) % self.width:
            raise ConfigError(
                f"a table of texts must have {self.width} numbers for each of two texts or more, got "
                f"{len(self.numbers)} for column {self.column}",
                "learn it again",
            )

    @property
    def codes(self) -> int:
        """Texts, the one for all others and that for missing ones among them."""
        return len(self.numbers) // self.width

    def look_up(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The numbers (m, width) for the column's inputs ``x`` (m,), of the same type."""
        return self._table.astype(x.dtype)[codes_of(x, self.codes)]

    @cached_property
    def _table(self) -> Floats:
        """The numbers (codes, width)."""
        return np.array(self.numbers).reshape(self.codes, self.width)


def codes_of(x: npt.NDArray[Any], codes: int) -> Codes:
    """The code (m,) of each of the places ``x`` (m,), which are 1 - 2 * code / (codes - 1)."""
    found = np.rint((1 - x.astype(np.float64)) * (codes - 1) / 2)
    return np.clip(found, 0, codes - 1).astype(np.int64)


def learn_table(
    column: int, codes: int, x: npt.NDArray[Any], y: npt.NDArray[Any], most: int = MOST_CLASSES
) -> TextTable:
    """The table of a ``column`` with so many ``codes``, of training rows with inputs ``x`` (m,) and targets ``y``.

    Of ``most`` classes, or fewer where there are many codes, each has a number.
    """
    of_row, counted = codes_of(x, codes), _counted(y, max(FEWEST_CLASSES, min(most, _MOST_NUMBERS // codes)))
    n = np.bincount(of_row, minlength=codes).astype(np.float64)  # (codes,)
    frequency = np.log1p(np.maximum(n, 1))  # a text that these rows lack is as rare as one that they have once
    deviation = frequency[of_row].std()
    frequency = (frequency - frequency[of_row].mean()) / (deviation if deviation > 0 else 1.0)
    sums, squares = _sums(of_row, y, counted, codes)
    means = sums / (n + _rows_to_count(n, sums, squares))[:, None]
    table = np.column_stack([frequency, means]).astype(np.float32)
    return TextTable(column, table.shape[1], tuple(table.ravel().tolist()))


def of_training(table: TextTable, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The numbers (m, width) of the training rows that the ``table`` was learned from, each without its own target."""
    of_row, counted = codes_of(x, table.codes), _counted(y, table.width - 1)
    out = table.look_up(x)
    if not counted:
        return out
    n = np.bincount(of_row, minlength=table.codes).astype(np.float64)
    a = _rows_to_count(n, *_sums(of_row, y, counted, table.codes))
    order = generator(stream_key(0, Purpose.TEXTS, table.column)).permutation(len(y))
    order = order[np.argsort(of_row[order], kind="stable")]  # the rows of each text together, in the random order
    first = np.concatenate([[0], np.cumsum(n)])[:-1].astype(np.int64)[of_row[order]]  # where those of its text begin
    place = np.arange(len(y))
    for at, one in enumerate(counted, start=1):  # one after the other: (m, d) in float64 may be too large
        total = np.concatenate([[0.0], np.cumsum(_standardised(y, one)[order])])  # (m + 1,)
        out[order, at] = (total[place] - total[first]) / (place - first + a)
    return out


def _counted(y: npt.NDArray[Any], most: int) -> list[int]:
    """The columns of t for targets ``y``, ``most`` at most: the number itself, classes, or targets.

    y: (m,) classes or numbers, or (m, K) the bits of several targets.
    """
    if not len(y) or not most:
        return []
    if y.ndim == 1 and y.dtype.kind == "f":
        return [0]
    share = y.mean(axis=0) if y.ndim == 2 else np.bincount(y) / len(y)
    if y.ndim == 1 and len(share) <= 2:
        return [1]
    varied: Floats = share * (1 - share)
    return sorted(np.argsort(-varied, kind="stable")[:most].tolist())


def _standardised(y: npt.NDArray[Any], one: int) -> Floats:
    """``one`` of the columns of t (m,)."""
    t: Floats = (y[:, one] if y.ndim == 2 else y if y.dtype.kind == "f" else y == one).astype(np.float64)
    deviation = t.std()
    centred: Floats = (t - t.mean()) / (deviation if deviation > 0 else 1.0)
    return centred


def _sums(of_row: Codes, y: npt.NDArray[Any], counted: list[int], codes: int) -> tuple[Floats, float]:
    """The sum of t over the rows of each code (codes, d), and the sum of all of t**2."""
    sums, squares = np.zeros((codes, len(counted))), 0.0
    for at, one in enumerate(counted):
        t = _standardised(y, one)
        sums[:, at] = np.bincount(of_row, weights=t, minlength=codes)
        squares += float((t**2).sum())
    return sums, squares


def _rows_to_count(n: Floats, sums: Floats, squares: float) -> float:
    """The number a, by the analysis of variance, over all of d together."""
    there = n > 0
    n, sums, m = n[there], sums[there], float(n.sum())
    groups = len(n)
    if not sums.shape[1] or not 1 < groups < m:
        return _MOST_ROWS
    explained = float((sums**2 / n[:, None]).sum())  # the mean of t is 0
    within = (squares - explained) / (m - groups)
    between = (explained / (groups - 1) - within) / ((m - float((n**2).sum()) / m) / (groups - 1))
    if between <= 0:
        return _MOST_ROWS
    return float(np.clip(within / between, _LEAST_ROWS, _MOST_ROWS))
