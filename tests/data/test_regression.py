"""A numeric target: which task a column asks for, its split, its standardisation."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import datasets
from sklearn.preprocessing import StandardScaler

from caviar.data import samples
from caviar.data.dataset import prepare
from caviar.data.labels import task_of, tidy_labels
from caviar.data.learning import learn
from caviar.data.preprocessing import Preprocessing
from caviar.data.read import read
from caviar.data.split import split_numbers
from caviar.errors import ConfigError, DataError, ModelError
from caviar.records.metrics import metric_for
from caviar.records.ranking import rank_key

X = np.random.default_rng(0).normal(size=(100, 3))


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (np.arange(100) % 3, "classification"),
        (["a", "b"] * 50, "classification"),
        ([True, False] * 50, "classification"),
        ((np.arange(100) % 20).astype(float), "classification"),
        (np.arange(100) % 3 / 2, "regression"),
        (np.arange(100), "regression"),
        (np.arange(100) * 1e20, "regression"),
    ],
)
def test_the_column_decides(values: object, task: str) -> None:
    assert task_of(tidy_labels(pd.Series(values))) == task
    assert prepare(read((X, values)), seed=0).facts["task"] == task


def test_the_user_decides() -> None:
    many, few = pd.Series(np.arange(100)), pd.Series(np.arange(100) % 3)
    assert task_of(many, "classification") == "classification"
    assert task_of(few, "regression") == "regression"
    assert prepare(read((X, few)), seed=0, task="regression").train.y.dtype == np.float32
    with pytest.raises(ConfigError, match="regresion"):
        task_of(few, "regresion")


@pytest.mark.parametrize(
    ("values", "task", "words"),
    [
        ([0.5, np.nan] * 50, None, "50 of 100 rows have none"),
        ([0.5, np.inf] * 50, None, "finite"),
        ([0.5] * 100, None, "must differ"),
        ([3] * 100, "regression", "must differ"),
        (["a", "b"] * 50, "regression", "must be numbers"),
        ([0.5, 1.0] * 50, "classification", '`task="regression"`'),
    ],
)
def test_what_cannot_be_a_target(values: object, task: str | None, words: str) -> None:
    with pytest.raises(DataError) as error:
        prepare(read((X, values)), seed=0, task=task)
    assert words in str(error.value)
    assert len(str(error.value).splitlines()) == 2


@settings(deadline=None)
@given(
    y=st.lists(st.floats(-1e6, 1e6), min_size=6, max_size=200),
    seed=st.integers(0, 2**64 - 1),
    test=st.booleans(),
)
def test_parts_of_numbers_are_disjoint_and_complete(y: list[float], seed: int, test: bool) -> None:
    try:
        parts = split_numbers(np.array(y), seed, test)
    except DataError:
        assert len(y) < 20
        return
    found = np.concatenate([parts.train, parts.validation, parts.test])
    assert np.array_equal(np.sort(found), np.arange(len(y)))


def test_every_tenth_is_in_every_part() -> None:
    y = np.random.default_rng(0).exponential(size=1000)
    parts = split_numbers(y, seed=3)
    tenth = np.argsort(np.argsort(y)) // 100
    for part, rows in ((parts.train, 60), (parts.validation, 20), (parts.test, 20)):
        assert (np.bincount(tenth[part], minlength=10) == rows).all()


def test_the_target_is_standardised_on_the_training_part() -> None:
    y = np.random.default_rng(1).normal(1e6, 3, 100)
    dataset = prepare(read((X, y)), seed=0)
    rows = split_numbers(y, 0).train
    scaler = StandardScaler().fit(y[rows, None])
    np.testing.assert_allclose(dataset.train.y, scaler.transform(y[rows, None])[:, 0], rtol=1e-5, atol=1e-5)
    learned = dataset.preprocessing
    np.testing.assert_allclose(learned.decode(learned.encode(pd.Series(y))), y, rtol=1e-9)
    assert learned.n_out == 1
    assert learned.classes == ()


def test_kept_as_json() -> None:
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    numbers = learn(frame, pd.Series(X[:, 0] + 0.25), regression=True)
    assert Preprocessing.from_dict(json.loads(json.dumps(numbers.to_dict()))) == numbers
    classes = learn(frame, pd.Series(np.arange(100) % 2))
    old = json.loads(json.dumps(classes.to_dict()))
    assert "target_mean" not in old, "files of classes stay as they were"
    assert Preprocessing.from_dict(old) == classes
    good = numbers.to_dict()
    for change in ({"target_deviation": 0.0}, {"target_mean": float("nan")}, {"classes": ["a"]}):
        with pytest.raises(ModelError):
            Preprocessing.from_dict(good | change)
    with pytest.raises(ModelError):
        Preprocessing.from_dict({k: v for k, v in good.items() if k != "target_deviation"})
    with pytest.raises(ModelError):
        classes.decode([0.0])


def test_diabetes_as_scikit_learn_loads_it() -> None:
    table, oracle = samples.diabetes(), datasets.load_diabetes(scaled=False)
    assert np.array_equal(table.frame.to_numpy(), oracle.data)
    assert list(table.frame.columns) == oracle.feature_names
    assert table.target is not None
    assert np.array_equal(table.target, oracle.target)


def test_metrics_by_task() -> None:
    assert metric_for("regression") == "r2"
    assert metric_for("classification") == "accuracy"
    assert rank_key("r2", 0.5, 1.0) > rank_key("r2", 0.4, 1.0)
    assert rank_key("rmse", 0.4, 1.0) > rank_key("rmse", 0.5, 1.0)
    assert rank_key("mae", 0.4, 1.0) > rank_key("mae", 0.5, 1.0)
    with pytest.raises(ConfigError, match="not for classification"):
        metric_for("classification", "mae")
