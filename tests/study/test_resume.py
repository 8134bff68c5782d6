"""A study is taken up again, and ends as if it had never been broken."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import caviar
from caviar.data import samples
from caviar.errors import ConfigError, DataError, StoreError
from caviar.records import Study, StudyKind, StudyProgress, StudySpec, StudyState, TableSpec, TrialState
from caviar.store import Store
from caviar.store.lease import Leases
from caviar.study import ledger, resume
from caviar.study.events import Progress
from caviar.study.known import Known
from caviar.study.resume import take_up
from caviar.study.spec import ProgramRequest, Request
from caviar.study.tune import follow
from tests.study.counted_clock import CountedClock
from tests.study.test_tune import SMALL, recorded, study_of, target, wine  # noqa: F401


def same_answer(one, other) -> bool:
    weights = [dict(study.best.model.network.weights) for study in (one, other)]
    return one.summary["best"] == other.summary["best"] and all(
        weights[0][name].tobytes() == weights[1][name].tobytes() for name in weights[0]
    )


def stop_after(wine: Path, folder: Path, events: int, compared: int = 0, **arguments) -> None:  # noqa: F811
    """Begin a study and leave it after so many signs of progress, as Ctrl-C would.

    Only those count that come once the second rung has ``compared`` trials.
    """
    given = {"trials": 60, "space": SMALL, "store": folder / "caviar.db", "threads": 2, "study": "mine"} | arguments
    seen = 0

    def ended() -> bool:
        return seen >= events

    events_of = follow(Request(data=wine, target=target(), **given), ended=ended)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "SHOW_EVERY", 0.0)  # however quick the study is, it shows so many
        while True:
            try:
                event = next(events_of)
                seen += isinstance(event, Progress) and event.reached[1] >= compared
            except KeyboardInterrupt:
                return


def test_a_study_that_repeats_nothing_and_was_killed_after_its_last_trial_has_the_same_answer(
    wine,  # noqa: F811
    tmp_path,
    monkeypatch,
):
    """No network of the search is left in memory then."""
    given = {"trials": 20, "preset": "fast"}
    whole = study_of(wine, tmp_path, study="whole", **given)

    def killed(*_):
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "finish_study", killed)
        with pytest.raises(RuntimeError, match="killed"):
            study_of(wine, tmp_path, study="mine", **given)
    with Store.open(tmp_path / "caviar.db") as store:
        store.leases.lost("mine", store.leases.of("mine"))
    again = caviar.resume("mine", store=tmp_path / "caviar.db", threads=3)
    assert same_answer(whole, again)


@pytest.mark.parametrize("events", [1, 3, 6])
def test_a_broken_study_ends_with_the_bits_of_a_whole_one(events, wine, tmp_path):  # noqa: F811
    whole = study_of(wine, tmp_path, trials=60, study="whole")
    stop_after(wine, tmp_path, events)
    with Store.open(tmp_path / "caviar.db") as store:
        assert store.study("mine").state is StudyState.INTERRUPTED
    again = caviar.resume("mine", store=tmp_path / "caviar.db", threads=3)
    assert same_answer(whole, again)
    assert recorded(tmp_path / "caviar.db", "mine") == recorded(tmp_path / "caviar.db", "whole")
    with Store.open(tmp_path / "caviar.db") as store:
        assert store.study("mine").state is StudyState.FINISHED


def test_trials_whose_snapshots_are_away_begin_again_to_the_same_bits(wine, tmp_path, monkeypatch):  # noqa: F811
    whole = study_of(wine, tmp_path, trials=60, study="whole")
    monkeypatch.setattr("caviar.executors.parked.SAVED_FROM", 0.0)  # networks of milliseconds are saved, too
    stop_after(wine, tmp_path, 3, compared=6)
    (tmp_path / "caviar.db.snapshots").rename(tmp_path / "away")
    with pytest.warns(caviar.CaviarWarning, match="is not there.* trained again from their beginning"):
        again = caviar.resume("mine", store=tmp_path / "caviar.db", threads=2)
    assert same_answer(whole, again)
    assert recorded(tmp_path / "caviar.db", "mine") == recorded(tmp_path / "caviar.db", "whole")


@pytest.mark.parametrize("forgotten", ["1 = 1", "epoch > 1", "number % 3 = 0", "number % 2 = 0 AND epoch > 1"])
def test_what_was_compared_is_found_again_in_the_measurements(forgotten, wine, tmp_path):  # noqa: F811
    """As in a study of an older version, which kept no comparisons, or where another process measured."""
    whole = study_of(wine, tmp_path, trials=60, study="whole")
    stop_after(wine, tmp_path, 3, compared=6)
    with sqlite3.connect(tmp_path / "caviar.db") as connection:
        mine = "study = (SELECT id FROM studies WHERE name = 'mine')"
        deleted = connection.execute(f"DELETE FROM comparisons WHERE {mine} AND {forgotten}").rowcount
    connection.close()
    assert deleted > 0
    again = caviar.resume("mine", store=tmp_path / "caviar.db", threads=2)
    assert same_answer(whole, again)
    assert recorded(tmp_path / "caviar.db", "mine") == recorded(tmp_path / "caviar.db", "whole")


def test_more_trials_for_a_finished_study_are_those_of_a_larger_one(wine, tmp_path):  # noqa: F811
    whole = study_of(wine, tmp_path, trials=90, study="whole")
    study_of(wine, tmp_path, trials=40, study="mine", threads=1)
    again = caviar.resume("mine", store=tmp_path / "caviar.db", trials=90)
    assert same_answer(whole, again)
    trials, rows = recorded(tmp_path / "caviar.db", "mine")
    # What the smaller study let go on at its end is kept, though the larger one would have stopped it.
    assert set(recorded(tmp_path / "caviar.db", "whole")[1]) <= set(rows)
    assert [t.number for t in trials if t.repeat == 0] == list(range(90))


def test_more_seconds_for_a_finished_study(wine, tmp_path, monkeypatch):  # noqa: F811
    """The seconds count from the resume, not from the study's start."""
    study_of(wine, tmp_path, trials=30, study="mine")
    clock = CountedClock(monkeypatch, read=0.002, result=0.02)
    again = caviar.resume("mine", store=tmp_path / "caviar.db", seconds=3)
    assert again.summary["trials"]["started"] > 30
    assert 1.5 < clock.elapsed < 4.5
    with Store.open(tmp_path / "caviar.db") as store:
        assert store.study("mine").spec.seconds == 3


