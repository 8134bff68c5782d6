"""Spaces: what they sample, conditions, coordinates, and files that lose nothing."""

# These tests give spaces what their types forbid.
# mypy: disable-error-code="arg-type"

from __future__ import annotations

import json
import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from caviar.errors import ConfigError, SpaceError
from caviar.scale_rules import value_key
from caviar.scales import Choice, Fixed, Integer, Linear, Log, OneMinusLog, PowerOfTwo
from caviar.space import Space, default_space

REFUSED = 1e-4

EIGHT = Space(
    learning_rate=Log(1e-4, 1, tier=1),
    optimizer=Choice(["adam", "momentum"], tier=2),
    beta1=OneMinusLog(0.9, 0.999, tier=2, when={"optimizer": ["adam"]}),
    momentum=OneMinusLog(0.9, 0.999, tier=2, when={"optimizer": ["momentum"]}),
    batch_size=PowerOfTwo(32, 512, tier=2),
    hidden_units=Integer(16, 256, log=True, tier=2),
    layers=Integer(1, 4, tier=3),
    l2=Log(1e-6, 1e-2, zero=0.3),
)


# Sampling.


def test_a_hundred_thousand_configs_of_eight_hyperparameters():
    configs = EIGHT.sample(100_000)
    assert len(configs) == 100_000
    assert Counter(len(config) for config in configs) == {7: 100_000}  # one of beta1 and momentum
    assert Counter(config["optimizer"] for config in configs).keys() == {"adam", "momentum"}


def test_a_seed_decides_every_config():
    assert EIGHT.sample(50, seed=3) == EIGHT.sample(50, seed=3)
    assert EIGHT.sample(50, seed=3) != EIGHT.sample(50, seed=4)
    assert EIGHT.sample(0) == []
    with pytest.raises(SpaceError, match="the number of configs must be at least 0, got -1"):
        EIGHT.sample(-1)


def test_configs_hold_plain_python_values_in_the_spaces_order():
    space = Space(a=Integer(1, 4), b=PowerOfTwo(1, 4), c=Log(1, 2), d=Choice([True, "x", 1, 0.5]), e=0.25, f=False)
    for config in space.sample(100):
        assert list(config) == list("abcdef")
        assert [type(config[name]) for name in "abcef"] == [int, int, float, float, bool]
        assert type(config["d"]) in (bool, str, int, float)


def test_every_hyperparameter_of_the_default_space_follows_its_scale():
    configs = default_space().sample(20_000, seed=5)

    def column(name: str) -> np.ndarray:
        return np.array([config[name] for config in configs if name in config])

    averages = np.concatenate([column("beta1"), column("momentum")])
    l2, dropout = column("l2"), column("dropout")
    for values, distribution in [
        (column("learning_rate"), stats.loguniform(1e-4, 1)),
        (1 - averages, stats.loguniform(1e-3, 0.1)),
        (l2[l2 > 0], stats.loguniform(1e-6, 1e-2)),
        (dropout[dropout > 0], stats.uniform(0, 0.5)),
    ]:
        assert stats.kstest(values, distribution.cdf).pvalue > REFUSED
    for values in (l2, dropout):
        assert stats.binomtest(int((values == 0).sum()), len(values), 0.3).pvalue > REFUSED
    assert stats.binomtest(int((averages > 0.99).sum()), len(averages), 0.5).pvalue > REFUSED
    assert stats.binomtest(int((column("layers") == 0).sum()), len(configs), 0.05).pvalue > REFUSED
    for name, cells in [("optimizer", 2), ("batch_size", 5), ("layers", 4)]:
        counts = Counter(value for value in column(name).tolist() if value)
        assert len(counts) == cells
        assert stats.chisquare(list(counts.values())).pvalue > REFUSED


def test_hyperparameters_are_drawn_independently():
    configs = EIGHT.sample(20_000, seed=6)
    points = EIGHT.to_unit(configs)
    for i, j in [(0, 4), (0, 5), (4, 6), (1, 0), (5, 7)]:
        assert stats.spearmanr(points[:, i], points[:, j]).pvalue > REFUSED


