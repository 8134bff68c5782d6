"""Records of leases: the right of one process to write to a study or a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class LeaseState(StrEnum):
    """State of a lease."""

    HELD = "held"
    LEFT = "left"  # the process ended of itself and gave its claims back
    LOST = "lost"  # the process died or froze: its claims went to others, and its writes are refused


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one process to write to the study or run ``name``.

    ``fence`` counts up with every lease of that study or run. Every write carries it, and is refused once the lease was
    declared lost. ``identity`` names the process (host, boot, pids, pid, started, user), ``token`` is a random word
    that tells this lease from every other, ``beats`` counts the signs of life.

    A helper of a study trains what another process gives it: ``helps`` is the fence of that process, and its identity
    has its "threads". Every other lease makes its process the owner, of which there is one at a time.
    """

    name: str
    fence: int
    identity: Mapping[str, Any]
    token: str
    beats: int = 0
    state: LeaseState = LeaseState.HELD
    helps: int | None = None

    @property
    def is_helper(self) -> bool:
        """True for a process that decides nothing and trains the tasks that the owner gives it."""
        return self.helps is not None
