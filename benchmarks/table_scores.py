"""The scores of `python -m benchmarks.tables`, one arithmetic for all contenders."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
_BINS = 15
_LEAST = 1e-7
"""A probability of 0 counts as this in the log loss: 32-bit models say 0 where they mean less than they can write."""


def scores(y: Array, said: Array, *, regression: bool) -> dict[str, float]:
    """Accuracy, log loss and calibration error of probabilities (m, C); R2 and RMSE of numbers (m,)."""
    if not np.isfinite(said).all():
        raise ValueError("a prediction is not finite")
    if regression:
        squares = float(np.mean((said - y) ** 2))
        return {"r2": 1 - squares / float(np.var(y)), "rmse": squares**0.5}
    said = said / said.sum(axis=1, keepdims=True)
    right = said.argmax(axis=1) == y
    own = np.maximum(said[np.arange(len(y)), y], _LEAST)
    return {
        "accuracy": float(right.mean()),
        "log_loss": float(-np.log(own).mean()),
        "calibration_error": calibration_error(said.max(axis=1), right),
    }


def calibration_error(confidence: Array, right: Array) -> float:
    """Mean distance of confidence and share of right answers over 15 equal bins of confidence, weighted by rows.

    confidence (m,): the largest probability of each row. right (m,): True where its class is the row's.
    Source: Guo et al. 2017, On calibration of modern neural networks, equation 3.
    """
    place = np.clip(np.ceil(confidence * _BINS).astype(int) - 1, 0, _BINS - 1)
    gaps = np.bincount(place, confidence - right, minlength=_BINS)
    return float(np.abs(gaps).sum() / len(confidence))
