"""What a network is, how it is trained, and how a config says so.

A config is flat (see records.Config); a network needs two nouns: its ``Architecture``, which a saved model keeps, and
its ``Optimisation``, which is over when training is. Neither can be made with values that no network can be built from.
A learning rate that is absurdly large is allowed: the trial will diverge, and that is a result.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np

from caviar.errors import ConfigError, did_you_mean
from caviar.records import Config

ACTIVATIONS = ("relu", "leaky_relu", "tanh", "sigmoid")
INITIALISERS = ("he", "xavier", "lecun", "small_normal")
OPTIMIZERS = ("sgd", "momentum", "rmsprop", "adam")
SCHEDULES = ("constant", "inverse", "exponential", "inverse_sqrt", "staircase")

_SMALLEST_EPSILON = 1e-30  # a float32 engine must be able to hold it: 0 / (0 + epsilon) is 0 only then


@dataclass(frozen=True)
class Architecture:
    """A dense network: ``n_in`` features, hidden layers of these widths, ``n_out`` classes.

    No hidden layer at all is softmax regression. ``dropout`` is the probability of dropping a hidden unit.
    """

    n_in: int
    n_out: int
    hidden_units: tuple[int, ...]
    activation: str = "relu"
    batch_norm: bool = True
    batch_norm_momentum: float = 0.9  # remembers some 10 steps: a small table has few steps an epoch
    batch_norm_epsilon: float = 1e-5
    dropout: float = 0.0
    initialiser: str = "he"

    def __post_init__(self) -> None:
        _check_whole("n_in", self.n_in, least=1, example=64)
        _check_whole("n_out", self.n_out, least=2, example=10)
        for units in self.hidden_units:
            _check_whole("hidden_units", units, least=1, example=64)
        _check_name("activation", self.activation, ACTIVATIONS)
        _check_name("initialiser", self.initialiser, INITIALISERS)
        _check_bool("batch_norm", self.batch_norm)
        _check_share("batch_norm_momentum", self.batch_norm_momentum, example=0.9)
        _check_epsilon("batch_norm_epsilon", self.batch_norm_epsilon, example=1e-5)
        _check_share("dropout", self.dropout, example=0.2)


@dataclass(frozen=True)
class Optimisation:
    """How the parameters are learned: the optimiser, its rate and decay, the mini-batch, the L2 term.

    ``momentum`` is the beta of "momentum"; ``beta1`` that of "adam"; ``beta2`` and ``epsilon`` those of "adam" and
    "rmsprop". ``l2`` adds l2/2 * sum(w**2) to the loss; the course writes lambda/m for it.
    """

    optimizer: str = "adam"
    learning_rate: float = 1e-3
    momentum: float = 0.9
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    l2: float = 0.0
    batch_size: int = 64
    decay: str = "inverse"
    decay_rate: float = 0.0

    def __post_init__(self) -> None:
        _check_name("optimizer", self.optimizer, OPTIMIZERS)
        _check_number("learning_rate", self.learning_rate, lambda v: v > 0, "greater than 0", example=1e-3)
        _check_share("momentum", self.momentum, example=0.9)
        _check_share("beta1", self.beta1, example=0.9)
        _check_share("beta2", self.beta2, example=0.999)
        _check_epsilon("epsilon", self.epsilon, example=1e-8)
        _check_number("l2", self.l2, lambda v: v >= 0, "of at least 0", example=1e-4)
        _check_whole("batch_size", self.batch_size, least=1, example=64)
        _check_name("decay", self.decay, SCHEDULES)
        if self.decay == "exponential":  # the share that is lost an epoch
            _check_share("decay_rate", self.decay_rate, example=0.05)
        elif self.decay == "staircase":  # halvings an epoch
            _check_number("decay_rate", self.decay_rate, lambda v: 0 <= v <= 1, "from 0 to 1", example=0.1)
        else:
            _check_number("decay_rate", self.decay_rate, lambda v: v >= 0, "of at least 0", example=0.05)


_ARCHITECTURE = tuple(f.name for f in fields(Architecture) if f.name not in ("n_in", "n_out", "hidden_units"))
_OPTIMISATION = tuple(f.name for f in fields(Optimisation))
HYPERPARAMETERS = (*_OPTIMISATION, "hidden_units", "layers", *_ARCHITECTURE)
"""Every hyperparameter that a config may give."""

_HIDDEN_UNITS, _LAYERS = 64, 2  # where a config is silent: deep enough to be a deep network, small enough to be quick


def from_config(config: Config, n_in: int, n_out: int) -> tuple[Architecture, Optimisation]:
    """The network that ``config`` describes, for ``n_in`` features and ``n_out`` classes.

    There are ``layers`` hidden layers of ``hidden_units`` each; where the config names no initialiser it is "he" under
    relu and leaky_relu, "xavier" under tanh and sigmoid. Raises ConfigError for an unknown hyperparameter, and for a
    value that no network can be built from.
    """
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in config.items()}
    for name in plain:
        if name not in HYPERPARAMETERS:
            raise ConfigError(
                f"{name!r} is not a hyperparameter of a dense network", did_you_mean(name, HYPERPARAMETERS)
            )
    units: Any = plain.get("hidden_units", _HIDDEN_UNITS)
    layers: Any = plain.get("layers", _LAYERS)
    _check_whole("hidden_units", units, least=1, example=_HIDDEN_UNITS)
    _check_whole("layers", layers, least=0, example=_LAYERS, most=1000)
    shape: dict[str, Any] = {name: plain[name] for name in _ARCHITECTURE if name in plain}
    if "initialiser" not in shape and shape.get("activation") in ("tanh", "sigmoid"):
        shape["initialiser"] = "xavier"
    training: dict[str, Any] = {name: plain[name] for name in _OPTIMISATION if name in plain}
    architecture = Architecture(n_in, n_out, hidden_units=(units,) * layers, **shape)
    optimisation = Optimisation(**training)
    if architecture.batch_norm and layers and optimisation.batch_size == 1:
        raise ConfigError(
            "batch_size must be at least 2 with batch norm, got 1: one example has no variance",
            "give a larger batch_size, or batch_norm = false",
        )
    return architecture, optimisation


def parameter_shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """The name and shape of every parameter, in order; a layer under batch norm has no b, for beta does its work."""
    shapes: dict[str, tuple[int, ...]] = {}
    widths = (architecture.n_in, *architecture.hidden_units, architecture.n_out)
    for layer, (n_in, n_out) in enumerate(pairwise(widths), start=1):
        shapes[f"layer{layer}.w"] = (n_in, n_out)
        if architecture.batch_norm and layer < len(widths) - 1:
            shapes[f"layer{layer}.gamma"] = (n_out,)
            shapes[f"layer{layer}.beta"] = (n_out,)
        else:
            shapes[f"layer{layer}.b"] = (n_out,)
    return shapes


def statistics_shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """The name and shape of every running statistic, in order; none without batch norm."""
    if not architecture.batch_norm:
        return {}
    return {
        f"layer{layer}.{statistic}": (units,)
        for layer, units in enumerate(architecture.hidden_units, start=1)
        for statistic in ("mean", "variance")
    }


def _check_number(name: str, value: object, allowed: Callable[[float], bool], must: str, example: float) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    if not (number and allowed(value)):  # type: ignore[arg-type]  # a number: tested one line above
        _refuse(name, f"a number {must}", value, f"{example:g}")


def _check_share(name: str, value: object, example: float) -> None:
    _check_number(name, value, lambda v: 0 <= v < 1, "of at least 0 and below 1", example)


def _check_epsilon(name: str, value: object, example: float) -> None:
    _check_number(name, value, lambda v: v >= _SMALLEST_EPSILON, f"of at least {_SMALLEST_EPSILON:g}", example)


def _check_whole(name: str, value: object, least: int, example: int, most: int = 2**31 - 1) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        _refuse(name, f"a whole number from {least} to {most}", value, str(example))


def _check_bool(name: str, value: object) -> None:
    if not isinstance(value, bool):
        _refuse(name, "true or false", value, "true")


def _check_name(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ConfigError(f"{name} must be one of {', '.join(known)}, got {value!r}", did_you_mean(str(value), known))


def _refuse(name: str, must: str, value: object, example: str) -> None:
    raise ConfigError(f"{name} must be {must}, got {value!r}", f"give it a value such as {name} = {example}")
