"""The activations, each with its derivative.

Notation
    z   before the activation, any shape;  a = g(z), of the same shape
    g'  the derivative da/dz, written from the output a, which the backward pass has at hand anyway

Source: Course 1 of the specialisation, week 3, "Activation Functions" and "Derivatives of Activation Functions".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from caviar.nn import FloatArray

LEAK = 0.01  # the course's slope below 0


def relu(z: FloatArray) -> FloatArray:
    """a = max(0, z)."""
    return np.maximum(z, 0.0)


def relu_derivative(a: FloatArray) -> FloatArray:
    """g' = 1 where a > 0, else 0; at z = 0, where there is no derivative, 0 as PyTorch takes it."""
    return np.where(a > 0, 1.0, 0.0)


def leaky_relu(z: FloatArray) -> FloatArray:
    """a = max(0.01 z, z)."""
    return np.maximum(LEAK * z, z)


def leaky_relu_derivative(a: FloatArray) -> FloatArray:
    """g' = 1 where a > 0, else 0.01; the sign of a is the sign of z."""
    return np.where(a > 0, 1.0, LEAK)


def tanh(z: FloatArray) -> FloatArray:
    """a = (e^z - e^-z) / (e^z + e^-z)."""
    return np.tanh(z)


def tanh_derivative(a: FloatArray) -> FloatArray:
    """g' = 1 - a^2."""
    return 1 - a**2


def sigmoid(z: FloatArray) -> FloatArray:
    """a = 1 / (1 + e^-z), written e^-log(1 + e^-z) because e^-z overflows below z = -709."""
    return np.exp(-np.logaddexp(0.0, -z))


def sigmoid_derivative(a: FloatArray) -> FloatArray:
    """g' = a (1 - a)."""
    return a * (1 - a)


@dataclass(frozen=True)
class Activation:
    """A pair: ``forward`` z -> a, ``derivative`` a -> da/dz."""

    forward: Callable[[FloatArray], FloatArray]
    derivative: Callable[[FloatArray], FloatArray]


ACTIVATIONS = {
    "relu": Activation(relu, relu_derivative),
    "leaky_relu": Activation(leaky_relu, leaky_relu_derivative),
    "tanh": Activation(tanh, tanh_derivative),
    "sigmoid": Activation(sigmoid, sigmoid_derivative),
}
