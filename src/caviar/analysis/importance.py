"""Importance of the hyperparameters: permutation importance of a random forest on scale-space coordinates.

Notation
    x    (n, d) unit coordinates of the trials, NaN where a hyperparameter did not apply
    y    (n,) ranks of their rank keys, from 0 (the worst) to 1: an accuracy's and a loss's units do not matter then
    R2   of a forest on the third of the trials that it did not see

A hyperparameter's importance is by how much R2 falls when its column is shuffled: 0 for one without effect, and
below 0 by chance. The interval is over forests, each with another split, and over shuffles.

Source: Breiman, Random forests, 2001.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from caviar.records import Config
from caviar.scale_rules import LAST_TIER
from caviar.space import Space

Units = npt.NDArray[np.floating[Any]]

ENOUGH = 30  # trials; the forest learns from two thirds of them
_FORESTS, _TREES, _SHUFFLES = 8, 20, 3
_FEW = 3  # forests: a tenth of a second, which a processor that trains can spare
_MOST = 1000  # trials that a forest is grown from: more cost seconds and change nothing that can be seen


class Importance(NamedTuple):
    """A hyperparameter, its tier, and by how much R2 falls without it: the mean, and an interval of 90 %."""

    name: str
    tier: int
    importance: float
    low: float
    high: float


def importances(
    space: Space,
    configs: Sequence[Config],
    rank_keys: Sequence[tuple[float, ...]],
    seed: int = 0,
    provisional: bool = False,
) -> list[Importance]:
    """The searched hyperparameters, the most important first; empty for fewer than ENOUGH trials.

    ``rank_keys`` are only compared: larger is better. Where trials have different epochs, the rung that each reached
    comes first in its key. ``provisional``: with fewer forests, for a study that is looked at while it trains.
    """
    if len(configs) < ENOUGH or not space.searched:
        return []
    from scipy.stats import rankdata
    from sklearn.ensemble import RandomForestRegressor

    random = np.random.default_rng(seed)
    chosen = random.permutation(len(configs))[:_MOST]
    x = space.to_unit([configs[i] for i in chosen])
    x = np.where(np.isnan(x), 0.5, x)  # another value would give away the optimiser of a trial
    order = {key: i for i, key in enumerate(sorted(set(rank_keys)))}
    y = rankdata([order[rank_keys[i]] for i in chosen]) / len(chosen)
    falls = []
    for _ in range(_FEW if provisional else _FORESTS):
        split = random.permutation(len(x))
        seen, unseen = split[: 2 * len(x) // 3], split[2 * len(x) // 3 :]
        forest = RandomForestRegressor(_TREES, min_samples_leaf=2, random_state=int(random.integers(2**31)))
        forest.fit(x[seen], y[seen])
        falls.append(_falls(forest.predict, x[unseen], y[unseen], random))
    all_falls = np.concatenate(falls, axis=1)
    low, high = np.percentile(all_falls, [5, 95], axis=1)
    rows = [
        Importance(name, space[name].tier or LAST_TIER, float(mean), float(low[j]), float(high[j]))
        for j, (name, mean) in enumerate(zip(space.searched, all_falls.mean(axis=1), strict=True))
    ]
    return sorted(rows, key=lambda row: row.importance, reverse=True)


def _falls(predict: Callable[[Units], Units], x: Units, y: Units, random: np.random.Generator) -> Units:
    """By how much R2 falls when a column is shuffled (d, shuffles); all of them in one prediction, which is quick."""
    n, d = x.shape
    shuffled = np.repeat(x[None], 1 + d * _SHUFFLES, axis=0)  # (1 + d * shuffles, n, d), the first as it is
    for k in range(d * _SHUFFLES):
        column = k // _SHUFFLES
        shuffled[1 + k, :, column] = random.permutation(x[:, column])
    error = np.mean((predict(shuffled.reshape(-1, d)).reshape(-1, n) - y) ** 2, axis=1)
    spread = max(float(np.var(y)), 1e-12)  # of equal ranks nothing can be said
    return np.asarray((error[1:] - error[0]).reshape(d, _SHUFFLES) / spread)
