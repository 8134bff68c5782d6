"""First configs and enqueued ones are tried as given: by functions, tables, ask and tell; at the start and later."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import caviar
from caviar.cli.main import run
from caviar.errors import ConfigError, StoreError
from caviar.records import StudySpec, TrialState
from caviar.store import Store

SPACE = caviar.Space(
    x=caviar.Log(1e-4, 1), kind=caviar.Choice([None, "a", "b"]), y=caviar.Linear(0, 1, when={"kind": ["b"]})
)
RATES = caviar.Space(learning_rate=caviar.Log(1e-3, 1))
COLUMNS = ["number", "state", "epochs", "score", "origin", "x", "kind", "y"]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def objective(trial):
    for epoch in range(1, trial.last_epoch + 1):
        trial.report(epoch, -abs(trial.config["x"] - 0.3) - 1 / epoch)


def trials_of(name, store="caviar.db"):
    with Store.open(store) as opened:
        return [trial for trial in opened.trials(name) if not trial.repeat]


def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3)).astype(np.float32)
    return x, (x.sum(axis=1) > 0).astype(int)


def test_first_configs_are_the_first_trials_and_stay_that_when_the_study_is_taken_up():
    first = [{"x": 0.123456789}, {"kind": "b", "x": 1, "y": 0.3}, {"y": 0.25}]
    given = {"first": first, "processes": 2, "epochs": 3, "progress": False, "seed": 3}
    whole = caviar.tune(objective, SPACE, trials=12, study="whole", **given)
    found = trials_of("whole")
    assert [trial.origin for trial in found[:3]] == ["enqueued"] * 3
    assert all(trial.origin != "enqueued" for trial in found[3:])
    assert found[0].config["x"] == 0.123456789
    assert found[1].config == {"x": 1.0, "kind": "b", "y": 0.3}
    assert found[2].config["kind"] == "b"
    assert found[2].config["y"] == 0.25
    caviar.tune(objective, SPACE, trials=2, study="parts", **given)
    for trials in (3, 7, 12):
        parts = caviar.resume("parts", data=objective, trials=trials, processes=2, progress=False)
    assert parts.trials()[COLUMNS].equals(whole.trials()[COLUMNS])
    without = caviar.tune(objective, SPACE, trials=3, study="without", **(given | {"first": ()}))
    assert without.trials().origin.tolist()[0] == "middle"


def test_a_table_tries_them_too_on_any_number_of_threads_to_the_same_bits():
    space = caviar.Space(
        learning_rate=caviar.Log(1e-3, 1), hidden_units=caviar.Integer(4, 64, log=True), layers=caviar.Integer(1, 2)
    )
    first = [{"learning_rate": 0.05, "hidden_units": 7, "layers": 2}, {"hidden_units": 9}]
    given = {"space": space, "trials": 16, "first": first, "store": None, "progress": False}
    one, other = (caviar.tune(data(), threads=threads, **given) for threads in (1, 3))
    times = ["began", "ended"]
    assert one.trials().drop(columns=times).equals(other.trials().drop(columns=times))
    frame = one.trials().query("repeat == 0")
    assert frame.origin.tolist()[:2] == ["enqueued", "enqueued"]
    assert frame.iloc[0][["learning_rate", "hidden_units", "layers"]].tolist() == [0.05, 7, 2]
    assert frame.iloc[1].hidden_units == 9


def test_nothing_is_written_where_one_is_outside_of_the_space(tmp_path):
    for call in (
        lambda: caviar.tune(objective, SPACE, trials=3, first=[{"x": 2}]),
        lambda: caviar.tune(
            data(), space=caviar.Space(learning_rate=caviar.Log(1e-3, 1)), first=[{"learning_rate": 2}]
        ),
        lambda: caviar.open_study("s", SPACE, first=[{"x": 2}]),
        lambda: caviar.tune(objective, SPACE, trials=3, first={"x": 0.2}),
    ):
        with pytest.raises(ConfigError, match=r"must be from 0\.0+1 to 1\.0, got 2\.0|must be a list"):
            call()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("search", ["coarse_to_fine", "random", "grid", "optuna:tpe", "optuna:cmaes"])
def test_open_study_asks_for_them_in_every_search(search):
    if search.startswith("optuna"):
        pytest.importorskip("optuna")

    def train(study, n):
        for _ in range(n):
            [trial] = study.ask()
            study.report(trial, 1, -trial.config["x"])
            study.tell(trial, -trial.config["x"])

    first = [{"x": 0.5}, {"x": 0.25, "kind": None}]
    with caviar.open_study("s", SPACE, search=search, first=first, stopping="none") as study:
        train(study, 5)
        study.enqueue({"x": 0.125})
        train(study, 1)
        study.enqueue({"kind": "b"})
    with caviar.open_study("s", SPACE, search=search, first=[*first, {"x": 0.0625}], stopping="none") as study:
        train(study, 9)
    found = trials_of("s")
    wished = [trial.number for trial in found if trial.origin == "enqueued"]
    assert wished == [0, 1, 5, 6, 7]
    assert [found[n].config["x"] for n in (0, 1, 5, 7)] == [0.5, 0.25, 0.125, 0.0625]
    assert found[6].config["kind"] == "b"
    own = [tuple(trial.config.items()) for trial in found if trial.origin not in ("enqueued", "middle")]
    assert len(set(own)) == len(own)  # what the search drew before is not drawn again


def test_a_command_line_gives_them_at_the_start_and_later(capsys):
    Path("p.py").write_text("import sys; print('score', sys.argv[1])")
    Path("space.toml").write_text(SPACE.to_toml())
    command = f"{sys.executable} p.py {{x}} {{kind}} --y={{y}}"
    given = ["--command", command, "--score", r"score (\S+)", "--goal", "minimize", "--space", "space.toml"]
    first = ["--first", "x=0.5 kind=null", "--first", "y=0.75"]
    assert run(["tune", *given, *first, "--trials", "3", "--study", "s", "--processes", "1", "--quiet"]) == 0
    assert run(["enqueue", "s", "x=0.25", "kind=a"]) == 0
    said = capsys.readouterr().out
    assert "x 0.25, kind a is tried first when the study goes on: caviar resume s" in said
    assert run(["enqueue", "s", "x=0.125", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"study": "s", "enqueued": {"x": 0.125}, "waiting": 2}
    assert run(["resume", "s", "--trials", "6", "--quiet"]) == 0
    found = trials_of("s")
    assert [trial.number for trial in found if trial.origin == "enqueued"] == [0, 1, 3, 4]
    assert found[0].config == {"x": 0.5, "kind": None}
    assert (found[1].config["y"], found[1].config["kind"]) == (0.75, "b")
    assert found[3].config == {"x": 0.25, "kind": "a"}
    assert found[4].config["x"] == 0.125
    capsys.readouterr()
    for mistake, said in [
        (["s", "x=3"], "x must be from 0.0001 to 1.0, got 3"),
        (["s", "z=3"], "no hyperparameter 'z'"),
        (["t", "x=0.5"], "no study 't'"),
        (["s", "x"], "a config is written as name=value"),
    ]:
        assert run(["enqueue", *mistake]) == 2
        assert said in capsys.readouterr().err


def test_a_study_that_runs_takes_up_what_another_process_enqueues_and_keeps_it_when_resumed():
    Path("run.py").write_text("""
