"""None, booleans, tuples, steps and names with dots, from the space through every search and store to every file."""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

import caviar
from caviar.cli.main import run
from caviar.store import Store

SPACE = caviar.Space(
    **{
        "optimizer.lr": caviar.Linear(0, 1, step=0.1),
        "optimizer": caviar.Choice([None, "adam", "None"]),
        "sizes": caviar.Choice([(), (64,), (64, None), (True, 1)]),
        "flag": caviar.Choice([True, 1, 0.5, None]),
        "units": caviar.Integer(32, 256, step=32),
        "width": caviar.Integer(8, 128, log=True, step=8),
        "decay": caviar.Log(0.5, 8, step=0.5, zero=0.2),
        "momentum": caviar.Linear(0, 0.3, step=0.1, when={"optimizer": [None, "adam"]}),
        "depth": caviar.Choice([2, 3], when={"sizes": [(64, None)], "flag": [True]}),
        "nothing": None,
    }
)


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def score(config) -> float:
    """Best with None, (64, None) and 0.3."""
    return (
        -abs(config["optimizer.lr"] - 0.3) - (config["optimizer"] is not None) - 0.5 * (config["sizes"] != (64, None))
    )


def train(study, n: int) -> None:
    for _ in range(n):
        [trial] = study.ask()
        study.report(trial, 1, score(trial.config))
        study.tell(trial, score(trial.config))


def types(value) -> object:
    """The value with the types of all its parts: 1, 1.0 and True are equal."""
    return tuple(map(types, value)) if isinstance(value, tuple) else (type(value), value)


@pytest.mark.parametrize("search", ["coarse_to_fine", "sobol", "random", "grid:3", "optuna:tpe", "optuna:cmaes"])
def test_every_search_draws_and_keeps_such_values_and_goes_on_with_them(search):
    if search.startswith("optuna"):
        pytest.importorskip("optuna")
    with caviar.open_study("s", SPACE, search=search, seed=2, store="c.db") as study:
        train(study, 40)
    with caviar.open_study("s", SPACE, search=search, seed=2, store="c.db") as study:
        train(study, 40)
    with Store.open("c.db") as store:
        configs = [trial.config for trial in store.trials("s")]
    assert len(configs) == 80
    SPACE.to_unit(configs)  # each on its scale, a tuple and no list
    for config in configs:
        assert ("momentum" in config) == (config["optimizer"] != "None")
        assert ("depth" in config) == (config["sizes"] == (64, None) and config["flag"] is True)
        assert config["nothing"] is None
    if search not in ("grid:3", "optuna:tpe"):  # one walks, the other is soon sure
        assert {types(config["sizes"]) for config in configs} == {types(v) for v in SPACE["sizes"].choices}
        assert {types(config["flag"]) for config in configs} == {types(v) for v in SPACE["flag"].choices}
    if search in ("coarse_to_fine", "optuna:tpe"):
        late = Counter(config["optimizer"] for config in configs[40:])
        assert late.most_common(1)[0][0] is None


def test_a_box_and_the_account_of_a_study_name_such_values_apart(capsys):
    with caviar.open_study("s", SPACE, seed=2, rungs=(1,), store="c.db") as study:
        train(study, 80)
    with Store.open("c.db") as store:
        ranges = store.boxes("s")[-1].ranges
    assert set(ranges["optimizer"]["weights"]) == {"None", "adam", "'None'"}
    assert set(ranges["sizes"]["weights"]) == {"()", "(64,)", "(64, None)", "(True, 1)"}
    assert ranges["optimizer"]["weights"]["None"] == max(ranges["optimizer"]["weights"].values())
    assert ranges["optimizer.lr"]["low"] in [k / 10 for k in range(11)]
    assert run(["explain", "s", "--store", "c.db", "--html", "s.html"]) == 0
    said = capsys.readouterr().out
    assert "What mattered" in said
    assert "(64, None)" in said
    assert "optimizer.lr" in Path("s.html").read_text()


