"""Metrics against scikit-learn, and what is said where one has no value."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sklearn.metrics as oracle
from hypothesis import given
from hypothesis import strategies as st

from caviar.nn import metrics
from caviar.nn.metrics import OF_CLASSES, OF_NUMBERS, OF_SEVERAL, undefined, undefined_of_several


def drawn(seed: int, m: int, classes: int, ties: bool) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (m, C) and classes (m,), all of which are there; with ``ties`` many scores are equal."""
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(classes), rng.integers(classes, size=m)])
    z = rng.normal(size=(len(y), classes)) + 2 * np.eye(classes)[y] * rng.random((len(y), 1))
    p = np.exp(z.round(0) if ties else z)
    return p / p.sum(axis=1, keepdims=True), y


def expected(name: str, p: np.ndarray, y: np.ndarray, positive: int) -> float:
    said, two = p.argmax(axis=1), p.shape[1] == 2
    hot = np.eye(p.shape[1])[y]
    if name == "log_loss":
        return oracle.log_loss(y, p)
    if name == "roc_auc":
        return oracle.roc_auc_score(y, p[:, 1]) if two else oracle.roc_auc_score(y, p, multi_class="ovr")
    if name == "average_precision":
        if two:
            return oracle.average_precision_score(y == positive, p[:, positive])
        return oracle.average_precision_score(hot, p, average="macro")
    if name == "f1_macro":
        return oracle.f1_score(y, said, average="macro", zero_division=0)
    if name == "brier":
        return oracle.brier_score_loss(y, p[:, 1]) if two else float(((p - hot) ** 2).sum(axis=1).mean())
    named = {"accuracy": "accuracy_score", "balanced_accuracy": "balanced_accuracy_score", "mcc": "matthews_corrcoef"}
    return getattr(oracle, named[name])(y, said)


@pytest.mark.parametrize("name", [name for name in OF_CLASSES if name != "calibration_error"])
@given(st.integers(0, 2**32 - 1), st.integers(0, 60), st.integers(2, 5), st.booleans(), st.integers(0, 1))
def test_metrics_of_classes_are_those_of_scikit_learn(name, seed, m, classes, ties, positive):
    p, y = drawn(seed, m, classes, ties)
    assert OF_CLASSES[name](p, y, positive) == pytest.approx(expected(name, p, y, positive), rel=1e-9, abs=1e-12)


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(2, 5), st.floats(0.05, 0.95))
def test_metrics_of_several_targets_are_those_of_scikit_learn(seed, m, targets, share):
    rng = np.random.default_rng(seed)
    y = (rng.random((m, targets)) < share).astype(np.int64)
    p = np.clip(rng.normal(0.3 + 0.4 * y, 0.3).round(2), 0.01, 0.99)
    said, both = p > 0.5, (y.min(axis=0) < y.max(axis=0))
    expected = {
        "hamming_accuracy": 1 - oracle.hamming_loss(y, said),
        "exact_match": oracle.accuracy_score(y, said),
        "log_loss": np.mean([oracle.log_loss(y[:, k], p[:, k], labels=[0, 1]) for k in range(targets)]),
    }
    if both.any():
        expected["roc_auc"] = np.mean([oracle.roc_auc_score(y[:, k], p[:, k]) for k in np.flatnonzero(both)])
    if y.any():
        expected["f1_macro"] = oracle.f1_score(y, said, average="macro", zero_division=np.nan)
        there = np.flatnonzero(y.any(axis=0))
        expected["average_precision"] = np.mean([oracle.average_precision_score(y[:, k], p[:, k]) for k in there])
    for name, metric in OF_SEVERAL.items():
        assert (undefined_of_several(name, y) is None) == (name in expected), name
        if name in expected:
            assert metric(p, y) == pytest.approx(expected[name], rel=1e-9, abs=1e-12), name
    assert undefined_of_several("log_loss", y[:0]) == "there is no row"


@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_metrics_of_numbers_are_those_of_scikit_learn(seed, m):
    rng = np.random.default_rng(seed)
    y, z = rng.normal(3, 1, m + 1), rng.normal(3, 1, m + 1)
    named = {
        "r2": oracle.r2_score,
        "rmse": oracle.root_mean_squared_error,
        "mae": oracle.mean_absolute_error,
        "mape": oracle.mean_absolute_percentage_error,
    }
    for name, metric in OF_NUMBERS.items():
        assert metric(z, y) == pytest.approx(named[name](y, z), rel=1e-9)


def test_the_calibration_error_is_the_mean_gap_over_the_bins():
    # 10 rows at 0.9 of which 6 are right, and 30 at 0.6 of which 24 are: |0.9 - 0.6| / 4 + |0.6 - 0.8| * 3 / 4.
    p = np.array([[0.9, 0.1]] * 10 + [[0.6, 0.4]] * 30)
    y = np.array([0] * 6 + [1] * 4 + [0] * 24 + [1] * 6)
    assert metrics.calibration_error(p, y) == pytest.approx(0.25 * 0.3 + 0.75 * 0.2)


@given(st.integers(0, 2**32 - 1), st.integers(2, 5))
def test_probabilities_drawn_from_what_they_say_are_nearly_calibrated_and_others_are_not(seed, classes):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(classes), size=4000)
    y = (p.cumsum(axis=1) < rng.random((4000, 1))).sum(axis=1).clip(0, classes - 1)
    assert metrics.calibration_error(p, y) < 0.06
    sure = np.eye(classes)[p.argmax(axis=1)]
    assert metrics.calibration_error(sure, y) == pytest.approx(1 - metrics.accuracy(p, y))


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(3, 5))
def test_a_class_without_a_row_is_left_out_of_the_means(seed, m, classes):
    p, y = drawn(seed, m, classes, False)
    kept = y != 0
    left = [c for c in range(classes) if c]
    area = np.mean([oracle.roc_auc_score(y[kept] == c, p[kept][:, c]) for c in left])
    assert metrics.roc_auc(p[kept], y[kept]) == pytest.approx(area)
    precision = np.mean([oracle.average_precision_score(y[kept] == c, p[kept][:, c]) for c in left])
    assert metrics.average_precision(p[kept], y[kept]) == pytest.approx(precision)


@pytest.mark.parametrize(
    ("metric", "y", "classes", "why"),
    [
        ("roc_auc", [1, 1], 2, "one class"),
        ("roc_auc", [2, 2], 3, "one class"),
        ("average_precision", [0, 0], 2, "rarer class"),
        ("mape", [1.0, 0.0], 1, "the target 0"),
        ("mape", [0.0, 0.0, 2.0], 1, "2 of 3 rows is 0"),
        ("log_loss", [], 2, "no row"),
    ],
)
def test_a_metric_without_a_value_has_a_reason_and_no_number(metric, y, classes, why):
    targets = np.array(y, dtype=np.float64 if classes == 1 else np.int64)
    assert why in (undefined(metric, targets, classes) or "")
    if len(y):
        p = np.full((len(y), classes), 1 / classes)
        value = OF_NUMBERS[metric](p[:, 0], targets) if classes == 1 else OF_CLASSES[metric](p, targets, 1)
        assert math.isnan(value)


@given(st.integers(0, 2**32 - 1), st.integers(0, 30), st.integers(2, 4))
def test_a_metric_with_a_value_has_no_reason(seed, m, classes):
    p, y = drawn(seed, m, classes, False)
    for name, metric in OF_CLASSES.items():
        assert undefined(name, y, classes) is None
        assert math.isfinite(metric(p, y, 1))
