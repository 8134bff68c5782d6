"""The account of a trained network: its scores by every metric, and what they are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from caviar.analysis.baseline import Pair, worth
from caviar.analysis.columns import Part, importances
from caviar.analysis.confusion import confusion
from caviar.analysis.doubts import doubts
from caviar.analysis.each_target import each_target
from caviar.analysis.intervals import of_share
from caviar.data.column_inputs import column_inputs
from caviar.data.dataset import Dataset
from caviar.data.examples import Examples
from caviar.learners.contract import Floats, Predictor
from caviar.learners.correction import PLAIN, Correction
from caviar.learners.scoring import Scoring, Targets, outputs_for, outputs_of
from caviar.nn.metrics import OF_LABELS
from caviar.randomness import Purpose, stream_key
from caviar.records.metrics import SHARES_OF_ROWS
from caviar.records.result import Baseline, Column, Confusion, TargetScores

_MOST_UNSEEN = 1 << 20  # outputs that a calibration looks at: a tenth of a second, and 8 MB


class Unseen(NamedTuple):
    """A network, the rows that it learned from, rows that it has not seen, and its epochs where they are known."""

    predictor: Predictor
    training: Examples
    rows: Examples
    epochs: int | None = None


@dataclass(frozen=True, eq=False)
class Account:
    """The ``test`` scores with their intervals, and the fields of a StudyResult; ``doubts`` are notes."""

    test: Mapping[str, float]
    baseline: Mapping[str, Baseline]
    confusion: Confusion | None
    targets: Sequence[TargetScores] | None
    columns: Sequence[Column]
    undefined: Mapping[str, Mapping[str, str]]
    doubts: tuple[str, ...]


def account(
    dataset: Dataset,
    scoring: Scoring,
    metric: str,
    test: Pair,
    outputs: Floats,
    unseen: Sequence[Unseen],
    parameters: int,
    seed: int,
    share: float = 1.0,
    labels: Floats | None = None,
) -> Account:
    """The account of a network with ``outputs`` (m, n_out) for the scored rows of ``test``.

    unseen: networks of its config with rows that they have not seen; there may be none. parameters: of a network.
    share: that of the usual work on baselines and columns. labels: see Scoring.scores.
    """
    learned, y = dataset.preprocessing, test.scored.y
    pairs = [Pair(one.training, one.rows) for one in unseen]
    key = stream_key(seed, Purpose.INTERVAL)
    known = learned.targets or learned.classes
    found = worth(test, outputs, pairs, scoring, metric, known, key, share, labels)
    scores = with_intervals(scoring.scores(outputs, y, labels), len(y), found.intervals)
    undefined = {
        "validation": _undefined(scoring, [one.rows for one in unseen]),
        "test": _undefined(scoring, [test.scored]),
    }
    return Account(
        test=scores,
        baseline=found.baseline,
        confusion=confusion(outputs if labels is None else labels, y, learned.classes) if learned.classes else None,
        targets=each_target(outputs, labels, y, test.training.y, learned.targets) if learned.targets else None,
        columns=_columns(dataset, scoring, metric, unseen, parameters, seed, share),
        undefined=undefined,
        doubts=doubts(metric, scores, found.baseline, undefined["test"]),
    )


def unseen_outputs(unseen: Sequence[Unseen]) -> tuple[Floats, Targets]:
    """The outputs (k, n, n_out) of k networks for n rows that they have not seen, and the targets (n,).

    Networks of the same rows stand side by side; those of folds have their rows one after the other, and k is 1. Where
    that would be many numbers, every second row is taken, or every third, and so on.
    """
    numbers = sum(len(one.rows) * one.predictor.n_out for one in unseen)
    step = -(-numbers // _MOST_UNSEEN) or 1
    said = [outputs_of(one.predictor, one.rows.every(step).x) for one in unseen]
    if all(one.rows is unseen[0].rows for one in unseen):
        return np.stack(said), unseen[0].rows.y[::step]
    return np.concatenate(said)[None], np.concatenate([one.rows.y[::step] for one in unseen])


def validation_scores(
    measured: Mapping[str, float], scoring: Scoring, unseen: Sequence[Unseen], correction: Correction = PLAIN
) -> dict[str, float]:
    """The mean of every metric over ``unseen``; those that an engine has ``measured`` already are left as they are.

    correction: that of outputs before they are scored.
    """
    each = []
    if correction != PLAIN:  # an engine measures without it
        measured = {name: score for name, score in measured.items() if name in OF_LABELS}
    for one in unseen:
        said = outputs_of(one.predictor, one.rows.x)
        wanted = [name for name in scoring.metrics if name not in measured and not scoring.undefined(name, one.rows.y)]
        answer = scoring.corrected(said, correction)
        each.append({name: scoring.score(name, outputs_for(name, answer, said), one.rows.y) for name in wanted})
    found = {name: [scores[name] for scores in each if name in scores] for name in scoring.metrics}
    means = {name: float(np.mean(scores)) for name, scores in found.items() if scores} | dict(measured)
    return {name: means[name] for name in scoring.metrics if name in means}


def with_intervals(
    scores: Mapping[str, float], rows: int, intervals: Mapping[str, tuple[float, float]]
) -> dict[str, float]:
    """``scores`` on so many rows, each interval behind its score: Wilson's of a share of rows, and the given ones."""
    found = dict[str, float]()
    counted = {name: of_share(round(scores[name] * rows), rows) for name in SHARES_OF_ROWS if name in scores}
    intervals = {**counted, **intervals}
    for metric, score in scores.items():
        found[metric] = score
        if metric in intervals:
            found[f"{metric}_low"], found[f"{metric}_high"] = intervals[metric]
    return found


def _undefined(scoring: Scoring, parts: Sequence[Examples]) -> dict[str, str]:
    """The metrics that have no value on any of ``parts``, each with its reason."""
    reasons = {}
    for metric in scoring.metrics:
        why = [scoring.undefined(metric, part.y) for part in parts]
        if why and why[0] and all(why):
            reasons[metric] = why[0]
    return reasons


def _columns(
    dataset: Dataset,
    scoring: Scoring,
    metric: str,
    unseen: Sequence[Unseen],
    parameters: int,
    seed: int,
    share: float,
) -> list[Column]:
    """The columns that the network sees, the most important first; those that there was no work for last."""
    columns = column_inputs(dataset.preprocessing)
    parts = [Part(one.predictor, one.rows) for one in unseen]
    key = stream_key(seed, Purpose.COLUMNS)
    measured = importances(columns, parts, parameters, scoring, metric, key, share)
    listed = [Column(column.name, column.kind, measured.get(column.name)) for column in columns]
    known = [column for column in listed if column.importance is not None]
    known.sort(key=lambda column: column.importance or 0.0, reverse=True)
    return known + [column for column in listed if column.importance is None]
