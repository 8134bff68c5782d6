"""Our Sobol points are SciPy's, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import qmc

from caviar.randomness import Purpose, stream_key
from caviar.search.sampling import BLOCK, SobolPoints
from caviar.search.sobol import MOST_DIMENSIONS


def scipys(dimensions: int, seed: int, count: int):
    key = np.random.SeedSequence(stream_key(seed, Purpose.PROPOSALS).tolist())
    stream = np.random.Generator(np.random.Philox(key))
    return qmc.Sobol(dimensions, scramble=True, rng=stream).random(count)


@pytest.mark.parametrize("dimensions", [1, 2, 3, 7, 20, MOST_DIMENSIONS, MOST_DIMENSIONS + 1, 60])
@pytest.mark.parametrize("seed", [0, 1, 2**60])
def test_the_points_of_scipy(dimensions, seed):
    ours = SobolPoints(dimensions, seed)
    expected = scipys(dimensions, seed, 1024)
    assert np.array_equal(ours.points(0, 1024), expected)
    assert np.array_equal(SobolPoints(dimensions, seed).block(3), expected[3 * BLOCK : 4 * BLOCK])


def test_far_out_in_the_sequence():
    assert np.array_equal(SobolPoints(5, 3).points(2**18 + 17, 100), scipys(5, 3, 2**19)[2**18 + 17 :][:100])


def test_every_half_of_every_dimension_gets_half_of_the_points():
    for dimensions in (3, MOST_DIMENSIONS):
        points = SobolPoints(dimensions, 9).points(0, 4096)
        assert np.allclose((points < 0.5).mean(axis=0), 0.5)
        assert np.all((points >= 0) & (points < 1))
