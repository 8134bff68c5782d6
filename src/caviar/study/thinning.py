"""The rows that a small budget has time for.

Where the shortest training that a search has does not fit in the seconds that are left, one in 2, 4, 8, ... rows is
used. A network that saw a share of the rows often, and whose learning rate came down to 0, predicts better than one
that was stopped in its first epoch. The study keeps the share, so that a resume uses the same rows.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from caviar.learners.contract import Learner
from caviar.scheduling.halving import LADDERS

SHORTEST = LADDERS[0]
"""Epochs of the shortest training to the end."""
FEWEST = 1_000
"""Rows for training that are never made fewer."""


@dataclass
class Thin:
    """The choice of one in ``every`` rows; 1 uses all, None chooses by the ``seconds`` since the time ``started``."""

    learner: Learner
    started: float
    seconds: float | None
    every: int | None

    def __call__(self, rows: int, n_in: int) -> int:
        """The least power of two such that a training of one in so many of ``rows`` fits in what is left."""
        if self.every is None:
            self.every = 1 if self.seconds is None else self._fitting(rows, n_in, self.seconds)
        return self.every

    def _fitting(self, rows: int, n_in: int, seconds: float) -> int:
        left, every = seconds - (time.monotonic() - self.started), 1
        needed = SHORTEST * self.learner.epoch_seconds(rows, (n_in,))
        while needed > every * left and rows >= 2 * every * FEWEST:
            every *= 2
        return every
