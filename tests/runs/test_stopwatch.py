"""The time of an epoch: trained, measured and saved, and without the pauses. Time stands in a list here."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from caviar.protocol.pool import Pool, Reported
from caviar.records import Run, RunKind, RunSpec
from caviar.runs import stopwatch
from caviar.runs.events import Begun, EpochDone, Noted
from caviar.runs.network import NetworkSetup, NetworkTrainee
from caviar.runs.program import ProgramSetup
from tests.runs.conftest import CONFIG, Pond
from tests.runs.test_program import bowl


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which the test sets."""
    now = [100.0]

    def perf_counter() -> float:
        now[0] += 1e-6  # no two moments are the same
        return now[0]

    monkeypatch.setattr(stopwatch, "time", SimpleNamespace(perf_counter=perf_counter))
    return now


def test_the_time_that_is_left_to_a_network(pond: Pond, now: list[float], monkeypatch: pytest.MonkeyPatch):
    """Training takes no time here; each epoch's measurement takes one second, and its snapshot four."""
    pond.run_one(epochs=1)
    setup = NetworkSetup(pond.spec(), CONFIG, 0)
    run = pond.runs().run("wine")
    trainee = NetworkTrainee(replace(run, spec=replace(run.spec, epochs=10)), setup.dataset)
    evaluate = trainee.evaluate

    def slow(*given):
        now[0] += 1.0
        return evaluate(*given)

    monkeypatch.setattr(trainee, "evaluate", slow)
    while trainee.clock.epoch < 3:
        if trainee.advance().values is not None:
            now[0] += 4.0  # the snapshot
    progress = trainee.progress(paused=False)
    assert progress["seconds_left"] == pytest.approx(7 * 5.0, rel=1e-3)
    assert progress["rows_per_second"] == pytest.approx(trainee.rows / 5.0, rel=1e-3)
    now[0] += 1000.0  # somebody's look at it
    for _ in range(3):
        trainee.rest()
        assert trainee.progress(paused=True)["rows_per_second"] == 0.0
        now[0] += 3600.0
    while trainee.clock.epoch < 4:
        trainee.advance()
    assert trainee.progress(paused=False)["rows_per_second"] == pytest.approx(trainee.rows / 1005.0, rel=1e-3)


def test_the_seconds_of_a_programs_epoch_are_without_its_pauses(
    tmp_path, now: list[float], monkeypatch: pytest.MonkeyPatch
):
    """An epoch takes five seconds, after each of which it is paused for an hour."""
    take = Pool.take

    def slow(pool: Pool, seconds: float):
        event = take(pool, seconds)
        now[0] += 5.0 if isinstance(event, Reported) and event.measured.epoch else 0.0
        return event

    monkeypatch.setattr(Pool, "take", slow)
    (tmp_path / "net.py").write_text(bowl())
    spec = RunSpec(kind=RunKind.PROGRAM, command="python3 net.py", folder=str(tmp_path), epochs=3)
    setup = ProgramSetup(spec, {"learning_rate": 0.1}, 0)
    facts = {"data": setup.data, "environment": setup.environment, "created": "2026-01-01T00:00:00+00:00"}
    run = Run(name="net", seed=0, spec=setup.spec, config=setup.config, **facts)
    seconds = []
    with setup.trainee(run, 1, tmp_path) as trainee:
        while len(seconds) < 3:
            step = trainee.advance()
            if step is not None and step.values is not None:
                seconds.append(step.values["seconds"])
                for _ in range(3):
                    trainee.rest()
                    left = trainee.progress(paused=True)["seconds_left"]
                    assert left == pytest.approx((3 - len(seconds)) * 5.0, abs=0.01)
                    now[0] += 1200.0
    assert seconds == pytest.approx([5.0, 5.0, 5.0], abs=0.01)


def test_the_loop_lets_a_paused_run_rest(pond: Pond, now: list[float]):
    """An hour passes between its pause and its going on."""
    epochs, ask = [], None
    for event in pond.begin(epochs=4):
        if isinstance(event, Begun):
            ask = event.ask
        elif isinstance(event, EpochDone):
            epochs.append(event.measurement.values)
            if len(epochs) == 2:
                ask("pause", {})
        elif isinstance(event, Noted) and event.entry.kind == "pause":
            now[0] += 3600.0
            ask("resume", {})
    assert [round(values["seconds"] / 3600.0) for values in epochs] == [0, 0, 0, 0]  # hours of the test's own time
