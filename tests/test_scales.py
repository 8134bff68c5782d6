"""Scales against SciPy's distributions, exact counts, and the laws of a one-to-one map."""

# These tests give scales what their types forbid.
# mypy: disable-error-code="arg-type,list-item,attr-defined"

from __future__ import annotations

import math
import pickle
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from caviar.errors import SpaceError
from caviar.scale_rules import value_key
from caviar.scales import Choice, Fixed, Integer, Linear, Log, OneMinusLog, PowerOfTwo, Scale

N = 20_000
REFUSED = 1e-4  # a test of a true hypothesis fails once in 10,000 seeds; the seeds are fixed


def draws(scale: Scale, seed: int, n: int = N) -> np.ndarray:
    return scale.from_unit(np.random.default_rng(seed).random(n))


# What a scale samples, against SciPy's distributions.


@pytest.mark.parametrize(
    ("scale", "distribution"),
    [
        (Linear(-3, 5), stats.uniform(-3, 8)),
        (Log(1e-4, 1), stats.loguniform(1e-4, 1)),
        (Log(0.5, 3e7), stats.loguniform(0.5, 3e7)),
    ],
)
def test_floats_follow_the_distribution_of_their_name(scale, distribution):
    assert stats.kstest(draws(scale, 1), distribution.cdf).pvalue > REFUSED


@pytest.mark.parametrize(("low", "high"), [(0.9, 0.999), (0.0, 0.5), (0.99, 0.999999)])
def test_one_minus_log_is_log_uniform_seen_from_one(low, high):
    away = stats.loguniform(1 - high, 1 - low)
    assert stats.kstest(1 - draws(OneMinusLog(low, high), 2), away.cdf).pvalue > REFUSED


def test_half_of_the_draws_of_one_minus_log_are_above_099():
    values = draws(OneMinusLog(0.9, 0.999), 3)
    assert stats.binomtest(int((values > 0.99).sum()), N, 0.5).pvalue > REFUSED
    plain = draws(Linear(0.9, 0.999), 3)
    assert np.mean(plain > 0.99) == pytest.approx(1 / 11, abs=0.01)


@pytest.mark.parametrize(("low", "high"), [(1, 4), (-3, 3), (0, 1), (16, 256)])
def test_every_integer_gets_an_equal_share(low, high):
    values = draws(Integer(low, high), 4)
    counts = [int((values == k).sum()) for k in range(low, high + 1)]
    assert sum(counts) == N
    assert stats.chisquare(counts).pvalue > REFUSED


@pytest.mark.parametrize(("low", "high"), [(1, 10), (16, 256), (1, 2)])
def test_every_integer_gets_its_logarithmic_share(low, high):
    values = draws(Integer(low, high, log=True), 5)
    counts = [int((values == k).sum()) for k in range(low, high + 1)]
    rounded = stats.loguniform(low - 0.5, high + 0.5)
    shares = [rounded.cdf(k + 0.5) - rounded.cdf(k - 0.5) for k in range(low, high + 1)]
    assert sum(counts) == N
    assert stats.chisquare(counts, np.array(shares) / sum(shares) * N).pvalue > REFUSED


def test_powers_and_choices_are_equally_likely():
    for scale, expected in [
        (PowerOfTwo(32, 512), [32, 64, 128, 256, 512]),
        (PowerOfTwo(1, 2), [1, 2]),
        (Choice(["adam", True, 1, 0.5, "momentum"]), ["adam", True, 1, 0.5, "momentum"]),
    ]:
        counts = Counter((type(v).__name__, v) for v in draws(scale, 6).tolist())
        assert set(counts) == {(type(v).__name__, v) for v in expected}
        assert stats.chisquare(list(counts.values())).pvalue > REFUSED


@pytest.mark.parametrize("scale", [Log(1e-6, 1e-2, zero=0.3), Linear(0, 0.5, zero=0.3), Linear(-1, 1, zero=0.3)])
def test_zero_is_drawn_exactly_as_often_as_asked_and_the_rest_keeps_its_scale(scale):
    values = draws(scale, 7)
    zeros = int((values == 0).sum())
    assert stats.binomtest(zeros, N, 0.3).pvalue > REFUSED
    rest = stats.loguniform(1e-6, 1e-2) if isinstance(scale, Log) else stats.uniform(scale.low, scale.high - scale.low)
    assert stats.kstest(values[values != 0], rest.cdf).pvalue > REFUSED
    even = scale.from_unit((np.arange(1000) + 0.5) / 1000)
    assert (even == 0).sum() == 300  # not one more or less


