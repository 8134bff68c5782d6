"""Steps: the values low, low + step, low + 2 step, ... high of a scale, as a person writes them.

Notation
    k      the number of a value, from 0 to n - 1
    v      low + k step, in decimal arithmetic: the third step of 0.1 is 0.3 and never 0.30000000000000004

Floats are taken by the shortest decimal number that stands for them, which is the one that a person typed.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from caviar.errors import SpaceError
from caviar.scale_rules import LARGEST_INTEGER, title

_EXACT = Context(prec=1500)  # digits: the smallest float beside the largest
_WHOLE = 2**53  # below it every whole number is a float
_MOST_DECIMALS = 22  # 10**22 is the last power of ten that is a float


@dataclass(frozen=True, slots=True)
class Steps:
    """The values of a scale from ``low`` on, ``n`` of them, each ``step`` above the one before."""

    low: Decimal
    step: Decimal
    n: int

    def values(self, k: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """The values (n,) of the numbers ``k``: each the float nearest to its decimal number."""
        decimals = -min(_exponent(self.low), _exponent(self.step), 0)
        with localcontext(_EXACT):
            start, step = int(self.low.scaleb(decimals)), int(self.step.scaleb(decimals))
            if decimals <= _MOST_DECIMALS and abs(start) + self.n * step < _WHOLE:
                return np.asarray((start + np.asarray(k) * step) / 10.0**decimals)  # both exact: rounded once
            found = [float(self.low + int(one) * self.step) for one in np.ravel(k)]
        return np.array(found, dtype=np.float64).reshape(np.shape(k))

    def numbers(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """The numbers k of the nearest ones of the scale's values."""
        k = np.round((values - float(self.low)) / float(self.step))
        return np.minimum(np.maximum(k, 0), self.n - 1).astype(np.int64)

    def nearest(self, value: float) -> float:
        """The value nearest to ``value``."""
        return float(self.values(self.numbers(np.array([value], dtype=np.float64)))[0])


def check_steps(scale: Any) -> None:
    """Raise SpaceError unless ``scale.step`` is above 0 and leads from its low to its high."""
    kind, low, high, step = title(type(scale)), scale.low, scale.high, scale.step
    if step <= 0:
        raise SpaceError(f"step must be above 0 on {kind}, got step={step!r}", "it is the distance of two values")
    with localcontext(_EXACT):
        first, width = _decimal(low), _decimal(step)
        times, rest = divmod(_decimal(high) - first, width)
        below = type(high)(first + times * width)
        above = type(high)(first + (times + 1) * width)
    given = f"got low={low!r}, high={high!r}, step={step!r}"
    if rest:
        ends = f"end at {above!r}" if times == 0 else f"end at {below!r} or {above!r}"
        raise SpaceError(f"high - low must be a whole number of steps on {kind}, {given}", ends)
    if times >= LARGEST_INTEGER:
        way_out = "make the range smaller" if isinstance(high, int) else "leave step out"
        raise SpaceError(f"a scale has at most 2**31 steps, {given}", way_out)


def check_first_cell(scale: Any) -> None:
    """Raise SpaceError where half a step below ``low`` has no logarithm."""
    step = scale.step or 0
    if not scale.low > step / 2:
        raise SpaceError(
            f"low must be above half a step where small values are drawn more often, on {title(type(scale))}, "
            f"got low={scale.low!r}, step={step!r}",
            f"start at {step!r}; or use an Integer or Linear scale, on which all are equally likely",
        )


@lru_cache(maxsize=1024)
def steps(low: float, high: float, step: float) -> Steps:
    """The steps of a scale that was checked."""
    with localcontext(_EXACT):
        first, width = _decimal(low), _decimal(step)
        return Steps(first, width, int((_decimal(high) - first) / width) + 1)


def _decimal(number: float) -> Decimal:
    return Decimal(repr(number))


def _exponent(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)  # a finite number's
    return exponent
