"""Batch norm, held to PyTorch's autograd in float64 and to its own invariances."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from caviar.nn.averages import exponentially_weighted
from caviar.nn.batch_norm import batch_norm_backward, batch_norm_forward, batch_norm_predict, running_statistics

EPSILON = 1e-5


def example(seed=0, m=9, n=4):
    random = np.random.default_rng(seed)
    z = 3 + 2 * random.standard_normal((m, n))
    return z, random.standard_normal(n), random.standard_normal(n), random.standard_normal((m, n))


def test_forward_and_backward_match_autograd():
    z, gamma, beta, dout = example()
    tensors = [torch.tensor(value, requires_grad=True) for value in (z, gamma, beta)]
    expected = torch.nn.functional.batch_norm(tensors[0], None, None, tensors[1], tensors[2], True, 0.1, EPSILON)
    expected.backward(torch.tensor(dout))
    out, cache = batch_norm_forward(z, gamma, beta, EPSILON)
    np.testing.assert_allclose(out, expected.detach().numpy(), atol=1e-12)
    for ours, tensor in zip(batch_norm_backward(dout, gamma, cache), tensors, strict=True):
        np.testing.assert_allclose(ours, tensor.grad.numpy(), atol=1e-12)


@given(st.floats(-1e3, 1e3), st.floats(0.1, 1e3), st.integers(0, 2**32))
def test_a_shift_and_a_scale_of_z_change_nothing(shift, scale, seed):
    z, gamma, beta, _ = example(seed)
    out, _ = batch_norm_forward(z, gamma, beta, 1e-30)
    moved, _ = batch_norm_forward(scale * z + shift, gamma, beta, 1e-30)
    np.testing.assert_allclose(moved, out, atol=1e-9)


@given(st.integers(0, 2**32))
def test_the_output_has_mean_beta_and_standard_deviation_gamma(seed):
    z, gamma, beta, _ = example(seed)
    out, _ = batch_norm_forward(z, gamma, beta, 1e-30)
    np.testing.assert_allclose(out.mean(axis=0), beta, atol=1e-10)
    np.testing.assert_allclose(out.std(axis=0), np.abs(gamma), atol=1e-10)


@given(st.integers(0, 2**32))
def test_the_gradient_of_z_has_no_part_along_a_shift_of_z(seed):
    z, gamma, beta, dout = example(seed)
    _, cache = batch_norm_forward(z, gamma, beta, EPSILON)
    dz, _, _ = batch_norm_backward(dout, gamma, cache)
    np.testing.assert_allclose(dz.sum(axis=0), 0, atol=1e-9)


def test_a_constant_column_becomes_beta_and_nothing_is_divided_by_zero():
    _, gamma, beta, dout = example()
    out, cache = batch_norm_forward(np.full((9, 4), 7.0), gamma, beta, EPSILON)
    np.testing.assert_array_equal(out, np.broadcast_to(beta, (9, 4)))
    assert all(np.isfinite(gradient).all() for gradient in batch_norm_backward(dout, gamma, cache))


def test_prediction_matches_pytorch_with_the_same_statistics():
    z, gamma, beta, _ = example()
    mean, variance = np.array([1.0, 2, 3, 4]), np.array([0.5, 1, 2, 4])
    expected = torch.nn.functional.batch_norm(*map(torch.tensor, (z, mean, variance, gamma, beta)), eps=EPSILON)
    np.testing.assert_allclose(batch_norm_predict(z, gamma, beta, mean, variance, EPSILON), expected, atol=1e-12)


def test_running_statistics_match_pytorch_once_its_documented_differences_are_mapped():
    mu, m, steps = 0.9, 9, 25
    layer = torch.nn.BatchNorm1d(4, momentum=1 - mu, dtype=torch.float64)
    layer.running_var.zero_()  # theirs starts at 1
    mean, variance = np.zeros(4), np.zeros(4)
    for seed in range(steps):
        z, gamma, beta, _ = example(seed, m)
        layer(torch.tensor(z))
        _, cache = batch_norm_forward(z, gamma, beta, EPSILON)
        mean = exponentially_weighted(mean, cache.mean, mu)
        variance = exponentially_weighted(variance, cache.variance, mu)
    biased = layer.running_var.numpy() * (m - 1) / m
    corrected_mean, corrected_variance = running_statistics(mean, variance, mu, steps)
    np.testing.assert_allclose(corrected_mean, layer.running_mean.numpy() / (1 - mu**steps), rtol=1e-12)
    np.testing.assert_allclose(corrected_variance, biased / (1 - mu**steps), rtol=1e-12)


def test_before_the_first_step_the_running_statistics_leave_z_alone():
    mean, variance = running_statistics(np.zeros(3), np.zeros(3), 0.9, 0)
    np.testing.assert_array_equal(mean, 0)
    np.testing.assert_array_equal(variance, 1)