# The laws of a one-to-one map.

finite = st.floats(-1e300, 1e300)
places = st.lists(st.floats(0, 1, allow_subnormal=False), min_size=1, max_size=20)


@st.composite
def float_scales(draw: st.DrawFn) -> Linear | Log | OneMinusLog:
    kind = draw(st.sampled_from([Linear, Log, OneMinusLog]))
    ends = {Linear: finite, Log: st.floats(1e-300, 1e300), OneMinusLog: st.floats(0, 1, exclude_max=True)}[kind]
    low, high = sorted(draw(st.lists(ends, min_size=2, max_size=2, unique=True)))
    zero = {} if kind is OneMinusLog else {"zero": draw(st.sampled_from([0.0, 0.2, 0.999]))}
    return kind(low, high, **zero)


@st.composite
def discrete_scales(draw: st.DrawFn) -> Scale:
    kind = draw(st.sampled_from(["integer", "log", "power", "choice"]))
    if kind == "power":
        low, high = sorted(draw(st.lists(st.integers(0, 31), min_size=2, max_size=2, unique=True)))
        return PowerOfTwo(2**low, 2**high)
    if kind == "choice":
        value = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
        value = st.recursive(value, lambda part: st.lists(part, max_size=3).map(tuple), max_leaves=4)
        choices = st.lists(value, min_size=1, unique_by=value_key)
        return Choice(draw(choices))
    smallest = 1 if kind == "log" else -(2**31)
    low, high = sorted(draw(st.lists(st.integers(smallest, 2**31), min_size=2, max_size=2, unique=True)))
    assume(high - low < 2**31)
    return Integer(low, high, log=kind == "log")


@settings(deadline=None)
@given(float_scales(), places)
def test_a_draw_never_leaves_the_ends(scale, u):
    values = scale.from_unit(np.array(u))
    assert all(scale.contains(v) for v in values.tolist())
    assert values.dtype == np.float64


@settings(deadline=None)
@given(float_scales(), places)
def test_floats_grow_with_their_coordinate(scale, u):
    values = scale.from_unit(np.sort(u))
    values = values[np.sort(u) >= getattr(scale, "zero", 0)]  # the zeros come first, wherever 0 lies
    assert (np.diff(values) >= 0).all()


@settings(deadline=None)
@given(float_scales(), places)
def test_floats_come_back_from_their_coordinates_to_rounding(scale, u):
    values = scale.from_unit(np.array(u))
    back = scale.from_unit(scale.to_unit(values.tolist()))
    if isinstance(scale, Log):
        assert back == pytest.approx(values, rel=1e-11)  # log v near 700 has a spacing of 1e-13
    else:
        size = max(abs(scale.low), abs(scale.high), scale.high - scale.low)
        assert back == pytest.approx(values, rel=0, abs=1e-12 * size)


@settings(deadline=None)
@given(places)
def test_coordinates_come_back_from_ordinary_floats(u):
    u = np.array(u)
    for scale in [Linear(-2, 3), Log(1e-6, 10), OneMinusLog(0.9, 0.999)]:
        assert scale.to_unit(scale.from_unit(u).tolist()) == pytest.approx(u, abs=1e-12)


@settings(deadline=None)
@given(discrete_scales(), places)
def test_discrete_values_come_back_from_their_cells_exactly_and_with_their_types(scale, u):
    values = scale.from_unit(np.array(u)).tolist()
    units = scale.to_unit(values)
    back = scale.from_unit(units).tolist()
    assert all(scale.contains(v) for v in values)
    assert ((units > 0) & (units < 1)).all()
    assert [(type(v), v) for v in back] == [(type(v), v) for v in values]


# Steps, against Python's own decimal arithmetic.


@st.composite
def stepped_scales(draw: st.DrawFn) -> tuple[Scale, list[Decimal]]:
    """A scale with steps, and its values as decimal numbers."""
    decimals = draw(st.integers(0, 8))
    n, step = draw(st.integers(2, 60)), Decimal(draw(st.integers(1, 10**6))).scaleb(-decimals)
    kind = draw(st.sampled_from(["linear", "log", "integer", "log integer"]))
    if kind == "integer" or kind == "log integer":
        step = Decimal(draw(st.integers(1, 10**6)))
    low = step + step * draw(st.integers(0, 50)) if "log" in kind else Decimal(draw(st.integers(-(10**6), 10**6)))
    values = [low + k * step for k in range(n)]
    if "integer" in kind:
        return Integer(int(low), int(values[-1]), log=kind == "log integer", step=int(step)), values
    zero = draw(st.sampled_from([0.0, 0.25]))
    kind_of_floats = Log if kind == "log" else Linear
    return kind_of_floats(float(low), float(values[-1]), zero=zero, step=float(step)), values


