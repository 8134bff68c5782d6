"""Which of the finalists wins, and which trials no other one beats on both counts.

Notation
    goodness   (r,) the metric of a finalist in each of its r repeats, its sign such that larger is better
    burden     what is preferred small: parameters, or microseconds for a prediction

A finalist ties with the best if the mean of their differences, repeat by repeat, is at most its standard error: both
were trained on the same rows each time, so that what is hard about a fold is hard for both. That is the rule of one
standard error (Breiman, Friedman, Olshen and Stone, Classification and regression trees, 1984, section 3.4.3).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from caviar.records.ranking import RankKey

NEARLY = 0.01
"""A preference for small or fast networks pays this share of the best mean metric, no more."""


@dataclass(frozen=True)
class Finalist:
    """A trial that was repeated; ``rank_keys`` has one entry a repeat, and ``epochs`` is how long it trains."""

    number: int
    rank_keys: Sequence[RankKey]
    parameters: int
    epochs: int
    burden: float = 0.0

    @property
    def mean(self) -> RankKey:
        """The mean metric, and the mean loss where that ties."""
        metric, loss = np.mean(self.rank_keys, axis=0)
        return float(metric), float(loss)


def choose(finalists: Sequence[Finalist], prefer: str = "score") -> Finalist:
    """The winner: the best mean; of those that tie with it, the one with the fewest parameters, then epochs.

    With ``prefer`` "small" or "fast", the least burden of those whose mean is within NEARLY of the best.
    """
    best = max(finalists, key=lambda f: (f.mean, -f.number))
    if prefer == "score":
        tied = [f for f in finalists if f is best or _ties(best, f)]
        return min(tied, key=lambda f: (f.parameters, f.epochs, f.number))
    near = [f for f in finalists if best.mean[0] - f.mean[0] <= NEARLY * abs(best.mean[0])]
    return min(near, key=lambda f: (f.burden, f.parameters, f.number))


def _ties(best: Finalist, other: Finalist) -> bool:
    if not math.isfinite(other.mean[0]):
        return False
    shared = min(len(best.rank_keys), len(other.rank_keys))
    difference = np.array(best.rank_keys)[:shared, 0] - np.array(other.rank_keys)[:shared, 0]
    if shared < 2:
        return bool(difference.mean() <= 0)
    return bool(difference.mean() <= difference.std(ddof=1) / math.sqrt(shared))


class Weighed(NamedTuple):
    """A trial's rank key and its burden."""

    number: int
    rank_key: RankKey
    burden: float


def front(trials: Iterable[Weighed]) -> list[Weighed]:
    """The trials that no other one beats in rank_key without a larger burden (Pareto), the best rank_key first."""
    found: list[Weighed] = []
    for trial in sorted(trials, key=lambda t: (t.burden, -t.rank_key[0], -t.rank_key[1], t.number)):
        if not found or trial.rank_key[0] > found[-1].rank_key[0]:
            found.append(trial)
    return found[::-1]
