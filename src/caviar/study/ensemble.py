"""Greedy ensemble selection: a few of the finalists' networks that are better together than the best of them alone.

Notation
    m, C, n    rows, classes (1 for a number), members that may be chosen
    p          (n, m, C) what every member says of rows that it has not seen: probabilities, or a number
    share      (n,) a member's part in the average, multiples of 1 / picks

Source: Caruana, Niculescu-Mizil, Crew and Ksikes, Ensemble selection from libraries of models, 2004: members are added
one by one, with replacement, each time the one that makes the average best; we stop where none makes it better. Chosen
by the loss (cross-entropy, or squared error on the scale on which the target is learned) and not by the
metric: accuracy on a few hundred rows ties too often.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from caviar.learners.contract import Floats

PICKS = 20  # enough for shares in steps of a twentieth; more seldom changes the average
_SMALLEST = 1e-15  # a probability of 0 would make one row decide


def select(p: Floats, y: npt.NDArray[np.int32] | npt.NDArray[np.float32], picks: int = PICKS) -> tuple[Floats, float]:
    """The shares (n,) that add up to 1, and the loss of the average; ``y`` (m,) as Examples has it."""
    counts = np.zeros(len(p))
    total = np.zeros(p.shape[1:])
    lowest = np.inf
    for picked in range(1, picks + 1):
        losses = np.array([loss((total + member) / picked, y) for member in p])
        best = int(losses.argmin())
        if losses[best] >= lowest:
            break
        lowest = float(losses[best])
        counts[best] += 1
        total += p[best]
    return counts / counts.sum(), lowest


def loss(p: Floats, y: npt.NDArray[np.int32] | npt.NDArray[np.float32]) -> float:
    """The mean cross-entropy of probabilities ``p`` (m, C), or the mean squared error of numbers (m, 1)."""
    if y.dtype.kind == "f":
        return float(np.mean((p[:, 0] - y) ** 2))
    return float(-np.log(np.maximum(p[np.arange(len(y)), y], _SMALLEST)).mean())
