"""Fault 1: the process is killed at a moment of the worst kind. (tests/test_resume.py kills at seeded delays.)"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from caviar.data import samples
from caviar.store import Store
from tests.child import STUDY, end, start
from tests.faults.invariants import acknowledged, check_over, check_whole
from tests.study.test_tune import recorded

TRIALS = 60


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return samples.write_csv(samples.wine(), tmp_path_factory.mktemp("data") / "wine.csv")


BEGINNING = ["caviar.store.Store.create_study:1:after", "caviar.store.lease.Leases.join:1:before"]
POINTS = [
    "caviar.store.Store.write:1:before",
    "caviar.store.Snapshots.save:3:before",
    "caviar.store.Snapshots.save:9:after",
    "caviar.store.Snapshots.remove:2:before",
    "caviar.store.Snapshots.remove:3:after",
    "caviar.store.Store.write:2:after",
    "caviar.store.Store.reopen_study:1:after",
    "caviar.study.result.Model.save:1:before",
    "caviar.study.result.Model.save:1:after",
    "caviar.store.Store.finish_study:1:before",
]


@pytest.mark.parametrize("beginning", BEGINNING)
def test_killed_at_each_named_point_one_after_the_other(beginning, wine, tmp_path):
    """One study, killed again and again: always whole, and at last as if it had never been killed."""
    store, out = tmp_path / "caviar.db", ("--out", tmp_path)
    points = POINTS[::2] if beginning == BEGINNING[0] else POINTS[1::2]
    lead = start("lead", store, wine, "--trials", TRIALS, "--save-all", "--crash", beginning, *out)
    assert end(lead)[0] == -signal.SIGKILL
    before = acknowledged(store, STUDY)
    reached = 0
    for point in points:
        status, _, complained = end(start("resume", store, wine, "--save-all", "--crash", point, "--threads", 2))
        assert status in (0, -signal.SIGKILL, 2), complained
        if status == 2:
            assert "is finished" in complained  # the point before ended it, or this one is not met any more
            break
        reached += status == -signal.SIGKILL
        check_whole(store, STUDY, before)
        before = acknowledged(store, STUDY)
    assert reached == len(points)
    status, _, complained = end(start("resume", store, wine))
    assert status == 0 or "is finished" in complained
    check_over(store, STUDY, before)
    assert (tmp_path / f"{STUDY}.caviar").exists()
    assert not [path for path in tmp_path.rglob("*") if "unfinished" in path.name]
    whole = tmp_path / "whole.db"
    assert end(start("lead", whole, wine, "--trials", TRIALS))[0] == 0
    assert recorded(store, STUDY) == recorded(whole, STUDY)
    with Store.open(store) as one, Store.open(whole) as other:
        results = [opened.study(STUDY).result for opened in (one, other)]
    assert results[0] is not None and results[1] is not None  # noqa: PT018
    assert results[0].best == results[1].best


def test_a_study_that_was_killed_before_it_was_written_never_was(wine, tmp_path):
    store = tmp_path / "caviar.db"
    crash = ("--crash", "caviar.store.Store.create_study:1:before")
    assert end(start("lead", store, wine, "--trials", 20, *crash))[0] == -signal.SIGKILL
    with Store.open(store) as opened:
        assert opened.studies() == []
    check_whole(store, STUDY)
    crash = ("--crash", "caviar.store.Store.finish_study:1:after")  # all is done but to leave
    assert end(start("lead", store, wine, "--trials", 20, *crash))[0] == -signal.SIGKILL
    status, _, complained = end(start("resume", store, wine))
    assert status == 2
    assert "is finished" in complained
