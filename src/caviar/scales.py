"""Scales: one-to-one maps between [0, 1] and the values of one hyperparameter.

Notation
    u      a unit coordinate; sampling is uniform on [0, 1), so a scale *is* a distribution
    v      a value between low and high
    t      the part of u that is left once exact zeros have had their share: t = (u - zero) / (1 - zero)

    Linear        v = low + t (high - low)
    Log           v = low (high / low)^t                              every decade gets the same share
    OneMinusLog   v = 1 - (1 - low) ((1 - high) / (1 - low))^u        every decade of 1 - v gets the same share
    Integer       n = high - low + 1 cells of [0, 1), each 1/n wide; with log=True the cell of k has the share of
                  log(k + 1/2) - log(k - 1/2), which is log-uniform on [low - 1/2, high + 1/2], rounded
    PowerOfTwo    every power of two gets the same share
    Choice        every choice gets the same share

A discrete value has a whole cell of unit coordinates; ``to_unit`` answers with the cell's centre, so that
``from_unit(to_unit(v)) == v`` exactly. Floats come back to rounding. What ``from_unit`` returns never leaves
[low, high], however the logarithms round.

Why OneMinusLog: with an exponentially weighted average over about 1 / (1 - beta) steps, beta from 0.9 to 0.999 spans 10
to 1000 steps, and half of the draws should go to 100 steps and more, that is to beta > 0.99 (deeplearning.ai,
Improving deep neural networks, week 3: using an appropriate scale). A logarithm of beta itself gives that half 9.5 %.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from reprlib import Repr
from typing import Any

import numpy as np
import numpy.typing as npt

from caviar.errors import SpaceError

Value = bool | int | float | str
Units = npt.NDArray[np.float64]
Values = npt.NDArray[Any]

LAST_TIER = 4
_BRIEF = Repr()
_BRIEF.maxstring = _BRIEF.maxother = 120
_HUGE = 1e300
LARGEST_INTEGER = 2**31  # far beyond any count, and small enough that unit coordinates tell all integers apart


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Scale(ABC):
    """What every scale can do.

    ``tier`` is the order of importance, 1 (first) to 4, or None. ``when`` names other hyperparameters and the values
    of theirs that make this one apply: ``when={"optimizer": ["adam"]}``; with several names all must hold.
    """

    tier: int | None = None
    when: Mapping[str, Sequence[Value]] | None = field(default=None, hash=False)

    @abstractmethod
    def from_unit(self, u: npt.ArrayLike) -> Values:
        """Values at the unit coordinates ``u`` in [0, 1], in the same shape."""

    @abstractmethod
    def to_unit(self, values: Iterable[Value]) -> Units:
        """Unit coordinates (n,) of n values; a value that is not on the scale raises SpaceError."""

    @abstractmethod
    def contains(self, value: object) -> bool:
        """Whether ``value`` is on the scale; True and False are never numbers."""

    def __repr__(self) -> str:
        mine = sorted(fields(self), key=lambda f: bool(f.kw_only))
        given = [f"{f.name}={getattr(self, f.name)!r}" for f in mine if getattr(self, f.name) != f.default]
        return f"{type(self).__name__}({', '.join(given)})"


@dataclass(frozen=True, slots=True, repr=False)
class Linear(Scale):
    """Floats from ``low`` to ``high``, all equally likely; exactly 0 with probability ``zero``."""

    low: float
    high: float
    zero: float = 0.0

    def __post_init__(self) -> None:
        _take_floats(self, "low", "high", "zero")
        _check_order(self, self.low, self.high)
        if not math.isfinite(self.high - self.low):
            raise SpaceError(
                f"high - low must be a finite number on a Linear scale, got low={self.low!r}, high={self.high!r}",
                "choose a smaller range, or a Log scale",
            )
        _check_zero(self, self.zero)
        _check_place(self)

    def from_unit(self, u: npt.ArrayLike) -> Values:
        """Floats at the unit coordinates ``u``."""
        t = _after_zero(u, self.zero)
        v = _within(self.low + t * (self.high - self.low), self.low, self.high)
        return np.where(t < 0, 0.0, v) if self.zero else v

    def to_unit(self, values: Iterable[Value]) -> Units:
        """Unit coordinates (n,) of n floats."""
        v = np.array(_checked(self, values), dtype=np.float64)
        return _before_zero((v - self.low) / (self.high - self.low), v, self.zero)

    def contains(self, value: object) -> bool:
        """Whether ``value`` is a number from low to high, or 0 where zero > 0."""
        return _between(value, self.low, self.high) or (self.zero > 0 and _between(value, 0, 0))


@dataclass(frozen=True, slots=True, repr=False)
class Log(Scale):
    """Floats from ``low`` > 0 to ``high``, every decade equally likely; exactly 0 with probability ``zero``."""

    low: float
    high: float
    zero: float = 0.0

    def __post_init__(self) -> None:
        _take_floats(self, "low", "high", "zero")
        if self.low <= 0:
            raise SpaceError(
                f"low must be above 0 on a Log scale, got low={self.low!r}",
                "start at the smallest value worth trying; zero=0.2 draws exactly 0 in a fifth of the draws",
            )
        _check_order(self, self.low, self.high)
        _check_zero(self, self.zero)
        _check_place(self)

    def from_unit(self, u: npt.ArrayLike) -> Values:
        """Floats at the unit coordinates ``u``."""
        t = _after_zero(u, self.zero)
        log_low, log_high = math.log(self.low), math.log(self.high)
        v = _exp_within(
            log_low + (_within(t, 0.0, 1.0) if self.zero else t) * (log_high - log_low), self.low, self.high
        )
        return np.where(t < 0, 0.0, v) if self.zero else v

    def to_unit(self, values: Iterable[Value]) -> Units:
        """Unit coordinates (n,) of n floats."""
        v = np.array(_checked(self, values), dtype=np.float64)
        log_low, log_high = math.log(self.low), math.log(self.high)
        t = (np.log(np.maximum(v, self.low)) - log_low) / _distance(log_low, log_high)
        return _before_zero(t, v, self.zero)

    def contains(self, value: object) -> bool:
        """Whether ``value`` is a number from low to high, or 0 where zero > 0."""
        return _between(value, self.low, self.high) or (self.zero > 0 and _between(value, 0, 0))


@dataclass(frozen=True, slots=True, repr=False)
class OneMinusLog(Scale):
    """Floats from ``low`` >= 0 to ``high`` < 1, every decade of 1 - value equally likely: for beta, beta1, beta2."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _take_floats(self, "low", "high")
        if self.low < 0:
            raise SpaceError(
                f"low must be at least 0 on a OneMinusLog scale, got low={self.low!r}",
                "an average has a weight from 0 to below 1, such as low=0.9, high=0.999",
            )
        if self.high >= 1:
            raise SpaceError(
                f"high must be below 1 on a OneMinusLog scale, got high={self.high!r}",
                "end just below 1: 0.999 averages over about 1000 steps, 0.9999 over 10000",
            )
        _check_order(self, self.low, self.high)
        _check_place(self)

    def from_unit(self, u: npt.ArrayLike) -> Values:
        """Floats at the unit coordinates ``u``."""
        log_low, log_high = math.log1p(-self.low), math.log1p(-self.high)
        rest = log_low + np.asarray(u, dtype=np.float64) * (log_high - log_low)
        return _within(-np.expm1(rest), self.low, self.high)

    def to_unit(self, values: Iterable[Value]) -> Units:
        """Unit coordinates (n,) of n floats."""
        v = np.array(_checked(self, values), dtype=np.float64)
        log_low, log_high = math.log1p(-self.low), math.log1p(-self.high)
        return np.asarray((np.log1p(-v) - log_low) / _distance(log_low, log_high))

    def contains(self, value: object) -> bool:
        """Whether ``value`` is a number from low to high."""
        return _between(value, self.low, self.high)


