"""The past predicts the future: held to scikit-learn's folds, and to laws with ties."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import TimeSeriesSplit

from caviar.data.forward import forward_folds, places_in_time, split_in_time, times_of
from caviar.errors import DataError

TIMES = st.lists(st.integers(0, 25), min_size=6, max_size=120).filter(lambda t: len(set(t)) > 2)


def places(times: list[int]) -> np.ndarray:
    return places_in_time(pd.Series(times))


@settings(deadline=None)
@given(times=TIMES, test=st.booleans())
def test_parts_follow_one_another_and_ties_stay_together(times: list[int], test: bool) -> None:
    parts, t = split_in_time(places(times), test), np.array(times)
    pieces = [parts.train, parts.validation, *([parts.test] if test else [])]
    assert sorted(np.concatenate(pieces).tolist()) == list(range(len(times)))
    for earlier, later in pairwise(pieces):
        assert t[earlier].max() < t[later].min()
    assert test or not len(parts.test)


@settings(deadline=None)
@given(times=TIMES)
def test_no_other_cut_between_times_is_nearer_to_a_fifth(times: list[int]) -> None:
    parts, t = split_in_time(places(times)), np.array(times)
    wanted, starts = -(-len(times) // 5), sorted(set(times))[2:]
    off = abs(len(parts.test) - wanted)
    assert off == min(abs(int((t >= start).sum()) - wanted) for start in starts)


@pytest.mark.parametrize("m", [12, 20, 53, 100, 997])
@pytest.mark.parametrize("k", [2, 5])
def test_folds_as_scikit_learn_where_times_differ(m: int, k: int) -> None:
    order = np.random.default_rng(m).permutation(m)
    mine = forward_folds(order, k)
    for (earlier, held_out), (past, future) in zip(mine, TimeSeriesSplit(k).split(order), strict=True):
        assert sorted(order[earlier].tolist()) == past.tolist()
        assert sorted(order[held_out].tolist()) == future.tolist()


@settings(deadline=None)
@given(times=TIMES, k=st.integers(1, 6))
def test_folds_go_forward_with_ties(times: list[int], k: int) -> None:
    t, found = np.array(times), forward_folds(places(times), k)
    assert 1 <= len(found) <= k
    for earlier, held_out in found:
        assert t[earlier].max() < t[held_out].min()
        assert (t[earlier] < t[held_out].min()).sum() == (t < t[held_out].min()).sum(), "all rows before"
    ends = [t[held_out].max() for _, held_out in found]
    assert ends == sorted(set(ends))
    assert ends[-1] == max(times)


def test_times_may_be_numbers_and_dates() -> None:
    days = pd.Series(["2024-03-01", "2024-01-05", "2024-01-05", "2023-12-31"], name="day")
    for column in (pd.to_datetime(days), pd.Series([9.5, 2, 2, -1])):
        assert places_in_time(times_of(column)).tolist() == [2, 1, 1, 0]
    with pytest.raises(DataError, match=r"1 of 4 rows have none in 'day', the first is row 3"):
        times_of(days.where(days.index != 2))
    with pytest.raises(DataError, match=r"`time` must name a column of numbers or dates, but row 1 of 'day' is '2024-"):
        times_of(days)
    with pytest.raises(DataError, match=r'what is none is missing: `date=\["day"\]`'):
        times_of(days.mask(days.index == 3, "soon"))
    with pytest.raises(DataError, match="such as 2024-01-31, or as numbers"):
        times_of(pd.Series(["early", "late"], name="day"))
    with pytest.raises(DataError, match="different times, but every row of 'day' has '2024-01-05'"):
        times_of(pd.Series(["2024-01-05"] * 3, name="day"))
    with pytest.raises(DataError, match="needs 3 different times, got 2"):
        split_in_time(np.array([0, 1, 1, 0]))
