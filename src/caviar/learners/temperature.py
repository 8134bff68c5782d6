"""Calibrated probabilities: one temperature for all classes, learned on rows that the networks have not seen.

Notation
    p (m, C)    probabilities of a network;  l (m, C)  their logarithms;  y (m,)  the true classes
    T           the temperature: above 1 it makes probabilities more alike, below 1 less;  beta = 1 / T
    q (m, C)    p^beta, rows divided by their sum: softmax(z / T) of the scores z whose softmax is p

The temperature minimises the mean log loss of q, which is convex in beta: its slope is mean(sum_c q_c l_c - l_y).
One row in m + 1 counts as if its class were drawn by chance: where every row is right the slope would else have no
zero, and the next mistake would be answered with certainty. The most probable class stays the most probable.

Source: Guo, Pleiss, Sun and Weinberger, On calibration of modern neural networks, 2017. The row by chance is of Platt,
Probabilistic outputs for support vector machines, 1999.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from caviar.learners.contract import Floats

LOWEST, HIGHEST = 0.1, 10.0
"""The range of temperatures: beyond it a network is wrong, not badly calibrated."""

_SMALLEST = 1e-15  # a probability of 0 would make one row decide
_ENOUGH = 1e-9  # of beta: the last step of Newton's method


def tempered(p: Floats, temperature: float) -> Floats:
    """The probabilities q (..., C) of ``p`` (..., C) at a ``temperature``; ``p`` itself at 1."""
    if temperature == 1.0:
        return p
    with np.errstate(divide="ignore", under="ignore"):
        logs = np.log(p)
        q: Floats = np.exp((logs - logs.max(axis=-1, keepdims=True)) / temperature)
    q /= q.sum(axis=-1, keepdims=True)
    return q


def temperature_of(p: Floats, y: npt.NDArray[np.integer], rows: int | None = None) -> float:
    """The temperature for probabilities ``p`` (m, C) of rows with the true classes ``y`` (m,).

    rows: the number of different rows, where several networks predicted each.
    """
    logs = np.log(np.maximum(p, _SMALLEST))
    by_chance = 1 / ((len(y) if rows is None else rows) + 1)
    wanted = (1 - by_chance) * logs[np.arange(len(y)), y].mean() + by_chance * logs.mean()
    low, high, beta = 1 / HIGHEST, 1 / LOWEST, 1.0
    for _ in range(100):  # Newton's method, halving where it leaves what encloses the zero
        q = np.exp(beta * (logs - logs.max(axis=1, keepdims=True)))
        q /= q.sum(axis=1, keepdims=True)
        expected = (q * logs).sum(axis=1)
        slope = float(expected.mean() - wanted)
        low, high = (beta, high) if slope < 0 else (low, beta)
        curvature = float(((q * logs**2).sum(axis=1) - expected**2).mean())
        newton = beta - slope / curvature if curvature > 0 else low
        following = newton if low < newton < high else (low + high) / 2
        if abs(following - beta) < _ENOUGH:
            break
        beta = following
    return 1 / beta
