"""Somebody's program as a trainee, by docs/protocol.md.

A program can be spoken to only while it waits for an answer, after it has sent an ``epoch`` or a ``step``. So a turn
or a rollback is kept here until the answer that lets it go on; a pause is an answer that is not given. A snapshot is an
answer of its own: the program writes a file, says so, and trains on, while the file's bytes become a snapshot like any
other. A program that was not started yet, or has ended, waits as well: it is started with its state.

What is saved of it:

    file        the bytes of its own file
    knobs       all of them, as they stood
    told_step   the number of the last step that it sent
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from caviar.errors import ConfigError, NoAnswer, SnapshotError, StoreError
from caviar.files import make_private
from caviar.machine import environment
from caviar.protocol import messages as protocol
from caviar.protocol.command import Speaking
from caviar.protocol.goal import goal_of_request
from caviar.protocol.messages import Measured
from caviar.protocol.pool import Crashed, Event, Finished, Pool, Reported, Snapshot
from caviar.protocol.process import environments, why_not_started
from caviar.ranges import check_range
from caviar.records import Clock, Config, Run, RunSpec, Value
from caviar.runs.epochs import Epochs
from caviar.runs.knobs import check_own, own_turn
from caviar.runs.line import check_line
from caviar.runs.rules import THRESHOLDS, Sight
from caviar.runs.snapshots import check_budget
from caviar.runs.stopwatch import Stopwatch
from caviar.runs.trainee import OVER, Conclusion, Failure, OthersTrainee, Step

_RATE_KNOBS = ("learning_rate", "lr")
_ONE = 0  # the pool's name for the trial: there is no other
_HEAR = 0.1  # seconds in which it may report something, in one step
_SAVE = 0.5  # seconds between two looks at a program that saves
_APART = 2.0  # seconds between two snapshots
_SHARE = 20  # of its time, at most one part in so many goes into snapshots


class ProgramSetup:
    """A run of a program, before it is started."""

    def __init__(self, spec: RunSpec, config: Config, seed: int) -> None:
        """Raises ConfigError for a spec or a config that no program can be started with."""
        found = goal_of_request(spec.goal, None, None, spec.command, spec.folder)
        spec = replace(spec, goal=found.goal)
        self.warnings = found.notes
        _check(spec, config, seed)
        self.spec = spec
        self.config = config
        self.data: Mapping[str, Any] = {}  # its own
        self.environment: Mapping[str, Any] = environment("your own", "", 1)
        self.name = Speaking(spec.command, config, spec.folder).name
        knobs = ", ".join(f"{name} {value}" for name, value in config.items()) or "no knobs"
        self.begun = f"{spec.command} with {knobs}"

    def check_same(self, run: Run) -> None:
        """A program may change between two starts."""

    @contextmanager
    def trainee(self, run: Run, number: int, folder: Path) -> Iterator[ProgramTrainee]:
        """The program, which is started by its first step and has ended afterwards."""
        own = folder / "program"
        try:
            command = Speaking(run.spec.command, folder=run.spec.folder)
            with Pool(command, environments(1), run.spec.trial_timeout) as pool:
                yield ProgramTrainee(pool, number, run, own)
        finally:
            for file in own.glob("*.file"):  # a snapshot on its way: its process has ended
                with suppress(OSError):
                    file.unlink()

    @staticmethod
    def branched(saved: Mapping[str, Any], changes: Config) -> Config:
        """The config of a branch from what was ``saved``. Raises ConfigError for a knob that cannot be turned."""
        return {**saved["knobs"], **own_turn(saved["knobs"], changes)}


class ProgramTrainee(OthersTrainee):
    """One program in training; see the head of this file."""

    is_stopped_when_lost = True
    trains_on_when_saved = True

    def __init__(self, pool: Pool, number: int, run: Run, folder: Path) -> None:
        """``number`` is its trial's in the protocol; ``folder`` is for its own files and those that pass between."""
        self.clock = Clock()
        self.values: dict[str, float] = {}
        """The last epoch's, the score included."""
        self.rate_knob = next((name for name in _RATE_KNOBS if name in run.config), _RATE_KNOBS[0])
        self.waits = True
        """True while it does nothing until the next answer."""
        self._spec = run.spec
        self._pool = pool
        self._trial = number, run.seed, run.spec.epochs
        self._folder = folder
        self._knobs = dict(run.config)
        self._changed: dict[str, Value] = {}  # since the last answer
        self._back: tuple[int, str] | None = None  # epoch and file to restore with the next answer, or to begin with
        self._begins_with: Mapping[str, Any] | None = None  # the same as it was saved, before it is started
        self._restoring = False  # it was asked to, and did not say that it has
        self._is_there = False
        self._saves = False  # it says that it can save and restore
        self._was_heard = False
        self._stopping = False
        self._last_step = 0
        self._events: deque[Event] = deque()  # while something else was awaited
        self._pace = _Pace()

    # --- changes ---

    @property
    def can_save(self) -> bool:
        """True while it waits, knows how to save, and is not about to restore a snapshot."""
        return self.waits and self._is_there and self._saves and self._back is None

    def knobs(self) -> dict[str, Value]:
        """Every knob as it stands, or will with the next answer."""
        return dict(self._knobs)

    def applies(self, kind: str, paused: bool) -> bool:
        """While it trains only a stop applies; a snapshot lets it train on, so it does not apply while paused."""
        if kind == "stop":
            return True
        if kind == "snapshot":
            return self.waits and self._is_there and self._back is None and not paused
        return self.waits

    def turn(self, changes: Mapping[str, Value]) -> dict[str, list[Value]]:
        """Turn knobs with the next answer; [before, after] of each. Raises ConfigError."""
        changes = own_turn(self._knobs, changes)
        turned = {name: [self._knobs[name], value] for name, value in changes.items()}
        self._knobs |= changes
        self._changed |= changes
        return turned

    def save(self) -> dict[str, Any]:
        """Have it write its file, and let it train on. Raises StoreError where it cannot.

        Before it is started this is the state that it will begin with.
        """
        if not self._is_there and self._begins_with is not None:
            return {**self._begins_with, "knobs": self.knobs()}
        if not self._saves or not self._is_there:
            raise StoreError(
                "this program does not save", "with the client: trial.on_save, trial.on_restore, and trial.epochs()"
            )
        path = self._fresh("saving")
        saved = {"knobs": self.knobs(), "told_step": self._last_step}
        self._answer(save=str(path))
        while True:
            event = self._pool.take(_SAVE)
            if event is None:
                continue
            if not isinstance(event, Snapshot):
                self._events.append(event)
            if isinstance(event, Finished | Crashed):
                raise StoreError("the program ended while it was to save", "the snapshots before are whole")
            if isinstance(event, Reported):
                raise StoreError("the program went on and did not say saved", "docs/protocol.md: saved, or cannot")
            if isinstance(event, Snapshot) and event.did.what == "cannot":
                raise StoreError(f"the program could not save: {event.did.why:.200}", "the snapshots before are whole")
            if isinstance(event, Snapshot) and event.did.what == "saved":
                break
        try:
            content = path.read_bytes()
            path.unlink()
        except OSError as error:
            raise StoreError(
                f"the program said saved, and its file cannot be read: {error.strerror}",
                "it is to write the one file that save names",
            ) from None
        return {**saved, "file": np.frombuffer(content, np.uint8)}

    def restore(self, saved: Mapping[str, Any], clock: Clock) -> None:
        """Go back to what was ``saved`` with the next answer. Raises StoreError where there is no room for the file.

        The file stays until the next one: a program may still read from it.
        """
        try:
            path = self._fresh("restoring")
            path.write_bytes(np.asarray(saved["file"], np.uint8).tobytes())
        except OSError as error:
            raise StoreError(f"the snapshot cannot be given to the program: {error.strerror}", "make room") from None
        except (KeyError, TypeError, ValueError):
            raise SnapshotError("this snapshot is not of a program", "take the snapshot before it") from None
        self._back = clock.epoch, str(path)
        self._knobs = dict(saved["knobs"])
        self._changed = dict(self._knobs)
        self._last_step = int(saved["told_step"])
        self.clock = clock
        self.values = {}
        if not self._is_there:
            self._begins_with = saved

    def loss_of(self, values: Mapping[str, Any]) -> float:
        """A loss where it reports one, of validation if it can be, else the score as a loss; NaN without either."""
        for name in ("validation_loss", "loss", "train_loss"):
            if name in values:
                return float(values[name])
        score = float(values.get("score", math.nan))
        return score if self._spec.goal == "minimize" else -score

    def loss(self) -> float | None:
        """The loss of its last epoch."""
        found = self.loss_of(self.values)
        return found if math.isfinite(found) else None

    def sight(self, sight: Sight) -> Sight:
        """Training losses alone; an epoch that was reported as a whole stands for its mini-batches."""
        last = sight.epochs[-2:]  # neither rule looks further back
        epochs = [{"train_loss": loss} for e in last if math.isfinite(loss := _training_loss(e))]
        losses = list(sight.losses)
        if sight.epoch_ended and epochs and not losses:
            losses = [epochs.pop()["train_loss"]] * THRESHOLDS.fewest
        return replace(sight, epochs=Epochs(epochs), losses=losses)

    def seconds_between_snapshots(self, saving: float) -> float:
        """Two seconds, and more where saving takes long."""
        return max(_APART, _SHARE * saving)

    # --- training ---

    def advance(self) -> Step | None:
        """Let it train, or start it, and wait a moment for its next report. Raises NoAnswer if it cannot be started."""
        if self._stopping and not self._is_there:
            return OVER
        self._pace.watch.go_on()
        if self.waits:
            self._go_on()
        event = self._hear()
        if isinstance(event, Crashed):
            return Step(failure=Failure(event.kind, event.why, self._was_heard))
        if isinstance(event, Finished):
            if event.score is not None:
                self.values["score"] = event.score
            return OVER
        return self._step(event.measured) if isinstance(event, Reported) else None

    def rest(self) -> None:
        """Count no time until it trains again."""
        self._pace.watch.rest()

    def stop(self, why: str) -> None:
        """End it for good: at its next report, or ten seconds from now."""
        self._stopping = True
        if self._is_there:
            self._pool.answer(_ONE, protocol.stop(why))
            self.waits = False

    def progress(self, paused: bool) -> dict[str, Any]:
        """The place within the epoch and the pace, in steps as far as it reports them."""
        facts = {"unit": "steps", "goal": self._spec.goal, "rate_knob": self.rate_knob}
        return facts | self._pace.progress(self.clock, self._spec.epochs, paused)

    def conclude(self, run: Run, best: Any = None) -> Conclusion:
        """Its last values and its own folder; the model is its own."""
        epoch, score = self.clock.epoch, self.values.get("score")
        early = f" of {run.spec.epochs}, by its own word" if not self._stopping and epoch < run.spec.epochs else ""
        text = f"ended after epoch {epoch}{early}" + ("" if score is None else f", score {score:.4g}")
        summary = {
            "command": run.spec.command,
            "score": score,
            "values": {name: value for name, value in self.values.items() if name != "score"},
            "knobs": self.knobs(),
            "folder": self._own_folder,
            "test": None,
            "model": None,
        }
        return Conclusion(text, {"epochs": epoch, "values": dict(self.values)}, summary)

    @property
    def _own_folder(self) -> str:
        return str((self._folder / "own").absolute())

    def _step(self, report: Measured) -> Step:
        """The report as a step: the loss of a mini-batch, or the values of an epoch."""
        losses = {name: value for name, value in report.values.items() if name.endswith("loss")}
        score = {} if report.score is None else {"score": report.score}
        finite = all(map(math.isfinite, [*losses.values(), *score.values()]))
        self._pace.saw(self.clock, report.epoch is not None)
        if report.epoch is None:
            loss = losses.get("loss", losses.get("train_loss"))
            return Step([] if loss is None else [loss], finite)
        rate = {} if math.isnan(self.rate) else {self.rate_knob: self.rate}
        return Step([], finite, {**report.values, **score, **rate, "seconds": self._pace.epoch_seconds})

    def _go_on(self) -> None:
        """Let it train; start it where it is not there. Raises NoAnswer where it cannot be started."""
        if self._is_there:
            self._answer()
            return
        start = self._back
        number, seed, epochs = self._trial
        try:
            self._pool.give(protocol.trial(number, self._knobs, seed, epochs, self._own_folder, start), _ONE)
        except OSError as error:
            raise NoAnswer(
                f"the program could not be started: {why_not_started(error)}", "fix that, and then: caviar resume"
            ) from None
        self._is_there, self.waits = True, False
        self._back = self._begins_with = None
        self._changed = {} if start is None else dict(self._knobs)  # its file sets them back, too

    def _hear(self) -> Event | None:
        """Its next report, or its end; None when nothing happens in a moment."""
        event = self._events.popleft() if self._events else self._pool.take(_HEAR)
        if isinstance(event, Reported) and (event.measured.epoch or 0) > self._spec.epochs:
            self._pool.answer(_ONE, protocol.stop(f"it has had its {self._spec.epochs} epochs"))
            return None
        if isinstance(event, Reported) and self._restoring:
            self._pool.end(_ONE)
            event = Crashed(_ONE, "error", "it was to restore a snapshot, and went on without saying restored")
        if isinstance(event, Snapshot) and event.did.what == "restored":
            self._restoring = False
        if isinstance(event, Reported):
            self._note(event.measured)
        elif isinstance(event, Finished | Crashed):
            self._is_there, self.waits, self._saves, self._restoring = False, True, False, False
        return event

    def _note(self, report: Measured) -> None:
        """Take in a report; it waits for an answer."""
        self.waits = self._was_heard = True
        self._saves = report.saves
        n = 0
        if report.step is not None:  # counted from the beginning of training, or of the epoch
            n = report.step - self._last_step if report.step > self._last_step else report.step
            self._last_step = report.step
        self.clock = replace(
            self.clock,
            tick=self.clock.tick + max(n, 1),
            step=self.clock.step + n,
            epoch=self.clock.epoch if report.epoch is None else report.epoch,
        )
        if report.epoch is not None:
            self.values = dict(report.values) | ({} if report.score is None else {"score": report.score})
        loss = self.loss_of(report.values)
        if math.isnan(self.first_loss) and math.isfinite(loss):
            self.first_loss = loss

    def _answer(self, save: str | None = None) -> None:
        self._pool.answer(_ONE, protocol.go_on(save, self._back, self._changed))
        self._restoring = self._back is not None
        self._back, self._changed, self.waits = None, {}, False

    def _fresh(self, name: str) -> Path:
        """An absolute path without a file: one that the program has mapped into its memory is not written over."""
        make_private(self._folder)
        path = (self._folder / f"{name}.file").absolute()
        path.unlink(missing_ok=True)
        return path


