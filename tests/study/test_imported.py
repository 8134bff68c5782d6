"""A study that was imported from Optuna: every kind is explained, gone on with, and its trials are evidence."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

import caviar
from caviar.cli.main import run
from caviar.errors import CaviarError, ConfigError
from caviar.records import StudyKind, StudyState, TrialState
from caviar.store import Store, from_optuna
from tests.store.backends import persistent

optuna = pytest.importorskip("optuna")
optuna.logging.set_verbosity(optuna.logging.CRITICAL)


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def study_of(name, objective, trials, direction="minimize", enqueued=(), move=True):
    made = optuna.create_study(
        study_name=name,
        storage="sqlite:///optuna.db",
        direction=direction,
        sampler=optuna.samplers.RandomSampler(seed=1),
    )
    for config in enqueued:
        made.enqueue_trial(config)
    made.optimize(objective, n_trials=trials, catch=(Exception,))
    if move:
        assert run(["import", "optuna.db", "--study", name]) == 0
    return made


def curve(t):
    """Best at rate 0.01 without an optimizer; pruned where it is poor after two epochs."""
    rate = t.suggest_float("rate", 1e-4, 1, log=True)
    loss = abs(math.log10(rate) + 2) + (t.suggest_categorical("opt", ["sgd", None]) is not None)
    for step in range(9):
        t.report(loss + 1 / (step + 1), step)
        if step == 1 and loss > 1.5:
            raise optuna.TrialPruned
    return loss


def ours(trial):
    loss = abs(math.log10(trial.config["rate"]) + 2) + (trial.config["opt"] is not None)
    for epoch in range(1, trial.last_epoch + 1):
        trial.report(epoch, loss + 1 / epoch)


KINDS = {
    "none": lambda t: {"a": 1.0, None: 2.0}[t.suggest_categorical("c", ["a", None])],
    "tuple": lambda t: t.suggest_float("x", 0, 1),
    "one choice": lambda t: t.suggest_float("x", 0, 1) + len(t.suggest_categorical("c", ["only"])),
    "tenths": lambda t: t.suggest_float("x", 0, 1, step=0.1),
    "halves fail": lambda t: 1 / 0 if t.number % 2 else t.suggest_float("x", 0, 1),
    "infinite": lambda t: math.inf if t.suggest_float("x", 0, 1) < 0.3 else 1.0,
    "dots": lambda t: t.suggest_float("optimizer.lr", 0, 1),
    "growing": lambda t: t.suggest_int("n", 0, t.number + 1),
    "booleans": lambda t: float(t.suggest_categorical("b", [True, False])),
    "one value": lambda t: t.suggest_int("n", 3, 3) + t.suggest_float("x", 0, 1),
    "thirties": lambda t: t.suggest_int("n", 10, 100, step=30),
    "names": lambda t: t.suggest_float("learning rate", 0, 1) + t.suggest_float("2nd-moment/x", 0, 1),
    "now and then": lambda t: t.suggest_float("y" if t.suggest_float("x", 0, 1) < 0.5 else "z", 0, 1),
    "reports": lambda t: (t.report(1.0, 10), t.report(0.5, 20), t.suggest_float("x", 0, 1))[-1],
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_explained_and_gone_on_with(kind, capsys):
    n = 32 if kind in ("none", "now and then") else 8  # of 30 there is an importance
    study_of("theirs", KINDS[kind], n, enqueued=[{"x": 5.0}] if kind == "tenths" else ())
    assert run(["explain", "theirs", "--html", "theirs.html"]) == 0
    assert f"{n} configs" in capsys.readouterr().out
    with Store.open("caviar.db") as store:
        space = caviar.Space.from_dict(store.study("theirs").space)
        space.to_unit([trial.config for trial in store.trials("theirs")])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", caviar.CaviarWarning)  # of another name
        study = caviar.resume("theirs", data=lambda t: float(len(t.config)), trials=n + 2, processes=1, progress=False)
    assert len(study.trials()) == n + 2
    assert study.trials().state.tolist()[-2:] == ["finished", "finished"]
    assert run(["explain", "theirs"]) == 0
    assert f"Optuna chose the first {n} configs" in capsys.readouterr().out


def test_a_parameter_with_a_name_of_its_own_kind_is_renamed_and_said(capsys):
    study_of("theirs", KINDS["names"], 3)
    said = capsys.readouterr().out
    assert "'learning rate' is called learning_rate here" in said
    assert "_2nd_moment_x" in said
    with Store.open("caviar.db") as store:
        assert list(store.study("theirs").space) == ["learning_rate", "_2nd_moment_x"]
    study_of("both", lambda t: t.suggest_float("a b", 0, 1) + t.suggest_float("a_b", 0, 1), 3, move=False)
    assert run(["import", "optuna.db", "--study", "both"]) == 2
    assert "would both be called 'a_b' here" in capsys.readouterr().err


def test_their_trials_are_evidence_and_the_best_of_all_is_the_answer():
    theirs = study_of("theirs", curve, 40)
    study = caviar.resume("theirs", data=ours, trials=60, processes=2, progress=False)
    frame = study.trials()
    assert frame.number.tolist() == list(range(60))
    states = frame.state[:40].tolist()
    assert states == ["finished" if t.state.name == "COMPLETE" else "stopped" for t in theirs.trials]
    fresh = frame[40:]
    assert set(fresh.epochs) <= {1, 3, 9}  # as many as theirs had
    near = (fresh.rate.map(math.log10) + 2).abs() < 0.7
    assert near.mean() > 0.5  # a draw from the whole space has 0.35
    assert (fresh.opt.isna()).mean() > 0.6  # None, which is better, and no text
    assert study.best.score == frame.query("state == 'finished'").score.min()
    with Store.open("caviar.db") as store:
        record = store.study("theirs")
        assert record.spec.kind is StudyKind.FUNCTION
        assert record.spec.known == 40
        assert store.boxes("theirs")
        assert {trial.state for trial in store.trials("theirs")[:40]} == {TrialState.FINISHED, TrialState.STOPPED}


def test_going_on_twice_ends_as_going_on_once():
    study_of("one", curve, 20)
    with Store.open("caviar.db") as store:
        copy = replace(store.study("one"), name="two")
        from_optuna.put(store, copy, store.trials("one"), store.measurements("one"))
    caviar.resume("one", data=ours, trials=25, processes=2, progress=False)
    once = caviar.resume("two", data=ours, trials=36, processes=2, progress=False)
    twice = caviar.resume("one", data=ours, trials=36, processes=2, progress=False)
    columns = ["number", "state", "epochs", "score", "rate", "opt"]
    assert once.trials()[columns].equals(twice.trials()[columns])
    assert once.best.config == twice.best.config


KILLED = """
import os, signal, sys
from contextlib import contextmanager
from caviar.store.transactions import Transactions
writing = Transactions.writing
@contextmanager
def deadly(self):
    with writing(self) as connection:
        yield connection
    os.kill(os.getpid(), signal.SIGKILL)
