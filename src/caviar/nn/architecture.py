"""The two nouns of a dense network: its architecture, which a saved model keeps, and its optimisation.

The optimisation ends with the training. Neither noun accepts values that no network can be built from. An absurdly
large learning rate is accepted: the network will diverge, and that is a result.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any, NoReturn

from caviar.errors import ConfigError, did_you_mean
from caviar.label_sets import MOST
from caviar.nn.encoding import AS_THEY_ARE, ENCODINGS, Encoding
from caviar.nn.text_statistics import TextTable

ACTIVATIONS = ("relu", "leaky_relu", "elu", "gelu", "silu", "mish", "selu", "tanh", "sigmoid", "identity")
INITIALISERS = ("he", "xavier", "lecun", "small_normal")
STATISTICS = ("running", "exact")
OUTPUTS = ("softmax", "sigmoid", "linear", "sigmoids")
OPTIMIZERS = ("sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw", "schedule_free")
SCHEDULES = ("constant", "inverse", "exponential", "inverse_sqrt", "staircase", "cosine", "flat_cosine", "coslog4")
DECAYS_BY = ("epoch", "step")
CLASS_WEIGHTS = ("none", "balanced")
LOSSES = ("squared", "huber", "pinball")
INPUT_SCALE = "layer1.scale"
"""The parameter of input scaling, one factor an input."""

_LEAST_SHARE = 0.01  # beta1 of schedule-free AdamW: its average is found by dividing float32 numbers by it
_SMALLEST_EPSILON = 1e-30  # a float32 engine must be able to hold it: 0 / (0 + epsilon) is 0 only then


@dataclass(frozen=True)
class Architecture:
    """A dense network: ``n_in`` features, hidden layers of these widths, ``n_out`` classes.

    No hidden layer at all is softmax regression. ``dropout`` is the probability of dropping a hidden unit,
    ``input_dropout`` that of dropping an input. ``output`` is "softmax", one score a class; "sigmoid", one score in
    all, for ``n_out`` = 2 classes; "linear", the number itself, for regression, where ``n_out`` is 1; or "sigmoids",
    one score for each of ``n_out`` targets of two classes.
    ``batch_norm_statistics`` are those that predictions use: "running" averages of the mini-batches', or the "exact"
    ones of the whole training set under the present weights. ``encoding`` is what becomes of numbers before the first
    layer (see encoding.py), of those in ``bins`` with so many of them; ``learned`` is that of the training rows.
    ``input_scaling`` multiplies every input, encoded, by a number that is learned (see input_scaling.py);
    ``parametric_activation`` lets every hidden unit learn its share of the activation (see parametric.py).
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
    input_scaling: bool = False
    parametric_activation: bool = False
    encoding: str = "standard"
    bins: int = 16
    learned: Encoding = AS_THEY_ARE

    def __post_init__(self) -> None:
        check_whole("n_in", self.n_in, least=1, example=64)
        check_name("encoding", self.encoding, ENCODINGS)
        check_whole("bins", self.bins, least=2, example=16, most=1024)
        check_name("output", self.output, OUTPUTS)
        _check_outputs(self.output, self.n_out)
        for units in self.hidden_units:
            check_whole("hidden_units", units, least=1, example=64)
        check_name("activation", self.activation, ACTIVATIONS)
        check_name("initialiser", self.initialiser, INITIALISERS)
        _check_bool("batch_norm", self.batch_norm)
        _check_share("batch_norm_momentum", self.batch_norm_momentum, example=0.9)
        _check_epsilon("batch_norm_epsilon", self.batch_norm_epsilon, example=1e-5)
        check_name("batch_norm_statistics", self.batch_norm_statistics, STATISTICS)
        _check_share("dropout", self.dropout, example=0.2)
        _check_share("input_dropout", self.input_dropout, example=0.1)
        _check_bool("input_scaling", self.input_scaling)
        _check_bool("parametric_activation", self.parametric_activation)

    @property
    def inputs(self) -> int:
        """Inputs of the first layer: the features, encoded."""
        return self.learned.width(self.n_in)

    @property
    def output_width(self) -> int:
        """Columns of the output layer: a score a class under softmax, a target under sigmoids, else one."""
        return self.n_out if self.output in ("softmax", "sigmoids") else 1

    @property
    def regression(self) -> bool:
        """True for a network that predicts a number, False for one of classes."""
        return self.output == "linear"

    @property
    def several(self) -> bool:
        """True for a network that predicts several targets of two classes each."""
        return self.output == "sigmoids"

    def to_record(self) -> dict[str, Any]:
        """Plain data, of which ``from_record`` makes the same architecture."""
        record = asdict(replace(self, learned=AS_THEY_ARE))
        record["hidden_units"] = list(self.hidden_units)
        record["learned"] = [list(numbers) for numbers in self.learned.columns]
        if self.encoding == "standard":  # as it was before there were others
            del record["encoding"], record["bins"], record["learned"]
        if self.learned.texts:
            record["texts"] = [asdict(table) | {"numbers": list(table.numbers)} for table in self.learned.texts]
        return record

    @staticmethod
    def from_record(plain: Mapping[str, Any]) -> Architecture:
        """The inverse of ``to_record``. Raises TypeError and ConfigError for what it cannot have written."""
        columns = tuple(tuple(map(float, numbers)) for numbers in plain.get("learned", ()))
        texts = tuple(
            TextTable(int(t["column"]), int(t["width"]), tuple(map(float, t["numbers"])))
            for t in plain.get("texts", ())
        )
        rest = {name: value for name, value in plain.items() if name != "texts"}
        return Architecture(
            **{**rest, "hidden_units": tuple(plain["hidden_units"]), "learned": Encoding(columns, texts)},
        )


