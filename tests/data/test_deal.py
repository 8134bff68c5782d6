"""Sets dealt out whole: laws, brute force on small cases, and shares no worse than scikit-learn's."""

from __future__ import annotations

from contextlib import suppress
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from caviar import randomness
from caviar.data.deal import deal, deal_with_training
from caviar.data.split import folds, split_sets
from caviar.errors import DataError

KEY = randomness.stream_key(0, randomness.Purpose.SPLIT)
ROWS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3)), min_size=12, max_size=200)


def numbered(values: list[int]) -> np.ndarray:
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


@settings(deadline=None)
@given(rows=ROWS, seed=st.integers(0, 2**63), test=st.booleans(), regression=st.booleans())
def test_every_row_is_in_one_part_and_every_set_too(rows, seed: int, test: bool, regression: bool) -> None:
    sets, labels = numbered([r[0] for r in rows]), np.array([r[1] for r in rows])
    target = labels.astype(float) if regression else labels
    parts = None
    with suppress(DataError):
        parts = split_sets(target, sets, seed, test, regression=regression, named="groups")
    assume(parts is not None)
    pieces = [parts.train, parts.validation, *([parts.test] if test else [])]
    assert sorted(np.concatenate(pieces).tolist()) == list(range(len(rows)))
    assert all((np.diff(piece) > 0).all() and len(piece) for piece in pieces)
    assert sum(len(set(sets[piece].tolist())) for piece in pieces) == len(set(sets.tolist()))
    if not regression:
        assert set(labels[parts.train]) == set(labels), "training knows every class"
    again = split_sets(target, sets, seed, test, regression=regression, named="groups")
    assert np.array_equal(again.train, parts.train)


@settings(deadline=None)
@given(rows=ROWS, k=st.integers(2, 6), seed=st.integers(0, 2**63))
def test_folds_deal_every_set_once(rows, k: int, seed: int) -> None:
    sets, labels = np.array([r[0] for r in rows]), np.array([r[1] for r in rows], dtype=np.int32)
    dealt = folds(labels, k, seed, sets)
    assert sorted(np.concatenate(dealt).tolist()) == list(range(len(rows)))
    assert sum(len(set(sets[fold].tolist())) for fold in dealt) == len(set(sets.tolist()))
    assert len(dealt) == min(k, len(set(sets.tolist())))


@pytest.mark.parametrize("seed", range(4))
def test_small_sets_give_every_part_its_share_of_every_class(seed: int) -> None:
    random = np.random.default_rng(seed)
    sets = numbered(random.integers(0, 400, 3000))
    labels = random.choice(3, 3000, p=[0.7, 0.2, 0.1])
    parts = split_sets(labels, sets, seed, regression=False, named="groups")
    for piece, share in ((parts.train, 0.6), (parts.validation, 0.2), (parts.test, 0.2)):
        assert np.bincount(labels[piece]) / np.bincount(labels) == pytest.approx(share, abs=0.01)


def unevenness(labels: np.ndarray, parts: list[np.ndarray]) -> float:
    return float(np.std([np.bincount(labels[p], minlength=3) / np.bincount(labels) for p in parts], axis=0).mean())


def test_folds_are_as_even_as_scikit_learns() -> None:
    mine, theirs = [], []
    for seed in range(20):
        random = np.random.default_rng(seed)
        sizes = random.geometric(0.05, 60)
        sets = np.repeat(np.arange(60), sizes)
        labels = (random.choice(3, 60)[sets] + (random.random(len(sets)) < 0.2)) % 3
        oracle = StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(sets, labels, sets)
        mine.append(unevenness(labels, folds(labels.astype(np.int32), 5, seed, sets)))
        theirs.append(unevenness(labels, [held_out for _, held_out in oracle]))
    assert np.mean(mine) <= 1.05 * np.mean(theirs)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 9), min_size=3, max_size=7))
def test_large_sets_come_close_to_the_best_that_there_is(sizes: list[int]) -> None:
    """Squared distance to the shares against all ways to deal the sets."""
    sets, shares = np.repeat(np.arange(len(sizes)), sizes), [0.2, 0.2, 0.6]
    wanted = np.array(shares) * sum(sizes)

    def distance(part) -> float:
        return float(((np.bincount(part, sizes, minlength=3) - wanted) ** 2).sum())

    best = min(distance(np.array(part)) for part in product(range(3), repeat=len(sizes)))
    found = distance(deal(np.zeros(sum(sizes), dtype=np.int64), sets, shares, KEY))
    assert found <= best + max(sizes) ** 2


def test_the_seed_decides_and_every_set_is_as_likely_in_every_part() -> None:
    sets, labels, hits = np.repeat(np.arange(20), 3), np.tile([0, 0, 1], 20), np.zeros(20)
    for seed in range(600):
        key = randomness.stream_key(seed, randomness.Purpose.SPLIT)
        hits += deal_with_training(labels, sets, [0.2, 0.2, 0.6], key)[0] == 1
    assert np.abs(hits / 600 - 0.2).max() < 5 * np.sqrt(0.2 * 0.8 / 600)


def test_a_class_of_few_groups_is_for_training_and_named() -> None:
    sets = np.repeat(np.arange(30), 4)
    labels = np.where(sets < 2, "rare", np.where(np.arange(120) % 2, "a", "b"))
    parts = split_sets(labels, sets, 0, regression=False, named="groups")
    assert parts.warnings == ("in too few groups to be in every part, so in training only: 'rare'",)
    assert "rare" not in {*labels[parts.validation], *labels[parts.test]}


def test_a_label_that_is_its_group_cannot_be_split() -> None:
    sets = np.repeat(np.arange(6), 5)
    with pytest.raises(DataError, match="needs a class in at least 3 groups, and 3 groups in all, got 6 groups"):
        split_sets(sets, sets, 0, regression=False, named="groups")


def test_one_huge_group_leaves_rows_for_every_part() -> None:
    sets = np.array([0] * 90 + [1, 1, 1, 1, 1] + [2] * 5)
    parts = split_sets(np.arange(100) % 2, sets, 0, regression=False, named="groups")
    assert sorted(map(len, (parts.train, parts.validation, parts.test))) == [5, 5, 90]
    assert len(parts.train) == 90
