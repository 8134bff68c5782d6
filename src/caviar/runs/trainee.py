"""The contract of a trainee: the network, program or training loop that a run is about.

Three implementations: network.NetworkTrainee, program.ProgramTrainee and own_loop.OwnTrainee. A session (session.py)
does everything else that can be done to a run, the same for all three.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from caviar.records import Clock, Config, Run, RunSpec, Value
from caviar.records.config import as_number
from caviar.runs.rules import Rule, Sight, diverged, exploding

if TYPE_CHECKING:
    from caviar.learners.model import Model


class Failure(NamedTuple):
    """The end of a trainee's process before its time: ``kind`` is "error", "out_of_memory" or "diverged"."""

    kind: str
    why: str
    was_heard: bool = True
    """True if the process had spoken before."""


@dataclass(frozen=True)
class Step:
    """Some training that a trainee did.

    ``losses`` are those of its mini-batches, ``finite`` is False after a NaN or an infinity. ``values`` were measured
    at the end of an epoch, and are None within one. ``over`` says that the trainee has ended.
    """

    losses: Sequence[float] = ()
    finite: bool = True
    values: Mapping[str, Any] | None = None
    over: bool = False
    failure: Failure | None = None


OVER = Step(over=True)


@dataclass(frozen=True)
class Conclusion:
    """The end of a run: the diary's last line, with the facts that a replay needs, and the trainee's own summary."""

    text: str
    facts: Mapping[str, Any]
    summary: Mapping[str, Any]
    model: Model | None = None
    whole: bool = True
    """False for a network of ours that has weights which are no numbers."""
    notes: tuple[str, ...] = ()
    """On the answer: that it is no better than the majority, say."""


class Trainee(Protocol):
    """A network in training, whoever trains it."""

    clock: Clock
    rate_knob: str
    """Name of its learning rate."""
    rules: Sequence[Rule]
    """The nurse's rules that apply to it."""
    survives_nan: bool
    """True if it may train on after a loss that is not finite."""
    is_stopped_when_lost: bool
    """True if the nurse ends a run that has diverged where no snapshot is left."""

    @property
    def rate(self) -> float:
        """The learning rate in force; NaN where there is none that could be turned."""
        ...

    @property
    def chance_loss(self) -> float:
        """The loss of guessing blindly; infinite where it is not known."""
        ...

    @property
    def can_save(self) -> bool:
        """True if ``save`` is possible at this moment."""
        ...

    def seconds_between_snapshots(self, saving: float) -> float:
        """Seconds that lie between two snapshots, at least, where the last one took ``saving`` seconds."""
        ...

    def advance(self) -> Step | None:
        """Train for about a tenth of a second; None if nothing has happened in that time. Raises NoAnswer."""
        ...

    def applies(self, kind: str, paused: bool) -> bool:
        """True if an intervention of this kind can be applied now; else it waits for a later moment."""
        ...

    def turn(self, changes: Mapping[str, Value]) -> dict[str, list[Value]]:
        """Turn knobs and return [before, after] of each. Raises ConfigError and changes nothing if one cannot be."""
        ...

    def knobs(self) -> dict[str, Value]:
        """Every knob as it stands."""
        ...

    def save(self) -> Any:
        """All that the next mini-batch depends on: a tree of arrays, numbers and text. Raises StoreError."""
        ...

    def restore(self, saved: Any, clock: Clock) -> None:
        """Go back to what was ``saved``, at ``clock``. Raises SnapshotError for what is not of this kind."""
        ...

    def loss_of(self, values: Mapping[str, Any]) -> float:
        """The loss by which an epoch of these ``values`` is judged; NaN where none was measured."""
        ...

    def loss(self) -> float | None:
        """The same of the trainee as it stands; None where nothing was measured."""
        ...

    def sight(self, sight: Sight) -> Sight:
        """``sight``, in the terms of the nurse's rules."""
        ...


class DrivenTrainee(Trainee, Protocol):
    """A trainee that the loop of caviar drives: a network or a program, not a loop of the user's own."""

    trains_on_when_saved: bool
    """True if ``save`` lets it train on at once, so that changes come before a snapshot and not after it."""

    @property
    def waits(self) -> bool:
        """True while it does nothing until ``advance`` is called."""
        ...

    def rest(self) -> None:
        """Count no time until ``advance`` is called: the run is paused."""
        ...

    def stop(self, why: str) -> None:
        """End it for good; ``advance`` says when it is over."""
        ...

    def progress(self, paused: bool) -> dict[str, Any]:
        """Facts for the screens that only this kind has: row, rows, rows_per_second, seconds_left ..."""
        ...

    def conclude(self, run: Run, best: Any = None) -> Conclusion:
        """Score the end, and save the model where there is one: of the state ``best``, if that is given."""
        ...


class OthersTrainee(ABC):
    """The common part of a program and a loop of the user's: caviar sees their knobs and losses, and no more."""

    rate_knob = "learning_rate"
    rules: Sequence[Rule] = (diverged, exploding)
    survives_nan = True
    first_loss = math.nan

    @abstractmethod
    def knobs(self) -> dict[str, Value]:
        """Every knob as it stands."""

    @property
    def rate(self) -> float:
        """The learning rate as a knob; NaN where there is none."""
        value = self.knobs().get(self.rate_knob)
        return math.nan if isinstance(value, bool | str) else as_number(value)

    @property
    def chance_loss(self) -> float:
        """The first loss, for the loss of guessing blindly is not known."""
        return self.first_loss if math.isfinite(self.first_loss) else math.inf


class Setup(Protocol):
    """A kind of run that the loop drives, before its first step."""

    name: str
    """Default name of the run."""
    spec: RunSpec
    config: Config
    data: Mapping[str, Any]
    """Facts of the data, as the store keeps them."""
    environment: Mapping[str, Any]
    warnings: tuple[str, ...]
    begun: str
    """The diary's first line; empty if there is none."""

    def check_same(self, run: Run) -> None:
        """Raise StoreError if ``run`` was trained on something else."""
        ...

    def trainee(self, run: Run, number: int, folder: Path) -> AbstractContextManager[DrivenTrainee]:
        """The trainee of ``run``, whose number in the store is ``number``; ``folder`` is its own."""
        ...

    @staticmethod
    def branched(saved: Mapping[str, Any], changes: Config) -> Config:
        """The config of a branch from a snapshot of this kind. Raises ConfigError for a knob that cannot be turned."""
        ...
