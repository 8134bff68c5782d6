"""The optimisers: one update, of which gradient descent, momentum, Nesterov, RMSprop, Adam and AdamW are recipes.

Notation
    p, g            a parameter and its gradient, of any one shape, the L2 term included
    first, second   the moments: exponentially weighted averages of g and of g^2, 0 at the start
    t               training steps that a moment has seen, this one included: 1, 2, ...; no whole number where its beta
                    was turned on the way (see learners/dense/turning.py)
    alpha           the learning rate

    p <- p - alpha * direction / size - alpha * decay * p
        direction   the first moment, or g itself where a recipe keeps no first moment; under Nesterov the first
                    moment one average further, beta first + (1 - beta) g
        size        sqrt(second moment) + epsilon, or 1 where it keeps no second moment
        decay       AdamW's decoupled weight decay, of weights w alone; it goes round the moments, where L2 goes through

Sources: Course, week 2, "Gradient Descent with Momentum", "RMSprop", "Adam Optimization Algorithm";
Kingma and Ba, Adam, 2015, algorithm 1; Sutskever et al., On the importance of initialization and momentum, 2013, and
Bengio et al., Advances in optimizing recurrent networks, 2013 (Nesterov's momentum in the form written here);
Loshchilov and Hutter, Decoupled weight decay regularization, 2019, algorithm 2; Pascanu et al., On the difficulty of
training recurrent neural networks, 2013, algorithm 1 (clipping). Where we differ from PyTorch: our momentum is the
course's average, with the (1 - beta) that PyTorch's lacks, so that a learning rate of ours takes the steps of
alpha (1 - beta) there, Nesterov's too; and clipping there divides by the norm + 1e-6.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from caviar.nn import Arrays, FloatArray
from caviar.nn.architecture import Optimisation
from caviar.nn.averages import bias_corrected, exponentially_weighted


@dataclass(frozen=True)
class Recipe:
    """Which moments are kept and by which beta (None: not kept), and what is done with them.

    ``corrected``: their bias is; ``nesterov``: the direction looks ahead, which needs a first moment; ``decay``: the
    decoupled weight decay.
    """

    beta_first: float | None = None
    beta_second: float | None = None
    epsilon: float = 0.0
    corrected: bool = False
    nesterov: bool = False
    decay: float = 0.0

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


def nesterov(beta: float) -> Recipe:
    """p - alpha (beta first + (1 - beta) g), ``first`` with this step's g in it already: momentum, one step ahead."""
    return Recipe(beta_first=beta, nesterov=True)


def rmsprop(beta2: float, epsilon: float) -> Recipe:
    """p - alpha g / (sqrt(second) + epsilon), the bias left."""
    return Recipe(beta_second=beta2, epsilon=epsilon)


def adam(beta1: float, beta2: float, epsilon: float) -> Recipe:
    """p - alpha first / (sqrt(second) + epsilon), both corrected for their bias; epsilon outside the root."""
    return Recipe(beta_first=beta1, beta_second=beta2, epsilon=epsilon, corrected=True)


def adamw(beta1: float, beta2: float, epsilon: float, decay: float) -> Recipe:
    """Adam, and p - alpha decay p: weights shrink at one pace, independently of the gradients' size."""
    return Recipe(beta_first=beta1, beta_second=beta2, epsilon=epsilon, corrected=True, decay=decay)


def recipe(optimisation: Optimisation) -> Recipe:
    """The recipe that ``optimisation`` names, with its betas."""
    beta1, beta2, epsilon = optimisation.beta1, optimisation.beta2, optimisation.epsilon
    recipes = {
        "sgd": sgd(),
        "momentum": momentum(optimisation.momentum),
        "nesterov": nesterov(optimisation.momentum),
        "rmsprop": rmsprop(beta2, epsilon),
        "adam": adam(beta1, beta2, epsilon),
        "adamw": adamw(beta1, beta2, epsilon, optimisation.weight_decay),
    }
    return recipes[optimisation.optimizer]


def update(
    recipe: Recipe, p: FloatArray, g: FloatArray, moments: Arrays, t: float | Mapping[str, float], alpha: float
) -> Arrays:
    """One update of one parameter: {"p": ..., "first": ..., "second": ...}, with the moments that the recipe keeps.

    ``t`` is one number, or one for "first" and one for "second", where one of them began later.
    """
    kept: Arrays = {}
    corrected: Arrays = {}
    for name, beta in recipe.moments.items():
        kept[name] = exponentially_weighted(moments[name], g if name == "first" else g**2, beta)
        seen = t[name] if isinstance(t, Mapping) else t
        corrected[name] = bias_corrected(kept[name], beta, seen) if recipe.corrected else kept[name]
    direction = corrected.get("first", g)
    if recipe.nesterov and recipe.beta_first is not None:
        direction = exponentially_weighted(direction, g, recipe.beta_first)
    size = np.sqrt(corrected["second"]) + recipe.epsilon if "second" in corrected else 1.0
    return {"p": p - alpha * direction / size - alpha * recipe.decay * p, **kept}


def clip(gradients: Arrays, clip_norm: float) -> Arrays:
    """All gradients times clip_norm / norm where their joint norm, sqrt(sum(g**2)) over all of them, is above it.

    ``clip_norm`` 0 leaves them as they are. The direction stays; only the length is limited.
    """
    if clip_norm == 0:
        return gradients
    norm = math.sqrt(sum(float((g**2).sum()) for g in gradients.values()))
    return {name: g * (clip_norm / norm) for name, g in gradients.items()} if norm > clip_norm else gradients
