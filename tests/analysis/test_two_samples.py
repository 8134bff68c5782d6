"""Tests of two samples against SciPy and brute force, and their laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from caviar.analysis.two_samples import (
    FEW_VALUES,
    adjusted,
    chi_squared,
    cramers_v,
    distance,
    ks,
    ks_detectable,
    ks_probability,
)
from caviar.data.sketches import sketch_numbers
from caviar.randomness import generator, stream_key

NUMBERS = st.lists(st.integers(-20, 20).map(lambda k: k / 4), min_size=1, max_size=60).map(np.array)
COUNTS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=2, max_size=6)


def stream() -> np.random.Generator:
    return generator(stream_key(0, 15))  # type: ignore[arg-type]


def largest_difference(old: np.ndarray, new: np.ndarray) -> float:
    """Of two distributions, over all of their values: by counting."""
    return max(abs(float((old <= v).mean() - (new <= v).mean())) for v in np.concatenate([old, new]))


@given(NUMBERS, NUMBERS)
def test_the_distance_of_a_whole_sketch_is_the_largest_anywhere(old: np.ndarray, new: np.ndarray) -> None:
    assert distance(sketch_numbers(old), new) == pytest.approx(largest_difference(old, new), abs=1e-12)


@given(NUMBERS, NUMBERS, st.integers(2, 12))
def test_the_distance_of_a_thinned_sketch_is_never_too_large(old: np.ndarray, new: np.ndarray, most: int) -> None:
    sketch = sketch_numbers(old, most)
    assert len(sketch.values) <= most
    assert distance(sketch, new) <= largest_difference(old, new) + 1e-12


def test_the_distance_of_a_thinned_sketch_is_nearly_that_of_all_rows() -> None:
    rng = np.random.default_rng(0)
    old, new = rng.normal(size=20_000), rng.normal(0.1, 1.2, size=5_000)
    sketch = sketch_numbers(old)
    found = distance(sketch, new)
    assert found == pytest.approx(stats.ks_2samp(old, new, method="asymp").statistic, abs=1 / len(sketch.values))


def test_probabilities_of_continuous_numbers_are_scipys() -> None:
    rng = np.random.default_rng(1)
    for shift in (0.0, 0.2, 1.0):
        old, new = rng.normal(size=400), rng.normal(shift, size=300)
        found = ks(sketch_numbers(old, 400), new, stream())
        wanted = stats.ks_2samp(old, new, method="asymp")
        assert found is not None
        assert found.p == pytest.approx(wanted.pvalue, rel=1e-9)
        assert found.statistic == pytest.approx(wanted.statistic, abs=1e-12)


def test_a_drawn_probability_is_that_of_all_ways_to_deal_the_rows_out() -> None:
    """A column of two values, so that there are ties: all ways are those of the hypergeometric distribution."""
    old, new = np.repeat([0.0, 1.0], [60, 40]), np.repeat([0.0, 1.0], [20, 30])
    found = ks(sketch_numbers(old), new, stream())
    assert found is not None
    seen = abs(0.6 - 0.4)
    zeros = np.arange(51)  # zeros among the 50 new rows, of 80 in all
    distances = np.abs((80 - zeros) / 100 - zeros / 50)
    exact = stats.hypergeom.pmf(zeros, 150, 80, 50)[distances >= seen - 1e-12].sum()
    assert found.p == pytest.approx(exact, abs=4 * np.sqrt(exact / 9_999))
    assert exact < ks_probability(seen, 100, 50)  # that of continuous numbers is on the safe side


@given(COUNTS)
def test_chi_squared_is_scipys(cells: list[tuple[int, int]]) -> None:
    then, now = (np.array(side) for side in zip(*cells, strict=True))
    found = chi_squared(then.tolist(), now.tolist(), stream())
    table = np.array([then, now])[:, (then + now) > 0]
    if table.shape[1] < 2 or not table.sum(axis=1).all():
        assert found is None
        return
    wanted = stats.chi2_contingency(table, correction=False)
    assert found is not None
    assert found.statistic == pytest.approx(wanted.statistic, rel=1e-9, abs=1e-12)
    if wanted.expected_freq.min() >= 5:
        assert found.p == pytest.approx(wanted.pvalue, rel=1e-9)
    assert 0 < found.p <= 1


def test_small_counts_are_drawn_and_agree_with_fishers_exact_test() -> None:
    found = chi_squared((9, 1), (4, 6), stream())
    exact = stats.fisher_exact([[9, 1], [4, 6]]).pvalue
    assert found is not None
    assert found.p == pytest.approx(exact, abs=0.02)


@given(st.lists(st.integers(1, 50), min_size=2, max_size=6), st.integers(1, 9))
def test_cramers_v_is_that_of_equal_samples_and_does_not_depend_on_their_sizes(then: list[int], times: int) -> None:
    a, b = np.array(then), np.array(then[::-1])
    usual = stats.contingency.association(np.array([a, b]), method="cramer")
    assert cramers_v(a, b) == pytest.approx(usual, abs=1e-9)
    assert cramers_v(a, b * times) == pytest.approx(usual, abs=1e-9)
    assert cramers_v(np.array([3, 0]), np.array([0, 1])) == pytest.approx(1.0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_adjusted_probabilities_reject_as_the_procedure_of_benjamini_and_hochberg(p: list[float]) -> None:
    ranked = sorted(p)
    passed = [k for k, one in enumerate(ranked, start=1) if one <= 0.05 * k / len(p)]
    rejected = np.array(p) <= (ranked[passed[-1] - 1] if passed else -1)
    near = np.abs(adjusted(p) - 0.05) < 1e-12
    assert (near | ((adjusted(p) <= 0.05) == rejected)).all()


def test_what_can_be_detected_is_the_distance_at_the_level() -> None:
    for n, m, alpha in ((100, 50, 0.05), (10_000, 300, 0.001)):
        assert ks_probability(ks_detectable(n, m, alpha), n, m) == pytest.approx(alpha, rel=1e-3)


def test_without_numbers_there_is_no_test() -> None:
    assert ks(sketch_numbers(np.array([np.nan])), np.ones(3), stream()) is None
    assert ks(sketch_numbers(np.ones(3)), np.array([np.nan]), stream()) is None
    assert chi_squared((3, 0), (4, 0), stream()) is None


@pytest.mark.parametrize("values", [2, FEW_VALUES // 2])
def test_columns_of_few_values_cry_wolf_as_often_as_they_say(values: int) -> None:
    """Samples of one distribution, its values unequally frequent: 5 % of probabilities are below 0.05, about."""
    rng = np.random.default_rng(values)
    shares = np.arange(1, values + 1) / np.arange(1, values + 1).sum()
    found = []
    for _ in range(150):
        old, new = (rng.choice(values, size, p=shares).astype(float) for size in (300, 120))
        one = ks(sketch_numbers(old), new, stream())
        assert one is not None
        found.append(one.p)
    assert stats.binomtest(int(np.sum(np.array(found) < 0.05)), 150, 0.05, "greater").pvalue > 1e-3
    assert stats.binomtest(int(np.sum(np.array(found) < 0.3)), 150, 0.3, "greater").pvalue > 1e-3
