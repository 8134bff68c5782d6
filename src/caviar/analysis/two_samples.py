"""Tests of two samples, of which one is known by a sketch: is a column of new rows distributed as in training?

Notation
    n, m     rows of training, and new rows, that have a value
    F, G     their distributions: F(v) is the share of n that is at most v, F(v-) the share below it
    D        distance of Kolmogorov and Smirnov: the largest |F - G|
    p, q     shares (k,) of categories, then and now
    V        Cramer's V of two samples of equal size:  V^2 = sum (p - q)^2 / (2 (p + q)), from 0 to 1
    B        tables that were drawn at random

D is taken at the values v of the sketch, from both sides of each. Where the sketch has all values, that is the largest
distance anywhere: between two of them F stands still, and G is farthest from it at an end. Elsewhere it is a little too
small, and never too large. Its distribution is that of continuous numbers, which is on the safe side for numbers with
ties; where those are few values in many rows, it is safer than need be, and the probability is found by drawing tables
at random instead: the n + m rows are dealt out again to two samples of n and m, many times. So it is with counts too
small for the chi-squared distribution. A drawn probability is (1 + tables at least as extreme) / (1 + B).

V as it is usually defined shrinks where one sample is much larger than the other. Here it is that of equal sizes, which
depends on the two distributions alone.

Sources: Kolmogorov and Smirnov by Hodges, The significance probability of the Smirnov two-sample test, 1958; Pearson,
1900; Cramer, Mathematical Methods of Statistics, 1946; Phipson and Smyth, Permutation p-values should never be zero,
2010; Benjamini and Hochberg, Controlling the false discovery rate, 1995.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from caviar.data.columns import Floats
from caviar.data.sketches import NumberSketch

if TYPE_CHECKING:
    import numpy.typing as npt

FEW_VALUES = 40
"""Different values of a column of numbers, up to which tables are drawn."""

_FEWEST_EXPECTED = 5  # rows of a cell, below which the chi-squared distribution is no good approximation
_CERTAIN = 1e-4  # below this a safe probability needs no drawing: fewer tables than 10,000 could not show it
_DRAWS = (499, 9_500)  # tables at first, and then where the first say less than _DOUBTFUL
_DOUBTFUL = 0.1


class Found(NamedTuple):
    """A test's ``statistic``, the ``effect`` from 0 to 1, and ``p``: the probability of such a difference by chance."""

    statistic: float
    effect: float
    p: float


def ks(sketch: NumberSketch, x: Floats, stream: np.random.Generator) -> Found | None:
    """Kolmogorov and Smirnov's test of the numbers ``x`` (m,), NaN where missing; None where a side has no number."""
    x = np.sort(x[~np.isnan(x)])
    n, m = sketch.present, len(x)
    if not n or not m:
        return None
    distance = _distance(sketch, x)
    p = ks_probability(distance, n, m)
    if sketch.is_whole and len(sketch.values) <= FEW_VALUES and p >= _CERTAIN:
        then = _in_cells(np.array(sketch.up_to), np.array(sketch.below), n)
        values = np.array(sketch.values)
        up_to, below = (np.searchsorted(x, values, side=side) for side in ("right", "left"))
        p = _drawn(then, _in_cells(up_to, below, m), _ks_of_tables, stream)
    return Found(distance, distance, p)


def distance(sketch: NumberSketch, x: Floats) -> float:
    """D of the numbers ``x`` (m,), NaN where missing; 1 where a side has no number."""
    x = np.sort(x[~np.isnan(x)])
    return _distance(sketch, x) if len(x) and sketch.present else 1.0


def _distance(sketch: NumberSketch, x: Floats) -> float:
    """D of sorted numbers."""
    values = np.array(sketch.values)
    up_to, below = sketch.shares()
    at_most = np.searchsorted(x, values, side="right") / len(x)
    under = np.searchsorted(x, values, side="left") / len(x)
    return float(max(np.abs(up_to - at_most).max(), np.abs(below - under).max()))


def ks_probability(distance: float, n: int, m: int) -> float:
    """The probability of a ``distance`` at least as large, of samples of n and m continuous numbers."""
    from scipy.stats import kstwo

    return float(np.clip(kstwo.sf(distance, max(round(n * m / (n + m)), 1)), 0.0, 1.0))


