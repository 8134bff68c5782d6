"""Softmax and cross-entropy: from scores to probabilities, and how wrong they are.

Notation
    z (m, C)         the scores of C classes;  p (m, C)  their probabilities, each row adds up to 1
    y (m,)           the true classes, integers from 0 to C - 1
    s                label smoothing: the share of a row's target that goes to all classes alike; 0: none does
    q (m, C)         the target distribution, (1 - s) where y is, 0 elsewhere, plus s / C everywhere
    row_weights (m,) how much each row counts (see losses); none: 1
    J                mean over the rows of row_weight * cross-entropy of q and p, in nats; log C where all
                     classes are equally probable

With C = 2 this is logistic regression on the difference of the two scores: p[:, 1] = sigmoid(z[:, 1] - z[:, 0]).

Sources: Course, week 3, "Softmax Regression" and "Training a Softmax Classifier"; Szegedy et al., Rethinking the
Inception architecture, 2016, section 7 (label smoothing).
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


def cross_entropy(z: FloatArray, y: Labels, s: float = 0.0, row_weights: FloatArray | float = 1.0) -> float:
    """J = -mean(row_weight * sum(q log p)), from the scores and not from p, whose logarithm may be infinite."""
    log_p = log_softmax(z)
    rows = -(1 - s) * log_p[np.arange(len(y)), y]  # (m,)  the true class's part of q
    if s > 0:  # else 0 * -infinity where a network diverged
        rows = rows - s * log_p.mean(axis=1)  # (m,)  all classes' part: s / C each
    return float((row_weights * rows).mean())


def cross_entropy_backward(
    p: FloatArray, y: Labels, s: float = 0.0, row_weights: FloatArray | float = 1.0
) -> FloatArray:
    """dz = row_weight * (p - q) / m (m, C): predicted minus true, over m, through softmax and cross-entropy."""
    one_hot: FloatArray = np.eye(p.shape[1])[y]  # (m, C)
    q = (1 - s) * one_hot + s / p.shape[1]
    dz: FloatArray = (p - q) * np.reshape(row_weights, (-1, 1)) / len(p)
    return dz


def hard_max(z: FloatArray) -> FloatArray:
    """1 at the row's largest score, 0 elsewhere (m, C); at a tie the first of them."""
    one_hot: FloatArray = np.eye(z.shape[1])[z.argmax(axis=1)]  # (m, C)
    return one_hot
