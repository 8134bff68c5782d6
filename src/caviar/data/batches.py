"""The order of the examples in an epoch, and its cut into mini-batches.

Notation
    m      examples
    r      m raw 64-bit numbers from the counter (0, 0, 0, epoch) of a trial's ORDER stream
    order  a permutation of 0 .. m - 1

The shuffle is Fisher and Yates' (Knuth, The art of computer programming, volume 2, algorithm P), drawn so that the
native engine repeats it bit for bit: j = floor(u * (i + 1) / 2**32), where u is the upper half of r[i]. One j is
likelier than another by a relative m / 2**32 at most: far too little to matter.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from caviar import randomness

Order = npt.NDArray[np.uint32]


def epoch_order(m: int, key: randomness.UInt64, epoch: int) -> Order:
    """The order (m,) of the examples in ``epoch``, by the stream of ``key`` (purpose ORDER)."""
    if not 0 <= m < 2**32:
        raise ValueError(f"the number of examples is between 0 and 2**32 - 1, got {m}")
    r = randomness.raw(key, (0, 0, 0, epoch), m)
    shift = np.uint64(32)
    places: randomness.UInt64 = np.arange(1, m + 1, dtype=np.uint64)
    partners = (((r >> shift) * places) >> shift).tolist()
    order = list(range(m))  # swapping single items is several times as fast in a list as in an array
    for i in range(m - 1, 0, -1):
        j = partners[i]
        order[i], order[j] = order[j], order[i]
    return np.array(order, dtype=np.uint32)


def batches(order: Order, batch_size: int, smallest: int = 1) -> Iterator[Order]:
    """The mini-batches of an epoch, as slices of ``order``.

    The last one is smaller where ``batch_size`` does not divide m, and left out if it has fewer than ``smallest``
    rows: batch norm needs 2, since a single row is its own mean.
    """
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        if len(rows) >= smallest:
            yield rows
