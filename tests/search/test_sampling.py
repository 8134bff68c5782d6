"""Proposals depend on the space, the seed and the trial's number alone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest, qmc

from caviar.errors import SpaceError
from caviar.scales import Log
from caviar.search.sampling import BLOCK, random, sobol
from caviar.search.searches import check_search, search_named
from caviar.space import Space, default_space

POINTS = {"sobol": sobol, "random": random}


def proposed(search: str, space: Space, seed: int, number: int):
    proposals, boxes = search_named(search, space, seed).propose(number, [])
    assert not boxes
    return [proposal.config for proposal in proposals]


def first(search: str, n: int, seed: int = 0, space: Space | None = None):
    space = space or default_space()
    configs = []
    while len(configs) < n:
        configs += proposed(search, space, seed, len(configs))
    return configs[:n]


@pytest.mark.parametrize("search", POINTS)
def test_a_study_can_be_taken_up_at_any_trial(search: str):
    whole = first(search, 300)
    for start in (1, 5, 64, 65, 130, 257):
        tail = proposed(search, default_space(), 0, start)
        assert tail[: 300 - start] == whole[start : start + len(tail)]
        assert tail


@pytest.mark.parametrize("search", POINTS)
def test_the_first_trial_is_the_middle_of_every_scale(search: str):
    space = Space(learning_rate=Log(1e-4, 1), dropout=0.25)
    assert first(search, 1, space=space) == [{"learning_rate": pytest.approx(1e-2), "dropout": 0.25}]


@pytest.mark.parametrize("search", POINTS)
def test_seeds_differ_and_repeat(search: str):
    assert first(search, 100, seed=1) == first(search, 100, seed=1)
    assert first(search, 100, seed=1)[1:] != first(search, 100, seed=2)[1:]


@pytest.mark.parametrize("search", POINTS)
def test_points_are_uniform(search: str):
    points = np.vstack([POINTS[search](8, 3, block) for block in range(20)])
    assert points.shape == (20 * BLOCK, 8)
    assert all(kstest(column, "uniform").pvalue > 1e-4 for column in points.T)


def test_sobol_fills_the_space_more_evenly_than_random():
    even, plain = (np.vstack([POINTS[name](4, 3, block) for block in range(4)]) for name in ("sobol", "random"))
    assert qmc.discrepancy(even) < 0.3 * qmc.discrepancy(plain)


def test_a_space_of_fixed_values_still_gives_trials():
    assert first("sobol", 70, space=Space(layers=2))[-1] == {"layers": 2}


def test_an_unknown_search_gets_its_way_out():
    with pytest.raises(SpaceError, match="did you mean 'sobol'"):
        check_search("sobl")
