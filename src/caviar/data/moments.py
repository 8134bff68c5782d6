"""Statistics of columns of numbers, by passes over blocks of rows: of a frame, or of rows that stay in files."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from caviar.data.columns import Floats, row_blocks


class Moments(NamedTuple):
    """Statistics (n,) of the present values of n columns; ``present`` counts them. All are 0 where there are none."""

    mean: Floats
    deviation: Floats
    present: Floats
    low: Floats
    high: Floats


def moments(frame: Any) -> Moments:
    """Mean, standard deviation, count and range of the present values of every column (n,), by two passes over blocks.

    The second pass sums squares around the mean, since sums of plain squares lose everything where sigma is far below
    mu, and the differences themselves, which would be 0 but for rounding: that corrects both (Chan, Golub, LeVeque,
    Algorithms for computing the sample variance, 1983).
    """
    m, n = frame.shape
    total, present = np.zeros(n), np.zeros(n)
    low, high = np.full(n, np.inf), np.full(n, -np.inf)
    for rows in row_blocks(m, n):
        x = _block(frame, rows)
        present += np.count_nonzero(~np.isnan(x), axis=0)
        total += np.nansum(x, axis=0)
        low = np.fmin(low, np.fmin.reduce(x, axis=0))
        high = np.fmax(high, np.fmax.reduce(x, axis=0))
    count = np.maximum(present, 1.0)
    constant = low >= high  # or no value at all, low = inf: then the mean is 0
    mean = np.where(constant & (present > 0), low, total / count)  # a rounded mean would make noise of a constant
    square, drift = np.zeros(n), np.zeros(n)
    for rows in row_blocks(m, n):
        difference = _block(frame, rows) - mean
        drift += np.nansum(difference, axis=0)
        square += np.nansum(difference * difference, axis=0)
    variance = np.maximum(square - drift * drift / count, 0.0) / count
    low, high = np.where(present > 0, low, 0.0), np.where(present > 0, high, 0.0)
    return Moments(mean + drift / count, np.where(constant, 0.0, np.sqrt(variance)), present, low, high)


def _block(frame: Any, rows: slice) -> Floats:
    """Rows of the frame, C-contiguous: NumPy's sums round by the layout, which must not depend on the file's format."""
    return np.ascontiguousarray(frame.iloc[rows].to_numpy(np.float64))
