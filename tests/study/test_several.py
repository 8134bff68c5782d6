"""Studies of several targets: searched, scored once, saved, resumed and predicted as those of one are."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as oracle
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import caviar
from caviar.data.dataset import prepare
from caviar.data.read import read
from caviar.errors import ConfigError, ModelError
from caviar.label_sets import unpacked
from caviar.learners.model import load
from caviar.records import Reading
from caviar.records.metrics import TASK_METRICS, smaller_is_better
from caviar.records.result import StudyResult
from caviar.store import Store
from caviar.study.check import fold_rows
from tests.data.test_several import TOPICS, articles

SPACE = caviar.Space(learning_rate=caviar.Log(1e-2, 0.1), layers=1, hidden_units=16, batch_size=32)


def tune(data: pd.DataFrame, **given):
    given = {"trials": 6, "space": SPACE, "threads": 1, "progress": False, "store": None} | given
    return caviar.tune(data, TOPICS, **given)


@pytest.fixture(scope="module")
def answer():
    return tune(articles(), test=articles(150, seed=5))


def bits_of(frame: pd.DataFrame) -> np.ndarray:
    """The table's second labels, without anything of ours."""
    return np.stack([frame["sport"] == "yes", frame["politics"] == 1, frame["science"]], axis=1)


def test_the_scores_are_those_of_the_model_that_is_saved(answer):
    test = articles(150, seed=5)
    said, p, true = answer.best.model.predict(test), answer.best.model.predict_proba(test), bits_of(test)
    assert {name: column.dtype.kind for name, column in said.items()} == {"sport": "O", "politics": "i", "science": "b"}
    given = bits_of(said)
    scores = answer.best.test
    assert scores["hamming_accuracy"] == pytest.approx(1 - oracle.hamming_loss(true, given))
    assert scores["exact_match"] == pytest.approx(oracle.accuracy_score(true, given))
    assert scores["f1_macro"] == pytest.approx(oracle.f1_score(true, given, average="macro"))
    together = answer.summary.get("ensemble")
    last = scores if together is None else together["test"]  # probabilities are the model's, and so their temperature
    each = [oracle.log_loss(true[:, k], p[:, k]) for k in range(3)]
    assert last["log_loss"] == pytest.approx(np.mean(each), rel=1e-6)
    assert last["roc_auc"] == pytest.approx(oracle.roc_auc_score(true, p, average="macro"), rel=1e-6)
    assert last["average_precision"] == pytest.approx(
        oracle.average_precision_score(true, p, average="macro"), rel=1e-6
    )
    for name in ("hamming_accuracy", "exact_match", "f1_macro", "log_loss"):
        assert scores[f"{name}_low"] < scores[name] < scores[f"{name}_high"]
    assert scores["hamming_accuracy"] > 0.85


def test_each_target_has_its_scores(answer):
    test = articles(150, seed=5)
    network = answer.summary["targets"]
    assert [one["column"] for one in network] == TOPICS
    assert [one["labels"] for one in network] == [["no", "yes"], [0, 1], [False, True]]
    true = bits_of(test)
    assert [one["rows"] for one in network] == true.sum(axis=0).tolist()
    assert np.mean([one["accuracy"] for one in network]) == pytest.approx(answer.best.test["hamming_accuracy"])
    assert np.mean([one["f1"] for one in network]) == pytest.approx(answer.best.test["f1_macro"])
    assert np.mean([one["log_loss"] for one in network]) == pytest.approx(answer.best.test["log_loss"])
    usual = bits_of(articles()).mean(axis=0) > 0.5
    assert [one["majority"] for one in network] == pytest.approx((true == usual).mean(axis=0).tolist())


def test_the_baselines_are_those_of_each_target(answer):
    train, test = articles(), articles(150, seed=5)
    majority, linear = (answer.summary["baseline"][name] for name in ("majority", "linear"))
    usual = bits_of(train).mean(axis=0) > 0.5
    sport, politics, science = usual.tolist()
    assert majority["always"] == {"sport": "yes" if sport else "no", "politics": int(politics), "science": science}
    assert majority["hamming_accuracy"] == pytest.approx((bits_of(test) == usual).mean())
    assert majority["lead"]["metric"] == "hamming_accuracy"
    assert majority["lead"]["by"] == pytest.approx(answer.best.test["hamming_accuracy"] - majority["hamming_accuracy"])
    scaler = StandardScaler().fit(train[["a", "b"]])
    theirs = [
        LogisticRegression()
        .fit(scaler.transform(train[["a", "b"]]), labels)
        .predict(scaler.transform(test[["a", "b"]]))
        for labels in bits_of(train).T
    ]
    expected = (np.stack(theirs, axis=1) == bits_of(test)).mean()
    assert linear["hamming_accuracy"] == pytest.approx(expected, abs=0.01)


