"""The epochs that count, against a slow definition, and the best of them."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from caviar.records import Clock, RunMeasurement
from caviar.records.line import best_of, judged_by, present_line
from caviar.runs.line import Line

CLOCKS = st.builds(Clock, st.integers(0, 99), st.integers(0, 20), st.integers(0, 8), st.integers(0, 3))
MEASUREMENTS = st.lists(st.builds(RunMeasurement, CLOCKS, st.just({"loss": 1.0})), max_size=20)


def undone(one: Clock, later: Clock) -> bool:
    """A later measurement of the same epoch or of one before undoes an epoch; of a loop, of the same step."""
    if one.epoch or later.epoch:
        return later.epoch <= one.epoch
    return later.step <= one.step


@given(MEASUREMENTS)
def test_what_no_later_measurement_undoes_is_in_the_line(measurements: list[RunMeasurement]) -> None:
    wanted = [m for i, m in enumerate(measurements) if not any(undone(m.clock, o.clock) for o in measurements[i + 1 :])]
    assert present_line(measurements) == wanted
    assert Line("", measurements).measured == wanted


@given(MEASUREMENTS, st.integers(0, 8))
def test_a_line_goes_back_and_its_values_with_it(measurements: list[RunMeasurement], epoch: int) -> None:
    line = Line("", measurements)
    line.back_to(epoch)
    assert [m.clock.epoch for m in line.measured] == [e["epoch"] for e in line.epochs]
    assert all(m.clock.epoch <= epoch for m in line.measured)
    assert line.measured == [m for m in present_line(measurements) if m.clock.epoch <= epoch]


def test_an_epoch_of_fewer_or_more_mini_batches_takes_the_place_of_the_undone_one() -> None:
    """After a rollback the mini-batch was turned: the same epoch ends at another step."""
    for step in (10, 30):
        line = present_line([RunMeasurement(Clock(20, 20, 2), {}), RunMeasurement(Clock(40, step, 2), {})])
        assert [m.clock.step for m in line] == [step]


def test_the_number_that_epochs_are_judged_by() -> None:
    assert judged_by({"score": 1, "validation_loss": 1, "loss": 1}, "minimize") == "score"
    assert judged_by({"score": 1, "validation_loss": 1, "loss": 1}, "") == "validation_loss"
    assert judged_by({"score": 1, "loss": 1}, "") == "loss"
    assert judged_by({"score": 1}, "") is None


def test_what_is_no_number_is_not_the_best() -> None:
    values = [math.nan, "many", 2.0, 1.0, 1.0, math.inf]
    epochs = [RunMeasurement(Clock(i, i, i), {"validation_loss": v}) for i, v in enumerate(values, start=1)]
    best = best_of(epochs)
    assert best is not None
    assert best.clock.epoch == 4  # the first of equals
    assert best_of(epochs[:2]) is None


def test_patience_counts_epochs_since_the_best() -> None:
    losses = (3.0, 1.0, 2.0, 1.5)
    line = Line("", [RunMeasurement(Clock(i, i, i), {"validation_loss": v}) for i, v in enumerate(losses, start=1)])
    assert line.lost_patience(None) == line.lost_patience(3) == ""
    assert line.lost_patience(2).startswith("epoch 2 has the best validation loss, 1, and 2 epochs since")
    assert Line("").lost_patience(1) == ""
