"""Records of a run: frozen nouns, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from caviar.records.study import Config


class RunState(StrEnum):
    """What became of a run: of one network that is nursed."""

    RUNNING = "running"
    FINISHED = "finished"  # all of its epochs are done
    STOPPED = "stopped"  # a person, or the nurse, ended it for good
    INTERRUPTED = "interrupted"  # Ctrl-C: `caviar resume` goes on with it


class InterventionState(StrEnum):
    """What became of an order."""

    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"  # it could not be done; the outcome says why
    OVERTAKEN = "overtaken"  # a later order of the same batch said otherwise


@dataclass(frozen=True, slots=True)
class Run:
    """One network that is nursed while it trains, or anyone's training loop.

    ``kind`` is "network" (caviar trains it), "program" (a process does that speaks docs/protocol.md) or "loop" (a
    training loop in a process of its own, see caviar.babysit.run). ``request`` is what a person asked for,
    ``config`` the hyperparameters, or the knobs, that it began with. A branch has a ``parent`` and the number of the
    parent's snapshot that it began from. ``keeper`` is the process that trains it, None where none does; ``progress``
    what it said of itself last.
    """

    name: str
    kind: str
    seed: int
    request: Mapping[str, Any]
    config: Config
    data: Mapping[str, Any]
    environment: Mapping[str, Any]
    created: str
    parent: str | None = None
    parent_snapshot: int | None = None
    state: RunState = RunState.RUNNING
    ended: str | None = None
    result: Mapping[str, Any] | None = None
    keeper: Mapping[str, Any] | None = None
    beats: int = 0
    progress: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Holding:
    """A process's hold of a run: its writes are taken while no other has taken the run up after it."""

    run: str
    fence: int


@dataclass(frozen=True, slots=True)
class Clock:
    """Where a run stands. ``tick`` counts every mini-batch that it ever trained, those that were undone too, and so
    never goes back; ``step`` counts those that are in the network, ``epoch`` its epochs, and ``take`` the rollbacks.
    Of a program the mini-batches are counted as far as it tells of them.
    """

    tick: int = 0
    step: int = 0
    epoch: int = 0
    take: int = 0


@dataclass(frozen=True, slots=True)
class RunMeasurement:
    """What was measured of a run at one moment: numbers by name."""

    clock: Clock
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Intervention:
    """What somebody wants of a run: ``kind`` is turn, pause, resume, snapshot, rollback or stop."""

    number: int
    kind: str
    arguments: Mapping[str, Any]
    who: str
    because: str
    written: str
    state: InterventionState = InterventionState.WAITING
    outcome: str = ""
    tick: int | None = None


@dataclass(frozen=True, slots=True)
class RunSnapshot:
    """A saved state of a run; ``merit`` is its validation loss where there was one, the smaller the better."""

    number: int
    clock: Clock
    reason: str
    merit: float | None
    path: str
    sha256: str
    size: int
    created: str
    state: str = "kept"  # or "removed", "damaged"


@dataclass(frozen=True, slots=True)
class DiaryEntry:
    """One line of a run's lab ledger; ``facts`` are what a replay needs."""

    number: int
    written: str
    kind: str
    who: str
    clock: Clock
    text: str
    facts: Mapping[str, Any]
