"""Somebody's program that is raised: what can be done to a network of ours is asked of it, by docs/protocol.md.

A program can be spoken to only while it waits for an answer, after it told an ``epoch`` or a ``step``. So a turn is
kept here until the answer that lets it go on, and a rollback too; a pause is an answer that is not given. A snapshot is
an answer of its own: the program writes a file, says so, and trains on, while the file's bytes become a snapshot like
any other. A program that is not there, because it was not started yet, or ended, waits as well: it is started with what
it is to be.

What is saved of it:

    file        the bytes of its own file
    knobs       all of them, as they stood
    told_step   the number of the last step that it told
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from caviar.errors import NoAnswer, SnapshotError, StoreError
from caviar.protocol import messages as protocol
from caviar.protocol.pool import Crashed, Event, Finished, Pool, Reported, Snapshot
from caviar.records import Clock, Config, Value
from caviar.runs.knobs import own_turn

_RATE_KNOBS = ("learning_rate", "lr")
_ONE = 0  # what the pool calls the trial: there is no other
_LOOK = 0.5  # seconds


class ProgramTrainee:
    """One program in training; see the head of this file."""

    def __init__(
        self, pool: Pool, number: int, config: Config, seed: int, epochs: int, goal: str, folder: Path
    ) -> None:
        """``number`` is what it is told as its trial's; ``folder`` is its own, and of the files that pass between."""
        self.clock = Clock()
        self.saves = False
        """Whether it says that it can save and restore."""
        self.told = False
        """Whether it has ever told anything."""
        self.values: dict[str, float] = {}
        """What it told of its last epoch, the score included."""
        self.rate_knob = next((name for name in _RATE_KNOBS if name in config), _RATE_KNOBS[0])
        self._pool = pool
        self._trial = number, seed, epochs
        self._goal = goal
        self._folder = folder
        self._knobs = dict(config)
        self._changed: dict[str, Value] = {}  # since the last answer
        self._back: tuple[int, Path] | None = None  # what it is to restore with the next answer, or to begin with
        self._begins_with: Mapping[str, Any] | None = None  # the same as it was saved, before it is started
        self._restoring = False  # it was told to, and did not say that it has
        self._is_there = False
        self._waits = True
        self._told_step = 0
        self._first_loss = math.nan
        self._heard: deque[Event] = deque()  # while something else was awaited

    # --- what is done to it ---

    @property
    def waits(self) -> bool:
        """Whether it does nothing until ``go_on``."""
        return self._waits

    @property
    def is_there(self) -> bool:
        """Whether it was started and has not ended."""
        return self._is_there

    @property
    def goes_back(self) -> bool:
        """Whether the next answer is to restore a snapshot."""
        return self._back is not None

    @property
    def rate(self) -> float:
        """The learning rate as a knob; NaN where there is none."""
        value = self._knobs.get(self.rate_knob, math.nan)
        return math.nan if isinstance(value, bool | str) else float(value)

    @property
    def guess(self) -> float:
        """Nobody knows what it would be to guess blindly: the first loss that it told stands for that."""
        return self._first_loss if math.isfinite(self._first_loss) else math.inf

    def knobs(self) -> dict[str, Value]:
        """Every knob as it stands, or will with the next answer."""
        return dict(self._knobs)

    def takes(self, kind: str, paused: bool) -> bool:
        """While it trains only a stop can be obeyed; a snapshot lets it train on, so it is none for a paused one."""
        if kind == "stop":
            return True
        if kind == "snapshot":
            return self._waits and self._is_there and not self.goes_back and not paused
        return self._waits

    def turn(self, changes: Mapping[str, Value]) -> dict[str, list[Value]]:
        """Turn knobs with the next answer; what each was and is. Raises ConfigError."""
        changes = own_turn(self._knobs, changes)
        turned = {name: [self._knobs[name], value] for name, value in changes.items()}
        self._knobs |= changes
        self._changed |= changes
        return turned

    def save(self) -> dict[str, Any]:
        """Have it write its file, and let it go on. Raises StoreError where it cannot.

        Of one that was not started yet this is what it begins with.
        """
        if not self._is_there and self._begins_with is not None:
            return {**self._begins_with, "knobs": self.knobs()}
        if not self.saves or not self._is_there:
            raise StoreError(
                "this program does not save", "with the client: trial.on_save, trial.on_restore, and trial.epochs()"
            )
        path = self._fresh("saving")
        saved = {"knobs": self.knobs(), "told_step": self._told_step}
        self._answer(save=path)
        while True:
            event = self._pool.take(_LOOK)
            if event is None:
                continue
            if not isinstance(event, Snapshot):
                self._heard.append(event)
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
        """Be what was ``saved`` again, from the next answer on. Raises StoreError where there is no room for the file.

        The file stays until the next one: a program may still read from it.
        """
        try:
            path = self._fresh("restoring")
            path.write_bytes(np.asarray(saved["file"], np.uint8).tobytes())
        except OSError as error:
            raise StoreError(f"the snapshot cannot be given to the program: {error.strerror}", "make room") from None
        except (KeyError, TypeError, ValueError):
            raise SnapshotError("this snapshot is not of a program", "take the snapshot before it") from None
        self._back = clock.epoch, path
        self._knobs = dict(saved["knobs"])
        self._changed = dict(self._knobs)
        self._told_step = int(saved["told_step"])
        self.clock = clock
        self.values = {}
        if not self._is_there:
            self._begins_with = saved

    def judged(self, values: Mapping[str, Any]) -> float:
        """A loss where it tells one, of validation if it can be, else the score as a loss; NaN where it tells none."""
        for name in ("validation_loss", "loss", "train_loss"):
            if name in values:
                return float(values[name])
        score = float(values.get("score", math.nan))
        return score if self._goal == "minimize" else -score

    def merit(self) -> float | None:
        """What its last epoch is judged by."""
        found = self.judged(self.values)
        return found if math.isfinite(found) else None

    # --- what it does ---

    def go_on(self) -> None:
        """Let it train; start it where it is not there. Raises NoAnswer where it cannot be started."""
        if self._is_there:
            self._answer()
            return
        start = None if self._back is None else (self._back[0], str(self._back[1].absolute()))
        number, seed, epochs = self._trial
        own = str(self._folder.absolute() / "own")
        try:
            self._pool.give(protocol.trial(number, self._knobs, seed, epochs, own, start), _ONE)
        except OSError as error:
            raise NoAnswer(
                f"the program could not be started: {error.strerror or error}", "mend that, and then: caviar resume"
            ) from None
        self._is_there, self._waits = True, False
        self._back = self._begins_with = None
        self._changed = {} if start is None else dict(self._knobs)  # what its file sets back, too

    def stop(self, why: str) -> None:
        """End it for good: at its next word, or ten seconds from now."""
        if self._is_there:
            self._pool.answer(_ONE, protocol.stop(why))
            self._waits = False

    def hear(self, timeout: float) -> Event | None:
        """What it says or does next, or None when nothing happens for so many seconds."""
        event = self._heard.popleft() if self._heard else self._pool.take(timeout)
        if isinstance(event, Reported) and (event.told.epoch or 0) > self._trial[2]:
            self.stop(f"it has had its {self._trial[2]} epochs")
            return None
        if isinstance(event, Reported) and self._restoring:
            self._pool.end(_ONE)
            event = Crashed(_ONE, "error", "it was to restore a snapshot, and went on without saying restored")
        if isinstance(event, Snapshot) and event.did.what == "restored":
            self._restoring = False
        if isinstance(event, Reported):
            self._note(event.told)
        elif isinstance(event, Finished | Crashed):
            self._is_there, self._waits, self.saves, self._restoring = False, True, False, False
        return event

    def _note(self, told: protocol.Told) -> None:
        """It told something, and waits."""
        self._waits = self.told = True
        self.saves = told.saves
        n = 0
        if told.step is not None:  # counted from the beginning of training, or of the epoch
            n = told.step - self._told_step if told.step > self._told_step else told.step
            self._told_step = told.step
        self.clock = replace(
            self.clock,
            tick=self.clock.tick + max(n, 1),
            step=self.clock.step + n,
            epoch=self.clock.epoch if told.epoch is None else told.epoch,
        )
        if told.epoch is not None:
            self.values = dict(told.values) | ({} if told.score is None else {"score": told.score})
        loss = self.judged(told.values)
        if math.isnan(self._first_loss) and math.isfinite(loss):
            self._first_loss = loss

    def _answer(self, save: Path | None = None) -> None:
        back = None if self._back is None else (self._back[0], str(self._back[1].absolute()))
        path = None if save is None else str(save.absolute())
        self._pool.answer(_ONE, protocol.go_on(path, back, self._changed))
        self._restoring = back is not None
        self._back, self._changed, self._waits = None, {}, False

    def _fresh(self, name: str) -> Path:
        """A path at which there is no file: one that the program has mapped into its memory is not written over."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{name}.file"
        path.unlink(missing_ok=True)
        return path
