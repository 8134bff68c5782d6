"""Initial weights: normal with mean 0, and a standard deviation that keeps signals and gradients alive.

Notation
    n_in, n_out   width before and after the weights
    w             (n_in, n_out), standard normal numbers times the initialiser's scale

Sources: He et al., Delving deep into rectifiers, 2015; Glorot and Bengio, Understanding the difficulty of training
deep feedforward neural networks, 2010; LeCun et al., Efficient BackProp, 1998, section 4.6;
Course, week 1, "Weight Initialization for Deep Networks".
"""

from __future__ import annotations

import math

import numpy as np

from caviar.nn import Arrays
from caviar.nn.architecture import Architecture, parameter_shapes
from caviar.randomness import UInt64, generator


def he(n_in: int, n_out: int) -> float:
    """sqrt(2 / n_in): relu silences half of its inputs, so the other half has twice the variance."""
    return math.sqrt(2 / n_in)


def xavier(n_in: int, n_out: int) -> float:
    """sqrt(2 / (n_in + n_out)), Glorot's compromise between the forward pass and the backward pass.

    The course gives this as "another version" and calls sqrt(1 / n_in) Xavier; that one is ``lecun`` here.
    """
    return math.sqrt(2 / (n_in + n_out))


def lecun(n_in: int, n_out: int) -> float:
    """sqrt(1 / n_in): z has the variance of x."""
    return math.sqrt(1 / n_in)


def small_normal(n_in: int, n_out: int) -> float:
    """0.01, whatever the width: fine for one hidden layer; in a deep network without batch norm gradients vanish."""
    return 0.01


INITIALISERS = {"he": he, "xavier": xavier, "lecun": lecun, "small_normal": small_normal}


def initial_parameters(architecture: Architecture, key: UInt64) -> Arrays:
    """The parameters before the first step: w drawn layer by layer, b and beta 0, gamma, scale and alpha 1.

    ``key`` is the trial's stream of randomness.Purpose.WEIGHTS; an initialiser changes the scale, not the draws.
    """
    random = generator(key)
    scale = INITIALISERS[architecture.initialiser]
    parameters: Arrays = {}
    for name, shape in parameter_shapes(architecture).items():
        if name.endswith(".w"):
            parameters[name] = scale(*shape) * random.standard_normal(shape)
        else:
            parameters[name] = np.full(shape, 1.0 if name.endswith((".gamma", ".scale", ".alpha")) else 0.0)
    return parameters
