"""The averaged network: what predicts is an average over the steps; training goes on without it.

Notation
    theta_t   a parameter after t steps, or a running statistic of batch norm, corrected for its start
    A_t       its exponentially weighted average, 0 at the start:  A_t = beta A_(t-1) + (1 - beta) theta_t
    t         steps that the average has seen: those of the training, or fewer where it began later
    beta      ``averaging``: it looks back over some 1 / (1 - beta) steps

With ``averaging``, what predicts is A_t / (1 - beta^t), whose weights add up to 1. The average of a mean of z = x @ w
under many w is the mean of z under the average of w; for the variance that is an approximation, which exact statistics
do not need.

Under schedule-free AdamW (see optimisers) what predicts is x, the average that the optimiser itself is about, and the
running statistics are those that batch norm saw under y; exact statistics (see network) are those under x.

Sources: Polyak and Juditsky, Acceleration of stochastic approximation by averaging, 1992; Tarvainen and Valpola, Mean
teachers are better role models, 2017, section 2 (the exponential form); Morales-Brotons et al., Exponential moving
average of weights in deep learning, 2024. The bias correction is that of Kingma and Ba, Adam, 2015, section 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from caviar.nn import Arrays, FloatArray
from caviar.nn.architecture import Architecture, Optimisation, parameter_shapes, statistics_shapes
from caviar.nn.averages import bias_corrected, exponentially_weighted
from caviar.nn.optimisers import averaged_sequence, recipe
from caviar.nn.state import State


def averaged_names(architecture: Architecture) -> tuple[str, ...]:
    """The arrays that are averaged, in order: parameters, then running statistics."""
    return (*parameter_shapes(architecture), *statistics_shapes(architecture))


def next_averages(architecture: Architecture, averaging: float, arrays: Mapping[str, FloatArray], step: int) -> Arrays:
    """Every A_t, by the name of its array and ".average", after ``step`` training steps.

    ``arrays`` holds the parameters and raw running statistics of that moment, and every A_(t-1).
    """
    start = 1 - architecture.batch_norm_momentum**step
    statistics = statistics_shapes(architecture)
    return {
        f"{name}.average": exponentially_weighted(
            arrays[f"{name}.average"], arrays[name] / start if name in statistics else arrays[name], averaging
        )
        for name in averaged_names(architecture)
    }


def averaged(architecture: Architecture, optimisation: Optimisation, state: State) -> State:
    """The state whose parameters are averages, with ``averaging`` its statistics, too; else ``state`` itself.

    The statistics are stored as raw averages are, times 1 - mu^step, for those who correct them. What training goes on
    from is ``state`` and never this one.
    """
    if recipe(optimisation).schedule_free:
        with np.errstate(all="ignore"):  # of a diverged network, too
            sequences: Arrays = {
                name: averaged_sequence(state.arrays[name], state.arrays[f"{name}.base"], optimisation.beta1)
                for name in parameter_shapes(architecture)
            }
        return replace(state, arrays={**state.arrays, **sequences})
    if optimisation.averaging == 0 or state.average_steps == 0:
        return state
    start = 1 - architecture.batch_norm_momentum**state.step
    statistics = statistics_shapes(architecture)
    predicting: Arrays = {}
    for name in averaged_names(architecture):
        mean = bias_corrected(state.arrays[f"{name}.average"], optimisation.averaging, state.average_steps)
        predicting[name] = mean * start if name in statistics else mean
    return replace(state, arrays={**state.arrays, **predicting})
