"""Huber's loss: squared error for small errors, straight beyond them, so that outliers pull no harder than others.

Notation
    z (m, 1)    the predictions, the output layer's scores as they are;  y (m,)  the true numbers
    delta       the error beyond which the loss is straight, in the units of y (standardised ones, in a study)
    J           mean over the rows of e^2 where |e| = |z - y| <= delta, else 2 delta |e| - delta^2

For a large delta J is the squared error of this room, without a 1/2: twice PyTorch's huber_loss.

Source: Huber, Robust estimation of a location parameter, 1964.
"""

from __future__ import annotations

import numpy as np

from caviar.nn import FloatArray


def huber(z: FloatArray, y: FloatArray, delta: float) -> float:
    """J, see above."""
    size = np.abs(z[:, 0] - y)  # (m,)
    return float(np.where(size <= delta, size**2, 2 * delta * size - delta**2).mean())


def huber_backward(z: FloatArray, y: FloatArray, delta: float) -> FloatArray:
    """dz = 2 e / m (m, 1), with e cut at -delta and delta."""
    return 2 * np.clip(z - y.reshape(-1, 1), -delta, delta) / len(y)
