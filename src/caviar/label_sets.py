"""Label sets: the labels that a row has in several targets, each with two labels, as one whole number.

Notation
    m, K    rows, targets
    y       (m,) the label sets: bit k is 1 where the row has the second label of target k
    bits    (m, K) the same, a column a target, 0 and 1
    p       (m, K) the probability of the second label of each target

Whatever takes classes takes label sets, too: rows are drawn, dealt out and stored by them. What they mean is in a loss,
a metric and the names of the targets.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

MOST = 30
"""Targets of a label set, as most_targets in native/network.h: all sets are counted by a C++ int."""


def packed(bits: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    """The label sets (m,) of ``bits`` (m, K)."""
    places = np.left_shift(np.int32(1), np.arange(bits.shape[1], dtype=np.int32))
    return np.asarray((bits.astype(np.int32) * places).sum(axis=1, dtype=np.int32))


def unpacked(y: npt.NDArray[Any], targets: int) -> npt.NDArray[np.int64]:
    """The bits (m, K) of label sets ``y`` (m,)."""
    return np.asarray(y, dtype=np.int64)[:, None] >> np.arange(targets, dtype=np.int64) & 1


def as_classes(
    p: npt.NDArray[np.float64], y: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Every cell as a row of two classes: probabilities (m K, 2) and the true classes (m K,), row by row."""
    flat = p.reshape(-1)
    return np.stack([1 - flat, flat], axis=1), unpacked(y, p.shape[1]).reshape(-1)
