"""What an engine promises: start a trial, train it to an epoch, evaluate it, export and restore its state.

An engine knows nothing of studies, stores or strategies. Every engine draws the same random numbers (see
randomness.py): initial weights, the order of the examples and dropout masks depend on the keys alone, so that two
engines train the same network and differ by rounding only. tests/engine holds every engine to this contract.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from caviar.data.dataset import Examples
from caviar.errors import DataError
from caviar.nn.config import Architecture, Optimisation
from caviar.nn.inside import LayerInside as LayerInside  # for engines and those who read them, who need one door
from caviar.nn.schedules import step_rates as step_rates
from caviar.randomness import Purpose, UInt64, stream_key

State = dict[str, npt.NDArray[Any]]
"""Plain arrays by name: parameters, running statistics and moments as nn/ names them, and seven numbers.

"step" and "epoch" count what is done; "row" counts the rows of the epoch under way that are done, and "loss"
is their summed loss; "first_steps" and "second_steps" are those that the moments have seen (see turning). A state
without the last four stands at the end of an epoch and was never turned.
"""

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
    INTERRUPTED = 2  # the stop flag was set: the network stands between two mini-batches, and may go on from there


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How good a network is on some examples: ``loss`` and the ``scores`` by name, NaN where there was no example.

    Of classes the loss is the mean cross-entropy, and the scores are "accuracy", the share of right answers;
    "balanced_accuracy", the mean of that share over the classes present; "log_loss", the loss again. Of numbers it is
    the mean squared error, and the scores are "r2", the share of the variance that is explained; "rmse" and "mae", the
    root of the mean squared error and the mean absolute one; all in the units of the target as the engine got it,
    which is standardised. The loss is the plain one, whatever training adds to it; class weights count nothing.
    """

    loss: float
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch gave.

    ``epoch`` counts from 1. ``train_loss`` is the mean over the epoch's rows of what was minimised, as they were
    trained on: with label smoothing and class weights, without the L2 term. ``validation`` is NaN without rows and
    after a divergence. ``learning_rate`` is that of the epoch's last step.
    """

    epoch: int
    train_loss: float
    validation: Evaluation
    learning_rate: float
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """What some mini-batches of one epoch gave.

    ``losses`` (steps,) are the mean losses of the mini-batches as they were trained on; ``train_loss`` is the mean over
    the epoch's rows so far; ``ended`` says whether this piece was the epoch's last.
    """

    losses: npt.NDArray[np.float64]
    train_loss: float
    ended: bool


class Training(Protocol):
    """One network in training."""

    @property
    def architecture(self) -> Architecture:
        """What the network is."""
        ...

    @property
    def epoch(self) -> int:
        """Epochs done."""
        ...

    @property
    def step(self) -> int:
        """Mini-batches done, over all epochs."""
        ...

    @property
    def row(self) -> int:
        """Rows of the epoch under way that are done: 0 at its start."""
        ...

    def train_steps(self, rates: npt.NDArray[np.float64], stop: StopFlag) -> tuple[Outcome, Piece]:
        """Train a mini-batch for each of the learning ``rates`` (n,), but not beyond the end of the epoch.

        Validation is the caller's, with ``evaluate``. DIVERGED means that the last loss is not finite.
        """
        ...

    def turn(self, architecture: Architecture, optimisation: Optimisation) -> None:
        """Go on from here with these: everything of ``optimisation``, of ``architecture`` the two dropouts.

        The moments are kept where they mean the same (see turning). Raises ConfigError for another architecture.
        """
        ...

    def train(self, to_epoch: int, stop: StopFlag) -> tuple[Outcome, list[Epoch]]:
        """Train on until ``to_epoch`` epochs are done in all; a row for each epoch that this call finished.

        The last, smaller mini-batch of an epoch is trained on too, unless it has one row and there is batch norm.
        Where an epoch is under way it is finished first, at the rates that it would have had from its start.
        """
        ...

    def evaluate(self, examples: Examples) -> Evaluation:
        """Score ``examples`` in predict mode.

        Where the architecture's batch_norm_statistics are "exact", this and the validation of every epoch use the
        statistics of the whole training set under the parameters of the moment (nn.network.with_exact_statistics).
        They are a function of parameters and training set and go nowhere else: training does not feel them.
        """
        ...

    def state(self) -> State:
        """Everything that the next epoch depends on; restored by ``Engine.start`` to the same bits."""
        ...

    def inference_state(self) -> State:
        """What predictions depend on, for dense.model.fold: ``state``, but with exact statistics where they are asked.

        They stand in the places of the raw running averages, multiplied by 1 - mu^step, which the correction of the
        averages' start takes off again: whoever can fold ``state`` can fold this. Training cannot go on from it.
        """
        ...

    def inside(self, examples: Examples, learning_rate: float) -> tuple[LayerInside, ...]:
        """Every layer, as one training step at ``learning_rate`` on ``examples`` as its mini-batch would find it.

        Nothing is changed, and nothing is paid for it until it is called. Raises DataError for too few rows.
        """
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


def score_names(architecture: Architecture) -> tuple[str, ...]:
    """The names of an Evaluation's scores, in order."""
    return ("r2", "rmse", "mae") if architecture.regression else ("accuracy", "balanced_accuracy", "log_loss")


