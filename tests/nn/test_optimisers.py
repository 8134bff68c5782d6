"""The optimisers against torch.optim over many steps, with the documented differences mapped."""

import numpy as np
import pytest
import torch

from caviar.nn import config
from caviar.nn.config import Optimisation
from caviar.nn.optimisers import recipe, update

ALPHA, BETA, BETA2, EPSILON = 0.02, 0.85, 0.97, 1e-6


def rivals(p):
    return {
        "sgd": torch.optim.SGD([p], lr=ALPHA),
        # theirs lacks the (1 - beta), which a smaller learning rate makes up for
        "momentum": torch.optim.SGD([p], lr=ALPHA * (1 - BETA), momentum=BETA),
        "rmsprop": torch.optim.RMSprop([p], lr=ALPHA, alpha=BETA2, eps=EPSILON),
        "adam": torch.optim.Adam([p], lr=ALPHA, betas=(BETA, BETA2), eps=EPSILON),
    }


@pytest.mark.parametrize("name", config.OPTIMIZERS)
def test_two_hundred_steps_match_pytorch(name):
    optimisation = Optimisation(optimizer=name, momentum=BETA, beta1=BETA, beta2=BETA2, epsilon=EPSILON)
    rule = recipe(optimisation)
    random = np.random.default_rng(0)
    p = random.standard_normal((3, 4))
    tensor = torch.tensor(p, requires_grad=True)
    rival = rivals(tensor)[name]
    moments = {moment: np.zeros_like(p) for moment in rule.moments}
    for t in range(1, 201):
        g = p**3 + random.standard_normal(p.shape)  # depends on p, so that an error would grow
        tensor.grad = torch.tensor(g)
        rival.step()
        moments = update(rule, p, g, moments, t, ALPHA)
        p = moments.pop("p")
        np.testing.assert_allclose(p, tensor.detach().numpy(), rtol=1e-10, atol=1e-10)


def test_each_recipe_keeps_the_moments_it_needs_and_no_more():
    kept = {name: tuple(recipe(Optimisation(optimizer=name)).moments) for name in config.OPTIMIZERS}
    assert kept == {"sgd": (), "momentum": ("first",), "rmsprop": ("second",), "adam": ("first", "second")}


@pytest.mark.parametrize("name", config.OPTIMIZERS)
def test_a_gradient_of_zero_moves_nothing(name):
    rule, p = recipe(Optimisation(optimizer=name)), np.ones(3)
    new = update(rule, p, np.zeros(3), {moment: np.zeros(3) for moment in rule.moments}, 1, ALPHA)
    np.testing.assert_array_equal(new["p"], p)


def test_adams_first_step_is_the_learning_rate_whatever_the_size_of_the_gradient():
    rule, g = recipe(Optimisation()), np.array([1e-3, -1.0, 1e5])
    new = update(rule, np.zeros(3), g, {"first": np.zeros(3), "second": np.zeros(3)}, 1, ALPHA)
    np.testing.assert_allclose(new["p"], -ALPHA * np.sign(g), rtol=1e-4)
