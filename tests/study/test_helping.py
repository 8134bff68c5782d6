"""Helpers: other processes that train trials of a study, and change no number of it."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from caviar.cli.main import run
from caviar.data import samples
from caviar.records import LeaseState, Study, StudyKind, StudySpec, StudyState
from caviar.store import Store
from tests.child import STUDY, end, freeze, start, until
from tests.faults.invariants import acknowledged, check_over, check_whole
from tests.postgresql_server import database, restarting
from tests.store.backends import persistent
from tests.study.test_tune import recorded

TRIALS = 80


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return samples.write_csv(samples.wine(), tmp_path_factory.mktemp("data") / "wine.csv")


@pytest.fixture(scope="module")
def alone(wine: Path):
    """The study without helpers."""
    store = wine.with_name("alone.db")
    assert end(start("lead", store, wine, "--trials", TRIALS))[0] == 0
    return recorded(store, STUDY), _best(store)


def _best(store: str | Path):
    with Store.open(store) as opened:
        result = opened.study(STUDY).result
        assert result is not None
        return result.best


def _helped(line: str) -> bool:
    """A helper has handed in a task."""
    return line.startswith("tasks ") and int(line.split()[1]) > 0


def check_same(store: str | Path, alone) -> None:
    check_over(store, STUDY)
    assert (recorded(store, STUDY), _best(store)) == alone


@persistent
def test_helpers_change_no_bit(store_url, wine, alone):
    owner = start("lead", store_url, wine, "--trials", TRIALS, "--helpers", 2)
    until(owner, "begun")
    rooms = (0, 1 << 29)  # the first keeps no network, and trains every trial that goes on from its start
    others = [start("help", store_url, wine, "--threads", 1 + n, "--room", rooms[n]) for n in range(2)]
    assert any(line.endswith(" 2") for line in end(owner)[1].splitlines())  # it says how many there are
    for helper in others:
        status, said, complained = end(helper)
        assert (status, complained) == (0, "")
        assert "the study has ended" in said
        assert int(said.splitlines()[-2].split()[1]) > 0  # it did help
    check_same(store_url, alone)
    with Store.open(store_url) as opened:
        assert {worker.state for worker in opened.leases.of(STUDY)} == {LeaseState.LEFT}


def test_helpers_that_end_in_the_middle_lose_nothing(wine, alone, tmp_path):
    store = tmp_path / "caviar.db"
    owner = start("lead", store, wine, "--trials", TRIALS, "--helpers", 2)
    until(owner, "begun")
    helpers = [start("help", store, wine) for _ in range(2)]
    for helper, number in zip(helpers, (signal.SIGKILL, signal.SIGINT), strict=True):
        until(helper, _helped)
        helper.send_signal(number)
        helper.communicate()
    check_whole(store, STUDY)
    assert end(owner)[0] == 0
    check_same(store, alone)


def test_a_helper_that_freezes_loses_its_lease_and_ends_quietly_when_it_wakes(wine, alone, tmp_path):
    store = tmp_path / "caviar.db"
    owner = start("lead", store, wine, "--trials", TRIALS, "--helpers", 1, "--patience", 1)
    until(owner, "begun")
    helper = start("help", store, wine)
    until(helper, _helped)
    freeze(helper, store)
    assert end(owner)[0] == 0
    helper.send_signal(signal.SIGCONT)
    status, said, complained = end(helper)
    assert (status, complained) == (0, "")
    assert "took for dead" in said or "has ended" in said
    check_same(store, alone)


def test_a_postgresql_that_is_restarted_ends_neither_the_owner_nor_its_helper(wine, alone, tmp_path):
    with restarting() as server:
        store_url = database(server.url, "helped")
        owner = start("lead", store_url, wine, "--trials", TRIALS, "--helpers", 1)
        until(owner, "begun")
        helper = start("help", store_url, wine)
        until(helper, _helped)
        server.stop(signal.SIGINT)
        time.sleep(2.0)
        server.start()
        for child in (owner, helper):
            assert end(child)[::2] == (0, "")
        check_same(store_url, alone)


def test_a_helper_gives_up_after_its_patience_and_the_study_goes_on(wine, alone, tmp_path):
    store = tmp_path / "caviar.db"
    owner = start("lead", store, wine, "--trials", TRIALS, "--helpers", 1)
    until(owner, "begun")
    helper = start("help", store, wine, "--store-patience", 0.5)
    until(helper, _helped)
    with closing(sqlite3.connect(store, timeout=30, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        status, _, complained = end(helper)
    assert status == 1
    assert "cannot be reached since" in complained
    assert f"study '{STUDY}' goes on without this helper; to help again: caviar work {STUDY}" in complained
    assert end(owner)[0] == 0
    check_same(store, alone)


def test_helpers_of_a_owner_that_was_killed_end_and_the_study_is_taken_up(wine, alone, tmp_path):
    store_url = tmp_path / "caviar.db"
    owner = start("lead", store_url, wine, "--trials", TRIALS, "--helpers", 2)
    until(owner, "begun")
    helpers = [start("help", store_url, wine) for _ in range(2)]
    until(helpers[0], _helped)
    os.kill(owner.pid, signal.SIGKILL)
    owner.communicate()
    before = acknowledged(store_url, STUDY)
    again = start("resume", store_url, wine)  # does not wait for the helpers: it tells them off
    until(again, "begun")
    for helper in helpers:
        status, said, complained = end(helper)
        assert (status, complained) == (0, "")
        assert "is gone" in said or "took for dead" in said
    check_whole(store_url, STUDY, before)
    assert end(again)[0] == 0
    check_same(store_url, alone)


def test_another_owner_is_refused_while_a_helper_works_too(wine, tmp_path):
    store = tmp_path / "caviar.db"
    owner = start("lead", store, wine, "--trials", 100_000, "--helpers", 1)  # it will not be done before it is asked
    until(owner, "begun")
    helper = start("help", store, wine)
    until(helper, "begun")
    status, _, complained = end(start("resume", store, wine))
    unharmed = owner.poll() is None and helper.poll() is None
    for process in (owner, helper):
        process.kill()
        process.communicate()
    assert status == 2
    assert f"process {owner.pid} " in complained
    assert unharmed


def test_what_cannot_be_helped_says_why(wine, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    store = tmp_path / "caviar.db"
    owner = start("lead", store, wine, "--trials", 20)
    assert end(owner)[0] == 0
    cases = {
        ("mime",): ("no study 'mime'", "did you mean 'mine'"),
        (STUDY,): ("is not running", "caviar resume"),
        (STUDY, "--store", "none.db"): ("no store at", "--store"),
    }
    for arguments, (rule, way_out) in cases.items():
        assert run(["work", *arguments]) == 2
        complained = capsys.readouterr().err.splitlines()
        assert len(complained) == 2
        assert rule in complained[0]
        assert way_out in complained[1]


@pytest.mark.parametrize(
    ("kind", "rule", "way_out"),
    [
        (StudyKind.PROGRAM, "processes of a program", "caviar resume mine --processes 8"),
        (StudyKind.ASKED, "one of ask and tell", "start that program once more"),
    ],
)
def test_what_caviar_does_not_train_itself_is_not_helped(kind, rule, way_out, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with Store.open("caviar.db") as store:
        store.create_study(
            Study("mine", 0, "score", "sobol", {}, StudySpec(kind=kind), {}, {}, StudyState.RUNNING, "2026")
        )
        store.leases.join("mine")
    assert run(["work", "mine"]) == 2
    complained = capsys.readouterr().err.splitlines()
    assert len(complained) == 2
    assert rule in complained[0]
    assert way_out in complained[1]


def test_a_study_whose_owner_was_killed_is_not_helped(wine, tmp_path, monkeypatch, capsys):
    store = tmp_path / "caviar.db"
    owner = start("lead", store, wine, "--trials", 100_000)
    until(owner, "begun")
    owner.kill()
    owner.communicate()
    with Store.open(store) as opened:
        assert opened.study(STUDY).state is StudyState.RUNNING  # so it says
    assert run(["work", STUDY, "--store", str(store)]) == 2
    assert "is not running" in capsys.readouterr().err
