"""Doubts about an answer: notes that a score says less than it seems to."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from caviar.data.dataset import Dataset
from caviar.records.metrics import metric_name
from caviar.records.result import Baseline, Scores
from caviar.scales import Fixed
from caviar.space import Space

IMBALANCED = 0.8
"""A class that more than this share of the rows has: accuracy says little then."""


def doubts(
    metric: str, test: Scores, baseline: Mapping[str, Baseline], undefined: Mapping[str, str]
) -> tuple[str, ...]:
    """Notes on the ``test`` scores: no better than the majority, or ``metric`` is among the ``undefined``."""
    if metric in undefined:
        return (f"{metric_name(metric)} is not defined on the sealed test rows: {undefined[metric]}",)
    majority = baseline["majority"]
    lead = majority.lead
    if lead is None or lead.low > 0:
        return ()
    scores = f"{metric_name(lead.metric)} {test[lead.metric]:.4f} against {majority.scores[lead.metric]:.4f}"
    if lead.by <= 0:
        return (f"the network is no better than {always(majority)}: {scores} on the sealed test rows",)
    return (
        f"the network is hardly better than {always(majority)}: {scores} on the sealed test rows, which may be luck",
    )


def imbalance(metric: str, dataset: Dataset) -> tuple[str, ...]:
    """A note where accuracy is to decide, and nearly all rows are of one class."""
    if metric != "accuracy":
        return ()
    rows = np.bincount(dataset.train.y.astype(np.int64))
    share, most = rows.max() / rows.sum(), dataset.preprocessing.classes[int(rows.argmax())]
    if share <= IMBALANCED:
        return ()
    return (
        f"{percent(share)} of the training rows are {most!r}, so accuracy says little about the other classes: "
        '`metric="balanced_accuracy"` counts every class alike, and `balance=True` does so in training',
    )


def off_centre(metric: str, space: Space) -> tuple[str, ...]:
    """A note where networks are to predict a quantile that is not the middle, for no metric judges these."""
    if "loss" not in space or "quantile" not in space or not space["loss"].contains("pinball"):
        return ()
    scale = space["quantile"]
    if isinstance(scale, Fixed) and scale.value == 0.5:
        return ()
    which = f"the quantile {scale.value}" if isinstance(scale, Fixed) else "other quantiles than the median"
    return (
        f"with `loss` pinball networks predict {which} of the target, but {metric_name(metric)} ranks them by how near "
        "they are to its middle: do not search over `quantile`, and judge by the share of rows below their prediction",
    )


def percent(share: float) -> str:
    """A share of rows as people write it, with as few digits as show that it is not all of them: 98 %, 99.5 %."""
    digits = next((digits for digits in range(9) if round(100 * share, digits) < 100), 0)
    return f"{100 * share:.{digits}f} %"


def always(majority: Baseline) -> str:
    """The prediction of the majority in words."""
    if majority.method == "mean":
        return f"always predicting the mean, {majority.always:.4g}"
    if isinstance(majority.always, Mapping):
        each = [f"{label!r} in {column}" for column, label in majority.always.items()]
        return f"always saying {', '.join(each[:5])}" + (
            f" and so on for {len(each) - 5} more" if len(each) > 5 else ""
        )
    return f"always saying {majority.always!r}"