def test_the_answer_is_plain_data_and_comes_back(answer):
    record = json.loads(json.dumps(answer.summary))
    assert "confusion" not in record
    assert "positive" not in record
    assert record["data"]["task"] == "multilabel"
    assert record["data"]["classes"] is None
    assert record["data"]["targets"] == TOPICS
    again = StudyResult.from_record(record, "hamming_accuracy").to_record()
    assert json.loads(json.dumps(again)) == record


@pytest.mark.parametrize("metric", TASK_METRICS["multilabel"])
def test_a_study_by_each_metric(metric: str, tmp_path):
    study = tune(articles(), metric=metric, store=tmp_path / "c.db", study="by", trials=3)
    best = study.summary["best"]
    assert best["validation"][metric] == pytest.approx(best["repeated"]["mean"], abs=1e-6)
    assert best["test"][f"{metric}_low"] <= best["test"][metric] <= best["test"][f"{metric}_high"]
    with Store.open(tmp_path / "c.db") as store:
        scores = [trial.score for trial in store.trials("by") if trial.repeat == 0 and trial.epochs >= 1]
    shown = study.summary["finalists"][0]["when_chosen"]
    assert (min if smaller_is_better(metric) else max)(scores) == pytest.approx(shown, abs=0.2)


def test_a_metric_of_one_target_is_refused():
    with pytest.raises(ConfigError) as no:
        tune(articles(), metric="accuracy")
    assert str(no.value) == (
        "the metric accuracy is not for several targets\n"
        "choose one of hamming_accuracy, exact_match, log_loss, f1_macro, roc_auc, average_precision"
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"clip": True}, "`clip` is for numbers"),
        ({"target_scale": "log"}, "`target_scale` is for numbers"),
        ({"task": "regression"}, "several targets have two labels each"),
        ({"space": SPACE.fixing("output", "softmax")}, "output must be sigmoids for several targets"),
        ({"balance": True, "metric": "log_loss"}, "`balance` counts every class alike, and log_loss judges"),
    ],
)
def test_what_has_no_meaning_for_several_targets_is_refused(given, message):
    with pytest.raises(ConfigError) as no:
        tune(articles(), **given)
    assert str(no.value).startswith(message)
    assert len(str(no.value).splitlines()) == 2


def test_a_study_is_resumed_to_the_same_bits(tmp_path):
    data = tmp_path / "articles.csv"
    articles().to_csv(data, index=False)
    given = {"space": SPACE, "threads": 1, "progress": False, "out": tmp_path}
    whole = caviar.tune(str(data), TOPICS, trials=6, store=tmp_path / "a.db", study="whole", **given)
    caviar.tune(str(data), TOPICS, trials=3, store=tmp_path / "b.db", study="half", **given)
    resumed = caviar.resume("half", trials=6, store=tmp_path / "b.db", progress=False)
    assert resumed.best.config == whole.best.config
    assert resumed.best.test == whole.best.test
    with Store.open(tmp_path / "b.db") as store:
        assert store.study("half").spec.table.target == tuple(TOPICS)


def test_the_model_file_keeps_the_targets(answer, tmp_path):
    answer.best.model.save(tmp_path / "m.caviar")
    model, rows = load(tmp_path / "m.caviar"), articles(50, seed=9)
    assert model.targets == answer.best.model.targets
    assert model.classes == ()
    pd.testing.assert_frame_equal(model.predict(rows), answer.best.model.predict(rows))
    np.testing.assert_array_equal(model.predict_proba(rows), answer.best.model.predict_proba(rows))
    found = model.prediction(rows)
    assert found.known is not None
    assert found.known.metric == "hamming_accuracy"
    assert found.known.score == pytest.approx((bits_of(rows) == bits_of(found.labels)).mean())
    written = rows.astype(dict.fromkeys(TOPICS, str))  # a file's text finds what it stands for
    written.to_csv(tmp_path / "rows.csv", index=False)
    assert model.prediction(tmp_path / "rows.csv").known == found.known
    assert model.prediction(rows.drop(columns="sport")).known is None
    with pytest.raises(ModelError, match="intervals are for numbers"):
        model.predict_interval(rows)


