"""Scores in the units of a table, and trainings that are scored by a metric which no engine measures."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from caviar.data.dataset import prepare
from caviar.data.examples import Examples
from caviar.data.read import read
from caviar.data.target_scale import TargetScale
from caviar.label_sets import packed
from caviar.learners.contract import Keys, Outcome, TrainingData, never
from caviar.learners.dense.learner import DenseLearner
from caviar.learners.scoring import ScoredTraining, Scoring, outputs_of
from caviar.records.metrics import TASK_METRICS

CONFIG = {"learning_rate": 0.05, "layers": 1, "hidden_units": 8, "batch_size": 16, "optimizer": "adam"}


def dataset(target: np.ndarray):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(len(target), 3)), columns=["a", "b", "c"])
    return prepare(read(frame.assign(y=target), "y"), 0)


def two_classes():
    return dataset(np.where(np.random.default_rng(1).random(200) < 0.2, "rare", "usual"))


def training_of(data, config=CONFIG):
    return DenseLearner().start(config, TrainingData.of(data), Keys.of(0))


def test_the_rarer_class_of_the_training_rows_is_the_positive_one():
    assert Scoring.of(two_classes()).positive == 0  # "rare" is before "usual"
    assert Scoring.of(dataset(np.where(np.arange(200) % 5, "a", "b"))).positive == 1


def test_numbers_are_scored_in_the_units_of_the_target():
    data = dataset(np.random.default_rng(2).normal(40, 5, size=200))
    scoring, y = Scoring.of(data), data.validation.y
    said = np.random.default_rng(3).normal(size=(len(y), 1))
    true, predicted = (data.preprocessing.decode(z) for z in (y.astype(np.float64), said[:, 0]))
    found = scoring.scores(said, y)
    assert found["rmse"] == pytest.approx(metrics.root_mean_squared_error(true, predicted))
    assert found["mape"] == pytest.approx(metrics.mean_absolute_percentage_error(true, predicted))
    assert tuple(found) == TASK_METRICS["regression"]


@pytest.mark.parametrize(
    "scoring",
    [
        Scoring(1, 1, 3.0, 0.5, TargetScale("log", 1.0, 100.0)),
        Scoring(1, 1, 40.0, 5.0),
        Scoring(2, 0),
        Scoring(3),
        Scoring(3, several=True),
    ],
    ids=["log numbers", "numbers", "two classes", "three", "several"],
)
def test_the_score_of_some_rows_is_that_of_these_rows_alone(scoring):
    rng = np.random.default_rng(4)
    numbers = scoring.n_out == 1
    y = rng.normal(size=90).astype(np.float32) if numbers else rng.integers(0, scoring.n_out, 90).astype(np.int32)
    if scoring.several:
        y = packed(rng.integers(0, 2, size=(90, 3)))
    outputs = rng.normal(size=(90, 1)) if numbers else rng.dirichlet(np.ones(scoring.n_out), size=90)
    rows = rng.integers(0, 90, size=60)  # drawn as a bootstrap draws them
    for name in scoring.metrics:
        alone = scoring.score(name, outputs[rows], y[rows])
        assert math.isfinite(alone)
        assert scoring.of_rows(name, outputs, y)(rows) == alone


def test_a_target_of_zero_is_zero_again_after_it_was_standardised_in_float32():
    target = np.random.default_rng(2).integers(0, 9, size=400).astype(np.float64) * 1e4
    target[::3] += 0.5
    data = dataset(target)
    scoring = Scoring.of(data)
    rows = data.validation.y
    zeros = int((np.abs(data.preprocessing.decode(rows.astype(np.float64))) < 0.1).sum())
    assert zeros > 0
    why = scoring.undefined("mape", rows)
    assert why is not None
    assert f"the target of {zeros} of {len(rows)} rows is 0" == why
    assert "mape" not in scoring.scores(np.zeros((len(rows), 1)), rows)
    assert scoring.undefined("mape", rows[data.preprocessing.decode(rows.astype(np.float64)) > 0.1]) is None


@dataclass(eq=False)
class Counting:
    """A predictor that says how many rows it got at once."""

    width: int
    seen: list[int]
    n_out = 1

    def outputs(self, x):
        self.seen.append(len(x))
        return x[:, :1].astype(np.float64)


def test_many_rows_are_predicted_in_parts_that_fit_the_memory():
    x = np.arange(1000, dtype=np.float32)[:, None]
    counting = Counting(1 << 14, [])
    assert outputs_of(counting, x)[:, 0].tolist() == x[:, 0].tolist()
    assert max(counting.seen) <= 256
    assert sum(counting.seen) == 1000


def test_a_scored_training_is_the_same_training_with_one_score_more():
    data = two_classes()
    plain, scored = training_of(data), ScoredTraining(training_of(data), data.validation, Scoring.of(data), ["roc_auc"])
    (outcome, epochs), (other, same) = plain.train(3, never()), scored.train(3, never())
    assert (outcome, other) == (Outcome.TRAINED, Outcome.TRAINED)
    assert [epoch.validation.loss for epoch in epochs] == [epoch.validation.loss for epoch in same]
    assert scored.epoch == 3
    for name, array in plain.state().items():
        assert array.tobytes() == scored.state()[name].tobytes()
    p = plain.predictor().outputs(data.validation.x)
    assert same[-1].validation.scores["roc_auc"] == pytest.approx(metrics.roc_auc_score(data.validation.y, p[:, 1]))
    assert scored.evaluate(data.validation).scores == same[-1].validation.scores
    assert scored.train(3, never()) == (Outcome.TRAINED, [])


def test_a_scored_training_without_validation_rows_has_no_score_and_one_that_diverged_stops():
    data = two_classes()
    nothing = Examples(data.validation.x[:0], data.validation.y[:0])
    last = DenseLearner().start(CONFIG, replace(TrainingData.of(data), validation=nothing), Keys.of(0))
    _, [epoch] = ScoredTraining(last, nothing, Scoring.of(data), ["brier"]).train(1, never())
    assert math.isnan(epoch.validation.scores["brier"])
    wild = training_of(data, CONFIG | {"learning_rate": 1e30, "optimizer": "momentum"})
    outcome, epochs = ScoredTraining(wild, data.validation, Scoring.of(data), ["mcc"]).train(5, never())
    assert outcome is Outcome.DIVERGED
    assert len(epochs) < 5
    assert math.isnan(epochs[-1].validation.scores["mcc"])


def test_balancing_lets_the_labels_of_each_target_count_alike():
    rng = np.random.default_rng(0)
    labels = rng.random((500, 2)) < [0.1, 0.7]
    frame = pd.DataFrame({"x": rng.normal(size=500), "a": labels[:, 0], "b": labels[:, 1]})
    data = prepare(read(frame, ["a", "b"]), 0)
    scoring = Scoring.of(data)
    _, cells = scoring.as_classes(np.full((1, len(data.train), 2), 0.5), data.train.y)
    weights = scoring.balancing(data.train.y)
    for k in range(2):
        sums = np.bincount(cells[k::2], weights=weights[k::2])
        np.testing.assert_allclose(sums, sums.mean())
