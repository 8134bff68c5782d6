"""Learning-rate decay: the learning rate of each epoch. The only place where it lives: engines get plain numbers.

Notation
    base    the config's learning rate, alpha_0 in the course
    rate    the config's decay_rate; 0 means no decay under every schedule
    epoch   0, 1, 2, ...: epochs done before this one, so that the first epoch trains at ``base``

Source: Course, week 2, "Learning Rate Decay".
"""

from __future__ import annotations

import math


def constant(base: float, rate: float, epoch: int) -> float:
    """base."""
    return base


def inverse(base: float, rate: float, epoch: int) -> float:
    """base / (1 + rate * epoch)."""
    return base / (1 + rate * epoch)


def exponential(base: float, rate: float, epoch: int) -> float:
    """base * (1 - rate)^epoch: the share ``rate`` is lost an epoch; the course's 0.95^epoch is rate = 0.05."""
    return base * (1 - rate) ** epoch


def inverse_sqrt(base: float, rate: float, epoch: int) -> float:
    """base / sqrt(1 + rate * epoch); the course's k / sqrt(epoch) has no value at epoch 0."""
    return base / math.sqrt(1 + rate * epoch)


def staircase(base: float, rate: float, epoch: int) -> float:
    """base / 2^floor(rate * epoch): ``rate`` is the number of halvings an epoch, 0.1 halves every ten epochs."""
    return base * 0.5 ** math.floor(rate * epoch + 1e-9)  # else 1/49 would halve after 50 epochs: 1/49 * 49 < 1


SCHEDULES = {
    "constant": constant,
    "inverse": inverse,
    "exponential": exponential,
    "inverse_sqrt": inverse_sqrt,
    "staircase": staircase,
}


def learning_rate(schedule: str, rate: float, base: float, epoch: int) -> float:
    """The learning rate of ``epoch`` (0 first) under the ``schedule`` of that name."""
    return SCHEDULES[schedule](base, rate, epoch)
