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
    LayerInside,
    Outcome,
    State,
    StopFlag,
    balanced_accuracy,
    check_targets,
    explosion,
    fewest_rows,
    not_evaluated,
    step_rates,
    steps_per_epoch,
)
from caviar.nn import FloatArray, Targets, network
from caviar.nn.config import Architecture, Optimisation
from caviar.nn.inside import look_inside
from caviar.nn.losses import mean_loss, objective, predicted_classes


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
        check_targets(architecture, training)
        self._architecture = architecture
        self._optimisation = optimisation
        self._x = training.x.astype(np.float64)
        self._y = _targets(training)
        self._class_weights = objective(architecture, optimisation, self._y).class_weights
        self._validation = validation
        self._keys = keys
        self._epoch = 0
        self._state = network.initial_state(architecture, optimisation, keys.weights)
        if state is not None:
            self._epoch = int(state["epoch"])
            arrays = {name: state[name].astype(np.float64) for name in self._state.arrays}
            self._state = network.State(arrays, int(state["step"]))

    @property
    def architecture(self) -> Architecture:
        """What the network is."""
        return self._architecture

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return self._epoch

    def train(self, to_epoch: int, stop: StopFlag) -> tuple[Outcome, list[Epoch]]:
        """See contract.Training."""
        done: list[Epoch] = []
        m = len(self._y)
        steps = steps_per_epoch(self._architecture, self._optimisation, m)
        while self._epoch < to_epoch:
            start = time.perf_counter()
            order = epoch_order(m, self._keys.order, self._epoch)
            rates = step_rates(self._optimisation, self._epoch, steps)
            mini_batches = batches(order, self._optimisation.batch_size, fewest_rows(self._architecture))
            total, seen, diverged = 0.0, 0, False
            for rows, rate in zip(mini_batches, rates.tolist(), strict=True):
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
                    self._class_weights,
                )
                total, seen, diverged = total + loss * len(rows), seen + len(rows), not np.isfinite(loss)
                if diverged:
                    break
            self._epoch += 1
            train_loss = total / seen
            validation = not_evaluated(self._architecture) if diverged else self.evaluate(self._validation)
            diverged = diverged or train_loss > explosion(self._architecture)
            diverged = diverged or (len(self._validation.y) > 0 and not np.isfinite(validation.loss))
            done.append(Epoch(self._epoch, train_loss, validation, float(rates[-1]), time.perf_counter() - start))
            if diverged:
                return Outcome.DIVERGED, done
        return Outcome.TRAINED, done

    def evaluate(self, examples: Examples) -> Evaluation:
        """See contract.Training."""
        if len(examples.y) == 0:
            return not_evaluated(self._architecture)
        check_targets(self._architecture, examples)
        z = network.scores(self._architecture, self._predicting(), examples.x.astype(np.float64))
        score = _regression_scores if self._architecture.regression else _classification_scores
        return score(self._architecture, z, _targets(examples))

    def state(self) -> State:
        """See contract.Training."""
        return self._plain(self._state)

    def inference_state(self) -> State:
        """See contract.Training."""
        return self._plain(self._predicting())

    def inside(self, examples: Examples, learning_rate: float) -> tuple[LayerInside, ...]:
        """See contract.Training."""
        check_targets(self._architecture, examples)
        steps_per_epoch(self._architecture, self._optimisation, len(examples.y))  # that there are rows enough
        return look_inside(
            self._architecture,
            self._optimisation,
            self._state,
            examples.x.astype(np.float64),
            _targets(examples),
            learning_rate,
            self._keys.dropout,
            self._class_weights,
        )

    def _predicting(self) -> network.State:
        """The state that predictions use."""
        if self._architecture.batch_norm_statistics == "exact":
            return network.with_exact_statistics(self._architecture, self._state, self._x)
        return self._state

    def _plain(self, state: network.State) -> State:
        counts = {"step": np.array(state.step), "epoch": np.array(self._epoch)}
        return {**{name: a.copy() for name, a in state.arrays.items()}, **counts}


def _targets(examples: Examples) -> Targets:
    """y as nn/ takes it: numbers in float64, classes as they are."""
    return examples.y.astype(np.float64) if examples.y.dtype.kind == "f" else examples.y


def _classification_scores(architecture: Architecture, z: FloatArray, y: Targets) -> Evaluation:
    right = predicted_classes(architecture.output, z) == y
    loss = mean_loss(architecture.output, z, y) if np.isfinite(z).all() else float("nan")
    accuracy, balanced = float(right.mean()), balanced_accuracy(y, right)
    return Evaluation(loss, {"accuracy": accuracy, "balanced_accuracy": balanced, "log_loss": loss})


def _regression_scores(architecture: Architecture, z: FloatArray, y: Targets) -> Evaluation:
    """R2 = 1 - sum((z - y)^2) / sum((y - mean(y))^2); where all y are the same it is 1 if every z is y, else 0."""
    with np.errstate(all="ignore"):
        loss = mean_loss(architecture.output, z, y)
        variance = float(y.var())
        r2 = 1 - loss / variance if variance > 0 else float(loss == 0)
        mae = float(np.abs(z[:, 0] - y).mean())
    return Evaluation(loss, {"r2": r2, "rmse": float(np.sqrt(loss)), "mae": mae})


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
