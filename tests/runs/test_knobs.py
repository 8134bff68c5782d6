"""Knobs: what is refused where it is typed, and what a turn does to the schedule."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caviar.errors import ConfigError
from caviar.nn.architecture import Architecture, Optimisation
from caviar.runs import knobs
from caviar.runs.knobs import Settings, check, check_own, from_plain, own_turn, parse, to_plain, turned

NETWORK = Settings(Architecture(5, 3, (8,)), Optimisation(learning_rate=0.1, decay="inverse", decay_rate=1.0))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("learning_rate=-1", "learning_rate must be a number from 1e-09 to 10000, got -1"),
        ("learning_rate=nan", "learning_rate must be"),
        ("learning_rate=1e300", "learning_rate must be"),
        ("dropout=1.0", "dropout must be a number from 0 to 0.99"),
        ("batch_size=0.5", "batch_size must be"),
        ("optimizer=adamm", "optimizer must be one of sgd"),
        ("lerning_rate=0.1", "is no knob"),
        ("hidden_units=3", "is no knob"),
        ("learning_rate", "name=value"),
    ],
)
def test_nonsense_is_refused_where_it_is_typed(typed: str, said: str):
    with pytest.raises(ConfigError, match=said):
        check(parse([typed]))


def test_what_is_typed_becomes_numbers_and_names():
    assert parse(["learning_rate=3e-3", "batch_size=32", "optimizer=sgd"]) == {
        "learning_rate": 0.003,
        "batch_size": 32,
        "optimizer": "sgd",
    }


def test_the_rate_that_is_asked_for_is_in_force_and_decays_from_there():
    after = turned(NETWORK, {"learning_rate": 0.02}, place=7.5, rate=0.011)
    assert (after.optimisation.learning_rate, after.since) == (0.02, 7.5)


def test_a_turn_of_the_decay_leaves_the_rate_in_force():
    after = turned(NETWORK, {"decay_rate": 0.1}, place=9.0, rate=0.01)
    assert (after.optimisation.learning_rate, after.optimisation.decay_rate, after.since) == (0.01, 0.1, 9.0)


def test_a_turn_of_something_else_leaves_the_schedule():
    after = turned(NETWORK, {"l2": 0.5, "dropout": 0.25}, place=9.0, rate=0.01)
    assert (after.optimisation.learning_rate, after.since) == (0.1, 0.0)
    assert (after.optimisation.l2, after.architecture.dropout) == (0.5, 0.25)


def test_a_knob_without_effect_is_refused_but_not_where_the_optimiser_comes_with_it():
    with pytest.raises(ConfigError, match="momentum has no effect under optimizer adam"):
        turned(NETWORK, {"momentum": 0.5}, 0.0, 0.1)
    assert turned(NETWORK, {"optimizer": "nesterov", "momentum": 0.5}, 0.0, 0.1).optimisation.momentum == 0.5
    free = {"optimizer": "schedule_free", "beta1": 0.95, "beta2": 0.99, "epsilon": 1e-6, "weight_decay": 0.1}
    assert turned(NETWORK, free, 0.0, 0.1).optimisation.beta1 == 0.95
    with pytest.raises(ConfigError, match=r"beta1 must be at least 0\.01 under schedule_free"):
        turned(NETWORK, {**free, "beta1": 0.0}, 0.0, 0.1)


def test_a_mini_batch_of_one_row_is_refused_under_batch_norm():
    with pytest.raises(ConfigError, match="at least 2 with batch norm"):
        turned(NETWORK, {"batch_size": 1}, 0.0, 0.1)


@given(st.floats(1e-9, 1e4), st.floats(0, 0.99), st.integers(2, 2**24), st.sampled_from(["sgd", "adamw", "rmsprop"]))
def test_settings_survive_being_plain(rate: float, dropout: float, batch: int, optimizer: str):
    changes = {"learning_rate": rate, "dropout": dropout, "batch_size": batch, "optimizer": optimizer}
    after = turned(NETWORK, changes, 3.25, 0.1)
    assert from_plain(to_plain(after)) == after
    assert {name: after.knobs()[name] for name in changes} == changes


def test_every_knob_is_a_hyperparameter_of_the_network():
    assert set(knobs.KNOBS.names) <= set(NETWORK.knobs())


def test_another_s_knobs_stay_of_the_kind_that_they_are():
    standing = {"learning_rate": 1, "layers": 3, "deep": True, "name": "a", "learning-rate": 0.5}
    asked = {"learning_rate": 0.5, "deep": "False", "name": 7, "learning-rate": 2}
    assert own_turn(standing, asked) == {"learning_rate": 0.5, "deep": False, "name": "7", "learning-rate": 2}
    for name, value, said in (
        ("depth", 1, "no knob 'depth'"),
        ("deep", 1, "deep is true or false"),
        ("layers", True, "layers is a number"),
        ("layers", "many", "layers is a number"),
        ("layers", math.inf, "finite"),
        ("learning_rate", -1, "learning_rate must be"),
    ):
        with pytest.raises(ConfigError, match=said):
            own_turn(standing, {name: value})


@pytest.mark.parametrize("name", ["", "a b", "a=b", "x" * 101])
def test_a_knob_s_name_can_be_typed(name: str):
    with pytest.raises(ConfigError, match="a knob is a number"):
        check_own({name: 1})
