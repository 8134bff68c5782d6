"""One run under way: what is raised, its knobs, what was seen of it, and its ledger in the store.

The trainee is a network of caviar's (network.py) or somebody's program (program.py). Each method does one thing that
can be done to a run and writes it into the diary, where ``facts`` are all that a replay needs. The loops that call them
are in loop.py and program_loop.py.
"""

from __future__ import annotations

import math
import os
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from caviar.errors import CaviarError, SnapshotError, StoreError
from caviar.records import (
    Clock,
    DiaryEntry,
    Holding,
    Intervention,
    InterventionState,
    Run,
    RunMeasurement,
    RunSnapshot,
    Value,
)
from caviar.runs.interventions import overtaken
from caviar.runs.nurse import THRESHOLDS, Advice, Sight, smoothed
from caviar.runs.retention import last_good, to_remove

if TYPE_CHECKING:
    from caviar.store.runs import Runs

_RECENT = 3
"""Epochs within which a learning rate that was turned up is the first thing to doubt."""

CURVE = 400
"""Smoothed losses of mini-batches that are kept for the screen."""


class Trainee(Protocol):
    """What is raised."""

    clock: Clock
    rate_knob: str
    """The name of its learning rate."""

    @property
    def rate(self) -> float:
        """The learning rate in force; NaN where there is none that could be turned."""
        ...

    @property
    def guess(self) -> float:
        """The loss of guessing blindly; infinite where nobody knows it."""
        ...

    def knobs(self) -> dict[str, Value]:
        """Every knob as it stands."""
        ...

    def takes(self, kind: str, paused: bool) -> bool:
        """Whether an order of this kind can be obeyed at this moment, or has to wait for a later one."""
        ...

    def turn(self, changes: Mapping[str, Value]) -> dict[str, list[Value]]:
        """Turn knobs; what each was and is. Raises ConfigError and changes nothing where one cannot be turned."""
        ...

    def save(self) -> dict[str, Any]:
        """All that its next mini-batch depends on, as a tree that state_files keeps. Raises StoreError."""
        ...

    def restore(self, saved: Mapping[str, Any], clock: Clock) -> None:
        """Be what was ``saved`` again, at ``clock``."""
        ...

    def judged(self, values: Mapping[str, Any]) -> float:
        """What an epoch of these ``values`` is judged by, the smaller the better; NaN where nothing was measured."""
        ...

    def merit(self) -> float | None:
        """The same, of how it is now; None where nothing was measured."""
        ...


