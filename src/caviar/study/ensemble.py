"""Greedy ensemble selection: a few of the finalists' networks that are better together than the best of them alone.

Notation
    m, C, n    rows, classes (1 for a number), members that may be chosen; of several targets every cell is a row
    p          (n, m, C) what every member says of rows that it has not seen: probabilities, or a number
    share      (n,) a member's part in the average, multiples of 1 / picks

Source: Caruana, Niculescu-Mizil, Crew and Ksikes, Ensemble selection from libraries of models, 2004: members are added
one by one, with replacement, each time the one that makes the average best; we stop where none makes it better. Chosen
by the loss (cross-entropy, or squared error on the scale on which the target is learned) and not by the
metric: accuracy on a few hundred rows ties too often. Where networks were trained to count every class alike, the loss
does so too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from caviar.learners.contract import Floats
from caviar.learners.scoring import Targets

MOST = 4  # finalists: with more the answer is hardly better, and its predictions take longer
PICKS = 20  # enough for shares in steps of a twentieth; more seldom changes the average
_SMALLEST = 1e-15  # a probability of 0 would make one row decide


def select(
    p: Floats, y: Targets, owners: Sequence[int], picks: int = PICKS, weights: Floats | None = None
) -> tuple[Floats, float]:
    """The shares (n,) that add up to 1, and the loss of the average; ``y`` (m,) as Examples has it.

    ``owners`` are the finalists that the members belong to: those of MOST at the most are picked. ``weights`` (m,) say
    how much each row counts.
    """
    chosen = set[int]()
    counts = np.zeros(len(p))
    total = np.zeros(p.shape[1:])
    lowest = np.inf
    for picked in range(1, picks + 1):
        able = [owner in chosen or len(chosen) < MOST for owner in owners]
        losses = np.array([loss((total + p[i]) / picked, y, weights) if able[i] else np.inf for i in range(len(p))])
        best = int(losses.argmin())
        if losses[best] >= lowest:
            break
        lowest = float(losses[best])
        counts[best] += 1
        chosen.add(owners[best])
        total += p[best]
    return counts / counts.sum(), lowest


def loss(p: Floats, y: Targets, weights: Floats | None = None) -> float:
    """The mean cross-entropy of probabilities ``p`` (m, C), or the mean squared error of numbers (m, 1)."""
    if y.dtype.kind == "f":
        return float(np.mean((p[:, 0] - y) ** 2))
    each = -np.log(np.maximum(p[np.arange(len(y)), y], _SMALLEST))
    return float(np.average(each, weights=weights))
