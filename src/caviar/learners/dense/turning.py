"""The state of a network in training that goes on with other hyperparameters.

Notation
    v        a moment: an exponentially weighted average that began at 0 (see nn/averages)
    beta     its beta, before and after the turn
    t        the steps that the average has seen; its weights add up to 1 - beta^t, and the correction divides by that

The first moments of momentum, Nesterov, Adam and AdamW are one and the same average of gradients, and the second
moments of RMSprop, Adam and AdamW one of their squares: they are kept, to the bit. A moment that the new optimiser
needs and the old one did not keep begins at 0, at t = 0, so that its bias is corrected as at the start of a training.

Where beta is turned, the weights of what v has seen still add up to 1 - beta_before^t. The t that the new beta would
need for the same sum is t log(beta_before) / log(beta_after), no whole number, and with it every later correction is
exact: v_(t+1) = beta v_t + (1 - beta) g has weights 1 - beta^(t+1) again.

The averages of parameters and running statistics (see nn/averaged) are such averages, too, and are turned as moments
are: kept, begun at 0, or left out.

Of schedule-free AdamW (see nn/optimisers) the average x and the base z stay what they are where its beta1 is turned,
and y is made anew from them. An optimiser that comes after it goes on from x; it itself begins with x = z = the
parameters, and its c at 1.

Source: our own; the correction is that of Kingma and Ba, Adam, 2015, section 3.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace

import numpy as np

from caviar.errors import ConfigError
from caviar.learners.contract import State
from caviar.nn.architecture import Architecture, Optimisation
from caviar.nn.optimisers import averaged_sequence, gradient_sequence, recipe

_NEARLY_ZERO = 1e-300
_NEWER = ("average_steps", "squared_rates")  # numbers of a state that are left out where they are 0

LIVE = ("dropout", "input_dropout")
"""Fields of an architecture that can be changed in training: none of them is in a network's arrays."""


@dataclass(frozen=True, slots=True)
class Place:
    """Place of a training: the numbers of a state, see dense/contract."""

    step: int
    epoch: int
    row: int
    loss: float
    first_steps: float
    second_steps: float
    average_steps: float = 0.0
    squared_rates: float = 0.0

    def arrays(self) -> State:
        """The numbers as a state holds them; without the newer ones it is that of earlier versions, to the bit."""
        left_out = [name for name in _NEWER if getattr(self, name) == 0]
        return {name: np.array(value) for name, value in asdict(self).items() if name not in left_out}


def place_of(state: State) -> Place:
    """The place of a ``state``; one that lacks the newer numbers stands at the end of an epoch."""
    step = int(state["step"])
    return Place(
        step,
        int(state["epoch"]),
        int(state.get("row", 0)),
        float(state.get("loss", 0.0)),
        float(state.get("first_steps", step)),
        float(state.get("second_steps", step)),
        *(float(state.get(name, 0.0)) for name in _NEWER),
    )


def check_turn(before: Architecture, after: Architecture) -> None:
    """Raise ConfigError unless the two differ in nothing but the dropouts."""
    for field in fields(Architecture):
        was, asked = getattr(before, field.name), getattr(after, field.name)
        if field.name not in LIVE and was != asked:
            raise ConfigError(
                f"{field.name} cannot be changed while a network trains, from {was!r} to {asked!r}",
                "start another network for it",
            )


def turned(
    state: State, before: Optimisation, after: Optimisation, parameters: Iterable[str], statistics: Iterable[str] = ()
) -> State:
    """``state`` as a training with ``after`` takes it up.

    ``parameters`` and ``statistics`` are the names of the network's parameters and running statistics.
    """
    had, needs = _betas(before), _betas(after)
    place = place_of(state)
    seen = {"first": place.first_steps, "second": place.second_steps, "average": place.average_steps}
    of_moments = tuple(parameters)
    names_of = {"first": of_moments, "second": of_moments, "average": (*of_moments, *statistics)}
    moments: State = {}
    for moment, names in names_of.items():
        if moment in needs and moment in had:
            seen[moment] = _same_weight(seen[moment], had[moment], needs[moment])
            moments |= {f"{name}.{moment}": state[f"{name}.{moment}"] for name in names}
        elif moment in needs or moment == "average":  # the steps of an average that there is not are 0
            seen[moment] = 0.0
            moments |= {f"{name}.{moment}": np.zeros_like(state[name]) for name in names if moment in needs}
    sequences = _turned_sequences(state, had.get("base"), needs.get("base"), of_moments)
    gone = {f"{name}.{moment}" for moment, names in {**names_of, "base": of_moments}.items() for name in names}
    kept = {name: array for name, array in state.items() if name not in gone and name not in _NEWER}
    place = replace(
        place,
        first_steps=seen["first"],
        second_steps=seen["second"],
        average_steps=seen["average"],
        squared_rates=place.squared_rates if "base" in had and "base" in needs else 0.0,
    )
    return {**kept, **sequences, **moments, **place.arrays()}


def _turned_sequences(state: State, had: float | None, needs: float | None, parameters: Iterable[str]) -> State:
    """The parameters, and the base of each where schedule-free AdamW ``needs`` it: x and z stay what they are.

    ``had`` and ``needs`` are its beta1 before and after the turn; None under another optimiser.
    """
    turned: State = {}
    for name in parameters:
        p = state[name]
        base = p if had is None else state[f"{name}.base"]
        if had != needs:
            with np.errstate(all="ignore"):  # of a diverged network, too; in float64, as predictions are made
                x = p if had is None else averaged_sequence(p.astype(np.float64), base.astype(np.float64), had)
                y = x if needs is None else gradient_sequence(x, base.astype(np.float64), needs)
            turned[name] = y.astype(p.dtype)
        if needs is not None:
            turned[f"{name}.base"] = base
    return turned


def _betas(optimisation: Optimisation) -> dict[str, float]:
    """The betas of the averages that a training keeps, by name."""
    averaging = {"average": optimisation.averaging} if optimisation.averaging > 0 else {}
    return {**recipe(optimisation).moments, **averaging}


def _same_weight(t: float, before: float, after: float) -> float:
    """The steps of ``after`` that weigh what ``t`` steps of ``before`` do: 1 - after^steps = 1 - before^t."""
    if before == after or t == 0:
        return t
    # A beta of 0 has no logarithm: a beta so small that one step of it has the whole weight stands in its place: what
    # was seen before it is not forgotten where no step is taken between two turns.
    return t * math.log(max(before, _NEARLY_ZERO)) / math.log(max(after, _NEARLY_ZERO))
