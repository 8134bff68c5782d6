"""Searches that need no trials to propose: scrambled Sobol points and plain random ones.

A proposal depends on (space, seed, trial number) alone, so that a study can be taken up at any trial, on any number of
threads. Trial 0 is always the middle of every scale: a careful person's first try, and a yardstick for the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from caviar.randomness import Purpose, generator, stream_key
from caviar.records import Box, Config
from caviar.search.contract import Evidence, Proposal
from caviar.search.feasible import drawn, middle
from caviar.search.slow_starters import slow_starters
from caviar.search.sobol import MOST_DIMENSIONS, Sobol
from caviar.space import Space

BLOCK = 64  # proposals are drawn by the block: a call costs microseconds a proposal
_AHEAD = 16  # blocks of our own Sobol points that are made at once, for the same reason

Points = npt.NDArray[np.float64]


class SobolPoints:
    """The scrambled Sobol sequence of ``seed``, which fills the space more evenly than random points do.

    Owen, Scrambling Sobol' and Niederreiter-Xing points, 1998.
    """

    def __init__(self, dimensions: int, seed: int) -> None:
        self._dimensions = dimensions
        self._key = stream_key(seed, Purpose.PROPOSALS).tolist()
        self._sequence: Sobol | None = None
        self._blocks: dict[int, Points] = {}

    def block(self, number: int) -> Points:
        """Block ``number`` (BLOCK, dimensions)."""
        if number not in self._blocks:
            self._blocks = self._from(number)
        return self._blocks[number]

    def _from(self, number: int) -> dict[int, Points]:
        """Blocks from ``number`` on, at least one."""
        key = np.random.SeedSequence(self._key)
        if self._dimensions > MOST_DIMENSIONS:
            from scipy.stats import qmc  # half a second to import

            stream = np.random.Generator(np.random.Philox(key))
            whole = qmc.Sobol(self._dimensions, scramble=True, rng=stream)
            if number:  # SciPy cannot skip nothing
                whole.fast_forward(number * BLOCK)
            return {number: whole.random(BLOCK)}
        if self._sequence is None:
            spawned = np.random.Generator(np.random.Philox(key.spawn(1)[0]))  # as SciPy does with its stream
            self._sequence = Sobol(self._dimensions, spawned)
        points = self._sequence.points(number * BLOCK, _AHEAD * BLOCK)
        return {number + i: points[i * BLOCK : (i + 1) * BLOCK] for i in range(_AHEAD)}

    def points(self, start: int, count: int) -> Points:
        """Points ``start`` to ``start + count`` (count, dimensions)."""
        if self._dimensions == 0:
            return np.empty((count, 0))
        parts = []
        while count > 0:
            number, at = divmod(start, BLOCK)
            parts.append(self.block(number)[at : at + count])
            start, count = start + len(parts[-1]), count - len(parts[-1])
        return parts[0] if len(parts) == 1 else np.vstack(parts)


class RandomPoints:
    """Independent uniform points of ``seed``."""

    def __init__(self, dimensions: int, seed: int) -> None:
        self._dimensions = dimensions
        self._seed = seed

    def block(self, number: int) -> Points:
        """Block ``number`` (BLOCK, dimensions)."""
        stream = generator(stream_key(self._seed, Purpose.PROPOSALS, trial=number))
        return stream.random((BLOCK, self._dimensions))


@dataclass(frozen=True)
class Sampling:
    """A search whose blocks of points depend on the seed alone; see contract.Search."""

    name: str
    space: Space
    seed: int
    block: Callable[[int], Points]

    def lag(self, number: int) -> int | None:
        """None: these searches look at no trials."""
        return None

    def recall(self, config: Config) -> None:
        """See Search: a draw depends on the trial's number, so that none comes twice."""

    def propose(self, number: int, evidence: Evidence) -> tuple[list[Proposal], list[Box]]:
        """The trials from ``number`` to the end of their block."""
        if number == 0:
            return [Proposal(middle(self.space, self.seed), "middle")], []
        block, at = divmod(number - 1, BLOCK)
        points = self.block(block)[at:] if self.space.searched else np.empty((BLOCK - at, 0))
        configs: list[Config] = list(self.space.from_unit(points))
        if self.space.constraints:
            points = points.copy()
            for i, config in enumerate(configs):
                if not self.space.fulfils(config):
                    points[i], configs[i] = drawn(self.space, self.seed, number + i)
        slow = slow_starters(self.space, points).tolist()
        return [Proposal(config, self.name, slow=is_slow) for config, is_slow in zip(configs, slow, strict=True)], []


def sobol(space: Space, seed: int) -> Sampling:
    """The search ``sobol``."""
    return Sampling("sobol", space, seed, SobolPoints(len(space.searched), seed).block)


def random(space: Space, seed: int) -> Sampling:
    """The search ``random``."""
    return Sampling("random", space, seed, RandomPoints(len(space.searched), seed).block)