def ks_detectable(n: int, m: int, alpha: float) -> float:
    """The least distance that n and m numbers show at the level ``alpha``."""
    from scipy.stats import kstwo

    return float(kstwo.isf(alpha, max(round(n * m / (n + m)), 1)))


def _in_cells(up_to: npt.NDArray[np.int64], below: npt.NDArray[np.int64], total: int) -> npt.NDArray[np.int64]:
    """Counts in the cells between the values and at them: below v_1, at v_1, between v_1 and v_2, at v_2, ..."""
    edges = np.stack([below, up_to], axis=1).ravel()
    return np.diff(np.concatenate([[0], edges, [total]]))


def chi_squared(then: Sequence[int], now: Sequence[int], stream: np.random.Generator) -> Found | None:
    """Pearson's chi-squared test that the counts (k,) ``then`` and ``now`` have the same shares.

    None where a side has no row, or all rows are in one category.
    """
    from scipy.stats import chi2

    table = np.array([then, now], dtype=np.int64)
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or not table.sum(axis=1).all():
        return None
    statistic = float(_chi_squared_of_tables(table[0][None], table[1][None])[0])
    totals = table.sum(axis=0)
    expected = totals * table.sum(axis=1).min() / totals.sum()
    if expected.min() >= _FEWEST_EXPECTED:
        p = float(chi2.sf(statistic, table.shape[1] - 1))
    else:
        p = _drawn(table[0], table[1], _chi_squared_of_tables, stream)
    return Found(statistic, cramers_v(table[0], table[1]), p)


def cramers_v(then: npt.NDArray[np.int64], now: npt.NDArray[np.int64]) -> float:
    """V of two samples of equal size with these shares; see the head of this file."""
    p, q = then / then.sum(), now / now.sum()
    both = p + q
    return float(np.sqrt(np.sum((p - q)[both > 0] ** 2 / both[both > 0]) / 2))


def adjusted(probabilities: Sequence[float]) -> Floats:
    """Probabilities (k,) adjusted by Benjamini and Hochberg: of those below 0.05 at most 5 % are false."""
    from scipy.stats import false_discovery_control

    return np.asarray(false_discovery_control(np.array(probabilities))) if len(probabilities) else np.zeros(0)


Statistic = Callable[["npt.NDArray[np.int64]", "npt.NDArray[np.int64]"], Floats]
"""A statistic (B,) of tables: counts (B, k) then and (B, k) now."""


def _ks_of_tables(then: npt.NDArray[np.int64], now: npt.NDArray[np.int64]) -> Floats:
    f, g = (np.cumsum(counts, axis=1) / counts.sum(axis=1, keepdims=True) for counts in (then, now))
    return np.asarray(np.abs(f - g).max(axis=1))


def _chi_squared_of_tables(then: npt.NDArray[np.int64], now: npt.NDArray[np.int64]) -> Floats:
    totals = then + now
    n, m = then.sum(axis=1, keepdims=True), now.sum(axis=1, keepdims=True)
    # Both rows of the table together: (O - E)^2 / E summed, for E = totals n / (n + m) and totals m / (n + m).
    difference = then / n - now / m
    return np.asarray(np.sum(difference**2 / np.maximum(totals, 1), axis=1) * n[:, 0] * m[:, 0])


def _drawn(
    then: npt.NDArray[np.int64], now: npt.NDArray[np.int64], statistic: Statistic, stream: np.random.Generator
) -> float:
    """The probability of a statistic at least as large where the rows are dealt out again at random."""
    totals = then + now
    occupied = totals > 0
    then, now, totals = then[occupied], now[occupied], totals[occupied]
    seen = float(statistic(then[None], now[None])[0]) * (1 - 1e-9)  # tables as extreme as it count, whatever rounding
    extreme, draws, p = 0, 0, 1.0
    for more in _DRAWS:
        drawn = stream.multivariate_hypergeometric(totals, int(now.sum()), size=more, method="marginals")
        extreme += int(np.count_nonzero(statistic(totals - drawn, drawn) >= seen))
        draws += more
        p = (1 + extreme) / (1 + draws)
        if p > _DOUBTFUL:
            break
    return p
