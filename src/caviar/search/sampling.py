"""Searches that need no trials to propose: scrambled Sobol points and plain random ones.

A proposal depends on (space, seed, trial number) alone, so that a study can be taken up at any trial, on any number of
threads. Trial 0 is always the middle of every scale: what a careful person would try first, and a yardstick for the
others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
import numpy.typing as npt

from caviar.errors import SpaceError, did_you_mean
from caviar.randomness import Purpose, generator, stream_key
from caviar.records import Config
from caviar.space import Space

BLOCK = 64  # proposals are drawn by the block: a call costs microseconds a proposal

Points = npt.NDArray[np.float64]


def sobol(dimensions: int, seed: int, block: int) -> Points:
    """Block number ``block`` (BLOCK, dimensions) of the scrambled Sobol sequence of ``seed``.

    Owen, Scrambling Sobol' and Niederreiter-Xing points, 1998; by SciPy. Fills the space more evenly than random points
    do.
    """
    from scipy.stats import qmc

    key = np.random.SeedSequence(stream_key(seed, Purpose.PROPOSALS).tolist())  # SciPy spawns from it
    sequence = qmc.Sobol(dimensions, scramble=True, rng=np.random.Generator(np.random.Philox(key)))
    if block > 0:  # SciPy cannot skip nothing
        sequence.fast_forward(block * BLOCK)
    return cast(Points, sequence.random(BLOCK))


def random(dimensions: int, seed: int, block: int) -> Points:
    """Block number ``block`` (BLOCK, dimensions) of independent uniform points."""
    return generator(stream_key(seed, Purpose.PROPOSALS, trial=block)).random((BLOCK, dimensions))


SEARCHES: dict[str, Callable[[int, int, int], Points]] = {"sobol": sobol, "random": random}


def check_search(name: str) -> None:
    """SpaceError unless ``name`` is a search."""
    if name not in SEARCHES:
        raise SpaceError(f"there is no search {name!r}", did_you_mean(name, SEARCHES))


def propose(search: str, space: Space, seed: int, first: int) -> list[Config]:
    """The configs of the trials numbered ``first`` on, to the end of their block."""
    dimensions = len(space.searched)
    if first == 0:
        return list(space.from_unit(np.full((1, dimensions), 0.5)))
    if dimensions == 0:
        return list(space.from_unit(np.empty((BLOCK, 0))))
    block, at = divmod(first - 1, BLOCK)
    return list(space.from_unit(SEARCHES[search](dimensions, seed, block)[at:]))
