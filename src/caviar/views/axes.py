"""Axes of hyperparameters: the kind of each scale, and the values to write beside it.

Notation
    u     unit coordinate of a hyperparameter on its scale, 0 to 1
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np

from caviar.scale_rules import Value
from caviar.scale_tables import table_of
from caviar.scales import Choice, Fixed, Integer, Linear, Log, OneMinusLog, PowerOfTwo, Scale, Stepped

_Any = TypeVar("_Any")

Ticks = tuple[tuple[float, Value], ...]
"""Places in u, rising, and the value at each."""

_MOST = 8  # ticks that stay apart on a small plot
_APART = 0.1  # of the axis, between an end and the next tick


def kind_of(scale: Scale) -> str:
    """The kind of ``scale`` as space files call it; ``choices`` and ``fixed`` for those without a range."""
    if isinstance(scale, Fixed):
        return "fixed"
    return "choices" if isinstance(scale, Choice) else str(table_of(scale)["scale"])


def ticks(scale: Scale) -> Ticks:
    """Round values spread over ``scale``: decades where it is logarithmic, and its two ends.

    All choices and all powers of two, where they are few.
    """
    if isinstance(scale, Fixed):
        return ((0.5, scale.value),)
    if isinstance(scale, Choice):
        return _placed(scale, _some(scale.choices))
    if isinstance(scale, PowerOfTwo):
        return _placed(scale, _some([scale.low << k for k in range(scale.n_values)]))
    assert isinstance(scale, Linear | Log | OneMinusLog | Integer), scale
    if isinstance(scale, Integer) and scale.n_values <= _MOST:
        return _placed(scale, list(range(scale.low, scale.high + 1, scale.step)))
    found = _placed(scale, [value for value in _round_values(scale) if scale.contains(value)])
    low, high = _placed(scale, [scale.low, scale.high])
    inner = [tick for tick in found if low[0] + _APART <= tick[0] <= high[0] - _APART]
    zero = _placed(scale, [0.0]) if isinstance(scale, Stepped) and scale.zero > 0 and scale.low > 0 else ()
    return (*zero, low, *_some(inner, _MOST - 2), high)


def _placed(scale: Scale, values: Sequence[Value]) -> Ticks:
    places = np.asarray(scale.to_unit(values), dtype=float).tolist() if values else []
    return tuple(sorted(zip(places, values, strict=True), key=lambda tick: tick[0]))


def _round_values(scale: Linear | Log | OneMinusLog | Integer) -> list[float] | list[int]:
    """Values that a person would write on the axis; they may lie outside of the scale."""
    if isinstance(scale, OneMinusLog):
        return [1 - rest for rest in _decades(1 - scale.high, max(1 - scale.low, 1e-300))]
    if isinstance(scale, Log) or (isinstance(scale, Integer) and scale.log):
        low, high = float(scale.low), float(scale.high)
        values = _decades(low, high)
        if len(values) < 3:
            values = [factor * ten for ten in _decades(low / 10, high) for factor in (1, 2, 5)]
    else:
        values = _steps(float(scale.low), float(scale.high))
    return sorted({round(value) for value in values}) if isinstance(scale, Integer) else values


def _decades(low: float, high: float) -> list[float]:
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    return [float(f"1e{k}") for k in range(first, last + 1)]


def _steps(low: float, high: float) -> list[float]:
    """Four to nine multiples of 1, 2 or 5 times a power of ten."""
    width = (high - low) / 4
    if width < 1e-300:  # too close together for round numbers
        return []
    ten = 10.0 ** math.floor(math.log10(width))
    most = width * (1 + 1e-9)  # 0.1 is a step of a width of 0.09999...
    step = next(factor * ten for factor in (5, 2, 1) if factor * ten <= most)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [float(f"{k * step:.12g}") for k in range(first, min(last, first + 20) + 1)]


def _some(values: Iterable[_Any], most: int = _MOST) -> list[_Any]:
    """All of ``values``, or every second one, or every third, so that no more than ``most`` are left."""
    found = list(values)
    return found[:: -(-len(found) // most) or 1]