# Conditions.


def test_a_hyperparameter_is_there_exactly_when_its_condition_holds():
    for config in EIGHT.sample(500):
        assert ("beta1" in config) == (config["optimizer"] == "adam")
        assert ("momentum" in config) == (config["optimizer"] == "momentum")


def test_all_names_of_a_condition_must_hold_and_absence_is_inherited():
    space = Space(
        last=Choice(["on", "off"], when={"middle": [1, 2], "first": [True]}),
        middle=Integer(1, 3, when={"first": [True]}),
        first=Choice([True, False, 1]),
        after=Fixed(7, when={"last": ["on"]}),
    )
    seen = set()
    for config in space.sample(500):
        assert ("middle" in config) == (config["first"] is True)
        assert ("last" in config) == (config.get("middle") in (1, 2))
        assert ("after" in config) == (config.get("last") == "on")
        seen.add(tuple(config))
    assert len(seen) == 4


def test_a_condition_on_an_exact_zero():
    space = Space(decay_rate=Log(1e-3, 1, zero=0.5), staircase=Choice([True, False], when={"decay_rate": [0]}))
    assert all(("staircase" in config) == (config["decay_rate"] == 0) for config in space.sample(200))


# Unit coordinates.


def test_coordinates_have_a_column_a_searched_hyperparameter():
    space = default_space()
    assert space.searched == tuple(name for name in space.names if not isinstance(space[name], Fixed))
    configs = space.sample(200, seed=1)
    points = space.to_unit(configs)
    assert points.shape == (200, len(space.searched))
    absent = np.array([[name not in config for name in space.searched] for config in configs])
    assert (np.isnan(points) == absent).all()
    back = space.from_unit(points)
    for config, again in zip(configs, back, strict=True):
        assert list(config) == list(again)
        for name, value in config.items():
            assert again[name] == (pytest.approx(value, rel=1e-12) if isinstance(value, float) else value)


def test_points_of_the_wrong_form_are_refused():
    space = Space(a=Linear(0, 1), b=Choice([1, 2]), c=Linear(0, 1, when={"b": [1]}))
    assert space.from_unit([[0.5, 0.9, np.nan]]) == [{"a": 0.5, "b": 2}]
    for points, rule in [
        ([[0.5, 0.5]], r"points must have the shape \(n, 3\), got \(1, 2\)"),
        ([0.5, 0.5, 0.5], r"points must have the shape \(n, 3\), got \(3,\)"),
        ([[0.5, 1.5, 0.5]], "points must be between 0 and 1"),
        ([[0.5, 0.1, np.nan]], "c applies at a point where its coordinate is NaN"),
        ([[np.nan, 0.9, np.nan]], "a applies at a point where its coordinate is NaN"),
    ]:
        with pytest.raises(SpaceError, match=rule):
            space.from_unit(points)


def test_configs_that_do_not_fit_are_refused():
    with pytest.raises(ConfigError, match=r"no hyperparameter 'batchsize'\ndid you mean 'batch_size'\?"):
        EIGHT.to_unit([{"batchsize": 32}])
    with pytest.raises(ConfigError, match="batch_size: a value must be on its scale, got 33"):
        EIGHT.to_unit([{"batch_size": 33}])
    with pytest.raises(ConfigError, match="layers: a value must be on its scale, got 4"):
        Space(layers=3).to_unit([{"layers": 4}])


# A space as a value.


def test_a_space_is_a_value():
    assert EIGHT == Space(**EIGHT.scales) == pickle.loads(pickle.dumps(EIGHT))
    assert hash(EIGHT) == hash(Space(**EIGHT.scales))
    assert Space(a=1, b=2) != Space(b=2, a=1)  # the order is that of the columns
    assert Space(a=1) == Space(a=Fixed(1))
    assert list(EIGHT) == list(EIGHT.names)
    assert len(EIGHT) == 8
    assert "l2" in EIGHT
    assert EIGHT["layers"] == Integer(1, 4, tier=3)
    assert eval(repr(EIGHT)) == EIGHT
    with pytest.raises(SpaceError, match=r"no hyperparameter 'layer'\ndid you mean 'layers'\?"):
        EIGHT["layer"]


