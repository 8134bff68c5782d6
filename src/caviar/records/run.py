"""Records of a run: frozen nouns, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from caviar.records.config import Config
from caviar.records.lease import Lease
from caviar.records.reading import BY_ITSELF, Reading, Target, as_target


class RunState(StrEnum):
    """The state of a run."""

    RUNNING = "running"
    FINISHED = "finished"  # all of its epochs are done
    STOPPED = "stopped"  # a person, or the nurse, ended it for good
    INTERRUPTED = "interrupted"  # Ctrl-C: `caviar resume` goes on with it

    @property
    def is_over(self) -> bool:
        """True for a run that ended for good."""
        return self in (RunState.FINISHED, RunState.STOPPED)


class RunKind(StrEnum):
    """The trainee of a run."""

    NETWORK = "network"  # caviar trains it on a table
    PROGRAM = "program"  # a process that speaks docs/protocol.md
    LOOP = "loop"  # a training loop in a process of its own, see caviar.babysit.run


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """A run as somebody asked for it; the config, the seed and the name stand beside it in the Run.

    All kinds: ``nurse`` is "watch" (roll back, propose the rest), "act" (do it) or "no"; ``disk_bytes`` is the budget
    of the snapshots; ``snapshot_seconds`` lie between two of them, None for the default of the kind.
    Networks and programs: ``epochs``; ``patience`` ends a run when so many epochs in a row are no better than its best.
    Networks: the table ``data``, its ``reading``, and the folder ``out`` for the model; ``save`` is the epoch whose
    network becomes the model, "best" or "last"; ``mapped`` leaves the rows in files, None decides by the file's size;
    ``balance`` counts every class alike in training, and sets probabilities back.
    Programs: their ``command`` line, its working ``folder``, the ``goal`` of their score, None where names are to tell
    it, and the seconds that they may be silent. A run of an earlier version has no folder: its program is started in
    that of whoever resumes it.
    """

    kind: RunKind
    epochs: int = 50
    patience: int | None = None
    nurse: str = "watch"
    disk_bytes: int = 2 << 30
    snapshot_seconds: float | None = None
    data: str = ""
    target: Target = None
    labels: str | None = None
    test: str | None = None
    test_labels: str | None = None
    task: str | None = None
    reading: Reading = BY_ITSELF
    mapped: bool | None = None
    engine: str = "native"
    out: str | None = None
    save: str = "best"
    balance: bool = False
    command: str = ""
    folder: str | None = None
    goal: str | None = None
    trial_timeout: float | None = None

    def to_record(self) -> dict[str, Any]:
        """Plain data for the store: the fields that say something of this kind."""
        plain = asdict(self) | {"reading": self.reading.to_record()}
        return {name: value for name, value in plain.items() if name in _FIELDS[self.kind]}

    @staticmethod
    def from_record(kind: str, record: Mapping[str, Any]) -> RunSpec:
        """The inverse of ``to_record``; also reads the records of every version before."""
        known = {name: value for name, value in record.items() if name in _FIELDS[RunKind(kind)]}
        if kind == RunKind.PROGRAM:
            known.setdefault("goal", "maximize")
        if "reading" in known:
            known["reading"] = Reading.from_record(known["reading"])
        if "target" in known:
            known["target"] = as_target(known["target"])
        if "budget" in record:
            known["disk_bytes"] = record["budget"]
        if isinstance(record.get("nurse"), bool):
            known["nurse"] = "watch" if record["nurse"] else "no"
        return RunSpec(kind=RunKind(kind), **known)


_OF_ALL = {"nurse", "disk_bytes", "snapshot_seconds"}
_OF_PROGRAMS = {"command", "folder", "goal", "trial_timeout"}
_FIELDS = {
    RunKind.NETWORK: {f.name for f in fields(RunSpec)} - _OF_PROGRAMS - {"kind"},
    RunKind.PROGRAM: _OF_ALL | _OF_PROGRAMS | {"epochs", "patience"},
    RunKind.LOOP: _OF_ALL,
}


class InterventionState(StrEnum):
    """The state of an intervention."""

    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"  # it could not be done; the outcome says why
    OVERTAKEN = "overtaken"  # a later intervention of the same batch said otherwise


@dataclass(frozen=True, slots=True)
class Run:
    """One network that is nursed while it trains, or anyone's training loop.

    ``spec`` is the run as somebody asked for it, ``config`` its first hyperparameters or knobs. A branch has a
    ``parent`` and the number of the parent's snapshot that it began from. ``owner`` is the lease of the process that
    trains it, None where none does; ``progress`` are the last facts of where it stands.
    """

    name: str
    seed: int
    spec: RunSpec
    config: Config
    data: Mapping[str, Any]
    environment: Mapping[str, Any]
    created: str
    parent: str | None = None
    parent_snapshot: int | None = None
    state: RunState = RunState.RUNNING
    ended: str | None = None
    result: Mapping[str, Any] | None = None
    owner: Lease | None = None
    progress: Mapping[str, Any] | None = None

    @property
    def kind(self) -> RunKind:
        """The trainee: network, program or loop."""
        return self.spec.kind


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
    """The measurements of a run at one moment: numbers by name."""

    clock: Clock
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Intervention:
    """A change of a run or study that somebody asked for.

    ``kind`` is turn, pause, resume, snapshot, rollback or stop; of a study it is enqueue, extend, resume, respace or
    stop.

    ``who`` asked for it, ``because`` is the reason in their words. ``outcome`` says what came of it, at ``tick``.
    """

    number: int
    kind: str
    arguments: Mapping[str, Any]
    who: str
    because: str
    written: str
    state: InterventionState = InterventionState.WAITING
    outcome: str = ""
    tick: int | None = None

    @property
    def refusal(self) -> tuple[str, str]:
        """Of one that was refused: why, and the way out, empty where none was said."""
        rule, _, way_out = self.outcome.partition("; ")
        return rule, way_out


@dataclass(frozen=True, slots=True)
class RunSnapshot:
    """A saved state of a run; ``loss`` is its validation loss where there was one, the smaller the better."""

    number: int
    clock: Clock
    reason: str
    loss: float | None
    path: str
    sha256: str
    size: int
    created: str
    state: str = "kept"  # or "removed", "damaged"


@dataclass(frozen=True, slots=True)
class DiaryEntry:
    """One entry of a run's diary; ``facts`` are what a replay needs."""

    number: int
    written: str
    kind: str
    who: str
    clock: Clock
    text: str
    facts: Mapping[str, Any]
