"""The reference engine: nn/ in float64, readable and slow. Every other engine is held to it."""

from __future__ import annotations

import time

import numpy as np

from caviar.data.batches import batches, epoch_order
from caviar.data.dataset import Examples
from caviar.engine.contract import (
    Epoch,
    Evaluation,
    Keys,
    Outcome,
    State,
    StopFlag,
    balanced_accuracy,
    epoch_rates,
    explosion,
    fewest_rows,
)
from caviar.nn import network
from caviar.nn.config import Architecture, Optimisation
from caviar.nn.softmax import cross_entropy

_NOTHING = Evaluation(float("nan"), float("nan"), float("nan"))


class ReferenceTraining:
    """One network in training by nn/."""

    def __init__(
        self,
        architecture: Architecture,
        optimisation: Optimisation,
        training: Examples,
        validation: Examples,
        keys: Keys,
        state: State | None,
    ) -> None:
        self._architecture = architecture
        self._optimisation = optimisation
        self._x = training.x.astype(np.float64)
        self._y = training.y
        self._validation = validation
        self._keys = keys
        self._epoch = 0
        self._state = network.initial_state(architecture, optimisation, keys.weights)
        if state is not None:
            self._epoch = int(state["epoch"])
            arrays = {name: state[name].astype(np.float64) for name in self._state.arrays}
            self._state = network.State(arrays, int(state["step"]))

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return self._epoch

    def train(self, to_epoch: int, stop: StopFlag) -> tuple[Outcome, list[Epoch]]:
        """See contract.Training."""
        done: list[Epoch] = []
        m = len(self._y)
        for rate in epoch_rates(self._optimisation, self._epoch, to_epoch):
            start = time.perf_counter()
            order = epoch_order(m, self._keys.order, self._epoch)
            total, seen, diverged = 0.0, 0, False
            for rows in batches(order, self._optimisation.batch_size, fewest_rows(self._architecture)):
                if stop[0]:
                    return Outcome.INTERRUPTED, done
                self._state, loss = network.train_step(
                    self._architecture,
                    self._optimisation,
                    self._state,
                    self._x[rows],
                    self._y[rows],
                    rate,
                    self._keys.dropout,
                )
                total, seen, diverged = total + loss * len(rows), seen + len(rows), not np.isfinite(loss)
                if diverged:
                    break
            self._epoch += 1
            train_loss = total / max(seen, 1)
            validation = _NOTHING if diverged else self.evaluate(self._validation)
            diverged = diverged or train_loss > explosion(self._architecture.n_out)
            diverged = diverged or (len(self._validation.y) > 0 and not np.isfinite(validation.log_loss))
            done.append(Epoch(self._epoch, train_loss, validation, rate, time.perf_counter() - start))
            if diverged:
                return Outcome.DIVERGED, done
        return Outcome.TRAINED, done

    def evaluate(self, examples: Examples) -> Evaluation:
        """See contract.Training."""
        if len(examples.y) == 0:
            return _NOTHING
        z = network.scores(self._architecture, self._state, examples.x.astype(np.float64))
        right = z.argmax(axis=1) == examples.y
        loss = float(cross_entropy(z, examples.y)) if np.isfinite(z).all() else float("nan")
        return Evaluation(loss, float(right.mean()), balanced_accuracy(examples.y, right))

    def state(self) -> State:
        """See contract.Training."""
        counts = {"step": np.array(self._state.step), "epoch": np.array(self._epoch)}
        return {**{name: a.copy() for name, a in self._state.arrays.items()}, **counts}


class ReferenceEngine:
    """Runs nn/."""

    name = "reference"
    instruction_set = "float64"

    def start(
        self,
        architecture: Architecture,
        optimisation: Optimisation,
        training: Examples,
        validation: Examples,
        keys: Keys,
        state: State | None = None,
    ) -> ReferenceTraining:
        """See contract.Engine."""
        return ReferenceTraining(architecture, optimisation, training, validation, keys, state)