def test_tiers_come_in_the_order_of_importance():
    assert EIGHT.tiers == {
        1: ("learning_rate",),
        2: ("optimizer", "beta1", "momentum", "batch_size", "hidden_units"),
        3: ("layers",),
        4: ("l2",),
    }
    assert list(Space(b=Integer(1, 2, tier=3), a=Integer(1, 2, tier=1), c=Fixed(1, tier=2)).tiers) == [1, 3]


# Files.

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}(\.[A-Za-z_][A-Za-z0-9_]{0,4})?", fullmatch=True)
numbers = st.floats(allow_nan=False, allow_infinity=False)
values = st.none() | st.booleans() | st.integers() | numbers | st.text()
values = st.recursive(values, lambda part: st.lists(part, max_size=3).map(tuple), max_leaves=4)
tiers = st.none() | st.integers(1, 4)


def ordered(ends: st.SearchStrategy) -> st.SearchStrategy:
    return st.lists(ends, min_size=2, max_size=2, unique=True).map(sorted)


def scales(when: dict | None) -> st.SearchStrategy:
    zero = st.just(0.0) | st.floats(0, 0.99)
    kept = {"tier": tiers, "when": st.just(when)}
    return st.one_of(
        st.builds(lambda e, **k: Linear(*e, **k), ordered(st.floats(-1e300, 1e300)), zero=zero, **kept),
        st.builds(lambda e, **k: Log(*e, **k), ordered(st.floats(5e-324, 1e308)), zero=zero, **kept),
        st.builds(lambda e, **k: OneMinusLog(*e, **k), ordered(st.floats(0, 1, exclude_max=True)), **kept),
        st.builds(lambda e, **k: Integer(*e, **k), ordered(st.integers(1, 2**31)), log=st.booleans(), **kept),
        st.builds(lambda n, s, **k: Integer(s, n * s, step=s, **k), st.integers(2, 9), st.integers(1, 99), **kept),
        st.builds(lambda n, **k: Linear(0, n / 8, step=0.125, **k), st.integers(1, 99), zero=zero, **kept),
        st.builds(lambda n, **k: Log(0.1, n / 10, step=0.1, **k), st.integers(2, 99), zero=zero, **kept),
        st.builds(lambda e, **k: PowerOfTwo(2 ** e[0], 2 ** e[1], **k), ordered(st.integers(0, 31)), **kept),
        st.builds(Choice, st.lists(values, min_size=1, max_size=4, unique_by=value_key), **kept),
        st.builds(Fixed, values, **kept),
    )


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    first, *others = draw(st.lists(names, min_size=1, max_size=5, unique=True))
    choices = draw(st.lists(values, min_size=1, max_size=3, unique_by=value_key))
    when = st.none() | st.lists(st.sampled_from(choices), min_size=1, max_size=3).map(lambda some: {first: some})
    return Space(**{first: Choice(choices), **{name: draw(scales(draw(when))) for name in others}})


@settings(max_examples=50, deadline=None)
@given(spaces())
def test_a_space_comes_back_from_its_file_and_its_dictionary(space):
    for again in (
        Space.from_dict(space.to_dict()),
        Space.from_dict(json.loads(json.dumps(space.to_dict()))),
        Space.from_toml(space.to_toml()),
    ):
        assert again == space
        assert repr(again) == repr(space)  # 1, 1.0 and True are equal in Python but not here; nor are 0.0 and -0.0
        assert again.sample(3) == space.sample(3)


