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
    with a step   v = low + k step for k = 0 ... n - 1. Linear and Integer: n cells of [0, 1), each 1/n wide. Log, and
                  Integer with log=True: a cell goes from half a step below v to half a step above it, and has its
                  share of log(high + step/2) - log(low - step/2)

A discrete value has a whole cell of unit coordinates; ``to_unit`` gives the cell's centre, so that
``from_unit(to_unit(v)) == v`` exactly. Floats come back to rounding. ``from_unit`` never leaves [low, high], even where
a logarithm rounds.

Why OneMinusLog: with an exponentially weighted average over about 1 / (1 - beta) steps, beta from 0.9 to 0.999 spans 10
to 1000 steps, and half of the draws should go to 100 steps and more, that is to beta > 0.99 (deeplearning.ai,
Improving deep neural networks, week 3: using an appropriate scale). A logarithm of beta itself gives that half 9.5 %.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

from caviar.cells import (
    Units,
    Values,
    after_zero,
    before_zero,
    between,
    cell,
    distance,
    exp_within,
    is_power_of_two,
    log_centre,
    objects,
    within,
)
from caviar.errors import SpaceError
from caviar.scale_rules import (
    Value,
    check_ends,
    check_place,
    check_zero,
    is_value,
    shown,
    take_floats,
    take_integers,
    take_value,
    take_values,
    value_key,
)
from caviar.steps import check_first_cell, check_steps, steps


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Scale(ABC):
    """The interface of all scales.

    ``tier`` is the order of importance, 1 (first) to 4, or None. ``when`` names other hyperparameters and the values
    of theirs that make this one apply: ``when={"optimizer": ["adam"]}``; with several names all must hold.
    """

    tier: int | None = None
    when: Mapping[str, Sequence[Value]] | None = field(default=None, hash=False)

    @property
    def n_values(self) -> int | None:
        """The number of values of a discrete scale, an exact zero beside its range left out; None for a float's."""
        return None

    @abstractmethod
    def from_unit(self, u: npt.ArrayLike) -> Values:
        """Values at the unit coordinates ``u`` in [0, 1], in the same shape."""

    @abstractmethod
    def to_unit(self, values: Iterable[Value]) -> Units:
        """Unit coordinates (n,) of n values; a value that is not on the scale raises SpaceError."""

    @abstractmethod
    def contains(self, value: object) -> bool:
        """True where ``value`` is on the scale; True and False are never numbers."""

    def __repr__(self) -> str:
        mine = sorted(fields(self), key=lambda f: bool(f.kw_only))
        given = [f"{f.name}={getattr(self, f.name)!r}" for f in mine if getattr(self, f.name) != f.default]
        return f"{type(self).__name__}({', '.join(given)})"


@dataclass(frozen=True, slots=True, repr=False)
class _Floats(Scale):
    """Floats of a range, in steps or not; 0 too with probability ``zero``."""

    low: float
    high: float
    zero: float = 0.0
    step: float | None = None

    @property
    def n_values(self) -> int | None:
        """The number of steps; None without."""
        return None if self.step is None else steps(self.low, self.high, self.step).n

    def contains(self, value: object) -> bool:
        """True for a number from low to high, on a step where there are steps, and for 0 where zero > 0."""
        return _on(self, value)


