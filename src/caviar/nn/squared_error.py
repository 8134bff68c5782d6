"""Squared error: how wrong predicted numbers are.

Notation
    z (m, 1)    the predictions, the output layer's scores as they are;  y (m,)  the true numbers
    J           mean((z - y)^2), without the 1/2 that some put before it

Source: Course 1 of the specialisation, week 2, "Logistic Regression Cost Function", which names it and goes on.
"""

from __future__ import annotations

from caviar.nn import FloatArray


def squared_error(z: FloatArray, y: FloatArray) -> float:
    """J = mean((z - y)^2)."""
    return float(((z[:, 0] - y) ** 2).mean())


def squared_error_backward(z: FloatArray, y: FloatArray) -> FloatArray:
    """dz = 2 (z - y) / m (m, 1)."""
    return 2 * (z - y.reshape(-1, 1)) / len(y)
