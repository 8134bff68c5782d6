"""Corrections of outputs: probabilities by Bayes' rule, numbers within their range, damage refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from caviar.errors import ModelError
from caviar.learners.correction import PLAIN, Correction, shares_of, shifted
from caviar.nn.losses import balanced_class_weights


def test_balanced_probabilities_are_set_back_to_those_of_bayes_rule():
    """Of three normal distributions: weighted rows are a world in which all classes are equally frequent."""
    rng = np.random.default_rng(0)
    shares, means = np.array([0.9, 0.08, 0.02]), np.array([0.0, 1.0, 3.0])
    y = rng.choice(3, 5_000, p=shares)
    x = rng.normal(means[y])
    density = norm.pdf(x[:, None], means)
    counts = np.bincount(y)
    weighted = density * counts * balanced_class_weights(y, 3)  # what training with these weights learns
    balanced = weighted / weighted.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(balanced, density / density.sum(axis=1, keepdims=True), rtol=1e-9)
    truth = density * counts
    np.testing.assert_allclose(shifted(balanced, shares_of(y, 3)), truth / truth.sum(axis=1, keepdims=True), rtol=1e-9)


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.floats(0.2, 5.0))
def test_several_targets_are_each_corrected_as_two_classes_are(seed: int, targets: int, temperature: float):
    rng = np.random.default_rng(seed)
    p, shares = rng.uniform(0.01, 0.99, (9, targets)), rng.uniform(0.05, 0.95, targets)
    found = Correction(temperature, target_shares=tuple(shares)).of_several(p)
    for k in range(targets):
        both = np.stack([1 - p[:, k], p[:, k]], axis=1)
        alone = Correction(temperature, shares=(1 - shares[k], shares[k])).probabilities(both)
        np.testing.assert_allclose(found[:, k], alone[:, 1], rtol=1e-12)
    np.testing.assert_array_equal(PLAIN.of_several(p), p)
    np.testing.assert_array_equal(Correction(temperature).of_several(p) > 0.5, p > 0.5)  # no label is changed


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), st.floats(-50, 50), st.floats(0, 100))
def test_numbers_are_cut_exactly_to_the_range(numbers: list[float], low: float, width: float):
    found, mean, deviation = Correction(low=low, high=low + width), 12.5, 3.7
    z = (np.array(numbers) - mean) / deviation
    cut = found.exactly(found.cut(z, lambda y: (y - mean) / deviation) * deviation + mean)
    assert low <= cut.min() <= cut.max() <= low + width
    np.testing.assert_allclose(cut, np.clip(numbers, low, low + width), rtol=1e-9, atol=1e-8)
    assert found.beyond(np.array(numbers)) == sum(not low <= number <= low + width for number in numbers)


def test_nothing_is_changed_by_default_and_a_record_comes_back():
    p = np.array([[0.2, 0.8]])
    assert PLAIN.probabilities(p) is p
    assert PLAIN.cut(p, np.asarray) is p
    assert PLAIN.beyond(p) == 0
    for one in (
        PLAIN,
        Correction(1.5, (0.25, 0.75)),
        Correction(target_shares=(0.25, 0.5)),
        Correction(low=-1.0, high=2.0),
    ):
        assert Correction.from_dict(one.to_dict()) == one
    assert PLAIN.to_dict() == {}


@pytest.mark.parametrize(
    "damaged",
    [
        {"temperature": 0.0},
        {"temperature": math.nan},
        {"shares": (0.5, 0.6)},
        {"shares": (-0.5, 1.5)},
        {"target_shares": (0.5, 1.5)},
        {"shares": (math.nan, 1.0)},
        {"low": 1.0},
        {"low": 1.0, "high": 0.0},
        {"low": -math.inf, "high": 0.0},
        {"low": 0.0, "high": math.nan},
    ],
)
def test_damage_is_refused(damaged: dict):
    with pytest.raises(ModelError, match="correction"):
        Correction(**damaged)
