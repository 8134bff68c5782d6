"""The whole network: forward, backward, and one training step, each a short walk over the layers.

Notation is the room's (see caviar.nn). ``arrays`` is a flat dict that holds at least the parameters; a State's arrays
will do. In training mode batch norm takes the mini-batch's own statistics and dropout its masks; in predict mode it
takes the running statistics, or what ``with_exact_statistics`` has put in their place, and there is no dropout.

Source: Course, week 3, "Fitting Batch Norm into a Neural Network", and the sources of the parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from caviar.nn import Arrays, FloatArray, Targets, dropout, parametric
from caviar.nn.activations import ACTIVATIONS
from caviar.nn.architecture import INPUT_SCALE, Architecture, Optimisation, parameter_shapes, statistics_shapes
from caviar.nn.averaged import averaged_names, next_averages
from caviar.nn.averages import exponentially_weighted
from caviar.nn.batch_norm import (
    BatchNormCache,
    batch_norm_backward,
    batch_norm_forward,
    batch_norm_predict,
    running_statistics,
)
from caviar.nn.dense import dense_backward, dense_forward
from caviar.nn.dropout import dropout_backward, dropout_forward
from caviar.nn.initialisers import initial_parameters
from caviar.nn.input_scaling import input_scaling_backward, input_scaling_forward
from caviar.nn.losses import PLAIN, LossTerms, mean_loss, mean_loss_backward, terms_with
from caviar.nn.optimisers import clip, recipe, update, weight_of_step
from caviar.nn.parametric import parametric_backward, parametric_forward
from caviar.nn.state import State
from caviar.randomness import UInt64


@dataclass(frozen=True)
class HiddenCache:
    """Values that the forward pass of one hidden layer keeps."""

    x: FloatArray  # (m, n_in)
    z: FloatArray  # (m, n)  what the activation got: after batch norm
    g: FloatArray  # (m, n)  what the activation gave; a itself unless it is parametric
    a: FloatArray  # (m, n)  before dropout
    batch_norm: BatchNormCache | None
    mask: FloatArray | None  # (m, n)


@dataclass(frozen=True)
class Cache:
    """Values that the forward pass keeps: the inputs, the hidden layers, then x and scores of the output layer."""

    inputs: FloatArray  # (m, n_in)  after dropout, before scaling
    hidden: tuple[HiddenCache, ...]
    x: FloatArray  # (m, n_in of the output layer)
    z: FloatArray  # (m, output_width)


Masks = Mapping[int, FloatArray]
"""The dropout masks of a step by layer, those of the inputs by 0; a layer without dropout has none."""


def initial_state(architecture: Architecture, optimisation: Optimisation, key: UInt64) -> State:
    """The state before the first step; ``key`` is the trial's stream of randomness.Purpose.WEIGHTS."""
    parameters = initial_parameters(architecture, key)
    statistics = {name: np.zeros(shape) for name, shape in statistics_shapes(architecture).items()}
    moments = {
        f"{name}.{moment}": p.copy() if moment == "base" else np.zeros_like(p)
        for name, p in parameters.items()
        for moment in recipe(optimisation).moments
    }
    start = {**parameters, **statistics}
    names = averaged_names(architecture) if optimisation.averaging > 0 else ()
    averages = {f"{name}.average": np.zeros_like(start[name]) for name in names}
    return State({**start, **moments, **averages})


def dropout_masks(architecture: Architecture, m: int, key: UInt64, step: int) -> Masks:
    """The masks (m, n) of the step with ``step`` steps before it, for the inputs and for every hidden layer."""
    widths = (architecture.inputs, *architecture.hidden_units)
    shares = (architecture.input_dropout, *(architecture.dropout for _ in architecture.hidden_units))
    return {
        layer: dropout.mask((m, n), p, key, step, layer)
        for layer, (n, p) in enumerate(zip(widths, shares, strict=True))
        if p > 0
    }


def forward(
    architecture: Architecture, arrays: Mapping[str, FloatArray], x: FloatArray, masks: Masks | None = None
) -> Cache:
    """The scores (m, output_width) in training mode, and all that ``backward`` needs; no ``masks``: no dropout."""
    masks = masks or {}
    hidden = []
    inputs = dropout_forward(x, masks[0]) if 0 in masks else x  # (m, n_in)
    x = _scaled(architecture, arrays, inputs)
    for layer in range(1, len(architecture.hidden_units) + 1):
        cache = _hidden_forward(architecture, arrays, f"layer{layer}", x, masks.get(layer))
        hidden.append(cache)
        x = cache.a if cache.mask is None else dropout_forward(cache.a, cache.mask)
    output = f"layer{len(hidden) + 1}"
    z = dense_forward(x, arrays[f"{output}.w"], arrays[f"{output}.b"])  # (m, output_width)
    return Cache(inputs, tuple(hidden), x, z)


