"""The exponentially weighted average, and the correction of its bias.

Notation
    v      the average, 0 at the start;  theta  the next value, of the same shape
    beta   the share of the old average that is kept: it looks back over some 1 / (1 - beta) values
    t      values averaged so far: 1, 2, ...

Source: Course, week 2, "Exponentially Weighted Averages" and "Bias Correction in Exponentially Weighted Averages".
"""

from __future__ import annotations

from caviar.nn import FloatArray


def exponentially_weighted(v: FloatArray, theta: FloatArray, beta: float) -> FloatArray:
    """v_t = beta v_(t-1) + (1 - beta) theta_t."""
    return beta * v + (1 - beta) * theta


def bias_corrected(v: FloatArray, beta: float, t: float) -> FloatArray:
    """v_t / (1 - beta^t): the weights of the t values seen so far then add up to 1; ``t`` at least 1."""
    return v / (1 - float(beta**t))
