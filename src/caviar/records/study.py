"""Records of a study: frozen nouns, no behaviour.

A study has trials; a trial has measurements, one an epoch. A finalist that is trained again with fresh seeds keeps
its trial's number and counts its repeats: (number, 0) is the trial itself, (number, 1) its first repeat.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, Self

from caviar.records.config import Config, as_config
from caviar.records.result import StudyResult
from caviar.records.specs import StudySpec


class TrialState(StrEnum):
    """The state of a trial."""

    RUNNING = "running"
    STOPPED = "stopped"  # poorer than its rung asks for
    FINISHED = "finished"  # reached the last rung
    DIVERGED = "diverged"  # NaN, infinity or an exploding loss: ranked last, never missing
    INTERRUPTED = "interrupted"  # the budget or a person ended the study first
    FAILED = "failed"  # an error that is none of these ended it; Trial.error says which
    OUT_OF_MEMORY = "out_of_memory"  # larger than the memory that was left
    INFEASIBLE = "infeasible"  # the user's code says that such a config cannot be; no failure


class StudyState(StrEnum):
    """The state of a study."""

    RUNNING = "running"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Measurement:
    """The measurements of one epoch of one trial.

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
    """The part of a trial's ``epochs`` that decisions need: their ``scores`` and ``losses`` (validation).

    Programs may leave epochs out. ``seconds`` is what all of them took together. Arrays of floats, because a study may
    have a million of them.
    """

    epochs: Sequence[int]
    scores: array[float]
    losses: array[float]
    seconds: float


class Comparison(NamedTuple):
    """A trial where its rung compared it, after ``epoch`` epochs: all that is needed to decide about it again.

    ``smoothed`` is the score that it was ranked by, smoothed over its epochs. ``score`` and ``loss`` (validation) are
    those of this epoch alone, ``seconds`` is the time of all epochs until then. NaN where it diverged.
    """

    epoch: int
    smoothed: float
    score: float
    loss: float
    seconds: float


class Trial(NamedTuple):
    """One config being trained; ``epochs`` trained so far, ``score`` the study's metric after the last of them.

    ``origin`` is where the proposal came from ("middle", "box 3", "whole space", "Optuna"; empty where none was
    noted), ``error`` why a failed trial failed, ``attributes`` what the user's code noted of it. A tuple, because
    frozen dataclasses take 3 microseconds to make, and a study that is taken up again makes three a trial.
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
    attributes: Mapping[str, Any] = {}


class Standing(NamedTuple):
    """A trial as it stands, without its config: a hundredth of the work where there are many.

    ``began`` and ``ended`` are seconds since 1970, None where they are not known.
    """

    number: int
    repeat: int
    state: TrialState
    epochs: int
    score: float | None
    validation_loss: float | None
    began: float | None
    ended: float | None


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
    """A space, a search, data, a specification; its trials are kept beside it.

    ``space`` is the space as plain data (see Space.to_dict), ``data`` the facts of the data (see Dataset.facts) with
    its ``sha256``, ``environment`` versions, processor and instruction set, ``result`` the final answer once there is
    one, ``progress`` the plain data of the last StudyProgress. Times are ISO 8601 in UTC.
    """

    name: str
    seed: int
    metric: str
    search: str
    space: Mapping[str, Any]
    spec: StudySpec
    data: Mapping[str, Any]
    environment: Mapping[str, Any]
    state: StudyState
    created: str
    ended: str | None = None
    result: StudyResult | None = None
    progress: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()

    @property
    def worked(self) -> float | None:
        """Seconds that all commands together have worked on it; None where none has, or it has not been said yet."""
        if self.state is not StudyState.RUNNING and self.result is not None and self.result.seconds is not None:
            return self.result.seconds
        return self.spec.spent + (self.progress["elapsed"] if self.progress else 0.0) or None


@dataclass(frozen=True, slots=True)
class StudyProgress:
    """A moment of a running study, for those who watch it in its process or through the store.

    ``phase`` is "search", then "finals", then "last training"; ``elapsed`` is in seconds since its command. ``counts``
    leaves repeats out, ``reached`` counts the trials that each rung has compared. ``note`` is trouble that the study
    goes on in spite of, ``helpers`` the number of other processes that train for it.
    """

    phase: str
    elapsed: float
    counts: Mapping[TrialState, int]
    reached: tuple[int, ...]
    best: Trial | None
    note: str = ""
    helpers: int = 0
    ended: tuple[Trial, ...] = ()

    def to_record(self) -> dict[str, Any]:
        """Plain data, for the store."""
        best = None if self.best is None else self.best._asdict() | {"state": str(self.best.state)}
        return {
            "phase": self.phase,
            "elapsed": self.elapsed,
            "counts": {str(state): n for state, n in self.counts.items()},
            "reached": list(self.reached),
            "best": best,
            "note": self.note,
            "helpers": self.helpers,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """The moment that ``to_record`` wrote; the store keeps NaN as a text, which becomes a number again."""
        best = record["best"]
        if best is not None:
            numbers = {name: None if best[name] is None else float(best[name]) for name in ("score", "validation_loss")}
            config = as_config(best["config"])
            best = Trial(**{**best, **numbers, "config": config, "state": TrialState(best["state"])})
        return cls(
            phase=record["phase"],
            elapsed=float(record["elapsed"]),
            counts={TrialState(state): n for state, n in record["counts"].items()},
            reached=tuple(record["reached"]),
            best=best,
            note=record["note"],
            helpers=record["helpers"],
        )