def backward(
    architecture: Architecture,
    arrays: Mapping[str, FloatArray],
    cache: Cache,
    y: Targets,
    terms: LossTerms = PLAIN,
) -> Arrays:
    """dJ/dp for every parameter p, J with its L2 term, in the parameters' order."""
    gradients: Arrays = {}
    output = f"layer{len(cache.hidden) + 1}"
    dz = mean_loss_backward(architecture.output, cache.z, y, terms)  # (m, output_width)
    dx, gradients[f"{output}.w"], gradients[f"{output}.b"] = dense_backward(dz, cache.x, arrays[f"{output}.w"])
    for layer in range(len(cache.hidden), 0, -1):
        dx, block = _hidden_backward(architecture, arrays, f"layer{layer}", dx, cache.hidden[layer - 1])
        gradients.update(block)
    if architecture.input_scaling:
        gradients[INPUT_SCALE] = input_scaling_backward(dx, cache.inputs)
    for name in _weights(architecture):
        gradients[name] = gradients[name] + terms.l2 * arrays[name]  # from l2/2 * sum(w**2)
    return {name: gradients[name] for name in parameter_shapes(architecture)}


def _hidden_forward(
    architecture: Architecture, arrays: Mapping[str, FloatArray], name: str, x: FloatArray, mask: FloatArray | None
) -> HiddenCache:
    """dense -> (batch norm, or + b) -> activation, for the hidden layer called ``name``; dropout comes after it."""
    norm = None
    if architecture.batch_norm:
        z = dense_forward(x, arrays[f"{name}.w"], 0.0)  # (m, n)
        gamma, beta = arrays[f"{name}.gamma"], arrays[f"{name}.beta"]
        z, norm = batch_norm_forward(z, gamma, beta, architecture.batch_norm_epsilon)
    else:
        z = dense_forward(x, arrays[f"{name}.w"], arrays[f"{name}.b"])  # (m, n)
    g = ACTIVATIONS[architecture.activation].forward(z)  # (m, n)
    a = parametric_forward(z, g, arrays[f"{name}.alpha"]) if architecture.parametric_activation else g
    return HiddenCache(x, z, g, a, norm, mask)


def _hidden_backward(
    architecture: Architecture, arrays: Mapping[str, FloatArray], name: str, dout: FloatArray, cache: HiddenCache
) -> tuple[FloatArray, Arrays]:
    """(dx, the layer's gradients): dropout and the lines of _hidden_forward, last first."""
    gradients: Arrays = {}
    da = dout if cache.mask is None else dropout_backward(dout, cache.mask)  # (m, n)
    slope = ACTIVATIONS[architecture.activation].derivative(cache.z, cache.g)  # (m, n)
    if architecture.parametric_activation:
        alpha = f"{name}.alpha"
        dz, gradients[alpha] = parametric_backward(da, cache.z, cache.g, slope, arrays[alpha])
    else:
        dz = da * slope  # (m, n)
    if cache.batch_norm is not None:
        dz, dgamma, dbeta = batch_norm_backward(dz, arrays[f"{name}.gamma"], cache.batch_norm)
        gradients |= {f"{name}.gamma": dgamma, f"{name}.beta": dbeta}
    dx, gradients[f"{name}.w"], db = dense_backward(dz, cache.x, arrays[f"{name}.w"])
    if cache.batch_norm is None:
        gradients[f"{name}.b"] = db
    return dx, gradients


def penalty(architecture: Architecture, arrays: Mapping[str, FloatArray], l2: float) -> float:
    """The L2 term, l2/2 * sum(w**2) over the weights of every layer; never b, gamma or beta."""
    return l2 / 2 * sum(float((arrays[name] ** 2).sum()) for name in _weights(architecture))


def scores(architecture: Architecture, state: State, x: FloatArray) -> FloatArray:
    """The scores z (m, output_width) in predict mode; their meaning and their loss are in losses."""
    *_, z = each_layer(architecture, state, x)
    return z


def each_layer(architecture: Architecture, state: State, x: FloatArray) -> Iterator[FloatArray]:
    """z (m, n) of each layer in predict mode: what a hidden layer's activation gets, and at the end the scores."""
    arrays = state.arrays
    with np.errstate(all="ignore"):  # a diverged network predicts NaN: a result, not a warning
        x = _scaled(architecture, arrays, x)
    for layer in range(1, len(architecture.hidden_units) + 1):
        name = f"layer{layer}"
        with np.errstate(all="ignore"):
            z = _before_normalising(architecture, arrays, name, x)
            if architecture.batch_norm:
                raw = arrays[f"{name}.mean"], arrays[f"{name}.variance"]
                mean, variance = running_statistics(*raw, architecture.batch_norm_momentum, state.step)
                z = _normalised(architecture, arrays, name, z, mean, variance)
        yield z
        with np.errstate(all="ignore"):
            x = _activated(architecture, arrays, name, z)
    output = f"layer{len(architecture.hidden_units) + 1}"
    with np.errstate(all="ignore"):
        yield dense_forward(x, arrays[f"{output}.w"], arrays[f"{output}.b"])


