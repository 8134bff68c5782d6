"""Batch norm: every unit has mean 0 and variance 1 over the mini-batch, then a scale and a shift that are learned.

Notation
    z (m, n)                   before the activation; no bias was added, for the mean would take it away again
    mean, variance (n,)        over the m examples; the variance is the biased one, divided by m
    z_hat (m, n)               z, normalised
    gamma, beta (n,)           learned scale and shift
    out = gamma z_hat + beta   what the activation gets;  dout = dJ/dout, and so on
    mu                         batch_norm_momentum: how much of a running statistic is kept at each training step
    t                          training steps taken

Sources: Ioffe and Szegedy, Batch Normalization, 2015, algorithm 1 and the formulas below it;
Course, week 3, "Normalizing Activations in a Network", "Batch Norm at Test Time".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from caviar.nn import FloatArray
from caviar.nn.averages import bias_corrected


@dataclass(frozen=True)
class BatchNormCache:
    """Values that the forward pass keeps for the backward pass."""

    centred: FloatArray  # (m, n)  z - mean
    deviation: FloatArray  # (n,)  sqrt(variance + epsilon)
    mean: FloatArray  # (n,)
    variance: FloatArray  # (n,)


def batch_norm_forward(
    z: FloatArray, gamma: FloatArray, beta: FloatArray, epsilon: float
) -> tuple[FloatArray, BatchNormCache]:
    """out = gamma (z - mean) / sqrt(variance + epsilon) + beta, mean and variance of the mini-batch itself."""
    mean = z.mean(axis=0)  # (n,)
    centred = z - mean  # (m, n)
    variance = (centred**2).mean(axis=0)  # (n,)
    deviation = np.sqrt(variance + epsilon)  # (n,)
    out = gamma * (centred / deviation) + beta  # (m, n)
    return out, BatchNormCache(centred, deviation, mean, variance)


def batch_norm_backward(
    dout: FloatArray, gamma: FloatArray, cache: BatchNormCache
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(dz, dgamma, dbeta), through the mean and the variance, which depend on every z of the mini-batch."""
    m = len(dout)
    centred, deviation = cache.centred, cache.deviation
    dgamma = (dout * centred / deviation).sum(axis=0)  # (n,)  from out = gamma * z_hat + beta
    dbeta = dout.sum(axis=0)  # (n,)  from the same line
    dz_hat = dout * gamma  # (m, n)  from the same line
    dvariance = (dz_hat * centred).sum(axis=0) * -0.5 * deviation**-3  # (n,)  from z_hat = centred / deviation
    dmean = (
        -dz_hat.sum(axis=0) / deviation  # (n,)  from centred = z - mean inside z_hat
        - 2 * dvariance * centred.mean(axis=0)  # from the variance: 0 but for rounding, as the paper has it
    )
    dz = (
        dz_hat / deviation  # (m, n)  from z inside z_hat
        + dvariance * 2 * centred / m  # from variance = mean(centred**2)
        + dmean / m  # from mean = mean(z)
    )
    return dz, dgamma, dbeta


def batch_norm_predict(
    z: FloatArray, gamma: FloatArray, beta: FloatArray, mean: FloatArray, variance: FloatArray, epsilon: float
) -> FloatArray:
    """out = gamma (z - mean) / sqrt(variance + epsilon) + beta, with given statistics (n,) instead of z's own."""
    return gamma * (z - mean) / np.sqrt(variance + epsilon) + beta


def running_statistics(mean: FloatArray, variance: FloatArray, mu: float, t: int) -> tuple[FloatArray, FloatArray]:
    """The (mean, variance) for test time, from their raw averages after ``t`` training steps.

    The raw averages start at 0, take in each mini-batch's mean and biased variance by r_t = mu r_(t-1) + (1 - mu) x_t,
    and are corrected for that start here: r_t / (1 - mu^t). Before the first step there is nothing to correct, and the
    layer leaves z as it is: mean 0, variance 1. PyTorch differs: it starts at 0 and 1 and never corrects, averages the
    *unbiased* variance (divided by m - 1), and what it calls momentum is 1 - mu.
    """
    if t == 0:
        return np.zeros_like(mean), np.ones_like(variance)
    return bias_corrected(mean, mu, t), bias_corrected(variance, mu, t)
