"""Importance finds what was planted; advice is given at edges that are edges."""

from __future__ import annotations

import numpy as np
import pytest

from caviar.analysis.edges import edges
from caviar.analysis.importance import importances
from caviar.records.ranking import WORST
from caviar.scales import Choice, Integer, Linear, Log, OneMinusLog, PowerOfTwo
from caviar.space import Space

SPACE = Space(
    learning_rate=Log(1e-4, 1, tier=1),
    optimizer=Choice(["adam", "momentum"], tier=2),
    momentum=OneMinusLog(0.9, 0.999, tier=2, when={"optimizer": ["momentum"]}),
    layers=Integer(1, 4, tier=3),
    l2=Log(1e-6, 1e-2),
)


def planted(config):
    rate = np.log10(config["learning_rate"]) + 2
    return -(rate**2) + 0.3 * config["layers"]


def test_the_planted_hyperparameters_come_first():
    configs = SPACE.sample(300, seed=1)
    rows = importances(SPACE, configs, [(planted(c), 0.0) for c in configs])
    assert [row.name for row in rows[:2]] == ["learning_rate", "layers"]
    assert [row.tier for row in rows[:2]] == [1, 3]
    first, second, *rest = rows
    assert first.low > second.high > second.low > 0.02
    assert all(abs(row.importance) < 0.03 for row in rest)
    assert all(row.low <= row.importance <= row.high for row in rows)
    assert len(rows) == 5


def test_what_matters_where_one_decides_over_another_is_not_credited_to_the_other():
    """momentum is there where the optimizer is momentum: it must not stand for the optimizer."""
    configs = SPACE.sample(300, seed=3)
    rows = importances(SPACE, configs, [(float(c["optimizer"] == "adam"), 0.0) for c in configs])
    assert rows[0].name == "optimizer"
    assert rows[0].low > 0.5
    assert all(abs(row.importance) < 0.05 for row in rows[1:])


def test_rank_keys_of_divergences_are_the_worst_and_do_no_harm():
    configs = SPACE.sample(300, seed=2)
    rank_keys = [WORST if c["learning_rate"] > 0.1 else (0.5, 0.0) for c in configs]
    assert importances(SPACE, configs, rank_keys)[0].name == "learning_rate"


def test_equal_rank_keys_show_nothing_and_few_trials_are_not_judged():
    configs = SPACE.sample(60)
    assert all(row.importance == pytest.approx(0) for row in importances(SPACE, configs, [(0.5, 0.0)] * 60))
    assert importances(SPACE, configs[:29], [(0.5, 0.0)] * 29) == []
    assert importances(Space(a=1), [{"a": 1}] * 50, [(0.5, 0.0)] * 50) == []


def test_the_same_seed_gives_the_same_rows():
    configs = SPACE.sample(40)
    rank_keys = [(planted(c), 0.0) for c in configs]
    assert importances(SPACE, configs, rank_keys, 3) == importances(SPACE, configs, rank_keys, 3)


def test_best_values_at_an_edge_get_advice():
    best = [{"learning_rate": rate, "optimizer": "adam", "layers": 2, "l2": 1e-4} for rate in (0.99, 0.9, 0.8, 0.03)]
    (line,) = edges(SPACE, best)
    assert (
        line == "3 of the best 4 trials have learning_rate at the upper edge of its range (1): widen it, with high = 10"
    )
    assert edges(SPACE, [{**best[3]}, *best[:3]]) == []  # the very best is inside
    assert edges(SPACE, []) == []


@pytest.mark.parametrize(
    ("scale", "value", "advice"),
    [
        (Linear(0.0, 0.5), 0.0, None),
        (Linear(0.0, 0.5), 0.5, "high = 0.75"),
        (Linear(-1.0, 1.0), -1.0, "low = -2"),
        (Integer(1, 4), 1, None),
        (Integer(1, 4), 4, "high = 5"),
        (Integer(16, 256, log=True), 16, "low = 8"),
        (PowerOfTwo(32, 512), 512, "high = 1024"),
        (OneMinusLog(0.9, 0.999), 0.999, "high = 0.9999"),
        (OneMinusLog(0.99, 0.999), 0.99, "low = 0.9"),
        (OneMinusLog(0.0, 0.999), 0.0, None),
        (Log(1e-6, 1e-2, zero=0.3), 1e-6, "low = 1e-07"),
        (Choice([1, 2]), 1, None),
    ],
)
def test_advice_fits_the_scale(scale, value, advice):
    found = edges(Space(h=scale), [{"h": value}] * 3)
    assert [line.rpartition("with ")[2] for line in found] == ([] if advice is None else [advice])
