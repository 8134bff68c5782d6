"""What an engine promises: start a trial, train it to an epoch, evaluate it, export and restore its state.

An engine knows nothing of studies, stores or strategies. Every engine draws the same random numbers (see
randomness.py): initial weights, the order of the examples and dropout masks depend on the keys alone, so that two
engines train the same network and differ by rounding only. tests/engine holds every engine to this contract.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from caviar.data.dataset import Examples
from caviar.nn.config import Architecture, Optimisation
from caviar.nn.schedules import learning_rate
from caviar.randomness import Purpose, UInt64, stream_key

State = dict[str, npt.NDArray[Any]]
"""Plain arrays by name: parameters, running statistics and moments as nn/ names them, the counts "step" and "epoch"."""

StopFlag = npt.NDArray[np.uint8]
"""One byte that any thread may set: training ends at the next mini-batch."""


def never() -> StopFlag:
    """A flag that nobody sets."""
    return np.zeros(1, dtype=np.uint8)


@dataclass(frozen=True)
class Keys:
    """The random streams of one trial."""

    weights: UInt64
    order: UInt64
    dropout: UInt64

    @staticmethod
    def of(seed: int, trial: int = 0, repeat: int = 0) -> Keys:
        """The streams of a trial, or of one of its repeats with fresh seeds, in the study of ``seed``."""
        purposes = (Purpose.WEIGHTS, Purpose.ORDER, Purpose.DROPOUT)
        return Keys(*(stream_key(seed, purpose, trial, repeat) for purpose in purposes))


class Outcome(Enum):
    """How a call of ``train`` ended."""

    TRAINED = 0
    DIVERGED = 1  # the loss was NaN, infinite, or above `explosion`
    INTERRUPTED = 2  # the stop flag was set: the epoch under way is lost, the network is not to be used


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Mean cross-entropy, share of right answers, and the mean over classes of that share."""

    log_loss: float
    accuracy: float
    balanced_accuracy: float


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch gave. ``epoch`` counts from 1; ``validation`` is NaN without rows and after a divergence."""

    epoch: int
    train_loss: float
    validation: Evaluation
    learning_rate: float
    seconds: float


class Training(Protocol):
    """One network in training."""

    @property
    def epoch(self) -> int:
        """Epochs done."""
        ...

    def train(self, to_epoch: int, stop: StopFlag) -> tuple[Outcome, list[Epoch]]:
        """Train on until ``to_epoch`` epochs are done in all; a row for each epoch that this call finished.

        The last, smaller mini-batch of an epoch is trained on too, unless it has one row and there is batch norm.
        """
        ...

    def evaluate(self, examples: Examples) -> Evaluation:
        """Score ``examples`` in predict mode."""
        ...

    def state(self) -> State:
        """Everything that the next epoch depends on; restored by ``Engine.start`` to the same bits."""
        ...


class Engine(Protocol):
    """Trains dense networks."""

    @property
    def name(self) -> str:
        """Its name on the command line and in the store."""
        ...

    @property
    def instruction_set(self) -> str:
        """What its bits depend on besides the seed."""
        ...

    def start(
        self,
        architecture: Architecture,
        optimisation: Optimisation,
        training: Examples,
        validation: Examples,
        keys: Keys,
        state: State | None = None,
    ) -> Training:
        """Begin with freshly drawn weights, or go on from ``state``."""
        ...


def explosion(classes: int) -> float:
    """A mean training loss above this is a divergence: a thousand times that of guessing blindly, log(classes)."""
    return 1000.0 * math.log(classes)


def epoch_rates(optimisation: Optimisation, first: int, last: int) -> list[float]:
    """The learning rates of the epochs numbered ``first`` + 1 to ``last`` (counted from 1)."""
    return [
        learning_rate(optimisation.decay, optimisation.decay_rate, optimisation.learning_rate, epoch)
        for epoch in range(first, last)
    ]


def fewest_rows(architecture: Architecture) -> int:
    """Rows of the smallest mini-batch that can be trained on: batch norm needs two for a variance."""
    return 2 if architecture.batch_norm and architecture.hidden_units else 1


def balanced_accuracy(labels: npt.NDArray[Any], right: npt.NDArray[np.bool_]) -> float:
    """The mean over the classes present of the share of their rows that are right."""
    present: Sequence[Any] = np.unique(labels).tolist()
    return float(np.mean([right[labels == c].mean() for c in present]))