@dataclass
class Session:
    """A run that this process keeps. ``entries`` are diary entries of this process, for those who look on."""

    runs: Runs
    holding: Holding
    trainee: Trainee
    number: int
    budget: int
    paused: bool = False
    stopped: str = ""
    epochs: list[dict[str, Any]] = field(default_factory=list)  # of the network as it is
    entries: list[DiaryEntry] = field(default_factory=list)
    curve: deque[float] = field(default_factory=lambda: deque(maxlen=CURVE))
    rollbacks: int = 0
    nurse_rollbacks: int = 0  # since the last best
    interventions: int = 0
    said: set[str] = field(default_factory=set)
    snapshots: list[RunSnapshot] = field(default_factory=list)
    saved_at: float = field(default_factory=time.monotonic)  # the last snapshot, and
    saving: float = 0.0  # the seconds that it took
    losses: list[float] = field(default_factory=list)  # of the mini-batches since the last epoch, turn or rollback
    finite: bool = True
    epoch_ended: bool = False
    _take: int = 0
    _turned_at: int = 0  # epoch
    _raised: tuple[int, int] | None = None  # tick and epoch at which a person turned the learning rate up
    _last_target: int | None = None  # of the nurse's last rollback, until an epoch is finished

    @property
    def clock(self) -> Clock:
        """Where the run stands."""
        return replace(self.trainee.clock, take=self._take)

    def remember(self, run: Run) -> None:
        """What earlier processes of this run have counted, and whether it was paused."""
        for m in self.runs.measurements(run.name):
            self.epochs = [e for e in self.epochs if e["epoch"] < m.clock.epoch]
            self.epochs.append(dict(m.values) | {"epoch": m.clock.epoch})
        for entry in self.runs.diary(run.name):
            self._take = max(self._take, entry.clock.take)
            self.rollbacks += entry.kind == "rollback"
            self.interventions += entry.kind == "turn"
        self.paused = bool(run.progress and run.progress.get("paused"))

    def saw(self, losses: Sequence[float], finite: bool) -> None:
        """Some mini-batches were trained."""
        self.losses.extend(losses)
        self.finite = finite
        recent = self.losses[-200:]
        if recent:
            self.curve.append(smoothed(recent, 0.95))

    def sight(self) -> Sight:
        """What the nurse sees."""
        return Sight(
            losses=self.losses,
            epochs=self.epochs,
            guess=self.trainee.guess,
            finite=self.finite,
            epoch_ended=self.epoch_ended,
            rollbacks=self.nurse_rollbacks,
            since_turn=self.clock.epoch - self._turned_at,
            raised=self._raised[1] if self._raised else None,
            knobs=self.trainee.knobs(),
        )

    def measured(self, values: Mapping[str, Any], finite: bool) -> RunMeasurement:
        """An epoch is done, and ``values`` were measured: write them down."""
        before = [self.trainee.judged(epoch) for epoch in self.epochs]
        if self.trainee.judged(values) < min((loss for loss in before if not math.isnan(loss)), default=math.inf):
            self.nurse_rollbacks = 0
        self.epochs.append(dict(values) | {"epoch": self.clock.epoch})
        self.losses.clear()
        self.epoch_ended = True
        self.finite = self.finite and finite
        if self.finite:
            self._last_target = None
        measurement = RunMeasurement(self.clock, values)
        self.runs.write(self.holding, measurements=[measurement])
        return measurement

    def snapshot(self, reason: str, who: str = "caviar", merit: float | None = None) -> RunSnapshot | None:
        """Save the state. A disk that is full is a warning in the diary; what was saved before is whole."""
        from caviar.store import state_files

        number = max((s.number for s in self.snapshots), default=0) + 1
        path = f"{number:06}-{os.urandom(4).hex()}.safetensors"
        folder = self.runs.folder / str(self.number)
        began = time.monotonic()
        try:
            content = state_files.pack(self.trainee.save())
            for old in self._over_budget(len(content)):
                self._remove(old)
            digest = state_files.write(folder / path, content)
        except StoreError as error:
            self.enter("warning", who, f"no snapshot: {error.rule}; {error.way_out}", {})
            return None
        finally:
            self.saved_at = time.monotonic()
            self.saving = self.saved_at - began
        taken = RunSnapshot(number, self.clock, reason, merit, path, digest, len(content), _now())
        self.snapshots.append(taken)
        text = f"snapshot {number}, {reason}"
        entry = self._entry("snapshot", who, text, {"snapshot": number, "bytes": len(content)})
        self.runs.write(self.holding, diary=[entry], snapshots=[taken])
        return taken

    def turn(self, changes: Mapping[str, Value], who: str, because: str) -> None:
        """Turn knobs. Raises ConfigError where one cannot be."""
        turned = self.trainee.turn(changes)
        self.interventions += 1
        self._turned_at = self.clock.epoch
        if self.trainee.rate_knob in turned:
            was, is_now = (float(value) for value in turned[self.trainee.rate_knob])
            up = who != "nurse" and is_now >= THRESHOLDS.raised_times * was
            self._raised = (self.clock.tick, self.clock.epoch) if up else None
        if "batch_size" in changes or "dropout" in changes or "input_dropout" in changes:
            self.losses.clear()
        text = ", ".join(f"{name} from {_shown(was)} to {_shown(is_now)}" for name, (was, is_now) in turned.items())
        self.enter(
            "turn", who, text + (f", because {because}" if because else ""), {"turned": turned, "because": because}
        )

    def rollback(self, to: RunSnapshot, who: str, because: str, kind: str = "rollback") -> None:
        """Be again what was saved. Raises SnapshotError where that is damaged or gone, and changes nothing."""
        tick = self.clock.tick
        saved = self._read(to)
        self._take += 1
        self.trainee.restore(saved, replace(to.clock, tick=tick))
        self.epochs = [e for e in self.epochs if e["epoch"] <= self.clock.epoch]
        self.losses.clear()
        self.finite, self.epoch_ended = True, False
        self._turned_at = min(self._turned_at, self.clock.epoch)
        self._raised = None
        if kind == "rollback":
            self.rollbacks += 1
        text = f"back to snapshot {to.number} at epoch {to.clock.epoch}" + (f", because {because}" if because else "")
        self.enter(kind, who, text, {"snapshot": to.number, "because": because})

    def heed(self, advice: Advice, act: bool) -> None:
        """Do what the nurse advises, or, where that is not hers to do, write it down once."""
        if advice.action == "rollback":
            self._nurse_back(advice)
        elif advice.action == "stop":
            self.enter("nurse", "nurse", f"{advice.rule}: {advice.text}", {"rule": advice.rule})
            self.stopped = advice.text
            with suppress(SnapshotError):  # so that there is a network to show for it
                self.rollback(self.find(None), "nurse", "the end")
        elif advice.action == "turn" and act:
            self.turn(advice.changes, "nurse", f"{advice.rule}: {advice.text}")
        elif advice.rule not in self.said:
            self.enter(
                "advice", "nurse", f"{advice.rule}: {advice.text}", {"rule": advice.rule, "changes": advice.changes}
            )
        self.said.add(advice.rule)

    def obey(self) -> None:
        """All orders that wait, in the order in which they were given; one that cannot be obeyed yet waits on."""
        waiting = self.runs.orders(self.holding.run, InterventionState.WAITING)
        void = overtaken(waiting)
        for order in waiting:
            if order.number in void:
                state, outcome = InterventionState.OVERTAKEN, f"order {void[order.number]} came after it"
            elif self.stopped:
                state, outcome = InterventionState.REFUSED, "the run was stopped before it"
            elif not self.trainee.takes(order.kind, self.paused):
                continue
            else:
                try:
                    state, outcome = InterventionState.DONE, self._obey(order)
                except CaviarError as error:
                    state, outcome = InterventionState.REFUSED, f"{error.rule}; {error.way_out}"
                    self.enter("refused", order.who, f"{order.kind}: {error.rule}", {"order": order.number})
            done = replace(order, state=state, outcome=outcome, tick=self.clock.tick)
            self.runs.write(self.holding, orders=[done])

    def enter(self, kind: str, who: str, text: str, facts: Mapping[str, Any]) -> None:
        """Write into the diary."""
        self.runs.write(self.holding, diary=[self._entry(kind, who, text, facts)])

    def find(self, number: int | None) -> RunSnapshot:
        """Snapshot ``number``, or the last good one. Raises SnapshotError."""
        if number is None:
            found = last_good(self.snapshots, self.trainee.guess)
            if found is None:
                raise SnapshotError("there is no snapshot to go back to", "take one first: caviar snapshot")
            return found
        for snapshot in self.snapshots:
            if snapshot.number == number:
                if snapshot.state != "kept":
                    kept = [str(s.number) for s in self.snapshots if s.state == "kept"]
                    raise SnapshotError(
                        f"snapshot {number} was {snapshot.state}, to stay within the disk budget"
                        if snapshot.state == "removed"
                        else f"snapshot {number} is damaged",
                        f"these are there: {', '.join(kept[-12:])}",
                    )
                return snapshot
        numbers = [str(s.number) for s in self.snapshots if s.state == "kept"]
        raise SnapshotError(f"there is no snapshot {number}", f"these are there: {', '.join(numbers[-12:])}")

    def go_back_to_the_end(self, diary: Sequence[DiaryEntry]) -> list[DiaryEntry]:
        """After a kill or a Ctrl-C: be what the run was when it last was in a snapshot, saved or gone back to.

        A damaged one is named and the one before it taken. The turns that were made since come back, for they are lost
        with the mini-batches. Raises SnapshotError where no snapshot is whole.
        """
        for i in range(len(diary) - 1, -1, -1):
            kept = {s.number: s for s in self.snapshots if s.state == "kept"}
            snapshot = kept.get(diary[i].facts.get("snapshot", 0))
            if diary[i].kind in ("snapshot", "rollback", "resumed") and snapshot is not None:
                try:
                    self.rollback(snapshot, "caviar", "its process ended", kind="resumed")
                except SnapshotError:
                    continue  # _read has written it down
                return [entry for entry in diary[i:] if entry.kind == "turn"]
        raise SnapshotError("no snapshot of this run is whole", "begin it again: caviar babysit")

    def _obey(self, order: Intervention) -> str:
        if order.kind == "turn":
            self.turn(order.arguments, order.who, order.because)
        elif order.kind in ("pause", "resume"):
            if self.paused == (order.kind == "pause"):
                return "nothing to do: it was already so"
            self.paused = order.kind == "pause"
            self.enter(order.kind, order.who, _because(f"{order.kind}d", order.because), {})
        elif order.kind == "snapshot":
            taken = self.snapshot("asked for", order.who, self.trainee.merit())
            if taken is None:
                raise StoreError("the snapshot could not be written", "the diary says why")
            return f"snapshot {taken.number}"
        elif order.kind == "rollback":
            to = self.find(order.arguments.get("snapshot"))
            self.rollback(to, order.who, order.because)
            self.interventions += 1
            return f"snapshot {to.number}"
        elif order.kind == "stop":
            self.stopped = order.because or "asked for"
            self.enter("stop", order.who, _because("stopped", order.because), {})
        return f"at step {self.clock.step}"

    def _nurse_back(self, advice: Advice) -> None:
        """To the last good snapshot with half of its learning rate; where that was tried, to the one before it."""
        avoid: set[int] = set()
        rate_before = self.trainee.rate
        again = self._last_target is not None
        if self._raised is not None and self.clock.epoch - self._raised[1] <= _RECENT:
            avoid = {s.number for s in self.snapshots if s.clock.tick > self._raised[0]}
        if self._last_target is not None:
            avoid |= {s.number for s in self.snapshots if s.number >= self._last_target}
        while True:
            to = last_good(self.snapshots, self.trainee.guess, avoid) or last_good(self.snapshots, self.trainee.guess)
            if to is None:
                self.enter("nurse", "nurse", f"{advice.rule}: {advice.text}, and there is no snapshot", {})
                self.stopped = f"{advice.text}, and no snapshot to go back to"
                return
            try:
                self.rollback(to, "nurse", f"{advice.rule}: {advice.text}")
                break
            except SnapshotError:
                avoid.add(to.number)
        self.nurse_rollbacks += 1
        self._last_target = to.number
        rate = (min(self.trainee.rate, rate_before) if again else self.trainee.rate) / 2
        if math.isfinite(rate):
            self.turn({self.trainee.rate_knob: rate}, "nurse", f"{advice.rule}")
        else:
            text = f"{advice.rule}: there is no knob learning_rate that could be halved"
            self.enter("warning", "nurse", text, {"rule": advice.rule})

    def _read(self, snapshot: RunSnapshot) -> Any:
        from caviar.store import state_files

        try:
            return state_files.read(self.runs.folder / str(self.number) / snapshot.path, snapshot.sha256)
        except SnapshotError as error:
            bad = replace(snapshot, state="damaged")
            self.snapshots = [bad if s.number == bad.number else s for s in self.snapshots]
            entry = self._entry("warning", "caviar", error.rule, {"snapshot": snapshot.number})
            self.runs.write(self.holding, diary=[entry], snapshots=[bad])
            raise

    def _over_budget(self, coming: int) -> list[RunSnapshot]:
        return to_remove(self.snapshots, max(self.budget - coming, 0), {self._last_target or 0})

    def _remove(self, snapshot: RunSnapshot) -> None:
        """The row first: a file without a row is rubbish, a row without its file would be a lie."""
        gone = replace(snapshot, state="removed")
        self.runs.write(self.holding, snapshots=[gone])
        self.snapshots = [gone if s.number == gone.number else s for s in self.snapshots]
        with suppress(OSError):
            (self.runs.folder / str(self.number) / snapshot.path).unlink()

    def _entry(self, kind: str, who: str, text: str, facts: Mapping[str, Any]) -> DiaryEntry:
        entry = DiaryEntry(len(self.entries) + 1, _now(), kind, who, self.clock, text, dict(facts))
        self.entries.append(entry)
        return entry


def _now() -> str:
    from caviar.store.runs import now

    return now()


def _because(text: str, because: str) -> str:
    return f"{text}, because {because}" if because else text


def _shown(value: Value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
