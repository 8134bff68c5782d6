"""The whole network: forward, backward, and one training step, each a short walk over the layers.

Notation is the room's (see caviar.nn). ``arrays`` is a flat dict that holds at least the parameters; a State's arrays
will do. In training mode batch norm takes the mini-batch's own statistics and dropout its masks; in predict mode it
takes the running statistics, and there is no dropout.

Source: Course, week 3, "Fitting Batch Norm into a Neural Network", and the sources of the parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from caviar.nn import Arrays, FloatArray, Labels, dropout
from caviar.nn.activations import ACTIVATIONS
from caviar.nn.averages import exponentially_weighted
from caviar.nn.batch_norm import (
    BatchNormCache,
    batch_norm_backward,
    batch_norm_forward,
    batch_norm_predict,
    running_statistics,
)
from caviar.nn.config import Architecture, Optimisation, parameter_shapes, statistics_shapes
from caviar.nn.dense import dense_backward, dense_forward
from caviar.nn.dropout import dropout_backward, dropout_forward
from caviar.nn.initialisers import initial_parameters
from caviar.nn.optimisers import recipe, update
from caviar.nn.softmax import cross_entropy, cross_entropy_backward, softmax
from caviar.randomness import UInt64


@dataclass(frozen=True)
class State:
    """A network in training: all that the next step depends on.

    ``arrays`` holds the parameters, then the running statistics ("layer1.mean", "layer1.variance": raw, uncorrected
    averages), then the moments ("layer1.w.first", "layer1.w.second"); ``step`` counts the training steps taken.
    """

    arrays: Arrays
    step: int = 0


@dataclass(frozen=True)
class HiddenCache:
    """What the forward pass of one hidden layer keeps."""

    x: FloatArray  # (m, n_in)
    a: FloatArray  # (m, n)  before dropout
    batch_norm: BatchNormCache | None
    mask: FloatArray | None  # (m, n)


@dataclass(frozen=True)
class Cache:
    """What the forward pass keeps: the hidden layers, then x, scores and probabilities of the output layer."""

    hidden: tuple[HiddenCache, ...]
    x: FloatArray  # (m, n_in of the output layer)
    z: FloatArray  # (m, n_out)
    probabilities: FloatArray  # (m, n_out)


def initial_state(architecture: Architecture, optimisation: Optimisation, key: UInt64) -> State:
    """The state before the first step; ``key`` is the trial's stream of randomness.Purpose.WEIGHTS."""
    parameters = initial_parameters(architecture, key)
    statistics = {name: np.zeros(shape) for name, shape in statistics_shapes(architecture).items()}
    moments = {
        f"{name}.{moment}": np.zeros_like(p)
        for name, p in parameters.items()
        for moment in recipe(optimisation).moments
    }
    return State({**parameters, **statistics, **moments})


def dropout_masks(architecture: Architecture, m: int, key: UInt64, step: int) -> tuple[FloatArray, ...]:
    """A mask (m, n) for each hidden layer at the step with ``step`` steps before it; none at all without dropout."""
    if architecture.dropout == 0:
        return ()
    return tuple(
        dropout.mask((m, n), architecture.dropout, key, step, layer)
        for layer, n in enumerate(architecture.hidden_units, start=1)
    )


def forward(
    architecture: Architecture, arrays: Mapping[str, FloatArray], x: FloatArray, masks: Sequence[FloatArray] = ()
) -> tuple[FloatArray, Cache]:
    """The probabilities (m, n_out) in training mode, and what ``backward`` needs; no ``masks``: no dropout."""
    hidden = []
    for layer in range(1, len(architecture.hidden_units) + 1):
        x, cache = _hidden_forward(architecture, arrays, f"layer{layer}", x, masks[layer - 1] if masks else None)
        hidden.append(cache)
    output = f"layer{len(hidden) + 1}"
    z = dense_forward(x, arrays[f"{output}.w"], arrays[f"{output}.b"])  # (m, n_out)
    probabilities = softmax(z)
    return probabilities, Cache(tuple(hidden), x, z, probabilities)


def backward(
    architecture: Architecture, arrays: Mapping[str, FloatArray], cache: Cache, y: Labels, l2: float = 0.0
) -> Arrays:
    """dJ/dp for every parameter p, J with its L2 term, in the parameters' order."""
    gradients: Arrays = {}
    output = f"layer{len(cache.hidden) + 1}"
    dz = cross_entropy_backward(cache.probabilities, y)  # (m, n_out)
    dx, gradients[f"{output}.w"], gradients[f"{output}.b"] = dense_backward(dz, cache.x, arrays[f"{output}.w"])
    for layer in range(len(cache.hidden), 0, -1):
        dx, block = _hidden_backward(architecture, arrays, f"layer{layer}", dx, cache.hidden[layer - 1])
        gradients.update(block)
    for name in _weights(architecture):
        gradients[name] = gradients[name] + l2 * arrays[name]  # from l2/2 * sum(w**2)
    return {name: gradients[name] for name in parameter_shapes(architecture)}


