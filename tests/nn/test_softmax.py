"""Softmax and cross-entropy, held to SciPy, PyTorch, scikit-learn and logistic regression."""

import numpy as np
import pytest
import scipy.special
import sklearn.metrics
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from caviar.nn.softmax import cross_entropy, cross_entropy_backward, hard_max, log_softmax, softmax

SCORES = arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(2, 5)), elements=st.floats(-1e3, 1e3))


@given(SCORES)
def test_softmax_and_its_logarithm_match_scipy(z):
    np.testing.assert_allclose(softmax(z), scipy.special.softmax(z, axis=1), rtol=1e-10, atol=1e-300)
    np.testing.assert_allclose(log_softmax(z), scipy.special.log_softmax(z, axis=1), rtol=1e-10, atol=1e-12)


@given(SCORES, st.floats(-1e3, 1e3))
def test_a_shift_of_all_scores_changes_nothing_and_rows_add_up_to_one(z, shift):
    np.testing.assert_allclose(softmax(z + shift), softmax(z), atol=1e-10)
    np.testing.assert_allclose(softmax(z).sum(axis=1), 1, rtol=1e-14)


def test_scores_as_large_as_floats_get_do_not_overflow():
    z = np.array([[1e308, 0.0, -1e307]])
    np.testing.assert_array_equal(softmax(z), [[1.0, 0.0, 0.0]])
    assert cross_entropy(z, np.array([1])) == 1e308


@given(SCORES, st.integers(0, 2**32))
def test_cross_entropy_and_its_gradient_match_autograd(z, seed):
    y = np.random.default_rng(seed).integers(0, z.shape[1], len(z))
    tensor = torch.tensor(z, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(tensor, torch.tensor(y))
    loss.backward()
    np.testing.assert_allclose(cross_entropy(z, y), loss.item(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(cross_entropy_backward(softmax(z), y), tensor.grad.numpy(), atol=1e-12)


@pytest.mark.parametrize("s", [0.0, 0.1, 0.9])
def test_label_smoothing_and_row_weights_match_autograd(s):
    random = np.random.default_rng(1)
    z, y, row_weights = random.standard_normal((9, 4)), random.integers(0, 4, 9), random.uniform(0.2, 3, 9)
    tensor = torch.tensor(z, requires_grad=True)
    rows = torch.nn.functional.cross_entropy(tensor, torch.tensor(y), label_smoothing=s, reduction="none")
    loss = (torch.tensor(row_weights) * rows).mean()
    loss.backward()
    np.testing.assert_allclose(cross_entropy(z, y, s, row_weights), loss.item(), rtol=1e-12)
    np.testing.assert_allclose(cross_entropy_backward(softmax(z), y, s, row_weights), tensor.grad.numpy(), atol=1e-12)


def test_cross_entropy_is_scikit_learns_log_loss():
    random = np.random.default_rng(0)
    z, y = random.standard_normal((50, 4)), random.integers(0, 4, 50)
    np.testing.assert_allclose(cross_entropy(z, y), sklearn.metrics.log_loss(y, softmax(z), labels=range(4)))


@given(arrays(np.float64, (6, 2), elements=st.floats(-50, 50)), arrays(np.int64, 6, elements=st.integers(0, 1)))
def test_two_classes_reduce_to_logistic_regression(z, y):
    margin = torch.tensor(z[:, 1] - z[:, 0], requires_grad=True)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(margin, torch.tensor(y, dtype=torch.float64))
    loss.backward()
    dz = cross_entropy_backward(softmax(z), y)
    np.testing.assert_allclose(softmax(z)[:, 1], scipy.special.expit(margin.detach().numpy()), rtol=1e-10)
    np.testing.assert_allclose(cross_entropy(z, y), loss.item(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(dz[:, 1], margin.grad.numpy(), atol=1e-12)
    np.testing.assert_allclose(dz[:, 0], -dz[:, 1], atol=1e-12)


def test_hard_max_is_the_course_example_and_the_limit_of_softmax():
    z = np.array([[5.0, 2, -1, 3], [1, 1, 0, 0]])
    np.testing.assert_array_equal(hard_max(z), [[1, 0, 0, 0], [1, 0, 0, 0]])
    np.testing.assert_allclose(softmax(z[:1] * 1e3), hard_max(z[:1]), atol=1e-300)
    np.testing.assert_allclose(softmax(z[:1]), [[0.842, 0.042, 0.002, 0.114]], atol=5e-4)  # the course's numbers
