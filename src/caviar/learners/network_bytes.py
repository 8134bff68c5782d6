"""The networks of a space: whether all can be built, and the memory that one takes."""

from __future__ import annotations

import numpy as np

from caviar.learners.contract import BYTES_A_PARAMETER, Learner, TrainingData
from caviar.space import Space


def network_bytes(space: Space, learner: Learner, data: TrainingData) -> int:
    """Mean bytes of a network that is drawn from the space. Raises where none can be built, at its edges or between."""
    ends = space.from_unit(np.vstack([np.full(len(space.searched), u) for u in (0.0, 1.0)]))
    for config in filter(space.fulfils, ends):
        learner.parameters(config, data)
    return int(BYTES_A_PARAMETER * np.mean([learner.parameters(config, data) for config in space.sample(200)]))
