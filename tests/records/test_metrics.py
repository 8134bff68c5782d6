"""The names of the metrics: those of the formulas, and those that other tools use."""

from __future__ import annotations

import math

import pytest

from caviar.errors import ConfigError
from caviar.nn.metrics import OF_CLASSES, OF_NUMBERS, OF_SEVERAL
from caviar.records.metrics import METRICS, TASK_METRICS, check_metric, metric_for, within_range


def test_every_metric_has_a_formula_and_the_other_way_round():
    assert {
        "classification": tuple(OF_CLASSES),
        "regression": tuple(OF_NUMBERS),
        "multilabel": tuple(OF_SEVERAL),
    } == TASK_METRICS


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("auc", "roc_auc"),
        ("ROC-AUC", "roc_auc"),
        ("f1", "f1_macro"),
        ("ap", "average_precision"),
        ("logloss", "log_loss"),
        ("ECE", "calibration_error"),
        ("mse", "rmse"),
        ("Matthews_corrcoef", "mcc"),
    ],
)
def test_a_name_of_another_tool_leads_to_ours(theirs: str, ours: str):
    with pytest.raises(ConfigError, match=f"is called {ours} here") as refusal:
        check_metric(theirs)
    assert refusal.value.way_out == f'`metric="{ours}"`'


def test_a_name_of_none_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="there is no metric 'acuracy'") as refusal:
        check_metric("acuracy")
    assert "accuracy" in refusal.value.way_out


def test_a_metric_of_numbers_is_not_for_classes():
    with pytest.raises(ConfigError, match="mape is not for classification"):
        metric_for("classification", "mape")


@pytest.mark.parametrize("metric", [*METRICS, "score"])
def test_no_interval_leaves_the_range(metric: str):
    low, high = within_range(metric, -1e9, 1e9)
    if metric == "score":  # anything, of other people's code
        assert (low, high) == (-1e9, 1e9)
    else:
        assert low in (0.0, -1.0, -1e9)
        assert high in (1.0, 2.0, 1e9)
        assert math.isfinite(low) or math.isfinite(high)
    assert within_range(metric, 0.4, 0.6) == (0.4, 0.6)
