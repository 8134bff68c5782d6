"""Linear models beside scikit-learn's, on real tables and on odd ones."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import datasets
from sklearn.linear_model import LogisticRegression, Ridge

from caviar.analysis import linear


def standardised(x: np.ndarray) -> np.ndarray:
    return ((x - x.mean(axis=0)) / np.where(x.std(axis=0) > 0, x.std(axis=0), 1)).astype(np.float32)


@pytest.mark.parametrize("load", [datasets.load_digits, datasets.load_wine, datasets.load_breast_cancer])
def test_logistic_regression_is_that_of_scikit_learn(load):
    x, y = load(return_X_y=True)
    x = standardised(x)
    mine = linear.logistic(x, y.astype(np.int32), len(np.unique(y)))
    theirs = LogisticRegression(max_iter=5000, tol=1e-8).fit(x.astype(np.float64), y)
    assert mine.rows == len(y)
    assert np.abs(mine.outputs(x) - theirs.predict_proba(x.astype(np.float64))).max() < 1e-3


@pytest.mark.parametrize(("m", "n"), [(300, 4), (40, 90)])
def test_ridge_regression_is_that_of_scikit_learn_also_with_more_columns_than_rows(m, n):
    rng = np.random.default_rng(m)
    x = rng.normal(1, 1, size=(m, n)).astype(np.float32)
    y = (x[:, 0] - 2 * x[:, 1] + rng.normal(size=m) + 5).astype(np.float32)
    mine, theirs = linear.ridge(x, y), Ridge().fit(x.astype(np.float64), y)
    assert mine.outputs(x)[:, 0] == pytest.approx(theirs.predict(x.astype(np.float64)), abs=1e-6)


def test_of_many_rows_evenly_spaced_ones_are_taken_so_that_a_sorted_table_has_all_of_its_classes(monkeypatch):
    monkeypatch.setattr(linear, "_CELLS", 400)
    monkeypatch.setattr(linear, "_SQUARES", 800)
    x = np.repeat(np.arange(4.0, dtype=np.float32), 500)[:, None] - 1.5
    classes = np.repeat(np.arange(4, dtype=np.int32), 500)
    found = linear.logistic(np.hstack([x, x**2]), classes, 4)
    assert found.rows == 200
    assert (found.outputs(np.hstack([x, x**2])).argmax(axis=1) == classes).all()
    numbers = linear.ridge(x, classes.astype(np.float32))
    assert numbers.rows == 800
    assert numbers.outputs(x)[:, 0] == pytest.approx(classes, abs=0.05)


@pytest.mark.parametrize("scale", [0.0, 1e-20, 1e6])
def test_columns_of_any_size_give_finite_probabilities(scale):
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(60, 3)) * scale).astype(np.float32)
    y = rng.integers(3, size=60).astype(np.int32)
    p = linear.logistic(x, y, 3).outputs(x)
    assert np.isfinite(p).all()
    assert p.sum(axis=1) == pytest.approx(np.ones(60))


def test_a_class_without_rows_gets_hardly_any_probability():
    x = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    p = linear.logistic(x, (x[:, 0] > 0).astype(np.int32), 3).outputs(x)
    assert p[:, 2].max() < 0.05
