"""The time that is left to a network: its epochs are trained, measured and saved."""

from __future__ import annotations

from dataclasses import replace

import pytest

from caviar.runs import network
from tests.runs.conftest import CONFIG, Pond


def test_the_time_that_is_left_counts_what_happens_between_epochs(pond: Pond, monkeypatch: pytest.MonkeyPatch):
    """Training takes no time here; each epoch's measurement takes one second, and its snapshot four."""
    pond.run_one(epochs=1)
    setup = network.NetworkSetup(pond.spec(), CONFIG, 0)
    run = pond.runs().run("wine")
    now = [100.0]
    monkeypatch.setattr(network.time, "perf_counter", lambda: now[0])
    trainee = network.NetworkTrainee(replace(run, spec=replace(run.spec, epochs=10)), setup.dataset)
    evaluate = trainee.evaluate

    def slow(*given):
        now[0] += 1.0
        return evaluate(*given)

    monkeypatch.setattr(trainee, "evaluate", slow)
    while trainee.clock.epoch < 3:
        if trainee.advance().values is not None:
            now[0] += 4.0  # the snapshot
    progress = trainee.progress(paused=False)
    assert progress["seconds_left"] == pytest.approx(7 * 5.0)
    assert progress["rows_per_second"] == pytest.approx(trainee.rows / 5.0)
    now[0] += 1000.0
    paused = trainee.progress(paused=True)  # it has said so at once, and then rests
    assert paused["rows_per_second"] == 0.0
    now[0] += 3600.0
    trainee.progress(paused=True)
    while trainee.clock.epoch < 4:
        trainee.advance()
    progress = trainee.progress(paused=False)
    assert progress["rows_per_second"] == pytest.approx(trainee.rows / 1005.0)  # the rest is no time of the epoch
