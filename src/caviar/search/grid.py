"""Grid search, for comparison: every combination of a few values of each hyperparameter.

The course advises against it: of 3 x 3 x 3 trials only three differ in the learning rate. The cost of a grid is the
product of its sides, so it is shown before the study begins (``size``). The study ends after the last config.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from itertools import product

import numpy as np

from caviar.cells import Units
from caviar.errors import SpaceError
from caviar.randomness import Purpose, raw, stream_key
from caviar.records import Box, Config, Value
from caviar.scale_rules import value_key
from caviar.scales import Choice, Scale
from caviar.search.contract import Evidence, Proposal
from caviar.search.sampling import BLOCK
from caviar.space import Space

LEVELS = 3
_LARGEST = 2**53  # combinations that can still be counted and stepped through
_MOST_BROKEN = 200_000  # combinations in a row that break a constraint


class Grid:
    """The search ``grid``, with ``levels`` values of each scale, or ``grid:5`` with five."""

    def __init__(self, space: Space, seed: int, levels: int = LEVELS) -> None:
        self.levels = levels
        self._space = space
        self._columns = [_coordinates(space[name], levels) for name in space.searched]
        self._sides = tuple(len(column) for column in self._columns)
        self._points = math.prod(self._sides)
        if self._points > _LARGEST:
            raise SpaceError(
                f"a grid of {levels} values for each of {len(self._sides)} hyperparameters has {self._points:.1e} "
                "configs: too many to walk through",
                'use `search="random"` or coarse_to_fine, or fix some hyperparameters',
            )
        # A walk by a step that has no factor in common with the size meets every point once. A grid that is broken off
        # has points from all over the space.
        start, step = (int(number) for number in raw(stream_key(seed, Purpose.PROPOSALS), (0, 0, 0, 0), 2))
        self._start, self._step = start % self._points, step % self._points or 1
        while math.gcd(self._step, self._points) != 1:
            self._step += 1
        self._walked = self._fulfilled = 0
        self._recalled: set[Hashable] = set()

    @property
    def size(self) -> int:
        """The number of configs, constraints left out; those that differ only where a condition fails count as one."""
        space = self._space
        asked = {other for scale in space.scales.values() for other in scale.when or {}}
        deciding = [j for j, name in enumerate(space.searched) if name in asked]
        others = [j for j in range(len(self._sides)) if j not in deciding]
        total = 0
        for levels in product(*(range(self._sides[j]) for j in deciding)):
            point = np.array([[column[0] for column in self._columns]])
            for j, level in zip(deciding, levels, strict=True):
                point[0, j] = self._columns[j][level]
            config = space.from_unit(point)[0]
            if all(level == 0 or space.searched[j] in config for j, level in zip(deciding, levels, strict=True)):
                total += math.prod(self._sides[j] for j in others if space.searched[j] in config)
        return total

    def lag(self, number: int) -> int | None:
        """None: the grid looks at no trials."""
        return None

    def recall(self, config: Config) -> None:
        """See Search."""
        self._recalled.add(_key(config))

    def propose(self, number: int, evidence: Evidence) -> tuple[list[Proposal], list[Box]]:
        """The next configs of the grid; none when it is walked through."""
        proposals: list[Proposal] = []
        while not proposals and self._walked < self._points:
            count = min(BLOCK, self._points - self._walked)
            at = [(self._start + k * self._step) % self._points for k in range(self._walked, self._walked + count)]
            self._walked += count
            levels = np.array(np.unravel_index(at, self._sides)).T if self._sides else np.empty((1, 0), dtype=np.int64)
            points = np.empty(levels.shape)
            for j, column in enumerate(self._columns):
                points[:, j] = column[levels[:, j]]
            for config, level in zip(self._space.from_unit(points), levels.tolist(), strict=True):
                if not self._first_of_its_kind(config, level) or _key(config) in self._recalled:
                    continue
                if self._space.fulfils(config):
                    proposals.append(Proposal(config, "grid"))
                    self._fulfilled += 1
            if not self._fulfilled and self._walked >= min(self._points, _MOST_BROKEN) and not self._recalled:
                raise SpaceError(
                    f"of the first {self._walked:,} combinations of the grid none fulfils the constraints of the space",
                    'use another search, `search="random"`, or a finer grid: `search="grid:7"`',
                )
        return proposals, []

    def _first_of_its_kind(self, config: dict[str, Value], levels: list[int]) -> bool:
        """True where hyperparameters that do not apply are at their first level: other levels give the same config."""
        return all(level == 0 or name in config for name, level in zip(self._space.searched, levels, strict=True))


def _key(config: Config) -> Hashable:
    return tuple((name, value_key(config[name])) for name in sorted(config))


def _coordinates(scale: Scale, levels: int) -> Units:
    """The middles of ``levels`` equal parts of a scale, fewer where it has fewer values; all of a Choice's."""
    if isinstance(scale, Choice):
        levels = len(scale.choices)
    middles = (np.arange(levels) + 0.5) / levels
    if scale.n_values is not None and not isinstance(scale, Choice):
        return np.unique(scale.to_unit(scale.from_unit(middles).tolist()))
    return middles