@dataclass(frozen=True, slots=True, repr=False)
class Integer(Scale):
    """Every integer from ``low`` to ``high``, both included: equally likely, or with ``log`` each octave is."""

    low: int
    high: int
    log: bool = False

    def __post_init__(self) -> None:
        _take_integers(self, "low", "high")
        if not isinstance(self.log, bool):
            raise SpaceError(f"log must be true or false on an Integer scale, got log={shown(self.log)}", "log=True")
        if self.log and self.low < 1:
            raise SpaceError(
                f"low must be at least 1 on an Integer scale with log=True, got low={self.low!r}",
                "start at 1, or leave log=True out",
            )
        _check_order(self, self.low, self.high)
        _check_place(self)

    def from_unit(self, u: npt.ArrayLike) -> Values:
        """Integers (int64) at the unit coordinates ``u``."""
        v = np.asarray(u, dtype=np.float64)
        start, end = self._edges()
        v = start + v * (end - start)
        v = np.exp(v) if self.log else v
        return _within(np.floor(v + 0.5), self.low, self.high).astype(np.int64)

    def to_unit(self, values: Iterable[Value]) -> Units:
        """Unit coordinates (n,) of the centres of n integers' cells."""
        v = np.array(_checked(self, values), dtype=np.float64)
        start, end = self._edges()
        centre = (np.log(v - 0.5) + np.log(v + 0.5)) / 2 if self.log else v
        return np.asarray((centre - start) / (end - start))

    def contains(self, value: object) -> bool:
        """Whether ``value`` is an integer from low to high."""
        return isinstance(value, int | np.integer) and _between(value, self.low, self.high)

    def _edges(self) -> tuple[float, float]:
        """Where the first cell starts and the last one ends."""
        start, end = self.low - 0.5, self.high + 0.5
        return (math.log(start), math.log(end)) if self.log else (start, end)


