"""A Gaussian process: how good a config should be by those that were tried, and how much is known of it.

Notation
    n, p, c, g   points that are learned from, pending points, candidates of a draw, draws
    d, e         searched hyperparameters, columns of an embedded point
    length       of a hyperparameter: values much nearer to each other than that are about as good

Points are unit coordinates in [0, 1]^d, NaN where a hyperparameter does not apply. The kernel is Matern's with 5/2, and
each hyperparameter has its own length. Categories are all as far from each other; "does not apply" is as far from the
middle of a scale. Lengths and noise are those of the greatest posterior probability, on a grid of factors of
two: so rounding, which differs from one processor to another, hardly ever decides.

A draw is the candidate with the greatest expected improvement on the best point. Nobody knows yet how pending points
did, but they make their neighbourhood known: the next draw is elsewhere.

Source: Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, algorithm 2.1, equations 4.17 and 5.8.
Jones, Schonlau and Welch, Efficient global optimization, 1998 (expected improvement). Ginsbourger, Le Riche and
Carraro, Kriging is well-suited to parallelize optimization, 2010 (pending points). Hvarfner, Hellsten and Nardi,
Vanilla Bayesian optimization performs great in high dimensions, 2024 (lengths grow with the root of d).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from caviar.cells import Units

_LENGTH = 0.35  # before anything is known, times the root of d
_SPREAD = 1.0  # of the logarithm of a length around that
_SHORTEST, _LONGEST = 0.05, 16.0  # times the same
_NOISE, _LEAST_NOISE, _MOST_NOISE = 1e-3, 1e-6, 0.5  # as a share of the variance
_NOISE_SPREAD = 2.0  # of its logarithm
_FIRST_SWEEPS = 3  # over all lengths, the first time that they are fitted
_APART = math.sqrt(0.5)  # a category's column: two categories are at a distance of 1
_ABSENT = 0.5  # the column of what does not apply
_HUGE = 1e9  # a corner of a matrix; see _negative_log_posterior


class GaussianProcess:
    """A Gaussian process over points of ``d`` hyperparameters."""

    def __init__(self, d: int, choices: Mapping[int, int]) -> None:
        """``choices`` is the number of values of each Choice, by column."""
        self._choices = choices
        self._column = np.repeat(np.arange(d), [choices.get(j, 1) + 1 for j in range(d)])
        self._usual = _LENGTH * math.sqrt(max(d, 1))
        self._lengths = np.full(d, self._usual)
        self._noise = _NOISE
        self._fitted = False
        self._x = np.empty((0, len(self._column)))
        self._y = np.empty(0)

    def learn(self, points: Units, values: Units, fit: bool) -> None:
        """Take ``points`` (n, d) and their ``values`` (n,), higher is better, in the place of those before.

        ``fit``: the lengths and the noise are fitted to them too; else they stay as they are.
        """
        self._x = self._embed(points)
        self._y = (values - values.mean()) / max(float(values.std()), 1e-12)
        if fit:
            self._fit()

    def best_of(self, candidates: Units, allowed: npt.NDArray[np.bool_], pending: Units) -> npt.NDArray[np.int64]:
        """The place (g,) of each draw's best among its ``candidates`` (g, c, d), of those that are ``allowed`` (g, c).

        ``pending`` (p, d) are points of which it is not known yet how good they are.
        """
        g, c, _ = candidates.shape
        at = self._embed(candidates.reshape(g * c, -1))
        x = np.vstack([self._x, self._embed(pending)]) if len(pending) else self._x
        n, near = len(self._x), self._kernel(x, at)  # (n + p, g c)
        known = np.linalg.inv(np.linalg.cholesky(self._of_known(x)))  # its first n rows are those without the pending
        seen = known[:n, :n] @ self._y
        mean = ((seen @ known[:n, :n]) @ near[:n]).reshape(g, c)
        scale = math.sqrt(max(float(seen @ seen) / n, 1e-9))
        halfway = known @ near
        variance = (1.0 - np.einsum("ij,ij->j", halfway, halfway)).reshape(g, c)
        by_draw = halfway.T.reshape(g, c, -1)
        at = at.reshape(g, c, -1)
        best, places = float(self._y.max()), np.zeros(g, dtype=np.int64)
        drawn, drawn_half = np.empty((g, at.shape[2])), np.empty((g, by_draw.shape[2]))
        between = np.zeros((g, g))  # the inverse of the Cholesky factor of the draws before, given all known points
        for i in range(g):
            left = variance[i]
            if i:
                covariance = self._kernel(drawn[:i], at[i]) - drawn_half[:i] @ by_draw[i].T
                beside = between[:i, :i] @ covariance  # (i, c)
                left = left - np.einsum("ij,ij->j", beside, beside)
            gain = _log_improvement(mean[i], scale * np.sqrt(np.maximum(left, 1e-12)), best)
            place = places[i] = int(np.where(allowed[i], gain, -np.inf).argmax())
            drawn[i], drawn_half[i] = at[i, place], by_draw[i, place]
            root = math.sqrt(max(float(left[place]), 0.0) + self._noise)
            between[i, i] = 1.0 / root
            if i:
                between[i, :i] = -(beside[:, place] @ between[:i, :i]) / root
        return places

    def _embed(self, points: Units) -> Units:
        """``points`` (m, d) as (m, e), in which distances are those that the kernel means."""
        absent = np.isnan(points)
        columns = []
        for j in range(points.shape[1]):
            if j in self._choices:
                category = np.where(absent[:, j], -1.0, np.floor(points[:, j] * self._choices[j]))
                columns += [_APART * (category == one) for one in range(self._choices[j])]
            else:
                columns.append(np.where(absent[:, j], 0.5, points[:, j]))
            columns.append(_ABSENT * absent[:, j])
        return np.array(columns, dtype=np.float64).reshape(len(columns), len(points)).T

    def _kernel(self, a: Units, b: Units) -> Units:
        """The correlations (m, k) of embedded points (m, e) and (k, e)."""
        inverse = 1.0 / self._lengths[self._column]
        a, b = a * inverse, b * inverse
        squares = np.einsum("ij,ij->i", a, a)[:, None] + np.einsum("ij,ij->i", b, b) - 2.0 * (a @ b.T)
        r = np.sqrt(5.0 * np.maximum(squares, 0.0))
        return np.asarray((1.0 + r + r * r / 3.0) * np.exp(-r))

    def _of_known(self, x: Units) -> Units:
        matrix = self._kernel(x, x)
        matrix[np.diag_indices(len(x))] = 1.0 + self._noise
        return matrix

    def _negative_log_posterior(self) -> float:
        """Minus the logarithm of the posterior probability of the lengths and the noise, but for a constant.

        The variance of the values is the likeliest one. The last row of the Cholesky factor of a matrix with the values
        as its last row and column is the triangular solution that is needed.
        """
        n = len(self._y)
        matrix = np.empty((n + 1, n + 1))
        matrix[:n, :n] = self._of_known(self._x)
        matrix[n, :n] = matrix[:n, n] = self._y
        matrix[n, n] = _HUGE
        factor = np.linalg.cholesky(matrix)
        fit = 0.5 * n * math.log(max(float(factor[n, :n] @ factor[n, :n]) / n, 1e-300))
        size = float(np.log(np.diag(factor)[:n]).sum())
        lengths = 0.5 * float(np.square(np.log(self._lengths / self._usual) / _SPREAD).sum())
        return fit + size + lengths + 0.5 * (math.log(self._noise / _NOISE) / _NOISE_SPREAD) ** 2

    def _fit(self) -> None:
        """Halve or double each length, and take an eighth or eight times the noise, where that is more probable."""
        loss = self._negative_log_posterior()
        for _ in range(1 if self._fitted else _FIRST_SWEEPS):
            before = loss
            for j in range(len(self._lengths)):
                for factor in (0.5, 2.0):
                    was = self._lengths[j]
                    if _SHORTEST * self._usual < was * factor < _LONGEST * self._usual:
                        self._lengths[j] = was * factor
                        found = self._negative_log_posterior()
                        if found < loss - 1e-6:
                            loss = found
                            break
                        self._lengths[j] = was
            for factor in (0.125, 8.0):
                was = self._noise
                if _LEAST_NOISE < was * factor < _MOST_NOISE:
                    self._noise = was * factor
                    found = self._negative_log_posterior()
                    if found < loss - 1e-6:
                        loss = found
                        break
                    self._noise = was
            if loss == before:
                break
        self._fitted = True


def _log_improvement(mean: Units, deviation: Units, best: float) -> Units:
    """The logarithm (c,) of the expected improvement on ``best`` of normal variables."""
    z = (mean - best) / deviation
    far = z < -8.0
    near = np.where(far, 0.0, z)
    share = np.array([0.5 * math.erfc(-value / math.sqrt(2.0)) for value in near.tolist()])
    density = np.exp(-0.5 * near * near) / math.sqrt(2.0 * math.pi)
    tail = -0.5 * z * z - 0.5 * math.log(2.0 * math.pi) - 2.0 * np.log(np.where(far, -z, 1.0))
    return np.asarray(np.where(far, tail, np.log(near * share + density)) + np.log(deviation))
