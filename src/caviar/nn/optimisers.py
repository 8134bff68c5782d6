"""The optimisers: one update, of which gradient descent, momentum, Nesterov, RMSprop and Adam with its kin are recipes.

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

Schedule-free AdamW has three sequences of a parameter and keeps two of them: y in the place of p, and z, the "base",
which begins as p. The average x is found from these two. The gradient g is that at y.

    z <- z - alpha * g / size - alpha * decay * y      size from the corrected second moment, as Adam's
    x <- (1 - c) x + c z                               what predicts: the mean of all z, each with the weight alpha^2
    y <- (1 - beta1) z + beta1 x                       so that x = z + (y - z) / beta1
        c           alpha^2 / the sum of alpha^2 of all steps so far, this one included: 1 at first, 1 / t where alpha
                    is constant; it is one for all parameters, since the share of the rate that some learn at cancels

Sources: Course, week 2, "Gradient Descent with Momentum", "RMSprop", "Adam Optimization Algorithm";
Kingma and Ba, Adam, 2015, algorithm 1; Sutskever et al., On the importance of initialization and momentum, 2013, and
Bengio et al., Advances in optimizing recurrent networks, 2013 (Nesterov's momentum in the form written here);
Loshchilov and Hutter, Decoupled weight decay regularization, 2019, algorithm 2; Pascanu et al., On the difficulty of
training recurrent neural networks, 2013, algorithm 1 (clipping); Defazio et al., The road less scheduled, 2024,
algorithm 1 (schedule-free AdamW). Where we differ from that algorithm: the second moment's correction is in size and
not in alpha, as in the authors' package schedulefree 1.4.1, so that c does not depend on it. Where we differ from that
package: its weights are those of the largest alpha so far, ours those of each step, as in the paper; where alpha never
falls they are the same. Where we differ from PyTorch: our momentum is the course's average, with the (1 - beta) that
PyTorch's lacks, so that a learning rate of ours takes the steps of alpha (1 - beta) there, Nesterov's too; and clipping
there divides by the norm + 1e-6.
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
    decoupled weight decay; ``schedule_free``: the base sequence z is kept in the place of a first moment, and
    ``beta_first`` is the share of x in y.
    """

    beta_first: float | None = None
    beta_second: float | None = None
    epsilon: float = 0.0
    corrected: bool = False
    nesterov: bool = False
    decay: float = 0.0
    schedule_free: bool = False

    @property
    def moments(self) -> dict[str, float]:
        """The moments that are kept, by name, and the beta of each; the base sequence counts as one."""
        betas = {"base" if self.schedule_free else "first": self.beta_first, "second": self.beta_second}
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


def schedule_free(beta1: float, beta2: float, epsilon: float, decay: float) -> Recipe:
    """AdamW's step without its first moment, from an average of all steps that needs no schedule (see above)."""
    return Recipe(beta1, beta2, epsilon, corrected=True, decay=decay, schedule_free=True)


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
        "schedule_free": schedule_free(beta1, beta2, epsilon, optimisation.weight_decay),
    }
    return recipes[optimisation.optimizer]


def averaged_sequence(y: FloatArray, base: FloatArray, beta1: float) -> FloatArray:
    """x of schedule-free AdamW, of which y is beta1 and the ``base`` z the rest."""
    return base + (y - base) / beta1


def gradient_sequence(x: FloatArray, base: FloatArray, beta1: float) -> FloatArray:
    """y of schedule-free AdamW, (1 - beta1) z + beta1 x, in a form that is exact where x = z."""
    return base + beta1 * (x - base)


def weight_of_step(alpha: float, squared_rates: float) -> float:
    """c of schedule-free AdamW; ``squared_rates`` is the sum of alpha^2, this step's included. 0 at a rate of 0."""
    return alpha * alpha / squared_rates if squared_rates > 0 else 0.0


def update(
    recipe: Recipe,
    p: FloatArray,
    g: FloatArray,
    moments: Arrays,
    t: float | Mapping[str, float],
    alpha: float,
    c: float = 1.0,
) -> Arrays:
    """One update of one parameter: {"p": ..., "first": ..., "second": ...}, with the moments that the recipe keeps.

    ``t`` is one number, or one for "first" and one for "second", where one of them began later. ``c`` is for the
    schedule-free recipe, whose "base" stands where others have "first".
    """
    kept: Arrays = {}
    corrected: Arrays = {}
    for name, beta in recipe.moments.items():
        if name == "base":
            continue
        kept[name] = exponentially_weighted(moments[name], g if name == "first" else g**2, beta)
        seen = t[name] if isinstance(t, Mapping) else t
        corrected[name] = bias_corrected(kept[name], beta, seen) if recipe.corrected else kept[name]
    direction = corrected.get("first", g)
    if recipe.nesterov and recipe.beta_first is not None:
        direction = exponentially_weighted(direction, g, recipe.beta_first)
    size = np.sqrt(corrected["second"]) + recipe.epsilon if "second" in corrected else 1.0
    beta1 = recipe.moments.get("base")
    start = p if beta1 is None else moments["base"]
    stepped = start - alpha * direction / size - alpha * recipe.decay * p
    if beta1 is None:
        return {"p": stepped, **kept}
    x = (1 - c) * averaged_sequence(p, start, beta1) + c * stepped
    return {"p": gradient_sequence(x, stepped, beta1), "base": stepped, **kept}


def clip(gradients: Arrays, clip_norm: float) -> Arrays:
    """All gradients times clip_norm / norm where their joint norm, sqrt(sum(g**2)) over all of them, is above it.

    ``clip_norm`` 0 leaves them as they are. The direction stays; only the length is limited.
    """
    if clip_norm == 0:
        return gradients
    norm = math.sqrt(sum(float((g**2).sum()) for g in gradients.values()))
    return {name: g * (clip_norm / norm) for name, g in gradients.items()} if norm > clip_norm else gradients
