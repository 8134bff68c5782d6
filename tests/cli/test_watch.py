"""caviar watch, for a study: in its own process and from another one."""

from __future__ import annotations

import json
import signal
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from caviar.cli.main import run
from caviar.data import samples
from caviar.records import StudyState
from caviar.store import Store
from tests.child import STUDY, end, start, until

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def wine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path(samples.write_csv(samples.wine(), tmp_path / "wine.csv"))


def seen(capsys: Capture) -> dict:
    capsys.readouterr()
    assert run(["watch", STUDY, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_study_of_another_process_is_watched_in_the_store(wine: Path, capsys: Capture):
    child = start("lead", "caviar.db", wine, "--trials", 1_000_000)
    try:
        until(child, lambda line: line.startswith("progress") and int(line.split()[2]) > 20)
        found = seen(capsys)
        while not found["progress"]["counts"]["stopped"]:  # the store follows within a second
            until(child, lambda line: line.startswith("progress"))
            found = seen(capsys)
        assert (found["study"], found["state"], found["result"]) == (STUDY, "running", None)
        assert found["progress"]["phase"] == "search"  # as the process itself wrote it
        assert found["progress"]["best"]["score"] > 0
        assert run(["watch", STUDY, "--once"]) == 0
        out = capsys.readouterr().out
        assert out.startswith(f"{STUDY}: 178 rows")
        assert " started (" in out
        assert "its process has ended" not in out
    finally:
        child.send_signal(signal.SIGKILL)
        end(child)
    assert run(["watch", STUDY]) == 0  # not for ever: nobody runs it any more
    assert "its process has ended" in capsys.readouterr().out
    with Store.open("caviar.db") as store:
        assert store.study(STUDY).state is StudyState.RUNNING  # to look on changes nothing


def test_a_study_that_is_over_is_shown_with_its_answer(wine: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch):
    child = start("lead", "caviar.db", wine, "--trials", 5, "--preset", "single")
    assert end(child)[0] == 0
    assert run(["watch", STUDY]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "| 5 started (" in out
    assert "validation accuracy" in out
    found = seen(capsys)
    assert found["state"] == "finished"
    assert sum(found["progress"]["counts"].values()) == 5
    assert found["result"]["best"]["trial"] < 5
    terminal = Console(force_terminal=True, width=100, height=9, file=StringIO())  # lower than the picture
    monkeypatch.setattr("caviar.cli.watch.console", lambda **_: terminal)
    assert run(["watch", STUDY, "--once"]) == 0
    assert terminal.file.getvalue().count("sealed test") == 1


def test_a_name_of_nothing_is_two_lines(wine: Path, capsys: Capture):
    with Store.open("caviar.db"):
        pass
    assert run(["watch", "nobody"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2
