"""The portfolio: configs of the default space that come first, whatever comes of them; then coarse to fine."""

from __future__ import annotations

import pytest

from caviar.learners.contract import TrainingData
from caviar.learners.dense.config import from_config
from caviar.learners.dense.learner import DenseLearner
from caviar.scales import Fixed, Log
from caviar.search.coarse_to_fine import CoarseToFine
from caviar.search.portfolio import LONG, PORTFOLIO, Portfolio, configs
from caviar.space import Space, default_space
from tests.learners.contract import examples

SPACE = DenseLearner().default_space(27)


@pytest.mark.parametrize("of", [0, LONG])
def test_every_config_of_the_portfolio_is_one_of_the_default_space_and_a_network(of: int):
    found = configs(SPACE, 0, of)
    assert len(found) == 9
    assert len({str(config) for config in found}) == 9
    assert [config["layers"] == 0 for config in found] == [False, False, True] + 6 * [False]
    rows = examples(60, 5, 3)
    for config in found:
        assert set(config) == {name for name in SPACE.names if name in config}
        assert config["decay_rate"] == 1 / 27
        assert all(SPACE[name].contains(value) for name, value in config.items())
        from_config(config, 5, 3, rows)
        assert DenseLearner().parameters(config, TrainingData(rows, rows, 3)) > 0


def test_it_comes_first_and_the_search_goes_on_from_coarse_to_fine():
    search, plain = Portfolio(SPACE, 3), CoarseToFine(SPACE, 3)
    assert search.lag(0) is None  # nothing is waited for
    proposals, boxes = search.propose(0, [[], [], [], []])
    assert [proposal.origin for proposal in proposals] == [PORTFOLIO] * 9
    assert [proposal.entry for proposal in proposals] == [3, 3, 0, 0, 0, 0, 0, 0, 0]  # two to the end at once
    assert boxes == []
    assert search.propose(5, [[], [], [], []])[0] == proposals[5:]  # a study that was broken off there
    assert search.propose(9, [[], [], [], []]) == plain.propose(9, [[], [], [], []])
    assert search.lag(9) == plain.lag(9)


def test_a_long_table_begins_with_larger_networks_that_are_held_back_less():
    assert configs(SPACE, 0, LONG - 1) == configs(SPACE, 0)
    short, long = configs(SPACE, 0)[:5], configs(SPACE, 0, LONG)[:5]
    assert max(config["hidden_units"] for config in long) > max(config["hidden_units"] for config in short)
    assert max(config["dropout"] for config in long) < max(config["dropout"] for config in short)
    assert [one.config for one in Portfolio(SPACE, 3, LONG).propose(0, [[], []])[0]] == configs(SPACE, 3, LONG)


@pytest.mark.parametrize("space", [Space(learning_rate=Log(1e-4, 1)), Space(x=Log(1e-4, 1), y=Fixed(1))])
def test_in_another_space_what_lies_in_it_is_left(space: Space):
    search, plain = Portfolio(space, 0), CoarseToFine(space, 0)
    assert configs(space, 0) == []
    assert search.propose(0, [[], []]) == plain.propose(0, [[], []])


def test_a_value_of_the_space_that_is_fixed_is_taken():
    space = Space(**{name: default_space()[name] for name in default_space().names} | {"learning_rate": Fixed(0.01)})
    assert {config["learning_rate"] for config in configs(space, 0)} == {0.01}
    assert 0 < len(configs(space, 0)) < 9
