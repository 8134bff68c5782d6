"""A column in another unit than in training: its numbers would be alike if all were multiplied by one factor.

Notation
    D     distance of Kolmogorov and Smirnov from training (two_samples.py), D_f that of the numbers divided by f

A factor is named where D is large and D_f small: a change of unit, or of the decimal mark, and no drift of the world.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from caviar.analysis.two_samples import distance
from caviar.data.columns import Floats
from caviar.data.sketches import NumberSketch

_FACTORS = (10.0, 100.0, 1e3, 1e6, 1e9, 2.54, 25.4, 0.3048, 0.45359237, 1.609344, 60.0, 3600.0, 24.0)
_FAR, _NEAR = 0.3, 0.2  # D that asks for a reason, D_f that is one


class Unit(NamedTuple):
    """The new numbers are those of training times ``factor``, or degrees Fahrenheit in place of Celsius."""

    factor: float
    degrees: str = ""


def other_unit(sketch: NumberSketch, x: Floats) -> Unit | None:
    """The other unit that the numbers ``x`` (m,) are in, NaN where missing; None where no factor explains them."""
    far = distance(sketch, x)
    if far < _FAR or len(np.unique(x[~np.isnan(x)])) < 5 or len(sketch.values) < 5:
        return None
    tried: list[tuple[float, Unit]] = []
    for factor in _FACTORS:
        tried.append((distance(sketch, x / factor), Unit(factor)))
        tried.append((distance(sketch, x * factor), Unit(1 / factor)))
    tried.append((distance(sketch, (x - 32) / 1.8), Unit(1.8, "Fahrenheit in place of Celsius")))
    tried.append((distance(sketch, x * 1.8 + 32), Unit(1 / 1.8, "Celsius in place of Fahrenheit")))
    near, unit = min(tried, key=lambda pair: pair[0])
    return unit if near < min(_NEAR, far / 3) else None


def swapped(
    sketches: Mapping[str, NumberSketch], x: Mapping[str, Floats], changed: Iterable[str]
) -> list[tuple[str, str]]:
    """Pairs of ``changed`` columns of which each has the numbers that the other one had in training."""
    names = [name for name in changed if name in sketches and distance(sketches[name], x[name]) >= _FAR]
    pairs = []
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            if max(distance(sketches[a], x[b]), distance(sketches[b], x[a])) < _NEAR / 2:
                pairs.append((a, b))
    return pairs
