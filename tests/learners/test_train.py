"""caviar.train: one network on arrays."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import accuracy_score, r2_score

import caviar
from caviar.errors import ConfigError, DataError
from tests.learners.contract import examples, numbers

ENGINES = ["native", "reference"]
SMALL = {"layers": 1, "hidden_units": 16, "learning_rate": 0.02, "batch_size": 32}


@pytest.mark.parametrize("engine", ENGINES)
def test_history_ends_with_the_scores_of_the_model(engine: str):
    training, held_out = examples(200, 6, 3, seed=1), examples(80, 6, 3, seed=2)
    fit = caviar.train(
        training.x, training.y, SMALL, epochs=8, validation=(held_out.x, held_out.y.astype(np.int64)), engine=engine
    )
    names = ["train_loss", "validation_loss", "validation_accuracy", "learning_rate", "seconds"]
    assert list(fit.history) == names
    assert fit.history.index.tolist() == list(range(1, 9))
    assert fit.best_epoch == 8
    predicted = accuracy_score(held_out.y, fit.model.predict(held_out.x))
    assert fit.history["validation_accuracy"].iloc[-1] == pytest.approx(predicted)
    assert predicted > 0.7


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_floats_are_numbers_to_predict_in_their_own_units(engine: str, dtype: type):
    """y stands around 5 with a deviation of 2: what the model predicts does so too."""
    training, held_out = numbers(400, 5, seed=1), numbers(150, 5, seed=2)
    y, yv = (5 + 2 * part.y.astype(np.float64) for part in (training, held_out))
    fit = caviar.train(training.x, y.astype(dtype), SMALL, epochs=30, validation=(held_out.x, yv), engine=engine)
    assert fit.model.regression
    assert list(fit.history) == ["train_loss", "validation_loss", "validation_r2", "learning_rate", "seconds"]
    predicted = fit.model.predict(held_out.x)
    assert fit.history["validation_r2"].iloc[-1] == pytest.approx(r2_score(yv, predicted), abs=1e-3)
    assert fit.history["validation_loss"].iloc[-1] == pytest.approx(((yv - predicted) ** 2).mean(), rel=1e-3)
    line = LinearRegression().fit(training.x, y).score(held_out.x, yv)
    assert r2_score(yv, predicted) > line + 0.1


def test_integers_serve_as_numbers_beside_floats():
    training = numbers(60, 5)
    fit = caviar.train(training.x, training.y, SMALL, epochs=1, validation=(training.x, np.arange(60) % 3))
    assert np.isfinite(fit.history["validation_r2"]).all()


def test_targets_far_from_one_are_a_divergence_that_shows():
    training = numbers(60, 5)
    fit = caviar.train(training.x, 1e4 * training.y, SMALL, epochs=5)
    assert len(fit.history) == 1
    assert fit.history["train_loss"].iloc[0] > 1000


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("statistics", ["running", "exact"])
def test_patience_gives_the_model_of_the_best_epoch(engine: str, statistics: str):
    training, held_out = examples(60, 20, 3, seed=1), examples(70, 20, 3, seed=2)
    config = {**SMALL, "hidden_units": 64, "batch_size": 16, "batch_norm_statistics": statistics}
    validation = (held_out.x, held_out.y)
    fit = caviar.train(training.x, training.y, config, epochs=60, validation=validation, patience=4, engine=engine)
    losses = fit.history["validation_loss"]
    assert fit.best_epoch == losses.idxmin()
    assert len(losses) == fit.best_epoch + 4 < 60
    plain = caviar.train(training.x, training.y, config, epochs=fit.best_epoch, validation=validation, engine=engine)
    for name, w in plain.model.network.weights.items():
        np.testing.assert_array_equal(fit.model.network.weights[name], w)
    p = fit.model.predict_proba(held_out.x)[np.arange(70), held_out.y]
    assert -np.log(p).mean() == pytest.approx(losses.min(), rel=1e-3)


def test_patience_of_numbers():
    training, held_out = numbers(50, 5, seed=1), numbers(50, 5, seed=2)
    config = {**SMALL, "hidden_units": 128}
    fit = caviar.train(training.x, training.y, config, epochs=200, validation=(held_out.x, held_out.y), patience=5)
    assert fit.best_epoch == fit.history["validation_loss"].idxmin() < 200
    assert fit.history["validation_r2"].max() == fit.history["validation_r2"][fit.best_epoch]


def test_patience_needs_validation_rows_and_a_number():
    training = examples(40, 4, 2)
    with pytest.raises(ConfigError, match="needs validation rows"):
        caviar.train(training.x, training.y, SMALL, epochs=3, patience=2)
    for patience in (0, -1, 1.5, True):
        with pytest.raises(ConfigError, match=r"`patience` must be (a whole number|at least 1)"):
            caviar.train(
                training.x, training.y, SMALL, epochs=3, patience=patience, validation=(training.x, training.y)
            )


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (np.array([0, 1, -1, 0]), r"integers from 0 to 2\*\*31 - 2, got int64 from -1"),
        (np.array([0, 2**32 + 1, 0, 1]), "got int64 from 0 to 4294967297"),
        (np.array(["a", "b", "a", "b"]), "integers from 0 to"),
        (np.array([0.0, 1.0, np.nan, 2.0]), "finite float32 numbers, got nan in row 2"),
        (np.array([0.0, 1.0, 2.0, 1e39]), r"finite float32 numbers, got 1e\+39 in row 3"),
        (np.array([[0.0], [1.0], [2.0], [3.0]]), r"shape \(4,\)"),
    ],
)
def test_targets_that_cannot_be(y: np.ndarray, said: str):
    with pytest.raises(DataError, match=said):
        caviar.train(np.zeros((4, 2)), y, SMALL, epochs=1)


def test_classes_and_numbers_do_not_mix():
    training = examples(40, 4, 2)
    with pytest.raises(DataError, match="validation's y must hold integers"):
        caviar.train(training.x, training.y, SMALL, epochs=1, validation=(training.x, training.y + 0.5))
    with pytest.raises(DataError, match="validation's y must hold numbers as y does"):
        caviar.train(training.x, training.y + 0.5, SMALL, epochs=1, validation=(training.x, training.y.astype(str)))


@pytest.mark.parametrize("cell", [np.nan, np.inf, -np.inf, 1e39])
def test_features_that_are_not_finite_are_refused_by_row_and_column(cell: float):
    training = examples(40, 4, 2)
    x = training.x.astype(np.float64)
    x[7, 1] = cell
    with pytest.raises(DataError, match=r"^x must hold finite float32 numbers, got .* in row 7, column 1"):
        caviar.train(x, training.y, SMALL, epochs=1)
    with pytest.raises(DataError, match=r"^validation's x must hold finite float32 numbers, got .* in row 7, column 1"):
        caviar.train(training.x, training.y, SMALL, epochs=1, validation=(x, training.y))
    with pytest.raises(DataError, match="row 7, column 1"):
        caviar.train(np.ma.masked_array(training.x, np.isnan(x) | (np.abs(x) > 1e9)), training.y, SMALL, epochs=1)
    with pytest.raises(DataError, match="real numbers"):
        caviar.train(training.x * 1j, training.y, SMALL, epochs=1)