def _hidden_forward(
    architecture: Architecture, arrays: Mapping[str, FloatArray], name: str, x: FloatArray, mask: FloatArray | None
) -> tuple[FloatArray, HiddenCache]:
    """dense -> (batch norm, or + b) -> activation -> dropout, for the hidden layer called ``name``."""
    norm = None
    if architecture.batch_norm:
        z = dense_forward(x, arrays[f"{name}.w"], 0.0)  # (m, n)
        gamma, beta = arrays[f"{name}.gamma"], arrays[f"{name}.beta"]
        z, norm = batch_norm_forward(z, gamma, beta, architecture.batch_norm_epsilon)
    else:
        z = dense_forward(x, arrays[f"{name}.w"], arrays[f"{name}.b"])  # (m, n)
    a = ACTIVATIONS[architecture.activation].forward(z)  # (m, n)
    out = a if mask is None else dropout_forward(a, mask)
    return out, HiddenCache(x, a, norm, mask)


def _hidden_backward(
    architecture: Architecture, arrays: Mapping[str, FloatArray], name: str, dout: FloatArray, cache: HiddenCache
) -> tuple[FloatArray, Arrays]:
    """(dx, the layer's gradients): the lines of _hidden_forward, last first."""
    gradients: Arrays = {}
    da = dout if cache.mask is None else dropout_backward(dout, cache.mask)  # (m, n)
    dz = da * ACTIVATIONS[architecture.activation].derivative(cache.a)  # (m, n)
    if cache.batch_norm is not None:
        dz, dgamma, dbeta = batch_norm_backward(dz, arrays[f"{name}.gamma"], cache.batch_norm)
        gradients = {f"{name}.gamma": dgamma, f"{name}.beta": dbeta}
    dx, gradients[f"{name}.w"], db = dense_backward(dz, cache.x, arrays[f"{name}.w"])
    if cache.batch_norm is None:
        gradients[f"{name}.b"] = db
    return dx, gradients


def penalty(architecture: Architecture, arrays: Mapping[str, FloatArray], l2: float) -> float:
    """The L2 term, l2/2 * sum(w**2) over the weights of every layer; never b, gamma or beta."""
    return l2 / 2 * sum(float((arrays[name] ** 2).sum()) for name in _weights(architecture))


def scores(architecture: Architecture, state: State, x: FloatArray) -> FloatArray:
    """The scores z (m, n_out) in predict mode: softmax(z) are the probabilities, cross_entropy(z, y) is the loss."""
    activate = ACTIVATIONS[architecture.activation].forward
    arrays = state.arrays
    with np.errstate(all="ignore"):  # a diverged network predicts NaN: a result, not a warning
        for layer in range(1, len(architecture.hidden_units) + 1):
            w = arrays[f"layer{layer}.w"]
            if architecture.batch_norm:
                raw = arrays[f"layer{layer}.mean"], arrays[f"layer{layer}.variance"]
                mean, variance = running_statistics(*raw, architecture.batch_norm_momentum, state.step)
                gamma, beta = arrays[f"layer{layer}.gamma"], arrays[f"layer{layer}.beta"]
                z = dense_forward(x, w, 0.0)
                z = batch_norm_predict(z, gamma, beta, mean, variance, architecture.batch_norm_epsilon)
            else:
                z = dense_forward(x, w, arrays[f"layer{layer}.b"])
            x = activate(z)
        output = f"layer{len(architecture.hidden_units) + 1}"
        return dense_forward(x, arrays[f"{output}.w"], arrays[f"{output}.b"])


def train_step(
    architecture: Architecture,
    optimisation: Optimisation,
    state: State,
    x: FloatArray,
    y: Labels,
    learning_rate: float,
    key: UInt64,
) -> tuple[State, float]:
    """One training step on the mini-batch x (m, n_in), y (m,): the next state, and the loss before it without L2.

    ``learning_rate`` is the epoch's (see schedules), ``key`` the trial's stream of randomness.Purpose.DROPOUT.
    A network that diverges gets infinities and NaN and says so in its loss; nothing is raised.
    """
    arrays, step = state.arrays, state.step
    with np.errstate(all="ignore"):
        masks = dropout_masks(architecture, len(x), key, step)
        _, cache = forward(architecture, arrays, np.asarray(x, dtype=np.float64), masks)
        loss = cross_entropy(cache.z, y)
        gradients = backward(architecture, arrays, cache, y, optimisation.l2)
        changed = _running_averages(architecture, arrays, cache)
        rule = recipe(optimisation)
        for name, g in gradients.items():
            moments = {moment: arrays[f"{name}.{moment}"] for moment in rule.moments}
            new = update(rule, arrays[name], g, moments, step + 1, learning_rate)
            changed[name] = new.pop("p")
            changed.update({f"{name}.{moment}": value for moment, value in new.items()})
    return State({name: changed[name] for name in arrays}, step + 1), loss


def _running_averages(architecture: Architecture, arrays: Mapping[str, FloatArray], cache: Cache) -> Arrays:
    """The raw running statistics after this mini-batch."""
    mu = architecture.batch_norm_momentum
    changed: Arrays = {}
    for layer, hidden in enumerate(cache.hidden, start=1):
        if hidden.batch_norm is not None:
            mean, variance = f"layer{layer}.mean", f"layer{layer}.variance"
            changed[mean] = exponentially_weighted(arrays[mean], hidden.batch_norm.mean, mu)
            changed[variance] = exponentially_weighted(arrays[variance], hidden.batch_norm.variance, mu)
    return changed


def _weights(architecture: Architecture) -> list[str]:
    return [name for name in parameter_shapes(architecture) if name.endswith(".w")]