def with_exact_statistics(architecture: Architecture, state: State, x: FloatArray) -> State:
    """The state whose predictions use the statistics of the whole training set ``x`` (m, n_in), not running averages.

    Layer by layer, the mean and the biased variance of z = x @ w over all of ``x`` in predict mode, the layers below
    normalised by their own exact statistics already. They are stored as raw averages are, times 1 - mu^t, so that
    ``scores`` and others that correct raw averages for their start at 0 find them. The parameters are those of
    ``state``. Before the first step, and without batch norm, it is ``state`` itself. What training goes on from is
    ``state`` and never this one.

    Source: Ioffe and Szegedy, Batch Normalization, 2015, algorithm 2, lines 8 to 12, over all examples in place of
    many mini-batches, and with the biased variance in place of m/(m-1) times it.
    """
    if not architecture.batch_norm or state.step == 0:
        return state
    start = 1 - architecture.batch_norm_momentum**state.step
    exact: Arrays = {}
    with np.errstate(all="ignore"):
        x = _scaled(architecture, state.arrays, x)
        for layer in range(1, len(architecture.hidden_units) + 1):
            name = f"layer{layer}"
            z = _before_normalising(architecture, state.arrays, name, x)
            mean = z.mean(axis=0)  # (n,)
            variance = ((z - mean) ** 2).mean(axis=0)  # (n,)
            exact |= {f"{name}.mean": mean * start, f"{name}.variance": variance * start}
            z = _normalised(architecture, state.arrays, name, z, mean, variance)
            x = _activated(architecture, state.arrays, name, z)
    return replace(state, arrays={**state.arrays, **exact})


def _scaled(architecture: Architecture, arrays: Mapping[str, FloatArray], x: FloatArray) -> FloatArray:
    return input_scaling_forward(x, arrays[INPUT_SCALE]) if architecture.input_scaling else x


def _activated(architecture: Architecture, arrays: Mapping[str, FloatArray], name: str, z: FloatArray) -> FloatArray:
    g = ACTIVATIONS[architecture.activation].forward(z)
    return parametric_forward(z, g, arrays[f"{name}.alpha"]) if architecture.parametric_activation else g


def _before_normalising(
    architecture: Architecture, arrays: Mapping[str, FloatArray], name: str, x: FloatArray
) -> FloatArray:
    b = 0.0 if architecture.batch_norm else arrays[f"{name}.b"]
    return dense_forward(x, arrays[f"{name}.w"], b)


def _normalised(
    architecture: Architecture,
    arrays: Mapping[str, FloatArray],
    name: str,
    z: FloatArray,
    mean: FloatArray,
    variance: FloatArray,
) -> FloatArray:
    gamma, beta = arrays[f"{name}.gamma"], arrays[f"{name}.beta"]
    return batch_norm_predict(z, gamma, beta, mean, variance, architecture.batch_norm_epsilon)


def train_step(
    architecture: Architecture,
    optimisation: Optimisation,
    state: State,
    x: FloatArray,
    y: Targets,
    learning_rate: float,
    key: UInt64,
    class_weights: FloatArray | None = None,
) -> tuple[State, float]:
    """One training step on the mini-batch x (m, n_in), y (m,): the next state, and the loss before it without L2.

    ``learning_rate`` is the step's (see schedules), ``key`` the trial's stream of randomness.Purpose.DROPOUT,
    ``class_weights`` (C,) are those of the whole training set (see losses), which a mini-batch does not have.
    A network that diverges gets infinities and NaN, also in its loss; nothing is raised.
    """
    arrays, step = state.arrays, state.step
    terms = terms_with(optimisation, class_weights)
    with np.errstate(all="ignore"):
        masks = dropout_masks(architecture, len(x), key, step)
        cache = forward(architecture, arrays, np.asarray(x, dtype=np.float64), masks)
        loss = mean_loss(architecture.output, cache.z, y, terms)
        gradients = clip(backward(architecture, arrays, cache, y, terms), optimisation.clip_norm)
        changed = {**arrays, **_running_averages(architecture, arrays, cache)}
        rule = recipe(optimisation)
        seen = {"first": state.first_steps + 1, "second": state.second_steps + 1}
        squared_rates = state.squared_rates + (learning_rate * learning_rate if rule.schedule_free else 0.0)
        c = weight_of_step(learning_rate, squared_rates)
        for name, g in gradients.items():
            moments = {moment: arrays[f"{name}.{moment}"] for moment in rule.moments}
            own = rule if name.endswith(".w") else replace(rule, decay=0.0)
            new = update(own, arrays[name], g, moments, seen, learning_rate * _share_of_rate(optimisation, name), c)
            changed[name] = new.pop("p")
            changed.update({f"{name}.{moment}": value for moment, value in new.items()})
        average_steps = state.average_steps
        if optimisation.averaging > 0:
            average_steps += 1
            changed.update(next_averages(architecture, optimisation.averaging, changed, step + 1))
    return State(changed, step + 1, seen["first"], seen["second"], average_steps, squared_rates), loss


def _share_of_rate(optimisation: Optimisation, name: str) -> float:
    if name == INPUT_SCALE:
        return optimisation.input_scaling_rate
    return parametric.RATE if name.endswith(".alpha") else 1.0


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
