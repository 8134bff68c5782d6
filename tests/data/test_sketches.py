"""Sketches of columns: exact where they are kept, bounded in size, and plain data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from caviar.data.column_sketches import ColumnSketches, sketch_columns
from caviar.data.learning import learn
from caviar.data.relations import relations
from caviar.data.sketches import ALL_VALUES, MOST_VALUES, most_values, number_sketch, plain, sketch_numbers

NUMBERS = st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), max_size=50).map(lambda x: np.array(x, dtype=float))


@given(NUMBERS, st.integers(2, 9))
def test_what_is_kept_is_exact(x: np.ndarray, most: int) -> None:
    sketch = sketch_numbers(x, most)
    present = x[~np.isnan(x)]
    assert (sketch.rows, sketch.missing) == (len(x), len(x) - len(present))
    assert len(sketch.values) <= most
    for value, up_to, below in zip(sketch.values, sketch.up_to, sketch.below, strict=True):
        assert (up_to, below) == ((present <= value).sum(), (present < value).sum())
    if len(present):
        assert (sketch.values[0], sketch.values[-1]) == (present.min(), present.max())
    assert sketch.is_whole == (len(np.unique(present)) == len(sketch.values))
    assert number_sketch(plain(sketch)) == sketch


@given(NUMBERS)
def test_places_are_those_of_ranks(x: np.ndarray) -> None:
    sketch = sketch_numbers(x)
    present = x[~np.isnan(x)]
    if len(present):
        wanted = (stats.rankdata(present) - 0.5) / len(present)
        np.testing.assert_allclose(sketch.place(present), wanted, atol=1e-12)
    assert (sketch.place(np.array([np.nan])) == 0.5).all()


@pytest.mark.parametrize(
    "spoilt",
    [
        {"values": [1.0, 1.0]},
        {"values": [1.0, float("nan")]},
        {"up_to": [3, 2]},
        {"up_to": [1, 5]},
        {"below": [-1, 1]},
        {"missing": 9},
        {"below": [0]},
    ],
)
def test_a_damaged_sketch_is_refused(spoilt: dict[str, object]) -> None:
    sound = plain(sketch_numbers(np.array([1.0, 2.0, 2.0, 2.0])))
    assert number_sketch(sound)
    with pytest.raises(ValueError, match="damaged"):
        number_sketch({**sound, **spoilt})


def test_the_size_is_bounded() -> None:
    assert most_values(1) == MOST_VALUES
    assert all(most_values(c) * c <= max(ALL_VALUES, 17 * c) for c in (10, 300, 5_000))


def test_rank_correlations_and_their_error_against_spearman_and_a_bootstrap() -> None:
    rng = np.random.default_rng(0)
    n = 1_500
    a = rng.exponential(size=n)
    b = a + rng.normal(size=n)
    x = np.column_stack([a, b, rng.normal(size=n)])
    sketches = {name: sketch_numbers(x[:, j], n) for j, name in enumerate("abc")}
    found = relations(sketches, "abc", x)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert found.rho[i, j] == pytest.approx(stats.spearmanr(x[:, i], x[:, j]).statistic, abs=1e-9)
    drawn = [relations(sketches, "abc", x[rng.integers(n, size=n)]).rho[0, 1] for _ in range(300)]
    assert np.sqrt(found.tau2[0, 1] / n) == pytest.approx(np.std(drawn), rel=0.15)


def test_sketches_of_a_table_are_kept_and_hold_no_row() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "size": rng.normal(size=80),
            "weight": np.where(rng.random(80) < 0.2, np.nan, rng.normal(size=80)),
            "colour": rng.choice(["red", "blue"], 80),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 90, 80), "D"),
            "same": 1.0,
        }
    )
    learned = learn(frame, pd.Series(rng.choice(["x", "y"], 80), name="kind"))
    found = sketch_columns(frame, learned)
    assert set(found.numbers) == {"size", "weight"}  # a constant column has nothing to compare
    assert found.numbers["weight"].missing == frame["weight"].isna().sum()
    counts = frame["colour"].value_counts()
    assert dict(zip(found.texts["colour"].texts, found.texts["colour"].counts, strict=True)) == counts.to_dict()
    assert found.dates["day"] == (str(frame["day"].min().date()), str(frame["day"].max().date()))
    again = ColumnSketches.from_dict(found.to_dict())
    assert again.to_dict() == found.to_dict()
    shuffled = frame.apply(lambda column: rng.permutation(column.to_numpy()))
    alone = sketch_columns(shuffled, learned)  # each column alone is the same, whatever row it was in
    assert (alone.numbers, alone.texts, alone.dates) == (found.numbers, found.texts, found.dates)
