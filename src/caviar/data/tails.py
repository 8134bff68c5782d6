"""Columns of numbers whose tails matter: how far out a number is says more of the target than that it is far out.

Notation
    z   (m,) a standardised column;  c  (m,) the same, cut at +-d
    y   (m,) the target of regression, standardised
    g   (m,) what is won: the squared error of y by a straight line in c, less that by one in z

Each half of the rows is predicted by lines that were fitted to the other half. The tails matter where the mean of g is
above 0 by more than two standard errors, and is not nothing. A slip of the pen, a height of 113 cm for 1.13, is no such
column: the row that has it is predicted worse by a line that goes on.

Source: the two standard errors are those of a paired comparison of squared errors, row by row.
"""

from __future__ import annotations

import numpy as np

from caviar.data.columns import Floats

_ERRORS = 2.0
_LEAST = 1e-3  # of the target's variance
_ROWS = 10  # beyond the cut, at least: of fewer nothing is learned


def tails_matter(z: Floats, y: Floats, furthest: float) -> bool:
    """True where a cut of ``z`` at +-``furthest`` loses what predicts ``y``."""
    if np.count_nonzero(np.abs(z) > furthest) < _ROWS:
        return False
    whole, cut = _errors(z, y), _errors(np.clip(z, -furthest, furthest), y)
    won = cut - whole
    return bool(won.mean() > max(_ERRORS * won.std() / np.sqrt(len(won)), _LEAST * y.var()))


def _errors(x: Floats, y: Floats) -> Floats:
    """Squared errors (m,) of the lines through the other half of the rows."""
    found = np.empty(len(y))
    halves = slice(0, None, 2), slice(1, None, 2)
    for fitted, predicted in (halves, halves[::-1]):
        mean, to = x[fitted].mean(), y[fitted].mean()
        spread = ((x[fitted] - mean) ** 2).sum()
        slope = ((x[fitted] - mean) * (y[fitted] - to)).sum() / spread if spread > 0 else 0.0
        found[predicted] = (y[predicted] - to - slope * (x[predicted] - mean)) ** 2
    return found
