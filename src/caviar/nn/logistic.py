"""The sigmoid output and binary cross-entropy: two classes by one score.

Notation
    z (m, 1)          the score, or logit, of class 1;  p (m, 1) = sigmoid(z)  its probability
    y (m,)            the true classes, 0 and 1
    s, row_weights    label smoothing and how much each row counts, as in softmax
    q (m, 1)          the target, (1 - s) y + s/2
    J                 mean(row_weight * -(q log p + (1 - q) log(1 - p)))

It is softmax over the scores (0, z): the same probabilities and the same loss. A softmax network has both scores, and
where it stands for the same probabilities its dz is (-dz, dz): one step of gradient descent moves the difference of
its two scores twice as far, so that it learns as this one does at twice the learning rate.

Source: Course 1 of the specialisation, week 2, "Logistic Regression Cost Function".
"""

from __future__ import annotations

import numpy as np

from caviar.nn import FloatArray, Labels
from caviar.nn.activations import sigmoid


def binary_cross_entropy(z: FloatArray, y: Labels, s: float = 0.0, row_weights: FloatArray | float = 1.0) -> float:
    """J = mean(row_weight * (log(1 + e^z) - q z)): both logarithms in terms of z, so that neither is infinite."""
    logit = z[:, 0]
    q = (1 - s) * y + s / 2
    rows: FloatArray = np.maximum(logit, 0.0) - q * logit + np.log1p(np.exp(-np.abs(logit)))  # (m,)
    return float((row_weights * rows).mean())


def binary_cross_entropy_backward(
    z: FloatArray, y: Labels, s: float = 0.0, row_weights: FloatArray | float = 1.0
) -> FloatArray:
    """dz = row_weight * (p - q) / m (m, 1)."""
    q = (1 - s) * y + s / 2
    dz: FloatArray = row_weights * (sigmoid(z[:, 0]) - q) / len(y)  # (m,)
    return dz[:, np.newaxis]


def both_probabilities(z: FloatArray) -> FloatArray:
    """(1 - p, p) (m, 2), the first as sigmoid(-z): 1 - p would be 0 where it is only small."""
    return np.concatenate([sigmoid(-z), sigmoid(z)], axis=1)