Transactions.writing = deadly
from caviar.cli.main import run
run(["import", "optuna.db", "--study", "theirs", "--store", sys.argv[1]])
"""


@persistent
def test_an_import_that_is_killed_after_its_first_transaction_is_whole(store_url):
    study_of("theirs", curve, 8, move=False)
    Store.open(store_url).close()
    assert subprocess.run([sys.executable, "-c", KILLED, store_url], check=False).returncode == -signal.SIGKILL
    with Store.open(store_url) as store:
        (study,) = store.studies()
        assert study.state is StudyState.FINISHED
        assert len(store.trials("theirs")) == len(store.times("theirs")) == 8
        epochs = {trial.number: trial.epochs for trial in store.trials("theirs")}
        assert len(store.measurements("theirs")) == sum(epochs.values()) > 8


def test_a_command_goes_on_with_it(capsys):
    study_of("theirs", lambda t: t.suggest_float("x", 0, 1), 5, direction="maximize")
    Path("p.py").write_text("import sys; print('score', sys.argv[1])")
    command = f"{sys.executable} p.py {{x}}"
    assert run(["resume", "theirs", "--trials", "9", "--command", command, "--score", r"score (\S+)", "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["trials"]["finished"] == 9
    assert result["best"]["score"] == result["best"]["config"]["x"] >= 0.5
    assert run(["resume", "theirs", "--trials", "11", "--json", "--quiet"]) == 0  # the store has the command


def test_without_code_it_is_refused_with_the_call_that_goes_on(capsys):
    study_of("theirs", lambda t: t.suggest_float("x", 0, 1), 5)
    for call in (
        lambda: caviar.resume("theirs", trials=9),
        lambda: caviar.resume("theirs", trials=9, data="file.csv"),
    ):
        with pytest.raises(
            ConfigError, match=r"imported from Optuna, and needs the code(.|\n)*data=objective"
        ) as caught:
            call()
        assert len(str(caught.value).splitlines()) == 2
    with pytest.raises(CaviarError, match="has 5 trials already"):
        caviar.resume("theirs", trials=3, data=ours)
    capsys.readouterr()
    assert run(["resume", "theirs", "--trials", "9"]) == 2
    assert '--command "python train.py"' in capsys.readouterr().err
    with caviar.open_study("asked", caviar.Space(x=caviar.Linear(0, 1))) as study:
        study.tell(study.ask()[0], 1.0)
    assert run(["resume", "asked", "--trials", "9", "--command", "python x.py"]) == 2
    assert "imported from Optuna" in capsys.readouterr().err
