"""The native engine: C++ in float32 (native/), bound here and nowhere else.

CAVIAR_INSTRUCTION_SET chooses a level that is not the processor's best ("scalar", "x86-64-v2", ...).
"""

from __future__ import annotations

import os
from functools import cache

import numpy as np

from caviar.data.dataset import Examples
from caviar.engine import _native
from caviar.engine.contract import Epoch, Evaluation, Keys, Outcome, State, StopFlag, epoch_rates, explosion
from caviar.errors import ConfigError, did_you_mean
from caviar.nn.config import Architecture, Optimisation, parameter_shapes, statistics_shapes
from caviar.nn.initialisers import initial_parameters
from caviar.nn.optimisers import recipe

# The numbers of the enum Activation in native/network.h.
_ACTIVATIONS = {"identity": 0, "relu": 1, "leaky_relu": 2, "tanh": 3, "sigmoid": 4}
_MOST_HIDDEN_LAYERS = 63  # max_layers - 1 in native/network.h


def instruction_sets() -> list[str]:
    """The levels that this processor runs, slowest first."""
    return list(_native.levels())


@cache
def _names(architecture: Architecture, moments: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Parameter names, then all array names of a state, in the order that native/binding.cpp visits them."""
    parameters = tuple(parameter_shapes(architecture))
    kept = tuple(f"{name}.{moment}" for name in parameters for moment in moments)
    return parameters, (*parameters, *statistics_shapes(architecture), *kept)


class NativeTraining:
    """One network in training by the native engine."""

    def __init__(
        self,
        instruction_set: str,
        architecture: Architecture,
        optimisation: Optimisation,
        training: Examples,
        validation: Examples,
        keys: Keys,
        state: State | None,
    ) -> None:
        self._optimisation = optimisation
        self._training = training
        self._validation = validation
        self._explosion = explosion(architecture.n_out)
        rule = recipe(optimisation)
        parameters, self._arrays = _names(architecture, tuple(rule.moments))
        settings = {
            "widths": [architecture.n_in, *architecture.hidden_units, architecture.n_out],
            "activation": _ACTIVATIONS[architecture.activation],
            "batch_norm": architecture.batch_norm and bool(architecture.hidden_units),
            "batch_norm_momentum": architecture.batch_norm_momentum,
            "batch_norm_epsilon": architecture.batch_norm_epsilon,
            "dropout": architecture.dropout,
            "first_moment": rule.beta_first is not None,
            "second_moment": rule.beta_second is not None,
            "bias_correction": rule.corrected,
            "beta1": rule.beta_first or 0.0,
            "beta2": rule.beta_second or 0.0,
            "epsilon": rule.epsilon,
            "l2": optimisation.l2,
            "batch_size": min(optimisation.batch_size, max(len(training.y), 2)),  # a larger one is the whole set
            "keys": [int(k) for k in (*keys.order, *keys.dropout)],
        }
        self._trial = _native.Trial(settings, instruction_set)
        if state is None:
            initial = initial_parameters(architecture, keys.weights)
            self._trial.start([initial[name].astype(np.float32) for name in parameters])
        else:
            arrays = [np.ascontiguousarray(state[name], dtype=np.float32) for name in self._arrays]
            self._trial.load(arrays, int(state["step"]), int(state["epoch"]))

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return int(self._trial.epoch)

    def train(self, to_epoch: int, stop: StopFlag) -> tuple[Outcome, list[Epoch]]:
        """See contract.Training."""
        first = self.epoch
        rates = epoch_rates(self._optimisation, first, to_epoch)
        training, validation = self._training, self._validation
        outcome, rows = self._trial.train(
            training.x, training.y, validation.x, validation.y, rates, self._explosion, stop
        )
        done = [
            Epoch(first + i, train_loss, Evaluation(loss, accuracy, balanced), rate, seconds)
            for i, (train_loss, loss, accuracy, balanced, rate, seconds) in enumerate(rows, start=1)
        ]
        return Outcome(outcome), done

    def evaluate(self, examples: Examples) -> Evaluation:
        """See contract.Training."""
        _, loss, accuracy, balanced, _, _ = self._trial.evaluate(examples.x, examples.y)
        return Evaluation(loss, accuracy, balanced)

    def state(self) -> State:
        """See contract.Training."""
        arrays: State = dict(zip(self._arrays, self._trial.export(), strict=True))
        return {**arrays, "step": np.array(self._trial.step), "epoch": np.array(self._trial.epoch)}


class NativeEngine:
    """Calls C++; many threads may use one engine at once."""

    name = "native"

    def __init__(self) -> None:
        known = instruction_sets()
        chosen = os.environ.get("CAVIAR_INSTRUCTION_SET", known[-1])
        if chosen not in known:
            raise ConfigError(
                f"CAVIAR_INSTRUCTION_SET names {chosen!r}, which this processor does not run",
                did_you_mean(chosen, known),
            )
        self.instruction_set = chosen

    def start(
        self,
        architecture: Architecture,
        optimisation: Optimisation,
        training: Examples,
        validation: Examples,
        keys: Keys,
        state: State | None = None,
    ) -> NativeTraining:
        """See contract.Engine."""
        hidden = len(architecture.hidden_units)
        if hidden > _MOST_HIDDEN_LAYERS:
            raise ConfigError(
                f"the native engine has at most {_MOST_HIDDEN_LAYERS} hidden layers, got {hidden}",
                "use fewer layers, or the reference engine",
            )
        return NativeTraining(self.instruction_set, architecture, optimisation, training, validation, keys, state)
