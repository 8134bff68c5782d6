"""Every search draws only configs that fulfil the constraints, the same ones when it is taken up."""

from __future__ import annotations

import numpy as np
import pytest

import caviar
from caviar.errors import ConfigError, SpaceError
from caviar.scales import Choice, Integer, Linear, Log
from caviar.search.feasible import check_constraints, constrained, middle
from caviar.search.given import Wish, read
from caviar.search.searches import noted_before, search_named
from caviar.space import Space
from caviar.store import Store
from tests.search.test_coarse_to_fine import study

SEARCHES = ["coarse_to_fine", "sobol", "random", "grid:4", "optuna:tpe", "optuna:cmaes"]


def space(tiers: bool = False) -> Space:
    tier = {"tier": 1} if tiers else {}
    return Space(
        rate=Log(1e-4, 1, **tier),
        units1=Integer(16, 256, step=16),
        units2=Integer(16, 256, step=16),
        kind=Choice(["a", "b", None]),
        share=Linear(0, 1, when={"kind": ["b"]}),
    ).require("units2 < units1", "share <= rate or share > 0.9", lambda config: config["kind"] is not None)


def fulfils(config) -> bool:
    """The same conditions, written once more."""
    if config["kind"] == "b" and config["rate"] < config["share"] <= 0.9:
        return False
    return config["units2"] < config["units1"] and config["kind"] is not None


def score(number, config, epoch):
    return -abs(np.log10(config["rate"]) + 2) - config["units1"] / 256 - 1 / epoch


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.parametrize("tiers", [False, True])
def test_a_search_draws_only_what_fulfils_them(name, tiers):
    if name.startswith("optuna"):
        pytest.importorskip("optuna")
    there = space(tiers)
    trials = 120 if name == "coarse_to_fine" else 40
    begun, boxes = study(there, score, trials, search_named(name, there, 3))
    again, _ = study(there, score, trials, search_named(name, there, 3))
    assert [config for _, config, _ in begun] == [config for _, config, _ in again]
    assert all(fulfils(config) for _, config, _ in begun)
    there.to_unit([config for _, config, _ in begun])
    assert len({tuple(config.items()) for _, config, _ in begun}) >= 30
    if name == "coarse_to_fine" and not tiers:
        assert boxes
        assert any(origin.startswith("box") for _, _, origin in begun)


def test_a_search_without_constraints_draws_what_it_drew():
    there = Space(**space().scales)
    for name in ("coarse_to_fine", "sobol", "random"):
        without = study(there, score, 40, search_named(name, there, 3))[0]
        vacuous = constrained(there, ["units1 > 0"])
        assert study(vacuous, score, 40, search_named(name, vacuous, 3))[0] == without


def test_the_first_trial_is_the_middle_or_near_it():
    assert middle(Space(a=Linear(0, 1)).require("a < 0.6"), 0) == {"a": 0.5}
    near = middle(Space(a=Linear(0, 1), b=Linear(0, 1)).require("a < b - 0.1"), 0)
    assert near["a"] < near["b"] - 0.1
    assert max(abs(near["a"] - 0.5), abs(near["b"] - 0.5)) < 0.25


def test_closed_tiers_and_narrow_boxes_leave_room_for_what_fulfils_them():
    there = Space(rate=Log(1e-4, 1, tier=1), a=Linear(0, 1, tier=3), b=Linear(0, 1, tier=3)).require("a < b")
    begun, _ = study(
        there, lambda n, c, e: -abs(c["a"] - 0.5) - abs(c["b"] - 0.5), 60, search_named("coarse_to_fine", there, 0)
    )
    assert all(config["a"] < config["b"] for _, config, _ in begun)  # the middle of both, where tiers stay, never does