def test_none_tuples_and_dots_in_a_space_file(tmp_path):
    file = tmp_path / "space.toml"
    file.write_text("""
[optimizer.lr]
scale = "linear"
low = 0.0
high = 0.3
step = 0.1
when = { optimizer.name = ["sgd"] }
["optimizer.name"]
choices = ["sgd", { none = true }]
[optimizer]
choices = [true, 0.5]
[sizes]
choices = [[64], [64, 64], []]
when = { "optimizer.name" = ["sgd", { none = true }] }
[clip]
value = { none = true }
""")
    space = Space.load(file)
    assert space.names == ("optimizer", "optimizer.lr", "optimizer.name", "sizes", "clip")
    named = {"optimizer.name": Choice(["sgd", None])}
    rate = {"optimizer.lr": Linear(0, 0.3, step=0.1, when={"optimizer.name": ["sgd"]})}
    sizes = Choice([(64,), (64, 64), ()], when={"optimizer.name": ["sgd", None]})
    assert space == Space(optimizer=Choice([True, 0.5]), **rate, **named, sizes=sizes, clip=None)
    configs = space.sample(300)
    assert {config["sizes"] for config in configs} == {(64,), (64, 64), ()}
    assert {config["optimizer.name"] for config in configs} == {"sgd", None}
    assert all(config["clip"] is None for config in configs)
    assert all(("optimizer.lr" in config) == (config["optimizer.name"] == "sgd") for config in configs)
    assert {config.get("optimizer.lr") for config in configs} == {None, 0.0, 0.1, 0.2, 0.3}
    assert space.from_unit(space.to_unit(configs)) == configs
    assert Space.from_toml(space.to_toml()) == eval(repr(space)) == space


def test_every_character_comes_back_from_a_file():
    for text in [chr(code) for code in range(0x100)] + ["\r\n", "\u2028", "\U0001f41f", "\u202e", '"""', "\\u0041"]:
        assert Space.from_toml(Space(name=text).to_toml())["name"] == Fixed(text)


def test_the_file_of_the_product_page_is_read(tmp_path):
    text = """
[learning_rate]
scale = "log"
low = 1e-4
high = 1.0
tier = 1
[beta1]
scale = "one_minus_log"
low = 0.9
high = 0.999
[batch_size]
scale = "power_of_two"
low = 32
high = 512
[optimizer]
choices = ["momentum", "adam"]
[momentum]
scale = "one_minus_log"
low = 0.8
high = 0.999
when = { optimizer = ["momentum"] }
[layers]
value = 3
"""
    space = Space(
        learning_rate=Log(1e-4, 1, tier=1),
        beta1=OneMinusLog(0.9, 0.999),
        batch_size=PowerOfTwo(32, 512),
        optimizer=Choice(["momentum", "adam"]),
        momentum=OneMinusLog(0.8, 0.999, when={"optimizer": ["momentum"]}),
        layers=3,
    )
    file = tmp_path / "space.toml"
    file.write_text(text, encoding="utf-8-sig")
    assert Space.from_toml(text) == Space.load(file) == Space.load(str(file)) == space
    assert space.to_toml().startswith('[learning_rate]\nscale = "log"\nlow = 0.0001\nhigh = 1.0\ntier = 1\n\n[beta1]')


def test_the_default_space_is_the_courses():
    assert default_space() == Space(
        learning_rate=Log(1e-4, 1, tier=1),
        optimizer=Choice(["adamw", "momentum"], tier=2),
        beta1=OneMinusLog(0.9, 0.999, tier=2, when={"optimizer": ["adamw"]}),
        momentum=OneMinusLog(0.9, 0.999, tier=2, when={"optimizer": ["momentum"]}),
        batch_size=PowerOfTwo(32, 512, tier=2),
        hidden_units=Integer(16, 512, log=True, tier=2),
        layers=Integer(1, 4, zero=0.05, tier=3),
        decay="cosine",
        decay_by="step",
        decay_rate=0.012345679,
        beta2=Fixed(0.999, tier=4, when={"optimizer": ["adamw"]}),
        epsilon=Fixed(1e-8, tier=4, when={"optimizer": ["adamw"]}),
        weight_decay=Log(1e-3, 3, zero=0.2, tier=3, when={"optimizer": ["adamw"]}),
        l2=Log(1e-6, 1e-2, zero=0.3, tier=3, when={"optimizer": ["momentum"]}),
        dropout=Linear(0, 0.5, zero=0.3),
        input_dropout=Linear(0, 0.3, zero=0.3),
        encoding=Choice(["standard", "robust", "quantile_bins", "tree_bins"], tier=2),
        bins=PowerOfTwo(8, 64, tier=3, when={"encoding": ["quantile_bins", "tree_bins"]}),
        input_scaling=Choice([False, True], tier=3),
        averaging=Choice([0.0, 0.99], tier=4),
        activation=Choice(["relu", "silu"], tier=3),
        batch_norm=True,
    )


