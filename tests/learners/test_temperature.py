"""The temperature: the minimum of the log loss, and no label that changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.metrics import log_loss

from caviar.learners.temperature import HIGHEST, LOWEST, temperature_of, tempered


def drawn(m: int, classes: int, sharpness: float, seed: int = 0):
    """Labels of a softmax, and probabilities that are too sure of themselves by ``sharpness``."""
    rng = np.random.default_rng(seed)
    z = 1.5 * rng.normal(size=(m, classes))
    y = (rng.random((m, 1)) > softmax(z, axis=1).cumsum(axis=1)).sum(axis=1).clip(0, classes - 1)
    return sharpness * z, y


@pytest.mark.parametrize(("classes", "sharpness"), [(2, 3.0), (5, 1.0), (4, 0.4)])
def test_it_is_the_minimum_that_scipy_finds_and_finds_the_sharpness_again(classes: int, sharpness: float):
    z, y = drawn(4_000, classes, sharpness)
    found = temperature_of(softmax(z, axis=1), y)
    theirs = minimize_scalar(
        lambda t: -log_softmax(z / t, axis=1)[np.arange(len(y)), y].mean(), bounds=(0.1, 10), method="bounded"
    ).x
    assert found == pytest.approx(theirs, rel=0.01)  # ours has a row by chance
    assert found == pytest.approx(sharpness, rel=0.15)
    p = softmax(z, axis=1)
    assert log_loss(y, tempered(p, found)) <= log_loss(y, p)


@given(
    arrays(np.float64, (6, 3), elements=st.floats(-200, 200)),
    st.floats(LOWEST, HIGHEST),
)
def test_it_is_the_softmax_of_divided_scores_and_no_label_changes(z: np.ndarray, temperature: float):
    p = softmax(z, axis=1)
    q = tempered(p, temperature)
    assert np.isfinite(q).all()
    np.testing.assert_allclose(q.sum(axis=1), 1, rtol=1e-12)
    assert (q[np.arange(6), p.argmax(axis=1)] == q.max(axis=1)).all()
    whole = z.max(axis=1) - z.min(axis=1) < 600  # a probability that is not lost in float64
    np.testing.assert_allclose(q[whole], softmax(z[whole] / temperature, axis=1), rtol=1e-6, atol=1e-12)
    assert tempered(p, 1.0) is p


@pytest.mark.parametrize("rows", [1, 20, 300])
def test_rows_that_are_all_right_make_no_certainty(rows: int):
    """Of n right answers the next is wrong in about one of 2 n, with two classes: more is not known."""
    p = np.tile([0.3, 0.7], (rows, 1))
    q = tempered(p, temperature_of(p, np.ones(rows, dtype=int)))
    assert q[0, 0] == pytest.approx(1 / (2 * rows + 2), rel=1e-3)


def test_rows_that_are_all_wrong_come_to_the_highest_temperature():
    p = np.tile([0.01, 0.99], (50, 1))
    assert temperature_of(p, np.zeros(50, dtype=int)) == pytest.approx(HIGHEST, rel=1e-3)
    certain = np.tile([0.0, 1.0], (50, 1))
    assert LOWEST <= temperature_of(certain, np.ones(50, dtype=int)) <= HIGHEST
