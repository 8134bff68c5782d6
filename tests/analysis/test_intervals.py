"""Intervals beside SciPy's, and how often they hold the truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, t

from caviar.analysis import intervals
from caviar.analysis.intervals import of_mean, of_metric, of_share
from caviar.randomness import Purpose, stream_key
from caviar.study.check import FOLDS, REPEATS

KEY = stream_key(0, Purpose.INTERVAL)


@given(st.integers(1, 5000).flatmap(lambda rows: st.tuples(st.integers(0, rows), st.just(rows))))
def test_the_interval_of_a_share_is_wilsons(counts):
    right, rows = counts
    expected = binomtest(right, rows).proportion_ci(0.95, method="wilson")
    assert of_share(right, rows) == (pytest.approx(expected.low, abs=1e-12), pytest.approx(expected.high, abs=1e-12))


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=max(FOLDS, REPEATS)))
def test_the_interval_of_a_mean_is_students(scores):
    spread = np.std(scores, ddof=1)
    low, high = of_mean(scores)
    if spread < 1e-9:
        assert (low, high) == (pytest.approx(np.mean(scores)), pytest.approx(np.mean(scores)))
        return
    expected = t.interval(0.95, len(scores) - 1, loc=np.mean(scores), scale=spread / len(scores) ** 0.5)
    assert (low, high) == (pytest.approx(expected[0], abs=1e-9), pytest.approx(expected[1], abs=1e-9))


def test_one_score_has_no_interval():
    assert of_mean([0.5]) is None


@pytest.mark.parametrize("rows", [300, 20_000])
def test_a_bootstrap_of_the_mean_is_as_wide_as_the_theory_says_also_where_fewer_rows_are_drawn(rows):
    y = np.random.default_rng(rows).normal(size=rows)
    low, high = of_metric(lambda chosen: np.array([y[chosen].mean(), 2 * y[chosen].mean()]), rows, 1, KEY)
    width = 2 * 1.96 * y.std() / rows**0.5
    assert high[0] - low[0] == pytest.approx(width, rel=0.15)
    assert high - low == pytest.approx([high[0] - low[0], 2 * (high[0] - low[0])])
    assert low[0] < y.mean() < high[0]


def test_resamples_without_a_value_are_left_out(monkeypatch):
    monkeypatch.setattr(intervals, "_RESAMPLES", 200)
    is_rare = np.arange(30) == 3  # a third of the resamples does not have it

    def rare(chosen):
        found = is_rare[chosen]
        return np.array([float(found.mean()) if found.any() else np.nan, np.nan])

    low, high = of_metric(rare, 30, 1, KEY)
    assert 0 < low[0] <= 1 / 30 <= high[0]
    assert np.isnan([low[1], high[1]]).all()
