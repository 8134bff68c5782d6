"""Softmax and cross-entropy: from scores to probabilities, and how wrong they are.

Notation
    z (m, C)   the scores of C classes;  p (m, C)  their probabilities, each row adds up to 1
    y (m,)     the true classes, integers from 0 to C - 1
    J          the mean cross-entropy, a number in nats; log C for a network that knows nothing

With C = 2 this is logistic regression on the difference of the two scores: p[:, 1] = sigmoid(z[:, 1] - z[:, 0]).

Source: Course, week 3, "Softmax Regression" and "Training a Softmax Classifier".
"""

from __future__ import annotations

import numpy as np

from caviar.nn import FloatArray, Labels


def softmax(z: FloatArray) -> FloatArray:
    """p = e^z / sum(e^z) by rows (m, C); the row's largest score is taken off first, so that nothing overflows."""
    t: FloatArray = np.exp(z - z.max(axis=1, keepdims=True))  # (m, C)  in the course's letter
    p: FloatArray = t / t.sum(axis=1, keepdims=True)
    return p


def log_softmax(z: FloatArray) -> FloatArray:
    """log p (m, C) = z - log sum(e^z), finite where p itself is too small for a float."""
    shifted: FloatArray = z - z.max(axis=1, keepdims=True)  # (m, C)
    log_p: FloatArray = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return log_p


def cross_entropy(z: FloatArray, y: Labels) -> float:
    """J = -mean(log p[i, y_i]), from the scores and not from p, whose logarithm may be infinite."""
    return float(-log_softmax(z)[np.arange(len(y)), y].mean())


def cross_entropy_backward(p: FloatArray, y: Labels) -> FloatArray:
    """dz = (p - y) / m (m, C) with y one-hot: predicted minus true, over m, through softmax and cross-entropy."""
    one_hot: FloatArray = np.eye(p.shape[1])[y]  # (m, C)
    return (p - one_hot) / len(p)


def hard_max(z: FloatArray) -> FloatArray:
    """1 at the row's largest score, 0 elsewhere (m, C); at a tie the first of them."""
    one_hot: FloatArray = np.eye(z.shape[1])[z.argmax(axis=1)]  # (m, C)
    return one_hot
