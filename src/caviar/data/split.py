"""Rows for training, for validation and for the test, in every class in proportion.

Notation
    m        rows
    counts   rows of every class (k,)
    exact    counts * total / counts.sum(): what proportion asks for, hardly ever whole

A class's share is ``exact`` rounded down, and the rows that are left over go to the largest remainders; but every
class keeps at least one row in every part. scikit-learn does the same (its approximate mode), takes 1.5 s to
import, and is the tests' oracle. Which rows of a class go where is decided by the seed alone.

Rows that must stay together, a group's or the copies of a row, are dealt out in sets (deal.py). Rows in time are cut
into past and future (forward.py).

For regression the classes are BINS quantile bins of the target, so that every part has its share of the small and of
the large values; fewer bins where there are fewer than ROWS_A_BIN rows a bin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from caviar import randomness
from caviar.data.columns import listed
from caviar.data.deal import Indices, deal, deal_with_training
from caviar.errors import DataError

SHARE = 0.2  # of the rows for validation, and for the test
BINS = 10  # of a numeric target
ROWS_A_BIN = 5  # a bin must reach into every part


@dataclass(frozen=True, eq=False)
class Split:
    """Row numbers in ascending order, from 0; ``test`` is empty if it was not asked for."""

    train: Indices
    validation: Indices
    test: Indices
    warnings: tuple[str, ...] = ()

    @property
    def shares(self) -> tuple[float, float, float]:
        """Shares of the rows in training, validation and test."""
        sizes = len(self.train), len(self.validation), len(self.test)
        return tuple(size / sum(sizes) for size in sizes)  # type: ignore[return-value]


def split(labels: npt.ArrayLike, seed: int, test: bool = True) -> Split:
    """A stratified split of the rows of ``labels`` (m,): 20 % for validation, 20 % for the ``test`` if there is one.

    A class with too few rows to be in every part is for training only, with a warning. Raises DataError if a part
    would be empty.
    """
    classes, codes, counts = np.unique(np.asarray(labels), return_inverse=True, return_counts=True)
    m = len(codes)
    held_out = 2 if test else 1
    parts = held_out + 1
    small = counts < parts
    if small.all() or m < 2 * parts:
        raise DataError(
            f"a split into {parts} parts needs a class with at least {parts} rows and {2 * parts} rows in all, "
            f"got {m} rows, {int(counts.max(initial=0))} in the largest class",
            "add rows",
        )
    taken = np.zeros((held_out, len(classes)), dtype=np.int64)
    left = np.where(small, 0, counts)
    for k in range(held_out):
        # one row at least stays for each part that is still to come, training included
        taken[k] = _in_proportion(left, math.ceil(round(SHARE * m, 9)), keep=held_out - k)
        left = left - taken[k]
    order = _class_by_class(codes, randomness.stream_key(seed, randomness.Purpose.SPLIT))
    rank = np.arange(m) - np.repeat(np.cumsum(counts) - counts, counts)  # a row's place inside its class
    ends = np.cumsum(taken, axis=0)[:, codes[order]]
    which = (rank >= ends).sum(axis=0)  # 0: validation, 1: test, past all ends: training
    lacking = classes[small].tolist()
    return Split(
        train=_rows(order, which == held_out),
        validation=_rows(order, which == 0),
        test=_rows(order, (which == 1) & test),
        warnings=(f"too few rows to be in every part, so in training only: {listed(lacking)}",) if lacking else (),
    )


def split_numbers(target: npt.NDArray[np.float64], seed: int, test: bool = True) -> Split:
    """``split`` for a numeric ``target`` (m,), stratified by its quantile bins.

    Rows with equal values are in the same bin. Raises DataError if a part would be empty.
    """
    m = len(target)
    if m < 2 * (3 if test else 2):
        raise DataError(f"a split needs {2 * (3 if test else 2)} rows in all, got {m} rows", "add rows")
    found = split(_bins(target), seed, test)
    return Split(found.train, found.validation, found.test)  # which bins are small is nothing to warn about


def split_sets(
    target: npt.NDArray[Any], sets: Indices, seed: int, test: bool = True, *, regression: bool, named: str
) -> Split:
    """As ``split`` and ``split_numbers``, with the rows of every one of ``sets`` (m,) in one part.

    ``named`` is what a set is called in messages. Raises DataError where there are fewer sets than parts.
    """
    classes, codes = np.unique(_bins(target) if regression else target, return_inverse=True)
    shares = [SHARE, SHARE, 1 - 2 * SHARE] if test else [SHARE, 1 - SHARE]
    n_sets, parts = int(sets.max()) + 1, len(shares)
    key = randomness.stream_key(seed, randomness.Purpose.SPLIT)
    if regression:
        part, small = deal(codes, sets, shares, key), np.zeros(0, dtype=np.int64)
    else:
        part, small = deal_with_training(codes, sets, shares, key)
    rows = [np.flatnonzero(part[sets] == k) for k in range(parts)]
    if any(len(chosen) == 0 for chosen in rows):
        raise DataError(
            f"a split into {parts} parts needs a class in at least {parts} {named}, and {parts} {named} in all, "
            f"got {n_sets} {named}",
            f"add {named}",
        )
    lacking = classes[small].tolist()
    warnings = (f"in too few {named} to be in every part, so in training only: {listed(lacking)}",) if lacking else ()
    return Split(rows[-1], rows[0], rows[1] if test else rows[0][:0], warnings)


def folds(
    targets: npt.NDArray[np.int32] | npt.NDArray[np.float32], k: int, seed: int, sets: Indices | None = None
) -> list[Indices]:
    """The rows 0 to m - 1 dealt into ``k`` folds, nearly equal in size, each with its share of every class.

    ``targets`` (m,) are classes, or numbers, whose quantile bins stand for classes. A class of fewer than k rows is not
    in every fold. The rows of every one of ``sets`` (m,) are in one fold. At least two folds of a row each, or of a
    set: fewer than ``k`` for fewer rows or sets.
    """
    codes = _bins(targets) if targets.dtype.kind == "f" else targets
    if sets is not None:
        sets = np.unique(sets, return_inverse=True)[1]
        k = min(k, int(sets.max()) + 1)
        part = deal(codes.astype(np.int64), sets, [1 / k] * k, randomness.stream_key(seed, randomness.Purpose.FOLDS))
        dealt = [np.flatnonzero(part[sets] == fold) for fold in range(k)]
        return [fold for fold in dealt if len(fold)]
    order = _class_by_class(codes, randomness.stream_key(seed, randomness.Purpose.FOLDS))
    return [np.sort(order[fold::k]).astype(np.int64) for fold in range(min(k, len(targets)))]  # dealt like cards


def _bins(target: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """The quantile bin (m,) of every number."""
    bins = max(1, min(BINS, len(target) // ROWS_A_BIN))
    return np.searchsorted(np.quantile(target, np.arange(1, bins) / bins), target, side="right")


def _class_by_class(codes: npt.NDArray[Any], key: randomness.UInt64) -> npt.NDArray[np.intp]:
    """The row numbers (m,), class by class, shuffled inside a class."""
    shuffled = np.argsort(randomness.raw(key, (0, 0, 0, 0), len(codes)), kind="stable")
    return shuffled[np.argsort(codes[shuffled], kind="stable")]


def _rows(order: npt.NDArray[np.intp], chosen: npt.NDArray[np.bool_]) -> Indices:
    return np.sort(order[chosen]).astype(np.int64)


def _in_proportion(counts: Indices, total: int, keep: int) -> Indices:
    """Share ``total`` among the classes of ``counts`` (k,): at least 1 and at most ``counts - keep`` of every class.

    Where the bounds do not allow ``total`` exactly, as near to it as they do.
    """
    present = counts > 0
    exact = counts * (total / max(int(counts.sum()), 1))
    low, high = present.astype(np.int64), np.where(present, counts - keep, 0)
    take: Indices = np.clip(np.floor(exact).astype(np.int64), low, high)
    while (gap := total - int(take.sum())) != 0:
        step = 1 if gap > 0 else -1
        free = np.flatnonzero(take < high if gap > 0 else take > low)
        if not len(free):
            break
        furthest = free[np.argsort(step * (take - exact)[free], kind="stable")]
        take[furthest[: abs(gap)]] += step
    return take
