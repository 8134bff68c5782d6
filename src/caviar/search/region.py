"""Boxes of a space in unit coordinates, around points that did well.

Notation
    d    searched hyperparameters; points are unit coordinates in [0, 1]^d, NaN where one does not apply
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from caviar.cells import Units
from caviar.scales import Choice, PowerOfTwo, Scale

_PRIOR = 2.0  # imagined trials, shared evenly by the categories: none is dropped at once


@dataclass(frozen=True, eq=False)
class Region:
    """A box in unit coordinates: [low, high] a column (d,), the weights of a Choice's values by column.

    ``held`` counts the best trials within it; ``ranges`` are its sides in the units of each hyperparameter.
    """

    low: Units
    high: Units
    weights: Mapping[int, Units] = field(default_factory=dict)
    held: int = 0
    ranges: Mapping[str, Any] = field(default_factory=dict)

    @staticmethod
    def around(points: Units, choices: Mapping[int, int], half_cells: Units, margin: float) -> Region:
        """The smallest box that holds ``points`` (n, d), widened on both sides by margin / n of its width.

        ``choices`` is the number of values of each Choice, by column.
        """
        n = len(points)
        given = ~np.isnan(points)
        smallest = np.where(given, points, np.inf).min(axis=0)
        largest = np.where(given, points, -np.inf).max(axis=0)
        weights = {j: shares_of(points[given[:, j], j], count) for j, count in choices.items()}
        known = given.sum(axis=0) >= 2  # one trial says nothing about the width of the good region
        known[list(weights)] = False
        more = np.maximum(margin / n * (largest - smallest), half_cells)
        low = np.where(known, np.maximum(smallest - more, 0.0), 0.0)
        high = np.where(known, np.minimum(largest + more, 1.0), 1.0)
        return Region(low, high, weights, n)

    def place(self, draws: Units) -> Units:
        """``draws`` (n, d), uniform on [0, 1), moved into the box."""
        points = self.low + draws * (self.high - self.low)
        for j, weights in self.weights.items():
            choice = np.searchsorted(np.cumsum(weights)[:-1], draws[:, j], side="right")
            points[:, j] = (choice + 0.5) / len(weights)
        return points

    def same(self, other: Region) -> bool:
        """True where the two are the same box."""
        return (
            np.array_equal(self.low, other.low)
            and np.array_equal(self.high, other.high)
            and all(np.array_equal(w, other.weights[j]) for j, w in self.weights.items())
        )


def shares_of(values: Units, choices: int) -> Units:
    """The share (choices,) of ``values`` (n,) that each choice has, the prior included."""
    counts = np.bincount(np.minimum(values * choices, choices - 1).astype(np.int64), minlength=choices)
    return np.asarray((counts + _PRIOR / choices) / (len(values) + _PRIOR), dtype=np.float64)


def half_cell(scale: Scale) -> float:
    """The least margin of a box, in unit coordinates: with it, a box around one value reaches its neighbours.

    0.5 for a Choice, whose values have no neighbours.
    """
    if isinstance(scale, Choice):
        return 0.5
    if scale.n_values is None:
        return 0.01
    return 1.0 / (scale.n_values if isinstance(scale, PowerOfTwo) else min(scale.n_values, 50))
