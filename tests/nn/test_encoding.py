"""The encodings of numbers: the papers' formulas cell by cell, and laws that hold for all numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from caviar.errors import ConfigError
from caviar.nn import encoding
from caviar.nn.architecture import Architecture
from caviar.nn.encoding import ENCODINGS, Encoding, encode, learn

STEPS = st.integers(-320, 320).map(lambda step: step / 64)
COLUMNS = arrays(np.float32, st.tuples(st.integers(8, 60), st.just(2)), elements=STEPS)
BINS = [kind for kind in ENCODINGS if kind.endswith("bins")]


def target(x: np.ndarray) -> np.ndarray:
    return (x[:, 0] > 0.5).astype(np.int32)


def cell(x: float, edges: tuple[float, ...], t: int) -> float:
    """Equation 1 of Gorishniy, Rubachev and Babenko, 2022, for the bin between edges t and t + 1."""
    last = len(edges) - 2
    if x < edges[t] and t > 0:
        return 0.0
    if x >= edges[t + 1] and t < last:
        return 1.0
    return (x - edges[t]) / (edges[t + 1] - edges[t])


@pytest.mark.parametrize("kind", BINS)
def test_bins_are_those_of_the_paper_also_beyond_the_ends(kind: str):
    rng = np.random.default_rng(3)
    learned = learn(kind, 7, rng.normal(size=(400, 1)), target(rng.normal(size=(400, 1))))
    new = rng.normal(scale=3, size=(50, 1))  # beyond those of training too
    [edges] = learned.columns
    expected = [[cell(x, edges, t) for t in range(len(edges) - 1)] for x in new[:, 0]]
    np.testing.assert_allclose(encode(learned, new), expected, rtol=1e-12)


@given(COLUMNS, st.integers(2, 20), st.sampled_from(BINS))
def test_the_bins_times_their_widths_add_up_to_the_number(x: np.ndarray, bins: int, kind: str):
    learned = learn(kind, bins, x, target(x))
    out, at = encode(learned, x.astype(np.float64)), 0
    for j, edges in enumerate(learned.columns):
        width = max(len(edges) - 1, 1)
        part = out[:, at : at + width]
        back = edges[0] + part @ np.diff(edges) if edges else part[:, 0]
        np.testing.assert_allclose(back, x[:, j], rtol=0, atol=1e-5)
        assert (np.diff(part, axis=1) <= 1e-9).all()  # a later bin is filled after an earlier one
        at += width
    assert not learned.columns or at == out.shape[1] == learned.width(2)


@given(COLUMNS, st.integers(2, 20), st.sampled_from(ENCODINGS))
def test_an_encoding_keeps_the_order_and_the_type_of_numbers(x: np.ndarray, bins: int, kind: str):
    learned = learn(kind, bins, x, target(x))
    out = encode(learned, x)
    assert out.dtype == np.float32
    assert np.isfinite(out).all()
    at = 0
    for j in range(2):
        width = max(len(learned.columns[j]) - 1, 1) if learned.columns else 1
        order = np.argsort(x[:, j], kind="stable")
        assert (np.diff(out[order, at : at + width], axis=0) >= -1e-6).all()
        at += width


def test_robust_scaling_has_the_median_at_0_and_bends_what_is_far_out_to_3():
    x = np.random.default_rng(0).lognormal(sigma=2, size=(999, 1))
    learned = learn("robust", 16, x, target(x))
    q1, q2, q3 = np.quantile(x, [0.25, 0.5, 0.75])

    def f(value: float) -> float:
        u = (value - q2) / (q3 - q1)
        return u / math.sqrt(1 + (u / 3) ** 2)

    assert encode(learned, np.array([[q2]]))[0, 0] == pytest.approx(0, abs=1e-12)
    for value in (q1, q3, 50.0, 1e9):
        assert encode(learned, np.array([[value]]))[0, 0] == pytest.approx(f(value), rel=1e-9)
    assert encode(learned, np.array([[1e30]]))[0, 0] == pytest.approx(3)


def test_equal_quartiles_are_scaled_by_the_range():
    x = np.array([0.0] * 90 + [1.0, 2.0, 3.0, 4.0] * 2)[:, None]
    assert encode(learn("robust", 16, x, target(x)), x).max() == pytest.approx(2 / math.sqrt(1 + (2 / 3) ** 2))


@pytest.mark.parametrize("kind", ENCODINGS)
def test_categories_and_constants_stay_as_they_are(kind: str):
    rng = np.random.default_rng(1)
    x = np.column_stack([rng.integers(0, 2, 80), np.full(80, 3.5), rng.normal(size=80)])
    out = encode(learn(kind, 8, x, target(x)), x)
    np.testing.assert_array_equal(out[:, :2], x[:, :2])
    assert (out.shape[1] > 3) == (kind in BINS)


def test_the_edges_of_a_tree_are_where_the_target_changes():
    x = np.random.default_rng(2).uniform(-3, 3, size=(2000, 1))
    y = ((x[:, 0] > -1.2) & (x[:, 0] < 0.7)).astype(np.int32)
    [edges] = learn("tree_bins", 3, x, y).columns
    assert edges[1:-1] == pytest.approx([-1.2, 0.7], abs=0.02)


def test_the_target_of_numbers_is_regressed():
    x = np.random.default_rng(2).uniform(-3, 3, size=(2000, 1))
    [edges] = learn("tree_bins", 2, x, np.where(x[:, 0] > 1, 2.0, 0.0).astype(np.float32)).columns
    assert edges[1] == pytest.approx(1, abs=0.02)


def test_many_inputs_get_fewer_bins_each_and_too_many_none():
    rng = np.random.default_rng(4)
    wide = rng.normal(size=(60, 200))
    learned = learn("quantile_bins", 64, wide, target(wide))
    assert learned.width(200) == 200 * (encoding.MOST_INPUTS // 200)
    wider = rng.normal(size=(60, 600))
    assert learn("quantile_bins", 64, wider, target(wider)) == Encoding()
    assert encode(Encoding(), wider) is wider


def test_rows_take_no_bins_away():
    x = np.random.default_rng(4).normal(size=(80_000, 4)).astype(np.float32)
    assert learn("quantile_bins", 64, x, target(x)).width(4) == 4 * 64


def test_an_encoding_that_there_is_not_is_refused():
    with pytest.raises(ConfigError, match="encoding must be one of standard, robust"):
        Architecture(3, 2, (4,), encoding="quantile")
    with pytest.raises(ConfigError, match="bins must be a whole number"):
        Architecture(3, 2, (4,), bins=1)


@pytest.mark.parametrize("kind", ENCODINGS)
def test_an_architecture_comes_back_from_its_record(kind: str):
    x = np.random.default_rng(5).normal(size=(90, 3))
    before = Architecture(3, 2, (4, 2), encoding=kind, learned=learn(kind, 5, x, target(x)))
    assert Architecture.from_record(before.to_record()) == before


@pytest.mark.parametrize(
    "numbers", [(1.0,), (0.5, 0.0), (0.5, -1.0), (0.0, 1.0, 1.0 + 1e-12), (2.0, 1.0, 3.0), (0.0, math.nan, 1.0)]
)
def test_a_damaged_encoding_is_refused(numbers: tuple[float, ...]):
    with pytest.raises(ConfigError, match=r"rising edges or a factor above 0, got .* for column 1"):
        Encoding(((), numbers))