@dataclass(frozen=True, slots=True, repr=False)
class PowerOfTwo(Scale):
    """Every power of two from ``low`` to ``high``, both included, equally likely: for mini-batch sizes."""

    low: int
    high: int

    def __post_init__(self) -> None:
        _take_integers(self, "low", "high")
        for name, value in (("low", self.low), ("high", self.high)):
            if not _is_power_of_two(value):
                below = 2 ** max(value.bit_length() - 1, 0) if value > 0 else 1
                raise SpaceError(
                    f"{name} must be a power of two on a PowerOfTwo scale, got {name}={value!r}",
                    f"write {below} or {2 * below}",
                )
        _check_order(self, self.low, self.high)
        _check_place(self)

    def from_unit(self, u: npt.ArrayLike) -> Values:
        """Integers (int64) at the unit coordinates ``u``."""
        return np.left_shift(self.low, _cell(u, self._exponents()))

    def to_unit(self, values: Iterable[Value]) -> Units:
        """Unit coordinates (n,) of the centres of n powers' cells."""
        v = np.array(_checked(self, values), dtype=np.float64)
        return np.asarray((np.log2(v / self.low) + 0.5) / self._exponents())

    def contains(self, value: object) -> bool:
        """Whether ``value`` is a power of two from low to high."""
        return (
            isinstance(value, int | np.integer)
            and _between(value, self.low, self.high)
            and _is_power_of_two(int(value))
        )

    def _exponents(self) -> int:
        """How many powers there are."""
        return self.high.bit_length() - self.low.bit_length() + 1