def test_an_ensemble_of_several_targets_is_no_worse_on_rows_that_it_was_chosen_by():
    study = caviar.tune(articles(150), TOPICS, trials=4, metric="log_loss", store=None, threads=1, progress=False)
    together = study.summary["ensemble"]
    assert together["networks"] >= 2
    assert together["validation"]["log_loss"] <= study.best.validation["log_loss"] + 1e-9
    model = study.best.model
    rows = articles(80, seed=4)
    shares = [1 - sum(member.share for member in model.members), *(member.share for member in model.members)]
    x = model.preprocessing.apply(rows)
    each = [network.outputs(x) for network in (model.network, *(member.network for member in model.members))]
    mean = np.tensordot(shares, each, axes=1)
    np.testing.assert_array_equal(bits_of(model.predict(rows)), mean > 0.5)


@pytest.mark.filterwarnings("ignore::caviar.errors.CaviarWarning")
def test_balanced_training_finds_rare_labels_and_gives_probabilities_back():
    random = np.random.default_rng(0)
    a, b = random.normal(size=2000), random.normal(size=2000)
    rare = {"one": a + random.normal(size=2000) > 2.0, "two": b + random.normal(size=2000) > 2.0}
    data = pd.DataFrame({"a": a, "b": b, **{name: np.where(hit, "yes", "no") for name, hit in rare.items()}})
    given = {"trials": 3, "space": SPACE, "threads": 1, "progress": False, "store": None}
    plain, balanced = (caviar.tune(data, ["one", "two"], **given, balance=how) for how in (False, True))
    share = np.mean([hit.mean() for hit in rare.values()])
    found = [(study.best.model.predict(data) == "yes").to_numpy().mean() for study in (plain, balanced)]
    assert found[0] < share < 0.5 * found[1]
    for study in (plain, balanced):
        for name in ("hamming_accuracy", "exact_match", "f1_macro", "log_loss"):
            assert study.best.test[f"{name}_low"] <= study.best.test[name] <= study.best.test[f"{name}_high"], name
        assert study.best.model.predict_proba(data).mean() == pytest.approx(share, rel=0.25)
    assert any("every class counts alike" in note for note in balanced.notes)


def test_a_thinned_study_of_several_targets_keeps_every_label_set():
    table = read(articles(900), TOPICS)
    whole, thin = prepare(table, 0), prepare(table, 0, thin=lambda rows, n_in: 4)
    assert len(thin.train) == pytest.approx(len(whole.train) / 4, abs=8)
    assert {*thin.train.y.tolist()} == {*whole.train.y.tolist()}
    assert len(thin.test.open()) == len(whole.test.open())


def test_folds_of_groups_have_their_share_of_every_label():
    """Twenty targets: nearly every row has a label set of its own, and a set may be a number near 2**20."""
    random = np.random.default_rng(2)
    bits = random.random((600, 20)) < np.linspace(0.1, 0.6, 20)
    names = [f"y{k}" for k in range(20)]
    frame = pd.DataFrame(bits.astype(int), columns=names).assign(a=random.normal(size=600), who=np.arange(600) // 4)
    by_group = Reading(group="who")
    dataset = prepare(read(frame, names, reading=by_group), 0, reading=by_group)
    everything = unpacked(dataset.train_and_validation().y, 20)
    folds = fold_rows(dataset, 0)
    assert len(folds) == 5
    for training, held_out in folds:
        assert not {*dataset.sets[training]} & {*dataset.sets[held_out]}
        assert np.abs(everything[held_out].mean(axis=0) - everything.mean(axis=0)).max() < 0.15


def test_drift_of_several_targets_compares_columns_with_rows_that_are_given(answer):
    new, old = articles(200, seed=7).assign(a=lambda frame: frame["a"] + 1.0), articles()
    with pytest.raises(ModelError, match="a model of several targets keeps no sketch of its training data\ngive the"):
        caviar.drift(answer.best.model, new)
    report = caviar.drift(answer.best.model, new, old=old)
    assert "a" in {change.name for change in report.columns if change.p < 1e-6}
    assert not any("sport" in note for note in report.notes)
