"""Runs in the store: the same on every back end."""

from __future__ import annotations

import math
from dataclasses import replace
from unittest.mock import patch

import pytest

from caviar.errors import Fenced, StoreError
from caviar.records import (
    Clock,
    DiaryEntry,
    InterventionState,
    RunMeasurement,
    RunSnapshot,
    RunState,
)
from caviar.store import Store
from caviar.store.runs import Runs, is_running
from tests.store.sample import RUN

ENTRY = DiaryEntry(
    1, "2026-01-01", "turn", "🐼", Clock(5, 4, 2, 1), "learning_rate <b>", {"turned": {"l2": [0, math.nan]}}
)
SNAPSHOT = RunSnapshot(1, Clock(1, 1, 1, 0), "epoch", 0.1 + 0.2, "a", "b" * 64, 10, "2026-01-01")


@pytest.fixture
def runs(store: Store) -> Runs:
    made = Runs(store)
    made.create(RUN)
    return made


def test_a_run_comes_back_as_it_went_in(runs: Runs):
    runs.create(replace(RUN, name="branch", parent="net", parent_snapshot=3, seed=0))
    assert runs.run("net") == RUN
    assert [run.name for run in runs.all()] == ["net", "branch"]
    assert runs.run("branch").parent == "net"
    assert runs.subjects.free_name("net") == "net-2"
    assert "net" in runs.subjects.names()
    assert "nett" not in runs.subjects.names()


def test_names_are_one_s_own_and_tame(runs: Runs):
    with pytest.raises(StoreError, match="has a run 'net' already"):
        runs.create(RUN)
    with pytest.raises(StoreError, match="did you mean 'net'"):
        runs.run("nett")
    for name in ("../x", "", "a\x1b[31m", "<img src=x>", "x" * 101):
        with pytest.raises(StoreError, match="a run's name is letters"):
            runs.create(replace(RUN, name=name))


def test_what_is_written_comes_back_in_order_nan_included(runs: Runs):
    lease = runs.take("net")
    values = {"train_loss": math.inf, "validation_loss": math.nan, "inside": [{"dead": 0.5}], "logged": 3}
    measured = [RunMeasurement(Clock(i, i, i, 0), values) for i in range(3)]
    runs.write(lease, measured[:2], [ENTRY, ENTRY], snapshots=[SNAPSHOT], progress={"epoch": 2})
    runs.write(lease, measured[2:], snapshots=[replace(SNAPSHOT, state="removed", loss=math.nan)])
    seen = runs.measurements("net")
    assert [m.clock.tick for m in seen] == [0, 1, 2]
    assert seen[0].values["train_loss"] == math.inf
    assert math.isnan(seen[0].values["validation_loss"])
    assert seen[0].values["inside"] == [{"dead": 0.5}]
    assert [m.clock.tick for m in runs.measurements("net", after=2)] == [2]
    diary = runs.diary("net")
    assert [e.number for e in diary] == [1, 2]
    assert (diary[0].who, diary[0].clock, diary[0].text) == ("🐼", Clock(5, 4, 2, 1), "learning_rate <b>")
    (snapshot,) = runs.snapshots("net")
    assert snapshot.state == "removed"
    assert snapshot.loss is not None
    assert math.isnan(snapshot.loss)
    assert runs.run("net").progress == {"epoch": 2}
    assert runs.last_tick("net") == 5


def test_interventions_wait_are_done_and_are_refused_when_the_run_is_over(runs: Runs):
    lease = runs.take("net")
    first = runs.intervene("net", "turn", {"l2": 0.5}, "anna", "why not")
    runs.intervene("net", "stop", {}, "bob", "")
    assert [o.number for o in runs.interventions("net", InterventionState.WAITING)] == [1, 2]
    runs.write(lease, interventions=[replace(first, state=InterventionState.DONE, outcome="at step 3", tick=3)])
    runs.close(lease, RunState.FINISHED, {"epochs": 3})
    done, late = runs.interventions("net")
    assert (done.state, done.outcome, done.tick, done.who, done.because) == (
        InterventionState.DONE,
        "at step 3",
        3,
        "anna",
        "why not",
    )
    assert (late.state, late.outcome) == (InterventionState.REFUSED, "the run was finished before it")
    assert runs.run("net").result == {"epochs": 3}
    with pytest.raises(StoreError, match="takes no interventions"):
        runs.intervene("net", "turn", {"l2": 0.5}, "anna", "")


def test_one_process_owns_a_run_and_writes_nothing_once_it_lost_it(runs: Runs):
    assert not is_running(runs.run("net"))
    first = runs.take("net")
    assert runs.run("net").owner == replace(first, beats=1)
    assert is_running(runs.run("net"))
    with pytest.raises(StoreError, match="is running: process"):
        runs.take("net")
    with patch("caviar.store.process.is_gone", return_value=True):
        second = runs.take("net")
    assert second.fence == first.fence + 1
    for attempt in (
        lambda: runs.write(first, diary=[ENTRY]),
        lambda: runs.close(first, RunState.FINISHED, None),
    ):
        with pytest.raises(Fenced):
            attempt()
    assert runs.diary("net") == []
    runs.write(second, diary=[ENTRY])
    runs.close(second, RunState.INTERRUPTED, None)
    with pytest.raises(Fenced):
        runs.write(second)
    assert runs.take("net").fence == second.fence + 1


def test_the_files_of_runs_stand_beside_the_store(runs: Runs, store_url: str):
    if "sqlite" in store_url:
        assert runs.folder.name == "caviar.db.runs"
    elif "postgresql" in store_url:
        assert runs.folder.parent.name == "caviar.runs"
    else:
        assert runs.folder.name == "memory.runs"
