"""The optimisers: one update, of which gradient descent, momentum, RMSprop and Adam are recipes.

Notation
    p, g            a parameter and its gradient, of any one shape, the L2 term included
    first, second   the moments: exponentially weighted averages of g and of g^2, 0 at the start
    t               training steps, this one included: 1, 2, ...
    alpha           the learning rate

    p <- p - alpha * direction / size
        direction   the first moment, or g itself where a recipe keeps no first moment
        size        sqrt(second moment) + epsilon, or 1 where it keeps no second moment

Source: Course, week 2, "Gradient Descent with Momentum", "RMSprop", "Adam Optimization Algorithm";
Kingma and Ba, Adam, 2015, algorithm 1. Where we differ from PyTorch: our momentum is the course's average, with the
(1 - beta) that PyTorch's lacks, so that a learning rate of ours takes the steps of alpha (1 - beta) there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from caviar.nn import Arrays, FloatArray
from caviar.nn.averages import bias_corrected, exponentially_weighted
from caviar.nn.config import Optimisation


@dataclass(frozen=True)
class Recipe:
    """Which moments are kept and by which beta (None: not kept), and whether their bias is corrected."""

    beta_first: float | None = None
    beta_second: float | None = None
    epsilon: float = 0.0
    corrected: bool = False

    @property
    def moments(self) -> dict[str, float]:
        """The moments that are kept, by name, and the beta of each."""
        betas = {"first": self.beta_first, "second": self.beta_second}
        return {name: beta for name, beta in betas.items() if beta is not None}


def sgd() -> Recipe:
    """Gradient descent by mini-batches: p - alpha g."""
    return Recipe()


def momentum(beta: float) -> Recipe:
    """p - alpha first; the bias is left, as the course does: it is gone after some 1 / (1 - beta) steps."""
    return Recipe(beta_first=beta)


def rmsprop(beta2: float, epsilon: float) -> Recipe:
    """p - alpha g / (sqrt(second) + epsilon), the bias left."""
    return Recipe(beta_second=beta2, epsilon=epsilon)


def adam(beta1: float, beta2: float, epsilon: float) -> Recipe:
    """p - alpha first / (sqrt(second) + epsilon), both corrected for their bias; epsilon outside the root."""
    return Recipe(beta_first=beta1, beta_second=beta2, epsilon=epsilon, corrected=True)


def recipe(optimisation: Optimisation) -> Recipe:
    """The recipe that ``optimisation`` names, with its betas."""
    recipes = {
        "sgd": sgd(),
        "momentum": momentum(optimisation.momentum),
        "rmsprop": rmsprop(optimisation.beta2, optimisation.epsilon),
        "adam": adam(optimisation.beta1, optimisation.beta2, optimisation.epsilon),
    }
    return recipes[optimisation.optimizer]


def update(recipe: Recipe, p: FloatArray, g: FloatArray, moments: Arrays, t: int, alpha: float) -> Arrays:
    """One update of one parameter: {"p": ..., "first": ..., "second": ...}, with the moments that the recipe keeps."""
    kept: Arrays = {}
    corrected: Arrays = {}
    for name, beta in recipe.moments.items():
        kept[name] = exponentially_weighted(moments[name], g if name == "first" else g**2, beta)
        corrected[name] = bias_corrected(kept[name], beta, t) if recipe.corrected else kept[name]
    direction = corrected.get("first", g)
    size = np.sqrt(corrected["second"]) + recipe.epsilon if "second" in corrected else 1.0
    return {"p": p - alpha * direction / size, **kept}