def not_evaluated(architecture: Architecture) -> Evaluation:
    """The Evaluation of no examples: NaN under every name."""
    return Evaluation(math.nan, dict.fromkeys(score_names(architecture), math.nan))


def explosion(architecture: Architecture) -> float:
    """A mean training loss above this is a divergence: a thousand times that of guessing blindly.

    That is log(classes), or 1, the variance of a standardised target.
    """
    return 1000.0 * (1.0 if architecture.regression else math.log(architecture.n_out))


def fewest_rows(architecture: Architecture) -> int:
    """Rows of the smallest mini-batch that can be trained on: batch norm needs two for a variance."""
    return 2 if architecture.batch_norm and architecture.hidden_units else 1


def steps_per_epoch(architecture: Architecture, optimisation: Optimisation, rows: int) -> int:
    """The mini-batches of one epoch over ``rows`` training rows. Raises DataError where there would be none."""
    fewest = fewest_rows(architecture)
    if rows < fewest:
        raise DataError(
            f"training needs at least {fewest} rows{', for batch norm to have a variance' * (fewest - 1)}, got {rows}",
            "give more rows, or batch_norm = false" if rows else "give more rows",
        )
    whole, left = divmod(rows, optimisation.batch_size)
    return whole + (left >= fewest)


def steps_left(architecture: Architecture, optimisation: Optimisation, rows: int, row: int) -> int:
    """The mini-batches that an epoch over ``rows`` rows still has where ``row`` of them are done."""
    whole, left = divmod(rows - row, optimisation.batch_size)
    return whole + (left >= fewest_rows(architecture))


def check_targets(architecture: Architecture, examples: Examples) -> None:
    """Raises DataError unless ``examples.y`` holds what the network predicts: int32 classes, or float32 numbers.

    Another width is not converted here: a copy a call would cost memory, and 2**32 is no int32.
    """
    wanted = np.dtype(np.float32 if architecture.regression else np.int32)
    if examples.y.dtype != wanted:
        raise DataError(
            f"output {architecture.output} predicts {'numbers' if architecture.regression else 'classes'}, "
            f"got y of {examples.y.dtype}",
            "give y as float32 numbers" if architecture.regression else "give y as int32 classes from 0 on",
        )


def balanced_accuracy(labels: npt.NDArray[Any], right: npt.NDArray[np.bool_]) -> float:
    """The mean over the classes present of the share of their rows that are right."""
    present: Sequence[Any] = np.unique(labels).tolist()
    return float(np.mean([right[labels == c].mean() for c in present]))
