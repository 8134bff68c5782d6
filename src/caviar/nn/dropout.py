"""Inverted dropout: at each step a random set of units is silent, and the others speak louder.

Notation
    a (m, n)      activations of one hidden layer
    p             the probability of dropping a unit; the course's keep_prob is 1 - p
    mask (m, n)   0 with probability p, else 1 / (1 - p): its expectation is 1, so that prediction needs no mask

Sources: Srivastava et al., Dropout, 2014, section 10 for the inverted form; Course, week 1, "Dropout Regularization".
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from caviar.nn import FloatArray
from caviar.randomness import UInt64, raw

STRIP = 16  # columns that share a stream: one row of a strip is one block of Philox, 256 bits


def dropout_forward(a: FloatArray, mask: FloatArray) -> FloatArray:
    """a * mask (m, n)."""
    return a * mask


def dropout_backward(dout: FloatArray, mask: FloatArray) -> FloatArray:
    """da = dout * mask (m, n): a silent unit learns nothing from this example."""
    return dout * mask


def threshold(p: float) -> int:
    """A unit is kept where its 16-bit number is at least this: p is rounded to the nearest 1/65536."""
    return round(p * 2**16)


def mask(shape: tuple[int, int], p: float, key: UInt64, step: int, layer: int) -> FloatArray:
    """The mask (m, n) of hidden layer ``layer`` (from 1) at the training step with ``step`` steps before it.

    ``key`` is the trial's stream of randomness.Purpose.DROPOUT. Columns are drawn in strips of sixteen, each from its
    own counter, so that an engine may draw any strip at any time and pad the examples and the units as it likes.
    """
    m, n = shape
    strips = [_numbers(m, key, (0, strip, layer, step)) for strip in range(-(-n // STRIP))]
    kept = np.concatenate(strips, axis=1)[:, :n] >= threshold(p)
    return np.where(kept, 1 / (1 - p), 0.0)


def _numbers(m: int, key: UInt64, counter: tuple[int, int, int, int]) -> npt.NDArray[np.uint16]:
    """The 16-bit numbers (m, 16) of one strip; little-endian whatever the processor, so that the bits are the same."""
    return raw(key, counter, 4 * m).astype("<u8").view("<u2").reshape(m, STRIP)
