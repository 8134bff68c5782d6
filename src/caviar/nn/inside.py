"""A look inside a network: numbers of every layer on one mini-batch, without changing anything.

Notation is the room's. A hidden layer's activations are those after its activation function and before dropout, the
output layer's are its scores.

    activation_mean, activation_std   over all rows and units; a std near 0, or one that grows with the layers, is a
                                      signal that dies or explodes
    gradient_norm                     ||dJ/dw||, J with its L2 term, before clipping
    update_to_weight                  ||w' - w|| / ||w||, w' after one step of training on these rows: some 1e-3 is
                                      healthy, 1e-1 tears the weights up, 1e-6 is no learning
    dead                              the share of relu units that are 0 for every row; 0 under other activations

Source: Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010, for the
first two; Karpathy, CS231n course notes, "Babysitting the learning process", for the ratio and its 1e-3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from caviar.nn import FloatArray, Targets
from caviar.nn.architecture import Architecture, Optimisation
from caviar.nn.losses import terms_with
from caviar.nn.network import backward, dropout_masks, forward, train_step
from caviar.nn.state import State
from caviar.randomness import UInt64


@dataclass(frozen=True, slots=True)
class LayerInside:
    """One layer, see above."""

    activation_mean: float
    activation_std: float
    gradient_norm: float
    update_to_weight: float
    dead: float


def look_inside(
    architecture: Architecture,
    optimisation: Optimisation,
    state: State,
    x: FloatArray,
    y: Targets,
    learning_rate: float,
    key: UInt64,
    class_weights: FloatArray | None = None,
) -> tuple[LayerInside, ...]:
    """Every layer, first to last, of what ``train_step`` with the same arguments would do; ``state`` stays as it is."""
    terms = terms_with(optimisation, class_weights)
    following, _ = train_step(
        architecture, optimisation, state, x, y, learning_rate, key, class_weights
    )  # the step itself, so that momentum, clipping and weight decay are in the update
    with np.errstate(all="ignore"):
        masks = dropout_masks(architecture, len(x), key, state.step)
        cache = forward(architecture, state.arrays, np.asarray(x, dtype=np.float64), masks)
        gradients = backward(architecture, state.arrays, cache, y, terms)
        layers = []
        for layer, a in enumerate([*(hidden.a for hidden in cache.hidden), cache.z], start=1):
            w = f"layer{layer}.w"
            relu = architecture.activation == "relu" and layer <= len(cache.hidden)
            layers.append(
                LayerInside(
                    activation_mean=float(a.mean()),
                    activation_std=float(a.std()),
                    gradient_norm=float(np.linalg.norm(gradients[w])),
                    update_to_weight=_ratio(following.arrays[w] - state.arrays[w], state.arrays[w]),
                    dead=float((a <= 0).all(axis=0).mean()) if relu else 0.0,
                )
            )
    return tuple(layers)


def _ratio(change: FloatArray, w: FloatArray) -> float:
    """||change|| / ||w||; infinite, or NaN without a change, where all of w is 0."""
    return float(np.divide(np.linalg.norm(change), np.linalg.norm(w)))