CHILD = """
    import sys
    from caviar.study.events import Begun
    from caviar.study.resume import take_up
    from caviar.study.spec import Request
    from caviar.study.tune import follow
    from tests.study.test_tune import SMALL
    first, data, target, store = sys.argv[1:]
    if first == "1":
        events = follow(Request(data=data, target=target, trials=300, space=SMALL, store=store, study="mine"))
    else:
        events = take_up("mine", store=store)
    for event in events:
        if isinstance(event, Begun):
            print("begun", flush=True)
"""


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_study_that_was_killed_at_any_moment_is_taken_up(seed, wine, tmp_path):  # noqa: F811
    """SIGKILL at seeded delays, until the study is through; then everything is there once, with the right bits."""
    delays = random.Random(seed)
    store = tmp_path / "caviar.db"
    kills = 0
    for attempt in range(30):
        child = [sys.executable, "-c", textwrap.dedent(CHILD), str(int(attempt == 0)), str(wine), target(), str(store)]
        with subprocess.Popen(child, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            if process.stdout.readline() != "begun\n":
                assert "is finished" in process.communicate()[1]  # the last kill came when all was done
                break
            time.sleep(delays.uniform(0.0, 0.1 + 0.5 * attempt))
            os.kill(process.pid, signal.SIGKILL)
            if process.wait() == 0:
                break
            kills += 1
    assert kills >= 1
    study = study_of(wine, tmp_path, trials=300, study="whole")
    assert recorded(store, "mine") == recorded(store, "whole")
    with Store.open(store) as opened:
        assert opened.study("mine").result.to_record()["best"] == study.summary["best"]
        assert not [t for t in opened.trials("mine") if t.state is TrialState.RUNNING]


def test_what_cannot_be_taken_up_says_why_and_changes_nothing(wine, tmp_path):  # noqa: F811
    store = tmp_path / "caviar.db"
    study_of(wine, tmp_path, study="mine")
    before = recorded(store, "mine")
    with pytest.raises(ConfigError, match="finished") as refusal:
        caviar.resume("mine", store=store)
    assert "`trials=" in refusal.value.way_out
    for trials in (10, 30):  # 30 are all that there are: nothing would be done
        with pytest.raises(ConfigError, match="30 trials already"):
            caviar.resume("mine", store=store, trials=trials)
    with pytest.raises(StoreError, match="no study 'mime'") as refusal:
        caviar.resume("mime", store=store)
    assert "mine" in refusal.value.way_out
    changed = tmp_path / "changed.csv"
    lines = wine.read_text().splitlines()
    changed.write_text("\n".join([*lines[:-1], lines[0].replace(lines[0], lines[-1].replace("1", "2"))]) + "\n")
    with pytest.raises(DataError, match="has changed"):
        caviar.resume("mine", store=store, trials=60, data=changed)
    assert recorded(store, "mine") == before


def test_a_study_that_its_owner_finishes_while_we_look_is_not_begun_again(wine, tmp_path, monkeypatch):  # noqa: F811
    stop_after(wine, tmp_path, 3)
    store = tmp_path / "caviar.db"

    def the_owner_finishes(leases, study, patience):
        monkeypatch.undo()
        caviar.resume("mine", store=store)
        return leases.take(study, patience)

    monkeypatch.setattr(Leases, "take", the_owner_finishes)
    with pytest.raises(ConfigError, match="is finished"):
        caviar.resume("mine", store=store)


def test_data_from_memory_is_to_be_given_again(tmp_path):
    table = samples.wine()
    frame = table.frame.assign(label=table.target)
    first = caviar.tune(frame, "label", trials=20, space=SMALL, store=tmp_path / "caviar.db", study="mine")
    with pytest.raises(DataError, match="no file"):
        caviar.resume("mine", store=tmp_path / "caviar.db", trials=40)
    again = caviar.resume("mine", store=tmp_path / "caviar.db", trials=40, data=frame)
    assert again.summary["trials"]["started"] == 40 > first.summary["trials"]["started"]


def _slow(trial: Any) -> float:
    for epoch in range(1, 28):
        time.sleep(0.05)
        trial.report(epoch, trial.config["x"] * epoch)
    return 0.0


def test_a_trial_that_was_broken_off_twice_shows_all_the_epochs_that_it_had(tmp_path: Path) -> None:
    """Epochs between two rungs, which a study that is broken off at once again does not come to."""
    store = str(tmp_path / "caviar.db")
    asked = [False]
    given: Any = {
        "space": caviar.Space(x=caviar.Linear(0, 1)),
        "trials": 1,
        "processes": 1,
        "goal": "maximize",
        "study": "slow",
    }
    events = follow(ProgramRequest(objective=_slow, store=store, **given), ended=lambda: asked[0])

    def far_enough(_: object) -> None:
        with Store.open(store) as opened:
            asked[0] = any(trial.epochs > 4 for trial in opened.trials("slow"))

    with pytest.raises(KeyboardInterrupt):
        deque(map(far_enough, events), maxlen=0)
    with Store.open(store) as opened:
        [before] = opened.trials("slow")
    assert before.epochs > 3
    asked[0] = False
    again = take_up("slow", store=store, data=_slow, ended=lambda: asked[0])

    def at_once(event: object) -> None:
        asked[0] = isinstance(event, Progress)

    with pytest.raises(KeyboardInterrupt):
        deque(map(at_once, again), maxlen=0)
    with Store.open(store) as opened:
        [after] = opened.trials("slow")
    assert after.epochs >= before.epochs
    assert after.score == after.epochs * after.config["x"]


def test_what_is_left_of_a_budget_is_what_the_last_command_did_not_work():
    """So that the budget of all commands together stays what a person gave."""
    progress = StudyProgress("search", 20.0, {}, (), None).to_record()
    spec = StudySpec(kind=StudyKind.TABLE, seconds=60.0, spent=10.0, table=TableSpec())
    study = Study("s", 1, "accuracy", "sobol", {}, spec, {}, {}, StudyState.RUNNING, "2026-01-01", progress=progress)
    assert resume._within(study, Known(), None, None, None).seconds == 40.0
    assert study.worked == 30.0
    silent = replace(study, progress=None, spec=replace(spec, spent=0.0))
    assert silent.worked is None
    assert resume._within(silent, Known(), None, None, None).seconds == 60.0
