"""Sigmoid outputs and binary cross-entropy: two classes by one score, of one target or of several.

Notation
    K                 targets, 1 under the output "sigmoid"
    z (m, K)          the score, or logit, of class 1 of each;  p (m, K) = sigmoid(z)  its probability
    y (m, K)          the true classes, 0 and 1; of one target (m,) will do
    s, weights        label smoothing, and how much each cell counts, as in softmax: (m, K), or (m,) of one target
    q (m, K)          the target, (1 - s) y + s/2
    J                 mean(weight * -(q log p + (1 - q) log(1 - p))), over rows and targets alike

With K = 1 it is softmax over the scores (0, z): the same probabilities and the same loss. A softmax network has both
scores, and where it stands for the same probabilities its dz is (-dz, dz): one step of gradient descent moves the
difference of its two scores twice as far, so that it learns as this one does at twice the learning rate.

The mean over the targets, and not their sum, keeps the loss and the learning rate in the range of one target's,
however many there are: PyTorch's BCEWithLogitsLoss and Keras' binary_crossentropy do the same.

Sources: Course 1 of the specialisation, week 2, "Logistic Regression Cost Function"; for several targets Nam, Kim,
Mencía, Gurevych and Fürnkranz, Large-scale multi-label text classification: revisiting neural networks, 2014.
"""

from __future__ import annotations

import numpy as np

from caviar.nn import FloatArray, Labels
from caviar.nn.activations import sigmoid


def binary_cross_entropy(z: FloatArray, y: Labels, s: float = 0.0, weights: FloatArray | float = 1.0) -> float:
    """J = mean(weight * (log(1 + e^z) - q z)): both logarithms in terms of z, so that neither is infinite."""
    q = (1 - s) * y.reshape(z.shape) + s / 2
    cells: FloatArray = np.maximum(z, 0.0) - q * z + np.log1p(np.exp(-np.abs(z)))  # (m, K)
    return float((_like(weights, z) * cells).mean())


def binary_cross_entropy_backward(
    z: FloatArray, y: Labels, s: float = 0.0, weights: FloatArray | float = 1.0
) -> FloatArray:
    """dz = weight * (p - q) / (m K) (m, K)."""
    q = (1 - s) * y.reshape(z.shape) + s / 2
    dz: FloatArray = _like(weights, z) * (sigmoid(z) - q) / z.size
    return dz


def both_probabilities(z: FloatArray) -> FloatArray:
    """(1 - p, p) (m, 2) of one target, the first as sigmoid(-z): 1 - p would be 0 where it is only small."""
    return np.concatenate([sigmoid(-z), sigmoid(z)], axis=1)


def _like(weights: FloatArray | float, z: FloatArray) -> FloatArray | float:
    return weights if isinstance(weights, float) else weights.reshape(z.shape)
