"""Frameworks are timed in their own interpreters, beside our engine; what cannot be timed says why."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from caviar.frameworks import timing
from caviar.frameworks.facts import Facts, read_facts
from caviar.frameworks.timing import Found, Network, Timing, environments, here, measure

# A framework of a few lines that does learn: it remembers the mean of each class.
NEAREST = """
import os
import numpy as np

print("a page of notes", flush=True)
os.write(1, b'{"import_seconds": -1}\\n')


def start(widths, batch_size):
    means = {}

    def train(x, y, epochs):
        for _ in range(epochs):
            for i in range(0, len(x), batch_size):
                x[i : i + batch_size].sum()
        means.update((label, x[y == label].mean(0)) for label in set(y.tolist()))

    def predict(x):
        labels = sorted(means)
        distances = [((x - means[label]) ** 2).sum(1) for label in labels]
        return np.array(labels)[np.argmin(distances, 0)]

    return train, predict
"""
BROKEN = {
    "it cannot be imported": ("import no_such_framework", "ModuleNotFoundError: No module named 'no_such_framework'"),
    "its process is killed": ("import os\nos.kill(os.getpid(), 9)", "signal 9"),
    "it ends without a word": ("import os\nos._exit(3)", "exit status 3"),
    "its training raises": (
        NEAREST.replace("means.update(", "raise ArithmeticError('no') if x.size else ("),
        "ArithmeticError: no",
    ),
    "it cannot predict": (NEAREST.replace("labels = sorted(means)", "raise KeyError('w')"), "KeyError: 'w'"),
}


@pytest.fixture(autouse=True)
def little_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "NETWORKS", (Network("small", (8, 4, 3), 4, 5), Network("wide", (16, 8, 8, 3), 8, 2)))


def facts_with(folder: Path, **programs: str) -> dict[str, Facts]:
    """The facts, and frameworks that are known by their programs alone."""
    facts = read_facts()
    for name, source in programs.items():
        (folder / f"{name}.py").write_text(source)
        facts[name] = Facts(name, name.title(), None, None, None, None, folder / f"{name}.py", 1)
    return facts


def found(name: str) -> Found:
    return Found(name, name, name.title(), "1.0", sys.executable)


def test_it_takes_turns_with_our_engine(tmp_path: Path) -> None:
    facts = facts_with(tmp_path, nearest=NEAREST)
    ours, theirs = measure([found("nearest")], facts, turns=3, seconds=0.01)
    assert (ours.found.name, ours.failure, theirs.failure) == ("caviar", "", "")
    assert ours.accuracy is not None
    assert ours.accuracy > 0.9
    assert theirs.accuracy is not None
    assert 0.8 < theirs.accuracy < 1  # nearest means reach 0.9 on digits
    for done in (ours, theirs):
        assert done.import_seconds is not None
        assert done.import_seconds > 0  # and not what a program prints that looks like an answer
        assert done.first_step_seconds is not None
        assert done.first_step_seconds > 0
        assert [speed.network for speed in done.speeds] == ["small", "wide"]
    for speed in theirs.speeds:
        assert speed.ratio_low <= speed.ratio <= speed.ratio_high
        assert speed.ratio_low <= speed.ours / speed.theirs * 1.0001 or speed.ratio_low < speed.ratio_high
    assert all(speed.ratio == 1 and speed.theirs == speed.ours for speed in ours.speeds)


def test_one_turn_is_its_own_median(tmp_path: Path) -> None:
    _, theirs = measure([found("nearest")], facts_with(tmp_path, nearest=NEAREST), turns=1, seconds=0.01)
    for speed in theirs.speeds:
        assert speed.ratio == pytest.approx(speed.ours / speed.theirs)


def test_one_that_fails_says_why_and_the_others_go_on(tmp_path: Path) -> None:
    programs = {f"broken{number}": source for number, (source, _) in enumerate(BROKEN.values())}
    facts = facts_with(tmp_path, nearest=NEAREST, **programs)
    done = list(measure([*map(found, programs), found("nearest")], facts, turns=1, seconds=0.01))
    for timed, (_, why) in zip(done[1:-1], BROKEN.values(), strict=True):
        assert why in timed.failure
        assert timed.speeds == ()
    assert done[-1].failure == ""
    assert len(done[-1].speeds) == 2


def test_one_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = facts_with(tmp_path, hanging="import time\ntime.sleep(1000)")
    monkeypatch.setattr(timing, "PATIENCE", 0.5)
    with pytest.raises(timing.Stopped, match=r"said nothing for 0 s|said nothing for 1 s"):
        timing.Stopwatch(found("hanging"), tmp_path / "hanging.py")
    assert facts["hanging"].program is not None


def test_environments_are_found(tmp_path: Path) -> None:
    for row, python in (("keras-jax", "3.11.7"), ("dl4j", "")):
        (tmp_path / row).mkdir()
        made = {"row": row, "title": row.upper(), "framework": f"{row} 1", "python": python, "variables": {"A": "b"}}
        (tmp_path / row / "ready.json").write_text(json.dumps({**made, "folder": str(tmp_path / row), "seconds": 1}))
    (tmp_path / "half").mkdir()
    (only,) = environments(tmp_path)  # not what is in Java, nor what is not whole
    assert (only.row, only.name, only.title, only.version) == ("keras-jax", "keras", "KERAS-JAX", "keras-jax 1")
    assert only.python == str(tmp_path / "keras-jax" / "bin" / "python")
    assert only.variables == {"A": "b"}
    assert environments(tmp_path / "nowhere") == []


def test_this_interpreter_counts_for_what_no_environment_has() -> None:
    facts = read_facts()
    own = {one.name: one for one in here(facts, [])}
    assert own["pytorch"].version.startswith("torch 2.")  # a dependency of the tests
    assert own["pytorch"].python == sys.executable
    assert "caviar" not in own
    assert "theano" not in own
    assert "pytorch" not in {one.name for one in here(facts, [found("pytorch")])}


def test_the_programs_for_this_interpreter_learn() -> None:
    facts = read_facts()
    done = list(measure([one for one in here(facts, []) if one.name in ("pytorch", "keras")], facts, 1, 0.01))
    assert [timed.failure for timed in done] == [""] * len(done)
    assert all(timed.accuracy is not None and timed.accuracy > 0.9 for timed in done)
    assert {"caviar", "pytorch", "keras"} == {timed.found.name for timed in done}


def test_timings_are_plain_when_nothing_was_measured() -> None:
    assert Timing(found("x")).speeds == ()
