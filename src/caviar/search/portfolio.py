"""The search that begins with a portfolio: configs that did well on many tables; then it goes from coarse to fine.

The portfolio is in portfolio.toml, the best config first; the third is a linear model. benchmarks/portfolio.py found
all others greedily: each is the one that made the best of all so far better, in the mean over the tables. Long
tables have a few of their own before those, the smallest first: the more rows there are, the larger a network may be,
the less dropout and weight decay have to hold it back, and the fewer there is time for.

Source: Feurer, Eggensperger, Falkner, Lindauer and Hutter, Auto-sklearn 2.0: hands-free AutoML via meta-learning, 2022,
section 4.2 (greedy portfolios).
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any

from caviar.errors import ConfigError
from caviar.records import Box, Config
from caviar.search.coarse_to_fine import CoarseToFine
from caviar.search.contract import Evidence, Proposal
from caviar.search.given import Wish, read
from caviar.space import Space

PORTFOLIO = "portfolio"
"""The name of the search, and the origin of its own trials."""
STRAIGHT = 2
"""Configs that are trained to the end at once: there is soon a good network, also where there is time for no other."""
LONG = 9_000
"""Rows for training from which on a table is long."""


class Portfolio:
    """The search ``portfolio``; see contract.Search."""

    def __init__(self, space: Space, seed: int, rows: int = 0, boxes: int = 0) -> None:
        """Begin with the portfolio for a table with so many rows for training; ``boxes`` as in CoarseToFine."""
        self._search = CoarseToFine(space, seed, boxes=boxes)
        self._configs = configs(space, seed, rows)
        self._recalled: list[Config] = []

    def lag(self, number: int) -> int | None:
        """See Search: the portfolio is the same whatever comes of it."""
        return None if self._left(number) else self._search.lag(number)

    def recall(self, config: Config) -> None:
        """See Search: what is left of the portfolio may be of another space, and begin at any number."""
        self._recalled.append(config)

    def propose(self, number: int, evidence: Evidence) -> tuple[list[Proposal], list[Box]]:
        """The rest of the portfolio, and after it a round from coarse to fine."""
        rest = self._left(number)
        if self._recalled:
            self._configs = []
        if rest:
            last = len(evidence) - 1
            return [
                Proposal(config, PORTFOLIO, last if number + place < STRAIGHT else 0)
                for place, config in enumerate(rest)
            ], []
        return self._search.propose(number, evidence)

    def _left(self, number: int) -> list[Config]:
        """The configs that come from trial ``number`` on."""
        if self._recalled:
            return [one for one in self._configs if one not in self._recalled]
        return self._configs[number:]


def configs(space: Space, seed: int, rows: int = 0) -> list[Config]:
    """The configs of the portfolio that lie in ``space``, with its value of what is not searched."""
    found: list[Config] = []
    for entry in _entries(rows >= LONG):
        try:
            found.append(Wish(space, read(space, entry), seed).config(len(found), None))
        except ConfigError:
            continue  # the space is another
    return found


@cache
def _entries(long: bool) -> list[dict[str, Any]]:
    known = tomllib.loads(resources.files("caviar").joinpath("portfolio.toml").read_text(encoding="utf-8"))
    best = [*(known["long"] if long else ()), *known["any"]][: len(known["any"])]
    return [*best[:STRAIGHT], *known["linear"], *best[STRAIGHT:]]
