"""A study is taken up again, and ends as if it had never been broken."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import caviar
from caviar.data import samples
from caviar.errors import ConfigError, DataError, StoreError
from caviar.records import StudyState, TrialState
from caviar.store import Store
from caviar.tune import Progress, Request, follow
from tests.test_tune import SMALL, study_of, target, told, wine  # noqa: F401


def same_answer(one, other) -> bool:
    weights = [dict(study.best.model.weights) for study in (one, other)]
    return one.summary["best"] == other.summary["best"] and all(
        weights[0][name].tobytes() == weights[1][name].tobytes() for name in weights[0]
    )


def stop_after(wine: Path, folder: Path, events: int, **arguments) -> None:  # noqa: F811
    """Begin a study and leave it after so many signs of progress, as Ctrl-C would."""
    given = {"trials": 60, "space": SMALL, "store": folder / "caviar.db", "threads": 2, "study": "mine"} | arguments
    seen = 0

    def ended() -> bool:
        return seen >= events

    events_of = follow(Request(data=wine, target=target(), **given), ended=ended)
    while True:
        try:
            seen += isinstance(next(events_of), Progress)
        except KeyboardInterrupt:
            return


@pytest.mark.parametrize("events", [1, 3, 6])
def test_a_broken_study_ends_with_the_bits_of_a_whole_one(events, wine, tmp_path):  # noqa: F811
    whole = study_of(wine, tmp_path, trials=60, study="whole")
    stop_after(wine, tmp_path, events)
    with Store.open(tmp_path / "caviar.db") as store:
        assert store.study("mine").state is StudyState.INTERRUPTED
    again = caviar.resume("mine", store=tmp_path / "caviar.db", threads=3)
    assert same_answer(whole, again)
    assert told(tmp_path / "caviar.db", "mine") == told(tmp_path / "caviar.db", "whole")
    with Store.open(tmp_path / "caviar.db") as store:
        assert store.study("mine").state is StudyState.FINISHED


def test_more_trials_for_a_finished_study_are_those_of_a_larger_one(wine, tmp_path):  # noqa: F811
    whole = study_of(wine, tmp_path, trials=90, study="whole")
    study_of(wine, tmp_path, trials=40, study="mine", threads=1)
    again = caviar.resume("mine", store=tmp_path / "caviar.db", trials=90)
    assert same_answer(whole, again)
    trials, rows = told(tmp_path / "caviar.db", "mine")
    # What the smaller study let go on at its end is kept, though the larger one would have stopped it.
    assert set(told(tmp_path / "caviar.db", "whole")[1]) <= set(rows)
    assert [t.number for t in trials if t.repeat == 0] == list(range(90))


def test_more_seconds_for_a_finished_study(wine, tmp_path):  # noqa: F811
    first = study_of(wine, tmp_path, trials=None, seconds=3, study="mine")
    again = caviar.resume("mine", store=tmp_path / "caviar.db", seconds=3)
    assert again.summary["trials"]["started"] > first.summary["trials"]["started"]
    assert again.summary["seconds"] < 4.5


KILLED = """
    import sys
    import caviar
    from tests.test_tune import SMALL
    caviar.tune(sys.argv[1], sys.argv[2], trials=150, space=SMALL, store=sys.argv[3], study="mine", threads=2)
"""


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_study_that_was_killed_at_any_moment_is_taken_up(seed, wine, tmp_path):  # noqa: F811
    """SIGKILL at seeded delays, until the study is through; then everything is there once, with the right bits."""
    delays = random.Random(seed)
    store = tmp_path / "caviar.db"
    code = textwrap.dedent(KILLED)
    for attempt in range(30):
        run = code if attempt == 0 else f"import sys, caviar; caviar.resume('mine', store={str(store)!r}, threads=2)"
        process = subprocess.Popen(
            [sys.executable, "-c", run, str(wine), target(), str(store)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        began = time.monotonic()
        delay = delays.uniform(0.2, 1.5)
        while process.poll() is None and (not store.exists() or time.monotonic() - began < delay + 1.5):
            time.sleep(0.02)
        if process.poll() is not None:
            break
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    study = study_of(wine, tmp_path, trials=150, study="whole")
    assert told(store, "mine") == told(store, "whole")
    with Store.open(store) as opened:
        assert opened.study("mine").result["best"] == study.summary["best"]
        assert not [t for t in opened.trials("mine") if t.state is TrialState.RUNNING]


def test_what_cannot_be_taken_up_says_why_and_changes_nothing(wine, tmp_path):  # noqa: F811
    store = tmp_path / "caviar.db"
    study_of(wine, tmp_path, study="mine")
    before = told(store, "mine")
    with pytest.raises(ConfigError, match="finished") as refusal:
        caviar.resume("mine", store=store)
    assert "--trials" in refusal.value.way_out
    with pytest.raises(ConfigError, match="30 trials already"):
        caviar.resume("mine", store=store, trials=10)
    with pytest.raises(StoreError, match="no study 'mime'") as refusal:
        caviar.resume("mime", store=store)
    assert "mine" in refusal.value.way_out
    changed = tmp_path / "changed.csv"
    lines = wine.read_text().splitlines()
    changed.write_text("\n".join([*lines[:-1], lines[0].replace(lines[0], lines[-1].replace("1", "2"))]) + "\n")
    with pytest.raises(DataError, match="has changed"):
        caviar.resume("mine", store=store, trials=60, data=changed)
    assert told(store, "mine") == before


def test_data_from_memory_is_to_be_given_again(tmp_path):
    table = samples.wine()
    frame = table.frame.assign(label=table.target)
    first = caviar.tune(frame, "label", trials=20, space=SMALL, store=tmp_path / "caviar.db", study="mine")
    with pytest.raises(DataError, match="no file"):
        caviar.resume("mine", store=tmp_path / "caviar.db", trials=40)
    again = caviar.resume("mine", store=tmp_path / "caviar.db", trials=40, data=frame)
    assert again.summary["trials"]["started"] == 40 > first.summary["trials"]["started"]
