"""Searches that need no trials to propose: scrambled Sobol points and plain random ones.

A proposal depends on (space, seed, trial number) alone, so that a study can be taken up at any trial, on any number of
threads. Trial 0 is always the middle of every scale: what a careful person would try first, and a yardstick for the
others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from caviar.randomness import Purpose, generator, stream_key
from caviar.records import Box, Config
from caviar.search.strategy import Compared, Proposal
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


@dataclass(frozen=True)
class Sampling:
    """A search whose blocks of points depend on the seed alone; see strategy.Search."""

    name: str
    points: Callable[[int, int, int], Points]
    space: Space
    seed: int

    def lag(self, number: int) -> int | None:
        """It looks at no trials."""
        return None

    def propose(self, number: int, evidence: Sequence[Compared]) -> tuple[list[Proposal], list[Box]]:
        """The trials from ``number`` to the end of their block."""
        if number == 0:
            return [Proposal(middle(self.space), "middle")], []
        block, at = divmod(number - 1, BLOCK)
        dimensions = len(self.space.searched)
        points = self.points(dimensions, self.seed, block)[at:] if dimensions else np.empty((BLOCK, 0))
        return [Proposal(config, self.name) for config in self.space.from_unit(points)], []


def middle(space: Space) -> Config:
    """The config in the middle of every scale."""
    return space.from_unit(np.full((1, len(space.searched)), 0.5))[0]
