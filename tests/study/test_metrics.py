"""Studies by every metric: the search ranks by it, the answer says it, and where it has no value that is said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import caviar
from caviar.errors import ConfigError
from caviar.records.metrics import TASK_METRICS, smaller_is_better
from caviar.store import Store

SPACE = caviar.Space(learning_rate=caviar.Log(1e-3, 0.3), layers=1, hidden_units=8, batch_size=32)


def table(rare: float = 0.3, m: int = 240) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=m), rng.normal(size=m)
    z = a + 0.5 * b + 0.4 * rng.normal(size=m)
    return pd.DataFrame({"a": a, "b": b, "y": np.where(z > np.quantile(z, 1 - rare), "rare", "usual")})


def tune(data: pd.DataFrame, metric: str, **given):
    given = {"trials": 6, "space": SPACE, "threads": 1, "progress": False} | given
    return caviar.tune(data, "y", metric=metric, **given)


@pytest.mark.parametrize("metric", TASK_METRICS["classification"])
def test_a_study_by_each_metric_of_classes(metric: str, tmp_path):
    study = tune(table(), metric, store=tmp_path / "c.db", study="by")
    best = study.summary["best"]
    assert best["validation"][metric] == pytest.approx(best["repeated"]["mean"], abs=1e-6)
    assert best["test"][f"{metric}_low"] <= best["test"][metric] <= best["test"][f"{metric}_high"]
    with Store.open(tmp_path / "c.db") as store:
        scores = [trial.score for trial in store.trials("by") if trial.repeat == 0 and trial.epochs >= 1]
    shown = study.summary["finalists"][0]["when_chosen"]
    assert (min if smaller_is_better(metric) else max)(scores) == pytest.approx(shown, abs=0.2)
    assert study.best.model.facts["test"] == best["test"]


def test_the_scores_are_those_of_the_model_that_is_saved():
    data = table()
    test = table(m=120).assign(a=lambda frame: frame["a"] + 0.01)
    study = tune(data, "roc_auc", store=None, test=test)
    p = study.best.model.predict_proba(test)
    from sklearn import metrics

    assert study.best.test["roc_auc"] == pytest.approx(metrics.roc_auc_score(test["y"] == "usual", p[:, 1]))
    assert study.best.test["average_precision"] == pytest.approx(
        metrics.average_precision_score(test["y"] == "rare", p[:, 0])
    )
    assert study.summary["positive"] == "rare"
    said = study.best.model.predict(test)
    assert study.summary["confusion"]["right"] == [
        int(((said == label) & (test["y"] == label)).sum()) for label in ("rare", "usual")
    ]


@pytest.mark.parametrize("metric", TASK_METRICS["regression"])
def test_a_study_by_each_metric_of_numbers(metric: str):
    data = table().assign(y=lambda frame: 50 + 9 * (frame["a"] + frame["b"]))
    study = tune(data, metric, store=None)
    test = study.best.test
    assert test[f"{metric}_low"] <= test[metric] <= test[f"{metric}_high"]
    majority = study.summary["baseline"]["majority"]
    assert majority["method"] == "mean"
    assert majority["always"] == pytest.approx(50, abs=3)
    assert majority["lead"]["by"] > 0
    assert "confusion" not in study.summary
    assert test["r2"] > 0.5 > majority["r2"]


def test_mape_is_refused_where_a_target_is_zero_and_left_out_where_it_was_not_asked_for():
    data = table().assign(y=lambda frame: (frame["a"].round() * 3).abs() + frame["b"].abs().round(2))
    data.loc[::4, "y"] = 0.0
    with pytest.raises(ConfigError, match="mape is not defined on the validation rows: the target of") as no:
        tune(data, "mape", store=None)
    assert no.value.way_out == 'choose another: `metric="mae"`'
    study = tune(data, "mae", store=None)
    assert "mape" not in study.best.test
    assert "is 0" in study.summary["undefined"]["test"]["mape"]


def test_a_class_of_too_few_rows_for_all_folds_is_trained_again_with_fresh_seeds():
    data = table(rare=0.016)
    assert (data["y"] == "rare").sum() == 4
    study = tune(data, "average_precision", store=None)
    assert study.summary["best"]["repeated"]["how"] == "fresh seeds"
    assert np.isfinite(study.best.validation["average_precision"])


def test_noise_is_no_better_than_the_majority_and_that_is_said_everywhere():
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"a": rng.normal(size=500), "y": np.where(rng.random(500) < 0.02, "fraud", "ok")})
    with pytest.warns(caviar.CaviarWarning) as warned:
        study = tune(data, "accuracy", store=None)
    assert [str(warning.message) for warning in warned] == list(study.notes)
    before, after = study.notes
    assert "% of the training rows are 'ok', so accuracy says little" in before
    assert "the network is no better than always saying 'ok'" in after
    assert study.summary["baseline"]["majority"]["lead"]["by"] <= 0
    assert study.summary["confusion"]["right"][0] == 0


def test_a_study_that_is_resumed_has_the_same_worth(tmp_path):
    whole = tune(table(), "f1_macro", store=tmp_path / "a.db", study="net")
    tune(table(), "f1_macro", store=tmp_path / "b.db", study="net", trials=3)
    again = caviar.resume("net", store=tmp_path / "b.db", data=table(), trials=6, progress=False)
    for key in ("baseline", "confusion", "columns", "undefined", "notes"):
        assert again.summary[key] == whole.summary[key]
    assert again.best.test == whole.best.test
