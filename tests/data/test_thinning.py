"""One in a few rows: each class and each range of numbers in proportion, and folds as before."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caviar.data.dataset import prepare
from caviar.data.read import read
from caviar.data.thinning import one_in
from caviar.randomness import Purpose, stream_key
from caviar.records import Reading

pytestmark = pytest.mark.filterwarnings("ignore::caviar.errors.CaviarWarning")


@settings(deadline=None)
@given(st.lists(st.integers(0, 90), min_size=2, max_size=8), st.sampled_from([2, 4, 8]), st.integers(0, 2**64 - 1))
def test_each_class_keeps_its_share_rounded_up(counts: list[int], every: int, seed: int):
    y = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts), dtype=np.int32), counts))
    rows = one_in(every, y, stream_key(seed, Purpose.THINNING))
    assert (np.diff(rows) > 0).all()
    kept = np.bincount(y[rows], minlength=len(counts))
    assert kept.tolist() == [-(-count // every) for count in counts]


@settings(deadline=None)
@given(st.integers(1, 500), st.sampled_from([2, 4, 8]), st.integers(0, 99))
def test_each_range_of_numbers_keeps_its_share(m: int, every: int, seed: int):
    y = np.random.default_rng(seed).normal(size=m).astype(np.float32)
    rows = one_in(every, y, stream_key(seed, Purpose.THINNING))
    ranks = np.sort(np.argsort(np.argsort(y, kind="stable"))[rows])
    assert ranks.tolist() == list(range(0, m, every))


def table(rows: int = 800) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(rows, 3))
    frame = pd.DataFrame(x, columns=["a", "b", "c"]).assign(when=np.arange(rows), who=np.arange(rows) // 4)
    return frame.assign(y=np.where(x.sum(axis=1) > 0, "yes", "no"))


def test_the_test_part_and_what_was_learned_are_those_of_all_rows():
    whole = prepare(read(table(), "y"), 3)
    asked: list[tuple[int, int]] = []

    def thin(rows: int, n_in: int) -> int:
        asked.append((rows, n_in))
        return 4

    found = prepare(read(table(), "y"), 3, thin=thin)
    assert asked == [(len(whole.train), whole.preprocessing.n_in)]
    assert found.preprocessing.mean == whole.preprocessing.mean
    for few, all_rows in ((found.train, whole.train), (found.validation, whole.validation)):
        assert {*map(bytes, few.x)} <= {*map(bytes, all_rows.x)}
    np.testing.assert_array_equal(found.test.open().x, whole.test.open().x)
    assert found.facts["rows"] == whole.facts["rows"] == 800
    assert found.facts["train"] == len(found.train) == pytest.approx(len(whole.train) / 4, abs=2)
    [note] = [note for note in found.warnings if "one in" in note]
    assert note == (
        f"one in 4 rows is used, drawn at random, {len(found.train)} of {len(whole.train)} to train and "
        f"{len(found.validation)} of {len(whole.validation)} to validate, since the time is too short to train on all "
        "often enough; a new study with more `seconds` uses all"
    )


@pytest.mark.parametrize("reading", [Reading(group="who"), Reading(time="when")])
def test_the_groups_and_times_are_those_of_the_rows_that_are_used(reading: Reading):
    found = prepare(read(table(), "y", reading=reading), 3, thin=lambda rows, n_in: 2)
    numbers = found.sets if found.times is None else found.times
    assert numbers is not None
    assert len(numbers) == len(found.train) + len(found.validation)
    of_train, of_validation = numbers[: len(found.train)], numbers[len(found.train) :]
    if found.times is None:
        assert not {*of_train.tolist()} & {*of_validation.tolist()}
    else:
        assert of_train.max() < of_validation.min()
