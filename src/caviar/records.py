"""What is remembered of a study: frozen nouns, no behaviour.

A study has trials; a trial has measurements, one an epoch. A finalist that is trained again with fresh seeds keeps
its trial's number and counts its repeats: (number, 0) is the trial itself, (number, 1) its first repeat.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

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


@dataclass(frozen=True, slots=True)
class Trial:
    """One config being trained; ``epochs`` trained so far, ``score`` the study's metric after the last of them.

    ``origin`` is where the proposal came from ("middle", "box 3", "whole space", "told"; empty where nobody noted
    it), ``error`` why a failed trial failed.
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


@dataclass(frozen=True, slots=True)
class Box:
    """The part of the space that a coarse-to-fine round draws from, from trial ``first_trial`` on, and why.

    ``number`` counts a study's boxes from 0; ``ranges`` has for each hyperparameter what is left of its scale, as
    plain data.
    """

    number: int
    first_trial: int
    ranges: Mapping[str, Any]
    reason: str


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
    random word that tells it from every other worker, ``beats`` counts its signs of life.
    """

    study: str
    fence: int
    identity: Mapping[str, Any]
    token: str
    beats: int = 0
    state: WorkerState = WorkerState.WORKING


Piece = tuple[int, int, int]
"""A piece of work that one worker claims: (number, repeat, to_epoch), train this trial up to that epoch."""


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
