"""A run under way in this process: its lease, its diary, its snapshots, its interventions and its nurse.

The trainee is a network of caviar's (network.py), a program (program.py) or the user's own loop (own_loop.py). Each
method does one thing that can be done to a run and writes it into the diary, where ``facts`` are all that a replay
needs. loop.py drives a session of a network or a program; own_loop.py calls one from the user's loop.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from caviar.errors import CaviarError, NoAnswer, SnapshotError, StoreError
from caviar.records import (
    Clock,
    DiaryEntry,
    Intervention,
    InterventionState,
    Run,
    RunMeasurement,
    RunSnapshot,
    RunState,
    Value,
)
from caviar.records.line import goal_of
from caviar.records.names import cleaned
from caviar.runs.epochs import Epochs
from caviar.runs.interventions import BEST, overtaken
from caviar.runs.line import Line
from caviar.runs.nurse import Nurse
from caviar.runs.retention import last_good
from caviar.runs.rules import smoothed
from caviar.runs.snapshots import SavedStates, snapshot_numbered
from caviar.runs.trainee import Failure, Step, Trainee
from caviar.store import states
from caviar.store.delivery import Delivery
from caviar.store.runs import Runs, now

_CURVE = 400  # smoothed losses of mini-batches that are kept for the screen
_SEEN = 1000  # losses of mini-batches that are kept for the nurse: five times what any rule looks at
_LOOK = 0.05  # seconds between two looks at the interventions
_WITHIN = 600.0  # seconds after which a snapshot is taken within an epoch, too: an epoch may take a week
_FIRST = ("beginning", "branch")  # snapshots before anything was measured


class Session:
    """A run that this process holds; see the head of this file."""

    def __init__(self, runs: Runs, delivery: Delivery, run: Run, trainee: Trainee) -> None:
        """``delivery`` is that of the lease of ``run``; the counts of its earlier processes are read from the store."""
        self.run = run
        self.trainee = trainee
        self.delivery = delivery
        self.snapshots = SavedStates(runs, delivery, run.spec.disk_bytes)
        self.paused = False
        self.stopped = ""  # the reason
        self.over = False
        self.finite = True
        self.epoch_ended = False
        self.line = Line(goal_of(run), runs.measurements(run.name))  # of the network as it is
        self.losses: list[float] = []  # of the mini-batches since the last epoch, turn or rollback
        self.curve: deque[float] = deque(maxlen=_CURVE)
        self.entries: list[DiaryEntry] = []  # of this process, for those who look on
        self.rollbacks = self.turns = 0
        self.saved_at = time.monotonic()  # the last snapshot, or the last attempt at one
        self._saving = 0.0  # seconds that it took
        self._tried_at: int | None = None  # the tick of it
        self._runs = runs
        self.diary_before = runs.diary(run.name)  # of earlier processes
        self._take = 0
        self._looked_at = -math.inf  # the interventions
        self.is_away = False  # as the diary says of the store
        self._left = False  # True while one of them waits for a later moment
        self.nurse = Nurse(self)
        self._remember()

    @property
    def clock(self) -> Clock:
        """The place where the run stands."""
        return replace(self.trainee.clock, take=self._take)

    @property
    def epochs(self) -> Epochs:
        """Values of the epochs that no rollback has undone."""
        return self.line.epochs

    def _remember(self) -> None:
        """Read what earlier processes of this run have counted, and if it was paused."""
        self.trainee.clock = replace(self.trainee.clock, tick=self._runs.last_tick(self.run.name))
        for entry in self.diary_before:
            self._take = max(self._take, entry.clock.take)
            self.rollbacks += entry.kind == "rollback"
            self.turns += entry.kind == "turn"
            if entry.kind in ("pause", "resume"):
                self.paused = entry.kind == "pause"

    # --- what was trained ---

    def saw(self, step: Step) -> None:
        """Take in what the trainee did. Raises NoAnswer for a failure that the nurse cannot mend."""
        self.epoch_ended = False
        self.finite = step.finite
        self.over = step.over
        self.losses.extend(step.losses)
        del self.losses[:-_SEEN]
        if self.losses and step.losses:
            self.curve.append(smoothed(self.losses[-200:], 0.95))
        if step.failure is not None:
            _fail(self, step.failure)

    def measured(self, values: Mapping[str, Any]) -> RunMeasurement:
        """Write down the ``values`` of an epoch that has ended."""
        loss_of = self.trainee.loss_of
        self.nurse.judge(self.epochs.lowest(loss_of), loss_of(values))
        measurement = RunMeasurement(self.clock, values)
        self.line.add(measurement)
        self.losses.clear()
        self.epoch_ended = True
        self.delivery.write(measurements=[measurement])
        return measurement

    def write(self, progress: Mapping[str, Any], measurements: Sequence[RunMeasurement] = ()) -> None:
        """Write where the run stands for other processes, and into the diary where the store went away or is back."""
        _say_where_the_store_is(self)
        self.delivery.write(measurements=measurements, progress=progress)

    def progress(self) -> dict[str, Any]:
        """Facts of where the run stands that every kind has."""
        clock = self.clock
        return {
            "epoch": clock.epoch,
            "step": clock.step,
            "tick": clock.tick,
            "take": clock.take,
            "learning_rate": self.trainee.rate,
            "loss": self.curve[-1] if self.curve else math.nan,
            "curve": [round(value, 6) if math.isfinite(value) else value for value in self.curve],
            "paused": self.paused,
            "knobs": self.trainee.knobs(),
            **self.snapshots.facts,
        }

    # --- the diary ---

    def enter(self, kind: str, who: str, text: str, facts: Mapping[str, Any]) -> None:
        """Write into the diary."""
        self.delivery.write(diary=[self._entry(kind, who, text, facts)])

    def _entry(self, kind: str, who: str, text: str, facts: Mapping[str, Any]) -> DiaryEntry:
        entry = DiaryEntry(len(self.entries) + 1, now(), kind, who, self.clock, cleaned(text), dict(facts))
        self.entries.append(entry)
        return entry

    # --- snapshots and rollbacks ---

    @property
    def is_unsaved(self) -> bool:
        """True if this process has saved nothing yet."""
        return self._tried_at is None

    def snapshot_if_due(self) -> None:
        """Save the state if it is time: the first as soon as can be, the last at the end of all epochs."""
        if self._is_due():
            first = not self.snapshots.all and self.clock.epoch == 0
            self.snapshot("beginning" if first else "epoch" if self.epoch_ended else "now and then")

    def _is_due(self) -> bool:
        if not self.trainee.can_save or not self.finite or self.clock.tick == self._tried_at:
            return False
        if self.is_unsaved and not self.snapshots.count:
            return True
        asked, since = self.run.spec.snapshot_seconds, time.monotonic() - self.saved_at
        apart = self.trainee.seconds_between_snapshots(self._saving) if asked is None else asked
        if self.epoch_ended:
            return since >= apart or self.clock.epoch >= self.run.spec.epochs
        return since >= max(apart, _WITHIN)

    def snapshot(self, reason: str, who: str = "caviar", because: str = "") -> RunSnapshot | None:
        """Save the state. A disk that is full is a warning in the diary; what was saved before is whole.

        Raises StoreError for a state that is neither arrays, numbers nor text.
        """
        began, clock = time.monotonic(), self.clock
        self._tried_at = clock.tick
        loss = None if reason in _FIRST else self.trainee.loss()
        try:
            tree = self.trainee.save()
        except StoreError as error:
            self._not_saved(error, who, began)
            return None
        content = states.pack(tree)
        try:
            best = self.snapshots.of_best(self.line.best)
            needed = [*self.nurse.needs, *([] if best is None else [best.number])]
            taken = self.snapshots.write(content, clock, reason, loss, needed)
        except StoreError as error:
            self._not_saved(error, who, began)
            return None
        self.saved_at, self._saving = time.monotonic(), time.monotonic() - began
        text = with_reason(f"snapshot {taken.number}, {reason}", because)
        entry = self._entry("snapshot", who, text, {"snapshot": taken.number, "bytes": taken.size})
        self.delivery.write(diary=[entry], snapshots=[taken])
        self.snapshots.add(taken)
        return taken

    def _not_saved(self, error: StoreError, who: str, began: float) -> None:
        self.saved_at, self._saving = time.monotonic(), time.monotonic() - began
        self.enter("warning", who, f"no snapshot: {error.rule}; {error.way_out}", {})

    def rollback(self, to: RunSnapshot, who: str, because: str, kind: str = "rollback") -> None:
        """Go back to a saved state. Raises SnapshotError where that is damaged, SnapshotAbsent where it is away."""
        tick = self.clock.tick
        try:
            saved = self.snapshots.read(to)
        except SnapshotError as error:
            self.enter("warning", "caviar", error.rule, {"snapshot": to.number})
            raise
        self.trainee.restore(saved, replace(to.clock, tick=tick))
        self._take += 1
        self.line.back_to(self.clock.epoch)
        self.losses.clear()
        self.finite, self.epoch_ended = True, False
        self.nurse.went_back()
        self.rollbacks += kind == "rollback"
        where = f"epoch {to.clock.epoch}" if to.clock.epoch or not to.clock.step else f"step {to.clock.step:,}"
        text = with_reason(f"back to snapshot {to.number} at {where}", because)
        self.enter(kind, who, text, {"snapshot": to.number, "because": because})

    def find(self, number: int | None) -> RunSnapshot:
        """Snapshot ``number``, or the last good one. Raises SnapshotError."""
        if number is not None:
            return snapshot_numbered(self.snapshots.all, number)
        found = self.last_good()
        if found is None:
            raise SnapshotError("there is no snapshot to go back to", "take one first: caviar snapshot")
        return found

    def best(self) -> RunSnapshot:
        """The snapshot of the best epoch, or the best that is there. Raises SnapshotError."""
        found = self.snapshots.of_best(self.line.best)
        if found is None:
            raise SnapshotError("there is no snapshot of a measured epoch", "wait for the end of an epoch")
        return found

    def last_good(self, avoid: Collection[int] = ()) -> RunSnapshot | None:
        """The newest snapshot not much worse than the best, but for the numbers to ``avoid``; None if none is left."""
        return last_good(self.snapshots.all, self.trainee.chance_loss, avoid)

    # --- interventions ---

    def turn(self, changes: Mapping[str, Value], who: str, because: str) -> None:
        """Turn knobs. Raises ConfigError where one cannot be turned, and turns none."""
        turned = self.trainee.turn(changes)
        self.turns += 1
        self.nurse.turned(turned, by_nurse=who == "nurse")
        if {"batch_size", "dropout", "input_dropout"} & set(changes):
            self.losses.clear()
        text = ", ".join(f"{name} from {_shown(was)} to {_shown(is_now)}" for name, (was, is_now) in turned.items())
        self.enter("turn", who, with_reason(text, because), {"turned": turned, "because": because})

    def stop(self, why: str, who: str) -> None:
        """End the run for good."""
        self.stopped = why or "asked for"
        self.enter("stop", who, with_reason("stopped", why), {"because": why})

    def stop_without_progress(self) -> None:
        """End the run where so many epochs were no better than the best that its patience is over."""
        why = self.line.lost_patience(self.run.spec.patience) if self.epoch_ended and not self.stopped else ""
        if why:
            self.stop(why, "caviar")

    def look(self) -> None:
        """Apply what people asked for, a few times a second, at the end of an epoch, or while something still waits."""
        if self.epoch_ended or self._left or time.monotonic() - self._looked_at >= _LOOK:
            self.intervene()

    def interventions(self) -> list[Intervention]:
        """Those that wait; none while the store cannot be reached."""
        return self.delivery.ask(lambda: self._runs.interventions(self.run.name, InterventionState.WAITING), [])

    def intervene(self) -> None:
        """Apply all interventions that wait, in the order in which they were asked for.

        One that cannot be applied at this moment waits on. Later turns and rollbacks, and snapshots too, wait behind a
        turn or a rollback that waits, so that they keep their order.
        """
        self._looked_at, self._left = time.monotonic(), False
        waiting = self.interventions()
        void = overtaken(waiting)
        held = False
        for one in waiting:
            if one.number in void:
                state, outcome = InterventionState.OVERTAKEN, f"intervention {void[one.number]} came after it"
            elif self.stopped:
                state, outcome = InterventionState.REFUSED, "the run was stopped before it"
            elif (held and one.kind in _IN_TURN) or not self.trainee.applies(one.kind, self.paused):
                held, self._left = held or one.kind in ("turn", "rollback"), True
                continue
            else:
                try:
                    state, outcome = InterventionState.DONE, self._apply(one)
                except CaviarError as error:
                    state, outcome = InterventionState.REFUSED, f"{error.rule}; {error.way_out}"
                    facts = {"order": one.number, "because": one.because}
                    self.enter("refused", one.who, with_reason(f"{one.kind}: {error.rule}", one.because), facts)
            done = replace(one, state=state, outcome=outcome, tick=self.clock.tick)
            self.delivery.write(interventions=[done])

    def _apply(self, one: Intervention) -> str:
        """Apply one intervention and return its outcome. Raises CaviarError where it has to be refused."""
        if one.kind == "turn":
            self.turn(one.arguments, one.who, one.because)
        elif one.kind in ("pause", "resume"):
            if self.paused == (one.kind == "pause"):
                return "nothing to do: it was already so"
            self.paused = one.kind == "pause"
            self.enter(one.kind, one.who, with_reason(f"{one.kind}d", one.because), {"because": one.because})
        elif one.kind == "snapshot":
            taken = self.snapshot("asked for", one.who, one.because)
            if taken is None:
                raise StoreError("the snapshot could not be written", "the diary says why")
            return f"snapshot {taken.number}"
        elif one.kind == "rollback":
            to = self.best() if one.arguments.get("to") == BEST else self.find(one.arguments.get("snapshot"))
            self.rollback(to, one.who, one.because)
            return f"snapshot {to.number}"
        elif one.kind == "stop":
            self.stop(one.because, one.who)
        return f"at step {self.clock.step}"

    # --- the end ---

    def interrupt(self) -> str:
        """Save the state after Ctrl-C, where that can be, and return what is saved."""
        newest = max((s.clock.tick for s in self.snapshots.kept), default=-1)
        if self.trainee.can_save and self.finite and newest < self.clock.tick:
            self.snapshot("interrupted")
        kept = self.snapshots.kept
        how = f"saved at epoch {kept[-1].clock.epoch}" if kept else "nothing is saved, so it will begin again"
        if kept and kept[-1].clock.tick == self.clock.tick:
            how = "saved to the mini-batch"
        self.enter("interrupted", "caviar", how, {})
        return how


def close(
    runs: Runs,
    delivery: Delivery,
    state: RunState,
    result: Mapping[str, Any] | None,
    ended: Callable[[], bool] = lambda: False,
) -> None:
    """Deliver all that waits, and write how the run of ``delivery`` stands. StoreLost where that could not be.

    Where the end was asked for, as ``ended`` says, a store that is away is not waited for.
    """
    delivery.close(
        lambda: runs.close(delivery.lease, state, result), hurry=lambda: state is RunState.INTERRUPTED or ended()
    )


_IN_TURN = ("turn", "rollback", "snapshot")


def _say_where_the_store_is(session: Session) -> None:
    """Write into the diary that the store went away, or that it is back."""
    note = session.delivery.note.partition(": ")[0]
    if bool(note) != session.is_away:
        session.is_away = bool(note)
        said = f"{note}: training goes on, and what is measured waits" if note else "the store can be reached again"
        session.enter("warning", "caviar", said, {})


def _fail(session: Session, failure: Failure) -> None:
    """Lead back what diverged, if the nurse may and a snapshot is left; else raise NoAnswer."""
    said = (failure.why.strip() or "it did not say why").splitlines()[0]  # the sentence that says most
    run = session.run
    if session.stopped:
        session.over = True
        return
    if failure.kind == "diverged" and run.spec.nurse != "no" and session.last_good() is not None:
        session.finite = False
        text = f"the program says that it diverged: {said:.200}"
        session.enter("failed", "caviar", text, {"why": failure.why})
        return
    kind = {"out_of_memory": "ran out of memory", "diverged": "diverged"}.get(failure.kind, "failed")
    session.enter("failed", "caviar", f"the program {kind}: {said:.300}", {"kind": failure.kind, "why": failure.why})
    where = "at its newest snapshot" if session.snapshots.kept else "from its beginning"
    way_out = f"fix that; caviar resume {run.name} starts it again {where}"
    if not failure.was_heard:
        way_out = "does it speak caviar's protocol (docs/protocol.md)? " + way_out
    raise NoAnswer(f"run {run.name!r}: the program {kind}: {said:.500}", way_out)


def with_reason(text: str, because: str) -> str:
    """A text of the diary with its reason, where there is one."""
    return f"{text}, because {because}" if because else text


def _shown(value: Value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
