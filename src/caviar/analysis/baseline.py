"""The worth of a score: the scores of the simplest predictions on the same rows.

    majority   always the class with the most training rows, each class as probable as its share; of numbers, the mean
    linear     logistic regression, or ridge regression (analysis/linear.py)

Of several targets both are those of each target.

Of numbers both are those of the target in its own units, on whatever scale the network learns it.

After balanced training the label of logistic regression is the class whose probability is highest beside its share of
the training rows, so that every class counts alike; its probabilities stay as they are.

Each learns from the same rows as the network that it stands beside. The lead of the network over each of them has an
interval by a paired bootstrap: both are scored on the same resampled rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from caviar.analysis import intervals
from caviar.analysis.linear import logistic, ridge, rows_of_ridge, step_of_logistic
from caviar.data.examples import Examples
from caviar.data.several import TargetColumn
from caviar.label_sets import unpacked
from caviar.learners.contract import Floats
from caviar.learners.correction import shifted
from caviar.learners.scoring import Scoring, Targets, outputs_for
from caviar.randomness import UInt64
from caviar.records.metrics import smaller_is_better, within_range
from caviar.records.result import Always, Baseline, Label, Lead

NAMES = ("majority", "linear")

_RAREST = 1e-9
"""The share that a class without a row counts with."""

Inputs = npt.NDArray[np.float32]


class Pair(NamedTuple):
    """Rows to learn from, and rows to be scored on."""

    training: Examples
    scored: Examples


@dataclass(frozen=True, eq=False)
class Answer:
    """The ``outputs`` (m, n_out) of a baseline that learned from ``rows`` rows; ``labels`` see Scoring.scores."""

    outputs: Floats
    rows: int
    labels: Floats | None = None

    def outputs_for(self, metric: str) -> Floats:
        """The outputs that ``metric`` looks at."""
        return outputs_for(metric, self.outputs, self.labels)


@dataclass(frozen=True, eq=False)
class Worth:
    """The ``baseline`` by name, and the interval of each metric that has one by bootstrap."""

    baseline: dict[str, Baseline]
    intervals: dict[str, tuple[float, float]]


def worth(
    test: Pair,
    outputs: Floats,
    validation: Sequence[Pair],
    scoring: Scoring,
    metric: str,
    classes: Sequence[Label] | Sequence[TargetColumn],
    key: UInt64,
    share: float = 1.0,
    labels: Floats | None = None,
) -> Worth:
    """The worth of a network with ``outputs`` (m, n_out) for the scored rows of ``test``.

    validation: the rows of the validation score, a pair a repeat. metric: the study's. classes: or several targets.
    share: that of the usual work. labels: see Scoring.scores.
    """
    judged = "log_loss" if metric == "calibration_error" else metric  # see Lead
    share /= max(len({id(pair.scored) for pair in validation}), 1)
    answers = {name: _answer(name, test, scoring, share) for name in NAMES}
    wanted = [name for name in scoring.resampled(metric) if scoring.undefined(name, test.scored.y) is None]
    leads = scoring.undefined(judged, test.scored.y) is None
    sign = -1.0 if smaller_is_better(judged) else 1.0

    y = test.scored.y
    own = {
        name: scoring.of_rows(name, outputs_for(name, outputs, labels), y) for name in dict.fromkeys([*wanted, judged])
    }
    theirs = [scoring.of_rows(judged, answer.outputs_for(judged), y) for answer in answers.values()]

    def on(rows: npt.NDArray[np.intp]) -> Floats:
        """The wanted scores on some rows, and the leads."""
        found = {name: own[name](rows) for name in wanted}
        if not leads:
            return np.array([*found.values()])
        score = found[judged] if judged in found else own[judged](rows)
        return np.array([*found.values(), *(sign * (score - one(rows)) for one in theirs)])

    whole = on(np.arange(len(test.scored)))
    low, high = intervals.of_metric(on, len(test.scored), scoring.n_out, key)
    ends = list(zip(low.tolist(), high.tolist(), strict=True))
    found = {}
    for i, (name, answer) in enumerate(answers.items(), start=len(wanted)):
        found[name] = Baseline(
            method=_method(name, scoring),
            always=_always(test.training.y, scoring, classes) if name == "majority" else None,
            rows=answer.rows,
            scores=scoring.scores(answer.outputs, test.scored.y, answer.labels),
            validation=_mean_scores(name, validation, scoring, share),
            lead=Lead(metric=judged, by=float(whole[i]), low=ends[i][0], high=ends[i][1]) if leads else None,
        )
    return Worth(found, {name: within_range(name, *ends[i]) for i, name in enumerate(wanted)})


def _answer(name: str, pair: Pair, scoring: Scoring, share: float) -> Answer:
    """The outputs of the baseline ``name`` for the scored rows of ``pair``."""
    training, scored = pair.training, pair.scored
    if name == "majority":
        return Answer(np.tile(_constant(training.y, scoring), (len(scored), 1)), len(training))
    x = scored.x.reshape(len(scored), -1)
    if scoring.n_out == 1:
        some = training.take(rows_of_ridge(len(training), training.n_in, share)) if training.one_hot else training
        return _numbers(some.x.reshape(len(some), -1), some.y, x, scoring, share)
    share = share / scoring.n_out if scoring.several else share
    some = training.every(step_of_logistic(len(training), training.n_in, share))
    flat = some.x.reshape(len(some), -1)
    if scoring.several:
        models = [logistic(flat, y, 2, share) for y in unpacked(some.y, scoring.n_out).T]
        outputs, rows = np.stack([model.outputs(x)[:, 1] for model in models], axis=1), models[0].rows
    else:
        model = logistic(flat, some.y.astype(np.int32, copy=False), scoring.n_out, share)
        outputs, rows = model.outputs(x), model.rows
    return Answer(outputs, rows, _beside_shares(outputs, training.y, scoring) if scoring.balanced else None)


def _beside_shares(outputs: Floats, y: Targets, scoring: Scoring) -> Floats:
    """The outputs (m, n_out) of classes that came equally often, from those of classes that came as among ``y``."""
    shares = np.maximum(_constant(y, scoring), _RAREST)
    if not scoring.several:
        return shifted(outputs, 1 / shares)
    of_both = np.stack([np.maximum(1 - shares, _RAREST), shares], axis=-1)  # (K, 2)
    return shifted(np.stack([1 - outputs, outputs], axis=-1), 1 / of_both)[..., 1]


def _numbers(flat: Inputs, y: Targets, x: Inputs, scoring: Scoring, share: float) -> Answer:
    """The outputs for ``x`` of ridge regression on ``flat`` and ``y``, as a network would give them."""
    if not scoring.beside:
        model = ridge(flat, y.astype(np.float32, copy=False), share)
        return Answer(model.outputs(x), model.rows)
    own = scoring.numbers(y)
    mean, deviation = own.mean(), own.std() or 1.0  # all rows of a fold may be alike
    model = ridge(flat, ((own - mean) / deviation).astype(np.float32), share)
    return Answer(scoring.standardised(model.outputs(x) * deviation + mean), model.rows)


def _constant(y: Targets, scoring: Scoring) -> Floats:
    """The shares of the classes (n_out,) among ``y``, or the output (1,) that stands for the mean of the numbers.

    Of several targets the share of the second label of each.
    """
    if scoring.several:
        return np.asarray(unpacked(y, scoring.n_out).mean(axis=0))
    if scoring.n_out > 1:
        return np.bincount(y.astype(np.int64), minlength=scoring.n_out) / len(y)
    if not scoring.beside:
        return np.array([y.mean(dtype=np.float64)])
    return scoring.standardised(np.array([scoring.numbers(y).mean()]))


def _always(y: Targets, scoring: Scoring, classes: Sequence[Label] | Sequence[TargetColumn]) -> Always:
    """The one answer of the majority: a class, or the mean in the target's units, or the label of each target."""
    constant = _constant(y, scoring)
    if scoring.n_out == 1:
        return float(scoring.decoded(constant)[0])
    columns = [column for column in classes if isinstance(column, TargetColumn)]
    if scoring.several:
        return {column.name: column.labels[int(share > 0.5)] for column, share in zip(columns, constant, strict=True)}
    most = classes[int(constant.argmax())]
    assert not isinstance(most, TargetColumn)  # there is one target
    return most


def _method(name: str, scoring: Scoring) -> str:
    if name == "majority":
        return "mean" if scoring.n_out == 1 else "majority class"
    if scoring.n_out == 1:
        return "ridge regression"
    return "balanced logistic regression" if scoring.balanced else "logistic regression"


def _mean_scores(name: str, pairs: Sequence[Pair], scoring: Scoring, share: float) -> dict[str, float]:
    """The mean of each metric over ``pairs``; those that are defined in none are left out."""
    known: dict[int, dict[str, float]] = {}
    for pair in pairs:
        if id(pair.scored) not in known:  # repeats with fresh seeds have one part
            answer = _answer(name, pair, scoring, share)
            known[id(pair.scored)] = scoring.scores(answer.outputs, pair.scored.y, answer.labels)
    each = [known[id(pair.scored)] for pair in pairs]
    defined = [metric for metric in scoring.metrics if any(metric in scores for scores in each)]
    return {metric: float(np.mean([scores[metric] for scores in each if metric in scores])) for metric in defined}
