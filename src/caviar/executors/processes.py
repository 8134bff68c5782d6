"""Processes that train: a function of the user's, or a program in any language (docs/protocol.md).

A trial holds its process from its first epoch to its last. At a rung the program waits for an answer; the next task of
the trial is that answer. So trials do not park here. A program that can save writes a snapshot now and then; a trial
whose process is gone goes on from there, or from its start.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from caviar.errors import StoreError, UserMistake
from caviar.executors.held_back import HeldBack
from caviar.executors.parked import StateStore
from caviar.files import make_private
from caviar.protocol import messages
from caviar.protocol.goal import GoalWatch
from caviar.protocol.pool import Crashed, Event, Finished, Pool, Reported, Snapshot
from caviar.protocol.process import why_not_started
from caviar.records import Measurement, Task, TaskOutcome, TaskResult, TrialKey

_CRASHES = {
    "error": TaskOutcome.FAILED,
    "out_of_memory": TaskOutcome.OUT_OF_MEMORY,
    "diverged": TaskOutcome.DIVERGED,
    "infeasible": TaskOutcome.INFEASIBLE,
}


@dataclass
class _Place:
    """A trial that holds a process."""

    task: Task  # the one under way, or the last one
    number: int  # the trial's name in the pool
    waits: Reported | None = None  # at its rung, for the next task
    heard: bool = False  # it has reported an epoch
    is_over: bool = False  # the trial was released: its process may still have something to say
    was_stopped: bool = False  # released before it had all of its epochs
    seconds: float = 0.0  # of training, in this process
    saving: tuple[int, Path] | None = None  # the epoch and file of a snapshot under way
    starts_from: Path | None = None  # the file of the snapshot that it begins with
    began_midway: bool = False  # with a snapshot
    noted: dict[str, Any] = field(default_factory=dict)  # attributes since the last result
    scores: list[float] = field(default_factory=list)  # that it reported


@dataclass
class Processes:
    """An Executor over a pool of processes, which ends with it."""

    pool: Pool
    folder: Path
    """A folder of each trial's own is in here."""
    last_epoch: int
    seed: Callable[[int, int], int]
    """The seed of a trial's repeat: a whole number below 2**32."""
    states: StateStore
    before_saving: Callable[[], None]
    """Called before a snapshot is saved: what was measured until then should be stored first."""
    watch: GoalWatch | None = None
    """Looks at each score; what it raises ends the study."""
    held: HeldBack = field(default_factory=HeldBack)
    parks: bool = False
    helpers: int = 0
    _places: dict[TrialKey, _Place] = field(default_factory=dict)
    _waiting: deque[Task] = field(default_factory=deque)  # tasks of trials that lost their process, without a slot yet
    _results: deque[TaskResult] = field(default_factory=deque)
    _given_up: bool = False
    _named: int = 0

    def __enter__(self) -> Self:
        self.pool.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pool.__exit__(kind, error, trace)

    @property
    def slots(self) -> int:
        """See Executor."""
        return self.pool.places

    @property
    def room(self) -> int:
        """See Executor."""
        return max(self.pool.room - len(self._waiting), 0)

    @property
    def busy(self) -> bool:
        """See Executor: a trial that had all of its epochs may have more to say."""
        return bool(self._results or self._waiting) or not self.pool.idle

    @property
    def is_silent(self) -> bool:
        """True where so much is held back that it must be the program."""
        return self._given_up or self.held.is_program()

    @property
    def note(self) -> str:
        """See Executor."""
        return str(self.states.trouble or "; ".join(self.pool.notes.values()))

    def submit(self, task: Task) -> None:
        """See Executor."""
        place = self._places.get((task.trial, task.repeat))
        if place is not None and place.waits is not None:
            place.task = task
            self._go_on(place, place.waits)
        elif self.pool.room:
            self._start(task)
        else:
            self._waiting.append(task)

    def results(self, timeout: float) -> list[TaskResult]:
        """See Executor."""
        waits = all(place.waits is not None for place in self._places.values())
        if self.held.results and waits and not self._waiting:  # nothing more will come to be sure by
            self._given_up = self.held.is_program(last=True)
            if not self.is_silent:
                self._results.extend(self.held.let_go())
        event = None if self._results else self.pool.take(timeout)
        while event is not None:
            self._take_in(event)
            event = self.pool.take(0.0) if self.pool.has_events else None
        while self._waiting and self.pool.room:
            self._start(self._waiting.popleft())
        found, self._results = list(self._results), deque()
        return found

    def release(self, trial: int, repeat: int = 0) -> None:
        """See Executor. A trial that was stopped ends; one that had all of its epochs ends by itself."""
        key = trial, repeat
        self.states.discard(key)
        place = self._places.get(key)
        if place is None or place.is_over:
            return
        place.is_over = True
        at_the_end = place.waits is not None and (place.waits.measured.epoch or 0) >= self.last_epoch
        place.was_stopped = not at_the_end
        why = "poorer than its rung asks for"
        self.pool.answer(place.number, messages.go_on() if at_the_end else messages.stop(why))
        place.waits = None

    def cancel(self) -> None:
        """See Executor: their processes end at once. What is held back stays so: nothing is known of those trials."""
        for key, place in list(self._places.items()):
            self.pool.end(place.number)
            if place.waits is None and not place.is_over:
                self._results.append(TaskResult(place.task, TaskOutcome.INTERRUPTED))
            self._forget(key)
        self._results.extend(TaskResult(task, TaskOutcome.INTERRUPTED) for task in self._waiting)
        self._waiting.clear()

    # --- from tasks to the pool ---

    def _start(self, task: Task) -> None:
        """Give a trial a process: a new one, or one that is warm."""
        key = task.trial, task.repeat
        folder = self.folder / (f"{task.trial}-{task.repeat}" if task.repeat else str(task.trial))
        self._named += 1
        place = self._places[key] = _Place(task, self._named)
        saved, start = self.states.saved(key, task.to_epoch - 1), None
        try:
            if saved is not None:
                epoch, place.began_midway = int(saved["epoch"]), True
                folder.mkdir(parents=True, exist_ok=True)
                path = place.starts_from = folder.absolute() / f"{epoch}.snapshot"
                path.write_bytes(saved["file"].tobytes())
                start = (epoch, str(path))
            seed = self.seed(task.trial, task.repeat)
            message = messages.trial(task.trial, task.config, seed, self.last_epoch, str(folder.absolute()), start)
            self.pool.give(message, place.number)
        except OSError as error:
            del self._places[key]
            raise UserMistake(
                f"trial {task.trial} could not be started: {why_not_started(error)}",
                "fix that, and then: caviar resume",
            ) from None

    def _go_on(self, place: _Place, waits: Reported) -> None:
        """Let a trial train on from its rung, and save first where it is time to."""
        epoch = waits.measured.epoch or 0
        if epoch >= place.task.to_epoch:  # it reported no epoch between the two rungs: the same score counts again
            self._results.append(TaskResult(place.task, TaskOutcome.TRAINED))
            return
        place.waits, save = None, None
        key = place.task.trial, place.task.repeat
        if waits.measured.saves and self.states.is_due(key, place.seconds):
            path = self.folder.absolute() / str(place.task.trial) / f"{epoch}.snapshot"
            try:
                make_private(path.parent)
                place.saving, save = (epoch, path), str(path)
            except OSError as error:
                self._no_snapshots(error)
        self.pool.answer(place.number, messages.go_on(save=save))

    # --- from the pool to results ---

    def _take_in(self, event: Event) -> None:
        key = next((key for key, place in self._places.items() if place.number == event.number), None)
        if key is None:
            return
        place = self._places[key]
        _remove(place.starts_from)
        place.starts_from = None
        if not isinstance(event, Crashed) or event.kind != "error":
            self.held.heard = True
            self._results.extend(self.held.let_go())
        if isinstance(event, Reported):
            self._measure(place, event)
        elif isinstance(event, Snapshot):
            self._keep(key, place, event)
        else:
            self._end(key, place, event)

    def _measure(self, place: _Place, reported: Reported) -> None:
        """Take an epoch that a program reported, or a step, which needs no answer but to go on."""
        measured = reported.measured
        place.seconds += reported.seconds
        if self.watch is not None:
            self.watch.see((place.task.trial, place.task.repeat), measured.score, measured.values)
        place.noted |= measured.attributes
        early = place.heard  # it has reported an epoch before
        place.heard = place.heard or measured.epoch is not None
        if measured.score is not None and measured.epoch is not None:
            place.scores.append(measured.score)
        if measured.epoch is not None and measured.epoch > self.last_epoch and (early or place.task.from_epoch):
            self._note_end(place)
        if place.is_over:
            self.pool.answer(place.number, messages.stop(f"it has had its {self.last_epoch} epochs"))
        elif measured.epoch is None:
            self.pool.answer(place.number, messages.go_on())
        elif measured.score is None:
            self.pool.answer(place.number, messages.stop("it reported no score"))
            why = f"epoch {measured.epoch} was reported without a score: the first two are trial.report(epoch, score)"
            self._result(place, TaskOutcome.FAILED, error=why)
        elif measured.epoch > self.last_epoch and not early and not place.task.from_epoch:
            why = f"its first report is of epoch {measured.epoch}, and a trial has {self.last_epoch} epochs at most"
            self.pool.answer(place.number, messages.stop(why))
            self._result(place, TaskOutcome.FAILED, error=why)
        elif measured.epoch > self.last_epoch:
            self.pool.answer(place.number, messages.stop(f"it has had its {self.last_epoch} epochs"))
        elif not math.isfinite(measured.score):
            self.pool.answer(place.number, messages.stop("its score is not a finite number"))
            self._result(place, TaskOutcome.DIVERGED, [measurement(measured, reported.seconds)])
        elif measured.epoch >= place.task.to_epoch and not place.task.repeat:  # a repeat ends by itself, without a rung
            place.waits = reported
            self._result(place, TaskOutcome.TRAINED, [measurement(measured, reported.seconds)])
        else:
            self.pool.answer(place.number, messages.go_on())
            self._result(place, TaskOutcome.UNDER_WAY, [measurement(measured, reported.seconds)])

    def _keep(self, key: TrialKey, place: _Place, event: Snapshot) -> None:
        """Take the file of a snapshot that was written, or could not be."""
        if place.saving is None:
            return
        (epoch, path), place.saving = place.saving, None
        if event.did.what == "saved" and not place.is_over:
            try:
                content = np.frombuffer(path.read_bytes(), np.uint8)
            except OSError as error:
                self._no_snapshots(error)
            else:
                self.before_saving()
                self.states.save(key, epoch, {"file": content, "epoch": np.array(epoch)}, place.seconds)
        _remove(path)

    def _end(self, key: TrialKey, place: _Place, event: Finished | Crashed) -> None:
        """Take the end of a trial: with its task, between two tasks, or after it was over."""
        self._forget(key)
        noted = {**place.noted, **event.attributes}
        if isinstance(event, Finished):
            if self.watch is not None:
                self.watch.see(key, event.score, event.values, reported=False)
            self._note_return(place, event.score)
            stopped = event.stopped and place.was_stopped  # one that goes beyond its last epoch is told to end, too
            outcome = TaskOutcome.STOPPED if stopped else TaskOutcome.FINISHED
            self._results.append(TaskResult(place.task, outcome, score=event.score, attributes=noted))
        elif not place.is_over or place.was_stopped:
            error = event.why.strip() or "it did not say why"
            failed = TaskResult(place.task, _CRASHES[event.kind], error=error, attributes=noted)
            at_once = event.kind == "error" and not place.heard
            if at_once and self.held.rate is not None:
                self.held.results.append(failed)
                return
            self._results.append(failed)
        self.held.over += 1

    def _note_end(self, place: _Place) -> None:
        """Note that a trial had more to train when it had all of its epochs."""
        epochs = f"{self.last_epoch} epoch" + "s" * (self.last_epoch > 1)
        said = f"went on after its {epochs} (trial.last_epoch), and was ended there: `epochs=100` gives more"
        if not self.pool.speaks:
            said = (
                f"printed more scores than its {epochs}, and was ended there: each line that `score` matches counts as "
                "an epoch. Let it match the line of a whole epoch alone, or give more, `epochs=100`"
            )
        self.pool.notes.setdefault("ended", f"trial {place.task.trial} {said}")

    def _note_return(self, place: _Place, score: float | None) -> None:
        """Note that the final score of a trial is none of those that it reported."""
        scores = place.scores
        if score is None or not scores or place.began_midway or score in scores or not self.pool.speaks:
            return
        self.pool.notes.setdefault(
            "returned",
            f"trial {place.task.trial} reported {scores[-1]:.6g} at last and ended with {score:.6g}: poor trials are "
            "stopped by the scores that they report, and the winner is chosen by those that they end with. "
            "If the two are not measured alike, return None",
        )

    def _result(
        self, place: _Place, outcome: TaskOutcome, measured: list[Measurement] | None = None, error: str = ""
    ) -> None:
        if outcome in (TaskOutcome.DIVERGED, TaskOutcome.FAILED):
            place.is_over = True
        self._results.append(TaskResult(place.task, outcome, measured or [], error=error, attributes=place.noted))
        place.noted = {}

    def _forget(self, key: TrialKey) -> None:
        place = self._places.pop(key)
        for path in (place.starts_from, place.saving[1] if place.saving else None):
            _remove(path)

    def _no_snapshots(self, error: OSError) -> None:
        """Go on without snapshots, and say so."""
        self.states.trouble = StoreError(f"no snapshot: {error.strerror or error}", "the study goes on without them")


def _remove(path: Path | None) -> None:
    """Remove a snapshot's file that has done its work, and its folder, if the program keeps nothing else there."""
    if path is not None:
        with suppress(OSError):
            path.unlink(missing_ok=True)
            path.parent.rmdir()


def measurement(measured: messages.Measured, seconds: float) -> Measurement:
    """An epoch that a program reported, as the store keeps it; NaN for every number that it left out."""
    values = measured.values
    assert measured.epoch is not None
    assert measured.score is not None
    return Measurement(
        measured.epoch,
        values.get("train_loss", math.nan),
        values.get("validation_loss", values.get("loss", math.nan)),
        values.get("validation_accuracy", values.get("accuracy", math.nan)),
        measured.score,
        values.get("learning_rate", math.nan),
        seconds,
    )