@dataclass(frozen=True)
class Optimisation:
    """The way the parameters are learned: the optimiser, its rate and decay, the mini-batch, what the loss counts.

    ``momentum`` is the beta of "momentum" and "nesterov"; ``beta1`` that of "adam" and "adamw", and the share of the
    average in what "schedule_free" AdamW takes gradients at; ``beta2`` and ``epsilon`` are those of all three and of
    "rmsprop"; ``weight_decay`` is the decoupled one of "adamw" and "schedule_free", and of no other.
    ``l2`` adds l2/2 * sum(w**2) to the loss, under every optimiser; the course writes lambda/m for it. Gradients whose
    joint norm is above ``clip_norm`` are scaled down to it; 0 leaves them. The learning rate changes after
    every ``decay_by``, "epoch" or "step"; it rises in a line over the first ``warmup_steps`` steps.
    ``label_smoothing`` is the share of each row's target that goes to all classes alike; "balanced"
    ``class_weights`` count every class the same in all, whatever its share of the training rows. The factors of
    ``input_scaling`` learn at ``input_scaling_rate`` times the learning rate. ``averaging`` is the beta of an average
    of all parameters, which predictions then use (see averaged); 0 is none, which "schedule_free" needs. ``loss`` is
    that of regression, with ``huber_delta`` in the units of the target and the ``quantile`` of "pinball".
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
    input_scaling_rate: float = 6.0  # as RealMLP-TD has it
    averaging: float = 0.0
    loss: str = "squared"
    huber_delta: float = 1.0
    quantile: float = 0.5

    def __post_init__(self) -> None:
        check_name("optimizer", self.optimizer, OPTIMIZERS)
        _check_number("learning_rate", self.learning_rate, lambda v: v > 0, "greater than 0", example=1e-3)
        _check_share("momentum", self.momentum, example=0.9)
        _check_share("beta1", self.beta1, example=0.9)
        _check_share("beta2", self.beta2, example=0.999)
        _check_epsilon("epsilon", self.epsilon, example=1e-8)
        _check_size("l2", self.l2, example=1e-4)
        _check_size("weight_decay", self.weight_decay, example=0.01)
        _check_size("clip_norm", self.clip_norm, example=1.0)
        check_whole("batch_size", self.batch_size, least=1, example=64)
        check_name("decay", self.decay, SCHEDULES)
        if self.decay == "exponential":  # the share that is lost an epoch
            _check_share("decay_rate", self.decay_rate, example=0.05)
        elif self.decay == "staircase":  # halvings an epoch
            _check_number("decay_rate", self.decay_rate, lambda v: 0 <= v <= 1, "from 0 to 1", example=0.1)
        else:
            _check_size("decay_rate", self.decay_rate, example=0.05)
        check_name("decay_by", self.decay_by, DECAYS_BY)
        if self.decay == "coslog4" and self.decay_by == "epoch" and self.decay_rate > 0:
            raise ConfigError(
                "decay_by must be step where decay is coslog4, got epoch: the first epoch would train nothing",
                "give it decay_by = step",
            )
        check_whole("warmup_steps", self.warmup_steps, least=0, example=100)
        _check_share("label_smoothing", self.label_smoothing, example=0.1)
        check_name("class_weights", self.class_weights, CLASS_WEIGHTS)
        _check_number("input_scaling_rate", self.input_scaling_rate, lambda v: v > 0, "greater than 0", example=6.0)
        _check_share("averaging", self.averaging, example=0.99)
        if self.optimizer == "schedule_free":
            _check_schedule_free(self.beta1, self.averaging)
        check_name("loss", self.loss, LOSSES)
        _check_number("huber_delta", self.huber_delta, lambda v: v > 0, "greater than 0", example=1.0)
        _check_number("quantile", self.quantile, lambda v: 0 < v < 1, "above 0 and below 1", example=0.5)


def parameter_shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """The name and shape of every parameter, in order; a layer under batch norm has no b, for beta does its work."""
    shapes: dict[str, tuple[int, ...]] = {INPUT_SCALE: (architecture.inputs,)} if architecture.input_scaling else {}
    widths = (architecture.inputs, *architecture.hidden_units, architecture.output_width)
    for layer, (n_in, n_out) in enumerate(pairwise(widths), start=1):
        shapes[f"layer{layer}.w"] = (n_in, n_out)
        if architecture.batch_norm and layer < len(widths) - 1:
            shapes[f"layer{layer}.gamma"] = (n_out,)
            shapes[f"layer{layer}.beta"] = (n_out,)
        else:
            shapes[f"layer{layer}.b"] = (n_out,)
        if architecture.parametric_activation and layer < len(widths) - 1:
            shapes[f"layer{layer}.alpha"] = (n_out,)
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
        refuse(name, f"a number {must}", value, f"{example:g}")


def _check_share(name: str, value: object, example: float) -> None:
    _check_number(name, value, lambda v: 0 <= v < 1, "of at least 0 and below 1", example)


def _check_size(name: str, value: object, example: float) -> None:
    _check_number(name, value, lambda v: v >= 0, "of at least 0", example)


def _check_epsilon(name: str, value: object, example: float) -> None:
    _check_number(name, value, lambda v: v >= _SMALLEST_EPSILON, f"of at least {_SMALLEST_EPSILON:g}", example)


def _check_schedule_free(beta1: float, averaging: float) -> None:
    if beta1 < _LEAST_SHARE:
        refuse("beta1", f"at least {_LEAST_SHARE} under schedule_free", beta1, "0.9")
    if averaging > 0:
        raise ConfigError(
            f"averaging must be 0 under schedule_free, which averages all steps itself, got {averaging!r}",
            "give averaging = 0, or another optimizer",
        )


def check_whole(name: str, value: object, least: int, example: int, most: int = 2**31 - 1) -> None:
    """Raise ConfigError unless ``value`` is a whole number from ``least`` to ``most``."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        refuse(name, f"a whole number from {least} to {most}", value, str(example))


def _check_outputs(output: str, n_out: object) -> None:
    if output == "softmax":
        check_whole("n_out", n_out, least=2, example=10)
    elif output == "sigmoids":
        check_whole("n_out", n_out, least=2, example=3, most=MOST)
    elif n_out != (2 if output == "sigmoid" else 1):
        classes = "2 classes" if output == "sigmoid" else "a number to predict (n_out = 1)"
        raise ConfigError(f"output = {output} is for {classes}, got n_out={n_out!r}", "leave output out: it follows")


def _check_bool(name: str, value: object) -> None:
    if not isinstance(value, bool):
        refuse(name, "true or false", value, "true")


def check_name(name: str, value: object, known: tuple[str, ...]) -> None:
    """Raise ConfigError unless ``value`` is one of the ``known`` names."""
    if value not in known:
        raise ConfigError(f"{name} must be one of {', '.join(known)}, got {value!r}", did_you_mean(str(value), known))


def refuse(name: str, must: str, value: object, example: str) -> NoReturn:
    """Raise ConfigError: ``name`` must be ``must``, and ``example`` is a value that is accepted."""
    raise ConfigError(f"{name} must be {must}, got {value!r}", f"give it a value such as {name} = {example}")
