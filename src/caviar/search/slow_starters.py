"""Slow starters: configs whose first epochs say little about their last.

With a low learning rate or a high decay a network is still far from where it will end when it is first compared.
Halving keeps a reserve for them (see halving.py).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from caviar.scales import Units
from caviar.space import Space

_LOW, _HIGH = 0.25, 0.75  # the lowest quarter of learning rates, the highest of decay rates, on their own scales


def slow_starters(space: Space, points: Units) -> npt.NDArray[np.bool_]:
    """Which of ``points`` (n, d) are slow starters, (n,)."""
    slow = np.zeros(len(points), dtype=np.bool_)
    if "learning_rate" in space.searched:
        slow |= points[:, space.searched.index("learning_rate")] < _LOW
    if "decay_rate" in space.searched:
        slow |= points[:, space.searched.index("decay_rate")] > _HIGH
    return slow
