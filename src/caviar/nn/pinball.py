"""The pinball loss: its best prediction is a quantile of y, the median for q = 0.5, and not the mean.

Notation
    z (m, 1)    the predictions, the output layer's scores as they are;  y (m,)  the true numbers
    q           the share of rows that are to lie below their prediction, above 0 and below 1
    J           mean over the rows of q (y - z) where y > z, else (1 - q) (z - y); for q = 0.5 half the mean
                absolute error

Source: Koenker and Bassett, Regression quantiles, 1978.
"""

from __future__ import annotations

import numpy as np

from caviar.nn import FloatArray


def pinball(z: FloatArray, y: FloatArray, q: float) -> float:
    """J, see above."""
    error = y - z[:, 0]  # (m,)
    return float(np.maximum(q * error, (q - 1) * error).mean())


def pinball_backward(z: FloatArray, y: FloatArray, q: float) -> FloatArray:
    """dz (m, 1) = -q / m where y > z, (1 - q) / m where y < z, and 0 at z = y, where there is no derivative."""
    error = y.reshape(-1, 1) - z  # (m, 1)
    return np.where(error > 0, -q, np.where(error < 0, 1 - q, 0.0)) / len(y)
