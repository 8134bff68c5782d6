"""The dense layer: every output is a weighted sum of every input.

Notation
    x (m, n_in), w (n_in, n_out), b (n_out,), z (m, n_out); dz = dJ/dz and so on, of the same shapes

Source: Course, week 1 and the course before it, "Forward and Backward Propagation", with rows for examples:
its dW = 1/m dZ A.T has no 1/m here, because the loss is already a mean and dz carries the 1/m.
"""

from __future__ import annotations

from caviar.nn import FloatArray


def dense_forward(x: FloatArray, w: FloatArray, b: FloatArray | float) -> FloatArray:
    """z = x @ w + b (m, n_out); ``b`` is 0.0 under batch norm, which would subtract any b with the mean."""
    return x @ w + b  # (m, n_out)


def dense_backward(dz: FloatArray, x: FloatArray, w: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(dx, dw, db) of z = x @ w + b: dx = dz @ w.T, dw = x.T @ dz, db = the sum of dz over the examples."""
    dx = dz @ w.T  # (m, n_in)      each x[i, j] reaches all of z[i, :] through w[j, :]
    dw = x.T @ dz  # (n_in, n_out)  each w[j, k] reaches all of z[:, k] through x[:, j]
    db = dz.sum(axis=0)  # (n_out,) each b[k] is added to all of z[:, k]
    return dx, dw, db
