"""Rank keys of trials."""

from __future__ import annotations

import math
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caviar.records import Trial, TrialState
from caviar.records.ranking import UNRANKED, WORST, rank_key, rank_key_of, smoothed


def recursion(scores: list[float]) -> float:
    """The course's form, value and weight side by side: what every study until now was decided by."""
    average, weight = 0.0, 0.0
    for score in scores[:-1]:
        if math.isfinite(score):
            average, weight = 0.5 * average + 0.5 * score, 0.5 * weight + 0.5
    return (0.5 * average + 0.5 * scores[-1]) / (0.5 * weight + 0.5)


@pytest.mark.parametrize(("metric", "sign"), [("score", 1), ("loss", -1)])
@pytest.mark.parametrize("loss", [None, math.nan, 3.0])
def test_other_peoples_code_need_not_report_a_loss(metric: str, sign: int, loss: float | None):
    trial = Trial(0, {}, TrialState.STOPPED, 3, 0.7, loss)
    assert rank_key_of(metric, trial) == rank_key(metric, 0.7, loss) == (sign * 0.7, 0.0)
    assert rank_key_of("accuracy", trial) == (WORST if loss != 3.0 else (0.7, -3.0))
    for state in UNRANKED:
        assert rank_key_of(metric, trial._replace(state=state)) == WORST
    assert rank_key_of(metric, trial._replace(score=None)) == WORST


@given(st.lists(st.floats(), min_size=1, max_size=90))
def test_scores_are_smoothed_to_the_same_bit(scores):
    found, before = smoothed(array("d", scores)), recursion(scores)
    assert found == before or (math.isnan(found) and math.isnan(before))


@pytest.mark.parametrize("epochs", [53, 54, 55, 1100, 3000])
def test_so_they_are_after_thousands_of_epochs(epochs):
    scores = [math.sin(epoch) for epoch in range(epochs)]
    assert smoothed(scores) == recursion(scores)


def test_a_steady_score_is_itself_and_the_last_epoch_has_half_of_the_weight_or_more():
    assert smoothed([0.8] * 9) == pytest.approx(0.8, rel=1e-15)
    assert smoothed([0.0, 1.0]) == pytest.approx(2 / 3)
    assert smoothed([math.nan, math.inf, 0.25]) == 0.25
    assert math.isnan(smoothed([0.5, math.nan]))
