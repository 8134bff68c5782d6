"""doctor, export, import and delete, as a person types them."""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pyarrow.parquet as pq
import pytest

from caviar.cli.main import run
from caviar.records import LeaseState, Trial, TrialState
from caviar.store import Snapshots, Store, schema
from tests.store.sample import CONFIG, STUDY, measurement

Capture = pytest.CaptureFixture[str]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store with one study in it, which two workers have left."""
    monkeypatch.chdir(tmp_path)
    made: str = "caviar.db" if request.param == "sqlite" else request.getfixturevalue("postgresql_url")
    with Store.open(made) as store:
        fill(store)
    return made


def fill(store: Store) -> None:
    store.create_study(STUDY)
    worker = store.leases.join("flowers")
    trials = [Trial(0, CONFIG, TrialState.FINISHED, 2, 0.5, 0.7, origin="middle"), Trial(1, CONFIG, TrialState.RUNNING)]
    store.write("flowers", trials, [(0, 0, measurement(epoch)) for epoch in (1, 2)], lease=worker)
    Snapshots(store).save("flowers", 1, 0, 1, {"w": np.ones(3)})
    store.leases.leave(worker)


def printed(capsys: Capture) -> Any:
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 1
    return json.loads(captured.out)


def two_lines(capsys: Capture) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 2
    return captured.err


def damage(report: Any) -> list[tuple[str | None, str, str | None]]:
    return [(f["study"], f["what"], f["mended"]) for f in report["found"] if f["kind"] == "damage"]


def test_a_doctor_finds_and_mends(url: str, capsys: Capture) -> None:
    with Store.open(url) as store:
        folder = Snapshots(store).files("flowers").folder
    [snapshot] = folder.iterdir()
    snapshot.write_bytes(snapshot.read_bytes()[:-1])
    (folder / "7-0-1-0123456789abcdef.snapshot").touch()
    (folder / "notes.txt").touch()
    folder.with_name(f"{folder.name.split('-')[0]}-0123456789ab").mkdir()
    kill_a_worker(url)
    assert run(["doctor", "--store", url, "--json"]) == 1
    report = printed(capsys)
    found = damage(report)
    assert [study for study, _, _ in found] == ["flowers", "flowers", "flowers", "flowers", None]
    for (_, what, mended), says in zip(
        found, ["is dead", "running", "another size", "1 snapshot files", "1 folders"], strict=True
    ):
        assert says in what
        assert mended is None
    assert report["store"]["workers"] == []
    assert report["machine"]["instruction_sets"]
    assert report["machine"]["packages"]["numpy"] == np.__version__

    assert run(["doctor", "flowers", "--store", url, "--repair"]) == 0
    assert capsys.readouterr().out.count("fixed: ") == 4
    assert run(["doctor", "--store", url, "--repair", "--json"]) == 0
    assert len(damage(printed(capsys))) == 1
    assert run(["doctor", "--store", url, "--json"]) == 0
    assert damage(printed(capsys)) == []
    with Store.open(url) as store:
        assert store.study("flowers").state == "interrupted"
        assert [trial.state for trial in store.trials("flowers")] == ["finished", "interrupted"]
        assert store.leases.of("flowers")[-1].state is LeaseState.LOST
        store.leases.join("flowers")
    assert [entry.name for entry in folder.iterdir()] == ["notes.txt"]


def kill_a_worker(url: str) -> None:
    code = """
