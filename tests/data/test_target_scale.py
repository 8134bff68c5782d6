"""Scales of a target: there and back, rising, finite within and far beyond training; damage refused."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, rankdata

from caviar.data.dataset import ChosenScale, prepare
from caviar.data.preprocessing import Preprocessing
from caviar.data.read import read
from caviar.data.target_scale import KNOTS, PLAIN, SCALES, TargetScale, check_target_scale, learn_scale
from caviar.errors import ConfigError, DataError, ModelError

NUMBER = st.floats(-1e6, 1e6).map(lambda y: round(y, 3))
TARGETS = st.lists(st.one_of(NUMBER, st.just(0.0)), min_size=2, max_size=60).filter(lambda y: min(y) < max(y))
BENT = st.sampled_from(SCALES[1:])
FAR = st.floats(-1e15, 1e15)


@given(BENT, TARGETS, FAR)
def test_a_number_comes_back_within_training_and_far_beyond_it(name: str, target: list[float], far: float):
    scale = learn_scale(name, np.array(target))
    numbers = np.array([*target, far, -far])
    u = scale.encode(numbers)
    assert np.isfinite(u).all()
    width = max(target) - min(target) + np.abs(target).max()
    np.testing.assert_allclose(scale.decode(u), numbers, rtol=1e-9, atol=1e-9 * width)


@given(BENT, TARGETS, st.lists(FAR, min_size=2, max_size=20), st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=20))
def test_the_order_stays_there_and_back(name: str, target: list[float], numbers: list[float], scaled: list[float]):
    scale = learn_scale(name, np.array(target))
    own = np.unique(target)
    assert (np.diff(scale.encode(own)) > 0).all()
    for line, knots in ((scale.encode(np.sort(numbers)), scale.encode(own)), (scale.decode(np.sort(scaled)), own)):
        assert np.isfinite(line).all()
        assert (np.diff(line) >= -1e-12 * np.abs([*line, *knots]).max()).all()


@given(TARGETS)
def test_the_log_is_that_of_the_formula_and_a_straight_line_beyond_training(target: list[float]):
    y = np.array(target)
    unit, most = np.median(np.abs(y[y != 0])), np.abs(y).max()
    scale = learn_scale("log", y)
    np.testing.assert_allclose(scale.encode(y), np.sign(y) * np.log(1 + np.abs(y) / unit), rtol=1e-9, atol=1e-12)
    assert scale.encode(0.0) == scale.decode(0.0) == 0
    there, once, twice = scale.encode(most), scale.encode(2 * most), scale.encode(3 * most)
    assert twice - once == pytest.approx(once - there)
    assert once - there == pytest.approx(most / (unit + most))  # the slope of the log at its end


@given(st.lists(NUMBER, min_size=2, max_size=KNOTS).filter(lambda y: min(y) < max(y)))
def test_quantiles_of_few_rows_are_normal_scores_of_their_mean_ranks(target: list[float]):
    y = np.array(target)
    wanted = norm.ppf((rankdata(y) - 0.5) / len(y))
    np.testing.assert_allclose(learn_scale("quantile", y).encode(y), wanted, atol=1e-9)


def test_quantiles_of_many_rows_are_those_of_few_knots_the_ends_among_them():
    y = np.random.default_rng(0).lognormal(sigma=3, size=20_000)
    scale = learn_scale("quantile", y)
    assert len(scale.values) <= KNOTS
    assert (scale.values[0], scale.values[-1]) == (y.min(), y.max())
    inner = (y > np.quantile(y, 0.005)) & (y < np.quantile(y, 0.995))
    np.testing.assert_allclose(scale.encode(y)[inner], norm.ppf((rankdata(y)[inner] - 0.5) / len(y)), atol=0.05)


@pytest.mark.parametrize("name", SCALES)
def test_a_target_is_standardised_on_its_scale_and_the_record_keeps_it(name: str):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(300, 2)), columns=["a", "b"])
    frame["y"] = np.where(rng.random(300) < 0.1, 0.0, rng.lognormal(3, 2, 300)).round(2)
    data = prepare(read(frame, "y"), 0, choose=lambda *_: ChosenScale(name, ("chosen",)))
    learned = data.preprocessing
    assert data.train.y.mean(dtype=np.float64) == pytest.approx(0, abs=1e-6)
    assert data.train.y.std(dtype=np.float64) == pytest.approx(1, abs=1e-6)
    assert "chosen" in data.warnings
    kept = Preprocessing.from_dict(json.loads(json.dumps(learned.to_dict())))
    assert kept == learned
    assert kept.target_scale.name == name
    numbers = sorted(kept.decode(np.concatenate([data.train.y, data.validation.y, data.test.open().y])).round(2))
    np.testing.assert_allclose(numbers, sorted(frame.y), rtol=1e-4, atol=0.02)
    if name == "plain":
        assert "target_scale" not in learned.to_dict()  # as it was before there were scales
        assert learned == prepare(read(frame, "y"), 0).preprocessing


def test_rows_that_are_alike_on_a_scale_are_refused():
    frame = pd.DataFrame({"a": np.arange(60.0), "y": 1e12 + np.arange(60) / 10})
    with pytest.raises(DataError, match="the same in every training row") as error:
        prepare(read(frame, "y"), 0, choose=lambda *_: ChosenScale("log"))
    assert 'target_scale="plain"' in error.value.way_out


@pytest.mark.parametrize(
    "damaged",
    [
        {"name": "cubic"},
        {"name": "log", "unit": 0.0},
        {"name": "log", "furthest": math.inf},
        {"name": "quantile"},
        {"name": "quantile", "values": [0.0, 0.0], "scores": [0.0, 1.0]},
        {"name": "quantile", "values": [0.0, math.inf], "scores": [0.0, 1.0]},
        {"name": "quantile", "values": [0.0, 1.0], "scores": [0.0, 1.0, 2.0]},
    ],
)
def test_what_no_scale_has_is_refused(damaged: dict[str, object]):
    frame = pd.DataFrame({"a": np.arange(60.0), "y": np.arange(60) / 7})
    record = prepare(read(frame, "y"), 0).preprocessing.to_dict()
    with pytest.raises(ModelError, match="damaged"):
        Preprocessing.from_dict({**record, "target_scale": damaged})


def test_a_scale_that_there_is_not_is_refused_and_the_nearest_proposed():
    with pytest.raises(ConfigError, match="plain, log or quantile") as error:
        check_target_scale("quantiles")
    assert "quantile" in error.value.way_out
    check_target_scale(None)
    assert TargetScale.from_dict({}) == PLAIN
