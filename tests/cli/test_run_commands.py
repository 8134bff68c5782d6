"""doctor, export and delete of the panda's runs, on both databases; and names that a study and a run share."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from caviar.cli.main import run
from caviar.data import samples
from caviar.records import RunState
from caviar.runs import loop
from caviar.store import Store
from caviar.store.runs import Runs
from tests.cli.test_store_commands import Person, damage, printed, two_lines
from tests.runs.conftest import Pond
from tests.store.sample import STUDY

Capture = pytest.CaptureFixture[str]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store with the run wine, which has ended; the snapshots of a PostgreSQL store lie in the working folder."""
    monkeypatch.chdir(tmp_path)
    made: str = "caviar.db" if request.param == "sqlite" else request.getfixturevalue("postgresql_url")
    samples.write_csv(samples.wine(), tmp_path / "wine.csv")
    Pond(tmp_path, made).run_one(epochs=4)
    return made


def folder_of(url: str) -> Path:
    with Store.open(url) as store:
        return Runs(store).files("wine").folder


def state_of(url: str) -> tuple[RunState, list[str]]:
    with Store.open(url) as store:
        return Runs(store).run("wine").state, [s.state for s in Runs(store).snapshots("wine")]


def take_and_die(url: str, how: str = "os._exit(1)") -> subprocess.Popen[str]:
    """A process that takes the run up, says so, and does ``how``."""
    code = f"""
import os, sys, time
from caviar.store import Store
from caviar.store.runs import Runs
Runs(Store.open(sys.argv[1])).take("wine")
print("taken", flush=True)
{how}
"""
    child = subprocess.Popen([sys.executable, "-c", code, url], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "taken\n"
    return child


def test_a_doctor_finds_and_mends_what_is_wrong_with_a_run(url: str, capsys: Capture) -> None:
    folder = folder_of(url)
    states = sorted(folder.iterdir())
    assert run(["doctor", "--store", url, "--json"]) == 0
    assert damage(printed(capsys)) == []
    content = bytearray(states[2].read_bytes())
    content[len(content) // 2] ^= 1
    states[2].write_bytes(content)
    states[3].unlink()
    (folder / "000009-0123abcd.safetensors").touch()
    (folder / ".000010-0123abcd.safetensors.0a0b0c0d.unfinished").touch()
    (folder / "notes.txt").touch()
    gone = folder.with_name(f"{folder.name.split('-')[0]}-0123456789ab")
    gone.mkdir()
    take_and_die(url).communicate()
    assert run(["doctor", "--store", url, "--json"]) == 1
    report = printed(capsys)
    found = [what for _, what, mended in damage(report) if mended is None]
    says = [
        "is dead",
        "no process works on it",
        "is damaged",
        "2 snapshot files belong to none",
        "1 folders",
    ]
    assert [part in what for part, what in zip(says, found, strict=True)] == [True] * 5
    notes = [finding["what"] for finding in report["found"] if finding["kind"] != "damage"]
    assert [note for note in notes if "snapshot 4 is not there; looked for in" in note]
    assert [finding["run"] for finding in report["found"] if finding["kind"] == "damage"] == ["wine"] * 4 + [None]
    assert report["store"]["runs"] == 1

    assert run(["doctor", "wine", "--store", url, "--repair"]) == 0
    assert capsys.readouterr().out.count("fixed: ") == 4
    assert state_of(url) == (RunState.INTERRUPTED, ["kept", "kept", "damaged", "kept", "kept"])
    assert run(["doctor", "wine", "--store", url, "--repair", "--forget-missing"]) == 0
    assert "given up" in capsys.readouterr().out
    assert state_of(url) == (RunState.INTERRUPTED, ["kept", "kept", "damaged", "damaged", "kept"])
    assert run(["doctor", "--store", url, "--repair", "--json"]) == 0
    assert len(damage(printed(capsys))) == 1
    assert run(["doctor", "--store", url, "--json"]) == 0
    assert damage(printed(capsys)) == []
    assert {path.name for path in folder.iterdir()} == {*(s.name for s in states if s != states[3]), "notes.txt"}
    assert not gone.exists()


def test_a_mended_run_goes_on(url: str, tmp_path: Path) -> None:
    asked = [False]

    def events() -> Any:
        for event in Pond(tmp_path, url).begin(name="long", epochs=6, ended=lambda: asked[0]):
            asked[0] = asked[0] or (isinstance(event, loop.EpochDone) and event.measurement.clock.epoch == 3)

    with pytest.raises(KeyboardInterrupt):
        events()
    with Store.open(url) as store:
        newest = Runs(store).snapshots("long")[-1]
        (Runs(store).files("long").folder / newest.path).write_bytes(b"no state")
    assert run(["doctor", "--store", url, "--repair"]) == 0
    ended = Pond.follow(loop.resume("long", url))
    assert ended.summary["epochs"] == 6


def test_a_doctor_leaves_a_run_that_is_trained_alone(url: str, capsys: Capture) -> None:
    folder = folder_of(url)
    (folder / "000009-0123abcd.safetensors").touch()  # may be just being saved
    child = take_and_die(url, "time.sleep(60)")
    try:
        assert run(["doctor", "--store", url, "--repair", "--json"]) == 0
        report = printed(capsys)
        assert damage(report) == []
        assert [line.startswith(f"wine: process {child.pid} of") for line in report["store"]["keepers"]] == [True]
        assert run(["delete", "wine", "--store", url, "--yes"]) == 2
        assert f"process {child.pid}" in two_lines(capsys)
        assert state_of(url)[0] is RunState.RUNNING
    finally:
        child.kill()
        child.communicate()
    assert run(["delete", "wine", "--store", url, "--yes", "--json"]) == 0  # a dead one does not hold it
    assert printed(capsys) == {"run": "wine", "deleted": True, "snapshots": 5}


def test_delete_asks_and_removes_the_folder(url: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    folder = folder_of(url)
    (folder / "notes.txt").touch()
    with Store.open(url) as store:
        another = replace(Runs(store).run("wine"), name="another")
        Runs(store).create(another)
    for answer, deleted in (("no\n", False), ("yes\n", True)):
        monkeypatch.setattr("sys.stdin", Person(answer))
        assert run(["delete", "wine", "--store", url]) == int(not deleted)
        assert "run 'wine' with its 5 snapshots" in capsys.readouterr().out
        with Store.open(url) as store:
            assert [one.name for one in Runs(store).all()] == ["another"] if deleted else ["wine", "another"]
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    assert run(["doctor", "--store", url, "--json"]) == 1
    assert "1 folders of snapshots belong to no run" in str(damage(printed(capsys)))


def test_a_run_with_branches_stays(url: str, capsys: Capture) -> None:
    Pond.follow(loop.branch("wine", 3, {"learning_rate": 0.1}, url, name="twig"))
    assert run(["delete", "wine", "--store", url, "--yes"]) == 2
    assert "caviar delete twig" in two_lines(capsys)
    assert run(["delete", "twig", "--store", url, "--yes"]) == 0
    assert run(["delete", "wine", "--store", url, "--yes"]) == 0
    assert not folder_parent_has_states(url)


def folder_parent_has_states(url: str) -> bool:
    with Store.open(url) as store:
        return Runs(store).folder.exists()


def test_export_of_a_run(url: str, capsys: Capture) -> None:
    capsys.readouterr()
    assert run(["export", "wine", "--store", url]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    with Store.open(url) as store:
        measured, diary = Runs(store).measurements("wine"), Runs(store).diary("wine")
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4]
    for row, m in zip(rows, measured, strict=True):
        assert (int(row["tick"]), float(row["validation_loss"])) == (m.clock.tick, m.values["validation_loss"])
        assert json.loads(row["inside"]) == m.values["inside"]
    assert run(["export", "wine", "--store", url, "--out", "a.parquet", "--json"]) == 0
    assert printed(capsys) == {"run": "wine", "file": "a.parquet", "rows": 4, "columns": list(rows[0])}
    table = pq.read_table("a.parquet")
    assert table.column("train_loss").to_pylist() == [m.values["train_loss"] for m in measured]
    about = json.loads(table.schema.metadata[b"caviar.run"])
    assert (about["name"], about["seed"], about["kind"]) == ("wine", "0", "network")
    assert run(["export", "wine", "--store", url, "--diary", "--out", "d.csv"]) == 0
    with Path("d.csv").open(newline="") as file:
        entries = list(csv.DictReader(file))
    assert [(int(e["number"]), e["kind"], e["text"]) for e in entries] == [(e.number, e.kind, e.text) for e in diary]


def test_a_study_and_a_run_of_one_name_are_distinguished(url: str, capsys: Capture) -> None:
    with Store.open(url) as store:
        store.create_study(replace(STUDY, name="wine"))
    capsys.readouterr()
    for command in (["export", "wine"], ["delete", "wine", "--yes"]):
        assert run([*command, "--store", url]) == 2
        assert "--study or --run" in two_lines(capsys)
    assert run(["export", "wine", "--store", url, "--run"]) == 0
    assert capsys.readouterr().out.startswith("tick,")
    assert run(["export", "wine", "--store", url, "--study"]) == 0
    assert capsys.readouterr().out.startswith("number,")
    assert run(["export", "wine", "--store", url, "--study", "--diary"]) == 2
    assert "only runs have a diary" in two_lines(capsys)
    take_and_die(url).communicate()
    assert run(["doctor", "wine", "--store", url, "--json"]) == 1
    found = [(f["study"], f["run"]) for f in printed(capsys)["found"] if f["kind"] == "damage"]
    assert found == [("wine", None), (None, "wine"), (None, "wine")]
    assert run(["delete", "wine", "--store", url, "--study", "--yes"]) == 0
    with Store.open(url) as store:
        assert ([s.name for s in store.studies()], [r.name for r in Runs(store).all()]) == ([], ["wine"])
    assert run(["delete", "wine", "--store", url, "--yes"]) == 0
    capsys.readouterr()
    assert run(["export", "wines", "--store", url]) == 2
    assert "no study or run 'wines'" in two_lines(capsys)
