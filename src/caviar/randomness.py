"""Every random number of a trial, from (study seed, trial, repeat, purpose) alone.

Notation
    key      two uint64: the owner of the stream
    counter  four uint64 (c0, c1, c2, c3): the position in the stream; NumPy counts c0 up by one a block
    block    four uint64 of Philox4x64-10 (Salmon et al., Parallel random numbers: as easy as 1, 2, 3, 2011)

A counter-based generator has no state to carry: any engine can compute any block at any time, on any
thread, so a trial's numbers never depend on other trials. NumPy's Philox returns the block of
``counter + 1`` first; the native engine does the same.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

UInt64 = npt.NDArray[np.uint64]


class Purpose(IntEnum):
    """The use of a stream of random numbers; streams of different purposes are independent."""

    WEIGHTS = 1
    ORDER = 2
    DROPOUT = 3
    SPLIT = 4
    PROPOSALS = 5
    INTERVAL = 6
    FOLDS = 7
    FILLING = 8
    COLUMNS = 9
    LEAKS = 10
    REDRAWS = 11
    TEXTS = 12
    THINNING = 13
    SKETCHES = 14
    DRIFT = 15
    RETEST = 17


def stream_key(seed: int, purpose: Purpose, trial: int = 0, repeat: int = 0) -> UInt64:
    """The key (2,) of one stream.

    ``seed`` is the study's, 0 to 2**64 - 1; ``trial`` its number, below 2**40; ``repeat`` is 0 for the trial
    itself and 1, 2, ... where it is trained again with fresh seeds, below 2**16.
    """
    if not 0 <= seed < 2**64:
        raise ValueError(f"a seed is between 0 and 2**64 - 1, got {seed}")
    if not (0 <= trial < 2**40 and 0 <= repeat < 2**16):
        raise ValueError(f"trial below 2**40 and repeat below 2**16, got {trial} and {repeat}")
    return np.array([seed, (trial << 24) | (repeat << 8) | int(purpose)], dtype=np.uint64)


def raw(key: UInt64, counter: tuple[int, int, int, int], n: int) -> UInt64:
    """``n`` raw 64-bit numbers from ``key`` at ``counter`` on."""
    return np.random.Philox(key=key, counter=np.array(counter, dtype=np.uint64)).random_raw(n)


def generator(key: UInt64) -> np.random.Generator:
    """A NumPy generator on the stream of ``key``, from its start."""
    return np.random.Generator(np.random.Philox(key=key))
