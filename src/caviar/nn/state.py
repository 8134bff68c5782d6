"""A network in training as arrays."""

from __future__ import annotations

from dataclasses import dataclass

from caviar.nn import Arrays


@dataclass(frozen=True)
class State:
    """A network in training: all that the next step depends on.

    ``arrays`` holds the parameters, then the running statistics ("layer1.mean", "layer1.variance": raw, uncorrected
    averages), then the moments ("layer1.w.first", "layer1.w.second", and "layer1.w.base", the base sequence of
    schedule-free AdamW), then the averages of parameters and statistics ("layer1.w.average") where the optimisation has
    ``averaging``. ``step`` counts the training steps taken, and
    ``first_steps``, ``second_steps`` and ``average_steps`` those that moments and averages have seen: fewer where the
    optimisation was changed on the way. ``squared_rates`` is the sum of the squares of the learning rates that
    schedule-free AdamW has seen.
    """

    arrays: Arrays
    step: int = 0
    first_steps: float = 0.0
    second_steps: float = 0.0
    average_steps: float = 0.0
    squared_rates: float = 0.0
