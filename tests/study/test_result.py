"""The model of a study says of new rows what was promised: intervals that cover, probabilities that are calibrated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import caviar
from caviar.errors import ModelError
from caviar.nn.metrics import calibration_error, log_loss

SPACE = caviar.Space(learning_rate=caviar.Log(3e-3, 1e-1), hidden_units=12, layers=1, batch_size=64)


def tuned(frame: pd.DataFrame, **given: object):
    return caviar.tune(frame, "y", space=SPACE, threads=1, store=None, progress=False, **{"trials": 3, **given})


def numbers(rows: int, seed: int) -> pd.DataFrame:
    """A target with noise of heavy tails, far from 0."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 2))
    y = 1000 + 50 * x[:, 0] + 20 * np.abs(x[:, 1]) + 30 * rng.standard_t(3, rows)
    return pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": y})


@pytest.mark.parametrize(("rows", "more"), [(400, {}), (2_600, {}), (400, {"ensemble": True})])
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


@pytest.mark.parametrize("more", [{}, {"ensemble": True}])
def test_probabilities_are_calibrated_on_unseen_rows_and_the_sealed_scores_are_theirs(more: dict, tmp_path: Path):
    test = overfitted(2_000, 2)
    study = tuned(overfitted(300, 1), seed=1, test=test, **more)
    study.best.model.save(tmp_path / "m.caviar")
    model = caviar.load(tmp_path / "m.caviar")
    found = study.result.calibration
    assert found is not None
    assert model.temperature == study.best.model.temperature == found.temperature
    assert found.rows == 300
    p, y = model.predict_proba(test), np.where(test.y == "up", 1, 0)
    sealed = study.result.ensemble.test if more else study.best.test
    assert sealed["log_loss"] == pytest.approx(log_loss(p, y))
    raw = replace(model, temperature=1.0)
    if not more:  # an ensemble is not so sure of itself, and has nothing to gain
        assert found.temperature > 1.0
        assert log_loss(p, y) < log_loss(raw.predict_proba(test), y)
        assert calibration_error(p, y) < calibration_error(raw.predict_proba(test), y)
    assert np.array_equal(model.predict(test), raw.predict(test))
    assert study.summary["calibration"]["temperature"] == found.temperature
