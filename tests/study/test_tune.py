"""The main job, end to end, on small real data."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import caviar
from caviar.data import samples
from caviar.errors import ConfigError, DataError, ModelError, NoAnswer, SpaceError, StoreError
from caviar.records import StudyState, TrialState
from caviar.records.metrics import TASK_METRICS
from caviar.records.ranking import smoothed
from caviar.scheduling.halving import POOL
from caviar.store import Store
from caviar.study.check import check_table
from caviar.study.events import Begun, Progress, TunedStudy
from caviar.study.spec import Request
from caviar.study.tune import follow
from tests.study.counted_clock import CountedClock

SMALL = caviar.Space(
    learning_rate=caviar.Log(1e-3, 1, tier=1),
    batch_size=caviar.PowerOfTwo(16, 64),
    hidden_units=caviar.Integer(4, 16, log=True),
    layers=caviar.Integer(1, 2),
    dropout=caviar.Choice([0.0, 0.2]),
)

pytestmark = pytest.mark.filterwarnings("ignore:the target .* different whole numbers:caviar.CaviarWarning")


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return samples.write_csv(samples.wine(), tmp_path_factory.mktemp("data") / "wine.csv")


def target() -> str:
    name = samples.wine().target_name
    assert name is not None
    return name


def study_of(path: Path, folder: Path, **arguments):
    given = {"trials": 30, "space": SMALL, "store": folder / "caviar.db", "threads": 2} | arguments
    return caviar.tune(path, target(), **given)


def recorded(store: str | Path, name: str):
    """Everything that a study measured, and by what it decided, but for the time it took."""
    with Store.open(store, create=False) as opened:
        trials = opened.trials(name)
        rows = [
            (
                number,
                repeat,
                m.epoch,
                m.train_loss.hex(),
                m.validation_loss.hex(),
                m.validation_accuracy.hex(),
                m.learning_rate.hex(),
            )
            for number, repeat, m in opened.measurements(name)
        ]
        compared = [(n, r, c.epoch, *map(float.hex, c[1:4])) for n, r, c in opened.comparisons(name)]
        return trials, rows + compared


def peaks_of(study, folder: Path) -> dict[int, tuple[float, int]]:
    """The best smoothed accuracy of each trial at a rung, and the first such rung, from the store's measurements."""
    with Store.open(folder / "caviar.db") as store:
        rungs = store.study(study.name).spec.rungs
    found = {}
    for number, curve in curves_of(study, folder).items():
        score, minus_rung = max((smoothed(curve[:rung]), -rung) for rung in rungs if rung <= len(curve))
        found[number] = score, -minus_rung
    return found


def peaks_at(study, folder: Path, number: int, epochs: int) -> float:
    """The smoothed accuracy of a trial after so many epochs."""
    return smoothed(curves_of(study, folder)[number][:epochs])


def curves_of(study, folder: Path) -> dict[int, list[float]]:
    """The accuracies of each trial's epochs, as the store has them; repeats left out."""
    curves: dict[int, list[float]] = {}
    with Store.open(folder / "caviar.db") as store:
        for number, repeat, measurement in store.measurements(study.name):
            if repeat == 0:
                curves.setdefault(number, []).append(measurement.score)
    return curves


def test_a_study_has_the_same_bits_on_any_number_of_threads(wine: Path, tmp_path: Path):
    studies = [study_of(wine, tmp_path, seed=3, threads=threads, study=f"on {threads}") for threads in (1, 2, 5)]
    first = recorded(tmp_path / "caviar.db", "on 1")
    assert len(first[0]) == 30 + 5 * 5
    assert all(recorded(tmp_path / "caviar.db", study.name) == first for study in studies)
    assert len({json.dumps(study.summary["best"]) for study in studies}) == 1
    for study in studies[1:]:
        for name, weights in study.best.model.network.weights.items():
            assert weights.tobytes() == studies[0].best.model.network.weights[name].tobytes()
    assert recorded(tmp_path / "caviar.db", study_of(wine, tmp_path, seed=4).name) != first


