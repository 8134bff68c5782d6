"""The contract of engines: they train dense networks, given as an architecture and an optimisation.

Every engine draws the same random numbers (see randomness.py): initial weights, the order of the examples and dropout
masks depend on the keys alone, so that two engines train the same network and differ by rounding only.
tests/learners/test_engine_contract.py holds every engine to this contract.

A state holds parameters, running statistics, moments and averages as nn/ names them, and six numbers: "step" and
"epoch" count what is done; "row" counts the rows of the epoch under way that are done, and "loss" is their summed loss;
"first_steps" and "second_steps" are the steps that the moments have seen (see turning). One with averages has
"average_steps", too, and one of schedule-free AdamW "squared_rates". A state without "row", "loss" and the steps of
moments stands at the end of an epoch and was never turned.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from caviar.data.examples import Examples
from caviar.errors import DataError
from caviar.learners.contract import Epoch, Evaluation, Keys, Outcome, State, StopFlag, Training
from caviar.nn.architecture import Architecture, Optimisation
from caviar.nn.inside import LayerInside

R = TypeVar("R")  # rows as an engine takes them


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """Result of some mini-batches of one epoch.

    ``losses`` (steps,) are the mean losses of the mini-batches as they were trained on; ``train_loss`` is the mean over
    the epoch's rows so far; ``ended`` says that the epoch's last mini-batch is done.
    """

    losses: npt.NDArray[np.float64]
    train_loss: float
    ended: bool


class DenseTraining(Training, Protocol):
    """A dense network in training: it can also be trained by mini-batches, turned and looked into.

    ``train`` trains on the last, smaller mini-batch of an epoch too, unless it has one row and there is batch norm. An
    epoch whose learning rates are all 0 is scored and not trained: nothing would change but running averages. Its
    train_loss is that of the training rows in predict mode.

    ``evaluate`` and ``predictor`` are in predict mode. Where the architecture's batch_norm_statistics are "exact", they
    and the validation of every epoch use the statistics of the whole training set under the parameters of the moment
    (nn.network.with_exact_statistics). These are a function of parameters and training set; training uses its own.
    Where the optimisation has averaging, they use the averages (nn.averaged) in the place of parameters and statistics.
    Under schedule-free AdamW they use the average x in the place of the parameters.
    """

    @property
    def architecture(self) -> Architecture:
        """The network's architecture."""
        ...

    @property
    def step(self) -> int:
        """Mini-batches done, over all epochs."""
        ...

    @property
    def row(self) -> int:
        """Rows of the epoch under way that are done: 0 at its start."""
        ...

    def train_steps(self, rates: npt.NDArray[np.float64], stop: StopFlag) -> tuple[Outcome, Steps]:
        """Train a mini-batch for each of the learning ``rates`` (n,), but not beyond the end of the epoch.

        Validation is the caller's, with ``evaluate``. DIVERGED means that the last loss is not finite.
        """
        ...

    def turn(self, architecture: Architecture, optimisation: Optimisation) -> None:
        """Go on from here with these: everything of ``optimisation``, of ``architecture`` the two dropouts.

        The moments are kept where they mean the same (see turning). Raises ConfigError for another architecture.
        """
        ...

    def inference_state(self) -> State:
        """The state that predictions use, for predictor.fold: averages and exact statistics where asked for.

        Exact statistics stand in the places of the running averages. They are scaled by 1 - mu^step, so that the bias
        correction in ``fold`` cancels. Training cannot go on from this state.
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
        """Part of the machine that its bits depend on, besides the seed."""
        ...

    def start(
        self,
        architecture: Architecture,
        optimisation: Optimisation,
        training: Examples,
        validation: Examples,
        keys: Keys,
        state: State | None = None,
    ) -> DenseTraining:
        """Begin with freshly drawn weights, or go on from ``state``."""
        ...


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


def idle_epochs(rates: npt.NDArray[np.float64]) -> int:
    """Count the last epochs of ``rates`` (epochs, steps) in which every learning rate is 0."""
    at_work = np.flatnonzero(np.count_nonzero(rates, axis=1))
    return len(rates) - (int(at_work[-1]) + 1 if len(at_work) else 0)


def scored_only(
    scored: Callable[[R], Evaluation], training: R, validation: R, first: int, to_epoch: int
) -> list[Epoch]:
    """The epochs after ``first`` up to ``to_epoch`` of a network that learns no more: its scores, again and again."""
    start = time.perf_counter()
    train_loss, found = scored(training).loss, scored(validation)
    seconds = time.perf_counter() - start
    return [
        Epoch(epoch, train_loss, found, 0.0, seconds if epoch == first + 1 else 0.0)
        for epoch in range(first + 1, to_epoch + 1)
    ]
