"""A study that begins with the trials of an earlier one: those that lie in its space, which the search then knows."""

from __future__ import annotations

import math

import pytest

import caviar
from caviar.errors import ConfigError, StoreError
from caviar.store import Store

OLD = caviar.Space(rate=caviar.Log(1e-4, 1), kind=caviar.Choice(["a", "b"]), epochs=20)
NEW = caviar.Space(rate=caviar.Log(1e-3, 10), kind=caviar.Choice(["a", "b", None]), epochs=20)


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def loss(config) -> float:
    return abs(math.log10(config["rate"]) + 1) + (config["kind"] == "b")


def train(study, n: int) -> None:
    for _ in range(n):
        [trial] = study.ask()
        study.report(trial, 1, loss(trial.config))
        study.tell(trial, loss(trial.config))


def test_its_trials_in_the_new_space_are_known_and_the_others_are_counted():
    with caviar.open_study("old", OLD, goal="minimize", seed=1, rungs=(1,)) as study:
        train(study, 30)
        study.ask()
    with caviar.open_study("new", NEW, goal="minimize", seed=2, rungs=(1,), known="old") as study:
        frame = study.trials()
        known = len(frame)
        assert 10 < known < 30
        assert frame.number.tolist() == list(range(known))
        assert (frame.rate >= 1e-3).all()
        assert frame.origin.str.startswith("old ").all()
        best_then = study.best_score
        assert best_then == frame.score.min()
        train(study, 20)
        fresh = study.trials()[known:]
        assert not fresh.origin.eq("middle").any()
        assert fresh.origin.str.startswith("box").any()  # it knows enough to narrow the search at once
        assert study.best_score <= best_then
    with Store.open("caviar.db") as store:
        record = store.study("new")
        assert record.spec.known == known
        assert record.notes == (
            f"{known} trials of study 'old' are known from the start; {30 - known} others lie outside of this space",
        )
        before = [trial.config for trial in store.trials("new")]
        assert len([row for row in store.measurements("new") if row[0] < known]) == known
    with caviar.open_study("new", NEW, goal="minimize", seed=2, rungs=(1,), known="old") as study:
        train(study, 5)
    with Store.open("caviar.db") as store:
        assert [trial.config for trial in store.trials("new")][: len(before)] == before
        assert len(store.trials("new")) == known + 25


def test_a_function_begins_with_them_and_is_taken_up():
    with caviar.open_study("old", OLD, goal="minimize", seed=1, rungs=(1,)) as study:
        train(study, 20)

    def objective(trial):
        return abs(math.log10(trial.config["rate"]) + 1) + (trial.config["kind"] == "b")

    given = {"goal": "minimize", "processes": 2, "progress": False, "known": "old"}
    with pytest.warns(caviar.CaviarWarning, match="20 trials of study 'old' are known from the start"):
        whole = caviar.tune(objective, OLD, trials=10, study="whole", **given)
    with pytest.warns(caviar.CaviarWarning):
        caviar.tune(objective, OLD, trials=4, study="parts", **given)
    with pytest.warns(caviar.CaviarWarning):
        parts = caviar.resume("parts", data=objective, trials=30, processes=2, progress=False)
    columns = ["number", "state", "score", "origin", "rate", "kind"]
    assert parts.trials()[columns].equals(whole.trials()[columns])
    assert len(whole.trials()) == 30
    assert whole.best_score == whole.trials().score.min()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"known": "none"}, "no study 'none'"),
        ({"known": "old", "goal": "maximize"}, "is ranked by loss, and this one by score"),
        ({"known": "old", "goal": "minimize", "space": caviar.Space(other=caviar.Linear(0, 1))}, "lies in this space"),
    ],
)
def test_what_cannot_be_known_is_refused_and_nothing_is_written(given, said):
    with caviar.open_study("old", OLD, goal="minimize", seed=1) as study:
        train(study, 3)
    space = given.pop("space", NEW)
    for call in (
        lambda: caviar.open_study("new", space, **given),
        lambda: caviar.tune(lambda trial: 0.0, space, trials=5, study="new", **given),
    ):
        with pytest.raises((ConfigError, StoreError)) as caught:
            call()
        assert said in str(caught.value)
        assert len(str(caught.value).splitlines()) == 2
    with Store.open("caviar.db") as store:
        assert [study.name for study in store.studies()] == ["old"]


def test_an_imported_study_goes_on_in_ask_and_answer(capsys):
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    made = optuna.create_study(study_name="theirs", storage="sqlite:///o.db", direction="minimize")
    made.optimize(lambda t: abs(t.suggest_float("x", 0, 1) - 0.3), n_trials=8)
    from caviar.cli.main import run

    assert run(["import", "o.db"]) == 0
    space = caviar.Space(x=caviar.Linear(0, 1))
    for trials in (9, 10):
        with caviar.open_study("theirs", space, goal="minimize", rungs=(1,)) as study:
            [trial] = study.ask()
            study.tell(trial, 0.0)
            assert trial.number == trials - 1
            assert study.best_score == 0.0
            assert len(study.trials()) == trials
    with pytest.raises(StoreError, match="with another space"):
        caviar.open_study("theirs", caviar.Space(x=caviar.Linear(0, 2)), goal="minimize")
