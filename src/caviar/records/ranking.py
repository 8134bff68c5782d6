"""Rank keys: the numbers that trials are ranked by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, Protocol

from caviar.records import TrialState
from caviar.records.metrics import SMALLER_IS_BETTER

Goal = Literal["maximize", "minimize"]
OTHER: dict[Goal, Goal] = {"minimize": "maximize", "maximize": "minimize"}
GOAL_METRICS: dict[Goal, str] = {"maximize": "score", "minimize": "loss"}
"""The metrics of a study of other people's code: the larger, or the smaller, the better."""
_OWN_CODE = (*GOAL_METRICS.values(), "objective", "objective_loss")  # the last two: imported by older versions

RankKey = tuple[float, float]
"""Larger is better: the metric, and the loss where the metric ties (accuracies on a few hundred rows often do)."""

WORST: RankKey = (-math.inf, -math.inf)
UNRANKED = (TrialState.DIVERGED, TrialState.OUT_OF_MEMORY, TrialState.FAILED, TrialState.INFEASIBLE)


class Scored(Protocol):
    """A trial with as much of it as a rank key needs."""

    @property
    def state(self) -> str: ...  # noqa: D102 - described by the class
    @property
    def score(self) -> float | None: ...  # noqa: D102
    @property
    def validation_loss(self) -> float | None: ...  # noqa: D102


def of_own_code(metric: str) -> bool:
    """True for the metric of other people's code, which need not report a loss, nor every epoch."""
    return metric in _OWN_CODE


def rank_key(metric: str, score: float | None, loss: float | None) -> RankKey:
    """The rank key of a trial with this score and loss; one that diverged or has no score yet is WORST, never missing.

    Other people's code need not report a loss, and none of theirs counts.
    """
    if of_own_code(metric):
        loss = 0.0
    if score is None or loss is None or not (math.isfinite(score) and math.isfinite(loss)):
        return WORST
    return (-score if metric in SMALLER_IS_BETTER else score, -loss)


def rank_key_of(metric: str, trial: Scored) -> RankKey:
    """The rank key of a trial as it stands: WORST for one that has diverged or failed, whatever it scored before."""
    return WORST if trial.state in UNRANKED else rank_key(metric, trial.score, trial.validation_loss)


def smoothed(scores: Sequence[float]) -> float:
    """The score of a rung from those of its epochs, oldest first: an average that leans on the last ones.

    Bias-corrected exponentially weighted average with beta = 0.5: the last epoch has at least half of the weight, so
    that a curve that still rises is not held back, and one lucky epoch counts half. NaN or infinity in the last epoch
    is kept; in earlier ones it is left out. Source: deeplearning.ai, Improving deep neural networks, week 2.
    """
    average = _halving_average(scores)
    if not math.isfinite(average):  # so one of them is not: a study that is taken up again asks 30,000 times
        scores = [score for score in scores[:-1] if math.isfinite(score)] + [scores[-1]]
        average = _halving_average(scores)
    return average / (1.0 - 0.5 ** len(scores))


def _halving_average(scores: Sequence[float]) -> float:
    """The weighted sum of ``scores``, the last one's weight 1/2 and each other's half of its successor's."""
    average = 0.0
    for score in scores:
        average = 0.5 * average + 0.5 * score
    return average
