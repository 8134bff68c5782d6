"""Orders are permutations that only the key and the epoch decide; mini-batches cut them without loss."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from caviar import randomness
from caviar.data.batches import batches, epoch_order

KEY = randomness.stream_key(3, randomness.Purpose.ORDER, trial=5)


@given(m=st.integers(0, 300), epoch=st.integers(0, 2**32))
def test_an_order_is_a_permutation(m: int, epoch: int) -> None:
    order = epoch_order(m, KEY, epoch)
    assert order.dtype == np.uint32
    assert np.array_equal(np.sort(order), np.arange(m))
    assert np.array_equal(order, epoch_order(m, KEY, epoch))


def test_the_shuffle_word_by_word() -> None:
    """The recipe that the native engine follows, in Python's own integers."""
    m, epoch = 50, 4
    r = [int(v) for v in np.random.Philox(key=KEY, counter=[0, 0, 0, epoch]).random_raw(m)]
    order = list(range(m))
    for i in reversed(range(1, m)):
        j = ((r[i] >> 32) * (i + 1)) >> 32
        order[i], order[j] = order[j], order[i]
    assert epoch_order(m, KEY, epoch).tolist() == order


def test_every_order_is_as_likely() -> None:
    orders = np.array([epoch_order(4, KEY, epoch) for epoch in range(6000)])
    counts = np.unique(orders @ [64, 16, 4, 1], return_counts=True)[1]
    assert len(counts) == 24
    assert chisquare(counts).pvalue > 1e-3


@given(m=st.integers(0, 200), batch_size=st.integers(1, 70), smallest=st.sampled_from([1, 2]))
def test_batches_cut_an_order(m: int, batch_size: int, smallest: int) -> None:
    order = epoch_order(m, KEY, 0)
    found = list(batches(order, batch_size, smallest))
    assert all(len(b) == batch_size for b in found[:-1])
    assert all(smallest <= len(b) <= batch_size and b.base is not None for b in found)
    kept = m - m % batch_size if m % batch_size < smallest else m
    assert np.array_equal(np.concatenate([order[:0], *found]), order[:kept] if batch_size >= smallest else order[:0])


def test_too_many_examples() -> None:
    with pytest.raises(ValueError, match="2\\*\\*32"):
        epoch_order(2**32, KEY, 0)
