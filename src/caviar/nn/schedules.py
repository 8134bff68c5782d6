"""Learning-rate decay and warm-up: the learning rate of each step. The only place where it lives: engines get numbers.

Notation
    base    the config's learning rate, alpha_0 in the course
    rate    the config's decay_rate; 0 means no decay under every schedule
    epoch   epochs done before the step, any shape: 0, 1, 2, ... where the learning rate changes by the epoch, and
            epoch + i/S for step i = 0 .. S-1 of an epoch of S steps where it changes by the step
    since   the epoch, of the same kind, from which a schedule counts: 0 unless a person began it anew
    t       training steps done before the step, over the whole training: 0, 1, 2, ...

Sources: Course, week 2, "Learning Rate Decay"; Loshchilov and Hutter, SGDR, 2017, equation 5 (cosine, without its
restarts); Howard and others, fastai, fit_flat_cos (flat_cosine); Holzmueller et al., Better by default, 2024
(arXiv 2407.04491), section 3 (coslog4); Goyal et al., Accurate, large minibatch SGD, 2017, section 2.2 (warm-up).
"""

from __future__ import annotations

import math

import numpy as np

from caviar.nn import FloatArray
from caviar.nn.architecture import Optimisation

_NEARLY = 1e-9  # else 1/49 would halve after 50 epochs: 1/49 * 49 < 1


def constant(base: float, rate: float, epoch: FloatArray) -> FloatArray:
    """base."""
    return np.full_like(epoch, base)


def inverse(base: float, rate: float, epoch: FloatArray) -> FloatArray:
    """base / (1 + rate * epoch)."""
    return base / (1 + rate * epoch)


def exponential(base: float, rate: float, epoch: FloatArray) -> FloatArray:
    """base * (1 - rate)^epoch: the share ``rate`` is lost an epoch; the course's 0.95^epoch is rate = 0.05."""
    return base * np.power(1 - rate, epoch)


def inverse_sqrt(base: float, rate: float, epoch: FloatArray) -> FloatArray:
    """base / sqrt(1 + rate * epoch); the course's k / sqrt(epoch) has no value at epoch 0."""
    return base / np.sqrt(1 + rate * epoch)


def staircase(base: float, rate: float, epoch: FloatArray) -> FloatArray:
    """base / 2^floor(rate * epoch): ``rate`` is the number of halvings an epoch, 0.1 halves every ten epochs."""
    return base * np.power(0.5, np.floor(rate * epoch + _NEARLY))


def cosine(base: float, rate: float, epoch: FloatArray) -> FloatArray:
    """base * (1 + cos(pi * min(1, rate * epoch))) / 2: half a wave from base to 0, where it is after 1/rate epochs."""
    return base * ((1 + np.cos(math.pi * np.minimum(1.0, rate * epoch))) / 2)


def flat_cosine(base: float, rate: float, epoch: FloatArray) -> FloatArray:
    """base until half of the 1/rate epochs are done, then half a wave from base to 0."""
    t: FloatArray = np.minimum(1.0, rate * epoch)
    return base * ((1 + np.cos(math.pi * np.maximum(0.0, 2 * t - 1))) / 2)


def coslog4(base: float, rate: float, epoch: FloatArray) -> FloatArray:
    """base * (1 - cos(2 pi log2(1 + 15 t))) / 2, t = min(1, rate * epoch): four waves from 0 to base and back to 0.

    Each is twice as long as the one before it; they end at t = 1/15, 3/15, 7/15 and 1.
    """
    if rate == 0:
        return constant(base, rate, epoch)
    t: FloatArray = np.minimum(1.0, rate * epoch)
    return base * ((1 - np.cos(2 * math.pi * np.log2(1 + 15 * t))) / 2)


SCHEDULES = {
    "constant": constant,
    "inverse": inverse,
    "exponential": exponential,
    "inverse_sqrt": inverse_sqrt,
    "staircase": staircase,
    "cosine": cosine,
    "flat_cosine": flat_cosine,
    "coslog4": coslog4,
}


def warmup(warmup_steps: int, t: FloatArray) -> FloatArray:
    """min(1, (t + 1) / warmup_steps), the factor before any schedule: 1 from step ``warmup_steps`` - 1 on."""
    return np.minimum(1.0, (t + 1) / warmup_steps)


def step_rates(optimisation: Optimisation, epoch_index: int, steps_per_epoch: int) -> FloatArray:
    """The learning rates (steps_per_epoch,) of one epoch's steps; ``epoch_index`` counts from 0."""
    schedule, base, rate = SCHEDULES[optimisation.decay], optimisation.learning_rate, optimisation.decay_rate
    if optimisation.decay_by == "step":
        rates = schedule(base, rate, epoch_index + np.arange(steps_per_epoch) / steps_per_epoch)
    else:
        rates = np.full(steps_per_epoch, schedule(base, rate, np.array([float(epoch_index)])))
    first = epoch_index * steps_per_epoch
    if first < optimisation.warmup_steps:
        rates = rates * warmup(optimisation.warmup_steps, first + np.arange(steps_per_epoch, dtype=np.float64))
    return rates


def rates_from(
    optimisation: Optimisation, since: float, epoch_index: int, steps_done: float, steps_per_epoch: int, t: int, n: int
) -> FloatArray:
    """The learning rates (n,) of the next ``n`` steps of an epoch of which ``steps_done`` are done.

    ``steps_done`` is no whole number after the mini-batch was changed within the epoch. With ``since`` 0 these are the
    numbers of ``step_rates``, to the bit.
    """
    schedule, base, rate = SCHEDULES[optimisation.decay], optimisation.learning_rate, optimisation.decay_rate
    steps = np.arange(n, dtype=np.float64)
    if optimisation.decay_by == "step":
        passed = epoch_index + (steps_done + steps) / steps_per_epoch - since
        rates = schedule(base, rate, np.maximum(passed, 0.0))
    else:
        rates = np.full(n, schedule(base, rate, np.array([epoch_index - math.floor(since)], dtype=np.float64)))
    if t < optimisation.warmup_steps:
        rates = rates * warmup(optimisation.warmup_steps, t + steps)
    return rates
