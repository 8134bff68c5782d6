"""Metrics: how good predictions are, by the names and the definitions of the field.

Notation
    p (m, C)    predicted probabilities, rows adding up to 1;  y (m,)  the true classes, 0 to C - 1
    z (m,)      predicted numbers;  y (m,)  the true ones, of regression
    positive    the class that average precision of two classes is about; the rarer one of the training rows
    one against the rest: class c alone against all others, by its column of p
    of several targets: p (m, K) the probability of the second class of each, y (m, K) the true classes, 0 and 1

Means over classes leave out those that have no row in y, as balanced accuracy does. With two classes ``roc_auc`` is the
same for both, ``average_precision`` is that of ``positive``, and ``brier`` is the half of its sum over both, so that it
lies in [0, 1]: scikit-learn, the oracle of the tests, does the same.

A metric that is not defined for y has a reason (``undefined``) and the value NaN, never another number in its place.

Sources: Fawcett, An introduction to ROC analysis, 2006; Davis and Goadrich, The relationship between precision-recall
and ROC curves, 2006; Gorodkin, Comparing two K-category assignments by a K-category correlation coefficient, 2004
(MCC); Brier, Verification of forecasts expressed in terms of probability, 1950; Guo et al., On calibration of modern
neural networks, 2017 (calibration error, of the class predicted, in CALIBRATION_BINS bins of equal width); Zhang and
Zhou, A review on multi-label learning algorithms, 2014 (several targets).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from caviar.nn import FloatArray, Labels

CALIBRATION_BINS = 15
_SMALLEST = 1e-15  # a probability of 0 would make one row decide the log loss

ClassMetric = Callable[[FloatArray, Labels, int], float]
NumberMetric = Callable[[FloatArray, FloatArray], float]
MetricOfSeveral = Callable[[FloatArray, Labels], float]


# --- of classes ---


def accuracy(p: FloatArray, y: Labels, positive: int = 1) -> float:
    """The share of rows whose most probable class is the true one."""
    return float((p.argmax(axis=1) == y).mean())


def balanced_accuracy(p: FloatArray, y: Labels, positive: int = 1) -> float:
    """The mean over the classes present of the share of their rows that are right."""
    right = p.argmax(axis=1) == y
    rows = np.bincount(y, minlength=p.shape[1])
    hits = np.bincount(y[right], minlength=p.shape[1])
    present = rows > 0
    return float((hits[present] / rows[present]).mean())


def log_loss(p: FloatArray, y: Labels, positive: int = 1) -> float:
    """The mean of -log of the probability of the true class."""
    return float(-np.log(np.maximum(p[np.arange(len(y)), y], _SMALLEST)).mean())


def roc_auc(p: FloatArray, y: Labels, positive: int = 1) -> float:
    """The probability that a row of the class gets more of it than another row does; the mean, one against the rest."""
    present = np.unique(y)
    if len(present) < 2:
        return float("nan")
    if p.shape[1] == 2:
        return _area(p[:, 1], y == 1)
    return float(np.mean([_area(p[:, c], y == c) for c in present]))


def average_precision(p: FloatArray, y: Labels, positive: int = 1) -> float:
    """The precision at each row of the class, from the most probable row on; the mean, one against the rest."""
    if p.shape[1] == 2:
        return _precision(p[:, positive], y == positive) if (y == positive).any() else float("nan")
    return float(np.mean([_precision(p[:, c], y == c) for c in np.unique(y)]))


def f1_macro(p: FloatArray, y: Labels, positive: int = 1) -> float:
    """The mean over the classes of 2 hits / (rows + predictions); a class neither present nor predicted is left out."""
    said = p.argmax(axis=1)
    rows, predictions, hits = (np.bincount(k, minlength=p.shape[1]) for k in (y, said, y[said == y]))
    seen = rows + predictions > 0
    return float((2 * hits[seen] / (rows + predictions)[seen]).mean())


def mcc(p: FloatArray, y: Labels, positive: int = 1) -> float:
    """The correlation of the predicted and the true class (Matthews'), -1 to 1; 0 where either is always the same."""
    said = p.argmax(axis=1)
    rows, predictions = (np.bincount(k, minlength=p.shape[1]).astype(np.float64) for k in (y, said))
    m, hits = float(len(y)), float((said == y).sum())
    spread = (m * m - (predictions**2).sum()) * (m * m - (rows**2).sum())
    return float((hits * m - predictions @ rows) / np.sqrt(spread)) if spread > 0 else 0.0


def brier(p: FloatArray, y: Labels, positive: int = 1) -> float:
    """The mean squared error of the probabilities: [0, 1] for two classes, [0, 2] for more."""
    wrong = p.copy()
    wrong[np.arange(len(y)), y] -= 1
    total = float((wrong**2).sum(axis=1).mean())
    return total / 2 if p.shape[1] == 2 else total


def calibration_error(p: FloatArray, y: Labels, positive: int = 1) -> float:
    """The mean gap between confidence and accuracy over CALIBRATION_BINS bins of the predicted class's probability."""
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y
    bins = np.clip(np.ceil(confidence * CALIBRATION_BINS).astype(np.int64) - 1, 0, CALIBRATION_BINS - 1)  # (low, high]
    gaps = np.bincount(bins, weights=confidence - right, minlength=CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / len(y))


def _area(score: FloatArray, is_class: npt.NDArray[np.bool_]) -> float:
    """The share of pairs (a row of the class, another row) in which the first has more; equal ones count a half."""
    others = np.sort(score[~is_class])
    mine = score[is_class]
    below, up_to = (np.searchsorted(others, mine, side) for side in ("left", "right"))
    return float((below + up_to).sum() / (2 * len(others) * len(mine)))


def _precision(score: FloatArray, is_class: npt.NDArray[np.bool_]) -> float:
    """The sum over thresholds of precision times the rise of recall; rows of equal score come at once."""
    order = np.argsort(-score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)  # of each group of equal scores
    hits = np.cumsum(is_class[order])[last]
    return float((np.diff(hits, prepend=0) * hits / (last + 1)).sum() / hits[-1])


# --- of numbers ---


def r2(z: FloatArray, y: FloatArray) -> float:
    """1 - the squared error over that of the mean of y; where all y are the same 1 if every z is y, else 0."""
    spread, error = float(((y - y.mean()) ** 2).mean()), float(((z - y) ** 2).mean())
    return 1 - error / spread if spread > 0 else float(error == 0)


def rmse(z: FloatArray, y: FloatArray) -> float:
    """The root of the mean squared error."""
    return float(np.sqrt(((z - y) ** 2).mean()))


def mae(z: FloatArray, y: FloatArray) -> float:
    """The mean absolute error."""
    return float(np.abs(z - y).mean())


def mape(z: FloatArray, y: FloatArray) -> float:
    """The mean of the error as a share of the true number: 0.1 is 10 %."""
    return float((np.abs(z - y) / np.abs(y)).mean()) if y.all() else float("nan")


OF_CLASSES: dict[str, ClassMetric] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "log_loss": log_loss,
    "roc_auc": roc_auc,
    "average_precision": average_precision,
    "f1_macro": f1_macro,
    "mcc": mcc,
    "brier": brier,
    "calibration_error": calibration_error,
}
OF_LABELS = ("accuracy", "balanced_accuracy", "f1_macro", "mcc", "hamming_accuracy", "exact_match")
"""The metrics of classes that look at the label alone, and not at the probabilities."""

