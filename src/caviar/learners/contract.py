"""The contract of learners: a config and examples in, a network in training out.

    Learner      a kind of network: its hyperparameters, and the start of a training
    Training     one network in training: train, evaluate, save the state, predict
    Predictor    the trained network, as far as predictions and a model file need it

Nothing above learners/ depends on the kind of network: a config is names and values, and an example has any shape.
tests/learners/test_learner_contract.py holds every learner to this contract.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from caviar.data.dataset import Dataset
from caviar.data.examples import Examples
from caviar.randomness import Purpose, UInt64, stream_key
from caviar.records import Config
from caviar.space import Space

State = dict[str, npt.NDArray[Any]]
"""Plain arrays by name: everything that the rest of a training depends on besides config, data and keys."""

Arrays = Mapping[str, npt.NDArray[np.float32]]
"""The weights of a model file by name."""

Floats = npt.NDArray[np.float64]

StopFlag = npt.NDArray[np.uint8]
"""One byte that any thread may set: training ends at the next mini-batch."""

BYTES_A_PARAMETER = 16
"""Memory of a network in training: the value in float32, two moments, and room for statistics and padding."""


def never() -> StopFlag:
    """A flag that nobody sets."""
    return np.zeros(1, dtype=np.uint8)


@dataclass(frozen=True)
class Keys:
    """The random streams of one trial: initial weights, the order of the examples, dropout."""

    weights: UInt64
    order: UInt64
    dropout: UInt64

    @staticmethod
    def of(seed: int, trial: int = 0, repeat: int = 0) -> Keys:
        """The streams of a trial, or of one of its repeats with fresh seeds, in the study of ``seed``."""
        purposes = (Purpose.WEIGHTS, Purpose.ORDER, Purpose.DROPOUT)
        return Keys(*(stream_key(seed, purpose, trial, repeat) for purpose in purposes))


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Examples to train on, examples to score after every epoch (there may be none), and the width of the answer.

    ``n_out`` is the number of classes, or 1 where the target is a number; of several targets, their number.
    """

    training: Examples
    validation: Examples
    n_out: int

    @staticmethod
    def of(dataset: Dataset) -> TrainingData:
        """The rows that a search trains and validates on."""
        return TrainingData(dataset.train, dataset.validation, dataset.preprocessing.n_out)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one example."""
        return self.training.shape

    @property
    def several(self) -> bool:
        """True where there are several targets."""
        return self.training.targets > 0


class Outcome(Enum):
    """Ending of a call of ``train``."""

    TRAINED = 0
    DIVERGED = 1  # the loss was NaN, infinite, or above `explosion`
    INTERRUPTED = 2  # the stop flag was set: the network stands between two mini-batches, and may go on from there


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Quality of a network on some examples: ``loss`` and the ``scores`` by name, NaN where there was no example.

    Of classes the loss is the mean cross-entropy, and the scores are "accuracy", the share of right answers;
    "balanced_accuracy", the mean of that share over the classes present; "log_loss", the loss again. Of several targets
    the loss is the mean of theirs, and the scores are "hamming_accuracy", the mean of their accuracies; "exact_match",
    the share of rows that are right in all; "log_loss", the loss again. Of numbers it is
    the mean squared error, and the scores are "r2", the share of the variance that is explained; "rmse" and "mae", the
    root of the mean squared error and the mean absolute one. All are in the units of the target as the learner got it,
    which is standardised. The loss is the plain one, whatever training adds to it; class weights count nothing.
    """

    loss: float
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Epoch:
    """Result of one epoch.

    ``epoch`` counts from 1. ``train_loss`` is the mean over the epoch's rows of what was minimised, as they were
    trained on: with label smoothing and class weights, without the L2 term. ``validation`` is NaN without rows and
    after a divergence. ``learning_rate`` is that of the epoch's last step.
    """

    epoch: int
    train_loss: float
    validation: Evaluation
    learning_rate: float
    seconds: float


