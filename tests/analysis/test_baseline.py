"""Baselines beside scikit-learn's, and the lead of a network over them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, Ridge

from caviar.analysis.baseline import Pair, worth
from caviar.analysis.doubts import doubts
from caviar.data.examples import Examples
from caviar.data.several import TargetColumn
from caviar.label_sets import packed
from caviar.learners.scoring import Scoring
from caviar.randomness import Purpose, stream_key
from caviar.records.metrics import TASK_METRICS, smaller_is_better

KEY = stream_key(0, Purpose.INTERVAL)


def classes_of(seed: int, m: int, rare: float = 0.3) -> Examples:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(m, 3)).astype(np.float32)
    z = x[:, 0] + 0.5 * rng.normal(size=m)
    y = (z > np.quantile(z, 1 - rare)).astype(np.int32)
    return Examples(x, y)


def numbers_of(seed: int, m: int) -> Examples:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(m, 3)).astype(np.float32)
    return Examples(x, (x[:, 0] + 0.3 * rng.normal(size=m)).astype(np.float32))


def perfect(examples: Examples) -> np.ndarray:
    if examples.y.dtype.kind == "f":
        return examples.y.astype(np.float64)[:, None]
    return np.where(np.eye(2)[examples.y] > 0, 0.99, 0.01)


def test_the_majority_is_scikit_learns_dummy_and_the_linear_model_its_logistic_regression():
    train, test, other = classes_of(0, 300), classes_of(1, 120), classes_of(2, 90)
    pairs = [Pair(train, other), Pair(test, other)]
    found = worth(Pair(train, test), perfect(test), pairs, Scoring(2), "accuracy", ("no", "yes"), KEY).baseline
    dummy = DummyClassifier(strategy="prior").fit(train.x, train.y)
    majority = found["majority"]
    assert (majority.method, majority.always, majority.rows) == ("majority class", "no", 300)
    assert majority.scores["accuracy"] == metrics.accuracy_score(test.y, dummy.predict(test.x))
    assert majority.scores["log_loss"] == pytest.approx(metrics.log_loss(test.y, dummy.predict_proba(test.x)))
    linear = found["linear"]
    theirs = LogisticRegression().fit(train.x, train.y)
    assert (linear.method, linear.always) == ("logistic regression", None)
    assert linear.scores["log_loss"] == pytest.approx(metrics.log_loss(test.y, theirs.predict_proba(test.x)), rel=1e-3)


def test_after_balanced_training_the_linear_model_lets_every_class_count_alike():
    train, test = classes_of(0, 4000, rare=0.05), classes_of(1, 4000, rare=0.05)
    pairs = [Pair(train, test)]
    plain, balanced = (
        worth(pairs[0], perfect(test), pairs, scoring, "balanced_accuracy", ("no", "yes"), KEY).baseline["linear"]
        for scoring in (Scoring(2), Scoring(2, balanced=True))
    )
    theirs = LogisticRegression(class_weight="balanced").fit(train.x, train.y)
    wanted = metrics.balanced_accuracy_score(test.y, theirs.predict(test.x))
    assert balanced.method == "balanced logistic regression"
    assert balanced.scores["balanced_accuracy"] == pytest.approx(wanted, abs=0.02)
    assert plain.scores["balanced_accuracy"] < wanted - 0.1
    assert balanced.validation["balanced_accuracy"] == balanced.scores["balanced_accuracy"]
    assert balanced.scores["log_loss"] == plain.scores["log_loss"]  # probabilities stay as they are
    assert balanced.lead is not None
    assert balanced.lead.by == pytest.approx(1 - balanced.scores["balanced_accuracy"])


def test_after_balanced_training_each_of_several_targets_counts_its_two_labels_alike():
    train, test = classes_of(0, 3000, rare=0.06), classes_of(1, 3000, rare=0.06)
    both = [Examples(part.x, packed(np.stack([part.y, 1 - part.y], axis=1)), targets=2) for part in (train, test)]
    scoring = Scoring(2, several=True, balanced=True)
    columns = (TargetColumn("a", (0, 1)), TargetColumn("b", (0, 1)))
    pair = Pair(*both)
    found = worth(pair, np.full((3000, 2), 0.5), [pair], scoring, "f1_macro", columns, KEY).baseline["linear"]
    theirs = LogisticRegression(class_weight="balanced").fit(train.x, train.y)
    f1 = [metrics.f1_score(truth, said) for truth, said in ((test.y, theirs.predict(test.x)),)]
    f1.append(metrics.f1_score(1 - test.y, 1 - theirs.predict(test.x)))
    assert found.scores["f1_macro"] == pytest.approx(np.mean(f1), abs=0.02)


def test_validation_is_the_mean_over_the_pairs_each_with_its_own_training_rows():
    one, other, scored, unlike = classes_of(0, 100), classes_of(1, 100, rare=0.7), classes_of(2, 80), classes_of(3, 80)
    pairs = [Pair(one, scored), Pair(other, unlike)]
    found = worth(Pair(one, scored), perfect(scored), pairs, Scoring(2), "accuracy", (0, 1), KEY).baseline["majority"]
    assert found.validation["accuracy"] == pytest.approx(((scored.y == 0).mean() + (unlike.y == 1).mean()) / 2)


def test_numbers_have_their_mean_and_ridge_regression_in_the_units_of_the_target():
    train, test = numbers_of(0, 300), numbers_of(1, 120)
    scoring = Scoring(1, mean=50.0, deviation=10.0)
    found = worth(Pair(train, test), perfect(test), [Pair(train, test)], scoring, "rmse", (), KEY)
    majority, linear = found.baseline["majority"], found.baseline["linear"]
    mean = 50 + 10 * train.y.mean(dtype=np.float64)
    assert (majority.method, majority.always) == ("mean", pytest.approx(mean))
    y = 50 + 10 * test.y.astype(np.float64)
    assert majority.scores["rmse"] == pytest.approx(metrics.root_mean_squared_error(y, np.full(120, mean)))
    theirs = 50 + 10 * Ridge().fit(train.x.astype(np.float64), train.y).predict(test.x)
    assert linear.scores["rmse"] == pytest.approx(metrics.root_mean_squared_error(y, theirs), rel=1e-5)
    assert set(found.intervals) == {"rmse", "r2"}


@pytest.mark.parametrize("metric", TASK_METRICS["classification"])
def test_a_perfect_network_leads_by_every_metric_and_one_that_says_the_shares_by_none(metric):
    train, test = classes_of(0, 200), classes_of(1, 200)
    scoring = Scoring(2)
    shares = np.tile(np.bincount(train.y) / 200, (200, 1))
    for outputs, is_better in ((perfect(test), True), (shares, False)):
        found = worth(Pair(train, test), outputs, [Pair(train, test)], scoring, metric, ("no", "yes"), KEY)
        lead = found.baseline["majority"].lead
        assert lead.low <= lead.by <= lead.high
        assert (lead.low > 0) is is_better
        said = doubts(metric, scoring.scores(outputs, test.y), found.baseline, {})
        assert bool(said) is not is_better
        assert is_better or "no better than always saying 'no'" in said[0]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), st.sampled_from(TASK_METRICS["classification"]), st.integers(8, 60))
def test_an_interval_holds_its_score_and_stays_in_its_range(seed, metric, m):
    train, test = classes_of(seed, 60), classes_of(seed + 1, m)
    scoring = Scoring(2)
    p = np.random.default_rng(seed).dirichlet((1, 1), size=m)
    found = worth(Pair(train, test), p, [Pair(train, test)], scoring, metric, (0, 1), KEY, share=0.1)
    for name, (low, high) in found.intervals.items():
        least, most = {"mcc": (-1, 1), "log_loss": (0, np.inf)}.get(name, (0, 1))
        assert least <= low <= high <= most
    assert metric == "accuracy" or metric in found.intervals


def test_the_sign_of_a_lead_is_that_of_the_metric():
    assert {metric for names in TASK_METRICS.values() for metric in names if smaller_is_better(metric)} == {
        "log_loss",
        "brier",
        "calibration_error",
        "rmse",
        "mae",
        "mape",
    }


def test_a_metric_that_is_not_defined_on_the_test_rows_is_said():
    train = classes_of(0, 100)
    test = Examples(train.x[:10], np.zeros(10, dtype=np.int32))
    found = worth(Pair(train, test), perfect(test), [Pair(train, train)], Scoring(2), "roc_auc", (0, 1), KEY)
    assert found.baseline["majority"].lead is None
    assert "roc_auc" not in found.baseline["majority"].scores
    [said] = doubts("roc_auc", {}, found.baseline, {"roc_auc": "all rows are of one class"})
    assert said == "ROC AUC is not defined on the sealed test rows: all rows are of one class"