OF_NUMBERS: dict[str, NumberMetric] = {"r2": r2, "rmse": rmse, "mae": mae, "mape": mape}


# --- of several targets ---


def hamming_accuracy(p: FloatArray, y: Labels) -> float:
    """The share of cells that are right: the mean of the targets' accuracies, and 1 - the Hamming loss."""
    return float(((p > 0.5) == (y == 1)).mean())


def exact_match(p: FloatArray, y: Labels) -> float:
    """The share of rows that are right in every target; scikit-learn calls it the accuracy of several targets."""
    return float(((p > 0.5) == (y == 1)).all(axis=1).mean())


def log_loss_of_several(p: FloatArray, y: Labels) -> float:
    """The mean over rows and targets of -log of the probability of the true class."""
    return float(-np.log(np.maximum(np.where(y == 1, p, 1 - p), _SMALLEST)).mean())


def f1_of_several(p: FloatArray, y: Labels) -> float:
    """The mean over the targets of the F1 of their second class; one that no row has or is given is left out."""
    said = p > 0.5
    seen = y.sum(axis=0) + said.sum(axis=0)  # (K,)
    hits = (said & (y == 1)).sum(axis=0)
    present = seen > 0
    return float((2 * hits[present] / seen[present]).mean()) if present.any() else float("nan")


def roc_auc_of_several(p: FloatArray, y: Labels) -> float:
    """The mean of the area under the ROC curve over the targets that have both classes in y."""
    areas = [_area(column, labels == 1) for column, labels in zip(p.T, y.T, strict=True) if 0 < labels.sum() < len(y)]
    return float(np.mean(areas)) if areas else float("nan")


def average_precision_of_several(p: FloatArray, y: Labels) -> float:
    """The mean of the average precision of the second class over the targets that have it in y."""
    found = [_precision(column, labels == 1) for column, labels in zip(p.T, y.T, strict=True) if labels.any()]
    return float(np.mean(found)) if found else float("nan")


OF_SEVERAL: dict[str, MetricOfSeveral] = {
    "hamming_accuracy": hamming_accuracy,
    "exact_match": exact_match,
    "log_loss": log_loss_of_several,
    "f1_macro": f1_of_several,
    "roc_auc": roc_auc_of_several,
    "average_precision": average_precision_of_several,
}


def undefined_of_several(metric: str, y: Labels) -> str | None:
    """The reason why ``metric`` has no value on rows with the classes ``y`` (m, K); None where it has one."""
    if not len(y):
        return "there is no row"
    if metric == "roc_auc" and (y == y[0]).all():
        return "all rows have the same labels"
    if metric in ("average_precision", "f1_macro") and not y.any():
        return "no row has the second label of a target"
    return None


def undefined(metric: str, y: npt.NDArray[Any], classes: int, positive: int = 1) -> str | None:
    """The reason why ``metric`` has no value on rows with the targets ``y``; None where it has one."""
    if not len(y):
        return "there is no row"
    if metric == "roc_auc" and len(np.unique(y)) < 2:
        return "all rows are of one class"
    if metric == "average_precision" and classes == 2 and not (y == positive).any():
        return "no row is of the rarer class"
    if metric == "mape" and not y.all():
        zeros = len(y) - int(np.count_nonzero(y))
        return f"the target of {zeros} of {len(y)} rows is 0" if zeros > 1 else f"one of {len(y)} rows has the target 0"
    return None
