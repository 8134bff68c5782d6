"""The cable to PostgreSQL is cut, and nobody says so: connections stay open, and no answer comes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from caviar.data import samples
from caviar.errors import StoreAway
from caviar.store import Store
from caviar.study.events import Progress
from caviar.study.tune import follow
from tests import child
from tests.cut_cable import Cable
from tests.faults.every_kind import table_request, write_files
from tests.faults.invariants import check_over
from tests.faults.test_store_faults import trial
from tests.store.sample import STUDY, measurement
from tests.study.test_tune import recorded
from tests.waiting import until


@pytest.fixture
def cable(postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cable]:
    """A cable to an empty store; whoever waits for the server is impatient."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("caviar.store.backends.postgresql.PAUSE_SECONDS", 0.5)
    monkeypatch.setattr("caviar.store.backends.postgresql.ANSWER_SECONDS", 0.5)
    monkeypatch.setattr("caviar.store.backends.postgresql.CONNECT_SECONDS", 2)
    with Cable(postgresql_url) as made:
        yield made


def test_what_is_written_meanwhile_waits_and_comes_once_when_it_is_mended(cable: Cable) -> None:
    with Store.open(cable.url) as store:
        store.create_study(STUDY)
        delivery = store.delivery(store.leases.join(STUDY.name))
        delivery.write(trials=[trial(0)], measurements=[(0, 0, measurement(1))])
        cable.cut()
        for number in range(1, 5):
            delivery.write(trials=[trial(number)], measurements=[(number, 0, measurement(1))])
        assert delivery.is_behind
        assert delivery.note.startswith("the store cannot be reached since ")
        cable.mend()
        until(lambda: not delivery.is_behind)
        assert store.trials(STUDY.name) == [trial(number) for number in range(5)]
        assert len(store.measurements(STUDY.name)) == 5
        delivery.close(lambda: store.leases.leave(delivery.lease))


def test_a_question_is_given_up_and_ctrl_c_does_not_wait_for_it(cable: Cable, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store.open(cable.url) as store:
        store.create_study(STUDY)
        cable.cut()
        with pytest.raises(StoreAway, match="cannot be reached: "):
            store.studies()
        cable.mend()
        assert [study.name for study in store.studies()] == [STUDY.name]
        monkeypatch.setattr("caviar.store.backends.postgresql.ANSWER_SECONDS", 600.0)
        store.studies()
        cable.cut()
        timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))

        def ask() -> None:
            timer.start()  # not before: this thread may get no processor for half a second
            store.studies()

        with pytest.raises(KeyboardInterrupt):
            ask()


def test_a_study_trains_on_to_the_same_bits(cable: Cable, tmp_path: Path) -> None:
    write_files(tmp_path)
    is_cut = False
    for event in follow(table_request(cable.url, tmp_path)):
        if isinstance(event, Progress) and event.counts and not is_cut:
            cable.cut()
            is_cut = True
            threading.Timer(2.0, cable.mend).start()
    check_over(cable.url, "table")
    whole = f"{tmp_path}/whole.db"
    for _ in follow(table_request(whole, tmp_path)):
        pass
    assert recorded(cable.url, "table") == recorded(whole, "table")


def test_helpers_get_no_task_twice_where_the_answer_to_its_assignment_is_lost(
    cable: Cable, postgresql_url: str, tmp_path: Path
) -> None:
    data = samples.write_csv(samples.wine(), tmp_path / "wine.csv")
    options = ("--trials", 40, "--save-all")
    assert child.end(child.start("lead", tmp_path / "whole.db", data, *options))[0] == 0
    cable.lose_answer(b"INSERT INTO claims")
    owner = child.start("lead", cable.url, data, *options, "--helpers", 1)
    child.until(owner, "begun")
    helper = child.start("help", postgresql_url, data)
    child.until(helper, lambda line: line.startswith("tasks ") and int(line.split()[1]) > 0)
    assert cable.broken.is_set()  # the owner does not know yet that the helper has that task, and has done it
    cable.mend()
    for process in (owner, helper):
        assert child.end(process)[::2] == (0, "")
    check_over(postgresql_url, child.STUDY)
    assert recorded(postgresql_url, child.STUDY) == recorded(tmp_path / "whole.db", child.STUDY)


@pytest.mark.parametrize("later", [0.0, 5.0])
def test_a_signal_ends_a_study_whose_server_says_nothing(later: float, cable: Cable, tmp_path: Path) -> None:
    write_files(tmp_path)
    arguments = ["tune", "data.csv", "--target", "label", "--trials", "100000", "--store", cable.url]
    command = [sys.executable, "-c", "from caviar.cli.main import main; main()", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, text=True, cwd=tmp_path, **pipes) as process:  # type: ignore[call-overload]
        assert any("| search |" in line for line in process.stdout)
        cable.cut()
        time.sleep(later)
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=300)
    assert process.returncode == 143
    assert "Traceback" not in said
    assert "this process gave up" in said
    assert "caviar resume data takes up what is there" in said
