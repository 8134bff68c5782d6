"""The dense layer and the activations, held to PyTorch and SciPy in float64."""

import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st

from caviar.nn import architecture
from caviar.nn.activations import ACTIVATIONS, sigmoid
from caviar.nn.dense import dense_backward, dense_forward

TORCH = {
    "relu": torch.relu,
    "leaky_relu": torch.nn.functional.leaky_relu,
    "elu": torch.nn.functional.elu,
    "gelu": torch.nn.functional.gelu,
    "silu": torch.nn.functional.silu,
    "mish": torch.nn.functional.mish,
    "selu": torch.nn.functional.selu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "identity": lambda z: z * 1,
}


def test_dense_forward_and_backward_match_autograd():
    random = np.random.default_rng(0)
    x, w, b, dz = (random.standard_normal(shape) for shape in ((7, 3), (3, 5), (5,), (7, 5)))
    tensors = [torch.tensor(value, requires_grad=True) for value in (x, w, b)]
    z = tensors[0] @ tensors[1] + tensors[2]
    z.backward(torch.tensor(dz))
    np.testing.assert_allclose(dense_forward(x, w, b), z.detach().numpy(), atol=1e-12)
    for ours, tensor in zip(dense_backward(dz, x, w), tensors, strict=True):
        np.testing.assert_allclose(ours, tensor.grad.numpy(), atol=1e-12)


@pytest.mark.parametrize("name", architecture.ACTIVATIONS)
def test_an_activation_and_its_derivative_match_autograd(name):
    z = np.concatenate([np.linspace(-30, 30, 1001), [0.0, -0.0, 1e-300, -800.0, 800.0]])
    tensor = torch.tensor(z, requires_grad=True)
    out = TORCH[name](tensor)
    out.sum().backward()
    a = ACTIVATIONS[name].forward(z)
    # Far below 0 gelu is z times a difference of numbers near 1: a few of its bits, and PyTorch's, are noise there.
    np.testing.assert_allclose(a, out.detach().numpy(), rtol=1e-10, atol=1e-14 if name == "gelu" else 1e-300)
    np.testing.assert_allclose(ACTIVATIONS[name].derivative(z, a), tensor.grad.numpy(), atol=1e-10)


def test_gelu_is_z_times_the_share_of_the_normal_distribution_below_it():
    z = np.linspace(-9, 9, 181)
    np.testing.assert_allclose(ACTIVATIONS["gelu"].forward(z), z * scipy.stats.norm.cdf(z), atol=1e-14)


@given(st.floats(-1e308, 1e308))
def test_sigmoid_matches_scipy_everywhere_and_never_overflows(z):
    np.testing.assert_allclose(sigmoid(np.array([z])), scipy.special.expit(z), rtol=1e-12, atol=1e-300)


def test_every_activation_that_a_config_may_name_exists():
    assert tuple(ACTIVATIONS) == architecture.ACTIVATIONS
