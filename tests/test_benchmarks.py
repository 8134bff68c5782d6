"""The benchmarks' own arithmetic: a rival must search the same space, and results must stay when others are added."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import machine
from benchmarks.ablation import linear, without_tiers
from benchmarks.rivals.job import climbs, config_from, zeroed
from benchmarks.search_real import compared
from benchmarks.table_files import plain_space
from caviar.scales import Linear, Log


@given(u=st.floats(0, 1), name=st.sampled_from(["l2", "decay_rate", "dropout", "input_dropout"]))
def test_rivals_draw_exact_zeros_as_caviar_does(u: float, name: str) -> None:
    space = plain_space()
    assert zeroed(space.to_dict()[name], u) == pytest.approx(float(space[name].from_unit(u)), rel=1e-9, abs=1e-12)


def test_a_rivals_config_has_what_caviars_has() -> None:
    space = plain_space()
    for wanted in space.sample(50, seed=1):
        asked = []

        def suggest(name: str, _: object, wanted: dict[str, object] = wanted, asked: list[str] = asked) -> object:
            asked.append(name)
            return wanted[name]

        assert config_from(space.to_dict(), suggest) == wanted
        assert set(asked) == set(wanted) & set(space.searched)


def test_linear_scales_keep_the_ranges() -> None:
    space = plain_space()
    for name in space.searched:
        scale, changed = space[name], linear(space[name])
        assert (changed.tier, changed.when) == (scale.tier, scale.when)
        ends = changed.from_unit(np.array([0.0, 1.0])).tolist()
        if hasattr(scale, "high"):
            low = 0.0 if getattr(scale, "zero", 0) else scale.low
            assert ends == pytest.approx([low, scale.high])
    assert linear(Log(1e-4, 1)) == Linear(1e-4, 1)


def test_without_tiers_all_are_first() -> None:
    space = plain_space()
    for name in space.searched:
        changed = without_tiers(space[name])
        assert changed.tier == 1
        assert changed.when == space[name].when
        assert changed.from_unit(0.3) == space[name].from_unit(0.3)


def test_merging_replaces_by_key_and_keeps_the_rest(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(machine, "RESULTS", tmp_path)
    machine.merge("r", [{"tool": "b", "seconds": 10, "score": 1}, {"tool": "b", "seconds": 9, "score": 2}], ["tool"])
    machine.merge("r", [{"tool": "a", "seconds": 4, "score": 3}], ["tool"])
    machine.merge("r", [{"tool": "b", "seconds": 120, "score": 4}], ["tool"])
    assert [(row["tool"], row["score"]) for row in machine.read("r")] == [("a", "3"), ("b", "4")]
    machine.merge("r", [{"tool": "b", "seconds": 5, "score": 5}], ["tool", "seconds"])
    assert [row["seconds"] for row in machine.read("r")] == ["4", "5", "120"]  # numbers in the order of numbers
    assert all(row["commit"] and row["machine"] for row in machine.read("r"))


def test_only_seeds_of_both_are_compared() -> None:
    said = compared({0: 0.9, 1: 0.8, 2: 0.0}, {0: 0.8, 1: 0.8, 3: 1.0})
    error = math.sqrt(0.05**2 + 0.05**2) / math.sqrt(2)
    assert said == f"met: 0.8500 against 0.8000, +0.0500 ± {error:.4f}, 2 seeds"
    assert compared({0: 0.7}, {0: 0.8}).startswith("missed: 0.7000 against 0.8000, -0.1000, 1 seeds")
    assert compared({0: 1.0}, {1: 1.0}) == "not measured"


def test_score_over_time_climbs() -> None:
    assert climbs([(3.0, 0.5), (1.0, 0.2), (2.0, 0.1), (4.0, 0.5)]) == [(1.0, 0.2), (3.0, 0.5)]