@dataclass(frozen=True, slots=True, repr=False)
class Linear(_Floats):
    """Floats from ``low`` to ``high``, all equally likely; exactly 0 with probability ``zero``.

    With ``step=0.1`` they are low, low + 0.1, low + 0.2, ... high, as decimal numbers.
    """

    def __post_init__(self) -> None:
        take_floats(self, "low", "high", "zero")
        check_ends(self, self.low, self.high)
        if not math.isfinite(self.high - self.low):
            raise SpaceError(
                f"high - low must be a finite number on a Linear scale, got low={self.low!r}, high={self.high!r}",
                "choose a smaller range, or a Log scale",
            )
        check_zero(self, self.zero)
        if self.step is not None:
            take_floats(self, "step")
            check_steps(self)
        check_place(self)

    def from_unit(self, u: npt.ArrayLike) -> Values:
        """Floats at the unit coordinates ``u``."""
        t = after_zero(u, self.zero)
        if self.step is None:
            v = within(self.low + t * (self.high - self.low), self.low, self.high)
        else:
            all_of_them = steps(self.low, self.high, self.step)
            v = all_of_them.values(cell(np.maximum(t, 0.0), all_of_them.n))
        return np.where(t < 0, 0.0, v) if self.zero else v

    def to_unit(self, values: Iterable[Value]) -> Units:
        """Unit coordinates (n,) of n floats; with a step of the centres of their cells."""
        v = np.array(_checked(self, values), dtype=np.float64)
        if self.step is None:
            return before_zero((v - self.low) / (self.high - self.low), v, self.zero)
        all_of_them = steps(self.low, self.high, self.step)
        return before_zero((all_of_them.numbers(v) + 0.5) / all_of_them.n, v, self.zero)


@dataclass(frozen=True, slots=True, repr=False)
class Log(_Floats):
    """Floats from ``low`` > 0 to ``high``, every decade equally likely; exactly 0 with probability ``zero``.

    With ``step=0.5`` they are low, low + 0.5, low + 1.0, ... high, the small ones more often.
    """

    def __post_init__(self) -> None:
        take_floats(self, "low", "high", "zero")
        if self.low <= 0:
            raise SpaceError(
                f"low must be above 0 on a Log scale, got low={self.low!r}",
                "start at the smallest value worth trying; zero=0.2 draws exactly 0 in a fifth of the draws",
            )
        check_ends(self, self.low, self.high)
        check_zero(self, self.zero)
        if self.step is not None:
            take_floats(self, "step")
            check_steps(self)
            check_first_cell(self)
        check_place(self)

    def from_unit(self, u: npt.ArrayLike) -> Values:
        """Floats at the unit coordinates ``u``."""
        t = after_zero(u, self.zero)
        if self.step is not None:
            start, end = self._edges(self.step)
            k = (np.exp(start + within(t, 0.0, 1.0) * (end - start)) - self.low) / self.step + 0.5
            all_of_them = steps(self.low, self.high, self.step)
            v = all_of_them.values(within(np.floor(k), 0, all_of_them.n - 1).astype(np.int64))
            return np.where(t < 0, 0.0, v) if self.zero else v
        log_low, log_high = math.log(self.low), math.log(self.high)
        v = exp_within(log_low + (within(t, 0.0, 1.0) if self.zero else t) * (log_high - log_low), self.low, self.high)
        return np.where(t < 0, 0.0, v) if self.zero else v

    def to_unit(self, values: Iterable[Value]) -> Units:
        """Unit coordinates (n,) of n floats; with a step of the centres of their cells."""
        v = np.array(_checked(self, values), dtype=np.float64)
        if self.step is not None:
            start, end = self._edges(self.step)
            above_zero = np.maximum(v, self.low)
            t = (log_centre(above_zero, self.step) - start) / (end - start)
            return before_zero(t, v, self.zero)
        log_low, log_high = math.log(self.low), math.log(self.high)
        t = (np.log(np.maximum(v, self.low)) - log_low) / distance(log_low, log_high)
        return before_zero(t, v, self.zero)

    def _edges(self, step: float) -> tuple[float, float]:
        """The logarithms of the start of the first cell and the end of the last one."""
        return math.log(self.low - step / 2), math.log(self.high + step / 2)


@dataclass(frozen=True, slots=True, repr=False)
class OneMinusLog(Scale):
    """Floats from ``low`` >= 0 to ``high`` < 1, every decade of 1 - value equally likely: for beta, beta1, beta2."""

    low: float
    high: float

    def __post_init__(self) -> None:
        take_floats(self, "low", "high")
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
        check_ends(self, self.low, self.high)
        check_place(self)

    def from_unit(self, u: npt.ArrayLike) -> Values:
        """Floats at the unit coordinates ``u``."""
        log_low, log_high = math.log1p(-self.low), math.log1p(-self.high)
        rest = log_low + np.asarray(u, dtype=np.float64) * (log_high - log_low)
        return within(-np.expm1(rest), self.low, self.high)

    def to_unit(self, values: Iterable[Value]) -> Units:
        """Unit coordinates (n,) of n floats."""
        v = np.array(_checked(self, values), dtype=np.float64)
        log_low, log_high = math.log1p(-self.low), math.log1p(-self.high)
        return np.asarray((np.log1p(-v) - log_low) / distance(log_low, log_high))

    def contains(self, value: object) -> bool:
        """True for a number from low to high."""
        return between(value, self.low, self.high)


