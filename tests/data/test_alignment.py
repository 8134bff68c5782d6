"""An index that says otherwise than the position is never passed over."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import caviar
from caviar.data.alignment import check_aligned
from caviar.data.read import read
from caviar.errors import DataError

X = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 3)), columns=list("abc"))
Y = pd.Series(np.arange(40) % 2, name="y")
DATES = pd.date_range("2024-01-01", periods=40)


@given(st.lists(st.integers(0, 6), min_size=2, max_size=8), st.randoms(use_true_random=False))
def test_the_same_labels_in_another_order_are_refused_and_in_the_same_order_taken(labels: list[int], random) -> None:
    shuffled = random.sample(labels, len(labels))
    x, y = pd.DataFrame({"a": labels}, index=labels), pd.Series(labels, index=shuffled)
    if labels == shuffled:
        assert check_aligned(x, y) == ()
    else:
        with pytest.raises(DataError, match="the same index in another order: row"):
            check_aligned(x, y)


def test_an_index_on_one_side_only_says_nothing() -> None:
    for x, y in ((X.set_index(DATES), Y.tolist()), (X.to_numpy(), Y.set_axis(DATES)), (X[::-1], Y[::-1])):
        assert check_aligned(x, y) == ()


def test_a_counted_index_is_joined_by_position_with_a_note() -> None:
    late = X.set_axis(range(1000, 1040))
    table = read((late, Y))
    assert table.warnings[0].startswith("x and y have different indexes and were joined by position")
    assert "row 1 is 1000 in x and 0 in y" in table.warnings[0]
    assert table.target is not None
    assert table.target.tolist() == Y.tolist()


def test_caviar_train_gives_the_note_as_a_warning_at_the_line_of_the_call() -> None:
    with pytest.warns(caviar.CaviarWarning, match="joined by position") as noted:
        caviar.train(X.set_axis(range(1000, 1040)), Y, {"layers": 1, "hidden_units": 2}, epochs=1)
    assert [warning.filename for warning in noted] == [__file__]


def test_other_rows_are_refused_wherever_they_are_given() -> None:
    other = Y.set_axis(range(7, 47))
    for call in (
        lambda: read((X.set_index(DATES), other)),
        lambda: read((X.set_index(DATES), other.to_frame())),
        lambda: caviar.tune((X.sample(frac=1, random_state=0), Y), trials=2, store=None),
        lambda: caviar.tune((X, Y), test=(X.set_index(DATES), other), trials=2, store=None),
        lambda: caviar.train(X.sample(frac=1, random_state=0), Y, {}, epochs=1),
        lambda: caviar.train(X, Y, {}, epochs=1, validation=(X[::-1], Y)),
    ):
        with pytest.raises(DataError, match="index"):
            call()


def test_labels_in_a_frame_keep_their_name() -> None:
    table = read((X, Y.to_frame("species")))
    assert table.target_name == "species"
