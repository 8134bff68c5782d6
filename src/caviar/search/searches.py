"""The searches by name."""

from __future__ import annotations

from collections.abc import Callable

from caviar.errors import SpaceError, did_you_mean
from caviar.search.sampling import Sampling, random, sobol
from caviar.search.strategy import Search
from caviar.space import Space

SEARCHES: dict[str, Callable[[Space, int], Search]] = {
    "sobol": lambda space, seed: Sampling("sobol", sobol, space, seed),
    "random": lambda space, seed: Sampling("random", random, space, seed),
}


def check_search(name: str) -> None:
    """SpaceError unless ``name`` is a search."""
    if name not in SEARCHES:
        raise SpaceError(f"there is no search {name!r}", did_you_mean(name, SEARCHES))


def search_named(name: str, space: Space, seed: int) -> Search:
    """The search ``name`` over ``space``, with the study's seed."""
    check_search(name)
    return SEARCHES[name](space, seed)