def test_the_answer_is_what_product_md_says(wine: Path, tmp_path: Path):
    study = study_of(wine, tmp_path, out=tmp_path, metric="log_loss", seed=1, preset="single")
    summary = study.summary
    assert set(summary) == {
        "study",
        "store",
        "seed",
        "seconds",
        "spent",
        "data",
        "trials",
        "best",
        "finalists",
        "front",
        "model",
        "baseline",
        "confusion",
        "columns",
        "undefined",
        "calibration",
        "notes",
    }
    assert set(summary["data"]) == {"task", "rows", "features", "classes", "train", "validation", "test", "sha256"}
    assert set(summary["best"]) == {"trial", "config", "parameters", "validation", "test", "repeated"}
    metrics = set(TASK_METRICS["classification"])
    assert set(summary["best"]["validation"]) == metrics
    ends = {f"{name}_{end}" for name in ("accuracy", "log_loss") for end in ("low", "high")}
    assert set(summary["best"]["test"]) == metrics | ends
    assert set(summary["baseline"]) == {"majority", "linear"}
    for baseline in summary["baseline"].values():
        assert metrics < set(baseline)
        assert set(baseline["validation"]) == metrics
    assert [set(column) for column in summary["columns"]] == [{"name", "kind", "importance"}] * 13
    assert summary["undefined"] == {"validation": {}, "test": {}}
    assert summary["data"]["rows"] == 178
    assert summary["data"]["train"] + summary["data"]["validation"] + summary["data"]["test"] == 178
    trials = summary["trials"]
    assert trials["started"] == 30 == trials["finished"] + trials["stopped"] + trials["diverged"]
    test = summary["best"]["test"]
    assert 0.9 <= test["accuracy"] <= 1
    assert test["accuracy_low"] < test["accuracy"] <= test["accuracy_high"] <= 1
    assert summary["model"] == str(tmp_path / "wine.caviar")
    with Store.open(summary["store"], create=False) as store:
        record = store.study("wine")
    assert record.state is StudyState.FINISHED
    assert record.result.to_record() == json.loads(json.dumps(summary))
    assert record.data["sha256"] == summary["data"]["sha256"]
    assert record.environment["instruction_set"]


def test_the_model_predicts_what_the_study_scored(wine: Path, tmp_path: Path):
    study = study_of(wine, tmp_path, out=tmp_path / "new" / "models")
    frame = samples.wine().frame
    labels = samples.wine().target
    assert labels is not None
    loaded = caviar.load(tmp_path / "new" / "models" / "wine.caviar")
    assert (loaded.predict(frame) == study.best.model.predict(frame)).all()
    assert (loaded.predict(wine) == loaded.predict(frame)).all()
    assert np.mean(loaded.predict(frame) == labels.to_numpy()) > 0.95
    np.testing.assert_allclose(loaded.predict_proba(frame).sum(axis=1), 1, rtol=1e-12)


def test_finalists_are_trained_again_with_fresh_seeds(wine: Path, tmp_path: Path):
    study = study_of(wine, tmp_path)
    trials = study.trials()
    repeats = trials[trials["repeat"] > 0]
    assert len(repeats) == 5 * 5
    assert repeats["number"].nunique() == 5
    assert study.best.trial in set(repeats["number"])
    finalists = trials[(trials["repeat"] == 0) & trials["number"].isin(repeats["number"])].set_index("number")
    others = trials[(trials["repeat"] == 0) & ~trials["number"].isin(repeats["number"])]
    peaks = peaks_of(study, tmp_path)
    assert min(peaks[n][0] for n in finalists.index) >= max(peaks[n][0] for n in others["number"])
    for _, row in repeats.iterrows():
        assert peaks[row["number"]][0] == pytest.approx(peaks_at(study, tmp_path, row["number"], row["epochs"]))
        assert row["validation_loss"] != finalists.loc[row["number"], "validation_loss"]


def test_a_second_study_of_the_same_name_is_refused_and_nothing_changes(wine: Path, tmp_path: Path):
    study_of(wine, tmp_path, study="mine")
    before = recorded(tmp_path / "caviar.db", "mine")
    with pytest.raises(StoreError, match="already") as refusal:
        study_of(wine, tmp_path, study="mine", seed=9)
    assert "mine-2" in refusal.value.way_out
    assert recorded(tmp_path / "caviar.db", "mine") == before


def test_from_python_a_study_without_a_name_gets_a_free_one(wine: Path, tmp_path: Path):
    names = [study_of(wine, tmp_path, trials=3).name for _ in range(3)]
    assert names == ["wine", "wine-2", "wine-3"]


def test_divergence_is_a_result_and_its_neighbours_do_not_notice(wine: Path, tmp_path: Path):
    wild = caviar.Space(learning_rate=caviar.Log(1e-3, 1e30), optimizer="sgd", hidden_units=8, layers=1)
    study = study_of(wine, tmp_path, space=wild)
    trials = study.trials()
    counts = trials[trials["repeat"] == 0]["state"].value_counts()
    assert counts["diverged"] == study.summary["trials"]["diverged"] > 5
    assert trials[trials["state"] == "diverged"]["learning_rate"].min() > 1
    assert math.isfinite(study.best.validation["log_loss"])
    assert study.best.config["learning_rate"] < 1e3