def test_files_and_frames_keep_none_apart_from_what_does_not_apply(capsys):
    with caviar.open_study("s", SPACE, seed=2, search="random", store="c.db") as study:
        train(study, 40)
        frame = study.trials()
    with Store.open("c.db") as store:
        configs = [trial.config for trial in store.trials("s")]
    for name in SPACE.names:
        for cell, config in zip(frame[name], configs, strict=True):
            if name not in config:
                assert cell is not None
                assert cell != cell
            else:
                assert types(cell) == types(config[name]) or (name in ("momentum", "depth") and cell == config[name])
    assert run(["trials", "s", "--store", "c.db", "--json"]) == 0
    shown = [trial["config"] for trial in json.loads(capsys.readouterr().out)["trials"]]
    as_json = json.loads(json.dumps(configs))
    assert shown == as_json
    assert run(["export", "s", "--store", "c.db", "--out", "s.csv"]) == 0
    assert run(["export", "s", "--store", "c.db", "--out", "s.parquet"]) == 0
    assert run(["trials", "s", "--store", "c.db"]) == 0
    rows = list(csv.DictReader(Path("s.csv").read_text().splitlines()))
    parquet = pd.read_parquet("s.parquet")
    for i, config in enumerate(configs):
        for name in SPACE.names:
            if name not in config:
                assert rows[i][name] == ""
                assert pd.isna(parquet[name][i])
            elif config[name] is None or isinstance(config[name], tuple):
                assert rows[i][name] == parquet[name][i] == str(config[name])
    assert {row["units"] for row in rows} <= {str(v) for v in range(32, 257, 32)}


def test_a_function_gets_them_as_they_are_and_its_study_is_taken_up():
    seen = []

    def objective(trial):
        assert trial.config["nothing"] is None
        assert isinstance(trial.config["sizes"], tuple)
        assert trial.config["flag"] in (True, 0.5, None)
        return score(trial.config)

    caviar.tune(objective, SPACE, trials=6, processes=2, study="f", progress=False)
    study = caviar.resume("f", data=objective, trials=9, progress=False)
    assert study.summary["trials"] == {"started": 9, "finished": 9, "stopped": 0, "diverged": 0, "failed": 0}
    assert isinstance(study.best.config["sizes"], tuple)
    assert isinstance(study.result.best.config["sizes"], tuple)
    with Store.open("caviar.db") as store:
        assert store.study("f").result.best.config == study.best.config
    assert seen == []


def test_a_command_gets_them_as_arguments(capsys):
    Path("p.py").write_text(
        "import sys, json\n"
        "a = dict(one.split('=', 1) for one in sys.argv[1:])\n"
        "json.loads(a['sizes'])\n"
        "assert a['optimizer'] in ('None', 'adam') and a['flag'] in ('true', '0.5')\n"
        "assert a['lr'] in ('0.1', '0.2', '0.3')\n"
        "print('score', a['lr'])\n"
    )
    Path("space.toml").write_text(
        "[optimizer.lr]\nscale = 'linear'\nlow = 0.1\nhigh = 0.3\nstep = 0.1\n"
        "[optimizer]\nchoices = [{ none = true }, 'adam']\n"
        "[sizes]\nchoices = [[], [64, { none = true }]]\n"
        "[flag]\nchoices = [true, 0.5]\n"
    )
    command = f"{sys.executable} p.py lr={{optimizer.lr}} optimizer={{optimizer}} sizes={{sizes}} flag={{flag}}"
    given = ["--command", command, "--score", r"score (\S+)", "--space", "space.toml", "--trials", "6"]
    assert run(["tune", *given, "--goal", "maximize", "--processes", "2", "--json", "--quiet"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["trials"]["failed"] == 0
    assert result["best"]["score"] == result["best"]["config"]["optimizer.lr"]


def test_the_widths_of_a_network_as_tuples(capsys):
    import numpy as np

    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3)).astype(np.float32)
    space = caviar.Space(
        hidden_units=caviar.Choice([(8,), (8, 4), ()]), learning_rate=caviar.Linear(0.01, 0.05, step=0.01)
    )
    y = (x[:, 0] > x[:, 1]).astype(int)
    study = caviar.tune((x, y), space=space, trials=6, threads=1, store=None, progress=False)
    assert study.best.config["hidden_units"] in [(8,), (8, 4), ()]
    assert study.best.config["learning_rate"] in [0.01, 0.02, 0.03, 0.04, 0.05]
    with pytest.raises(caviar.ConfigError, match="hidden_units"):
        caviar.tune((x, np.arange(200) % 2), space=caviar.Space(hidden_units=caviar.Choice([None, 8])), trials=2)