# What is refused, and the two lines that say so.


@pytest.mark.parametrize(
    ("text", "rule", "way_out"),
    [
        ("", "a space must have at least one hyperparameter, got none", "add one"),
        ("[a", "a space file must be TOML, got: ", "[learning_rate]"),
        ("a = " + "[" * 5000, "a space file must be TOML, got: ", "[learning_rate]"),
        ("layers = 3", "layers: a hyperparameter must be a table, got 3", "write [layers] and below it value = 3"),
        ("[a]\nlow = 1", "a: a table must have exactly one of scale, choices and value, got none", 'scale = "log"'),
        ("[a]\nscael = 'log'", "a: a table must have exactly one of scale", "'scael': did you mean 'scale'?"),
        (
            "[a]\nvalue = 1\nchoices = [1]",
            "a: a table must have exactly one of scale, choices and value, got choices",
            "",
        ),
        ("[a]\nscale = 'lgo'", "a: unknown scale, got 'lgo'", "did you mean 'log'?"),
        ("[a]\nscale = 3", "a: unknown scale, got 3", "known: linear, log"),
        ("[a]\nscale = 'log'\nlow = 1\nhihg = 2", "a: a Log scale has no field 'hihg'", "did you mean 'high'?"),
        ("[a]\nscale = 'power_of_two'\nlow = 1\nhigh = 2\nlog = true", "a: a PowerOfTwo scale has no field 'log'", ""),
        ("[a]\nvalue = 1\nlow = 1", "a: a Fixed scale has no field 'low'", "known: "),
        ("[a]\nscale = 'log'\nlow = 1", "a: a Log scale must have high, got none", "add high = ..."),
        ("[a]\nscale = 'log'\nlow = 0\nhigh = 1", "a: low must be above 0 on a Log scale, got low=0.0", "zero=0.2"),
        (
            "[a]\nscale = 'log'\nlow = '1'\nhigh = 2",
            "a: low must be a finite number on a Log scale, got low='1'",
            "num",
        ),
        ("[a]\nscale = 'integer'\nlow = 1.0\nhigh = 2", "a: low must be an integer on an Integer scale", "decimal"),
        ("[a]\nchoices = [{ b = 1 }]", "a: choices must be None, true, false, a number, a string or", "none = true"),
        ("[a]\nvalue = 1979-05-27", "a: value must be None, true, false, a number, a string or a tuple of", "by a str"),
        ("[a.b]\nlow = 1", "a.b: a table must have exactly one of scale, choices and value, got none", "scale"),
        ("[a]\nvalue = 1\n[a.b]\nscale = 'lgo'", "a.b: unknown scale, got 'lgo'", "did you mean 'log'?"),
        (
            "[a]\nscale = 'log'\nlow = 1\nhigh = 2\nstep = 0.3",
            "a: high - low must be a whole number of steps",
            "end at 1.9 or 2.2",
        ),
        ("[a]\nvalue = inf", "a: value must be a finite number, got inf", ""),
        ("[a]\nvalue = 1\nwhen = { b = [1] }\n[bb]\nvalue = 1", "a: when names an unknown hyperparameter, got 'b'", ""),
        ("[a]\nvalue = 1\nwhen = { b = [2] }\n[b]\nvalue = 1", "a: when asks for a value that b never has, got 2", ""),
        ("[a]\nvalue = 1\nwhen = { b = 1 }\n[b]\nvalue = 1", "a: when b must be a list, got 1", "write [1]"),
        ("[a]\nvalue = 1\nwhen = { a = [1] }", "conditions must not run in a circle, got a -> a", "leave one"),
        (
            "[c]\nvalue=1\nwhen={a=[1]}\n[a]\nvalue = 1\nwhen = { b = [1] }\n[b]\nvalue = 1\nwhen = { a = [1] }",
            "conditions must not run in a circle, got a -> b -> a",
            "leave one",
        ),
        ('["a b"]\nvalue = 1', "a hyperparameter's name must be letters, digits and underscores, with", "write"),
        ('["a\\n\\u001b"]\nvalue = inf', r"'a\n\x1b': value must be", ""),
        (
            '["a..b"]\nvalue = 1',
            "a hyperparameter's name must be letters, digits and underscores",
            "optimizer.learning",
        ),
    ],
)
def test_a_mistake_in_a_file_gets_two_lines_with_names(text, rule, way_out):
    with pytest.raises(SpaceError) as caught:
        Space.from_toml(text)
    assert caught.value.rule.startswith(rule)
    assert way_out in caught.value.way_out
    assert len(str(caught.value).splitlines()) == 2