@dataclass(frozen=True, slots=True, repr=False)
class Integer(Scale):
    """Every integer from ``low`` to ``high``, both included: equally likely, or with ``log`` each octave is.

    With ``step=32`` they are low, low + 32, low + 64, ... high. Exactly 0 with probability ``zero``.
    """

    low: int
    high: int
    log: bool = False
    step: int = 1
    zero: float = 0.0

    def __post_init__(self) -> None:
        take_integers(self, "low", "high", "step")
        take_floats(self, "zero")
        if not isinstance(self.log, bool):
            raise SpaceError(f"log must be true or false on an Integer scale, got log={shown(self.log)}", "log=True")
        if self.log and self.low < 1:
            raise SpaceError(
                f"low must be at least 1 on an Integer scale with log=True, got low={self.low!r}",
                "start at 1, or leave log=True out",
            )
        check_ends(self, self.low, self.high)
        check_steps(self)
        check_zero(self, self.zero)
        if self.log:
            check_first_cell(self)
        check_place(self)

    @property
    def n_values(self) -> int:
        """The number of integers."""
        return (self.high - self.low) // self.step + 1

    def from_unit(self, u: npt.ArrayLike) -> Values:
        """Integers (int64) at the unit coordinates ``u``."""
        t = np.asarray(after_zero(u, self.zero), dtype=np.float64)
        start, end = self._edges()
        v = start + t * (end - start)
        v = np.exp(v) if self.log else v
        k = within(np.floor((v - self.low) / self.step + 0.5), 0, self.n_values - 1).astype(np.int64)
        return np.where(t < 0, 0, self.low + self.step * k) if self.zero else np.asarray(self.low + self.step * k)

    def to_unit(self, values: Iterable[Value]) -> Units:
        """Unit coordinates (n,) of the centres of n integers' cells."""
        v = np.array(_checked(self, values), dtype=np.float64)
        start, end = self._edges()
        inside = np.maximum(v, self.low) if self.zero else v
        t = ((log_centre(inside, self.step) if self.log else inside) - start) / (end - start)
        return before_zero(np.asarray(t), v, self.zero)

    def contains(self, value: object) -> bool:
        """True for an integer from low to high, on a step, and for 0 where zero > 0."""
        return isinstance(value, int | np.integer) and _on(self, value)

    def _edges(self) -> tuple[float, float]:
        """The start of the first cell and the end of the last one."""
        start, end = self.low - self.step / 2, self.high + self.step / 2
        return (math.log(start), math.log(end)) if self.log else (start, end)


@dataclass(frozen=True, slots=True, repr=False)
class PowerOfTwo(Scale):
    """Every power of two from ``low`` to ``high``, both included, equally likely: for mini-batch sizes."""

    low: int
    high: int

    def __post_init__(self) -> None:
        take_integers(self, "low", "high")
        for name, value in (("low", self.low), ("high", self.high)):
            if not is_power_of_two(value):
                below = 2 ** max(value.bit_length() - 1, 0) if value > 0 else 1
                raise SpaceError(
                    f"{name} must be a power of two on a PowerOfTwo scale, got {name}={value!r}",
                    f"write {below} or {2 * below}",
                )
        check_ends(self, self.low, self.high)
        check_place(self)

    @property
    def n_values(self) -> int:
        """The number of powers."""
        return self.high.bit_length() - self.low.bit_length() + 1

    def from_unit(self, u: npt.ArrayLike) -> Values:
        """Integers (int64) at the unit coordinates ``u``."""
        return np.left_shift(self.low, cell(u, self.n_values))

    def to_unit(self, values: Iterable[Value]) -> Units:
        """Unit coordinates (n,) of the centres of n powers' cells."""
        v = np.array(_checked(self, values), dtype=np.float64)
        return np.asarray((np.log2(v / self.low) + 0.5) / self.n_values)

    def contains(self, value: object) -> bool:
        """True for a power of two from low to high."""
        return (
            isinstance(value, int | np.integer) and between(value, self.low, self.high) and is_power_of_two(int(value))
        )


