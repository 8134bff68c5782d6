"""What a network is, how it is trained, and how a config says so.

A config is flat (see records.Config); a network needs two nouns: its ``Architecture``, which a saved model keeps, and
its ``Optimisation``, which is over when training is. Neither can be made with values that no network can be built from.
A learning rate that is absurdly large is allowed: the trial will diverge, and that is a result.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np

from caviar.errors import ConfigError, did_you_mean
from caviar.records import Config

ACTIVATIONS = ("relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid", "identity")
INITIALISERS = ("he", "xavier", "lecun", "small_normal")
STATISTICS = ("running", "exact")
OUTPUTS = ("softmax", "sigmoid", "linear")
OPTIMIZERS = ("sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw")
SCHEDULES = ("constant", "inverse", "exponential", "inverse_sqrt", "staircase", "cosine")
DECAYS_BY = ("epoch", "step")
CLASS_WEIGHTS = ("none", "balanced")
SHAPES = ("constant", "halving")

_SMALLEST_EPSILON = 1e-30  # a float32 engine must be able to hold it: 0 / (0 + epsilon) is 0 only then
_MOST_LAYERS = 1000


@dataclass(frozen=True)
class Architecture:
    """A dense network: ``n_in`` features, hidden layers of these widths, ``n_out`` classes.

    No hidden layer at all is softmax regression. ``dropout`` is the probability of dropping a hidden unit,
    ``input_dropout`` that of dropping an input. ``output`` is "softmax", one score a class; "sigmoid", one score in
    all, for ``n_out`` = 2 classes; or "linear", the number itself, for regression, where ``n_out`` is 1.
    ``batch_norm_statistics`` are those that predictions use: "running" averages of the mini-batches', or the "exact"
    ones of the whole training set under the present weights.
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
    batch_norm_statistics: str = "running"  # exact ones cost a pass over the training set at every evaluation
    input_dropout: float = 0.0
    output: str = "softmax"

    def __post_init__(self) -> None:
        _check_whole("n_in", self.n_in, least=1, example=64)
        _check_name("output", self.output, OUTPUTS)
        _check_outputs(self.output, self.n_out)
        for units in self.hidden_units:
            _check_whole("hidden_units", units, least=1, example=64)
        _check_name("activation", self.activation, ACTIVATIONS)
        _check_name("initialiser", self.initialiser, INITIALISERS)
        _check_bool("batch_norm", self.batch_norm)
        _check_share("batch_norm_momentum", self.batch_norm_momentum, example=0.9)
        _check_epsilon("batch_norm_epsilon", self.batch_norm_epsilon, example=1e-5)
        _check_name("batch_norm_statistics", self.batch_norm_statistics, STATISTICS)
        _check_share("dropout", self.dropout, example=0.2)
        _check_share("input_dropout", self.input_dropout, example=0.1)

    @property
    def output_width(self) -> int:
        """Columns of the output layer: a score a class under softmax, else one."""
        return self.n_out if self.output == "softmax" else 1

    @property
    def regression(self) -> bool:
        """Whether it predicts a number and not a class."""
        return self.output == "linear"