def test_when_every_trial_diverges_the_advice_names_the_hyperparameter(wine: Path, tmp_path: Path):
    absurd = caviar.Space(learning_rate=caviar.Log(1e25, 1e30), optimizer="sgd")
    with pytest.raises(NoAnswer, match="diverged") as none:
        study_of(wine, tmp_path, space=absurd, out=tmp_path)
    assert "learning_rate" in none.value.way_out
    with Store.open(tmp_path / "caviar.db", create=False) as store:
        assert store.study("wine").state is StudyState.FINISHED
        assert {trial.state for trial in store.trials("wine")} == {TrialState.DIVERGED}
        assert all(math.isnan(m.validation_loss) for _, _, m in store.measurements("wine"))
    assert not (tmp_path / "wine.caviar").exists()


def test_too_little_time_is_said(wine: Path, tmp_path: Path):
    with pytest.raises(NoAnswer, match="no network was trained") as none:
        study_of(wine, tmp_path, trials=None, seconds=1e-6)
    assert "`seconds=...`" in none.value.way_out


def test_a_time_budget_ends_with_an_answer(wine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    CountedClock(monkeypatch, read=0.002, result=0.02)
    study = study_of(wine, tmp_path, trials=None, seconds=3.0)
    assert study.best.validation["accuracy"] > 0.8
    states = set(study.trials()["state"])
    assert "running" not in states


def test_a_test_file_is_sealed_whole(wine: Path, tmp_path: Path):
    test = samples.write_csv(samples.wine(), tmp_path / "later.csv", blanks=0.05, seed=1)
    with pytest.warns(caviar.CaviarWarning, match=r"88 of 178 rows of the test data later are in wine, too"):
        summary = study_of(wine, tmp_path, test=test, trials=5).summary
    assert summary["data"]["test"] == 178
    assert summary["data"]["train"] + summary["data"]["validation"] == 178


MISTAKES = {
    "no such file": ({"data": "flowrs.csv"}, DataError, "flowrs.csv"),
    "wrong target": ({"target": "clas"}, DataError, "clas"),
    "unknown metric": ({"metric": "acuracy"}, ConfigError, "accuracy"),
    "unknown task": ({"task": "regresion"}, ConfigError, "regression"),
    "a metric of the other task": ({"metric": "rmse"}, ConfigError, "accuracy"),
    "regression on text": ({"task": "regression"}, DataError, '`task="classification"`'),
    "unknown search": ({"search": "gridd"}, SpaceError, "grid"),
    "unknown hyperparameter": ({"space": caviar.Space(learning_rat=0.1)}, SpaceError, "learning_rate"),
    "a value that no network has": ({"space": caviar.Space(dropout=caviar.Linear(0, 2))}, ConfigError, "dropout"),
    "no time": ({"seconds": -1.0, "trials": None}, ConfigError, "`seconds=60`"),
    "no trials": ({"trials": 0}, ConfigError, "`trials=500`"),
    "no threads": ({"threads": 0}, ConfigError, "threads"),
    "a negative seed": ({"seed": -1}, ConfigError, "seed"),
    "a study that would leave the folder": ({"study": "../../x"}, StoreError, "`study="),
    "a file where the model's folder should be": ({"out": "/dev/null/models"}, StoreError, "/dev/null is no folder"),
    "no such engine": ({"engine": "natve"}, ConfigError, "native"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gets_two_lines_and_nothing_is_written(
    mistake: str, wine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    changes, kind, named = MISTAKES[mistake]
    arguments = {"data": str(wine), "target": target(), "trials": 3, "space": SMALL, "out": "new/models"} | changes
    with pytest.raises(kind) as error:
        caviar.tune(arguments.pop("data"), **arguments)
    assert len(str(error.value).splitlines()) == 2
    assert named in str(error.value)
    with_studies = [p for p in tmp_path.glob("*.db") if Store.open(p).studies()]
    assert with_studies == []
    assert not (tmp_path / "new").exists()


def test_a_model_that_is_there_already_is_not_written_over(wine: Path, tmp_path: Path):
    (tmp_path / "wine.caviar").write_text("precious")
    with pytest.raises(StoreError, match="already"):
        study_of(wine, tmp_path, out=tmp_path, study="wine")
    assert (tmp_path / "wine.caviar").read_text() == "precious"


def test_an_end_that_is_asked_for_leaves_all_that_was_measured(wine: Path, tmp_path: Path):
    seen: list[Progress] = []
    request = Request(data=wine, target=target(), seconds=600.0, space=SMALL, store=tmp_path / "caviar.db")

    def enough() -> bool:
        return bool(seen) and sum(seen[-1].counts.values()) > 20

    events = follow(request, ended=enough)
    assert isinstance(next(events), Begun)
    with pytest.raises(KeyboardInterrupt):
        seen.extend(event for event in iter(lambda: seen.append(next(events)), 0) if isinstance(event, Progress))  # type: ignore[func-returns-value, arg-type]
    with Store.open(tmp_path / "caviar.db", create=False) as store:
        assert store.study("wine").state is StudyState.INTERRUPTED
        trials, rows = store.trials("wine"), store.measurements("wine")
    assert len(trials) > 20
    assert TrialState.RUNNING not in {trial.state for trial in trials}
    assert {(number, repeat) for number, repeat, _ in rows} <= {(trial.number, trial.repeat) for trial in trials}
    for trial in trials:
        assert sum(number == trial.number for number, _, _ in rows) == trial.epochs


def test_a_study_that_is_left_at_its_first_event_is_interrupted_and_free(wine: Path, tmp_path: Path):
    request = Request(data=wine, target=target(), trials=3, space=SMALL, store=tmp_path / "caviar.db")
    events = follow(request)
    assert isinstance(next(events), Begun)
    events.close()
    with Store.open(tmp_path / "caviar.db", create=False) as store:
        assert store.study("wine").state is StudyState.INTERRUPTED
        assert not store.leases.living("wine")


@pytest.mark.parametrize("delay", [0.1, 0.7, 1.6])
def test_killed_in_the_middle_it_leaves_a_database_that_opens(delay: float, wine: Path, tmp_path: Path):
    program = textwrap.dedent(
        f"""
        import caviar
        print("ready", flush=True)
        caviar.tune({str(wine)!r}, {target()!r}, seconds=600, store={str(tmp_path / "caviar.db")!r}, threads=2)
        """
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    while not (tmp_path / "caviar.db").exists():
        time.sleep(0.02)
    time.sleep(delay)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    with Store.open(tmp_path / "caviar.db") as store:
        for study in store.studies():
            rows = [(number, repeat, m.epoch) for number, repeat, m in store.measurements(study.name)]
            assert len(rows) == len(set(rows))
            known = {(trial.number, trial.repeat): trial.epochs for trial in store.trials(study.name)}
            for key, epochs in known.items():
                assert sum((number, repeat) == key for number, repeat, _ in rows) == epochs


def test_events_come_in_order(wine: Path, tmp_path: Path):
    events = list(follow(Request(data=wine, target=target(), trials=12, space=SMALL, store=tmp_path / "caviar.db")))
    assert isinstance(events[0], Begun)
    assert isinstance(events[-1], TunedStudy)
    phases = [event.phase for event in events[1:-1] if isinstance(event, Progress)]
    assert list(dict.fromkeys(phases)) == ["search", "finals", "last training"]
    assert phases == sorted(phases, key=["search", "finals", "last training"].index)
    assert events[0].study.name == "wine"


def test_the_reference_engine_finds_about_the_same(wine: Path, tmp_path: Path):
    native, reference = (
        study_of(wine, tmp_path, trials=6, engine=engine, study=engine, threads=1) for engine in ("native", "reference")
    )
    first = [study.trials().query("repeat == 0").set_index("number") for study in (native, reference)]
    assert (first[0]["learning_rate"] == first[1]["learning_rate"]).all()
    assert (first[0]["score"] - first[1]["score"]).abs().median() < 0.06


# --- regression ---


@pytest.fixture(scope="module")
def diabetes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return samples.write_csv(samples.diabetes(), tmp_path_factory.mktemp("data") / "diabetes.csv")


def regression_of(path: Path, folder: Path, **arguments):
    given = {"trials": 20, "space": SMALL, "store": folder / "caviar.db", "threads": 2} | arguments
    return caviar.tune(path, "progression", **given)


def test_regression_has_the_same_bits_on_any_number_of_threads(diabetes: Path, tmp_path: Path):
    one, two = (regression_of(diabetes, tmp_path, threads=n, study=f"on {n}") for n in (1, 2))
    assert recorded(tmp_path / "caviar.db", "on 1") == recorded(tmp_path / "caviar.db", "on 2")
    assert json.dumps(one.summary["best"]) == json.dumps(two.summary["best"])


@pytest.mark.parametrize("metric", [None, "r2", "rmse", "mae"])
def test_regression_by_every_metric(metric: str | None, diabetes: Path, tmp_path: Path):
    study = regression_of(diabetes, tmp_path, metric=metric, out=tmp_path)
    assert tuple(study.best.validation) == TASK_METRICS["regression"]
    test = study.best.test
    assert test is not None
    with_ends = {"r2", metric or "r2"}
    ends = {f"{name}_{end}" for name in with_ends for end in ("low", "high")}
    assert set(test) == {*TASK_METRICS["regression"], *ends}
    assert test["r2_low"] < test["r2"] < test["r2_high"]
    assert 0.2 < test["r2"] < 0.8
    assert 40 < test["mae"] < test["rmse"] < 80, "in the target's own units"
    assert study.summary["data"]["task"] == "regression"
    assert study.summary["data"]["classes"] is None
    trials = study.trials()
    assert (trials["score"] < 1).all() if metric in (None, "r2") else (trials["score"] > 0).all()
    chosen = trials[trials["number"] == study.best.trial]["score"].mean()
    better = chosen >= trials["score"].median() if metric in (None, "r2") else chosen <= trials["score"].median()
    assert better
    with Store.open(tmp_path / "caviar.db", create=False) as store:
        assert store.study("diabetes").metric == (metric or "r2")
        assert all(math.isnan(m.validation_accuracy) for _, _, m in store.measurements("diabetes"))
    loaded = caviar.load(tmp_path / "diabetes.caviar")
    found = loaded.predict(diabetes)
    assert found.dtype == np.float64
    truth = samples.diabetes().target
    assert truth is not None
    assert 25 < np.abs(found - truth.to_numpy()).mean() < 65
    with pytest.raises(ModelError, match="probabilities"):
        loaded.predict_proba(diabetes)


@pytest.mark.filterwarnings("ignore:the network is:caviar.CaviarWarning")  # no better than the majority: it is noise
@pytest.mark.filterwarnings("ignore:the target:caviar.CaviarWarning")  # that it is taken for classes
def test_the_task_can_be_chosen(tmp_path: Path):
    x = np.random.default_rng(0).normal(size=(60, 3))
    y = np.arange(60) % 3
    arguments = {"trials": 3, "space": SMALL, "store": tmp_path / "caviar.db"}
    assert caviar.tune((x, y), **arguments).summary["data"]["task"] == "classification"
    assert caviar.tune((x, y), task="regression", **arguments).summary["data"]["task"] == "regression"


def test_classes_are_refused_by_a_metric_of_numbers_and_the_other_way_round(diabetes: Path, tmp_path: Path):
    with pytest.raises(ConfigError, match="accuracy is not for regression") as error:
        regression_of(diabetes, tmp_path, metric="accuracy")
    assert len(str(error.value).splitlines()) == 2
    with pytest.raises(DataError):
        caviar.tune((np.eye(20), np.linspace(0, 1, 20)), task="classification", store=tmp_path / "caviar.db")


def test_large_networks_wait_in_smaller_pools(wine: Path, tmp_path: Path):
    wide = caviar.Space(hidden_units=caviar.Integer(8, 9000), layers=2, learning_rate=0.01)
    request = Request(data=wine, target=target(), trials=2, space=wide, store=tmp_path / "caviar.db")
    assert check_table(request, lambda: False).pool == 1
    assert check_table(replace(request, space=None), lambda: False).pool == POOL


def test_without_a_store_no_file_is_left_and_the_answer_is_the_same(wine, tmp_path, monkeypatch):
    named = study_of(wine, tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    monkeypatch.setattr("tempfile.tempdir", str(empty))
    unnamed = study_of(wine, tmp_path, store=None)
    assert list(empty.iterdir()) == []
    assert unnamed.store == "memory://"
    assert unnamed.best.config == named.best.config
    times = ["began", "ended"]
    assert unnamed.trials().drop(columns=times).equals(named.trials().drop(columns=times))


def test_a_function_is_tuned_without_a_store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    space = caviar.Space(x=caviar.Linear(0.0, 1.0))
    tuned = caviar.tune(lambda trial: -abs(trial.config["x"] - 0.3), space, trials=20, store=None, processes=1)
    assert len(tuned.trials()) >= 20
    assert list(tmp_path.iterdir()) == []