@settings(deadline=None)
@given(stepped_scales())
def test_a_scale_with_steps_has_exactly_the_decimal_numbers_that_a_person_writes(pair):
    scale, values = pair
    exact = [int(v) if isinstance(scale, Integer) else float(v) for v in values]
    assert scale.n_values == len(values)
    assert all(map(scale.contains, exact))
    assert scale.from_unit(scale.to_unit(exact)).tolist() == exact  # the round trip, with every value
    assert [type(v) for v in scale.from_unit(scale.to_unit(exact)).tolist()] == [type(v) for v in exact]
    halves = [a + (b - a) / 2 for a, b in pairwise(exact)]
    assert not any(scale.contains(half) for half in halves if half not in exact)


@settings(deadline=None)
@given(stepped_scales(), places)
def test_a_draw_of_a_scale_with_steps_is_on_a_step(pair, u):
    scale, values = pair
    exact = {float(v) for v in values} | ({0.0} if getattr(scale, "zero", 0.0) else set())
    drawn = scale.from_unit(np.array([0.0, 1.0, *u])).tolist()
    assert {float(v) for v in drawn} <= exact
    assert float(drawn[1]) == float(values[-1])


@settings(deadline=None)
@given(stepped_scales())
def test_every_step_has_its_share(pair):
    scale, values = pair
    zero, n = getattr(scale, "zero", 0.0), len(values)
    first, step = float(values[0]), float(values[1] - values[0])
    if isinstance(scale, Log) or getattr(scale, "log", False):
        edges = np.log(first + step * (np.arange(n + 1) - 0.5))
    else:
        edges = np.arange(n + 1.0)
    ends = zero + (1 - zero) * (edges - edges[0]) / (edges[-1] - edges[0])  # of the cells, in unit coordinates
    inside = np.concatenate([ends[:-1] + 1e-9, ends[1:] - 1e-9])
    expected = [float(v) for v in [*values, *values]]
    assert scale.from_unit(np.clip(inside, 0, 1)).tolist() == pytest.approx(expected, rel=0, abs=0)


def test_no_binary_dust_on_decimal_steps():
    tenths = Linear(0, 1, step=0.1).from_unit((np.arange(11) + 0.5) / 11).tolist()
    assert tenths == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    small = Linear(1e-30, 5e-30, step=1e-30).from_unit([0.1, 0.3, 0.5, 0.7, 0.9]).tolist()
    assert small == [1e-30, 2e-30, 3e-30, 4e-30, 5e-30]
    large = Linear(0, 3e25, step=1e25).from_unit([0.1, 0.3, 0.6, 0.9]).tolist()
    assert large == [0, 1e25, 2e25, 3e25]
    far = Linear(1e15, 1e15 + 1, step=0.25).from_unit([0.1, 0.3, 0.5, 0.7, 0.9]).tolist()
    assert far == [1e15, 1e15 + 0.25, 1e15 + 0.5, 1e15 + 0.75, 1e15 + 1]
    most = Linear(0, 2**31 - 1, step=1)
    assert most.from_unit([0.0, 1.0]).tolist() == [0.0, 2.0**31 - 1]


def test_steps_are_equally_likely():
    for scale in (Integer(32, 256, step=32), Linear(0, 0.7, step=0.1)):
        counts = Counter(draws(scale, 8).tolist())
        assert len(counts) == 8
        assert stats.chisquare(list(counts.values())).pvalue > REFUSED


def test_every_cell_is_found_by_its_centre():
    for scale, values in [
        (Integer(16, 256, log=True), list(range(16, 257))),
        (Integer(-5, 300), list(range(-5, 301))),
        (PowerOfTwo(1, 2**31), [2**k for k in range(32)]),
    ]:
        assert scale.from_unit(scale.to_unit(values)).tolist() == values


