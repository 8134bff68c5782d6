"""Facts of a run's page: columns of equal length, and knobs that a turn would take."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings

from caviar.learners.dense.knobs import KNOBS
from caviar.records import Clock, RunKind, RunMeasurement
from caviar.views.run import Family, run_view_of
from caviar.views.run_page import inside_of, knobs_of, run_page_of
from tests.views.records import RUNS, run_of


def look(norm: float) -> dict[str, float]:
    names = ("gradient_norm", "update_to_weight", "activation_std", "dead", "saturated", "drift")
    return dict.fromkeys(names, norm)


@given(RUNS)
@settings(deadline=None)
def test_every_column_has_a_member_a_row(made):
    run, epochs, diary, facts = made
    page = run_page_of(run_view_of(run, epochs, diary, facts), (), Family(run.name, ()))
    columns = [page.undone, page.train, page.validation, *(c for measure in page.inside.values() for c in measure)]
    assert {len(column) for column in columns} == {len(epochs)}
    assert page.undone.count(False) == len(page.view.line)
    assert all(math.isnan(loss) for loss, undone in zip(page.train, page.undone, strict=True) if undone)


def test_epochs_that_a_rollback_has_undone_are_marked():
    clocks = [Clock(1, 1, 1, 0), Clock(2, 2, 2, 0), Clock(3, 3, 3, 0), Clock(4, 2, 2, 1)]
    rows = [RunMeasurement(clock, {"loss": float(clock.tick)}) for clock in clocks]
    page = run_page_of(run_view_of(run_of(), rows, ()), (), Family("net", ()))
    assert page.undone == (False, True, True, False)
    assert page.train[0] == pytest.approx(1.0)
    assert 1.0 < page.train[3] < 4.0  # smoothed with what is before it in the network, not with what was undone


def test_the_inside_has_a_column_a_layer():
    rows = [
        RunMeasurement(Clock(1, 1, 1), {"inside": [look(1.0), look(2.0)]}),
        RunMeasurement(Clock(2, 2, 2), {}),
        RunMeasurement(Clock(3, 3, 3), {"inside": [look(3.0), look(4.0)]}),
    ]
    inside = inside_of(rows)
    assert inside["gradient_norm"][0] == pytest.approx((1.0, math.nan, 3.0), nan_ok=True)
    assert inside["gradient_norm"][1] == pytest.approx((2.0, math.nan, 4.0), nan_ok=True)
    assert all(math.isnan(value) for value in inside["drift"][1])  # the output layer has no batch norm
    assert inside_of(rows[1:2]) == {}


def test_a_knob_stands_within_its_limits():
    standing = {"learning_rate": 0.01, "optimizer": "sgd", "momentum": 0.9, "batch_size": 64, "l2": 0.0}
    knobs = {knob.name: knob for knob in knobs_of(run_of(progress={"knobs": standing}))}
    assert {name: knob.scale for name, knob in knobs.items()} == {
        "learning_rate": "log",
        "optimizer": "choices",
        "momentum": "one_minus_log",
        "batch_size": "integer",
        "l2": "linear",
    }
    assert [name for name, knob in knobs.items() if not knob.is_effective] == ["momentum", "l2"]
    for name, knob in knobs.items():
        offered = knob.choices or (knob.low, knob.high)
        assert all(KNOBS[name].contains(int(value) if knob.scale == "integer" else value) for value in offered)


def test_knobs_of_a_program_are_of_the_kind_that_they_are():
    config = {"lr": 0.1, "learning_rate": 0.1, "bright": True, "mode": "a", "shape": (2, 3), "none": None}
    knobs = {knob.name: knob for knob in knobs_of(run_of(kind=RunKind.PROGRAM, config=config))}
    assert {name: knob.scale for name, knob in knobs.items()} == {
        "lr": "number",
        "learning_rate": "log",
        "bright": "choices",
        "mode": "text",
        "shape": "fixed",
        "none": "fixed",
    }
