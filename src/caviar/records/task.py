"""Tasks: work of training as plain data, and their results.

A thread, a process, the store and another machine can all carry them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from caviar.records.config import Config
from caviar.records.study import Measurement

TrialKey = tuple[int, int]
"""A trial or one of its repeats: (number, repeat). Repeat 0 is the trial itself."""

TaskKey = tuple[int, int, int]
"""A task as a worker claims it: (trial, repeat, to_epoch)."""


class Task(NamedTuple):
    """Train one trial, or one of its repeats, from ``from_epoch`` until ``to_epoch`` epochs are done.

    ``from_epoch`` is 0 for a new trial. ``copy_from`` is the trial whose weights a new one starts with, None for fresh
    weights (population-based training copies). ``origin`` names the source of the config: "middle", "box 3", ...
    """

    trial: int
    repeat: int
    config: Config
    from_epoch: int
    to_epoch: int
    copy_from: int | None = None
    origin: str = ""


class TaskOutcome(StrEnum):
    """The end of a task, or of a part of it."""

    UNDER_WAY = "under_way"  # some epochs are measured, more will come
    TRAINED = "trained"  # trained to the end of the task
    FINISHED = "finished"  # the trial ended by itself: its last score counts at every rung that it did not come to
    STOPPED = "stopped"  # it was told to end, and did
    DIVERGED = "diverged"  # NaN, infinity or an exploding loss
    FAILED = "failed"  # an error of the user's code or of its process
    OUT_OF_MEMORY = "out_of_memory"
    INFEASIBLE = "infeasible"  # the user's code says that such a config cannot be
    INTERRUPTED = "interrupted"  # the executor was cancelled: not compared


class TaskResult(NamedTuple):
    """The result of a task.

    ``measurements`` are the epochs that were measured since the last result of the task, oldest first. ``scores`` has
    every score of the last epoch by name, where the learner gives more than the study's metric. ``score`` is the last
    word of a program that ended, None where it said none. ``error`` says why a trial failed. ``stored``: another
    process has written the measurements, which are all of the trial's, from its first epoch on. ``attributes`` are what
    the user's code noted of the trial since the last result.
    """

    task: Task
    outcome: TaskOutcome
    measurements: Sequence[Measurement] = ()
    scores: Mapping[str, float] = {}
    score: float | None = None
    error: str = ""
    stored: bool = False
    attributes: Mapping[str, Any] = {}


class Ended(NamedTuple):
    """A trial, or a repeat, that is over: ``stopped`` at a rung, or trained to its last one."""

    trial: int
    stopped: bool
    repeat: int = 0
