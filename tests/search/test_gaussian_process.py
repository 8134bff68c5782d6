"""The Gaussian process beside scikit-learn's and SciPy's: its draws, its lengths, and what is pending."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern

from caviar.search.gaussian_process import GaussianProcess, _log_improvement

CHOICES = {1: 3}  # a Choice of three values in column 1
D = 4


def points(stream: np.random.Generator, n: int) -> np.ndarray:
    """(n, D): column 1 has categories, column 3 does not apply to every fourth point."""
    found = stream.random((n, D))
    found[:, 1] = (stream.integers(0, 3, n) + 0.5) / 3
    found[::4, 3] = np.nan
    return found


def worth(at: np.ndarray) -> np.ndarray:
    """Column 0 matters most, column 2 not at all."""
    return -9 * (at[:, 0] - 0.3) ** 2 + 0.5 * (at[:, 1] > 0.6) - np.nan_to_num(at[:, 3] - 0.5) ** 2


def spread(at: np.ndarray) -> np.ndarray:
    """(m, 7): coordinates of which Euclid's distance is the one that is promised: categories 1 apart, absence 1/2."""
    absent = np.isnan(at[:, 3])
    categories = [(np.floor(at[:, 1] * 3) == one) * math.sqrt(0.5) for one in range(3)]
    return np.column_stack([at[:, 0], *categories, at[:, 2], np.where(absent, 0.5, at[:, 3]), 0.5 * absent])


def oracle(process: GaussianProcess, x: np.ndarray, y: np.ndarray) -> GaussianProcessRegressor:
    """scikit-learn's with the same lengths and noise, and without a scale."""
    lengths = process._lengths[[0, 1, 1, 1, 2, 3, 3]]
    found = GaussianProcessRegressor(Matern(lengths, nu=2.5), alpha=process._noise, optimizer=None)
    return found.fit(x, y)


def improvement(mean: np.ndarray, deviation: np.ndarray, best: float) -> np.ndarray:
    z = (mean - best) / deviation
    return deviation * (z * norm.cdf(z) + norm.pdf(z))


@pytest.mark.parametrize("seed", range(8))
def test_each_draw_has_the_greatest_expected_improvement(seed):
    stream = np.random.default_rng(seed)
    known, pending = points(stream, 30), points(stream, seed)  # none is pending for the first
    y = worth(known) + 0.05 * stream.standard_normal(30)
    process = GaussianProcess(D, CHOICES)
    process.learn(known, y, fit=True)
    candidates = points(stream, 5 * 16).reshape(5, 16, D)
    allowed = stream.random((5, 16)) < 0.8
    places = process.best_of(candidates, allowed, pending)
    y = (y - y.mean()) / y.std()
    of_values = oracle(process, spread(known), y)
    scale = math.sqrt(y @ np.linalg.solve(of_values.L_ @ of_values.L_.T, y) / len(y))
    x = np.vstack([spread(known), spread(pending)])
    for draw, place in enumerate(places):
        at = spread(candidates[draw])
        deviation = oracle(process, x, np.zeros(len(x))).predict(at, return_std=True)[1]
        gain = np.where(allowed[draw], improvement(of_values.predict(at), scale * deviation, y.max()), -1.0)
        assert gain[place] >= gain.max() * (1 - 1e-6)
        x = np.vstack([x, at[place]])  # the next draw knows of it, and not how good it is


def test_lengths_are_fitted_by_the_posterior_probability():
    stream = np.random.default_rng(3)
    known = points(stream, 25)
    process = GaussianProcess(D, CHOICES)
    process.learn(known, worth(known), fit=False)
    y = (worth(known) - worth(known).mean()) / worth(known).std()

    def expected() -> float:
        lengths = process._lengths[[0, 1, 1, 1, 2, 3, 3]]
        kernel = Matern(lengths, nu=2.5)(spread(known)) + process._noise * np.eye(25)
        kernel *= y @ np.linalg.solve(kernel, y) / 25  # the likeliest variance
        likelihood = multivariate_normal(np.zeros(25), kernel).logpdf(y)
        prior = norm.logpdf(np.log(process._lengths), math.log(0.35 * 2), 1.0).sum()
        return float(-likelihood - prior - norm.logpdf(math.log(process._noise), math.log(1e-3), 2.0))

    first, first_expected = process._negative_log_posterior(), expected()
    process._lengths = np.array([0.2, 1.0, 3.0, 0.5])
    process._noise = 0.03
    assert process._negative_log_posterior() - first == pytest.approx(expected() - first_expected, rel=1e-6)
    second = process._negative_log_posterior()
    for _ in range(8):
        process.learn(known, worth(known), fit=True)
    found = process._negative_log_posterior()
    assert found < min(first, second)
    for j in range(D):  # no neighbour on the grid explains the values better
        for factor in (0.5, 2.0):
            process._lengths[j] *= factor
            assert process._negative_log_posterior() > found - 1e-5
            process._lengths[j] /= factor
    assert process._lengths.argmin() == 0  # the one that matters most


def test_what_is_pending_is_not_drawn_again():
    stream = np.random.default_rng(0)
    known = points(stream, 20)
    process = GaussianProcess(D, CHOICES)
    process.learn(known, worth(known), fit=True)
    candidates = np.repeat(points(stream, 12)[None], 2, axis=0)
    everything = np.ones((2, 12), dtype=np.bool_)
    first, second = process.best_of(candidates, everything, np.empty((0, D)))
    assert first != second
    [alone] = process.best_of(candidates[:1], everything[:1], candidates[0, [first]])
    assert alone == second


@pytest.mark.parametrize("values", [np.zeros(12), np.r_[np.zeros(11), 1e150], -np.arange(12.0)])
def test_values_that_say_nothing_and_points_that_are_the_same(values):
    process = GaussianProcess(D, CHOICES)
    process.learn(np.full((12, D), 0.5), values, fit=True)
    candidates = points(np.random.default_rng(1), 8).reshape(1, 8, D)
    assert process.best_of(candidates, np.arange(8)[None] == 5, np.full((30, D), 0.5)) == [5]


def test_the_logarithm_of_the_improvement_far_below_the_best():
    z = np.array([-40.0, -9.0, -7.9, -3.0, 0.0, 4.0])
    with np.errstate(divide="ignore"):
        expected = np.log(improvement(2 * z, np.full(6, 2.0), 0.0))
    found = _log_improvement(2 * z, np.full(6, 2.0), 0.0)
    assert found[2:] == pytest.approx(expected[2:], rel=1e-9)
    assert found[1] == pytest.approx(norm.logpdf(9.0) - 2 * math.log(9.0) + math.log(2.0), rel=1e-9)
    assert np.all(np.diff(found) > 0)
