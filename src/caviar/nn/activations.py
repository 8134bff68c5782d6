"""The activations, each with its derivative.

Notation
    z     before the activation, any shape;  a = g(z), of the same shape
    g'    the derivative da/dz, from z and a: the backward pass has both, and one of them is the shorter way
    Phi   the cumulative distribution of the normal distribution, phi its density

Sources: Course 1 of the specialisation, week 3, "Activation Functions" and "Derivatives of Activation Functions";
Clevert et al., Fast and accurate deep network learning by exponential linear units, 2016; Hendrycks and Gimpel,
Gaussian error linear units, 2016, section 2 (gelu, and silu, which others call swish); Misra, Mish: a self regularized
non-monotonic activation function, 2019; Klambauer et al., Self-normalizing neural networks, 2017, appendix A (selu).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from caviar.nn import FloatArray

LEAK = 0.01  # the course's slope below 0
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805  # mean 0 and variance 1 go in and come out


def relu(z: FloatArray) -> FloatArray:
    """a = max(0, z)."""
    return np.maximum(z, 0.0)


def relu_derivative(z: FloatArray, a: FloatArray) -> FloatArray:
    """g' = 1 where z > 0, else 0; at z = 0, where there is no derivative, 0 as PyTorch takes it."""
    return np.where(z > 0, 1.0, 0.0)


def leaky_relu(z: FloatArray) -> FloatArray:
    """a = max(0.01 z, z)."""
    return np.maximum(LEAK * z, z)


def leaky_relu_derivative(z: FloatArray, a: FloatArray) -> FloatArray:
    """g' = 1 where z > 0, else 0.01."""
    return np.where(z > 0, 1.0, LEAK)


def elu(z: FloatArray) -> FloatArray:
    """a = z where z > 0, else e^z - 1: the paper's alpha is 1, for which the derivative has no step at 0."""
    return np.where(z > 0, z, np.expm1(np.minimum(z, 0.0)))


def elu_derivative(z: FloatArray, a: FloatArray) -> FloatArray:
    """g' = 1 where z > 0, else e^z = a + 1."""
    return np.where(z > 0, 1.0, a + 1)


def gelu(z: FloatArray) -> FloatArray:
    """a = z Phi(z), exactly and not by the paper's tanh."""
    return z * _normal_distribution(z)


def gelu_derivative(z: FloatArray, a: FloatArray) -> FloatArray:
    """g' = Phi(z) + z phi(z)."""
    return _normal_distribution(z) + z * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)


def _normal_distribution(z: FloatArray) -> FloatArray:
    """Phi(z) = (1 + erf(z / sqrt(2))) / 2."""
    from scipy.special import erf  # here, because to import it takes as long as to train a small network

    error_function: FloatArray = erf(z / math.sqrt(2))
    return (1 + error_function) / 2


def silu(z: FloatArray) -> FloatArray:
    """a = z sigmoid(z)."""
    return z * sigmoid(z)


def silu_derivative(z: FloatArray, a: FloatArray) -> FloatArray:
    """g' = s + z s (1 - s) = s + a (1 - s), with s = sigmoid(z)."""
    s = sigmoid(z)
    return s + a * (1 - s)


def mish(z: FloatArray) -> FloatArray:
    """a = z tanh(log(1 + e^z))."""
    return z * _tanh_of_softplus(z)


def mish_derivative(z: FloatArray, a: FloatArray) -> FloatArray:
    """g' = t + z (1 - t^2) sigmoid(z), with t = tanh(log(1 + e^z))."""
    t = _tanh_of_softplus(z)
    return t + z * (1 - t**2) * sigmoid(z)


def _tanh_of_softplus(z: FloatArray) -> FloatArray:
    t: FloatArray = np.tanh(np.logaddexp(0.0, z))
    return t


def selu(z: FloatArray) -> FloatArray:
    """a = scale z where z > 0, else scale alpha (e^z - 1): weights of ``lecun`` then keep mean 0 and variance 1.

    Batch norm sees to mean and variance already; under it selu is one more shape of an activation.
    """
    return SELU_SCALE * np.where(z > 0, z, SELU_ALPHA * np.expm1(np.minimum(z, 0.0)))


def selu_derivative(z: FloatArray, a: FloatArray) -> FloatArray:
    """g' = scale where z > 0, else scale alpha e^z = a + scale alpha."""
    return np.where(z > 0, SELU_SCALE, a + SELU_SCALE * SELU_ALPHA)


def tanh(z: FloatArray) -> FloatArray:
    """a = (e^z - e^-z) / (e^z + e^-z)."""
    return np.tanh(z)


def tanh_derivative(z: FloatArray, a: FloatArray) -> FloatArray:
    """g' = 1 - a^2."""
    return 1 - a**2


def sigmoid(z: FloatArray) -> FloatArray:
    """a = 1 / (1 + e^-z), below 0 written e^z / (1 + e^z) because e^-z overflows below z = -709."""
    e: FloatArray = np.exp(-np.abs(z))
    a: FloatArray = np.where(z >= 0, 1.0, e) / (1 + e)
    return a


def sigmoid_derivative(z: FloatArray, a: FloatArray) -> FloatArray:
    """g' = a (1 - a)."""
    return a * (1 - a)


def identity(z: FloatArray) -> FloatArray:
    """a = z: all layers together are then one linear map, which is what the others are compared with."""
    return z


def identity_derivative(z: FloatArray, a: FloatArray) -> FloatArray:
    """g' = 1."""
    return np.ones_like(z)


@dataclass(frozen=True)
class Activation:
    """A pair: ``forward`` z -> a, ``derivative`` (z, a) -> da/dz."""

    forward: Callable[[FloatArray], FloatArray]
    derivative: Callable[[FloatArray, FloatArray], FloatArray]


ACTIVATIONS = {
    "relu": Activation(relu, relu_derivative),
    "leaky_relu": Activation(leaky_relu, leaky_relu_derivative),
    "elu": Activation(elu, elu_derivative),
    "gelu": Activation(gelu, gelu_derivative),
    "silu": Activation(silu, silu_derivative),
    "mish": Activation(mish, mish_derivative),
    "selu": Activation(selu, selu_derivative),
    "tanh": Activation(tanh, tanh_derivative),
    "sigmoid": Activation(sigmoid, sigmoid_derivative),
    "identity": Activation(identity, identity_derivative),
}
