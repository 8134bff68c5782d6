"""The optimisers against torch.optim over many steps, with the documented differences mapped."""

import numpy as np
import pytest
import torch

from caviar.nn import architecture
from caviar.nn.architecture import Optimisation
from caviar.nn.optimisers import Recipe, clip, recipe, update, weight_of_step
from tests.nn.three_sequences import ThreeSequences

ALPHA, BETA, BETA2, EPSILON, DECAY = 0.02, 0.85, 0.97, 1e-6, 0.3


def rivals(p):
    return {
        "sgd": torch.optim.SGD([p], lr=ALPHA),
        # theirs lacks the (1 - beta), which a smaller learning rate makes up for
        "momentum": torch.optim.SGD([p], lr=ALPHA * (1 - BETA), momentum=BETA),
        "nesterov": torch.optim.SGD([p], lr=ALPHA * (1 - BETA), momentum=BETA, nesterov=True, dampening=0),
        "rmsprop": torch.optim.RMSprop([p], lr=ALPHA, alpha=BETA2, eps=EPSILON),
        "adam": torch.optim.Adam([p], lr=ALPHA, betas=(BETA, BETA2), eps=EPSILON),
        "adamw": torch.optim.AdamW([p], lr=ALPHA, betas=(BETA, BETA2), eps=EPSILON, weight_decay=DECAY),
        # not PyTorch's, which has none
        "schedule_free": ThreeSequences([{"params": [p], "weight_decay": DECAY}], ALPHA, (BETA, BETA2), EPSILON),
    }


def start_of(rule, p):
    return {moment: p.copy() if moment == "base" else np.zeros_like(p) for moment in rule.moments}


@pytest.mark.parametrize("name", architecture.OPTIMIZERS)
def test_two_hundred_steps_match_pytorch(name):
    optimisation = Optimisation(name, momentum=BETA, beta1=BETA, beta2=BETA2, epsilon=EPSILON, weight_decay=DECAY)
    rule = recipe(optimisation)
    random = np.random.default_rng(0)
    p = random.standard_normal((3, 4))
    tensor = torch.tensor(p, requires_grad=True)
    rival = rivals(tensor)[name]
    moments = start_of(rule, p)
    for t in range(1, 201):
        g = p**3 + random.standard_normal(p.shape)  # depends on p, so that an error would grow
        tensor.grad = torch.tensor(g)
        rival.step()
        moments = update(rule, p, g, moments, t, ALPHA, c=1 / t)  # as it is at one learning rate
        p = moments.pop("p")
        np.testing.assert_allclose(p, tensor.detach().numpy(), rtol=1e-10, atol=1e-10)


def test_each_recipe_keeps_the_moments_it_needs_and_no_more():
    kept = {name: tuple(recipe(Optimisation(optimizer=name)).moments) for name in architecture.OPTIMIZERS}
    assert kept == {
        "sgd": (),
        "momentum": ("first",),
        "nesterov": ("first",),
        "rmsprop": ("second",),
        "adam": ("first", "second"),
        "adamw": ("first", "second"),
        "schedule_free": ("base", "second"),
    }


@pytest.mark.parametrize("name", architecture.OPTIMIZERS)
def test_a_gradient_of_zero_moves_nothing(name):
    rule, p = recipe(Optimisation(optimizer=name, weight_decay=0.0)), np.ones(3)
    new = update(rule, p, np.zeros(3), start_of(rule, p), 1, ALPHA)
    np.testing.assert_array_equal(new["p"], p)


def test_adams_first_step_is_the_learning_rate_whatever_the_size_of_the_gradient():
    rule, g = recipe(Optimisation()), np.array([1e-3, -1.0, 1e5])
    new = update(rule, np.zeros(3), g, {"first": np.zeros(3), "second": np.zeros(3)}, 1, ALPHA)
    np.testing.assert_allclose(new["p"], -ALPHA * np.sign(g), rtol=1e-4)


def test_weight_decay_is_that_of_the_two_adamws_and_shrinks_weights_that_have_no_gradient():
    assert [recipe(Optimisation(name, weight_decay=DECAY)).decay for name in architecture.OPTIMIZERS] == [
        0,
        0,
        0,
        0,
        0,
        DECAY,
        DECAY,
    ]
    rule, p = recipe(Optimisation("adamw", weight_decay=DECAY)), np.array([1.0, -2.0])
    new = update(rule, p, np.zeros(2), {"first": np.zeros(2), "second": np.zeros(2)}, 1, ALPHA)
    np.testing.assert_allclose(new["p"], (1 - ALPHA * DECAY) * p)


def test_nesterov_looks_one_average_further_than_momentum():
    g, first = np.array([1.0, -3.0]), np.array([0.5, 0.25])
    average = BETA * first + (1 - BETA) * g
    ahead = BETA * average + (1 - BETA) * g
    for rule, direction in ((Recipe(BETA), average), (Recipe(BETA, nesterov=True), ahead)):
        new = update(rule, np.zeros(2), g, {"first": first}, 1, ALPHA)
        np.testing.assert_allclose(new["p"], -ALPHA * direction)
        np.testing.assert_allclose(new["first"], average)


def test_a_step_weighs_what_its_squared_rate_is_of_all_and_nothing_at_a_rate_of_zero():
    rates, total, mean = [0.0, 0.1, 0.3, 0.0, 0.05], 0.0, 0.0
    z = np.arange(1.0, 6.0)
    for rate, value in zip(rates, z, strict=True):
        total += rate**2
        mean += weight_of_step(rate, total) * (value - mean)
    assert mean == pytest.approx(np.average(z, weights=np.square(rates)))


@pytest.mark.parametrize("limit", [0.1, 3.0, 7.0, 1e6])
def test_clipping_matches_pytorch(limit):
    random = np.random.default_rng(0)
    gradients = {"w": random.standard_normal((4, 5)), "b": 2 * random.standard_normal(5)}
    tensors = [torch.zeros(g.shape, dtype=torch.float64, requires_grad=True) for g in gradients.values()]
    for tensor, g in zip(tensors, gradients.values(), strict=True):
        tensor.grad = torch.tensor(g)
    torch.nn.utils.clip_grad_norm_(tensors, limit)
    for ours, tensor in zip(clip(gradients, limit).values(), tensors, strict=True):
        np.testing.assert_allclose(ours, tensor.grad.numpy(), rtol=2e-6)  # they divide by the norm + 1e-6


def test_clipping_is_off_at_zero_and_keeps_the_direction():
    gradients = {"w": np.array([30.0, 0.0]), "b": np.array([40.0])}
    assert clip(gradients, 0.0) is gradients
    clipped = clip(gradients, 5.0)
    np.testing.assert_allclose(np.concatenate(list(clipped.values())), [3.0, 0.0, 4.0])