@dataclass(frozen=True, slots=True, repr=False)
class Choice(Scale):
    """One of ``choices``, all equally likely; their order means nothing.

    A choice is None, a boolean, a number, a string, or a tuple of these: ``Choice([None, 0.1, (64, 64)])``.
    """

    choices: Sequence[Value]

    def __post_init__(self) -> None:
        choices = take_values("choices", self.choices)
        seen: set[Hashable] = set()
        for choice in choices:
            if value_key(choice) in seen:
                raise SpaceError(
                    f"choices must differ on a Choice scale, got {shown(choice)} twice", "leave one of them out"
                )
            seen.add(value_key(choice))
        object.__setattr__(self, "choices", choices)
        check_place(self)

    @property
    def n_values(self) -> int:
        """The number of choices."""
        return len(self.choices)

    @property
    def texts(self) -> list[str]:
        """A text a choice; two that read the same, None and "None" say, are written as Python writes them."""
        plain = list(map(str, self.choices))
        return [text if plain.count(text) == 1 else repr(v) for text, v in zip(plain, self.choices, strict=True)]

    def from_unit(self, u: npt.ArrayLike) -> Values:
        """Choices (an array of objects, types kept) at the unit coordinates ``u``."""
        return np.asarray(objects(self.choices)[cell(u, len(self.choices))])

    def to_unit(self, values: Iterable[Value]) -> Units:
        """Unit coordinates (n,) of the centres of n choices' cells."""
        n = len(self.choices)
        centres = {value_key(choice): (i + 0.5) / n for i, choice in enumerate(self.choices)}
        return np.array([centres[value_key(v)] for v in _checked(self, values)], dtype=np.float64)

    def contains(self, value: object) -> bool:
        """True for one of the choices; 1 is 1.0 but not True."""
        return is_value(value) and value_key(value) in map(value_key, self.choices)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, repr=False)
class Fixed(Scale):
    """Always ``value``: part of every config, never searched."""

    value: Value

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", take_value("value", self.value))
        check_place(self)

    @property
    def n_values(self) -> int:
        """One."""
        return 1

    def from_unit(self, u: npt.ArrayLike) -> Values:
        """The value (an array of objects) at every ``u``."""
        return np.asarray(objects([self.value])[np.zeros(np.shape(u), dtype=np.int64)])

    def to_unit(self, values: Iterable[Value]) -> Units:
        """0.5 for every value."""
        return np.full(len(_checked(self, values)), 0.5)

    def contains(self, value: object) -> bool:
        """True for the value itself; 1 is 1.0 but not True."""
        return is_value(value) and value_key(value) == value_key(self.value)  # type: ignore[arg-type]


Stepped = Linear | Log | Integer
"""The scales that may have steps, and exact zeros."""


def _on(scale: _Floats | Integer, value: object) -> bool:
    """True for a number from low to high, on a step where there are steps, and for 0 where it is drawn."""
    if not between(value, scale.low, scale.high):
        return scale.zero > 0 and between(value, 0, 0)
    if isinstance(scale, Integer):
        return bool((int(value) - scale.low) % scale.step == 0)  # type: ignore[call-overload]
    return scale.step is None or steps(scale.low, scale.high, scale.step).nearest(float(value)) == value  # type: ignore[arg-type]


def _checked(scale: Scale, values: Iterable[Value]) -> list[Value]:
    """The values as a list; the first one that is not on the scale is an error."""
    held = list(values)
    for value in held:
        if not scale.contains(value):
            raise SpaceError(f"a value must be on its scale, got {shown(value)} for {shown(scale)}", "widen the scale")
    return held
