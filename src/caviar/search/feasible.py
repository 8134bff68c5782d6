"""Draws that fulfil the constraints of a space.

A search draws as ever; a draw that breaks a constraint is replaced by the first of a stream of others that does not.
That stream belongs to the number of the trial. So the trials are the same on any number of threads, and after a resume.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from caviar.cells import Units
from caviar.constraints import MOST_DRAWS, unfulfilled
from caviar.errors import SpaceError
from caviar.randomness import Purpose, generator, stream_key
from caviar.records import Config
from caviar.space import Space

_FEWEST = 20  # of MOST_DRAWS: with one in a thousand a search draws long, and finds all the same
_MOST = 50 * MOST_DRAWS  # draws for one trial, where one in a thousand is enough to begin with
_FIRST, _LARGEST = 16, 4096  # draws that are made at once
_NEAR_MIDDLE = 64  # feasible draws, of which the one nearest to the middle is its stand-in

Draw = tuple[Units, Config]


def constrained(space: Space, constraints: Any) -> Space:
    """``space`` with further ``constraints``; or with the functions that the store does not keep, in their order.

    Raises SpaceError where there are more or fewer of these.
    """
    given = [] if constraints is None else [constraints]
    if isinstance(constraints, Iterable) and not isinstance(constraints, str) and not callable(constraints):
        given = list(constraints)
    missing = [one.text for one in space.constraints if one.is_missing]
    if missing and len(given) != len(missing):
        raise SpaceError(
            f"the store keeps no functions, and the space has {len(missing)} as constraints, got {len(given)}",
            "give them again, in their order: `constraints=[function]`",
        )
    if missing:
        functions = iter(given)
        return Space(**space.scales).require(*(next(functions) if c.is_missing else c for c in space.constraints))
    return Space(**space.scales).require(*space.constraints, *given) if given else space


def check_constraints(space: Space) -> None:
    """Raise SpaceError unless draws from the space fulfil its constraints now and then."""
    if space.constraints and sum(1 for _ in _draws(space, 0, 0, most=MOST_DRAWS, enough=_FEWEST)) < _FEWEST:
        alone = [one for one in space.constraints if _is_unfulfilled(space, one.holds)]
        raise unfulfilled(alone[:1] or space.constraints, MOST_DRAWS)


def draw(
    space: Space, seed: int, number: int, place: Callable[[Units], Units] = lambda points: points, most: int = _MOST
) -> Draw | None:
    """The point (d,) and the config of trial ``number`` that stand in for one that breaks a constraint.

    ``place`` moves uniform points (n, d) to where they belong. None where none of ``most`` fulfils the constraints.
    """
    return next(_draws(space, seed, number, place, most), None)


def drawn(space: Space, seed: int, number: int) -> Draw:
    """The same from anywhere. Raises SpaceError where there is none."""
    found = draw(space, seed, number)
    if found is None:
        raise unfulfilled(space.constraints, _MOST)
    return found


def middle(space: Space, seed: int) -> Config:
    """The config in the middle of every scale, or one near it that fulfils the constraints."""
    [config] = space.from_unit(np.full((1, len(space.searched)), 0.5))
    if space.fulfils(config):
        return config
    near = list(_draws(space, seed, 0, most=MOST_DRAWS, enough=_NEAR_MIDDLE)) or [drawn(space, seed, 0)]
    return min(near, key=lambda found: float(np.square(found[0] - 0.5).sum()))[1]


def _draws(
    space: Space,
    seed: int,
    number: int,
    place: Callable[[Units], Units] = lambda points: points,
    most: int = _MOST,
    enough: int | None = None,
) -> Iterator[Draw]:
    stream = generator(stream_key(seed, Purpose.REDRAWS, trial=number))
    made, found, count = 0, 0, _FIRST
    while made < most:
        points = place(stream.random((min(count, most - made), len(space.searched))))
        made, count = made + len(points), min(4 * count, _LARGEST)
        for point, config in zip(points, space.from_unit(points), strict=True):
            if space.fulfils(config):
                found += 1
                yield point, config
                if found == enough:
                    return


def _is_unfulfilled(space: Space, holds: Callable[[Config], bool]) -> bool:
    points = generator(stream_key(0, Purpose.REDRAWS)).random((MOST_DRAWS // 10, len(space.searched)))
    return not any(map(holds, space.from_unit(points)))
