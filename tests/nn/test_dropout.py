"""Inverted dropout: the bits of its mask, as an engine must draw them, and its laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caviar.nn import dropout
from caviar.randomness import Purpose, raw, stream_key

KEY = stream_key(7, Purpose.DROPOUT, trial=3)
SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 70))


@given(SHAPES, st.floats(0, 0.95), st.integers(0, 10**6), st.integers(1, 9))
def test_each_unit_follows_its_own_sixteen_bits(shape, p, step, layer):
    m, n = shape
    mask = dropout.mask(shape, p, KEY, step, layer)
    for i, column in {(0, 0), (m - 1, n - 1), (m // 2, n // 2)}:
        strip, j = divmod(column, 16)
        word = int(raw(KEY, (0, strip, layer, step), 4 * m)[4 * i + j // 4])
        number = (word >> 16 * (j % 4)) & 0xFFFF
        assert mask[i, column] == (1 / (1 - p) if number >= round(p * 65536) else 0.0)


def test_a_unit_whose_number_is_the_threshold_itself_is_kept():
    numbers = raw(KEY, (0, 0, 1, 0), 4).astype("<u8").view("<u2")
    for j, number in enumerate(numbers.tolist()):
        assert dropout.mask((1, 16), number / 65536, KEY, 0, 1)[0, j] > 0
        assert dropout.mask((1, 16), (number + 1) / 65536, KEY, 0, 1)[0, j] == 0


@given(SHAPES, SHAPES)
def test_padding_of_examples_and_of_units_changes_no_bit(shape, padding):
    m, n = shape
    padded = dropout.mask((m + padding[0], n + padding[1]), 0.3, KEY, 5, 1)
    np.testing.assert_array_equal(dropout.mask(shape, 0.3, KEY, 5, 1), padded[:m, :n])


@given(st.floats(0.01, 0.9), st.integers(0, 10**6))
def test_the_expectation_is_one(p, step):
    mask = dropout.mask((500, 200), p, KEY, step, 1)
    spread = np.sqrt(p / (1 - p) / mask.size)
    assert abs(mask.mean() - 1) < 6 * spread + 2**-16 / (1 - p)


def test_no_dropout_keeps_every_unit_as_it_is():
    np.testing.assert_array_equal(dropout.mask((50, 50), 0.0, KEY, 0, 1), 1.0)


def test_steps_layers_and_keys_draw_different_masks():
    others = [(KEY, 1, 1), (KEY, 0, 2), (stream_key(8, Purpose.DROPOUT, trial=3), 0, 1)]
    first = dropout.mask((30, 32), 0.5, KEY, 0, 1)
    for key, step, layer in others:
        agreement = (dropout.mask((30, 32), 0.5, key, step, layer) == first).mean()
        assert 0.4 < agreement < 0.6


@pytest.mark.parametrize("p", [0.0, 0.2, 0.5])
def test_backward_is_the_derivative_of_forward(p):
    random = np.random.default_rng(0)
    a, dout = random.standard_normal((2, 6, 20))
    mask = dropout.mask(a.shape, p, KEY, 0, 1)
    change = random.standard_normal(a.shape)
    difference = dropout.dropout_forward(a + change, mask) - dropout.dropout_forward(a, mask)  # the map is linear
    np.testing.assert_allclose((dropout.dropout_backward(dout, mask) * change).sum(), (dout * difference).sum())
