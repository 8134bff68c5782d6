"""A grid tells its size, walks every config once, and ends."""

from __future__ import annotations

import numpy as np
import pytest

import caviar
from caviar.errors import SpaceError
from caviar.scales import Choice, Integer, Linear, Log, PowerOfTwo
from caviar.search.grid import Grid
from caviar.search.searches import check_search, noted_before, search_named
from caviar.space import Space, default_space


def walk(search):
    configs = []
    while proposals := search.propose(len(configs), [])[0]:
        configs += [proposal.config for proposal in proposals]
    return configs


@pytest.mark.parametrize("levels", [2, 3, 7])
def test_every_combination_once_and_as_many_as_counted(levels):
    space = Space(
        a=Choice(["x", "y"]),
        b=Log(1e-3, 1, when={"a": ["x"]}),
        c=Integer(1, 2),
        d=PowerOfTwo(8, 64),
        e=Choice([1, 2, 3], when={"a": ["y"]}),
        f=Linear(0, 1, when={"e": [2]}),
        z=3,
    )
    grid = Grid(space, 5, levels)
    configs = walk(grid)
    assert len({tuple(sorted(config.items())) for config in configs}) == len(configs) == grid.size
    c, d = 2, min(levels, 4)
    assert grid.size == c * d * (levels + 2 + levels)  # a=x with b; a=y with e=1, 3, and e=2 with f


def test_its_cost_is_shown_before_it_is_begun():
    space = Space(a=Choice(["x", "y"]), b=Log(1e-3, 1), c=Linear(0, 1))
    assert noted_before("grid:5", space, None) == ("the grid has 50 configs, 5 values of each scale",)
    assert noted_before("grid", space, 9) == (
        "the grid has 18 configs, 3 values of each scale; 9 trials are 50 % of it",
    )
    assert noted_before("grid", space, 18) == ("the grid has 18 configs, 3 values of each scale",)
    assert noted_before("random", space, 9) == ()


def test_the_values_of_a_side_are_the_middles_of_equal_parts():
    configs = walk(Grid(Space(a=Log(1e-3, 1)), 0))
    assert sorted(config["a"] for config in configs) == pytest.approx([10**-2.5, 10**-1.5, 10**-0.5])


def test_a_grid_that_is_broken_off_has_not_stayed_in_a_corner():
    begun = walk(Grid(Space(a=Linear(0, 1), b=Linear(0, 1), c=Linear(0, 1)), 1, 5))[:40]
    assert all(len({config[name] for config in begun}) == 5 for name in "abc")


def test_an_absurd_grid_is_refused_before_it_is_begun():
    with pytest.raises(SpaceError, match=r"too many to walk through\nuse `search=.random.`"):
        Grid(Space(**{f"h{i}": Linear(0, 1) for i in range(40)}), 0, 5)
    assert Grid(default_space(), 0).size > 10_000


def test_of_a_study_with_an_absurd_grid_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32), np.arange(50) % 2
    with pytest.raises(SpaceError, match="too many to walk through"):
        caviar.tune(data, trials=5, search="grid:100")
    wide = Space(**{f"h{i}": Linear(0, 1) for i in range(40)})
    with pytest.raises(SpaceError, match="too many to walk through"):
        caviar.tune(lambda trial: 0.0, wide, trials=5, search="grid")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["grid:1", "grid:x", "grid:1000", "grid:-3"])
def test_a_grid_of_no_sensible_number(name):
    with pytest.raises(SpaceError, match="from 2 to 100 values"):
        check_search(name)
    assert len(walk(search_named("grid:4", Space(a=Linear(0, 1)), 0))) == 4
