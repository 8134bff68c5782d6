"""Corrections between the outputs of a model's networks and its answer.

Of classes, for probabilities alone; the label stays the class that the networks give most:

    temperature    see temperature.py
    shares (C,)    of each class in training, where training counted all classes alike (class_weights "balanced"):
                   p_c * share_c, rows divided by their sum, is what p is where classes come as often as they did

Of several targets the same of each, all at one temperature, where target_shares (K,) are the shares of the second
label of each target in training.

Of numbers:

    low, high      the range of the target in training, in its own units: a prediction beyond is cut to it

Source of the shift: Saerens, Latinne and Decaestecker, Adjusting the outputs of a classifier to new a priori
probabilities, 2002; there the new shares are estimated, here they are known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from caviar.errors import ModelError
from caviar.learners.contract import Floats
from caviar.learners.temperature import HIGHEST, LOWEST, tempered


@dataclass(frozen=True)
class Correction:
    """Changes of a model in the outputs of its networks; by default none. See the head of this file.

    Raises ModelError for numbers that are none.
    """

    temperature: float = 1.0
    shares: tuple[float, ...] = ()
    low: float | None = None
    high: float | None = None
    target_shares: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        sound = LOWEST <= self.temperature <= HIGHEST and all(
            0 <= share <= 1 for share in (*self.shares, *self.target_shares)
        )
        sound = sound and (not self.shares or math.isclose(sum(self.shares), 1, rel_tol=1e-6))
        if self.low is not None and self.high is not None:
            sound = sound and -math.inf < self.low <= self.high < math.inf
        if not sound or (self.low is None) != (self.high is None):
            raise ModelError("the correction of this model is damaged", "train the network again")

    def probabilities(self, outputs: Floats) -> Floats:
        """The probabilities (m, C) of the answer, from those of the networks."""
        return tempered(shifted(outputs, np.array(self.shares)), self.temperature)

    def of_several(self, outputs: Floats) -> Floats:
        """The probabilities (m, K) of the second label of each of several targets, from those of the networks."""
        both = np.stack([1 - outputs, outputs], axis=-1)  # (m, K, 2)
        shares = np.array([(1 - share, share) for share in self.target_shares])  # (K, 2)
        return tempered(shifted(both, shares), self.temperature)[..., 1]

    def cut(self, z: Floats, standardised: Callable[[Floats], Floats]) -> Floats:
        """Standardised numbers within the range; ``standardised`` makes such of those in the target's own units."""
        if self.low is None or self.high is None:
            return z
        low, high = standardised(np.array([self.low, self.high]))
        return np.clip(z, low, high)

    def exactly(self, numbers: Floats) -> Floats:
        """Numbers in the target's own units after ``cut``, without what rounding leaves beyond the range."""
        return numbers if self.low is None else np.clip(numbers, self.low, self.high)

    def beyond(self, numbers: Floats) -> int:
        """Count of the numbers, in the target's own units, that are outside of the range."""
        if self.low is None or self.high is None:
            return 0
        return int(np.count_nonzero((numbers < self.low) | (numbers > self.high)))

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a model file: what is not the default."""
        return {name: value for name, value in asdict(self).items() if value != getattr(PLAIN, name)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Correction:
        """The inverse of ``to_dict``."""
        low, high = (None if data.get(name) is None else float(data[name]) for name in ("low", "high"))
        shares, of_targets = (tuple(map(float, data.get(name, ()))) for name in ("shares", "target_shares"))
        return cls(float(data.get("temperature", 1.0)), shares, low, high, of_targets)


PLAIN = Correction()


def shifted(p: Floats, shares: Floats) -> Floats:
    """Probabilities (..., C) of balanced training where classes have these ``shares``; ``p`` itself without any.

    With 1 / ``shares`` the other way: those of balanced training, from those of classes with these shares.
    """
    if not len(shares):
        return p
    q: Floats = p * shares
    total = q.sum(axis=-1, keepdims=True)
    return np.where(total > 0, q / np.where(total > 0, total, 1.0), p)


def shares_of(y: npt.NDArray[Any], classes: int) -> tuple[float, ...]:
    """The share of each class among the rows ``y`` (m,)."""
    counts = np.bincount(y.astype(np.int64), minlength=classes)
    return tuple((counts / counts.sum()).tolist())
