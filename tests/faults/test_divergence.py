"""Faults 9 and 10: a config diverges, or all of them do."""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import caviar
from caviar.cli.main import run
from caviar.data import samples
from caviar.records import Box, TrialState
from caviar.records.ranking import WORST, rank_key
from caviar.search.contract import Proposal
from caviar.store import Store
from tests.faults.invariants import check_over

ABSURD = 1e30
N = 24
SPACE = caviar.Space(
    learning_rate=caviar.Log(1e-3, 1e30),
    batch_size=caviar.Choice([32]),
    hidden_units=caviar.Choice([8]),
    layers=caviar.Choice([1]),
)


class Given:
    """A search that proposes what it is given."""

    def __init__(self, rates: Sequence[float]) -> None:
        self.rates = rates

    def lag(self, number: int) -> int | None:
        return None

    def propose(self, number: int, evidence: object) -> tuple[list[Proposal], list[Box]]:
        config = {"batch_size": 32, "hidden_units": 8, "layers": 1}
        return [Proposal(config | {"learning_rate": rate}, "given") for rate in self.rates[number:]], []


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return samples.write_csv(samples.wine(), tmp_path_factory.mktemp("data") / "wine.csv")


def _rows(store: Path, name: str) -> dict[tuple[int, int], tuple[str, str]]:
    with Store.open(store) as opened:
        return {
            (number, m.epoch): (m.train_loss.hex(), m.validation_loss.hex())
            for number, repeat, m in opened.measurements(name)
            if repeat == 0
        }


@pytest.mark.parametrize("absurd", [(0,), (3, 4, N - 1)])
def test_a_config_that_diverges_is_ranked_last_and_its_neighbours_do_not_notice(absurd, wine, tmp_path, monkeypatch):
    store = tmp_path / "caviar.db"
    rates = [0.003 * 1.2**n for n in range(N)]
    for name, of in (("without", rates), ("with", [ABSURD if n in absurd else r for n, r in enumerate(rates)])):
        job = importlib.import_module("caviar.study.job")
        monkeypatch.setattr(job, "search_named", lambda *_, of=of: Given(of))
        study = caviar.tune(wine, "cultivar", trials=N, space=SPACE, store=store, study=name, threads=2)
    without, with_ = _rows(store, "without"), _rows(store, "with")
    assert {number for number, _ in with_} == set(range(N))  # never missing
    same = [key for key in with_ if key in without and key[0] not in absurd]
    assert {number for number, _ in same} == set(range(N)) - set(absurd)
    assert all(with_[key] == without[key] for key in same)
    assert study.summary["trials"]["diverged"] == len(absurd)
    assert study.best.trial not in absurd
    with Store.open(store) as opened:
        trials = [trial for trial in opened.trials("with") if trial.repeat == 0]
    assert [trial.number for trial in trials if trial.state is TrialState.DIVERGED] == list(absurd)
    for trial in trials:
        ranked = rank_key("accuracy", trial.score, trial.validation_loss)
        if trial.number in absurd:
            assert ranked == WORST
            assert trial.score is not None
            assert math.isnan(trial.score)  # never 0
        else:
            assert ranked > WORST
    check_over(store, "with")


def test_where_every_trial_diverges_the_advice_names_the_hyperparameter(wine, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(wine.parent)
    Path("absurd.toml").write_text('[learning_rate]\nscale = "log"\nlow = 1e28\nhigh = 1e30\n')
    store = str(tmp_path / "caviar.db")
    arguments = ["--trials", "12", "--space", "absurd.toml", "--study", "mine", "--store", store]
    assert run(["tune", "wine.csv", "--target", "cultivar", *arguments]) == 1
    complained = capsys.readouterr().err.splitlines()
    assert len(complained) == 2
    assert "all 12 trials" in complained[0]
    assert "learning_rate" in complained[1]
    check_over(store, "mine")
    with Store.open(store) as opened:
        assert {trial.state for trial in opened.trials("mine")} == {TrialState.DIVERGED}


def test_a_program_whose_only_scores_are_nan_has_no_answer(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(
        "import sys\nsys.stdin.readline()\n"
        'print(\'{"type": "epoch", "epoch": 1, "score": NaN}\', flush=True)\n'
        'sys.stdin.readline()\nprint(\'{"type": "done"}\', flush=True)\n'
    )
    Path("space.toml").write_text('[lr]\nscale = "log"\nlow = 1e-4\nhigh = 1.0\n')
    Path("config.toml").write_text("lr = 0.1\n")
    command = ["--command", f"{sys.executable} train.py"]
    assert run(["tune", *command, "--space", "space.toml", "--trials", "3", "--study", "a", "-q"]) == 1
    assert run(["babysit", *command, "--config", "config.toml", "--name", "b", "--no-nurse", "-q"]) == 1
    assert "no epoch has a finite number" in capsys.readouterr().err