def test_a_discrete_value_has_the_coordinate_in_the_middle_of_its_share():
    k = np.arange(1, 11)
    for scale, cell in [
        (Integer(1, 10), stats.uniform(0.5, 10)),
        (Integer(1, 10, log=True), stats.loguniform(0.5, 10.5)),
    ]:
        assert scale.to_unit(k.tolist()) == pytest.approx((cell.cdf(k - 0.5) + cell.cdf(k + 0.5)) / 2)
    assert PowerOfTwo(32, 128).to_unit([32, 64, 128]) == pytest.approx([1 / 6, 1 / 2, 5 / 6])
    assert Choice(["b", "a"]).to_unit(["a", "b"]).tolist() == [0.75, 0.25]


def test_the_ends_of_the_unit_interval_are_the_ends_of_the_scale():
    for scale in [Linear(0.1, 0.7), Log(1e-4, 1), OneMinusLog(0.9, 0.999), Integer(1, 4), Integer(3, 9, log=True)]:
        assert scale.from_unit([0.0, 1.0]) == pytest.approx([scale.low, scale.high], rel=1e-14)
        assert scale.to_unit(scale.from_unit([0.0, 1.0]).tolist()).min() >= 0
    assert PowerOfTwo(32, 512).from_unit([0.0, 1.0]).tolist() == [32, 512]
    assert Choice(["a", "b"]).from_unit([0.0, 1.0]).tolist() == ["a", "b"]


def test_neighbouring_floats_make_a_scale():
    for kind in (Linear, Log, OneMinusLog):
        for low in (1e-300, 0.1, 0.999):
            high = float(np.nextafter(low, 1))
            scale = kind(low, high)
            assert set(scale.from_unit([0.0, 0.5, 1.0]).tolist()) <= {low, high}
            assert set(scale.from_unit(scale.to_unit([low, high])).tolist()) <= {low, high}


@pytest.mark.parametrize(
    "scale", [Integer(1, 4, zero=0.2), Integer(1, 64, log=True, zero=0.2), Integer(-2, 2, zero=0.2)]
)
def test_zero_of_an_integer_scale_is_drawn_as_often_as_asked_and_the_rest_keeps_its_scale(scale):
    plain = replace(scale, zero=0.0)
    u = (np.arange(10_000) + 0.5) / 10_000
    values = scale.from_unit(u)
    assert (values[:2_000] == 0).all()
    assert values.dtype == np.int64
    np.testing.assert_array_equal(values[2_000:], plain.from_unit((u[2_000:] - 0.2) / 0.8))
    known = np.unique(values).tolist()
    np.testing.assert_array_equal(scale.from_unit(scale.to_unit(known)), known)
    assert scale.to_unit([0]) == pytest.approx([0.1])
    assert all(scale.contains(value) for value in known)
    assert not scale.contains(scale.high + 1)
    assert not scale.contains(False)


def test_an_exact_zero_sits_in_the_middle_of_its_share():
    scale = Log(1e-3, 1, zero=0.4)
    assert scale.to_unit([0.0, 1e-3, 1.0]) == pytest.approx([0.2, 0.4, 1.0])
    assert scale.from_unit([0.0, 0.2, np.nextafter(0.4, 0)]).tolist() == [0.0, 0.0, 0.0]
    assert scale.from_unit(0.4) == pytest.approx(1e-3)


@pytest.mark.parametrize(
    ("scale", "inside", "outside"),
    [
        (Linear(0, 1), [0, 1, 0.5, np.float64(0.5)], [-0.1, 1.1, True, "0.5", None, math.nan]),
        (Log(1e-3, 1), [1e-3, 1], [0, 1e-4, -1, 2, math.inf]),
        (Log(1e-3, 1, zero=0.1), [0, 0.0], [1e-4, False]),
        (Linear(1, 2, zero=0.1), [0, 1.5], [0.5]),
        (OneMinusLog(0.9, 0.99), [0.9, 0.99], [0.8, 0.999]),
        (Integer(1, 4), [1, 4, np.int64(2)], [0, 5, 2.0, 2.5, True, "2"]),
        (PowerOfTwo(2, 8), [2, 4, 8], [1, 3, 16, 4.0]),
        (Choice([1, "a", 0.5]), [1, 1.0, "a", 0.5], [True, "b", None, [1]]),
        (
            Choice([None, (1, True), ()]),
            [None, (1, True), (1.0, True), ()],
            [False, "None", (True, 1), [1, True], (1,)],
        ),
        (Fixed(None), [None], [0, False, "None"]),
        (Linear(0, 1, step=0.1), [0, 0.3, 1, np.float64(0.7)], [0.1 + 0.2, 0.05, 1.1, None]),
        (Linear(1, 2, zero=0.1, step=0.5), [0, 1, 1.5, 2], [0.5, 1.25]),
        (Log(0.5, 8, step=0.5), [0.5, 1, 8], [0.25, 0.75, 8.5]),
        (Integer(32, 256, step=32), [32, 64, 256], [48, 0, 288, 64.0]),
        (Choice([True]), [True], [1, 1.0]),
        (Fixed(3), [3], [4, "3", None]),
    ],
)
def test_a_scale_knows_its_values(scale, inside, outside):
    assert all(scale.contains(v) for v in inside)
    assert not any(scale.contains(v) for v in outside)
    for value in outside:
        with pytest.raises(SpaceError, match="a value must be on its scale"):
            scale.to_unit([value])


