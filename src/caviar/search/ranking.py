"""What trials are ranked by."""

from __future__ import annotations

import math

from caviar.errors import ConfigError, did_you_mean

METRICS = ("accuracy", "balanced_accuracy", "log_loss")
"""What a study can be tuned for, measured on the validation part."""
_SMALLER_IS_BETTER = ("log_loss",)

Merit = tuple[float, float]
"""Larger is better: the metric, and the loss where the metric ties (accuracies on a few hundred rows often do)."""

WORST: Merit = (-math.inf, -math.inf)


def check_metric(metric: str) -> None:
    """ConfigError unless ``metric`` is one of METRICS."""
    if metric not in METRICS:
        raise ConfigError(f"there is no metric {metric!r}", did_you_mean(metric, METRICS))


def merit(metric: str, score: float | None, loss: float | None) -> Merit:
    """The merit of a trial with this score and loss; one that diverged or has no score yet is WORST, never missing."""
    if score is None or loss is None or not (math.isfinite(score) and math.isfinite(loss)):
        return WORST
    return (-score if metric in _SMALLER_IS_BETTER else score, -loss)
