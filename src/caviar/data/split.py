"""Which rows are for training, for validation and for the test, in every class in proportion.

Notation
    m        rows
    counts   rows of every class (k,)
    exact    counts * total / counts.sum(): what proportion asks for, hardly ever whole

A class's share is ``exact`` rounded down, and the rows that are left over go to the largest remainders; but every
class keeps at least one row in every part. scikit-learn does the same (its approximate mode), takes 1.5 s to
import, and is the tests' oracle. Which rows of a class go where is decided by the seed alone.

For regression the classes are BINS quantile bins of the target, so that every part has its share of the small and of
the large values; fewer bins where there are fewer than ROWS_A_BIN rows a bin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from caviar import randomness
from caviar.data.columns import listed
from caviar.errors import DataError

Indices = npt.NDArray[np.int64]

BINS = 10  # of a numeric target
ROWS_A_BIN = 5  # a bin must reach into every part


@dataclass(frozen=True, eq=False)
class Split:
    """Row numbers in ascending order, from 0; ``test`` is empty if it was not asked for."""

    train: Indices
    validation: Indices
    test: Indices
    warnings: tuple[str, ...] = ()


def split(
    labels: npt.ArrayLike,
    seed: int,
    test: bool = True,
    fractions: tuple[float, float, float] = (0.6, 0.2, 0.2),
) -> Split:
    """A stratified split of the rows of ``labels`` (m,).

    ``fractions`` are of training, validation and test; without ``test`` the third is left out and the others keep
    their proportion where they are (0.6, 0.2, 0.2): 80 % and 20 %. A class with too few rows to be in every part is
    for training only, with a warning. Raises DataError if a part would be empty.
    """
    classes, codes, counts = np.unique(np.asarray(labels), return_inverse=True, return_counts=True)
    m = len(codes)
    shares = fractions[1:] if test else (fractions[2],)
    parts = len(shares) + 1
    small = counts < parts
    if small.all() or m < 2 * parts:
        raise DataError(
            f"a split into {parts} parts needs a class with at least {parts} rows and {2 * parts} rows in all, "
            f"got {m} rows, {int(counts.max(initial=0))} in the largest class",
            "add rows",
        )
    taken = np.zeros((len(shares), len(classes)), dtype=np.int64)
    left = np.where(small, 0, counts)
    for k, share in enumerate(shares):
        # one row at least stays for each part that is still to come, training included
        taken[k] = _in_proportion(left, math.ceil(round(share * m, 9)), keep=len(shares) - k)
        left = left - taken[k]
    shuffled = np.argsort(randomness.raw(_key(seed), (0, 0, 0, 0), m), kind="stable")
    order = shuffled[np.argsort(codes[shuffled], kind="stable")]  # class by class, shuffled inside a class
    rank = np.arange(m) - np.repeat(np.cumsum(counts) - counts, counts)  # a row's place inside its class
    ends = np.cumsum(taken, axis=0)[:, codes[order]]
    which = (rank >= ends).sum(axis=0)  # 0: validation, 1: test, past all ends: training
    lacking = classes[small].tolist()
    return Split(
        train=_rows(order, which == len(shares)),
        validation=_rows(order, which == 0),
        test=_rows(order, (which == 1) & test),
        warnings=(f"too few rows to be in every part, so in training only: {listed(lacking)}",) if lacking else (),
    )


def split_numbers(
    target: npt.NDArray[np.float64],
    seed: int,
    test: bool = True,
    fractions: tuple[float, float, float] = (0.6, 0.2, 0.2),
) -> Split:
    """A split of the rows of a numeric ``target`` (m,), stratified by its quantile bins.

    ``fractions`` and ``test`` as in ``split``. Rows with equal values are in the same bin. Raises DataError if a part
    would be empty.
    """
    m = len(target)
    if m < 2 * (3 if test else 2):
        raise DataError(f"a split needs {2 * (3 if test else 2)} rows in all, got {m} rows", "add rows")
    bins = max(1, min(BINS, m // ROWS_A_BIN))
    edges = np.quantile(target, np.arange(1, bins) / bins)
    found = split(np.searchsorted(edges, target, side="right"), seed, test, fractions)
    return Split(found.train, found.validation, found.test)  # which bins are small is nothing to warn about


def folds(targets: npt.NDArray[np.int32] | npt.NDArray[np.float32], k: int, seed: int) -> list[Indices]:
    """The rows 0 to m - 1 dealt into ``k`` folds, nearly equal in size, each with its share of every class.

    ``targets`` (m,) are classes, or numbers, whose quantile bins stand for classes. A class of fewer than k rows is not
    in every fold. At least two folds of a row each: fewer than ``k`` for fewer rows.
    """
    m = len(targets)
    if targets.dtype.kind == "f":
        bins = max(1, min(BINS, m // ROWS_A_BIN))
        codes = np.searchsorted(np.quantile(targets, np.arange(1, bins) / bins), targets, side="right")
    else:
        codes = targets.astype(np.int64)
    key = randomness.stream_key(seed, randomness.Purpose.FOLDS)
    shuffled = np.argsort(randomness.raw(key, (0, 0, 0, 0), m), kind="stable")
    order = shuffled[np.argsort(codes[shuffled], kind="stable")]  # class by class, then dealt like cards
    return [np.sort(order[fold::k]).astype(np.int64) for fold in range(min(k, m))]


def _rows(order: npt.NDArray[np.intp], chosen: npt.NDArray[np.bool_]) -> Indices:
    return np.sort(order[chosen]).astype(np.int64)


def _key(seed: int) -> randomness.UInt64:
    return randomness.stream_key(seed, randomness.Purpose.SPLIT)


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
