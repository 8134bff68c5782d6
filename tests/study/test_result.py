"""The model of a study says of new rows what was promised: intervals that cover, probabilities that are calibrated."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import caviar
from caviar.errors import ConfigError, ModelError
from caviar.learners.correction import PLAIN
from caviar.nn.metrics import calibration_error, log_loss
from caviar.study import members

SPACE = caviar.Space(learning_rate=caviar.Log(3e-3, 1e-1), hidden_units=12, layers=1, batch_size=64)


def tuned(frame: pd.DataFrame, **given: object):
    usual = {"trials": 3, "preset": "single", "space": SPACE, "threads": 1, "store": None, "progress": False}
    return caviar.tune(frame, "y", **{**usual, **given})


def numbers(rows: int, seed: int) -> pd.DataFrame:
    """A target with noise of heavy tails, far from 0."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 2))
    y = 1000 + 50 * x[:, 0] + 20 * np.abs(x[:, 1]) + 30 * rng.standard_t(3, rows)
    return pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": y})


@pytest.mark.parametrize(("rows", "more"), [(400, {}), (2_600, {}), (400, {"preset": "best"})])
def test_intervals_have_the_share_of_new_rows_that_was_asked_for(rows: int, more: dict, tmp_path: Path):
    """With folds, with fresh seeds, and of an ensemble; the file keeps what they need."""
    study = tuned(numbers(rows, 1), seed=1, **more)
    new = numbers(4_000, 2)
    study.best.model.save(tmp_path / "m.caviar")
    model = caviar.load(tmp_path / "m.caviar")
    seen = rows * 0.8 if rows < 2_000 else rows * 0.2
    assert model.residuals is not None
    assert model.residuals.rows == pytest.approx(seen, abs=2)
    for coverage in (0.5, 0.9):
        ends = model.predict_interval(new, coverage)
        assert np.array_equal(ends, study.best.model.predict_interval(new, coverage))
        np.testing.assert_allclose(ends.mean(axis=1), model.predict(new), rtol=1e-9)
        hits = float(((ends[:, 0] <= new.y) & (new.y <= ends[:, 1])).mean())
        noise = np.sqrt(coverage * (1 - coverage) * (1 / seen + 1 / len(new)))
        assert abs(hits - coverage) < 4 * noise


@pytest.mark.filterwarnings("ignore:the network is hardly better:caviar.CaviarWarning")
def test_models_without_errors_on_unseen_rows_say_so(tmp_path: Path):
    frame = numbers(200, 3)
    fit = caviar.train(frame[["a", "b"]].to_numpy(np.float32), frame.y.to_numpy(np.float32), {}, epochs=1)
    with pytest.raises(ModelError, match="no errors on unseen rows") as refused:
        fit.model.predict_interval(frame[["a", "b"]].to_numpy())
    assert "caviar tune" in refused.value.way_out
    classes = tuned(frame.assign(y=np.where(frame.y > 1000, "up", "down")), trials=1)
    with pytest.raises(ModelError, match="predicts classes"):
        classes.best.model.predict_interval(frame)


