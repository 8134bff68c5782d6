"""What is remembered of a study: frozen nouns, no behaviour.

A study has trials; a trial has measurements, one an epoch. A finalist that is trained again with fresh seeds keeps
its trial's number and counts its repeats: (number, 0) is the trial itself, (number, 1) its first repeat.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

Value = bool | int | float | str
Config = Mapping[str, Value]
"""One point of a space: the name of every hyperparameter that applies, and its value."""


class TrialState(StrEnum):
    """What became of a trial."""

    RUNNING = "running"
    STOPPED = "stopped"  # poorer than its rung asks for
    FINISHED = "finished"  # reached the last rung
    DIVERGED = "diverged"  # NaN, infinity or an exploding loss: ranked last, never missing
    INTERRUPTED = "interrupted"  # the budget or a person ended the study first
    FAILED = "failed"  # an error that is none of these ended it; Trial.error says which
    OUT_OF_MEMORY = "out_of_memory"  # larger than the memory that was left


class StudyState(StrEnum):
    """What became of a study."""

    RUNNING = "running"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one epoch of one trial measured.

    ``train_loss`` is the mean cross-entropy, or squared error, of the epoch's mini-batches as they were trained on (L2
    left out), ``validation_loss`` that on the validation part, ``score`` the study's metric there,
    ``learning_rate`` the one in force, ``seconds`` the epoch's own time, validation included. NaN where nothing
    was measured, and for the accuracy of regression, whose losses and scores (rmse, mae) are in units of the
    standardised target.
    """

    epoch: int
    train_loss: float
    validation_loss: float
    validation_accuracy: float
    score: float
    learning_rate: float
    seconds: float


class Curve(NamedTuple):
    """What is needed of a trial's ``epochs`` to decide about it again: their ``scores`` and ``losses`` (validation).

    Programs may leave epochs out. ``seconds`` is what all of them took together. Arrays of floats, because a study may
    have a million of them.
    """

    epochs: Sequence[int]
    scores: array[float]
    losses: array[float]
    seconds: float


class Comparison(NamedTuple):
    """A trial where its rung compared it, after ``epoch`` epochs: all that is needed to decide about it again.

    ``merit`` is the score that it was ranked by, smoothed over its epochs, ``score`` and ``loss`` (validation) those of
    this epoch alone, ``seconds`` what all epochs until then took together. NaN where it diverged.
    """

    epoch: int
    merit: float
    score: float
    loss: float
    seconds: float


class Trial(NamedTuple):
    """One config being trained; ``epochs`` trained so far, ``score`` the study's metric after the last of them.

    ``origin`` is where the proposal came from ("middle", "box 3", "whole space", "told"; empty where nobody noted
    it), ``error`` why a failed trial failed. A tuple, because frozen dataclasses take 3 microseconds to make, and a
    study that is taken up again makes three a trial.
    """

    number: int
    config: Config
    state: TrialState
    epochs: int = 0
    score: float | None = None
    validation_loss: float | None = None
    repeat: int = 0
    origin: str = ""
    error: str | None = None


class WorkerState(StrEnum):
    """What became of a worker."""

    WORKING = "working"
    LEFT = "left"  # ended of itself and gave its claims back
    LOST = "lost"  # dead or frozen: its claims went to others, and nothing that it writes is taken any more


@dataclass(frozen=True, slots=True)
class Worker:
    """One process that trains trials of a study.

    ``fence`` counts up with every worker that joins the study; a write carries it, and is refused once the worker was
    declared lost. ``identity`` says where the process runs (host, boot, pids, pid, started, user), ``token`` is a
    random word that tells it from every other worker, ``beats`` counts its signs of life. A helper, which does what
    another gives it, has in its identity whose it is ("helps", a fence) and its "threads".
    """

    study: str
    fence: int
    identity: Mapping[str, Any]
    token: str
    beats: int = 0
    state: WorkerState = WorkerState.WORKING

    @property
    def is_helper(self) -> bool:
        """Whether it decides nothing and does what the study's leader gives it."""
        return "helps" in self.identity


Piece = tuple[int, int, int]
"""A piece of work that one worker claims: (number, repeat, to_epoch), train this trial up to that epoch."""


@dataclass(frozen=True, slots=True)
class Box:
    """A part of the space that a search draws from, from trial ``first_trial`` on, and why.

    ``ranges`` has, by hyperparameter, {"low": ..., "high": ...} in its own units, or {"weights": {value: share}} for
    categories.
    """

    number: int
    first_trial: int
    ranges: Mapping[str, Any]
    reason: str


@dataclass(frozen=True, slots=True)
class Study:
    """A space, a search, data, a budget; its trials are kept beside it.

    ``space`` is the space as plain data (see Space.to_dict), ``data`` the facts of PRODUCT.md's ``data`` object with
    its ``sha256``, ``environment`` versions, processor and instruction set, ``result`` the final answer once there is
    one. Times are ISO 8601 in UTC.
    """

    name: str
    seed: int
    metric: str
    search: str
    space: Mapping[str, Any]
    budget: Mapping[str, Any]
    data: Mapping[str, Any]
    environment: Mapping[str, Any]
    state: StudyState
    created: str
    ended: str | None = None
    result: Mapping[str, Any] | None = field(default=None)


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