@dataclass
class _Pace:
    """The speed of a program, by its reports."""

    watch: Stopwatch = field(default_factory=Stopwatch)
    began: float = 0.0  # this epoch, by the watch
    first_step: int = 0  # of this epoch
    last_step: int = 0
    steps: int = 0  # of the last whole epoch
    epoch_seconds: float = math.nan  # of the last one

    def __post_init__(self) -> None:
        self.began = self.watch.now()

    def saw(self, clock: Clock, epoch_ended: bool) -> None:
        """Note that it stands at ``clock`` now."""
        self.first_step = min(self.first_step, clock.step)  # after a rollback
        self.last_step = clock.step
        if epoch_ended:
            now = self.watch.now()
            self.steps, self.epoch_seconds = clock.step - self.first_step, now - self.began
            self.began, self.first_step = now, clock.step

    def progress(self, clock: Clock, epochs: int, paused: bool) -> dict[str, Any]:
        """Steps of this epoch and a second, and the seconds that are left; NaN before the first epoch's end."""
        done, seconds = self.last_step - self.first_step, self.watch.now() - self.began
        pace = self.steps / self.epoch_seconds if self.epoch_seconds > 0 else 0.0
        if done > 0 and seconds > 0:
            pace = done / seconds
        left = math.nan
        if math.isfinite(self.epoch_seconds):
            left = max((epochs - clock.epoch) * self.epoch_seconds - seconds, 0.0)
        return {
            "row": min(clock.step - self.first_step, self.steps),
            "rows": self.steps,
            "rows_per_second": 0.0 if paused else pace,
            "seconds_left": left,
        }


def _training_loss(epoch: Mapping[str, Any]) -> float:
    return float(epoch.get("train_loss", epoch.get("loss", epoch.get("validation_loss", math.nan))))


def _check(spec: RunSpec, config: Config, seed: int) -> None:
    default = RunSpec(kind=spec.kind)
    if not 1 <= spec.epochs <= 10**6:
        raise ConfigError(
            f"`epochs` must be from 1 to 1,000,000, got {spec.epochs}", f"leave it out for {default.epochs}"
        )
    if not 0 <= seed < 2**32:
        raise ConfigError(
            f"a program's `seed` must be a whole number from 0 to 2**32 - 1, got {seed}", "give it one: `seed=0`"
        )
    check_budget(spec)
    check_line(spec)
    if spec.nurse not in ("watch", "no"):
        raise ConfigError(
            "`nurse` is for caviar's own networks: a program is rolled back, and nothing else", "leave it out"
        )
    check_range("trial_timeout", spec.trial_timeout)
    check_own(config)
