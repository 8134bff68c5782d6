"""Arithmetic of unit coordinates: exact zeros, cells of discrete values, and ends that are never left.

Exact zeros take the unit coordinates below ``zero``; the rest is stretched over the scale. The notation is that of
scales.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Units = npt.NDArray[np.float64]
Values = npt.NDArray[Any]

_HUGE = 1e300


def after_zero(u: npt.ArrayLike, zero: float) -> Units:
    """t, negative where the value is an exact zero."""
    t = np.asarray(u, dtype=np.float64)
    return np.asarray((t - zero) / (1 - zero)) if zero else t


def before_zero(t: Units, v: Units, zero: float) -> Units:
    """u from t; an exact zero sits in the middle of its share."""
    return np.where(v == 0, zero / 2, zero + (1 - zero) * t) if zero else t


def distance(log_low: float, log_high: float) -> float:
    """The divisor of a part of the range; 1 where two neighbouring floats have the same logarithm."""
    return log_high - log_low or 1.0


def exp_within(log_v: Units, low: float, high: float) -> Units:
    """exp(log_v), never outside [low, high], and never overflowing on the way."""
    if high < _HUGE:
        return within(np.exp(log_v), low, high)
    with np.errstate(over="ignore"):  # log(high) rounds up for a high near the largest float
        return within(np.exp(log_v), low, high)


def within(v: Units, low: float, high: float) -> Units:
    """``v``, never outside [low, high]; np.clip takes ten times as long for the few values of a round."""
    return np.asarray(np.minimum(np.maximum(v, low), high))


def cell(u: npt.ArrayLike, n: int) -> npt.NDArray[np.int64]:
    """The index of the cell that each u falls in, of n equal cells of [0, 1]; u = 1 belongs to the last."""
    return np.minimum(np.floor(np.asarray(u, dtype=np.float64) * n), n - 1).astype(np.int64)


def objects(values: Sequence[object]) -> Values:
    """An array of objects; NumPy would make another axis of tuples."""
    array = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        array[i] = value
    return array


def log_centre(v: Units, step: float) -> Units:
    """The middle, seen on the logarithm, of the cells from half a step below ``v`` to half a step above it."""
    return np.asarray((np.log(v - step / 2) + np.log(v + step / 2)) / 2)


def between(value: object, low: float, high: float) -> bool:
    """True for a number, which True and False are not, from ``low`` to ``high``."""
    return (
        isinstance(value, int | float | np.integer | np.floating)
        and not isinstance(value, bool)
        and bool(low <= value <= high)
    )


def is_power_of_two(value: int) -> bool:
    """True for 1, 2, 4, 8, ..."""
    return value > 0 and value & (value - 1) == 0
