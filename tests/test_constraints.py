"""Constraints: texts that are read safely, against Python's own eval, and functions that are asked fairly."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caviar.constraints import constraint
from caviar.errors import SpaceError
from caviar.scales import Choice, Integer, Linear
from caviar.space import Space

NAMES = ("a", "b", "kind", "optimizer.lr", "sizes")
CONFIG = {"a": 3, "b": 2.5, "kind": None, "optimizer.lr": 0.1, "sizes": (64, 32)}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("b <= a", True),
        ("a < b", False),
        ("2 < b < a", True),
        ("2 < b > a", False),
        ("a * b + 1 <= 8.5", True),
        ("a // 2 == 1 and a % 2 == 1", True),
        ("-a < 0 or a > 100", True),
        ("not a > b", False),
        ("2 ** a == 8", True),
        ("kind is None", True),
        ("kind == None", True),
        ("kind is not None", False),
        ("kind in ('adam', None)", True),
        ("kind not in ['adam']", True),
        ("optimizer.lr * a < 0.31", True),
        ("len(sizes) <= 2 and sizes[0] >= sizes[-1]", True),
        ("max(a, b) - min(a, b) <= abs(-0.5)", True),
        ("(a + b) / 2 > 2.7", True),
    ],
)
def test_a_text_is_what_it_says(text, holds):
    assert constraint(text, NAMES).holds(CONFIG) is holds


expressions = st.recursive(
    st.sampled_from(["a", "b", "1", "2.5", "0.0", "7"]),
    lambda part: st.one_of(
        st.tuples(part, st.sampled_from(["+", "-", "*"]), part).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(st.sampled_from(["min", "max"]), part, part).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
        part.map(lambda t: f"abs(-{t})"),
    ),
    max_leaves=6,
)
comparisons = st.tuples(expressions, st.sampled_from(["<", "<=", "==", "!=", ">", ">="]), expressions).map(" ".join)
conditions = st.recursive(
    comparisons,
    lambda part: st.one_of(
        st.tuples(part, st.sampled_from(["and", "or"]), part).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        part.map(lambda t: f"not ({t})"),
    ),
    max_leaves=4,
)


@settings(deadline=None)
@given(conditions, st.integers(-20, 20), st.floats(-20, 20))
def test_a_text_says_what_python_would(text, a, b):
    expected = eval(text, {"__builtins__": {}}, {"a": a, "b": b, "min": min, "max": max, "abs": abs})
    assert constraint(text, NAMES).holds({"a": a, "b": b}) == expected


@pytest.mark.parametrize(
    ("text", "rule", "way_out"),
    [
        ("", "a constraint cannot be read", "units2 <= units1"),
        ("a <=", "a constraint cannot be read", "units2 <= units1"),
        ("a = 3", "a constraint cannot be read", "units2 <= units1"),
        ("c < a", "the constraint 'c < a' asks for 'c', which is no hyperparameter", "known: "),
        (
            "optimiser.lr < a",
            "the constraint 'optimiser.lr < a' asks for 'optimiser.lr'",
            "did you mean 'optimizer.lr'",
        ),
        ("__import__('os').system('true')", "a constraint has comparisons, arithmetic", "write a function"),
        ("open('x')", "a constraint has comparisons, arithmetic", "write a function"),
        ("a.__class__ == b", "the constraint 'a.__class__ == b' asks for 'a.__class__'", "known"),
        ("[x for x in sizes] == a", "a constraint has comparisons, arithmetic", "write a function"),
        ("(lambda: a)() > 1", "a constraint has comparisons, arithmetic", "write a function"),
        ("f'{a}' == 'x'", "a constraint has comparisons, arithmetic", "write a function"),
        ("a if b else kind", "a constraint has comparisons, arithmetic", "write a function"),
        ("(a := 3) > b", "a constraint has comparisons, arithmetic", "write a function"),
        ("a | b > 1", "a constraint has comparisons, arithmetic", "write a function"),
        ("~a < 1", "a constraint has comparisons, arithmetic", "write a function"),
        ("a < " + "(" * 500 + "b" + ")" * 500, "a constraint", ""),
        ("a < b" * 300, "a constraint has at most 1000 characters", "write a function"),
        (3, "a constraint must be a text or a function, got 3", "units2 <= units1"),
        (None, "a constraint must be a text or a function, got None", "units2 <= units1"),
    ],
)
def test_what_is_no_constraint_gets_two_lines(text, rule, way_out):
    with pytest.raises(SpaceError) as caught:
        constraint(text, NAMES)
    assert caught.value.rule.startswith(rule)
    assert way_out in caught.value.way_out
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("kind < a", "TypeError"),
        ("kind + 1 < a", "None is no number"),
        ("a and b", "3 is neither true nor false"),
        ("a + b", "must be true or false, got 5.5"),
        ("a / (b - 2.5) > 1", "ZeroDivisionError"),
        ("9 ** 9 ** 9 > a", "OverflowError"),
        ("sizes[5] > 1", "IndexError"),
        (lambda config: None, "must be true or false, got None"),
        (lambda config: config["a"] > "x", "TypeError"),
        (lambda config: config["c"] > 1, "asks for 'c', which is no hyperparameter"),
        (lambda: True, "TypeError"),
    ],
)
def test_a_constraint_that_fails_says_so_at_once(given, said):
    with pytest.raises(SpaceError) as caught:
        constraint(given, NAMES).holds(CONFIG)
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 2


def test_a_constraint_on_what_does_not_apply_is_fulfilled():
    for one in ("kind != 'b' or b > 3", "b > 3", lambda config: config["b"] > 3):
        assert constraint(one, NAMES).holds({"kind": "a"})
        assert not constraint(one, NAMES).holds({"kind": "b", "b": 1})
    assert not constraint(lambda config: "b" in config, NAMES).holds({"kind": "a"})
    assert constraint(lambda config: config.get("b", 9) > 3, NAMES).holds({"kind": "a"})


def test_a_space_draws_only_what_fulfils_its_constraints_and_the_rest_stays_uniform():
    space = Space(a=Integer(1, 4), b=Integer(1, 4))
    assert space.require("b <= a", lambda config: config["a"] + config["b"] != 4) is space
    configs = space.sample(4000, seed=1)
    assert len(configs) == 4000
    assert configs == space.sample(4000, seed=1)
    pairs = [(config["a"], config["b"]) for config in configs]
    allowed = {(a, b) for a in range(1, 5) for b in range(1, a + 1) if a + b != 4}
    assert set(pairs) == allowed
    shares = [pairs.count(pair) / 4000 for pair in allowed]
    assert max(abs(share - 1 / len(allowed)) for share in shares) < 0.03
    assert space != Space(a=Integer(1, 4), b=Integer(1, 4))
    assert hash(space) == hash(Space(a=Integer(1, 4), b=Integer(1, 4)))


def test_what_nothing_fulfils_is_refused_after_so_many_draws():
    asked = []
    space = Space(a=Linear(0, 1), b=Linear(0, 1)).require(lambda config: asked.append(1) or config["a"] > 2)
    with pytest.raises(
        SpaceError, match=r"of 20,0\d\d draws from the space hardly any fulfils the constraint '<lambda>'"
    ):
        space.sample(3)
    assert len(asked) < 25_000
    assert space.sample(0) == []


def test_constraints_come_back_from_a_file():
    space = Space(a=Integer(1, 4), b=Integer(1, 4), kind=Choice([None, "x"])).require("b <= a", "kind != 'x' or a == 4")
    again = Space.from_toml(space.to_toml())
    assert again == space == Space.from_dict(space.to_dict()) == eval(repr(space))
    assert again.sample(50) == space.sample(50)
    assert space.to_toml().startswith('require = ["b <= a", "kind != \'x\' or a == 4"]\n\n[a]')
    assert "required: b <= a" in space.describe()
    assert Space.from_toml('require = "a > 1"\n[a]\nscale="integer"\nlow=1\nhigh=9').constraints[0].text == "a > 1"
    assert Space.from_toml("[require]\nvalue = 3").names == ("require",)  # a hyperparameter of that name
    assert pickle.loads(pickle.dumps(space)) == space
    space.require(lambda config: True)
    with pytest.raises(SpaceError, match="cannot be written to a file"):
        space.to_toml()
    missing = Space.from_dict(space.to_dict())
    assert [one.is_missing for one in missing.constraints] == [False, False, True]


@pytest.mark.parametrize(
    ("text", "rule", "way_out"),
    [
        ("[a]\nvalue = 1\nrequire = ['a > 0']", "a: require is a line of the whole space", "before all tables"),
        ("require = 3\n[a]\nvalue = 1", "require must be a list of texts, got 3", "units2"),
        ("require = [3]\n[a]\nvalue = 1", "a constraint must be a text or a function, got 3", "units2"),
        ("require = ['b > 1']\n[a]\nvalue = 1", "the constraint 'b > 1' asks for 'b'", "known: a"),
    ],
)
def test_a_mistake_in_a_file_is_named(text, rule, way_out):
    with pytest.raises(SpaceError) as caught:
        Space.from_toml(text)
    assert caught.value.rule.startswith(rule)
    assert way_out in caught.value.way_out


def test_a_hyperparameter_called_require_stands_in_the_way():
    with pytest.raises(SpaceError, match="no hyperparameter called require"):
        Space(require=Integer(1, 4)).require("require > 1")
