"""Contracts of this room: a scheduler gives tasks, a ladder decides who goes on from a rung.

Both are pure: numbers in, decisions out; no clock, no files. Every decision is a function of rank keys and trial
numbers. So a study is resumed by asking for its tasks again and reporting what is known of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from caviar.records import Box, Config, Ended, Task
from caviar.records.ranking import RankKey


class Scheduler(Protocol):
    """Gives tasks until it is over."""

    boxes: list[Box]
    """The boxes that the search has opened so far."""

    @property
    def over(self) -> bool:
        """True when every task was given and reported."""
        ...

    def next(self, room: int) -> Task | None:
        """Give the next task, or None while none may start.

        With ``room`` 0 give only the next task of a trial that is in a slot already.
        """
        ...

    def report(self, task: Task, rank_key: RankKey) -> list[Ended]:
        """Take the rank key that a task ended with, WORST if it diverged or failed; the trials that are over now."""
        ...

    def close(self) -> None:
        """Begin no more trials; those under way go on as far as they deserve."""
        ...

    def take_ended(self) -> list[Ended]:
        """Trials that are over and were not returned yet: ``close`` ends some without a report."""
        ...

    def reached(self) -> tuple[int, ...]:
        """Count the trials that were compared at each rung so far."""
        ...


class Wish(Protocol):
    """A config that a person wants tried, with some hyperparameters left to the search."""

    @property
    def whole(self) -> bool:
        """True where nothing is left to the search."""
        ...

    def config(self, number: int, proposal: Config | None) -> Config:
        """The config of trial ``number``, with what ``proposal`` of the search's has for the rest, if there is one."""
        ...

    def is_slow(self, config: Config) -> bool:
        """True for a slow starter."""
        ...


class Queue(Protocol):
    """The wishes of a study. A wish that became a trial has the same number when the study is resumed."""

    def due(self, number: int) -> Wish | None:
        """The wish that trial ``number`` is for; None where the search proposes it."""
        ...

    def taken(self) -> None:
        """The wish that was due has become a trial."""
        ...


class Decision(NamedTuple):
    """A trial at a rung (counted from 0) goes on to ``to_epoch``, or ends there (None)."""

    number: int
    rung: int
    to_epoch: int | None


class Ladder(Protocol):
    """The rungs of one study: trials enter by number, results come in any order."""

    def enter(self, number: int, slow: bool = False) -> int:
        """Add a trial; the epoch of its first comparison. ``slow`` marks a slow starter (search/slow_starters.py)."""
        ...

    def report(self, number: int, epoch: int, rank_key: RankKey) -> list[Decision]:
        """Take a trial's rank key at the rung of ``epoch``: the decisions that this allows, about it or others.

        A trial whose rank key is WORST has diverged: it is compared, never goes on, and gets no decision.
        """
        ...

    def close(self) -> list[Decision]:
        """Add no more trials: the decisions that this allows."""
        ...

    def reached(self) -> tuple[int, ...]:
        """Count the trials that were compared at each rung so far."""
        ...

    @property
    def compared(self) -> Sequence[Sequence[tuple[int, RankKey]]]:
        """For each rung, (number, rank key) of the trials compared there, in an order that no timing changes."""
        ...

    def certain(self, entered: int) -> list[int]:
        """Count the comparisons of each rung to wait for before the first ``entered`` trials may be looked at."""
        ...