def test_what_nothing_fulfils_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nothing = Space(a=Linear(0, 1), b=Linear(0, 1)).require("a < b", "a > 2")
    pairs = Space(a=Linear(0, 1), b=Linear(0, 1)).require("a < b", "b < a")
    for call, said in [
        (lambda: check_constraints(nothing), "fulfils the constraint 'a > 2'"),
        (lambda: check_constraints(pairs), "fulfils all 2 constraints"),
        (lambda: caviar.tune(lambda trial: 0.0, nothing, trials=3), "fulfils the constraint 'a > 2'"),
        (lambda: caviar.open_study("s", nothing), "fulfils the constraint 'a > 2'"),
        (lambda: caviar.tune(lambda t: 0.0, Space(a=Linear(0, 1)), trials=3, constraints=["a > 2"]), "'a > 2'"),
        (lambda: caviar.tune(lambda t: 0.0, Space(a=Linear(0, 1)), trials=3, constraints=["a == 0.3"]), "'a == 0.3'"),
        (lambda: caviar.tune(lambda t: 0.0, Space(a=Linear(0, 1)), trials=3, constraints="b > 2"), "asks for 'b'"),
        (lambda: Space(a=Linear(0, 1)).require("a > 2").sample(1), "'a > 2'"),
    ]:
        with pytest.raises(SpaceError) as caught:
            call()
        assert said in caught.value.rule
        assert len(str(caught.value).splitlines()) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_grid_that_no_config_fulfils_is_refused():
    there = Space(a=Linear(0, 1)).require("a > 0.9")
    check_constraints(there)
    with pytest.raises(SpaceError, match="of the first 3 combinations of the grid none fulfils the constraints"):
        search_named("grid", there, 0).propose(0, [])
    assert noted_before("grid", there, None) == ("the grid has at most 3 configs, 3 values of each scale",)
    assert search_named("grid:20", there, 0).propose(0, [])[0]


def test_a_config_that_breaks_a_constraint_is_no_first_one_and_a_part_of_one_is_filled_in():
    there = space()
    with pytest.raises(ConfigError, match=r"no config with units1=32, units2=64 fulfils 'units2 < units1'"):
        read(there, {"units1": 32, "units2": 64})
    with pytest.raises(ConfigError, match=r"no config with units1=16 fulfils 'units2 < units1'"):
        read(there, {"units1": 16})
    for number in range(50):
        config = Wish(there, read(there, {"units1": 32}), 1).config(number, there.sample(1, seed=number)[0])
        assert config["units1"] == 32
        assert fulfils(config)


def test_a_study_with_constraints_is_taken_up_with_the_same_trials(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def objective(trial):
        for epoch in range(1, trial.last_epoch + 1):
            trial.report(epoch, -abs(trial.config["a"] - 0.7) - 1 / epoch)

    there = Space(a=Linear(0, 1), b=Linear(0, 1))
    given = {"processes": 2, "epochs": 3, "progress": False, "seed": 2}
    smaller = lambda config: config["b"] <= config["a"]  # noqa: E731 - as people write it
    whole = caviar.tune(objective, there, trials=20, study="whole", constraints=["a + b < 1.5", smaller], **given)
    assert there.constraints == ()  # a space of the caller's is left as it was
    caviar.tune(objective, there, trials=9, study="parts", constraints=["a + b < 1.5", smaller], **given)
    with pytest.raises(SpaceError, match="the store keeps no functions, and the space has 1 as constraints, got 0"):
        caviar.resume("parts", data=objective, trials=20)
    with pytest.raises(SpaceError, match="got 2"):
        caviar.resume("parts", data=objective, trials=20, constraints=[smaller, smaller])
    again = caviar.resume("parts", data=objective, trials=20, processes=2, constraints=[smaller], progress=False)
    columns = ["number", "state", "epochs", "score", "a", "b"]
    assert again.trials()[columns].equals(whole.trials()[columns])
    frame = whole.trials()
    assert (frame.b <= frame.a).all()
    assert (frame.a + frame.b < 1.5).all()
    with Store.open("caviar.db") as store:
        assert store.study("whole").space["require"] == ["a + b < 1.5", {"function": "<lambda>"}]


def test_a_table_with_constraints(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 2)).astype(np.float32)
    data = x, (x.sum(axis=1) > 0).astype(int)
    there = Space(learning_rate=Log(1e-3, 1), hidden_units=Integer(4, 32), layers=Integer(1, 3))
    there.require("hidden_units * layers <= 32")
    tuned = caviar.tune(data, space=there, trials=12, threads=2, progress=False)
    frame = tuned.trials()
    assert (frame.hidden_units * frame.layers <= 32).all()
    more = caviar.resume(tuned.name, data=data, trials=16, threads=1, progress=False).trials()
    assert (more.hidden_units * more.layers <= 32).all()
