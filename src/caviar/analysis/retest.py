"""The statistics of a test of an old answer: differences on the same rows, and the verdict that they lead to.

Notation
    n      rows, each with predictions of networks that have not seen it
    K      trainings of a recipe, on parts of the rows or from fresh seeds
    d      by how much one is better than another on the n rows, in the study's metric; below 0 where it is worse
    s      the standard deviation of the score of a training: its luck
    t_K    the 97.5 % point of Student's t with K - 1 degrees of freedom

The interval of d is that of a paired bootstrap over rows, widened in quadrature by the luck of trainings:

    t_K s sqrt(1/K + 1/(K-1))      of the mean of K trainings; 1/(K-1) is the share of rows held out, for trainings on
                                   parts of the same rows are alike. Between two recipes s is that of the difference of
                                   their k-th trainings
    t_K s sqrt(1 + 1/K)            by which old weights may differ where nothing has changed: they are one training,
                                   and have been lucky or unlucky

s is measured where all K networks have predicted the same rows; the part of the variance of their scores that comes
from the rows is taken off for the interval. It stays where luck must not pass for a change, for the tails of luck are
long: without it 3 of 24 pairs of benchmarks/retest.py with numbers were said to have changed, and none had. Something
is done about it only where d is at least a margin, its interval above 0, and, against old weights, d larger than rows
and their luck explain. It is left alone where the interval is below the margin. Two comparisons can call for action,
each with a chance of 2.5 % to do so by mistake where nothing has changed, so that it is at most 5 % for both.

Sources: Efron, Bootstrap methods, 1979; Nadeau and Bengio, Inference for the generalization error, 2003, for 1/(K-1).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from caviar.analysis.intervals import Z, of_metric, student
from caviar.learners.contract import Floats
from caviar.randomness import UInt64
from caviar.records.metrics import metric_name, smaller_is_better
from caviar.records.retest import KEEP, RETRAIN, RETUNE, UNCLEAR, Difference

Rows = npt.NDArray[np.intp]
Score = Callable[[Rows], float]
"""The score on the rows of these indices."""

SHARE_OF_ERROR, SHARE_OF_LOSS, LEAST = 0.1, 0.05, 0.002
"""The margin: a tenth of what the old score lacks of 1; of a loss, a twentieth of it; and LEAST at least."""

_LEAST_LUCK = 1 / 3  # of the variance of scores: of five trainings the estimate is 0 by chance again and again
_MOST = 1000  # times the rows: nobody has them


def margin_of(metric: str, score: float) -> float:
    """The difference from an old ``score`` that is worth acting upon."""
    if smaller_is_better(metric):
        return SHARE_OF_LOSS * abs(score)
    return max(SHARE_OF_ERROR * (1.0 - score), LEAST)


class Sample(NamedTuple):
    """The rows of a bootstrap: so many, predictions a row, the stream, and the sets that are drawn together."""

    rows: int
    width: int
    key: UInt64
    sets: npt.NDArray[np.integer] | None = None


def luck_of(scores: Callable[[Rows], Floats], sample: Sample) -> tuple[float, float]:
    """The standard deviation s of ``scores`` (K,) of K trainings on the same rows: without the part of the rows, and
    with it."""
    found = scores(np.arange(sample.rows))
    if not np.isfinite(found).all():
        return math.inf, math.inf
    low, high = of_metric(lambda chosen: _centred(scores(chosen)), *sample)
    by_rows = float(np.mean(((high - low) / (2 * Z)) ** 2)) * len(found) / (len(found) - 1)
    whole = float(found.var(ddof=1))
    return math.sqrt(max(whole - by_rows, _LEAST_LUCK * whole)), math.sqrt(whole)


def _centred(scores: Floats) -> Floats:
    return np.asarray(scores - scores.mean(), dtype=np.float64)


def against_weights(s: float, trainings: int) -> float:
    """The half-width that is due to luck, of ``trainings`` beside weights that are one training."""
    return student(trainings) * s * math.sqrt(1 + 1 / trainings)


def of_trainings(s: float, trainings: int) -> float:
    """The same of the mean of so many ``trainings`` alone, or of the difference of two such."""
    return student(trainings) * s * math.sqrt(1 / trainings + 1 / (trainings - 1))


def difference(
    metric: str, one: Score, other: Score, luck: tuple[float, float], margin: float, sample: Sample
) -> Difference:
    """The difference of the scores of ``one`` and of ``other`` on all rows, with its interval.

    ``luck`` has the half-widths by the luck of trainings, and by that of the old weights too. A resample on which it
    is NaN is left out.
    """
    by_luck, by_old = luck
    sign = -1.0 if smaller_is_better(metric) else 1.0
    every = np.arange(sample.rows)
    scores = one(every), other(every)
    mean = sign * (scores[0] - scores[1])
    (low,), (high,) = of_metric(lambda chosen: np.array([sign * (one(chosen) - other(chosen))]), *sample)
    return Difference(
        mean=mean,
        low=mean - math.hypot(mean - low, by_luck),
        high=mean + math.hypot(high - mean, by_luck),
        margin=margin,
        rows=sample.rows,
        by_rows=float(high - low) / 2,
        by_luck=by_luck,
        by_old=by_old,
        score=scores[0],
        other=scores[1],
    )


def verdict(found: Mapping[str, Difference]) -> tuple[str, str | None]:
    """The verdict, and the name of the difference that it rests on.

    found: "weights", the old recipe trained today beside the old weights; "configs", the best recipe of today beside
    the old one, both trained today; "both", the best recipe beside the old weights. What cannot be compared is not
    there: without "weights" and "both" only configs are judged. Without "weights" and "configs" the old configs could
    not be trained.
    """
    weights, configs, both = (found.get(name) for name in ("weights", "configs", "both"))
    newer = [one for one in (configs, both) if one is not None]
    if newer and all(one.acts for one in newer):
        return RETUNE, "configs" if both is None else "both"
    if weights is not None and weights.acts:
        return RETRAIN, "weights"
    judged = {"configs": configs} if weights is None and configs is not None else {"weights": weights, "both": both}
    known = {name: one for name, one in judged.items() if one is not None}
    if not known:
        return UNCLEAR, None
    largest = max(known, key=lambda name: known[name].high - known[name].margin)
    return (KEEP if all(one.keeps for one in known.values()) else UNCLEAR), largest


def rows_needed(one: Difference) -> int | None:
    """The rows on which ``one`` would be clear if it stays as it is; None where no number of them would do.

    The interval by rows shrinks with their root, and the luck of trainings stays.
    """
    acting = one.mean >= one.margin
    wanted, luck = (one.mean, one.by_old) if acting else (one.margin - one.mean, one.by_luck)
    left = wanted**2 - luck**2
    if left <= 0 or not math.isfinite(left):
        return None
    times = one.by_rows**2 / left
    return max(math.ceil(one.rows * times), one.rows + 1) if times <= _MOST else None


def written(one: Difference, metric: str) -> str:
    """A difference in words."""
    direction = "better" if one.mean >= 0 else "worse"
    low, high = (one.low, one.high) if one.mean >= 0 else (-one.high, -one.low)
    name = metric_name(metric)
    return f"{direction} by {abs(one.mean):.4g} {name} (95 %: {low:.4g} to {high:.4g}) on {one.rows:,} rows"
