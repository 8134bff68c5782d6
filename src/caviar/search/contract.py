"""The interface of a search: it proposes configs from the evidence that it is given, and from nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from caviar.records import Box, Config
from caviar.records.ranking import RankKey


class Compared(NamedTuple):
    """A trial's rank key where it was compared: at ``rung``, after ``epoch`` epochs; and its config's ``origin``.

    ``lacks`` are hyperparameters that its config has, and that the trial was trained without (see eras.py).
    """

    number: int
    config: Config
    rung: int
    epoch: int
    rank_key: RankKey
    origin: str = ""
    lacks: frozenset[str] = frozenset()


class Proposal(NamedTuple):
    """A config and its origin: "middle", "sobol", "box 3", "whole space".

    ``entry`` is the rung, counted from 0, at which it is compared first. ``slow`` marks a slow starter, whose first
    epochs say little (see halving.py).
    """

    config: Config
    origin: str
    entry: int = 0
    slow: bool = False


Evidence = Sequence[Sequence[Compared]]
"""The trials compared at each rung. Between two proposals of a study these sequences only grow at their ends."""


class Search(Protocol):
    """Proposes configs. It depends on ``evidence`` and its seed alone: no files, no clock, no threads."""

    def lag(self, number: int) -> int | None:
        """The number of trials before ``number`` that are not waited for; None for a search that looks at no trials."""
        ...

    def recall(self, config: Config) -> None:
        """Learn of the next trial of an earlier session, before the first proposal: it is not to be proposed again."""
        ...

    def propose(self, number: int, evidence: Evidence) -> tuple[list[Proposal], list[Box]]:
        """The trials from ``number`` on, at least one, and the boxes that were opened for them.

        It is called with rising numbers, each the one after the last proposal. No proposals: the search is over, as a
        grid is that was walked through.
        """
        ...


class Turn(NamedTuple):
    """From trial ``first_trial`` on another search proposes, which ``search`` makes of the number of boxes until then.

    It recalls all trials before it.
    """

    first_trial: int
    search: Callable[[int], Search]