import caviar, time
def slow(trial):
    time.sleep(0.05)
    return -abs(trial.config["x"] - 0.3)
space = caviar.Space(x=caviar.Log(1e-4, 1), kind=caviar.Choice([None, "a", "b"]))
caviar.tune(slow, space, seconds=60, study="live", processes=1, progress=False)
""")
    child = subprocess.Popen([sys.executable, "run.py"], stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with Store.open("caviar.db", create=False) as store:
                    if len(store.trials("live")) > 3:
                        break
            except StoreError:
                pass
            time.sleep(0.1)
        assert caviar.enqueue("live", {"x": 0.777}) == {"x": 0.777}
        while time.monotonic() < deadline and not any(t.origin == "enqueued" for t in trials_of("live")):
            time.sleep(0.1)
    finally:
        child.kill()
        child.communicate()
    found = trials_of("live")
    [wished] = [trial.number for trial in found if trial.origin == "enqueued"]
    assert found[wished].config["x"] == 0.777
    study = caviar.resume("live", data=lambda t: -abs(t.config["x"] - 0.3), trials=len(found) + 4, progress=False)
    again = trials_of("live")
    assert [t.config for t in again[: len(found)]] == [t.config for t in found]
    assert [trial.number for trial in again if trial.origin == "enqueued"] == [wished]
    assert study.trials().state[wished] == TrialState.FINISHED


def test_a_study_of_an_older_version_has_none():
    with caviar.open_study("s", SPACE) as study:
        study.tell(study.ask()[0], 1.0)
    with Store.open("caviar.db") as store:
        spec = store.study("s").spec.to_record()
        del spec["first"], spec["known"]
        assert StudySpec.from_record(spec).first == ()
        assert StudySpec.from_record(spec).known == 0
