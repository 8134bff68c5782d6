"""A trial that is infeasible, what is noted of a trial, its times, and a function that gets each trial at its end."""

from __future__ import annotations

import csv
import json
import math
import sys
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import caviar
from caviar.cli.main import run
from caviar.errors import ConfigError, NoAnswer
from caviar.records import StudyState, TrialState
from caviar.store import Store

SPACE = caviar.Space(x=caviar.Linear(0, 1), y=caviar.Linear(0, 1))
GIVEN = {"processes": 2, "epochs": 3, "progress": False}


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def refusing(trial):
    """Half of the configs cannot be: some raise it, some say it."""
    trial.set("half", "left" if trial.config["x"] < 0.5 else "right")
    if trial.config["x"] > 0.75:
        raise caviar.Infeasible(f"x is {trial.config['x']:.1f}")
    if trial.config["x"] > 0.5:
        trial.infeasible("x is above 0.5")
        raise AssertionError("it went on")
    for epoch in range(1, trial.last_epoch + 1):
        trial.report(epoch, trial.config["x"] - 1 / epoch)


def test_an_infeasible_config_is_no_failure_and_ranked_last(capsys):
    study = caviar.tune(refusing, SPACE, trials=20, study="s", **GIVEN)
    frame = study.trials()
    assert ((frame.x > 0.5) == (frame.state == "infeasible")).all()
    counts = study.summary["trials"]
    assert counts["infeasible"] == (frame.x > 0.5).sum() > 3
    assert counts["failed"] == counts["diverged"] == 0
    assert counts["started"] == 20
    with Store.open("caviar.db") as store:
        errors = {trial.error for trial in store.trials("s") if trial.state is TrialState.INFEASIBLE}
        assert "x is above 0.5" in errors
        assert any(error.startswith("x is 0.") for error in errors)
    assert study.best_config["x"] <= 0.5
    assert run(["trials", "s"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert "infeasible" not in shown[1]
    assert "infeasible" in shown[-2]
    assert run(["explain", "s"]) == 0
    assert f"{counts['infeasible']} infeasible" in capsys.readouterr().out
    assert run(["watch", "s"]) == 0
    assert f"{counts['infeasible']} infeasible" in capsys.readouterr().out
    again = caviar.resume("s", data=refusing, trials=24, processes=2, progress=False).trials()
    columns = ["number", "state", "epochs", "x"]
    assert again[:20][columns].equals(frame[columns])


def test_many_infeasible_configs_do_not_end_a_study_and_all_of_them_are_no_answer():
    def seldom(trial):
        if trial.number < 12:
            raise caviar.Infeasible("not yet")
        return trial.config["x"]

    assert caviar.tune(seldom, SPACE, trials=14, **GIVEN).best.number >= 12

    def never(trial):
        raise caviar.Infeasible("too large")

    with pytest.raises(NoAnswer, match=r"all 7 trials were infeasible, the last: too large\n.*space.require"):
        caviar.tune(never, SPACE, trials=7, study="never", **GIVEN)

    def half(trial):
        if trial.number % 2:
            raise caviar.Infeasible("odd")
        raise ValueError("it is broken")

    with pytest.raises(NoAnswer, match="no trial has a score; 6 failed"):
        caviar.tune(half, SPACE, trials=12, study="half", **GIVEN)


def test_importance_leaves_infeasible_trials_out():
    with caviar.open_study("s", SPACE, search="random", stopping="none", rungs=(1,)) as study:
        for _ in range(70):
            [trial] = study.ask()
            if trial.config["x"] > 0.5:
                study.tell(trial, infeasible="x")
            else:
                study.report(trial, 1, trial.config["y"])
                study.tell(trial, trial.config["y"])
    from caviar.views.study import study_view

    with Store.open("caviar.db") as store:
        rows = {row.name: row.importance for row in study_view(store, "s").importance}
    assert rows["y"] > 0.5
    assert abs(rows["x"]) < 0.2  # it decides about infeasible, and about nothing else


def test_ask_and_answer_infeasible():
    with caviar.open_study("s", SPACE) as study:
        one, two, three, four = study.ask(4)
        study.tell(one, infeasible=True)
        study.tell(two, infeasible="too large")
        study.tell(three, 0.5)
        study.report(four, 1, 0.9)
        with pytest.raises(ConfigError, match="a trial has a value or is infeasible"):
            study.tell(four, 0.9, infeasible=True)
        study.tell(four, infeasible=np.True_)
        assert study.best_score == 0.5
        assert study.best_config == three.config
        assert study.trials().state.tolist() == ["infeasible", "infeasible", "finished", "infeasible"]
    with caviar.open_study("s", SPACE) as study:
        assert study.best_score == 0.5
        study.tell(study.ask()[0], 0.75)
        assert study.best_score == 0.75


def test_a_program_says_it_by_the_protocol(capsys):
    Path("p.py").write_text("""
import json, sys
for line in sys.stdin:
    m = json.loads(line)
    if m["type"] != "trial":
        break
    if m["config"]["x"] > 0.5:
        print(json.dumps({"type": "failed", "kind": "infeasible", "why": "too large", "more": True}), flush=True)
        continue
    report = {"type": "epoch", "epoch": 1, "score": m["config"]["x"], "attributes": {"size": 7}}
    print(json.dumps(report), flush=True)
    sys.stdin.readline()
    print(json.dumps({"type": "done", "more": True, "attributes": {"late": True}}), flush=True)
""")
    Path("space.toml").write_text(SPACE.to_toml())
    command = ["tune", "--command", f"{sys.executable} p.py", "--space", "space.toml", "--trials", "8", "--epochs", "1"]
    assert run([*command, "--study", "s", "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["trials"]["infeasible"] > 0
    assert run(["trials", "s", "--json"]) == 0
    for trial in json.loads(capsys.readouterr().out)["trials"]:
        if trial["state"] == "infeasible":
            assert trial["error"] == "too large"
        else:
            assert trial["attributes"] == {"size": 7, "late": True}


def test_what_is_noted_of_a_trial_is_in_every_table_and_stays():
    def noting(trial):
        trial.set("parameters", np.int64(1000 + trial.number))
        trial.set("layers", [np.float32(0.5), {"kind": "dense"}])
        for epoch in range(1, trial.last_epoch + 1):
            trial.set("last", epoch)
            trial.report(epoch, trial.config["x"] - 1 / epoch)
        trial.set("done", None)
        Path(trial.folder, "note.txt").write_text("kept")
        try:
            trial.set("function", noting)
        except ValueError as error:
            trial.set("refused", str(error))

    study = caviar.tune(noting, SPACE, trials=9, study="s", **GIVEN)
    frame = study.trials()
    assert frame["attributes.parameters"].tolist() == [1000 + n for n in range(9)]
    assert frame["attributes.layers"].tolist() == [[0.5, {"kind": "dense"}]] * 9
    assert (frame["attributes.last"] == frame.epochs).all()
    best = study.best
    assert best.attributes["parameters"] == 1000 + best.number
    assert best.attributes["done"] is None
    assert "lists and dicts of these" in best.attributes["refused"]
    assert Path(study.summary["best"]["folder"], "note.txt").read_text() == "kept"
    again = caviar.resume("s", data=noting, trials=11, processes=2, progress=False).trials()
    assert again[:9]["attributes.parameters"].tolist() == frame["attributes.parameters"].tolist()
    assert run(["export", "s", "--out", "s.csv"]) == 0
    assert run(["export", "s", "--out", "s.parquet"]) == 0
    rows = list(csv.DictReader(Path("s.csv").read_text().splitlines()))
    assert [row["attributes.parameters"] for row in rows] == [str(1000 + n) for n in range(11)]
    assert pd.read_parquet("s.parquet")["attributes.parameters"].tolist() == [1000 + n for n in range(11)]


def test_attributes_of_ask_and_answer():
    with caviar.open_study("s", SPACE) as study:
        one, two = study.ask(2)
        study.set(one, "note", "a")
        study.set(one, "note", {"b": (1, np.float64(math.pi))})
        study.tell(one, 1.0)
        study.set(one, "after", True)
        with pytest.raises(ConfigError, match="an attribute is a number, text"):
            study.set(two, "bad", object())
        assert study.best.attributes == {"note": {"b": [1, math.pi]}, "after": True}
    with caviar.open_study("s", SPACE) as study:
        assert study.best.attributes == {"note": {"b": [1, math.pi]}, "after": True}


def test_trials_have_times_with_a_zone():
    before = datetime.now(UTC) - timedelta(seconds=1)

    def slow(trial):
        import time

        time.sleep(0.2)
        return trial.config["x"]

    frame = caviar.tune(slow, SPACE, trials=4, study="s", **GIVEN).trials()
    assert str(frame.began.dt.tz) == str(frame.ended.dt.tz) == "UTC"
    assert (frame.began >= before).all()
    assert (frame.ended - frame.began >= timedelta(seconds=0.15)).all()
    assert (frame.ended <= datetime.now(UTC) + timedelta(seconds=1)).all()
    again = caviar.resume("s", data=slow, trials=5, progress=False).trials()
    assert again[:4][["began", "ended"]].equals(frame[["began", "ended"]])
    assert run(["export", "s", "--out", "s.parquet"]) == 0
    assert pd.read_parquet("s.parquet").began.dt.tz is not None
    with caviar.open_study("asked", SPACE) as study:
        [trial] = study.ask()
        running = study.trials()
        assert running.ended.isna().all()
        assert running.began.notna().all()
        study.tell(trial, 1.0)
        assert study.trials().ended.notna().all()


def test_a_function_gets_each_trial_at_its_end():
    seen = []
    study = caviar.tune(refusing, SPACE, trials=12, study="s", after_trial=seen.append, **GIVEN)
    frame = study.trials()
    assert sorted(trial.number for trial in seen) == frame.number.tolist()
    by_number = {trial.number: trial for trial in seen}
    assert [str(by_number[n].state) for n in frame.number] == frame.state.tolist()
    assert [by_number[n].config["x"] for n in frame.number] == frame.x.tolist()
    assert {trial.attributes["half"] for trial in seen} == {"left", "right"}
    more = []
    caviar.resume("s", data=refusing, trials=15, progress=False, after_trial=more.append)
    assert sorted(trial.number for trial in more) == [12, 13, 14]


@pytest.mark.parametrize("progress", [False, True])
def test_what_the_function_raises_ends_the_study_with_everything_saved(progress, capsys):
    def enough(trial):
        if trial.state is TrialState.FINISHED and trial.score > 0.4:
            raise KeyError("enough")

    def objective(trial):
        return trial.config["x"]

    with pytest.raises(KeyError, match="enough"):
        caviar.tune(objective, SPACE, trials=500, processes=1, study="s", after_trial=enough, progress=progress)
    with Store.open("caviar.db") as store:
        assert store.study("s").state is StudyState.INTERRUPTED
        trials = store.trials("s")
    assert 0 < len(trials) < 400
    assert any(trial.score is not None and trial.score > 0.4 for trial in trials)
    study = caviar.resume("s", data=objective, trials=len(trials) + 2, progress=False)
    assert study.trials().state.tolist() == ["finished"] * (len(trials) + 2)


def test_a_table_has_callbacks_and_the_best_in_one_word():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(160, 3)).astype(np.float32)
    seen = []
    space = caviar.Space(learning_rate=caviar.Log(1e-3, 1), hidden_units=8, layers=1)
    data = x, (x.sum(axis=1) > 0).astype(int)
    study = caviar.tune(data, space=space, trials=12, threads=2, after_trial=seen.append, progress=False)
    frame = study.trials().query("repeat == 0")
    assert sorted(trial.number for trial in seen) == frame.number.tolist()
    assert study.best_config == study.best.config
    assert study.best_score == study.best.validation["accuracy"]
    assert str(frame.began.dt.tz) == "UTC"
    program = caviar.tune(lambda trial: trial.config["x"], SPACE, trials=3, processes=1, progress=False)
    assert program.best_config == program.best.config
    assert program.best_score == program.best.score == program.trials().score.max()


def test_the_best_are_trained_again_by_a_resume(capsys):
    def noisy(trial):
        return trial.config["x"] + trial.seed % 100 / 1000

    caviar.tune(noisy, SPACE, trials=8, study="s", **GIVEN)
    study = caviar.resume("s", data=noisy, repeats=2, processes=2, progress=False)
    frame = study.trials()
    assert (frame.repeat == 0).sum() == 8
    assert (frame.repeat > 0).sum() == 10
    assert len(study.summary["best"]["repeated"]["scores"]) == 2
    x = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    data = x, (x.sum(axis=1) > 0).astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", caviar.CaviarWarning)
        caviar.tune(data, trials=2, study="table", progress=False)
    with pytest.raises(ConfigError, match="`repeats` is for code of your own"):
        caviar.resume("table", data=data, repeats=2)


def test_the_account_names_the_winner_and_offers_to_train_it_again(capsys):
    study = caviar.tune(lambda trial: trial.config["x"], SPACE, trials=5, study="my best", **GIVEN)
    assert run(["explain", "my best"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"Trial {study.best.number} won: score {study.best.score:.4g}." in said
    assert f"Config: x {study.best.config['x']:.4g}" in said
    assert "caviar.resume('my best', data=objective, repeats=3)" in said
    assert run(["explain", "my best", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["winner"] == study.best.number
    with caviar.open_study("asked", SPACE, goal="minimize") as asked:
        one, two = asked.ask(2)
        asked.set(two, "size", 7)
        asked.tell(one, 2.0)
        asked.tell(two, 1.0)
    assert run(["explain", "asked"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"Trial {two.number} won: loss 1." in said
    assert "Attributes: size 7" in said
    Path("p.py").write_text("import sys; print('score', sys.argv[1])")
    Path("space.toml").write_text(SPACE.to_toml())
    command = ["--command", f"{sys.executable} p.py {{x}} {{y}}", "--score", r"score (\S+)", "--goal", "maximize"]
    assert run(["tune", *command, "--space", "space.toml", "--trials", "4", "--study", "s", "--processes", "2"]) == 0
    assert "next: caviar resume s --repeats 3" in capsys.readouterr().out
    assert run(["explain", "s"]) == 0
    assert "caviar resume s --repeats 3" in capsys.readouterr().out
    assert run(["resume", "s", "--repeats", "1", "--quiet", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["best"]["repeated"]["scores"]) == 1