import os, sys
from caviar.store import Store
store = Store.open(sys.argv[1])
store.write("flowers", lease=store.leases.join("flowers"))
os._exit(1)
"""
    subprocess.run([sys.executable, "-c", code, url], check=False, timeout=60)


def test_a_doctor_leaves_the_living_alone(url: str, capsys: Capture) -> None:
    with Store.open(url) as store:
        worker = store.leases.join("flowers")
        (
            Snapshots(store).files("flowers").folder / "7-0-1-0123456789abcdef.snapshot"
        ).touch()  # may be just being saved
        assert run(["doctor", "--store", url, "--repair", "--json"]) == 0
        report = printed(capsys)
        assert damage(report) == []
        assert [f"process {os.getpid()} " in line for line in report["store"]["workers"]] == [True]
        store.leases.beat(worker)


def test_a_doctor_finds_claims_of_workers_that_have_ended(url: str, capsys: Capture) -> None:
    with Store.open(url) as store:
        worker = store.leases.join("flowers")
        store.assign(worker, {store.join_helper("flowers", 1).fence: [(1, 0, 9)]})
        with store.transactions.writing() as connection:
            connection.execute(schema.LEASES.update().values(state="left"))
    run(["doctor", "--store", url, "--repair", "--json"])
    assert ("flowers", "1 tasks are claimed by processes that have ended", "freed") in damage(printed(capsys))
    with Store.open(url) as store:
        assert len(store.handed_in("flowers", [(1, 0, 9)])) == 1  # it is free


def test_a_doctor_finds_damage_of_sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["doctor"]) == 0
    assert "no store here yet" in capsys.readouterr().out
    with Store.open("caviar.db") as store:
        fill(store)
    other = sqlite3.connect("caviar.db")
    with other:
        other.execute("DELETE FROM trials WHERE number = 0")
    other.close()
    assert run(["doctor", "--json"]) == 1
    assert (None, "2 rows of measurements belong to none of trials", None) in damage(printed(capsys))


def test_a_doctor_warns_of_an_old_sqlite_and_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    Store.open("caviar.db").close()
    monkeypatch.setattr("caviar.store.backends.sqlite.FIRST_SAFE", (99, 0, 0))
    monkeypatch.setattr("caviar.store.doctor.ENOUGH_ROOM", 2**60)
    assert run(["doctor", "--json"]) == 0
    warnings = [f["what"] for f in printed(capsys)["found"] if f["kind"] == "warning"]
    assert ["older than 99.0.0" in warnings[0], "MiB left" in warnings[1]] == [True, True]


def test_export_to_csv_and_parquet(url: str, tmp_path: Path, capsys: Capture) -> None:
    assert run(["export", "flowers", "--store", url]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["number"], row["state"], row["origin"], row["optimizer"]) for row in rows] == [
        ("0", "finished", "middle", "adam"),
        ("1", "running", "", "adam"),
    ]
    assert float(rows[0]["learning_rate"]) == 0.012
    assert run(["export", "flowers", "--store", url, "--out", "a.parquet", "--json"]) == 0
    assert printed(capsys)["rows"] == 2
    table = pq.read_table("a.parquet")
    assert json.loads(table.schema.field("learning_rate").metadata[b"scale"]) == STUDY.space["learning_rate"]
    assert b"nats" in table.schema.field("validation_loss").metadata[b"unit"]
    about = json.loads(table.schema.metadata[b"caviar.study"])
    assert (about["name"], about["seed"], about["data"]) == ("flowers", str(STUDY.seed), STUDY.data)
    assert table.column("batch_norm").to_pylist() == [True, True]
    assert table.column("score").to_pylist() == [0.5, None] or np.isnan(table.column("score").to_pylist()[1])
    assert run(["export", "flowers", "--store", url, "--epochs", "--out", "e.csv"]) == 0
    assert pd.read_csv("e.csv")[["number", "epoch", "train_loss"]].to_numpy().tolist() == [[0, 1, 0.5], [0, 2, 0.5]]


def test_what_is_exported_is_no_formula(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.chdir(tmp_path)
    nasty = ["=cmd()", "+1", "-1+2", "@x", "\tx", "\rx", '=HYPERLINK("x","y"),"z']
    with Store.open("caviar.db") as store:
        store.create_study(replace(STUDY, name="=cmd()"))
        config = {"=evil": "=cmd()", "number": -3.5, "mixed": "text"}
        trials = [Trial(n, config, TrialState.FAILED, origin=text, error=text) for n, text in enumerate(nasty)]
        store.write("=cmd()", [*trials, Trial(9, {"mixed": 7, "number": -1.0}, TrialState.RUNNING)])
    assert run(["export", "=cmd()", "--out", "a.csv", "--for-spreadsheet"]) == 0
    assert "8 rows" in capsys.readouterr().out
    with Path("a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["origin"] for row in rows] == [f"'{text}" for text in nasty] + [""]
    assert rows[0]["'=evil"] == "'=cmd()"
    assert [row["config.number"] for row in rows] == ["-3.5"] * len(nasty) + ["-1.0"]  # numbers stay numbers
    assert run(["export", "=cmd()", "--out", "a.parquet"]) == 0
    table = pq.read_table("a.parquet")
    assert table.column("origin").to_pylist() == [*nasty, ""]  # Parquet has types, and needs no quotes
    assert table.column("mixed").to_pylist() == ["text"] * len(nasty) + ["7"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["export", "flower"], "did you mean 'flowers'"),
        (["export", "flowers", "--json"], "--out"),
        (["export", "flowers", "--out", "a.xlsx"], "neither"),
        (["export", "flowers", "--out", "no/such/folder/a.csv"], "cannot be written"),
        (["export", "flowers", "--out", "no/such/folder/a.parquet"], "cannot be written"),
        (["delete", "flower", "--yes"], "did you mean 'flowers'"),
        (["delete", "flowers"], "add --yes"),
        (["doctor", "flower"], "did you mean 'flowers'"),
        (["doctor", "--store", "nowhere.db"], "there is no store"),
        (["import", "nowhere.db"], "there is no file"),
        (["import", "caviar.db"], "cannot read"),
        (["import", "nonsense://x:s3cret@y"], "cannot read"),
    ],
)
def test_a_mistake_gets_two_lines(
    arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with Store.open("caviar.db") as store:
        fill(store)
    assert run(arguments) == 2
    said = two_lines(capsys)
    assert says in said
    assert "s3cret" not in said


class Person(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_delete_asks(url: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    with Store.open(url) as store:
        folder = Snapshots(store).folder
    for answer, deleted in (("no\n", False), ("\n", False), ("", False), ("yes\n", True)):
        assert folder.exists()
        monkeypatch.setattr("sys.stdin", Person(answer))
        assert run(["delete", "flowers", "--store", url]) == int(not deleted)
        assert "'flowers' with its 2 trials" in capsys.readouterr().out
        with Store.open(url) as store:
            assert len(store.studies()) == int(not deleted)
    assert not folder.exists()


def test_delete_is_refused_while_somebody_works(url: str, capsys: Capture) -> None:
    with Store.open(url) as store:
        worker = store.leases.join("flowers")
        assert run(["delete", "flowers", "--store", url, "--yes"]) == 2
        assert f"process {os.getpid()}" in two_lines(capsys)
        assert len(Snapshots(store).of_study("flowers")) == 1
        store.leases.leave(worker)
        kill_a_worker(url)  # a dead one does not hold it
        assert run(["delete", "flowers", "--store", url, "--yes", "--json"]) == 0
        assert printed(capsys) == {"study": "flowers", "deleted": True, "trials": 2}
        assert store.studies() == []


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> optuna.Study:
    """A study as Optuna makes it, with every kind of distribution and state."""
    monkeypatch.chdir(tmp_path)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(
        storage="sqlite:///optuna.db", study_name="moths", sampler=sampler, direction="minimize"
    )

    def objective(trial: optuna.Trial) -> float:
        rate = trial.suggest_float("learning_rate", 1e-4, 1.0, log=True)
        trial.suggest_float("dropout", 0.0, 0.5)
        trial.suggest_int("units", 4, 64, log=True)
        trial.suggest_int("batch_size", 32, 128, step=32)
        trial.suggest_int("layers", 2, 2)
        if trial.suggest_categorical("optimizer", ["adam", "sgd", None]) == "sgd":
            trial.suggest_float("momentum", 0.5, 0.9)
        for step in (0, 5, 10):
            trial.report(rate + step, step)
            if trial.number == 3 and step == 5:
                raise optuna.TrialPruned
        if trial.number == 4:
            raise ZeroDivisionError("by zero")
        return rate

    study.optimize(objective, n_trials=12, catch=(ZeroDivisionError,))
    study.enqueue_trial({"dropout": 0.1})
    study.ask(), study.ask()
    study.enqueue_trial({"dropout": 0.2})
    return study


def test_a_study_of_optunas_moves_in(theirs: optuna.Study, capsys: Capture) -> None:
    assert run(["import", "optuna.db", "--json"]) == 0
    result = printed(capsys)
    assert result["study"] == "moths"
    assert {k: n for k, n in result["trials"].items() if n} == {
        "finished": 10,
        "stopped": 1,
        "failed": 1,
        "interrupted": 2,
    }
    with Store.open("caviar.db") as store:
        study, trials = store.study("moths"), store.trials("moths")
        frame = theirs.trials_dataframe()
        for trial, row in zip(trials, frame.itertuples(), strict=False):
            assert trial.number == row.number
            if trial.number < 12:
                assert trial.config["learning_rate"] == row.params_learning_rate
                assert trial.config["units"] == row.params_units
        assert study.space == {
            "learning_rate": {"scale": "log", "low": 1e-4, "high": 1.0},
            "dropout": {"scale": "linear", "low": 0.0, "high": 0.5},
            "units": {"scale": "integer", "low": 4, "high": 64, "log": True},
            "batch_size": {"scale": "integer", "low": 32, "high": 128, "step": 32},
            "layers": {"value": 2},
            "optimizer": {"choices": ["adam", "sgd", None]},
            "momentum": {"scale": "linear", "low": 0.5, "high": 0.9},
        }
        measured = [(m.epoch, m.score) for n, _, m in store.measurements("moths") if n == 3]
        rate = float(trials[3].config["learning_rate"])
        assert measured == [(1, rate), (2, rate + 5)]
    assert run(["trials", "moths", "--best", "1"]) == 0
    assert f"{theirs.best_value:.4f}" in capsys.readouterr().out  # the smallest objective is the best
    assert run(["studies"]) == 0
    assert run(["import", "optuna.db"]) == 0
    assert "moths-2" in capsys.readouterr().out


def test_import_names_what_cannot_move_in(theirs: optuna.Study, capsys: Capture) -> None:
    optuna.create_study(storage="sqlite:///optuna.db", study_name="two", directions=["minimize", "maximize"])
    assert run(["import", "optuna.db"]) == 2
    assert "moths, two" in two_lines(capsys)
    assert run(["import", "optuna.db", "--study", "two"]) == 2
    assert "2 objectives" in two_lines(capsys)
    assert run(["import", "optuna.db", "--study", "moth"]) == 2
    assert "did you mean 'moths'" in two_lines(capsys)
    assert not Path("caviar.db").exists()


def test_without_optuna_the_way_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert run(["import", str(tmp_path / "x.db")]) == 2
    assert "pip install 'caviar-tuner[optuna]'" in two_lines(capsys)


def test_the_doctor_knows_mapped_rows_that_a_killed_process_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAVIAR_ROWS", str(tmp_path / "rows"))
    left = tmp_path / "rows" / "making-1234"
    left.mkdir(parents=True)
    (left / "train.npy").write_bytes(bytes(2**20))
    assert run(["doctor"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "1.0 MiB of mapped rows" in said
    assert "caviar doctor --repair removes them" in said
    assert run(["doctor", "--repair"]) == 0
    assert "fixed: removed" in capsys.readouterr().out
    assert not left.exists()
