"""The searches by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from caviar.errors import SpaceError, did_you_mean
from caviar.records import Winners
from caviar.search.coarse_to_fine import CoarseToFine
from caviar.search.contract import Search
from caviar.search.grid import Grid
from caviar.search.optuna_search import SAMPLERS, OptunaSearch, require_optuna
from caviar.search.portfolio import PORTFOLIO, Portfolio
from caviar.search.sampling import random, sobol
from caviar.search.transfer import Transfer
from caviar.space import Space

SEARCHES: dict[str, Callable[[Space, int], Search]] = {
    "coarse_to_fine": CoarseToFine,
    PORTFOLIO: Portfolio,
    "sobol": sobol,
    "random": random,
    "grid": Grid,
}
DEFAULT_SEARCH = "coarse_to_fine"
IMPORTED = "optuna"
"""The search of a study that was imported; where it goes on, it is by the default one."""
OPTIONAL_SEARCHES = tuple(f"optuna:{sampler}" for sampler in SAMPLERS)


def check_search(name: str) -> None:
    """Raise SpaceError unless ``name`` is a search that can be used here; ``grid:5`` has 5 values a scale."""
    kind, _, detail = name.partition(":")
    if name in OPTIONAL_SEARCHES:
        require_optuna(detail)
    elif kind == "grid" and detail:
        if not (detail.isascii() and detail.isdigit() and 2 <= int(detail) <= 100):
            raise SpaceError(f"a grid must have from 2 to 100 values a scale, got {name!r}", 'use `search="grid:3"`')
    elif name not in SEARCHES:
        raise SpaceError(f"there is no search {name!r}", did_you_mean(name, [*SEARCHES, *OPTIONAL_SEARCHES]))


def noted_before(name: str, space: Space, trials: int | None) -> tuple[str, ...]:
    """Notes for a person before the search ``name`` begins: the cost of a grid, beside a budget of ``trials``."""
    search = search_named(name, space, 0) if name.partition(":")[0] == "grid" else None
    if not isinstance(search, Grid):
        return ()
    most = "at most " if space.constraints else ""
    note = f"the grid has {most}{search.size:,} configs, {search.levels} values of each scale"
    if trials is not None and trials < search.size:
        note += f"; {trials:,} trials are {100 * trials / search.size:.2g} % of it"
    return (note,)


def search_named(
    name: str,
    space: Space,
    seed: int,
    rows: int = 0,
    like: Sequence[Winners] = (),
    boxes: int = 0,
    slots: int | None = None,
) -> Search:
    """The search ``name`` over ``space``, with the study's seed and, of a table, its rows for training.

    It is mixed with what it takes from the studies that this one is ``like``. Its first box has the number after
    ``boxes``. ``slots`` as in CoarseToFine.
    """
    if like:
        return Transfer(search_named(name, space, seed, rows, boxes=boxes, slots=slots), space, seed, like)
    check_search(name)
    if name == PORTFOLIO:
        return Portfolio(space, seed, rows, boxes)
    if name == "coarse_to_fine":
        return CoarseToFine(space, seed, boxes=boxes, slots=slots)
    kind, _, detail = name.partition(":")
    if name in SEARCHES:
        return SEARCHES[name](space, seed)
    return OptunaSearch(space, seed, detail) if kind == "optuna" else Grid(space, seed, int(detail))
