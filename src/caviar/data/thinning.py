"""One in a few of the rows of a table: drawn at random, each class and each range of numbers in proportion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from caviar import randomness
from caviar.data.deal import Indices
from caviar.data.split import Split

Thinning = Callable[[int, int], int]
"""The number of which one row is used, for so many rows to train on and inputs; 1 uses all."""


def thinned(parts: Split, every: int, y: npt.NDArray[Any], seed: int) -> Split:
    """One in ``every`` rows for training and for validation; the test part stays whole.

    y: (m,) the targets of all rows as Examples has them, by their row.
    """
    if every == 1:
        return parts
    keys = (randomness.stream_key(seed, randomness.Purpose.THINNING, part) for part in (0, 1))
    train, validation = (
        rows[one_in(every, y[rows], key)] for rows, key in zip((parts.train, parts.validation), keys, strict=True)
    )
    note = (
        f"one in {every} rows is used, drawn at random, {len(train):,} of {len(parts.train):,} to train and "
        f"{len(validation):,} of {len(parts.validation):,} to validate, since the time is too short to train on all "
        "often enough; a new study with more `seconds` uses all"
    )
    return replace(parts, train=train, validation=validation, warnings=(*parts.warnings, note))


def one_in(every: int, y: npt.NDArray[Any], key: randomness.UInt64) -> Indices:
    """One in ``every`` rows with targets ``y`` (m,), in their order: of the numbers as they rise, or of each class.

    A class keeps one row at the least.
    """
    drawn = randomness.generator(key).permutation(len(y))
    drawn = drawn[np.argsort(y[drawn], kind="stable")]
    place = np.arange(len(y))
    if y.dtype.kind != "f":
        _, which, counts = np.unique(y, return_inverse=True, return_counts=True)  # label sets may be huge numbers
        place -= (np.cumsum(counts) - counts)[which[drawn]]  # within its class
    return np.sort(drawn[place % every == 0])
