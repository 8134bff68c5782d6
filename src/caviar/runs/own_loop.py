"""Anyone's training loop, in any framework, nursed like caviar's own: ``with caviar.babysit.run(...) as run``.

The loop asks the run for its knobs, logs numbers, and does what the run wants: save a state, or take one back. A thread
beside it reads orders and writes what was logged, a second at a time, so that ``log`` itself only appends to a list.
State is any tree of arrays, numbers and text, PyTorch's tensors too, and is stored without pickle.

    order       reaches the loop
    turn        run.knobs, from the next ``log`` on
    snapshot    run.wants_snapshot is True until run.snapshot(...) is called; also now and then of itself
    rollback    run.wants_rollback is True once, and run.state is what was saved; the knobs are what they were then
    pause       ``log`` waits
    stop        ``log`` ends the with block

A loop whose process died is taken up by the same with line: it wants a rollback at once, to the newest whole snapshot.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace, TracebackType
from typing import TYPE_CHECKING, Any

from caviar.errors import CaviarError, ConfigError, SnapshotError, StoreError
from caviar.records import (
    Clock,
    DiaryEntry,
    Holding,
    Intervention,
    InterventionState,
    Run,
    RunMeasurement,
    RunSnapshot,
    RunState,
    Value,
)
from caviar.runs.interventions import overtaken
from caviar.runs.nurse import Advice, Sight, advise, diverged, exploding
from caviar.runs.retention import last_good, to_remove

if TYPE_CHECKING:
    from caviar.store import Store
    from caviar.store.runs import Runs

_LOOK = 0.2  # seconds between two looks at the orders
_WRITE = 1.0  # seconds of logged numbers that become one measurement
_WINDOW = 200  # logged losses that stand for an epoch in the nurse's eyes


class Stopped(BaseException):
    """Somebody ended the run; it ends the with block and goes no further."""


class OwnRun:
    """One training loop under care; see the head of this file.

    ``knobs`` has the knobs as attributes; ``state`` is what was saved, after ``wants_rollback`` was True; ``step``
    counts the calls of ``log``.
    """

    def __init__(
        self,
        name: str,
        knobs: Mapping[str, Value],
        store: str | os.PathLike[str],
        nurse: bool,
        snapshot_seconds: float,
        disk_bytes: int,
    ) -> None:
        """Use ``caviar.babysit.run``."""
        _check(knobs)
        self.name = name
        self.knobs: Any = SimpleNamespace(**knobs)
        self.state: Any = None
        self.step = 0
        self._first_knobs = dict(knobs)
        self._store_url = store
        self._nurse = nurse
        self._every = snapshot_seconds
        self._budget = disk_bytes
        self._buffer: list[Mapping[str, float]] = []
        self._pending: list[Intervention] = []  # for the loop's own thread
        self._advice: Advice | None = None
        self._back: RunSnapshot | None = None  # wanted
        self._then: dict[str, Value] = {}  # knobs to turn once that is done
        self._save = True  # wanted
        self._saved_at = time.monotonic()
        self._paused = False
        self._urgent = False  # whether `log` has to look at anything
        self._failed: BaseException | None = None
        self._take = 0
        self._base = 0  # ticks of earlier processes
        self._over = threading.Event()
        self._lock = threading.RLock()
        self._windows: list[dict[str, float]] = []
        self._losses: list[float] = []
        self._guess = math.nan

    def __enter__(self) -> OwnRun:
        from caviar.store import Store
        from caviar.store.runs import Runs

        self._store: Store = Store.open(self._store_url)
        try:
            self._runs: Runs = Runs(self._store)
            self._begin()
        except BaseException:
            self._store.close()
            raise
        self._thread = threading.Thread(target=self._watch, name=f"caviar {self.name}", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._over.set()
        self._thread.join()
        stopped = isinstance(error, Stopped)
        try:
            if self._failed is None:
                self._write(force=True)
                state = RunState.STOPPED if stopped else RunState.INTERRUPTED if error else RunState.FINISHED
                self._enter("end", "caviar", f"{state} after {self.step:,} steps", {"steps": self.step})
                self._runs.close(self._holding, state, {"run": self.name, "steps": self.step} if not error else None)
        finally:
            self._store.close()
        return stopped

    def log(self, **values: float) -> None:
        """What was measured of one step; "loss" is what the nurse looks at. Waits while the run is paused."""
        self.step += 1
        self._buffer.append(values)
        if self._urgent:
            self._attend()

    @property
    def wants_snapshot(self) -> bool:
        """Whether a state should be saved now: on request, and every so many seconds."""
        return self._save or time.monotonic() - self._saved_at > self._every

    @property
    def wants_rollback(self) -> bool:
        """True once when the loop is to go on from ``state``, which is loaded then; the knobs are set back too."""
        wanted, self._back = self._back, None
        while wanted is not None:
            try:
                self._restore(wanted)
                return True
            except SnapshotError:  # it was written down; the one before it may be whole
                wanted = last_good(self._snapshots, self._known_guess())
        return False

    def snapshot(self, **state: Any) -> None:
        """Save ``state``: any tree of arrays, numbers and text. A full disk is a warning in the diary.

        Raises StoreError for what cannot be saved without pickle.
        """
        from caviar.store import state_files
        from caviar.store.runs import now

        content = state_files.pack({"state": state, "knobs": vars(self.knobs), "step": self.step})
        with self._lock:
            for old in to_remove(self._snapshots, max(self._budget - len(content), 0)):
                self._replace(old, "removed")
                with suppress(OSError):
                    (self._folder / old.path).unlink()
            number = max((s.number for s in self._snapshots), default=0) + 1
            path = f"{number:06}-{os.urandom(4).hex()}.safetensors"
            try:
                digest = state_files.write(self._folder / path, content)
            except StoreError as error:
                self._enter("warning", "caviar", f"no snapshot: {error.rule}; {error.way_out}", {})
                self._save, self._saved_at = False, time.monotonic()
                return
            recent = [x for x in self._losses[-50:] if math.isfinite(x)]
            merit = sum(recent) / len(recent) if recent else None
            why = "asked for" if self._save and self._snapshots else "now and then"
            taken = RunSnapshot(number, self._clock(), why, merit, path, digest, len(content), now())
            self._snapshots.append(taken)
            entry = self._entry("snapshot", "caviar", f"snapshot {number}, {why}", {"snapshot": number})
            self._runs.write(self._holding, diary=[entry], snapshots=[taken])
        self._save, self._saved_at = False, time.monotonic()

    def _begin(self) -> None:
        from caviar.machine import environment
        from caviar.store.runs import now

        runs, name = self._runs, self.name
        taken_up = runs.exists(name)
        if not taken_up:
            request = {"program": "its own", "nurse": self._nurse, "budget": self._budget}
            facts = environment("its own", "unknown", 1)
            runs.create(Run(name, "loop", 0, request, self._first_knobs, {}, facts, now()))
        before = runs.run(name)
        if before.kind != "loop":
            raise StoreError(f"run {name!r} is one of caviar babysit's own", "name this one otherwise")
        if before.state in (RunState.FINISHED, RunState.STOPPED):
            raise StoreError(
                f"run {name!r} is {before.state} already", f"name this one otherwise: {runs.free_name(name)!r}, say"
            )
        self._holding: Holding = runs.take(name)
        self._folder = runs.folder / str(runs.number(name))
        self._snapshots = runs.snapshots(name)
        self._base = runs.last_tick(name)
        if taken_up:
            diary = runs.diary(name)
            self._take = max((entry.clock.take for entry in diary), default=0)
            kept = {s.number: s for s in self._snapshots if s.state == "kept"}
            ends = (e.facts.get("snapshot", 0) for e in reversed(diary) if e.kind in ("snapshot", "rollback"))
            self._back = next((kept[number] for number in ends if number in kept), None)
            self._enter("resumed", "caviar", "taken up again by its program", {})
        else:
            self._enter("begun", "caviar", f"with {_shown(self._first_knobs)}", {"knobs": self._first_knobs})

    def _watch(self) -> None:
        """The thread beside the loop."""
        written = time.monotonic()
        try:
            while not self._over.wait(_LOOK):
                with self._lock:
                    waiting = self._runs.orders(self.name, InterventionState.WAITING)
                    seen = {order.number for order in self._pending}
                    fresh = [order for order in waiting if order.number not in seen]
                    if fresh:
                        self._pending += fresh
                        self._urgent = True
                    if self._nurse:
                        self._look()
                    if time.monotonic() - written >= _WRITE:
                        written = time.monotonic()
                        self._write()
        except BaseException as error:  # the loop's own thread raises it
            self._failed, self._urgent = error, True

    def _look(self) -> None:
        """The nurse's look at the losses that came since the last."""
        fresh = [float(v["loss"]) for v in self._buffer[-_WINDOW:] if "loss" in v]
        if not fresh or self._advice is not None or self._back is not None:
            return
        losses = (self._losses + fresh)[-_WINDOW:]
        finite = all(map(math.isfinite, fresh))
        sight = Sight(losses, self._windows, self._known_guess(), finite)
        found = advise(sight, rules=(diverged, exploding))
        if found:
            self._advice, self._urgent = found[0], True

    def _attend(self) -> None:
        """What cannot wait, in the loop's own thread, between two steps."""
        if self._failed is not None:
            raise self._failed
        with self._lock:
            self._urgent = False
            orders, self._pending = self._pending, []
            advice, self._advice = self._advice, None
            if advice is not None:
                self._heed(advice)
            self._obey(orders)
        while self._paused:
            time.sleep(0.05)
            if self._failed is not None:
                raise self._failed
            if self._pending:
                self._attend()

    def _obey(self, orders: list[Intervention]) -> None:
        void = overtaken(orders)
        stop = False
        for order in orders:
            state, outcome = InterventionState.DONE, f"at step {self.step}"
            if order.number in void:
                state, outcome = InterventionState.OVERTAKEN, f"order {void[order.number]} came after it"
            elif stop:
                state, outcome = InterventionState.REFUSED, "the run was stopped before it"
            else:
                try:
                    stop = self._do(order)
                except CaviarError as error:
                    state, outcome = InterventionState.REFUSED, f"{error.rule}; {error.way_out}"
            done = replace(order, state=state, outcome=outcome, tick=self._clock().tick)
            self._runs.write(self._holding, orders=[done])
        if stop:
            raise Stopped

    def _do(self, order: Intervention) -> bool:
        """Do what was ordered; True for a stop."""
        why = f", because {order.because}" if order.because else ""
        if order.kind == "turn":
            self._turn(order.arguments, order.who, order.because)
        elif order.kind in ("pause", "resume"):
            self._paused = order.kind == "pause"
            self._enter(order.kind, order.who, f"{order.kind}d{why}", {})
        elif order.kind == "snapshot":
            self._save = True
        elif order.kind == "rollback":
            number = order.arguments.get("snapshot")
            self._back = self._find(number)
        elif order.kind == "stop":
            self._enter("stop", order.who, f"stopped{why}", {})
            return True
        return False

    def _turn(self, changes: Mapping[str, Value], who: str, because: str) -> None:
        unknown = [name for name in changes if not hasattr(self.knobs, name)]
        if unknown:
            raise ConfigError(f"this run has no knob {unknown[0]!r}", f"it has {', '.join(vars(self.knobs))}")
        _check(changes)
        before = vars(self.knobs)
        turned = {name: [before[name], value] for name, value in changes.items()}
        self.knobs = SimpleNamespace(**{**before, **changes})
        text = ", ".join(f"{name} from {was} to {now}" for name, (was, now) in turned.items())
        facts = {"turned": turned, "because": because}
        self._enter("turn", who, text + (f", because {because}" if because else ""), facts)
        self._losses.clear()

    def _heed(self, advice: Advice) -> None:
        text = f"{advice.rule}: {advice.text}"
        found = last_good(self._snapshots, self._known_guess())
        if advice.action == "stop" or found is None:
            self._enter("nurse", "nurse", text if found else f"{text}, and there is no snapshot to go back to", {})
            if advice.action == "stop":
                raise Stopped
            self._nurse = False  # once is enough: there is nothing that she could do
            return
        self._enter("nurse", "nurse", text, {"rule": advice.rule})
        self._back = found
        rate = getattr(self.knobs, "learning_rate", None)
        if rate is not None:
            self._then = {"learning_rate": math.inf}  # halved when the snapshot's knobs are back

    def _restore(self, snapshot: RunSnapshot) -> None:
        from caviar.store import state_files

        with self._lock:
            try:
                saved = state_files.read(self._folder / snapshot.path, snapshot.sha256)
            except SnapshotError as error:
                self._replace(snapshot, "damaged")
                self._enter("warning", "caviar", error.rule, {"snapshot": snapshot.number})
                raise
            self._write(force=True)
            self._base += self.step - int(saved["step"])
            self.state, self.step = saved["state"], int(saved["step"])
            self.knobs = SimpleNamespace(**saved["knobs"])
            self._take += 1
            self._losses.clear()
            text = f"back to snapshot {snapshot.number} at step {self.step}"
            self._enter("rollback", "caviar", text, {"snapshot": snapshot.number})
            if self._then:
                self._then = {}
                self._turn({"learning_rate": self.knobs.learning_rate / 2}, "nurse", "the rollback")

    def _find(self, number: int | None) -> RunSnapshot:
        from caviar.runs.client import snapshot_numbered

        if number is not None:
            return snapshot_numbered(self._snapshots, number)
        found = last_good(self._snapshots, self._known_guess())
        if found is None:
            raise SnapshotError("there is no snapshot to go back to", "take one first: caviar snapshot")
        return found

    def _write(self, force: bool = False) -> None:
        """One measurement of all that was logged since the last: means, and how many."""
        taken, self._buffer = self._buffer, []
        progress = {"step": self.step, "tick": self._clock().tick, "knobs": vars(self.knobs), "paused": self._paused}
        if not taken:
            self._runs.write(self._holding, progress=progress)
            return
        sums: dict[str, list[float]] = {}
        for values in taken:
            for name, value in values.items():
                sums.setdefault(name, []).append(float(value))
        losses = sums.get("loss", [])
        self._losses = (self._losses + losses)[-_WINDOW:]
        if losses and math.isnan(self._guess):
            self._guess = losses[0]
        if len(self._losses) == _WINDOW and all(map(math.isfinite, self._losses)):
            self._windows = [*self._windows[-9:], {"train_loss": sum(self._losses) / _WINDOW}]
        means: dict[str, Any] = {name: sum(found) / len(found) for name, found in sums.items()}
        measured = RunMeasurement(self._clock(), means | {"logged": len(taken)})
        self._runs.write(self._holding, measurements=[measured], progress=progress)

    def _known_guess(self) -> float:
        return self._guess if math.isfinite(self._guess) else math.inf

    def _clock(self) -> Clock:
        return Clock(self._base + self.step, self.step, 0, self._take)

    def _entry(self, kind: str, who: str, text: str, facts: Mapping[str, Any]) -> DiaryEntry:
        from caviar.store.runs import now

        return DiaryEntry(0, now(), kind, who, self._clock(), text, dict(facts))

    def _enter(self, kind: str, who: str, text: str, facts: Mapping[str, Any]) -> None:
        self._runs.write(self._holding, diary=[self._entry(kind, who, text, facts)])

    def _replace(self, snapshot: RunSnapshot, state: str) -> None:
        changed = replace(snapshot, state=state)
        self._snapshots = [changed if s.number == changed.number else s for s in self._snapshots]
        self._runs.write(self._holding, snapshots=[changed])


def _check(values: Mapping[str, Value]) -> None:
    """Knobs are numbers, booleans or text; those that caviar knows too stay within its limits."""
    from caviar.runs.knobs import check_own

    for name in values:
        if not str(name).isidentifier():
            raise ConfigError(
                f"a knob is an attribute of run.knobs, got {name!r:.40}", "write knobs=dict(learning_rate=0.1)"
            )
    check_own(values)


def _shown(knobs: Mapping[str, Value]) -> str:
    return ", ".join(f"{name} {value}" for name, value in knobs.items()) or "no knobs"