def test_files_that_cannot_be_read_are_named(tmp_path):
    latin = tmp_path / "latin.toml"
    latin.write_bytes("# é".encode("latin-1"))
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[a]\nvalue = inf")
    for path, rule in [
        (tmp_path / "none.toml", "No such file"),
        (tmp_path, "it is a folder"),
        (latin, "must be UTF-8"),
        (wrong, "a: value must be"),
    ]:
        with pytest.raises(SpaceError) as caught:
            Space.load(path)
        assert rule in caught.value.rule
        assert path.name in caught.value.rule


@settings(max_examples=50, deadline=None)
@given(st.recursive(values | st.none(), lambda part: st.lists(part) | st.dictionaries(st.text(), part), max_leaves=8))
def test_nothing_else_comes_out_of_a_table_than_two_lines(table):
    entries = [table, {"scale": "log", "low": table, "high": 2}, {"choices": table}, {"value": 1, "when": table}]
    for entry in entries:
        said = "two\nlines"
        try:
            Space.from_dict({"a": entry})
        except SpaceError as mistake:
            said = str(mistake)
        assert len(said.splitlines()) == 2


def test_python_gets_the_same_voice():
    for make, rule in [
        (lambda: Space(), "a space must have at least one hyperparameter"),
        (lambda: Space(layers=(1, 4)), "layers: a hyperparameter must be a scale or a plain value, got (1, 4)"),
        (lambda: Space(layers=[1, 4]), "layers: a hyperparameter must be a scale or a plain value, got [1, 4]"),
        (lambda: Space(**{"größe": 1}), "a hyperparameter's name must be letters, digits and underscores"),
        (lambda: Space.from_dict({1: {"value": 1}}), "a hyperparameter's name must be letters, digits and underscores"),
        (lambda: Space(a=Linear(0, 1, when={"b": [1]})), "a: when names an unknown hyperparameter, got 'b'"),
    ]:
        with pytest.raises(SpaceError) as caught:
            make()
        assert caught.value.rule.startswith(rule)


def test_applying_points_are_those_of_their_configs():
    space = Space(
        a=Choice(["x", "y"]),
        b=Linear(0, 1, when={"a": ["x"]}),
        c=Choice([1, 2], when={"a": ["y"]}),
        d=Linear(0, 1, when={"a": ["y"], "c": [2]}),
        fixed=3,
    )
    points = np.random.default_rng(0).random((200, len(space.searched)))
    again = space.to_unit(space.from_unit(points))
    applying = space.applying(points)
    assert np.array_equal(np.isnan(applying), np.isnan(again))
    there = ~np.isnan(applying)
    assert np.array_equal(applying[there], points[there])
    assert np.isnan(again).any(axis=0).sum() == 3