def overfitted(rows: int, seed: int) -> pd.DataFrame:
    """Two classes that two columns of thirty say something of."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 30))
    y = np.where(x[:, 0] + x[:, 1] + 1.5 * rng.normal(size=rows) > 0, "up", "down")
    return pd.DataFrame(x, columns=[f"x{i}" for i in range(30)]).assign(y=y)


@pytest.mark.parametrize("more", [{}, {"preset": "best"}])
def test_probabilities_are_calibrated_on_unseen_rows_and_the_sealed_scores_are_theirs(more: dict, tmp_path: Path):
    test = overfitted(2_000, 2)
    study = tuned(overfitted(300, 1), seed=1, test=test, **more)
    study.best.model.save(tmp_path / "m.caviar")
    model = caviar.load(tmp_path / "m.caviar")
    found = study.result.calibration
    assert found is not None
    assert model.correction.temperature == study.best.model.correction.temperature == found.temperature
    assert found.rows == 300
    p, y = model.predict_proba(test), np.where(test.y == "up", 1, 0)
    sealed = study.result.ensemble.test if more else study.best.test
    assert sealed["log_loss"] == pytest.approx(log_loss(p, y))
    raw = replace(model, correction=PLAIN)
    if not more:  # an ensemble is not so sure of itself, and has nothing to gain
        assert found.temperature > 1.0
        assert log_loss(p, y) < log_loss(raw.predict_proba(test), y)
        assert calibration_error(p, y) < calibration_error(raw.predict_proba(test), y)
    assert np.array_equal(model.predict(test), raw.predict(test))
    assert study.summary["calibration"]["temperature"] == found.temperature


# --- balance ---


def uneven(rows: int, seed: int) -> pd.DataFrame:
    """Classes of 8 % and 92 %, of which two columns say something."""
    rng = np.random.default_rng(seed)
    rare = rng.random(rows) < 0.08
    x = rng.normal(size=(rows, 2)) + 1.2 * rare[:, None]
    return pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": np.where(rare, "ill", "healthy")})


@pytest.mark.filterwarnings("ignore::caviar.errors.CaviarWarning")
@pytest.mark.parametrize("budget", [{"trials": 3}, {"seconds": 1}])
def test_balanced_training_holds_in_the_default_space(budget: dict):
    frame, once = uneven(300, 1), {"balance": True, "metric": "balanced_accuracy", "threads": 1}
    study = caviar.tune(frame, "y", store=None, progress=False, preset="single", **once, **budget)
    assert set(study.trials()["class_weights"]) == {"balanced"}
    assert study.best.config["decay_rate"] < 1 / 8  # and the space is still that of this study's epochs


@pytest.mark.filterwarnings("ignore::caviar.errors.CaviarWarning")
@pytest.mark.parametrize("balance", [True, False])
@pytest.mark.filterwarnings("ignore::caviar.errors.CaviarWarning")
def test_the_ensemble_of_balanced_training_is_chosen_by_a_loss_that_is_balanced_too(
    balance: bool, monkeypatch: pytest.MonkeyPatch
):
    asked, select = [], members.select

    def noted(p, y, owners, weights):
        asked.append(np.bincount(y, weights=weights))
        return select(p, y, owners, weights=weights)

    monkeypatch.setattr(members, "select", noted)
    tuned(uneven(300, 1), preset="best", balance=balance, metric="balanced_accuracy")
    healthy, ill = asked[0]
    assert (healthy == pytest.approx(ill)) == balance


@pytest.mark.filterwarnings("ignore::caviar.errors.CaviarWarning")
def test_balanced_training_finds_the_rare_class_and_its_probabilities_stay_honest(tmp_path: Path):
    test = uneven(4_000, 2)
    plain, balanced = (
        tuned(uneven(1_500, 1), seed=1, trials=6, test=test, balance=balance, metric="balanced_accuracy")
        for balance in (False, True)
    )
    balanced.best.model.save(tmp_path / "m.caviar")
    model = caviar.load(tmp_path / "m.caviar")
    assert balanced.best.config["class_weights"] == "balanced"
    assert sum(model.correction.shares) == pytest.approx(1)
    p, y = model.predict_proba(test), np.where(test.y == "ill", 1, 0)
    ill = (test.y == "ill").to_numpy()
    found = [float((study.best.model.predict(test)[ill] == "ill").mean()) for study in (plain, balanced)]
    assert found[1] > found[0] + 0.2
    assert balanced.best.test["balanced_accuracy"] > plain.best.test["balanced_accuracy"] + 0.1
    assert p[:, 1].mean() == pytest.approx(0.08, abs=0.05)  # in a balanced world it is above 0.3
    assert balanced.best.test["log_loss"] == pytest.approx(log_loss(p, y))
    assert balanced.best.test["log_loss"] < plain.best.test["log_loss"] + 0.05
    raw = model.outputs(model.preprocessing.apply(test[["a", "b"]]).astype(np.float64))
    assert log_loss(raw, y) > log_loss(p, y) + 0.1
    assert np.array_equal(np.where(model.predict(test) == "ill", 1, 0), raw.argmax(axis=1))
    assert balanced.best.test["accuracy"] == pytest.approx(float((raw.argmax(axis=1) == y).mean()))
    assert balanced.best.validation["log_loss"] < 0.4
    assert any("every class counts alike" in note for note in balanced.notes)
    assert balanced.result.baseline["linear"].method == "balanced logistic regression"
    assert any("`balance=True`" in note for note in tuned(uneven(300, 1), trials=1).notes)


def test_balance_is_refused_where_it_has_no_meaning():
    for given, match in (
        ({"metric": "log_loss"}, "log_loss judges probabilities"),
        ({"space": caviar.Space(learning_rate=0.01, class_weights=caviar.Choice(["none", "balanced"]))}, "has them"),
        ({"first": [{"class_weights": "none"}]}, "class_weights"),
        ({"clip": True, "balance": False}, "`clip` is for numbers"),
    ):
        with pytest.raises(ConfigError, match=match):
            caviar.tune(uneven(200, 1), "y", **{"trials": 1, "store": None, "balance": True, "space": SPACE, **given})
    with pytest.raises(ConfigError, match="`balance` is for classes"):
        tuned(numbers(100, 1), balance=True)
    with pytest.raises(ConfigError, match="`balance` is for tables"):
        caviar.tune(lambda trial: 0.0, SPACE, balance=True)


@pytest.mark.filterwarnings("ignore::caviar.errors.CaviarWarning")
def test_a_resume_keeps_balance_and_clip(tmp_path: Path):
    store = tmp_path / "s.db"
    for frame, given in ((uneven(200, 1), {"balance": True}), (numbers(200, 1), {"clip": True})):
        frame.to_csv(tmp_path / "t.csv", index=False)
        name = next(iter(given))
        begun = caviar.tune(
            tmp_path / "t.csv", "y", space=SPACE, threads=1, store=store, trials=1, progress=False, study=name, **given
        )
        again = caviar.resume(name, store=store, trials=2, threads=1, progress=False)
        assert begun.best.model.correction != PLAIN
        fields = ("shares", "low", "high")
        assert [getattr(again.best.model.correction, f) for f in fields] == [
            getattr(begun.best.model.correction, f) for f in fields
        ]


# --- clip ---


def test_predictions_are_cut_to_the_range_of_training_and_counted(tmp_path: Path):
    frame = numbers(500, 4).assign(y=lambda t: t.y.clip(900, 1060).round(1))
    frame.loc[7, "y"] = 1060.7
    far = pd.DataFrame({"a": [-40.0, 0.0, 40.0], "b": [0.0, 0.0, 40.0]})
    free, cut = (tuned(frame, seed=1, clip=clip, trials=3) for clip in (False, True))
    cut.best.model.save(tmp_path / "m.caviar")
    model = caviar.load(tmp_path / "m.caviar")
    said, answer = free.best.model.prediction(far).labels, model.prediction(far)
    found, rows = answer.labels, frame.drop(columns="y")
    assert re.search(r"predictions? w.* beyond the target of training, 900 to 1060", answer.notes[-1])
    assert said.min() < 900 or said.max() > 1061
    assert model.correction.low == 900.0
    assert model.correction.high in (1060.0, 1060.7)
    assert found.min() >= model.correction.low
    assert found.max() <= model.correction.high
    np.testing.assert_allclose(found, np.clip(said, model.correction.low, model.correction.high), rtol=1e-9)
    ends, middle = model.prediction(rows, 0.5).interval, model.prediction(rows).labels
    assert ((ends[:, 0] <= middle) & (middle <= ends[:, 1])).all()
    assert middle.max() <= model.correction.high
