"""The best of the epochs, while they come and go: as if all were looked at."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from caviar.records import Clock, RunMeasurement
from caviar.records.line import best_of
from caviar.runs.epochs import Epochs, validation_loss
from caviar.runs.line import Line

LOSSES = st.one_of(st.integers(0, 5).map(float), st.sampled_from([math.nan, math.inf]))
ACTS = st.lists(st.one_of(LOSSES, st.none(), st.just("ask")), max_size=40)  # an epoch, a rollback of one, a question


@given(ACTS)
def test_the_best_is_that_of_a_look_at_all(acts: list[object]):
    epochs, plain = Epochs(), []
    for act in acts:
        if act == "ask":
            for first in range(len(plain) + 1):
                measured = [i for i in range(first) if math.isfinite(plain[i])]
                best = min(measured, key=plain.__getitem__, default=None)
                assert epochs.best(validation_loss, first) == best
                assert epochs.lowest(validation_loss, first) == (math.inf if best is None else plain[best])
        elif act is not None:
            plain.append(act)
            epochs.append({"validation_loss": act})
        elif plain:
            plain.pop()
            epochs.pop()
    assert len(epochs) == len(plain)


@given(st.lists(st.tuples(st.integers(1, 9), LOSSES), max_size=30))
def test_the_best_of_a_line_is_that_of_all_its_epochs(measured: list[tuple[int, float]]):
    line = Line("")
    for tick, (epoch, loss) in enumerate(measured):
        line.add(RunMeasurement(Clock(epoch, epoch, tick), {"validation_loss": loss}))
        assert line.best == best_of(line.measured)


def test_an_epoch_costs_what_the_first_one_did():
    looks = 0

    def counted(values: dict[str, float]) -> float:
        nonlocal looks
        looks += 1
        return values["validation_loss"]

    epochs = Epochs()
    for i in range(1000):
        epochs.append({"validation_loss": abs(500.0 - i)})
        epochs.best(counted)
        epochs.lowest(counted, max(len(epochs) - 10, 0))
    assert looks < 10 * 1000