class Predictor(Protocol):
    """A trained network, as far as predictions and a model file need it."""

    @property
    def kind(self) -> str:
        """Name of the class in learners.model.PREDICTORS, which reads ``record`` back."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one example."""
        ...

    @property
    def n_out(self) -> int:
        """Classes, or 1 for a number, or the targets where there are ``several``."""
        ...

    @property
    def several(self) -> bool:
        """True for several targets of two classes each."""
        ...

    @property
    def width(self) -> int:
        """Most numbers that one example takes at once: many examples are predicted in parts that fit the memory."""
        ...

    def outputs(self, x: npt.NDArray[Any]) -> Floats:
        """Probabilities (m, n_out) of the classes of examples ``x`` (m, *shape), or numbers (m, 1).

        Of several targets, those of the second class of each.
        """
        ...

    def record(self) -> tuple[dict[str, Any], Arrays]:
        """Plain data and weights of which the same predictor can be made again."""
        ...


class Training(Protocol):
    """One network in training."""

    @property
    def epoch(self) -> int:
        """Epochs done."""
        ...

    def train(self, to_epoch: int, stop: StopFlag) -> tuple[Outcome, list[Epoch]]:
        """Train on until ``to_epoch`` epochs are done in all; a row for each epoch that this call finished.

        Where an epoch is under way it is finished first, at the rates that it would have had from its start.
        """
        ...

    def evaluate(self, examples: Examples) -> Evaluation:
        """Score ``examples``."""
        ...

    def state(self) -> State:
        """Everything that the next epoch depends on; ``Learner.start`` goes on from it to the same bits."""
        ...

    def predictor(self) -> Predictor:
        """The network as it stands, for predictions."""
        ...


class Learner(Protocol):
    """A kind of network, and the engine that trains it. Many threads may use one learner at once."""

    @property
    def name(self) -> str:
        """Its name on the command line and in the store."""
        ...

    @property
    def instruction_set(self) -> str:
        """Part of the machine that its bits depend on, besides the seed."""
        ...

    @property
    def hyperparameters(self) -> tuple[str, ...]:
        """Every name that a config may have."""
        ...

    @property
    def rate(self) -> str:
        """The hyperparameter to lower where trainings diverge."""
        ...

    @property
    def sizes(self) -> tuple[str, ...]:
        """The hyperparameters to lower where networks need more memory than there is."""
        ...

    def default_space(self, epochs: int | None = None) -> Space:
        """The space that is searched where none is given, for trials of at most so many ``epochs``."""
        ...

    def epoch_seconds(self, rows: int, shape: tuple[int, ...]) -> float:
        """Estimate the seconds that an epoch of a network of middle size takes: on ``rows`` examples of ``shape``."""
        ...

    def parameters(self, config: Config, data: TrainingData) -> int:
        """Count of the numbers that the network of ``config`` learns.

        Raises ConfigError where no network can be built from it, SpaceError for one that is too large to train.
        """
        ...

    def start(self, config: Config, data: TrainingData, keys: Keys, state: State | None = None) -> Training:
        """Begin with freshly drawn weights, or go on from ``state``. Raises ConfigError and DataError."""
        ...


def chance_loss(n_out: int, several: bool = False) -> float:
    """The loss of guessing blindly: log(classes), or 1, the variance of a standardised target."""
    return 1.0 if n_out == 1 else math.log(2 if several else n_out)


def explosion(n_out: int, several: bool = False) -> float:
    """A mean training loss above this is a divergence: a thousand times that of guessing blindly."""
    return 1000.0 * chance_loss(n_out, several)


def score_names(n_out: int, several: bool = False) -> tuple[str, ...]:
    """The names of an Evaluation's scores, in order."""
    if several:
        return ("hamming_accuracy", "exact_match", "log_loss")
    return ("r2", "rmse", "mae") if n_out == 1 else ("accuracy", "balanced_accuracy", "log_loss")


def not_evaluated(n_out: int, several: bool = False) -> Evaluation:
    """The Evaluation of no examples: NaN under every name."""
    return Evaluation(math.nan, dict.fromkeys(score_names(n_out, several), math.nan))