def test_scales_are_values():
    scale = Log(1, 10, tier=1, when={"optimizer": ["adam"]})
    assert scale == Log(1.0, 10.0, tier=1, when={"optimizer": ("adam",)}) == pickle.loads(pickle.dumps(scale))
    assert hash(scale) == hash(Log(1, 10, tier=1))
    assert repr(scale) == "Log(low=1.0, high=10.0, tier=1, when={'optimizer': ('adam',)})"
    assert scale != Log(1, 10)
    assert type(Integer(np.int64(1), 4).low) is int
    assert type(Linear(np.float32(0), 1).low) is float
    with pytest.raises(AttributeError):
        scale.low = 2  # type: ignore[misc]


# What is refused, and the two lines that say so.


@pytest.mark.parametrize(
    ("make", "rule", "way_out"),
    [
        (lambda: Log(1, 1e-4), "low must be smaller than high on a Log scale, got low=1.0, high=0.0001", "swap them"),
        (lambda: Linear(2, 2), "low must be smaller than high on a Linear scale, got 2.0 for both", "a plain value"),
        (lambda: Integer(4, 1), "low must be smaller than high on an Integer scale, got low=4, high=1", "swap them"),
        (lambda: PowerOfTwo(8, 8), "low must be smaller than high on a PowerOfTwo scale, got 8", "a plain value"),
        (lambda: OneMinusLog(0.9, 0.5), "low must be smaller than high on a OneMinusLog scale", "swap them"),
        (lambda: Log(0, 1), "low must be above 0 on a Log scale, got low=0.0", "zero=0.2"),
        (lambda: Log(-0.1, 1), "low must be above 0 on a Log scale, got low=-0.1", "zero=0.2"),
        (lambda: OneMinusLog(-0.1, 0.9), "low must be at least 0 on a OneMinusLog scale, got low=-0.1", "low=0.9"),
        (lambda: OneMinusLog(0.9, 1), "high must be below 1 on a OneMinusLog scale, got high=1.0", "0.999"),
        (lambda: Integer(0, 8, log=True), "low must be at least 1 on an Integer scale with log=True, got low=0", "1"),
        (lambda: Integer(1, 8, log=1), "log must be true or false on an Integer scale, got log=1", "log=True"),
        (lambda: Linear(math.nan, 1), "low must be a finite number on a Linear scale, got low=nan", "choose"),
        (lambda: Log(1, math.inf), "high must be a finite number on a Log scale, got high=inf", "choose"),
        (lambda: Linear(0, 10**400), "high must be a finite number on a Linear scale", "choose"),
        (lambda: Linear(-1.7e308, 1.7e308), "high - low must be a finite number on a Linear scale", "smaller range"),
        (lambda: Linear("0", 1), "low must be a finite number on a Linear scale, got low='0'", "without quotes"),
        (lambda: Linear(False, True), "low must be a finite number on a Linear scale, got low=False", "a number"),
        (lambda: Integer(1.0, 4), "low must be an integer on an Integer scale, got low=1.0", "decimal point"),
        (lambda: Integer(True, 4), "low must be an integer on an Integer scale, got low=True", "decimal point"),
        (lambda: Integer(1, 2**40), "high must be between -2**31 and 2**31 on an Integer scale", "Log"),
        (lambda: PowerOfTwo(32, 500), "high must be a power of two on a PowerOfTwo scale, got high=500", "256 or 512"),
        (lambda: PowerOfTwo(-2, 8), "low must be a power of two on a PowerOfTwo scale, got low=-2", "1 or 2"),
        (lambda: Log(1, 2, zero=1), "zero must be at least 0 and below 1 on a Log scale, got zero=1.0", "probability"),
        (lambda: Linear(1, 2, zero=-0.1), "zero must be at least 0 and below 1 on a Linear scale", "probability"),
        (lambda: Choice([]), "choices must name at least one value, got an empty list", "add a value"),
        (lambda: Choice([1, "a", 1.0]), "choices must differ on a Choice scale, got 1.0 twice", "leave one"),
        (lambda: Choice("adam"), "choices must be a list, got 'adam'", "write ['adam']"),
        (
            lambda: Choice([{1}]),
            "choices must be None, true, false, a number, a string or a tuple of these",
            "by a str",
        ),
        (lambda: Choice([{"a": 1}]), "choices must be None, true, false, a number, a string or a tuple", "none = true"),
        (lambda: Choice([None, None]), "choices must differ on a Choice scale, got None twice", "leave one"),
        (lambda: Choice([(1, 2), [1.0, 2]]), "choices must differ on a Choice scale, got (1.0, 2) twice", "leave one"),
        (lambda: Choice([(1, math.nan)]), "choices must be a finite number, got nan", "choose a number"),
        (lambda: Choice([math.nan]), "choices must be a finite number, got nan", "choose a number"),
        (lambda: Fixed(object), "value must be None, true, false, a number, a string or a tuple of these", "by a str"),
        (
            lambda: Integer(32, 250, step=32),
            "high - low must be a whole number of steps",
            "end at 224 or 256",
        ),
        (lambda: Integer(1, 4, step=32), "high - low must be a whole number of steps", "end at 33"),
        (lambda: Integer(1, 4, step=0), "step must be above 0 on an Integer scale, got step=0", "distance"),
        (lambda: Integer(1, 4, step=1.5), "step must be an integer on an Integer scale, got step=1.5", "Linear"),
        (lambda: Integer(8, 72, log=True, step=16), "low must be above half a step where small values", "start at 16"),
        (lambda: Linear(0, 1, step=0.3), "high - low must be a whole number of steps", "end at 0.9 or 1.2"),
        (lambda: Linear(0, 1, step=-0.1), "step must be above 0 on a Linear scale, got step=-0.1", "distance"),
        (lambda: Linear(0, 1, step="0.1"), "step must be a finite number on a Linear scale, got step='0.1'", "number"),
        (lambda: Linear(0, 1, step=1e-12), "a scale has at most 2**31 steps, got low=0.0", "leave step out"),
        (lambda: Integer(0, 2**31), "a scale has at most 2**31 steps, got low=0", "make the range smaller"),
        (lambda: Log(1e-4, 1, step=10), "high - low must be a whole number of steps", "end at 10.0001"),
        (
            lambda: Log(0.1, 10.1, step=0.5),
            "low must be above half a step where small",
            "start at 0.5",
        ),
        (lambda: Linear(0, 1, tier=5), "tier must be 1, 2, 3 or 4, got tier=5", "1 is tuned first"),
        (lambda: Linear(0, 1, tier=True), "tier must be 1, 2, 3 or 4, got tier=True", "1 is tuned first"),
        (lambda: Linear(0, 1, when=["adam"]), "when must name other hyperparameters", "optimizer"),
        (lambda: Linear(0, 1, when={}), "when must name other hyperparameters", "optimizer"),
        (lambda: Linear(0, 1, when={"optimizer": "adam"}), "when optimizer must be a list, got 'adam'", "['adam']"),
        (lambda: Linear(0, 1, when={"optimizer": []}), "when optimizer must name at least one value", "add"),
    ],
)
def test_what_breaks_a_rule_gets_two_lines(make, rule, way_out):
    with pytest.raises(SpaceError) as caught:
        make()
    assert caught.value.rule.startswith(rule)
    assert way_out in caught.value.way_out
    assert len(str(caught.value).splitlines()) == 2


def test_an_error_shows_little_of_a_megabyte():
    for make in [lambda: Linear("x" * 10**6, 1), lambda: Choice(["\n" * 10**6] * 2), lambda: Fixed({"a" * 10**6})]:
        with pytest.raises(SpaceError) as caught:
            make()
        assert len(str(caught.value)) < 400
        assert len(str(caught.value).splitlines()) == 2