@dataclass(frozen=True, slots=True, repr=False)
class Choice(Scale):
    """One of ``choices`` (booleans, numbers, strings), all equally likely; their order means nothing."""

    choices: Sequence[Value]

    def __post_init__(self) -> None:
        choices = _take_values("choices", self.choices)
        seen: set[tuple[bool, Value]] = set()
        for choice in choices:
            if value_key(choice) in seen:
                raise SpaceError(
                    f"choices must differ on a Choice scale, got {shown(choice)} twice", "leave one of them out"
                )
            seen.add(value_key(choice))
        object.__setattr__(self, "choices", choices)
        _check_place(self)

    def from_unit(self, u: npt.ArrayLike) -> Values:
        """Choices (an array of objects, types kept) at the unit coordinates ``u``."""
        choices = np.empty(len(self.choices), dtype=object)
        choices[:] = self.choices
        return np.asarray(choices[_cell(u, len(self.choices))])

    def to_unit(self, values: Iterable[Value]) -> Units:
        """Unit coordinates (n,) of the centres of n choices' cells."""
        n = len(self.choices)
        centres = {value_key(choice): (i + 0.5) / n for i, choice in enumerate(self.choices)}
        return np.array([centres[value_key(v)] for v in _checked(self, values)], dtype=np.float64)

    def contains(self, value: object) -> bool:
        """Whether ``value`` is one of the choices; 1 is 1.0 but not True."""
        return isinstance(value, Value) and value_key(value) in map(value_key, self.choices)


@dataclass(frozen=True, slots=True, repr=False)
class Fixed(Scale):
    """Always ``value``: part of every config, never searched."""

    value: Value

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", _take_value("value", self.value))
        _check_place(self)

    def from_unit(self, u: npt.ArrayLike) -> Values:
        """The value (an array of objects) at every ``u``."""
        return np.full(np.shape(u), self.value, dtype=object)

    def to_unit(self, values: Iterable[Value]) -> Units:
        """0.5 for every value."""
        return np.full(len(_checked(self, values)), 0.5)

    def contains(self, value: object) -> bool:
        """Whether ``value`` is the value; 1 is 1.0 but not True."""
        return isinstance(value, Value) and value_key(value) == value_key(self.value)


def shown(value: object) -> str:
    """What was received, as Python writes it, cut short: it may be a megabyte, and an error has two lines."""
    return _BRIEF.repr(value)


def title(kind: type[Scale]) -> str:
    """What errors call a kind of scale: "a Log scale"."""
    return f"{'an' if kind is Integer else 'a'} {kind.__name__} scale"


def value_key(value: Value) -> tuple[bool, Value]:
    """What tells two values apart: Python alone would take True for 1."""
    return isinstance(value, bool), value


# Exact zeros: the unit coordinates below `zero` are theirs, the rest is stretched over the scale.


def _after_zero(u: npt.ArrayLike, zero: float) -> Units:
    """t, negative where the value is an exact zero."""
    t = np.asarray(u, dtype=np.float64)
    return np.asarray((t - zero) / (1 - zero)) if zero else t


def _before_zero(t: Units, v: Units, zero: float) -> Units:
    """u from t; an exact zero sits in the middle of its share."""
    return np.where(v == 0, zero / 2, zero + (1 - zero) * t) if zero else t


def _distance(log_low: float, log_high: float) -> float:
    """What to divide by; neighbouring floats can have the same logarithm."""
    return log_high - log_low or 1.0


def _exp_within(log_v: Units, low: float, high: float) -> Units:
    """exp(log_v), never outside [low, high], and never overflowing on the way."""
    if high < _HUGE:
        return _within(np.exp(log_v), low, high)
    with np.errstate(over="ignore"):  # log(high) rounds up for a high near the largest float
        return _within(np.exp(log_v), low, high)


def _within(v: Units, low: float, high: float) -> Units:
    """``v``, never outside [low, high]; np.clip takes ten times as long for the few values of a round."""
    return np.asarray(np.minimum(np.maximum(v, low), high))


def _cell(u: npt.ArrayLike, n: int) -> npt.NDArray[np.int64]:
    """Which of n equal cells of [0, 1] each u falls in; u = 1 belongs to the last."""
    return np.minimum(np.floor(np.asarray(u, dtype=np.float64) * n), n - 1).astype(np.int64)


def _between(value: object, low: float, high: float) -> bool:
    return (
        isinstance(value, int | float | np.integer | np.floating)
        and not isinstance(value, bool)
        and bool(low <= value <= high)
    )


def _is_power_of_two(value: int) -> bool:
    return value > 0 and value & (value - 1) == 0


