"""The losses of every output against PyTorch, and the weights of the classes."""

import numpy as np
import pytest
import scipy.special
import sklearn.metrics
import sklearn.utils.class_weight
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from caviar.label_sets import packed
from caviar.nn.architecture import Architecture, Optimisation
from caviar.nn.logistic import binary_cross_entropy
from caviar.nn.losses import (
    PLAIN,
    LossTerms,
    balanced_class_weights,
    loss_terms,
    mean_loss,
    mean_loss_backward,
    predicted_classes,
    probabilities,
)

LOGITS = arrays(np.float64, st.tuples(st.integers(1, 8), st.just(1)), elements=st.floats(-800, 800))


@given(LOGITS, st.floats(0, 0.99), st.integers(0, 2**32))
def test_binary_cross_entropy_and_its_gradient_match_autograd(z, s, seed):
    random = np.random.default_rng(seed)
    y, class_weights = random.integers(0, 2, len(z)), random.uniform(0.1, 3, 2)
    tensor = torch.tensor(z, requires_grad=True)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(
        tensor[:, 0], torch.tensor((1 - s) * y + s / 2), weight=torch.tensor(class_weights[y])
    )
    loss.backward()
    ours = LossTerms(label_smoothing=s, class_weights=class_weights)
    np.testing.assert_allclose(mean_loss("sigmoid", z, y, ours), loss.item(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(mean_loss_backward("sigmoid", z, y, ours), tensor.grad.numpy(), atol=1e-12)


SEVERAL = arrays(np.float64, st.tuples(st.integers(1, 8), st.integers(2, 5)), elements=st.floats(-800, 800))


@given(SEVERAL, st.floats(0, 0.99), st.integers(0, 2**32), st.booleans())
def test_the_loss_of_several_targets_and_its_gradient_match_autograd(z, s, seed, weighted):
    random = np.random.default_rng(seed)
    bits = random.integers(0, 2, z.shape)
    class_weights = random.uniform(0.1, 3, (z.shape[1], 2))  # of each class of each target
    cells = np.take_along_axis(class_weights.T, bits, axis=0)
    tensor = torch.tensor(z, requires_grad=True)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(
        tensor, torch.tensor((1 - s) * bits + s / 2), weight=torch.tensor(cells) if weighted else None
    )
    loss.backward()
    ours = LossTerms(label_smoothing=s, class_weights=class_weights if weighted else None)
    np.testing.assert_allclose(mean_loss("sigmoids", z, packed(bits), ours), loss.item(), rtol=1e-10, atol=1e-12)
    gradient = mean_loss_backward("sigmoids", z, packed(bits), ours)
    np.testing.assert_allclose(gradient, tensor.grad.numpy(), atol=1e-12)
    np.testing.assert_allclose(
        probabilities("sigmoids", z), torch.sigmoid(tensor).detach().numpy(), rtol=1e-10, atol=1e-300
    )


def test_balanced_weights_of_several_targets_are_those_of_each():
    bits = np.random.default_rng(0).random((60, 3)) < [0.1, 0.5, 0.9]
    terms = loss_terms(Architecture(3, 3, (), output="sigmoids"), Optimisation(class_weights="balanced"), packed(bits))
    for k in range(3):
        expected = sklearn.utils.class_weight.compute_class_weight("balanced", classes=np.arange(2), y=1 * bits[:, k])
        np.testing.assert_allclose(terms.class_weights[k], expected, rtol=1e-12)


@given(LOGITS, st.floats(0, 0.99), st.integers(0, 2**32))
def test_a_sigmoid_is_a_softmax_over_nothing_and_itself(z, s, seed):
    y = np.random.default_rng(seed).integers(0, 2, len(z))
    both = np.concatenate([np.zeros_like(z), z], axis=1)
    np.testing.assert_allclose(probabilities("sigmoid", z), probabilities("softmax", both), rtol=1e-10, atol=1e-300)
    np.testing.assert_array_equal(predicted_classes("sigmoid", z), predicted_classes("softmax", both))
    smoothed = LossTerms(label_smoothing=s)
    one, two = (mean_loss(output, scores, y, smoothed) for output, scores in (("sigmoid", z), ("softmax", both)))
    np.testing.assert_allclose(one, two, rtol=1e-10, atol=1e-12)
    dz, dboth = mean_loss_backward("sigmoid", z, y, smoothed), mean_loss_backward("softmax", both, y, smoothed)
    np.testing.assert_allclose(dboth, np.concatenate([-dz, dz], axis=1), atol=1e-12)


@given(st.integers(0, 2**32), st.floats(0.01, 100), st.floats(0.01, 0.99))
def test_huber_and_pinball_and_their_gradients_match_autograd_and_scikit_learn(seed, delta, q):
    random = np.random.default_rng(seed)
    z, y = 3 * random.standard_cauchy((9, 1)), random.standard_normal(9)
    tensor, target = torch.tensor(z, requires_grad=True), torch.tensor(y)
    huber = 2 * torch.nn.functional.huber_loss(tensor[:, 0], target, delta=delta)
    error = target - tensor[:, 0]
    pinball = torch.maximum(q * error, (q - 1) * error).mean()
    terms = {"huber": LossTerms(loss="huber", huber_delta=delta), "pinball": LossTerms(loss="pinball", quantile=q)}
    for name, loss in (("huber", huber), ("pinball", pinball)):
        (gradient,) = torch.autograd.grad(loss, tensor, retain_graph=True)
        np.testing.assert_allclose(mean_loss("linear", z, y, terms[name]), loss.item(), rtol=1e-10)
        np.testing.assert_allclose(mean_loss_backward("linear", z, y, terms[name]), gradient.numpy(), atol=1e-12)
    expected = sklearn.metrics.mean_pinball_loss(y, z[:, 0], alpha=q)
    assert mean_loss("linear", z, y, terms["pinball"]) == pytest.approx(expected, rel=1e-10)
    wide = LossTerms(loss="huber", huber_delta=1e9)
    assert mean_loss("linear", z, y, wide) == pytest.approx(mean_loss("linear", z, y), rel=1e-12)


def test_pinball_has_no_pull_where_the_prediction_is_right():
    z = np.array([[1.0], [2.0]])
    np.testing.assert_array_equal(mean_loss_backward("linear", z, z[:, 0], LossTerms(loss="pinball")), 0)


def test_the_largest_logits_do_not_overflow():
    z = np.array([[1e308], [-1e308]])
    with np.errstate(over="raise", invalid="raise"):
        assert binary_cross_entropy(z, np.array([1, 0])) == 0
        assert binary_cross_entropy(z, np.array([0, 0])) == 5e307
    np.testing.assert_array_equal(probabilities("sigmoid", z), [[0, 1], [1, 0]])


def test_squared_error_matches_pytorch():
    random = np.random.default_rng(0)
    z, y = random.standard_normal((7, 1)), random.standard_normal(7)
    tensor = torch.tensor(z, requires_grad=True)
    loss = torch.nn.functional.mse_loss(tensor[:, 0], torch.tensor(y))
    loss.backward()
    np.testing.assert_allclose(mean_loss("linear", z, y), loss.item(), rtol=1e-12)
    np.testing.assert_allclose(mean_loss_backward("linear", z, y), tensor.grad.numpy(), atol=1e-12)


def test_class_weights_over_the_whole_training_set_match_pytorch():
    random = np.random.default_rng(0)
    z, y = random.standard_normal((60, 4)), random.choice(4, 60, p=[0.6, 0.2, 0.15, 0.05])
    weights = balanced_class_weights(y, 4)
    tensor = torch.tensor(z, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(tensor, torch.tensor(y), weight=torch.tensor(weights))
    loss.backward()  # they divide by the sum of the rows' weights, which is m where all rows are in
    ours = LossTerms(class_weights=weights)
    np.testing.assert_allclose(mean_loss("softmax", z, y, ours), loss.item(), rtol=1e-12)
    np.testing.assert_allclose(mean_loss_backward("softmax", z, y, ours), tensor.grad.numpy(), atol=1e-12)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=80))
def test_balanced_weights_are_scikit_learns_and_one_in_the_mean(labels):
    y = np.array(labels)
    weights = balanced_class_weights(y, 5)
    present = np.unique(y)
    expected = sklearn.utils.class_weight.compute_class_weight("balanced", classes=present, y=y)
    np.testing.assert_allclose(weights[present], expected)
    assert weights[np.setdiff1d(np.arange(5), present)].sum() == 0
    assert weights[y].mean() == pytest.approx(1)


def test_weighting_a_class_twice_is_showing_its_rows_twice():
    random = np.random.default_rng(0)
    z, y = random.standard_normal((10, 3)), random.integers(0, 3, 10)
    twice = np.concatenate([np.arange(10), np.flatnonzero(y == 1)])
    weighted = mean_loss("softmax", z, y, LossTerms(class_weights=np.array([1.0, 2.0, 1.0]))) * 10
    assert weighted == pytest.approx(mean_loss("softmax", z[twice], y[twice]) * len(twice))


def test_the_objective_is_the_configs_and_regression_has_l2_alone():
    optimisation = Optimisation(l2=0.1, label_smoothing=0.2, class_weights="balanced")
    y = np.array([0, 0, 0, 1])
    of_classes = loss_terms(Architecture(3, 2, ()), optimisation, y)
    assert (of_classes.l2, of_classes.label_smoothing) == (0.1, 0.2)
    np.testing.assert_allclose(of_classes.class_weights, [2 / 3, 2])
    of_numbers = loss_terms(Architecture(3, 1, (), output="linear"), optimisation, y.astype(float))
    assert (of_numbers.l2, of_numbers.label_smoothing, of_numbers.class_weights) == (0.1, 0.0, None)
    assert PLAIN.class_weights is None


@given(LOGITS)
def test_the_probability_of_a_sigmoid_matches_scipy_at_both_ends(z):
    expected = np.concatenate([scipy.special.expit(-z), scipy.special.expit(z)], axis=1)
    np.testing.assert_allclose(probabilities("sigmoid", z), expected, rtol=1e-12, atol=1e-300)
