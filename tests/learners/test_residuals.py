"""Intervals of numbers: their coverage is what was asked for, on tables whose rows are exchangeable."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from caviar.errors import ConfigError, ModelError
from caviar.learners.residuals import MOST, Residuals

TABLES = 4_000


@pytest.mark.parametrize(("rows", "coverage"), [(9, 0.9), (19, 0.5), (60, 0.9), (200, 0.95), (2_500, 0.9)])
def test_the_coverage_of_many_tables_is_the_one_asked_for(rows: int, coverage: float):
    """Each table: residuals of n rows, and one new row of the same heavy-tailed distribution."""
    rng = np.random.default_rng(rows)
    tables = TABLES if rows < 1_000 else 800
    drawn = rng.standard_t(2, (tables, rows + 1)) * rng.exponential(size=(tables, 1))
    hits = sum(abs(one[-1]) <= Residuals.of(one[None, :-1]).reach(coverage) for one in drawn)
    exact = math.ceil((rows + 1) * Fraction(str(coverage))) / (rows + 1)  # of continuous residuals
    low, high = stats.binom.interval(0.999, tables, exact)
    assert exact >= coverage
    assert low <= hits <= high + (tables * 1.5 / MOST if rows > MOST else 0)


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60),
    st.integers(1, 4),
    st.floats(0.01, 0.99),
)
def test_the_reach_is_that_of_the_rank_with_the_correction_for_few_rows(r: list[float], k: int, coverage: float):
    """Of k equal networks as of one, with the oracle in whole numbers."""
    found, n = Residuals.of(np.tile(r, (k, 1))), len(r)
    rank = math.ceil((n + 1) * Fraction(str(coverage)))
    if rank > n:
        with pytest.raises(ModelError, match=r"needs .* rows"):
            found.reach(coverage)
    else:
        assert found.reach(coverage) == sorted(map(abs, r))[rank - 1]


@given(st.integers(MOST + 1, 9_000), st.floats(0.001, 0.9989))
def test_thinned_residuals_are_never_narrower_and_hardly_wider(n: int, coverage: float):
    found = Residuals.of(np.arange(1.0, n + 1)[None])  # the residual of rank j is j
    rank = math.ceil((n + 1) * Fraction(str(coverage)))
    assert len(found.sizes) == MOST
    assert found.sizes[-1] == n
    assert rank <= found.reach(coverage) <= rank + math.ceil(n / MOST)


def test_a_coverage_that_the_rows_cannot_promise_says_how_many_would():
    few = Residuals.of(np.ones((1, 60)))
    with pytest.raises(ModelError, match=r"0\.99 needs 99 rows .* has 60") as refused:
        few.reach(0.99)
    assert refused.value.way_out.startswith("ask for less: `coverage=0.983`")
    few.reach(0.983)
    Residuals.of(np.ones((1, 99))).reach(0.99)
    with pytest.raises(ModelError):
        Residuals.of(np.ones((1, 98))).reach(0.99)


@pytest.mark.parametrize("coverage", [0, 1, 90, -0.1, math.nan, math.inf, "0.9", None, True])
def test_a_coverage_is_a_share(coverage: object):
    with pytest.raises(ConfigError, match="`coverage`"):
        Residuals.of(np.ones((1, 60))).reach(coverage)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "damaged",
    [
        {"rows": 3},
        {"rows": 3, "sizes": []},
        {"rows": 0, "sizes": [1.0]},
        {"rows": 2, "sizes": [2.0, 1.0]},
        {"rows": 2, "sizes": [-1.0, 1.0]},
        {"rows": 2, "sizes": [1.0, math.inf]},
        {"rows": 2, "sizes": [math.nan, 1.0]},
    ],
)
def test_damaged_residuals_are_refused(damaged: dict):
    with pytest.raises((ValueError, KeyError)):
        Residuals.from_dict(damaged)
