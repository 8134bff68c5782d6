"""The names of the metrics, their ranges and directions; nn/metrics.py has the formulas."""

from __future__ import annotations

import math

from caviar.errors import ConfigError, did_you_mean

TASK_METRICS = {
    "classification": (
        "accuracy",
        "balanced_accuracy",
        "log_loss",
        "roc_auc",
        "average_precision",
        "f1_macro",
        "mcc",
        "brier",
        "calibration_error",
    ),
    "regression": ("r2", "rmse", "mae", "mape"),
    "multilabel": ("hamming_accuracy", "exact_match", "log_loss", "f1_macro", "roc_auc", "average_precision"),
}
"""The metrics of a study by its task, measured on the validation part; the first is the default."""
METRICS = tuple(dict.fromkeys(name for names in TASK_METRICS.values() for name in names))
SHARES_OF_ROWS = ("accuracy", "exact_match")
"""Metrics that count rows: their intervals are those of a share."""
SMALLER_IS_BETTER = ("log_loss", "brier", "calibration_error", "rmse", "mae", "mape", "loss", "objective_loss")
"""Losses and errors; the last two are of ask and tell, and of imported studies."""

_RANGES = {
    "log_loss": (0.0, math.inf),
    "mcc": (-1.0, 1.0),
    "brier": (0.0, 2.0),
    "r2": (-math.inf, 1.0),
    "rmse": (0.0, math.inf),
    "mae": (0.0, math.inf),
    "mape": (0.0, math.inf),
}
_WRITTEN = {
    "r2": "R2",
    "rmse": "RMSE",
    "mae": "MAE",
    "mape": "MAPE",
    "roc_auc": "ROC AUC",
    "f1_macro": "macro F1",
    "mcc": "MCC",
    "brier": "Brier score",
}
_ASKED_FOR = {"multilabel": "several targets"}
_ELSEWHERE = {
    "acc": "accuracy",
    "ap": "average_precision",
    "auc": "roc_auc",
    "auprc": "average_precision",
    "auroc": "roc_auc",
    "bce": "log_loss",
    "brier_score": "brier",
    "brier_score_loss": "brier",
    "ce": "log_loss",
    "cross_entropy": "log_loss",
    "ece": "calibration_error",
    "f1": "f1_macro",
    "f1_score": "f1_macro",
    "hamming": "hamming_accuracy",
    "hamming_loss": "hamming_accuracy",
    "exact_match_ratio": "exact_match",
    "subset_accuracy": "exact_match",
    "logloss": "log_loss",
    "matthews": "mcc",
    "matthews_corrcoef": "mcc",
    "mean_absolute_error": "mae",
    "mean_absolute_percentage_error": "mape",
    "mean_squared_error": "rmse",
    "mse": "rmse",
    "pr_auc": "average_precision",
    "r2_score": "r2",
    "roc": "roc_auc",
    "roc_auc_score": "roc_auc",
    "root_mean_squared_error": "rmse",
}


def check_metric(metric: str) -> None:
    """Raise ConfigError unless ``metric`` is one of METRICS."""
    if metric in METRICS:
        return
    plain = metric.strip().lower().replace("-", "_").replace(" ", "_")
    ours = plain if plain in METRICS else _ELSEWHERE.get(plain)
    if ours is not None:
        raise ConfigError(f"the metric {metric!r} is called {ours} here", f'`metric="{ours}"`')
    raise ConfigError(f"there is no metric {metric!r}", did_you_mean(metric, METRICS))


def metric_for(task: str, metric: str | None = None) -> str:
    """``metric``, or the default of the task where it is None. ConfigError for one that does not fit the task."""
    fitting = TASK_METRICS[task]
    if metric is None:
        return fitting[0]
    check_metric(metric)
    if metric not in fitting:
        raise ConfigError(
            f"the metric {metric} is not for {_ASKED_FOR.get(task, f'{task}, which the target asks for')}",
            f"choose one of {', '.join(fitting)}" + ("" if task in _ASKED_FOR else "; or another `task`"),
        )
    return metric


def smaller_is_better(metric: str) -> bool:
    """True where ``metric`` is a loss or an error."""
    return metric in SMALLER_IS_BETTER


def metric_name(metric: str) -> str:
    """A metric as people write it: log loss, R2, ROC AUC."""
    return _WRITTEN.get(metric, metric.replace("_", " "))


def within_range(metric: str, low: float, high: float) -> tuple[float, float]:
    """The ends of an interval, cut at those of the range of ``metric``; other people's scores have no range."""
    least, most = _RANGES.get(metric, (0.0, 1.0) if metric in METRICS else (-math.inf, math.inf))
    return max(low, least), min(high, most)
