"""Differences of scores on the same rows beside theory and brute force; the laws of the verdict."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from caviar.analysis.intervals import of_metric
from caviar.analysis.retest import (
    LEAST,
    Sample,
    against_weights,
    difference,
    luck_of,
    margin_of,
    of_trainings,
    rows_needed,
    verdict,
    written,
)
from caviar.randomness import Purpose, stream_key
from caviar.records.retest import KEEP, RETRAIN, RETUNE, UNCLEAR, Difference

KEY = stream_key(0, Purpose.RETEST)


def of(
    mean: float, half: float, margin: float = 0.01, rows: int = 1000, by_luck: float = 0.0, by_old: float = 0.0
) -> Difference:
    by_rows = math.sqrt(max(half**2 - by_luck**2, 0.0))
    return Difference(
        mean=mean,
        low=mean - half,
        high=mean + half,
        margin=margin,
        rows=rows,
        by_rows=by_rows,
        by_luck=by_luck,
        by_old=max(by_luck, by_old),
        score=0.9,
        other=0.9 - mean,
    )


def test_the_interval_of_a_difference_of_accuracies_is_that_of_paired_rows():
    rng = np.random.default_rng(1)
    a, b = rng.random(2000) < 0.9, rng.random(2000) < 0.85
    found = difference(
        "accuracy", lambda r: float(a[r].mean()), lambda r: float(b[r].mean()), (0.0, 0.0), 0.01, Sample(2000, 2, KEY)
    )
    paired = a.astype(float) - b.astype(float)
    assert found.mean == pytest.approx(paired.mean())
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * paired.std() / 2000**0.5, rel=0.15)
    assert (found.score, found.other) == (a.mean(), b.mean())


def test_of_losses_the_smaller_one_is_better_and_luck_widens_in_quadrature():
    a, b = np.full(500, 0.2), np.linspace(0.2, 0.4, 500)
    plain, lucky = (
        difference(
            "log_loss",
            lambda r: float(a[r].mean()),
            lambda r: float(b[r].mean()),
            (luck, luck),
            0.01,
            Sample(500, 1, KEY),
        )
        for luck in (0.0, 0.05)
    )
    assert plain.mean == pytest.approx(0.1)
    assert plain.low > 0
    assert lucky.mean - lucky.low == pytest.approx(math.hypot(plain.mean - plain.low, 0.05))
    assert lucky.high - lucky.mean == pytest.approx(math.hypot(plain.high - plain.mean, 0.05))


def test_rows_that_stand_together_are_drawn_together():
    y = np.random.default_rng(2).normal(size=300)
    four = np.repeat(y, 4)
    alone = of_metric(lambda rows: np.array([y[rows].mean()]), 300, 1, KEY)
    doubled = of_metric(lambda rows: np.array([four[rows].mean()]), 1200, 1, KEY, np.repeat(np.arange(300), 4))
    naive = of_metric(lambda rows: np.array([four[rows].mean()]), 1200, 1, KEY)
    width = alone[1][0] - alone[0][0]
    assert doubled[1][0] - doubled[0][0] == pytest.approx(width, rel=0.15)
    assert naive[1][0] - naive[0][0] == pytest.approx(width / 2, rel=0.15)


@pytest.mark.parametrize("luck", [0.0, 0.03])
def test_the_luck_of_trainings_is_kept_apart_from_that_of_rows(luck: float):
    """K networks of accuracies 0.85 + luck: in the mean the estimate of the variance holds."""
    found = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        right = rng.random((5, 600)) < (0.85 + luck * rng.normal(size=5))[:, None]
        sample = Sample(600, 1, stream_key(seed, Purpose.RETEST))
        s, with_rows = luck_of(lambda rows, right=right: right[:, rows].mean(axis=1), sample)
        assert with_rows == pytest.approx(right.mean(axis=1).std(ddof=1))
        assert 0 < s <= with_rows
        found.append(s**2)
    assert np.mean(found) == pytest.approx(luck**2, abs=1.5e-4 if not luck else 3e-4)


@given(st.integers(2, 5), st.floats(0, 1))
def test_half_widths_are_those_of_student(trainings: int, s: float):
    point = t.ppf(0.975, trainings - 1)
    assert against_weights(s, trainings) == pytest.approx(point * s * math.sqrt(1 + 1 / trainings))
    share = 1 / trainings + 1 / (trainings - 1)
    assert of_trainings(s, trainings) == pytest.approx(point * s * math.sqrt(share))


differences = st.builds(of, st.floats(-0.1, 0.1), st.floats(1e-4, 0.1))


@given(differences, differences, differences)
def test_nothing_is_done_without_a_clear_difference_and_nothing_kept_with_one(weights, configs, both):
    name, rests_on = verdict({"weights": weights, "configs": configs, "both": both})
    named = {"weights": weights, "configs": configs, "both": both}
    if name == RETUNE:
        assert configs.acts
        assert both.acts
    elif name == RETRAIN:
        assert weights.acts
        assert rests_on == "weights"
    elif name == KEEP:
        assert not weights.acts
        assert weights.keeps
        assert both.keeps
    else:
        assert name == UNCLEAR
        assert not named[rests_on].keeps
    for one in named.values():
        assert not (one.acts and one.keeps)


@given(differences)
def test_without_old_weights_the_configs_alone_are_judged(configs):
    name, _ = verdict({"configs": configs})
    assert name == (RETUNE if configs.acts else KEEP if configs.keeps else UNCLEAR)
    assert verdict({}) == (UNCLEAR, None)
    name, rests_on = verdict({"both": configs})  # the old configs diverge
    assert (name, rests_on) == (RETUNE if configs.acts else KEEP if configs.keeps else UNCLEAR, "both")


def test_a_difference_that_the_luck_of_old_weights_explains_is_no_reason_to_act():
    assert of(0.05, 0.02).acts
    assert not of(0.05, 0.02, by_old=0.06).acts
    assert not of(0.05, 0.02, by_old=0.06).keeps
    assert of(-0.05, 0.02, by_old=0.06).keeps


@given(st.floats(-0.05, 0.05), st.floats(0.001, 0.1), st.floats(0.0, 0.02), st.floats(0.0, 0.04))
def test_with_the_rows_that_are_needed_it_is_clear(mean: float, by_rows: float, by_luck: float, by_old: float):
    one = of(mean, math.hypot(by_rows, by_luck), by_luck=by_luck, by_old=by_old)
    rows = rows_needed(one)
    if rows is None or one.acts or one.keeps:
        return
    assert rows > one.rows
    half = math.hypot(one.by_rows * math.sqrt(one.rows / (1.001 * rows + 1)), by_luck)
    then = of(mean, half, by_luck=by_luck, by_old=by_old)
    assert then.acts or then.keeps


def test_a_margin_is_a_share_of_what_is_lacking():
    assert margin_of("accuracy", 0.9) == pytest.approx(0.01)
    assert margin_of("accuracy", 1.0) == LEAST
    assert margin_of("rmse", 4.0) == pytest.approx(0.2)


def test_a_difference_in_words():
    assert written(of(0.02, 0.01), "accuracy") == "better by 0.02 accuracy (95 %: 0.01 to 0.03) on 1,000 rows"
    assert written(of(-0.02, 0.01), "accuracy") == "worse by 0.02 accuracy (95 %: 0.01 to 0.03) on 1,000 rows"
