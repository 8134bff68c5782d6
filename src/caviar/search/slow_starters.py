"""Slow starters: configs whose first epochs say little about their last.

With a low learning rate or a high decay, a network is still far from its end when it is first compared; under a cosine,
where the rate is high until its end, with a low decay rate. Halving keeps a
quarter of the promotions of a rung and a third of its pool for such configs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from caviar.cells import Units
from caviar.scales import Fixed
from caviar.space import Space

_TO_ZERO = ("cosine", "flat_cosine", "coslog4")  # the schedules that end after 1 / decay_rate epochs
_LOW, _HIGH = 0.25, 0.75  # the lowest quarter of learning rates, the highest of decay rates, on their own scales


def slow_starters(space: Space, points: Units) -> npt.NDArray[np.bool_]:
    """A mask (n,): True for each of ``points`` (n, d) that is a slow starter."""
    slow = np.zeros(len(points), dtype=np.bool_)
    if "learning_rate" in space.searched:
        slow |= points[:, space.searched.index("learning_rate")] < _LOW
    if "decay_rate" in space.searched:
        rates = points[:, space.searched.index("decay_rate")]
        slow |= rates < _LOW if _anneals(space) else rates > _HIGH
    return slow


def _anneals(space: Space) -> bool:
    """True where all schedules of ``space`` fall to 0 after 1 / decay_rate epochs."""
    return "decay" in space and isinstance(decay := space["decay"], Fixed) and decay.value in _TO_ZERO
