"""The loss by the network's output: the room's one door to softmax, logistic, squared_error, huber and pinball.

Notation
    z (m, width)      the output layer's scores: width C under softmax, K under sigmoids, 1 under sigmoid and linear
    y (m,)            the true classes; under linear the true numbers, under sigmoids label sets (see label_sets)
    C, K              classes; targets of two classes each
    class_weights     (C,) how much a row of each class counts; under sigmoids (K, 2), of each class of each target
    J                 the mean loss of the mini-batch's rows, each times its class's weight. The mean is over the rows
                      and not over their weights, so that a row counts the same in whatever mini-batch it comes; over
                      the whole training set both are one, because the weights' mean there is 1

Where we differ from PyTorch: its cross_entropy divides by the sum of the weights of the mini-batch; and with label
smoothing it weights each class's part of the target, where we weight the row by its true class.

Source of the balanced weights: King and Zeng, Logistic regression in rare events data, 2001, as scikit-learn's
class_weight="balanced" reads it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from caviar.label_sets import unpacked
from caviar.nn import FloatArray, Labels, Targets
from caviar.nn.activations import sigmoid
from caviar.nn.architecture import Architecture, Optimisation
from caviar.nn.huber import huber, huber_backward
from caviar.nn.logistic import binary_cross_entropy, binary_cross_entropy_backward, both_probabilities
from caviar.nn.pinball import pinball, pinball_backward
from caviar.nn.softmax import cross_entropy, cross_entropy_backward, softmax
from caviar.nn.squared_error import squared_error, squared_error_backward


@dataclass(frozen=True, eq=False)
class LossTerms:
    """Terms of the training loss, see Optimisation. ``class_weights`` None: all classes alike."""

    l2: float = 0.0
    label_smoothing: float = 0.0
    class_weights: FloatArray | None = None  # (C,), or (K, 2)
    loss: str = "squared"
    huber_delta: float = 1.0
    quantile: float = 0.5


PLAIN = LossTerms()
"""The loss that is evaluated: no L2 term, no smoothing, no weights; squared error, whatever numbers are trained by."""


def terms_with(optimisation: Optimisation, class_weights: FloatArray | None) -> LossTerms:
    """The loss terms of ``optimisation``, with these weights of the classes (C,)."""
    return LossTerms(
        optimisation.l2,
        optimisation.label_smoothing,
        class_weights,
        optimisation.loss,
        optimisation.huber_delta,
        optimisation.quantile,
    )


def loss_terms(architecture: Architecture, optimisation: Optimisation, y: Targets) -> LossTerms:
    """The loss terms of ``optimisation`` on training rows with targets ``y`` (m,)."""
    if architecture.regression:
        return replace(terms_with(optimisation, None), label_smoothing=0.0)
    if optimisation.class_weights != "balanced":
        return terms_with(optimisation, None)
    if not architecture.several:
        return terms_with(optimisation, balanced_class_weights(y, architecture.n_out))
    each = [balanced_class_weights(labels, 2) for labels in unpacked(y, architecture.n_out).T]
    return terms_with(optimisation, np.array(each))


def balanced_class_weights(y: Labels, classes: int) -> FloatArray:
    """m / (classes present * rows of the class) (C,), so that every class present weighs the same in all.

    A class without a row gets 0, which nothing is ever multiplied by.
    """
    rows = np.bincount(y, minlength=classes)  # (C,)
    present = rows > 0
    return np.where(present, len(y) / (present.sum() * np.maximum(rows, 1)), 0.0)


def mean_loss(output: str, z: FloatArray, y: Targets, terms: LossTerms = PLAIN) -> float:
    """J without its L2 term, for a network whose ``output`` is one of architecture.OUTPUTS."""
    if output == "linear":
        if terms.loss == "huber":
            return huber(z, y, terms.huber_delta)
        return pinball(z, y, terms.quantile) if terms.loss == "pinball" else squared_error(z, y)
    if output == "sigmoids":
        y = unpacked(y, z.shape[1])
    loss = cross_entropy if output == "softmax" else binary_cross_entropy
    return loss(z, y, terms.label_smoothing, _weights(terms, y))


def mean_loss_backward(output: str, z: FloatArray, y: Targets, terms: LossTerms = PLAIN) -> FloatArray:
    """dz (m, width) of ``mean_loss``."""
    if output == "linear":
        if terms.loss == "huber":
            return huber_backward(z, y, terms.huber_delta)
        return pinball_backward(z, y, terms.quantile) if terms.loss == "pinball" else squared_error_backward(z, y)
    if output == "sigmoids":
        y = unpacked(y, z.shape[1])
    s, weights = terms.label_smoothing, _weights(terms, y)
    if output == "softmax":
        return cross_entropy_backward(softmax(z), y, s, weights)
    return binary_cross_entropy_backward(z, y, s, weights)


def probabilities(output: str, z: FloatArray) -> FloatArray:
    """The probabilities (m, C) that scores ``z`` stand for: two under sigmoid; (m, K) under sigmoids, one a target."""
    if output == "sigmoids":
        return sigmoid(z)
    return softmax(z) if output == "softmax" else both_probabilities(z)


def predicted_classes(output: str, z: FloatArray) -> Labels:
    """The likeliest class (m,) of each row; at a tie the first, so that under sigmoid class 1 needs z > 0."""
    return z.argmax(axis=1) if output == "softmax" else (z[:, 0] > 0).astype(np.int64)


def _weights(terms: LossTerms, y: Labels) -> FloatArray | float:
    """The weight of each row (m,), or of each cell (m, K) of several targets."""
    if terms.class_weights is None:
        return 1.0
    return terms.class_weights[y] if y.ndim == 1 else terms.class_weights[np.arange(y.shape[1]), y]
