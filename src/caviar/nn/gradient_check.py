"""Gradient checking: is the backward pass the derivative of the forward pass?

Notation
    theta   one number of one parameter;  h  a small step
    g       dJ/dtheta by the backward pass, J with its L2 term, label smoothing and class weights
    d       (J(theta + h) - J(theta - h)) / 2h, the two-sided difference: its error falls with h^2, that of the
            one-sided one only with h

A parameter block (one of "layer1.w", "layer1.gamma", ...) is right where ||g - d|| / (||g|| + ||d||) is small. Under
relu and selu J has kinks: where a unit changes sign between theta - h and theta + h, d is no derivative: theta is left
out.

Source: Course, week 1, "Numerical Approximation of Gradients", "Gradient Checking", "Gradient Checking
Implementation Notes", whose advice this keeps: with the L2 term, never with dropout, at initialisation and again
after some training, and by parts, to see where the fault is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from caviar.errors import ConfigError
from caviar.nn import FloatArray, Targets
from caviar.nn.architecture import Architecture, parameter_shapes
from caviar.nn.losses import PLAIN, LossTerms, mean_loss
from caviar.nn.network import Cache, backward, forward, penalty

_KINKED = ("relu", "leaky_relu", "selu")  # activations whose derivative has a step at 0


@dataclass(frozen=True)
class BlockCheck:
    """One parameter block: ``error`` = ||g - d|| / (||g|| + ||d||), NaN where nothing could be compared.

    ``left_out`` counts the numbers at a kink; ``right`` is the verdict.
    """

    name: str
    error: float
    left_out: int
    right: bool


@dataclass(frozen=True)
class GradientReport:
    """Result of gradient checking, block by block, in the parameters' order."""

    blocks: tuple[BlockCheck, ...]

    @property
    def wrong(self) -> tuple[str, ...]:
        """The names of the blocks whose gradient is wrong; the fault is in the last of them, or just after it."""
        return tuple(block.name for block in self.blocks if not block.right)


def check_gradients(
    architecture: Architecture,
    arrays: Mapping[str, FloatArray],
    x: FloatArray,
    y: Targets,
    terms: LossTerms = PLAIN,
    h: float = 1e-5,  # rounding costs 1e-16 / h, the curve h^2: the sum is least about here
    tolerance: float = 1e-6,
) -> GradientReport:
    """Compare ``backward`` with two-sided differences on the mini-batch x (m, n_in), y (m,), in training mode.

    ``arrays`` are any parameters: initial ones, or those of a State after some steps. It costs two forward passes for
    each number, so take a small network. Raises ConfigError with dropout on: J would be another function at each call.
    """
    for name in ("dropout", "input_dropout"):
        if getattr(architecture, name) > 0:
            raise ConfigError(
                f"gradients can only be checked without dropout, got {name} = {getattr(architecture, name):g}",
                f"check the same network with {name} = 0, then train with dropout on",
            )
    cache = forward(architecture, arrays, x)
    gradients = backward(architecture, arrays, cache, y, terms)
    noise = 1e-15 * (1 + _loss(architecture, arrays, cache, y, terms)) / h
    blocks = []
    for name in parameter_shapes(architecture):
        differences = _two_sided_differences(architecture, arrays, name, x, y, terms, h)
        compared = ~np.isnan(differences)
        g, d = gradients[name][compared], differences[compared]
        distance, size = float(np.linalg.norm(g - d)), float(np.linalg.norm(g) + np.linalg.norm(d))
        error = distance / size if size > 0 else (0.0 if g.size else np.nan)
        # Gradients that have vanished drown in the rounding of J, and no difference could tell them from 0.
        drowned = distance <= noise * np.sqrt(g.size)
        right = bool(g.size) and (error <= tolerance or drowned)
        blocks.append(BlockCheck(name, error, left_out=int(differences.size - g.size), right=right))
    return GradientReport(tuple(blocks))


def _two_sided_differences(
    architecture: Architecture,
    arrays: Mapping[str, FloatArray],
    name: str,
    x: FloatArray,
    y: Targets,
    terms: LossTerms,
    h: float,
) -> FloatArray:
    """d for every number of the block ``name``, in its shape; NaN at a kink."""
    differences = np.empty_like(arrays[name])
    for index in np.ndindex(differences.shape):
        losses, caches = [], []
        for sign in (1, -1):
            moved = arrays[name].copy()
            moved[index] += sign * h
            there = {**arrays, name: moved}
            cache = forward(architecture, there, x)
            losses.append(_loss(architecture, there, cache, y, terms))
            caches.append(cache)
        kink = architecture.activation in _KINKED and _signs_differ(*caches)
        differences[index] = np.nan if kink else (losses[0] - losses[1]) / (2 * h)
    return differences


def _loss(
    architecture: Architecture, arrays: Mapping[str, FloatArray], cache: Cache, y: Targets, terms: LossTerms
) -> float:
    """J, all of it."""
    return mean_loss(architecture.output, cache.z, y, terms) + penalty(architecture, arrays, terms.l2)


def _signs_differ(one: Cache, other: Cache) -> bool:
    return any(not np.array_equal(p.z > 0, q.z > 0) for p, q in zip(one.hidden, other.hidden, strict=True))
