"""Scales that the target of regression is learned on: as it is, or one on which heavy tails are short.

Notation
    y       a number in the target's own units
    u       the same on the scale; a network learns z = (u - mean) / deviation, over the training rows
    s       the unit: the median of |y| over the training rows in which y is not 0
    M       the greatest |y| of the training rows

    plain     u = y
    log       u = sign(y) log(1 + |y| / s)                      where |y| <= M
              u = sign(y) (log(1 + M / s) + (|y| - M) / (s + M))  beyond
              y = sign(u) s (exp(|u|) - 1), and sign(u) (M + (s + M) (|u| - log(1 + M / s))) beyond
    quantile  u = the standard normal quantile of the share of training rows below y, a row of the same y counting half;
              linear between at most KNOTS values of training and, with the slope of the chord through the first and
              the last of them, beyond; y is linear in u between the same points

All rise strictly and are continuous, so that order, quantiles and the ends of intervals survive the way there and back.
Zeros and negative numbers are like others: the log is linear below s. Beyond the training rows both are linear: with
exp(u) there, a network that is a little wrong would answer with numbers of any size.

Source of the quantile scale: van der Waerden, Order tests for the two-sample problem, 1952 (normal scores).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from caviar.data.columns import Floats
from caviar.errors import ConfigError, did_you_mean

SCALES = ("plain", "log", "quantile")
KNOTS = 500


@dataclass(frozen=True)
class TargetScale:
    """A scale by ``name``, as learned from the training rows: see the head of this file.

    ``unit`` and ``furthest`` are s and M of the log; ``values`` and ``scores`` are y and u at the knots of quantiles.
    Raises ValueError for what ``learn_scale`` cannot have learned.
    """

    name: str = "plain"
    unit: float = 1.0
    furthest: float = 0.0
    values: tuple[float, ...] = ()
    scores: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.name not in SCALES or not 0 < self.unit < math.inf or not 0 <= self.furthest < math.inf:
            raise ValueError("it is no scale of a target")
        if self.name == "quantile" and not (
            len(self.values) == len(self.scores) > 1 and _rising(self.values) and _rising(self.scores)
        ):
            raise ValueError("its quantiles do not rise")

    def encode(self, numbers: npt.ArrayLike) -> Floats:
        """Numbers in the target's own units, on the scale."""
        y = np.asarray(numbers, dtype=np.float64)
        match self.name:
            case "log":
                inside = np.minimum(np.abs(y), self.furthest)
                beyond = np.abs(y) - inside
                u: Floats = np.sign(y) * (np.log1p(inside / self.unit) + beyond / (self.unit + self.furthest))
                return u
            case "quantile":
                return _between(y, self.values, self.scores)
        return y

    def decode(self, scaled: npt.ArrayLike) -> Floats:
        """The inverse of ``encode``."""
        u = np.asarray(scaled, dtype=np.float64)
        match self.name:
            case "log":
                inside = np.minimum(np.abs(u), math.log1p(self.furthest / self.unit))
                beyond = np.abs(u) - inside
                y: Floats = np.sign(u) * (self.unit * np.expm1(inside) + beyond * (self.unit + self.furthest))
                return y
            case "quantile":
                return _between(u, self.scores, self.values)
        return u

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a model file: what is not the default."""
        return {name: value for name, value in asdict(self).items() if value != getattr(PLAIN, name)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TargetScale:
        """The inverse of ``to_dict``."""
        plain = {**asdict(PLAIN), **data}
        values, scores = (tuple(map(float, plain[name])) for name in ("values", "scores"))
        return cls(str(plain["name"]), float(plain["unit"]), float(plain["furthest"]), values, scores)


PLAIN = TargetScale()


def check_target_scale(name: Any) -> None:
    """Raise ConfigError unless ``name`` is a scale's, or None."""
    if name is not None and name not in SCALES:
        raise ConfigError(
            f"there is no scale {name!r} of a target: it is plain, log or quantile", did_you_mean(str(name), SCALES)
        )


def learn_scale(name: str, y: Floats) -> TargetScale:
    """The scale ``name`` for a target that is ``y`` (m,) in the training rows, which are not all alike."""
    match name:
        case "log":
            sizes = np.abs(y)
            return TargetScale("log", float(np.median(sizes[sizes > 0])), float(sizes.max()))
        case "quantile":
            values, counts = np.unique(y, return_counts=True)
            shares = (np.cumsum(counts) - counts / 2) / len(y)
            knots = np.unique(np.linspace(0, len(y) - 1, KNOTS).round().astype(np.int64))  # ranks, evenly spaced
            kept = np.unique(np.searchsorted(np.cumsum(counts), knots, side="right"))
            normal = NormalDist()
            return TargetScale(
                "quantile",
                values=tuple(values[kept].tolist()),
                scores=tuple(normal.inv_cdf(share) for share in shares[kept].tolist()),
            )
    return PLAIN


def _between(x: Floats, xs: tuple[float, ...], ys: tuple[float, ...]) -> Floats:
    """The line through the points (xs, ys) at ``x``; beyond the ends, that through the first and the last slope."""
    slope = (ys[-1] - ys[0]) / (xs[-1] - xs[0])
    beyond = np.minimum(x - xs[0], 0.0) + np.maximum(x - xs[-1], 0.0)
    return np.interp(x, xs, ys) + slope * beyond


def _rising(numbers: tuple[float, ...]) -> bool:
    return all(map(math.isfinite, numbers)) and all(a < b for a, b in pairwise(numbers))
