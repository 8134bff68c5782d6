"""The parts of a model that are learned on unseen rows, from networks that were trained as its own was."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from scipy.special import softmax

from caviar.analysis.account import Unseen
from caviar.data.examples import Examples
from caviar.learners.contract import Predictor
from caviar.learners.correction import PLAIN, Correction
from caviar.learners.scoring import Scoring
from caviar.study.corrections import learned_alone
from tests.learners.test_temperature import drawn


class Said:
    """A network whose outputs are its inputs."""

    width = 3

    def __init__(self, n_out: int) -> None:
        self.n_out = n_out

    def outputs(self, x: np.ndarray) -> np.ndarray:
        return x.astype(np.float64)


def unseen(outputs: np.ndarray, y: np.ndarray, epochs: int | None) -> list[Unseen]:
    rows = Examples(outputs.astype(np.float32), y)
    return [Unseen(cast(Predictor, Said(outputs.shape[1])), rows, rows, epochs)]


def job_of(n_out: int) -> Any:
    return SimpleNamespace(scoring=Scoring(n_out, 1, 100.0, 10.0))


@pytest.mark.parametrize(("epochs", "is_calibrated"), [(27, True), (None, True), (3, False), (81, False)])
def test_a_temperature_is_of_networks_that_were_trained_for_as_many_epochs(epochs: int | None, is_calibrated: bool):
    z, y = drawn(800, 3, sharpness=3.0)
    found = learned_alone(job_of(3), PLAIN, unseen(softmax(z, axis=1), y.astype(np.int32), epochs), 27)
    assert (found.correction.temperature > 2) == is_calibrated
    assert (found.calibration is not None) == is_calibrated
    assert found.notes == ()


@pytest.mark.parametrize("epochs", [27, 81])
def test_errors_of_other_epochs_are_used_with_a_note_and_after_the_cut(epochs: int):
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(200, 1)), rng.normal(size=200).astype(np.float32)
    asked = Correction(low=90.0, high=110.0)  # of a target of mean 100 and deviation 10: -1 to 1
    found = learned_alone(job_of(1), asked, unseen(z, y, epochs), 27)
    assert found.residuals is not None
    assert found.residuals.rows == 200
    np.testing.assert_allclose(found.residuals.sizes, np.sort(np.abs(z[:, 0].clip(-1, 1) - y)), rtol=1e-5, atol=1e-6)
    assert found.correction == asked
    assert [("networks of 81 epochs, and the model has 27" in note) for note in found.notes] == [True] * (epochs == 81)


def test_without_unseen_rows_there_is_what_was_asked_for():
    assert learned_alone(job_of(1), Correction(low=0.0, high=1.0), [], 27) == (
        Correction(low=0.0, high=1.0),
        None,
        None,
        (),
    )
