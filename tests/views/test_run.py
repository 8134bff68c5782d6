"""Facts of a run, against pandas and by laws."""

from __future__ import annotations

import copy
import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caviar.records import Clock, RunMeasurement
from caviar.views.run import best_of, effective, family_of, present_line, run_view_of, smooth
from tests.views.records import RUNS, run_of


def test_rolled_back_epochs_are_not_in_the_line():
    clocks = [Clock(1, 1, 1, 0), Clock(2, 2, 2, 0), Clock(3, 2, 2, 1), Clock(4, 3, 3, 1)]
    line = present_line([RunMeasurement(clock, {}) for clock in clocks])
    assert [m.clock.tick for m in line] == [1, 3, 4]


@given(st.lists(st.floats(-1e6, 1e6) | st.just(math.nan), min_size=1), st.floats(0.1, 0.9))
def test_curves_are_smoothed_as_pandas_does(values: list[float], beta: float):
    """pandas with the NaN left out; each of those keeps the average before it."""
    expected = pd.Series(values).dropna().ewm(alpha=1 - beta, adjust=True).mean().reindex(range(len(values))).ffill()
    assert smooth(values, beta) == pytest.approx(expected.tolist(), rel=1e-6, abs=1e-6, nan_ok=True)


@given(RUNS)
@settings(deadline=None)
def test_views_are_functions_of_records_and_change_none(made):
    before = copy.deepcopy(made)
    run, epochs, diary, facts = made
    view = run_view_of(run, epochs, diary, facts=facts)
    assert repr(made) == repr(before)
    ends = [m.clock.epoch for m in view.line if m.clock.epoch]  # a loop of the user's counts none
    assert ends == sorted(set(ends))  # each epoch once, and in order
    assert not epochs or view.line[-1] is epochs[-1]
    assert len(view.curves.train) == len(view.curves.validation) == len(view.curves.scores) == len(view.line)
    best = best_of(view.line)
    losses = [float(m.values["validation_loss"]) for m in view.line if _is_number(m.values.get("validation_loss"))]
    if losses and all("loss" not in m.values for m in view.line):
        assert float(best.values["validation_loss"]) == min(losses)


def _is_number(value: object) -> bool:
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError):
        return False


def test_the_best_epoch_of_a_program_is_that_of_its_goal():
    epochs = [RunMeasurement(Clock(i, i, i), {"score": s, "loss": s}) for i, s in enumerate((3.0, 1.0, 2.0), start=1)]
    assert best_of(epochs, "maximize").clock.epoch == 1
    assert best_of(epochs, "minimize").clock.epoch == 2
    assert best_of([], "minimize") is None


def test_knobs_without_an_effect_are_left_out():
    knobs = {"optimizer": "momentum", "momentum": 0.9, "beta1": 0.9, "l2": 0.0, "dropout": 0.1, "decay": "inverse"}
    assert effective(knobs) == {"optimizer": "momentum", "momentum": 0.9, "dropout": 0.1}
    assert effective(knobs | {"decay_rate": 0.5}) == effective(knobs) | {"decay": "inverse", "decay_rate": 0.5}


def test_a_family_is_all_that_hang_together():
    runs = [run_of("a"), run_of("b", parent="a"), run_of("other"), run_of("c", parent="b"), run_of("d", parent="a")]
    for asked in "abcd":
        family = family_of(asked, runs, lambda name: [])
        assert [member.record.name for member in family.members] == ["a", "b", "c", "d"]
    assert [member.record.name for member in family_of("other", runs, lambda name: []).members] == ["other"]
