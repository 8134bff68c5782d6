"""The calibration of a model: applied where it helps by more than noise, and counted by rows, not by networks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from caviar.analysis.account import Unseen, unseen_outputs
from caviar.analysis.calibration import calibration
from caviar.data.examples import Examples
from caviar.nn.metrics import calibration_error, log_loss
from tests.learners.test_temperature import drawn


def test_probabilities_that_are_too_sure_are_drawn_together():
    z, y = drawn(1_000, 3, sharpness=4.0)
    p = softmax(z, axis=1)
    found = calibration(p[None], y)
    assert found.temperature == pytest.approx(4, rel=0.2)
    assert found.log_loss_before == pytest.approx(log_loss(p, y))
    assert found.calibration_error_before == pytest.approx(calibration_error(p, y))
    assert found.log_loss < 0.7 * found.log_loss_before
    assert found.calibration_error < 0.3 * found.calibration_error_before
    rng = np.random.default_rng(1)
    several = np.stack([softmax(z + 0.1 * rng.normal(size=z.shape), axis=1) for _ in range(3)])
    assert calibration(several, y).rows == 1_000


def test_what_is_calibrated_stays_as_it_is():
    """Over many tables of calibrated probabilities few are changed, and none gets much worse."""
    changed, worse = 0, []
    for seed in range(200):
        z, y = drawn(100, 3, 1.0, seed)
        found = calibration(softmax(z, axis=1)[None], y)
        changed += found.temperature != 1.0
        new, truth = drawn(2_000, 3, 1.0, 1_000 + seed)
        worse.append(log_loss(softmax(new / found.temperature, axis=1), truth) - log_loss(softmax(new, axis=1), truth))
    assert changed < 60
    assert np.mean(worse) < 0.005


def test_equal_networks_are_no_more_evidence_than_one():
    for seed in range(40):
        z, y = drawn(60, 3, 1.0, seed)
        p = softmax(z, axis=1)
        one, four = calibration(p[None], y), calibration(np.tile(p, (4, 1, 1)), y)
        assert (one.temperature == 1.0) == (four.temperature == 1.0)


def test_equal_targets_of_a_row_are_no_more_evidence_than_one():
    for seed in range(40):
        z, y = drawn(60, 2, 1.5, seed)
        p = softmax(z, axis=1)
        one, three = calibration(p[None], y), calibration(np.repeat(p, 3, axis=0)[None], np.repeat(y, 3), cells=3)
        assert three.rows == one.rows == 60
        assert three.temperature == pytest.approx(one.temperature, rel=1e-6)
        assert three.log_loss == pytest.approx(one.log_loss, rel=1e-9)


def test_a_single_row_calibrates_nothing():
    assert calibration(np.array([[[0.2, 0.8]]]), np.array([0])).temperature == 1.0


def test_of_many_rows_some_are_looked_at(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("caviar.analysis.account._MOST_UNSEEN", 100)
    rng = np.random.default_rng(0)

    class Sure:
        n_out, width = 2, 2

        def outputs(self, x):
            return np.tile([0.25, 0.75], (len(x), 1))

    rows = [
        Examples(rng.normal(size=(m, 3)).astype(np.float32), rng.integers(0, 2, m, dtype=np.int32)) for m in (60, 90)
    ]
    for unseen, k in (([rows[0], rows[1]], 1), ([rows[0]] * 3, 3), ([rows[0]], 1)):
        p, y = unseen_outputs([Unseen(Sure(), rows[0], part) for part in unseen])
        step = -(-sum(2 * len(part) for part in unseen) // 100)
        assert p.shape == (k, len(y), 2)
        assert p.size <= 110
        wanted = [part.y[::step] for part in (unseen if k == 1 else unseen[:1])]
        assert np.array_equal(y, np.concatenate(wanted))