@dataclass(frozen=True)
class Optimisation:
    """How the parameters are learned: the optimiser, its rate and decay, the mini-batch, what the loss counts.

    ``momentum`` is the beta of "momentum" and "nesterov"; ``beta1`` that of "adam" and "adamw"; ``beta2`` and
    ``epsilon`` those of both and of "rmsprop"; ``weight_decay`` is the decoupled one of "adamw", and of no other.
    ``l2`` adds l2/2 * sum(w**2) to the loss, under every optimiser; the course writes lambda/m for it. Gradients whose
    joint norm is above ``clip_norm`` are scaled down to it; 0 leaves them. ``decay_by`` says whether the learning
    rate changes after every epoch or after every step; it rises in a line over the first ``warmup_steps`` steps.
    ``label_smoothing`` is the share of each row's target that goes to all classes alike; "balanced"
    ``class_weights`` count every class the same in all, whatever its share of the training rows.
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
    weight_decay: float = 0.01  # as PyTorch has it
    clip_norm: float = 0.0
    decay_by: str = "epoch"
    warmup_steps: int = 0
    label_smoothing: float = 0.0
    class_weights: str = "none"

    def __post_init__(self) -> None:
        _check_name("optimizer", self.optimizer, OPTIMIZERS)
        _check_number("learning_rate", self.learning_rate, lambda v: v > 0, "greater than 0", example=1e-3)
        _check_share("momentum", self.momentum, example=0.9)
        _check_share("beta1", self.beta1, example=0.9)
        _check_share("beta2", self.beta2, example=0.999)
        _check_epsilon("epsilon", self.epsilon, example=1e-8)
        _check_size("l2", self.l2, example=1e-4)
        _check_size("weight_decay", self.weight_decay, example=0.01)
        _check_size("clip_norm", self.clip_norm, example=1.0)
        _check_whole("batch_size", self.batch_size, least=1, example=64)
        _check_name("decay", self.decay, SCHEDULES)
        if self.decay == "exponential":  # the share that is lost an epoch
            _check_share("decay_rate", self.decay_rate, example=0.05)
        elif self.decay == "staircase":  # halvings an epoch
            _check_number("decay_rate", self.decay_rate, lambda v: 0 <= v <= 1, "from 0 to 1", example=0.1)
        else:
            _check_size("decay_rate", self.decay_rate, example=0.05)
        _check_name("decay_by", self.decay_by, DECAYS_BY)
        _check_whole("warmup_steps", self.warmup_steps, least=0, example=100)
        _check_share("label_smoothing", self.label_smoothing, example=0.1)
        _check_name("class_weights", self.class_weights, CLASS_WEIGHTS)


_ARCHITECTURE = tuple(f.name for f in fields(Architecture) if f.name not in ("n_in", "n_out", "hidden_units"))
_OPTIMISATION = tuple(f.name for f in fields(Optimisation))
HYPERPARAMETERS = (*_OPTIMISATION, "hidden_units", "layers", "shape", *_ARCHITECTURE)
"""Every hyperparameter that a config may give."""

_HIDDEN_UNITS, _LAYERS = 64, 2  # where a config is silent: deep enough to be a deep network, small enough to be quick
_FOLLOWS = {"tanh": "xavier", "sigmoid": "xavier", "identity": "lecun"}  # "he" is right for those that are relu above 0


def from_config(config: Config, n_in: int, n_out: int) -> tuple[Architecture, Optimisation]:
    """The network that ``config`` describes, for ``n_in`` features and ``n_out`` classes, or 1 for regression.

    There are ``layers`` hidden layers of ``hidden_units`` each, or, where ``shape`` is "halving", each half as wide as
    the one below it, down to 2. ``hidden_units`` may also list every layer's width, as numbers or as text that a
    Choice can hold: "128-64-32"; ``layers`` is then left out, or their number. Where the config names no initialiser
    it is "xavier" under tanh and sigmoid, "lecun" under identity, else "he". The output is "softmax" unless the config
    asks for "sigmoid" (two classes), and "linear" for regression, where label_smoothing and class_weights have no
    meaning. Raises ConfigError for an unknown hyperparameter, and for a value that no network can be built from.
    """
    plain = {name: _plain(value) for name, value in config.items()}
    for name in plain:
        if name not in HYPERPARAMETERS:
            raise ConfigError(
                f"{name!r} is not a hyperparameter of a dense network", did_you_mean(name, HYPERPARAMETERS)
            )
    shape: dict[str, Any] = {name: plain[name] for name in _ARCHITECTURE if name in plain}
    if "initialiser" not in shape and isinstance(shape.get("activation"), str):
        shape["initialiser"] = _FOLLOWS.get(shape["activation"], "he")
    if "output" not in shape and n_out == 1:
        shape["output"] = "linear"
    training: dict[str, Any] = {name: plain[name] for name in _OPTIMISATION if name in plain}
    architecture = Architecture(n_in, n_out, hidden_units=_widths(plain), **shape)
    optimisation = Optimisation(**training)
    if architecture.batch_norm and architecture.hidden_units and optimisation.batch_size == 1:
        raise ConfigError(
            "batch_size must be at least 2 with batch norm, got 1: one example has no variance",
            "give a larger batch_size, or batch_norm = false",
        )
    if architecture.regression:
        for name, off in (("label_smoothing", 0.0), ("class_weights", "none")):
            if getattr(optimisation, name) != off:
                raise ConfigError(
                    f"{name} is for classes, and the target is a number, got {getattr(optimisation, name)!r}",
                    f"leave {name} out",
                )
    return architecture, optimisation


def _plain(value: Any) -> Any:
    """``value`` without NumPy's scalars, which come from spaces and tables; a list's too."""
    if isinstance(value, list | tuple):
        return tuple(_plain(each) for each in value)
    return value.item() if isinstance(value, np.generic) else value


def _widths(plain: dict[str, Any]) -> tuple[int, ...]:
    """The width of every hidden layer, from ``hidden_units``, ``layers`` and ``shape``."""
    units, layers = plain.get("hidden_units", _HIDDEN_UNITS), plain.get("layers")
    shape = plain.get("shape", "constant")
    _check_name("shape", shape, SHAPES)
    if "layers" in plain:
        _check_whole("layers", layers, least=0, example=_LAYERS, most=_MOST_LAYERS)
    if isinstance(units, str):
        if not re.fullmatch("[0-9]{1,10}(-[0-9]{1,10})*", units):
            _refuse("hidden_units", "a width, or the widths of all layers", units, '"128-64-32"')
        units = tuple(int(width) for width in units.split("-"))
    if not isinstance(units, tuple):
        _check_whole("hidden_units", units, least=1, example=_HIDDEN_UNITS)
        count = _LAYERS if layers is None else layers
        return tuple(max(units // 2**i, 2) if shape == "halving" else units for i in range(count))
    if layers not in (None, len(units)) or len(units) > _MOST_LAYERS:
        raise ConfigError(
            f"layers must be the {len(units)} of hidden_units, at most {_MOST_LAYERS}, got {layers}",
            "leave layers out where hidden_units lists the widths",
        )
    if shape != "constant":
        raise ConfigError(
            f"shape must be constant where hidden_units lists the widths, got {shape!r}", "leave shape out"
        )
    return units


def parameter_shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """The name and shape of every parameter, in order; a layer under batch norm has no b, for beta does its work."""
    shapes: dict[str, tuple[int, ...]] = {}
    widths = (architecture.n_in, *architecture.hidden_units, architecture.output_width)
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


def _check_size(name: str, value: object, example: float) -> None:
    _check_number(name, value, lambda v: v >= 0, "of at least 0", example)


def _check_epsilon(name: str, value: object, example: float) -> None:
    _check_number(name, value, lambda v: v >= _SMALLEST_EPSILON, f"of at least {_SMALLEST_EPSILON:g}", example)


def _check_whole(name: str, value: object, least: int, example: int, most: int = 2**31 - 1) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        _refuse(name, f"a whole number from {least} to {most}", value, str(example))


def _check_outputs(output: str, n_out: object) -> None:
    if output == "softmax":
        _check_whole("n_out", n_out, least=2, example=10)
    elif n_out != (2 if output == "sigmoid" else 1):
        classes = "2 classes" if output == "sigmoid" else "a number to predict (n_out = 1)"
        raise ConfigError(f"output = {output} is for {classes}, got n_out={n_out!r}", "leave output out: it follows")


def _check_bool(name: str, value: object) -> None:
    if not isinstance(value, bool):
        _refuse(name, "true or false", value, "true")


def _check_name(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ConfigError(f"{name} must be one of {', '.join(known)}, got {value!r}", did_you_mean(str(value), known))


def _refuse(name: str, must: str, value: object, example: str) -> None:
    raise ConfigError(f"{name} must be {must}, got {value!r}", f"give it a value such as {name} = {example}")
