"""Scrambled Sobol points, any of them at once, the same to the bit as SciPy's `scipy.stats.qmc.Sobol`.

Notation
    d        dimensions, n points, b = 30 bits
    V        (d, b) direction numbers: V[:, j] is XORed into a point where bit j of its index's Gray code is set
    L        (d, b, b) random lower triangular matrices of bits, ones on their diagonals: the scrambling of the digits
    shift    (d,) random bits that every point is XORed with

SciPy has all of this, and is the oracle of the tests. But importing its statistics takes half a second or more, at the
start of every study.

Source: Joe and Kuo, Constructing Sobol sequences with better two-dimensional projections, 2008 (direction numbers,
new-joe-kuo-6); Matousek, On the L2-discrepancy for anchored boxes, 1998 (the linear scrambling).
"""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt

BITS = 30
Points = npt.NDArray[np.float64]
_Bits = npt.NDArray[np.uint32]

# Of dimensions 2, 3, ...: the primitive polynomial as bits, and the first direction numbers.
_JOE_KUO = """
3: 1
7: 1 3
11: 1 3 1
13: 1 1 1
19: 1 1 3 3
25: 1 3 5 13
37: 1 1 5 5 17
41: 1 1 5 5 5
47: 1 1 7 11 19
55: 1 1 5 1 1
59: 1 1 1 3 11
61: 1 3 5 5 31
67: 1 3 3 9 7 49
91: 1 1 1 15 21 21
97: 1 3 1 13 27 49
103: 1 1 1 15 7 5
109: 1 3 1 15 13 25
115: 1 1 5 5 19 61
131: 1 3 7 11 23 15 103
137: 1 3 7 13 13 15 69
143: 1 1 3 13 7 35 63
145: 1 3 5 9 1 25 53
157: 1 3 1 13 9 35 107
167: 1 3 1 5 27 61 31
171: 1 1 5 11 19 41 61
185: 1 3 5 3 3 13 69
191: 1 1 7 13 1 19 1
193: 1 3 7 5 13 19 59
203: 1 1 3 9 25 29 41
211: 1 3 5 13 23 1 55
213: 1 3 7 3 13 59 17
229: 1 3 1 3 5 53 69
239: 1 1 5 5 23 33 13
241: 1 1 7 7 1 61 123
247: 1 1 7 9 13 61 49
253: 1 3 3 5 3 55 33
285: 1 3 1 15 31 13 49 245
299: 1 3 5 15 31 59 63 97
301: 1 3 1 11 11 11 77 249
333: 1 3 1 11 27 43 71 9
"""
_TABLE = [
    (int(polynomial), [int(number) for number in first.split()])
    for polynomial, first in (line.split(":") for line in _JOE_KUO.strip().splitlines())
]
MOST_DIMENSIONS = 1 + len(_TABLE)


class Sobol:
    """The sequence in ``dimensions``, at most MOST_DIMENSIONS, scrambled by ``stream``."""

    def __init__(self, dimensions: int, stream: np.random.Generator) -> None:
        directions = _directions(dimensions)
        bits = stream.integers(2, size=(dimensions, BITS), dtype=np.uint32)
        self._shift = cast(_Bits, bits @ (1 << np.arange(BITS, dtype=np.uint32)))
        lower = np.tril(stream.integers(2, size=(dimensions, BITS, BITS), dtype=np.uint32))
        lower[:, np.arange(BITS), np.arange(BITS)] = 1
        digits = (directions[:, None, :] >> np.arange(BITS - 1, -1, -1, dtype=np.uint32)[:, None]) & 1  # (d, b, j)
        scrambled = (lower @ digits) & 1
        self._directions = cast(_Bits, (scrambled << np.arange(BITS - 1, -1, -1, dtype=np.uint32)[:, None]).sum(axis=1))

    def points(self, start: int, count: int) -> Points:
        """Points ``start`` to ``start + count`` (count, d), each in [0, 1)."""
        index = np.arange(start, start + count, dtype=np.uint32)
        gray = index ^ (index >> np.uint32(1))
        found = np.tile(self._shift.astype(np.uint32), (count, 1))
        for bit in range(BITS):
            chosen = (gray >> np.uint32(bit)) & np.uint32(1)
            if chosen.any():
                found ^= chosen[:, None] * self._directions[:, bit].astype(np.uint32)
        return cast(Points, found * 2.0**-BITS)


def _directions(dimensions: int) -> _Bits:
    """V (d, b), not scrambled."""
    table = np.ones((dimensions, BITS), dtype=np.uint64)
    for dimension, (polynomial, first) in enumerate(_TABLE[: dimensions - 1], 1):
        degree = len(first)
        row = [*first]
        for j in range(degree, BITS):
            new = row[j - degree]
            for k in range(degree):
                if polynomial >> (degree - 1 - k) & 1:
                    new ^= row[j - k - 1] << (k + 1)
            row.append(new)
        table[dimension] = row
    return (table << np.arange(BITS - 1, -1, -1, dtype=np.uint64)).astype(np.uint32)
