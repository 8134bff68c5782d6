"""Events of a run that is driven, for those who show it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from caviar.records import DiaryEntry, Run, RunMeasurement

if TYPE_CHECKING:
    from caviar.learners.model import Model


@dataclass(frozen=True, slots=True)
class Begun:
    """The run is ready to be trained: its data is read; also after a resume, and for a branch.

    ``ask`` writes an intervention for the run from within its process: its kind, its arguments, and why.
    """

    run: Run
    epochs: int
    warnings: tuple[str, ...]
    epochs_before: tuple[RunMeasurement, ...]
    diary_before: tuple[DiaryEntry, ...]
    ask: Callable[[str, dict[str, Any], str], object]


@dataclass(frozen=True)
class Progress:
    """Where a run stands, several times a second; the store keeps the ``facts`` for other processes."""

    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EpochDone:
    """An epoch of ``epochs`` ended, and what was measured."""

    measurement: RunMeasurement
    epochs: int


@dataclass(frozen=True, slots=True)
class Noted:
    """Something was written into the diary."""

    entry: DiaryEntry


@dataclass(frozen=True)
class RunEnded:
    """The end: ``summary`` is the JSON object of ``caviar babysit --json``; ``model`` is None where none is whole, and
    for a program, which keeps its own."""

    summary: Mapping[str, Any]
    model: Model | None


Event = Begun | Progress | EpochDone | Noted | RunEnded
