"""The largest network of a space: whether all can be built, and the memory that one takes."""

from __future__ import annotations

import numpy as np

from caviar.learners.contract import BYTES_A_PARAMETER, Learner, TrainingData
from caviar.space import Space


def largest_network(space: Space, learner: Learner, data: TrainingData) -> int:
    """Bytes of the largest network in the space. Raises where none can be built at its edges or in between."""
    ends = space.from_unit(np.vstack([np.full(len(space.searched), u) for u in (0.0, 1.0)]))
    return max(
        BYTES_A_PARAMETER * learner.parameters(config, data)
        for config in [*filter(space.fulfils, ends), *space.sample(200)]
    )
