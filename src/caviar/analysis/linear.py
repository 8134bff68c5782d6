"""Linear models: logistic regression by L-BFGS and ridge regression in closed form, as a measure for networks.

Notation
    x (m, n)      inputs, standardised as a network gets them;  C classes
    y (m,)        the true classes, or the true numbers
    w (n + 1, C)  weights, the last row the intercept;  z = x @ w[:-1] + w[-1]  (m, C)
    g             the gradient, of the shape of w
    s, r          of L-BFGS: the last steps of w, and the changes of g that came with them

Both minimise what scikit-learn, the oracle of the tests, minimises by default:

    logistic   mean cross-entropy + |w|^2 / (2 m), the intercept left out
    ridge      sum of squared errors + |w|^2, the intercept left out

With two classes their two columns are opposite, and |w|^2 counts each weight twice instead of once: it counts double
here. Work is bounded by counts and never by a clock, so that the same data give the same weights.

Sources: Nocedal, Updating quasi-Newton matrices with limited storage, 1980; Hoerl and Kennard, Ridge regression, 1970.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from caviar.data.columns import row_blocks
from caviar.learners.contract import Floats

Loss = Callable[[Floats], tuple[float, Floats]]

_MEMORY = 10  # steps that L-BFGS remembers
_MOST, _FEWEST = 200, 25  # iterations of L-BFGS
_PASSES = 6e8  # cells of x that all passes read: two passes an iteration; about half a second
_CELLS = 1.2e7  # of x, at most: of more rows, every second, third ...
_SQUARES = 2e9  # multiplications for the products of ridge regression
_BLOCK = 2**17  # cells that ridge regression copies at once
_FLAT = 1e-6  # a gradient below this is the end
_ARMIJO = 1e-4  # of what the gradient promises, a step must bring at least this


@dataclass(frozen=True, eq=False)
class Linear:
    """Weights w (n + 1, C), learned from ``rows`` rows; C is 1 for numbers."""

    w: Floats
    rows: int

    def outputs(self, x: npt.NDArray[np.float32]) -> Floats:
        """Probabilities (m, C) for inputs ``x`` (m, n), or numbers (m, 1)."""
        z = np.asarray(x @ self.w[:-1].astype(np.float32), dtype=np.float64) + self.w[-1]
        return z if z.shape[1] == 1 else _softmax(z)


def logistic(x: npt.NDArray[np.float32], y: npt.NDArray[np.int32], classes: int, share: float = 1.0) -> Linear:
    """Logistic regression of ``classes`` on ``x`` and ``y``; ``share`` is that of the usual work."""
    step = step_of_logistic(len(x), x.shape[1], share)
    x, y = x[::step], y[::step]  # no copy of x, which would be large
    m, n = x.shape
    iterations = int(min(max(_PASSES * share / (2 * max(m * n, 1)), _FEWEST), _MOST))
    penalty = (2 if classes == 2 else 1) / m
    hot = np.zeros((m, classes))
    hot[np.arange(m), y] = 1

    def loss(w: Floats) -> tuple[float, Floats]:
        """J and its gradient."""
        z = np.asarray(x @ w[:-1].astype(np.float32), dtype=np.float64) + w[-1]
        p = _softmax(z)
        value = -np.log(np.maximum(p[np.arange(m), y], 1e-300)).mean() + penalty / 2 * (w[:-1] ** 2).sum()
        dz = (p - hot) / m
        g = np.vstack([x.T @ dz.astype(np.float32) + penalty * w[:-1], dz.sum(axis=0)])
        return float(value), g

    return Linear(_lowest(loss, np.zeros((n + 1, classes)), iterations), m)


def step_of_logistic(m: int, n: int, share: float) -> int:
    """Of ``m`` rows with ``n`` inputs logistic regression takes every step-th."""
    return max(-(-m // max(int(_CELLS * share / max(n, 1)), 100)), 1)


def ridge(x: npt.NDArray[np.float32], y: npt.NDArray[np.float32], share: float = 1.0) -> Linear:
    """Ridge regression of ``y`` on ``x``."""
    n = x.shape[1]
    chosen = rows_of_ridge(len(x), n, share)
    m = len(chosen)
    blocks = [chosen[rows] for rows in row_blocks(m, n, _BLOCK)]  # a copy of all would take much memory
    centre, middle = sum(x[rows].sum(axis=0, dtype=np.float64) for rows in blocks) / m, y[chosen].mean(dtype=np.float64)
    if n <= m:
        products, sums = np.eye(n), np.zeros(n)
        for rows in blocks:
            block = x[rows] - centre
            products += block.T @ block
            sums += block.T @ (y[rows] - middle)
        w = np.linalg.solve(products, sums)
    else:  # the same by the products of the rows: fewer of them
        x64 = x[chosen] - centre
        w = x64.T @ np.linalg.solve(x64 @ x64.T + np.eye(m), y[chosen] - middle)
    return Linear(np.append(w, middle - centre @ w).reshape(-1, 1), m)


def rows_of_ridge(m: int, n: int, share: float) -> npt.NDArray[np.intp]:
    """The rows that ridge regression takes of ``m`` with ``n`` inputs: all, or some.

    They are evenly spaced, for a table may be sorted.
    """
    most = m
    if m * n * min(m, n) > _SQUARES * share:  # so few rows that the products of all pairs of them cost no more
        most = max(int(np.sqrt(_SQUARES * share / n)), int(_SQUARES * share / n**2), 100)
    return np.arange(m) if m <= most else np.arange(most) * m // most


def _softmax(z: Floats) -> Floats:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def _lowest(loss: Loss, w: Floats, iterations: int) -> Floats:
    """The ``w`` of the lowest loss that L-BFGS finds: the first step along the gradient, the next as remembered."""
    value, g = loss(w)
    steps: deque[tuple[Floats, Floats, float]] = deque(maxlen=_MEMORY)  # (s, r, 1 / (s . r))
    for _ in range(iterations):
        if np.abs(g).max() < _FLAT:
            break
        direction = -_inverse_times(steps, g)
        slope = float((g * direction).sum())
        length = 1.0 if steps else min(1.0, 1.0 / float(np.abs(g).sum()))
        for _ in range(20):
            after, g_after = loss(w + length * direction)
            if after <= value + _ARMIJO * length * slope:
                break
            length /= 2
        else:
            break  # rounding hides what is left to gain
        s, r = length * direction, g_after - g
        if (curvature := float((s * r).sum())) > 1e-12 * float((r * r).sum()):
            steps.append((s, r, 1 / curvature))
        w, value, g = w + s, after, g_after
    return w


def _inverse_times(steps: deque[tuple[Floats, Floats, float]], g: Floats) -> Floats:
    """The approximate inverse Hessian times ``g``, by the two loops of Nocedal."""
    q, factors = g.copy(), []
    for s, r, rho in reversed(steps):
        factor = rho * float((s * q).sum())
        q -= factor * r
        factors.append(factor)
    if steps:
        s, r, rho = steps[-1]
        q *= 1 / (rho * float((r * r).sum()))
    for (s, r, rho), factor in zip(steps, reversed(factors), strict=True):
        q += s * (factor - rho * float((r * q).sum()))
    return q