def _checked(scale: Scale, values: Iterable[Value]) -> list[Value]:
    """The values as a list; the first one that is not on the scale is an error."""
    held = list(values)
    for value in held:
        if not scale.contains(value):
            raise SpaceError(f"a value must be on its scale, got {shown(value)} for {shown(scale)}", "widen the scale")
    return held


# The rules that a scale is held to when it is made. Values are taken over as plain Python numbers, because NumPy's
# would turn up in configs, JSON and the database.


def _take_floats(scale: Scale, *names: str) -> None:
    for name in names:
        given = getattr(scale, name)
        rule = f"{name} must be a finite number on {title(type(scale))}, got {name}={shown(given)}"
        if isinstance(given, bool) or not isinstance(given, int | float | np.integer | np.floating):
            raise SpaceError(rule, "write a number, without quotes")
        try:
            value = float(given)
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            raise SpaceError(rule, "choose an end that is worth trying")
        object.__setattr__(scale, name, value)


def _take_integers(scale: Scale, *names: str) -> None:
    kind = title(type(scale))
    for name in names:
        given = getattr(scale, name)
        if isinstance(given, bool) or not isinstance(given, int | np.integer):
            raise SpaceError(
                f"{name} must be an integer on {kind}, got {name}={shown(given)}",
                "write it without a decimal point or quotes, or use a Linear or Log scale",
            )
        value = int(given)
        if abs(value) > LARGEST_INTEGER:
            raise SpaceError(
                f"{name} must be between -2**31 and 2**31 on {kind}, got {name}={shown(given)}",
                "use a Linear or Log scale",
            )
        object.__setattr__(scale, name, value)


def _take_value(name: str, given: object) -> Value:
    if isinstance(given, np.generic):
        given = given.item()
    if not isinstance(given, Value):
        raise SpaceError(
            f"{name} must be true, false, a number or a string, got {shown(given)}", "write one such value"
        )
    if isinstance(given, float) and not math.isfinite(given):
        raise SpaceError(f"{name} must be a finite number, got {given!r}", "choose a number")
    return given


def _take_values(name: str, given: object) -> tuple[Value, ...]:
    if isinstance(given, str | bytes) or not isinstance(given, Sequence):
        raise SpaceError(f"{name} must be a list, got {shown(given)}", f"write [{shown(given)}]")
    if not given:
        raise SpaceError(f"{name} must name at least one value, got an empty list", "add a value")
    return tuple(_take_value(name, value) for value in given)


def _check_order(scale: Scale, low: float, high: float) -> None:
    kind = title(type(scale))
    if low == high:
        raise SpaceError(
            f"low must be smaller than high on {kind}, got {low!r} for both",
            "a plain value keeps a hyperparameter fixed (in a space file: value = ...)",
        )
    if low > high:
        raise SpaceError(f"low must be smaller than high on {kind}, got low={low!r}, high={high!r}", "swap them")


def _check_zero(scale: Scale, zero: float) -> None:
    if not 0 <= zero < 1:
        raise SpaceError(
            f"zero must be at least 0 and below 1 on {title(type(scale))}, got zero={zero!r}",
            "it is the probability of drawing exactly 0, such as zero=0.2",
        )


def _check_place(scale: Scale) -> None:
    tier, when = scale.tier, scale.when
    if tier is not None and (isinstance(tier, bool) or not isinstance(tier, int) or not 1 <= tier <= LAST_TIER):
        raise SpaceError(
            f"tier must be 1, 2, 3 or 4, got tier={shown(tier)}", "1 is tuned first; leave tier out if unsure"
        )
    if when is None:
        return
    if not isinstance(when, Mapping) or not when or not all(isinstance(n, str) and n.isidentifier() for n in when):
        raise SpaceError(
            f"when must name other hyperparameters and their values, got when={shown(when)}",
            'such as when={"optimizer": ["adam"]}, in a space file when = { optimizer = ["adam"] }',
        )
    held = {name: _take_values(f"when {name}", values) for name, values in when.items()}
    object.__setattr__(scale, "when", held)
