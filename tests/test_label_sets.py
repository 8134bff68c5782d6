"""Label sets: what goes in comes out, and cells are classes."""

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from caviar.label_sets import MOST, as_classes, packed, unpacked

BITS = st.tuples(st.integers(0, 9), st.integers(1, MOST)).flatmap(
    lambda shape: arrays(np.int64, shape, elements=st.integers(0, 1))
)


@given(BITS)
def test_bits_come_back_as_they_were(bits):
    y = packed(bits)
    assert y.dtype == np.int32
    assert (y >= 0).all()  # an engine counts them from 0 on
    np.testing.assert_array_equal(unpacked(y, bits.shape[1]), bits)


@given(BITS)
def test_equal_sets_are_equal_numbers_and_no_others(bits):
    y = packed(bits)
    assert len({*map(int, y)}) == len({*map(tuple, bits.tolist())})


def test_a_bit_is_the_label_of_its_target():
    np.testing.assert_array_equal(packed(np.array([[True, False, True], [False, True, False]])), [5, 2])


def test_the_loss_of_cells_as_classes_is_the_mean_loss_of_the_targets():
    random = np.random.default_rng(0)
    bits, p = random.integers(0, 2, (50, 3)), random.uniform(0.01, 0.99, (50, 3))
    both, classes = as_classes(p, packed(bits))
    each = [sklearn.metrics.log_loss(bits[:, k], p[:, k]) for k in range(3)]
    assert sklearn.metrics.log_loss(classes, both) == pytest.approx(np.mean(each))
    np.testing.assert_array_equal(classes.reshape(50, 3), bits)  # the cells of a row stand together
