"""Configs that people give: read as they are written, refused with the range, filled in where they leave names out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caviar.errors import ConfigError
from caviar.scales import Choice, Integer, Linear, Log, OneMinusLog, PowerOfTwo
from caviar.search.given import Wish, parse, read, read_all
from caviar.space import Space

SPACE = Space(
    **{
        "learning_rate": Log(1e-4, 1),
        "optimizer": Choice(["adam", "sgd", None, "None"]),
        "momentum": Linear(0, 0.9, step=0.1, when={"optimizer": ["sgd"]}),
        "nesterov": Choice([True, False], when={"momentum": [0.5, 0.9]}),
        "beta1": OneMinusLog(0.9, 0.999, when={"optimizer": ["adam", None]}),
        "batch_size": PowerOfTwo(32, 512),
        "units.first": Integer(32, 256, step=32),
        "sizes": Choice([(64,), (64, 64), 1, "1", 0.5]),
        "l2": Log(1e-6, 1e-2, zero=0.2),
        "layers": 3,
    }
)


@pytest.mark.parametrize(
    ("text", "config"),
    [
        ("learning_rate=0.01", {"learning_rate": 0.01}),
        ("learning_rate=1", {"learning_rate": 1.0}),
        ("learning_rate=.5 batch_size=64", {"learning_rate": 0.5, "batch_size": 64}),
        ("learning_rate=1e-3 units.first=64", {"learning_rate": 0.001, "units.first": 64}),
        ("optimizer=adam", {"optimizer": "adam"}),
        ("optimizer=null", {"optimizer": None}),
        ("optimizer='\"None\"'", {"optimizer": "None"}),
        ("sizes='[64, 64]'", {"sizes": (64, 64)}),
        ("sizes='(64, 64)'", {"sizes": (64, 64)}),
        ("sizes=[64]", {"sizes": (64,)}),
        ("sizes=1", {"sizes": 1}),
        ("sizes='\"1\"'", {"sizes": "1"}),
        ("sizes=.5", {"sizes": 0.5}),
        ("nesterov=true", {"nesterov": True}),
        ("nesterov=True", {"nesterov": True}),
        ("layers=3", {"layers": 3}),
        ("l2=0", {"l2": 0.0}),
    ],
)
def test_a_config_as_people_write_it(text, config):
    found = read(SPACE, text)
    assert found == config
    assert [type(value) for value in found.values()] == [type(value) for value in config.values()]
    assert read(SPACE, found) == found  # what the store has is read again


def test_values_of_other_libraries_are_taken_over():
    given = {"learning_rate": np.float32(0.5), "units.first": 64.0, "momentum": 0.1 + 0.2, "sizes": [64.0, 64]}
    found = read(SPACE, given)
    assert found == {"learning_rate": 0.5, "momentum": 0.3, "units.first": 64, "sizes": (64, 64)}
    assert [type(value) for value in found.values()] == [float, float, int, tuple]
    assert list(found) == ["learning_rate", "momentum", "units.first", "sizes"]  # in the space's order
    assert type(found["sizes"][0]) is int


@pytest.mark.parametrize(
    ("given", "rule", "way_out"),
    [
        ({"learning_rate": 3}, "learning_rate must be from 0.0001 to 1.0, got 3.0", "widen the space"),
        ({"learning_rate": "fast"}, "learning_rate must be from 0.0001 to 1.0, got 'fast'", "widen"),
        ({"learning_rate": None}, "learning_rate must be from 0.0001 to 1.0, got None", "widen"),
        ({"learning_rate": float("nan")}, "learning_rate must be a finite number", "choose a number"),
        ({"learning_rate": True}, "learning_rate must be from 0.0001 to 1.0, got True", "widen"),
        ({"l2": 1.0}, "l2 must be from 1e-06 to 0.01, or 0, got 1.0", "widen"),
        ({"units.first": 65}, "units.first must be a whole number from 32 to 256 in steps of 32, got 65", "widen"),
        ({"batch_size": 48}, "batch_size must be a power of two from 32 to 512, got 48", "widen"),
        ({"optimizer": "adm"}, "optimizer must be 'adam', 'sgd', None or 'None', got 'adm'", "widen"),
        ({"layers": 4}, "layers must be 3, as the space has it, got 4", "widen"),
        ({"learningrate": 0.1}, "the space has no hyperparameter 'learningrate'", "did you mean 'learning_rate'?"),
        (
            {"optimizer": "adam", "momentum": 0.5},
            "momentum applies only where optimizer is 'sgd'",
            "leave momentum",
        ),
        ({"momentum": 0.1, "nesterov": True}, "nesterov applies only where momentum is 0.5 or 0.9", "leave nesterov"),
        (
            {"momentum": 0.1, "beta1": 0.9},
            "beta1 applies only where optimizer is 'adam' or None",
            "leave beta1",
        ),
        ({}, "a config must be a dict of hyperparameters and their values, got {}", "learning_rate"),
        ([1], "a config must be a dict of hyperparameters and their values, got [1]", "learning_rate"),
        ("learning_rate", "a config is written as name=value, got 'learning_rate'", "learning_rate="),
        ("learning_rat=1", "the space has no hyperparameter 'learning_rat'", "did you mean 'learning_rate'?"),
        ("optimizer=None", "optimizer=None may be None or 'None'", "null"),
        ("optimizer='a", "a config cannot be read: No closing quotation", "quotes"),
    ],
)
def test_what_is_outside_of_the_space_is_refused_with_the_range(given, rule, way_out):
    with pytest.raises(ConfigError) as caught:
        read(SPACE, given)
    assert caught.value.rule.startswith(rule)
    assert way_out in caught.value.way_out
    assert len(str(caught.value).splitlines()) == 2


def test_a_config_is_no_list_of_configs():
    for alone in ({"learning_rate": 0.1}, "learning_rate=0.1", 3):
        with pytest.raises(ConfigError, match="`first` must be a list of configs"):
            read_all(SPACE, alone)
    assert read_all(SPACE, ({"layers": 3}, "layers=3")) == ({"layers": 3}, {"layers": 3})


@st.composite
def parts(draw: st.DrawFn) -> tuple[dict, dict]:
    """A whole config of the space, and a part of it."""
    config = SPACE.sample(1, seed=draw(st.integers(0, 10**6)))[0]
    return config, {name: value for name, value in config.items() if draw(st.booleans())}


@settings(deadline=None)
@given(parts(), st.integers(0, 10**6), st.booleans(), st.integers(0, 1000))
def test_what_is_left_out_is_filled_in_and_what_is_given_is_kept_to_the_bit(parts, other, proposed, number):
    whole, part = parts
    if not part:
        return
    proposal = SPACE.sample(1, seed=other)[0] if proposed else None
    wish = Wish(SPACE, read(SPACE, part), 5)
    config = wish.config(number, proposal)
    SPACE.to_unit([config])
    assert SPACE.from_unit(SPACE.to_unit([config]))[0].keys() == config.keys()  # whatever applies is there, no more
    assert {name: config[name] for name in part} == part
    assert config == wish.config(number, proposal)
    searched = [name for name in SPACE.searched if name in whole]
    assert Wish(SPACE, read(SPACE, {name: whole[name] for name in searched}), 5).whole
    assert Wish(SPACE, read(SPACE, whole), 5).config(number, proposal) == whole
    if proposal is not None:
        free = [n for n in ("learning_rate", "batch_size", "units.first", "sizes", "l2") if n not in part]
        assert [config[name] for name in free] == [proposal[name] for name in free]


def test_a_hyperparameter_that_was_given_applies():
    for seed in range(20):
        proposal = SPACE.sample(1, seed=seed)[0]
        config = Wish(SPACE, read(SPACE, {"nesterov": False}), 0).config(0, proposal)
        assert config["optimizer"] == "sgd"
        assert config["momentum"] in (0.5, 0.9)
        assert config["nesterov"] is False


def test_pairs_of_a_command_line():
    assert parse(SPACE, ["learning_rate=0.1", "optimizer=sgd"]) == {"learning_rate": 0.1, "optimizer": "sgd"}
    with pytest.raises(ConfigError, match="a config is written as name=value"):
        parse(SPACE, ["--learning_rate"])
