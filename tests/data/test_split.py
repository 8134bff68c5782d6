"""Stratified as scikit-learn stratifies, with randomness from the seed alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from caviar.data.split import folds, split
from caviar.errors import DataError

COUNTS = st.lists(st.integers(5, 90), min_size=2, max_size=8)


def labels_of(counts: list[int]) -> np.ndarray:
    return np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))


@settings(deadline=None)
@given(counts=COUNTS, seed=st.integers(0, 2**64 - 1), test=st.booleans())
def test_parts_are_disjoint_complete_and_hold_every_class(counts: list[int], seed: int, test: bool) -> None:
    labels = labels_of(counts)
    parts = split(labels, seed, test)
    pieces = [parts.train, parts.validation] + ([parts.test] if test else [])
    assert np.array_equal(np.sort(np.concatenate(pieces)), np.arange(len(labels)))
    assert all(set(labels[p]) == set(labels) and (np.diff(p) > 0).all() for p in pieces)
    assert len(parts.test) == 0 or test


@settings(deadline=None, max_examples=50)
@given(counts=COUNTS)
def test_as_scikit_learn(counts: list[int]) -> None:
    labels = labels_of(counts)
    parts = split(labels, seed=0)
    rest, test = train_test_split(labels, test_size=0.2, stratify=labels, random_state=0)
    _, validation = train_test_split(rest, test_size=len(test), stratify=rest, random_state=0)
    assert len(parts.test) == len(test)
    assert len(parts.validation) == len(validation)
    first, second = labels[parts.validation], labels[parts.test]
    for mine, theirs in ((first, test), (second, validation)):
        k = len(counts)
        difference = np.bincount(mine, minlength=k) - np.bincount(theirs, minlength=k)
        assert np.abs(difference).max() <= 1
        if mine is first and len({c * len(test) % len(labels) for c in counts}) == k:
            assert not difference.any(), "only ties between remainders may be broken in another way"


def test_the_sizes_of_the_product_page() -> None:
    parts = split(np.arange(1797) % 10, seed=0)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (1077, 360, 360)
    assert len(split(np.arange(1000) % 10, seed=0, test=False).validation) == 200


def test_every_row_is_as_likely_in_every_part() -> None:
    m, seeds = 40, 2000
    labels = np.arange(m) % 2
    hits = np.zeros(m)
    for seed in range(seeds):
        hits[split(labels, seed).test] += 1
    assert np.abs(hits / seeds - 0.2).max() < 5 * np.sqrt(0.2 * 0.8 / seeds)


def test_the_same_seed_gives_the_same_split_and_text_the_same_as_numbers() -> None:
    labels = np.arange(100) % 3
    first, again, text = (split(y, seed=7) for y in (labels, labels, np.array(["a", "b", "c"])[labels]))
    assert np.array_equal(first.train, again.train)
    assert np.array_equal(first.test, text.test)
    assert not np.array_equal(first.test, split(labels, seed=8).test)


def test_small_classes() -> None:
    labels = np.array(["big"] * 30 + ["three"] * 3 + ["two"] * 2 + ["one"])
    parts = split(labels, seed=0)
    for part in (parts.train, parts.validation, parts.test):
        assert (labels[part] == "three").sum() == 1
    assert (labels[parts.train] == "two").sum() == 2
    assert parts.warnings == ("too few rows to be in every part, so in training only: 'one', 'two'",)
    assert (labels[split(labels, seed=0, test=False).validation] == "two").sum() == 1


def test_many_classes_of_few_rows_keep_one_everywhere() -> None:
    labels = np.repeat(np.arange(50), 3)
    parts = split(labels, seed=0)
    assert len(parts.train) == len(parts.validation) == len(parts.test) == 50


@pytest.mark.parametrize("labels", [[], ["a", "b"], ["a", "a", "b", "b"], list("abcdefgh")])
def test_too_few_rows(labels: list[str]) -> None:
    with pytest.raises(DataError, match="a split into 3 parts"):
        split(np.array(labels), seed=0)


@given(st.lists(st.integers(0, 4), min_size=2, max_size=200), st.integers(2, 7), st.integers(0, 2**63))
def test_folds_deal_every_row_once_and_every_class_evenly(labels, k, seed):
    targets = np.array(labels, dtype=np.int32)
    dealt = folds(targets, k, seed)
    assert len(dealt) == min(k, len(labels))
    assert sorted(np.concatenate(dealt).tolist()) == list(range(len(labels)))
    sizes = [len(fold) for fold in dealt]
    assert max(sizes) - min(sizes) <= 1
    for label in set(labels):
        counts = [int((targets[fold] == label).sum()) for fold in dealt]
        assert max(counts) - min(counts) <= 1
    assert [fold.tolist() for fold in folds(targets, k, seed)] == [fold.tolist() for fold in dealt]


def test_folds_of_numbers_have_their_share_of_small_and_large_ones():
    target = np.random.default_rng(0).lognormal(size=300).astype(np.float32)
    for fold in folds(target, 5, seed=1):
        assert abs(np.mean(target[fold] > np.median(target)) - 0.5) < 0.06
