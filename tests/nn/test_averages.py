"""The exponentially weighted average and its bias correction."""

import numpy as np
import pandas
from hypothesis import given
from hypothesis import strategies as st

from caviar.nn.averages import bias_corrected, exponentially_weighted

BETAS = st.floats(0, 0.9999)


def corrected_series(values, beta):
    v, series = np.zeros(()), []
    for t, theta in enumerate(values, start=1):
        v = exponentially_weighted(v, np.asarray(theta), beta)
        series.append(float(bias_corrected(v, beta, t)))
    return series


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), BETAS)
def test_the_corrected_average_is_the_weighted_mean_of_what_was_seen(values, beta):
    weights = [beta ** (len(values) - 1 - i) for i in range(len(values))]
    np.testing.assert_allclose(corrected_series(values, beta)[-1], np.average(values, weights=weights), atol=1e-5)


def test_the_corrected_average_matches_pandas():
    values = np.random.default_rng(0).standard_normal(200)
    expected = pandas.Series(values).ewm(alpha=0.1, adjust=True).mean()
    np.testing.assert_allclose(corrected_series(values, 0.9), expected, rtol=1e-10)


@given(st.floats(-1e6, 1e6), BETAS, st.integers(1, 30))
def test_the_corrected_average_of_a_constant_is_that_constant_from_the_first_step(constant, beta, n):
    np.testing.assert_allclose(corrected_series([constant] * n, beta), constant, rtol=1e-9, atol=1e-300)


def test_without_the_correction_the_first_averages_are_far_too_small():
    first = exponentially_weighted(np.zeros(1), np.array([40.0]), 0.98)
    np.testing.assert_allclose(first, 0.8)  # the course's example: 40 degrees look like 0.8
