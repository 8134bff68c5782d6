"""The user's own training loop as a trainee, in any framework: ``with caviar.babysit.run(...) as run``.

The loop asks the run for its knobs, logs numbers, and saves a state or takes one back when the run wants it. A thread
beside it looks at the interventions and writes what was logged, a second at a time, so that ``log`` itself only appends
to a list. State is any tree of arrays, numbers and text, PyTorch's tensors too, and is stored without pickle.

    intervention   is applied
    turn           in ``log``: run.knobs, from then on
    pause          in ``log``, which waits
    stop           in ``log``, which ends the with block
    snapshot       in the next ``run.snapshot(...)``; run.wants_snapshot is True until then, and now and then of itself
    rollback       in run.wants_rollback, which is True once; run.state and the knobs are then what was saved

A loop whose process died is taken up by the same with line: it wants a rollback at once, to the newest whole snapshot.
"""

from __future__ import annotations

import math
import os
import threading
import time
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace, TracebackType
from typing import Any, Literal

from caviar.arguments import as_number, check_number
from caviar.errors import (
    CaviarError,
    CaviarWarning,
    ConfigError,
    NameTaken,
    SnapshotAbsent,
    SnapshotError,
    StoreError,
    StoreLost,
)
from caviar.machine import environment
from caviar.ranges import brief
from caviar.records import Clock, Run, RunKind, RunMeasurement, RunSpec, RunState, Value
from caviar.records.names import cleaned
from caviar.runs.epochs import Epochs
from caviar.runs.going_back import check_there, go_back_to_the_end
from caviar.runs.knobs import check_own, own_turn
from caviar.runs.rules import Advice, Sight
from caviar.runs.session import Session, close
from caviar.runs.snapshots import check_budget
from caviar.runs.trainee import OthersTrainee, Step
from caviar.store import Store
from caviar.store.delivery import STORE_PATIENCE
from caviar.store.runs import Runs, now

_LOOK = 0.2  # seconds between two looks of the thread beside the loop
_WRITE = 1.0  # seconds of logged numbers that become one measurement
_DOZE = 0.05  # seconds between two looks at the interventions while paused
_WINDOW = 200  # logged losses that stand for an epoch in the nurse's eyes
_NAME = "run"  # where none is given
_RECENT = 50  # logged losses that a snapshot is judged by

_Moment = Literal["log", "snapshot", "rollback"]


class Stopped(BaseException):
    """The end of a run that somebody stopped; it leaves the with block and goes no further."""


class OwnTrainee(OthersTrainee):
    """The state of a loop of the user's, as far as the loop has shown it; see the head of this file."""

    is_stopped_when_lost = False

    def __init__(self, knobs: Mapping[str, Value]) -> None:
        self.step = 0
        self.base = 0
        """Ticks that are not in the state: of earlier processes, and those that were undone."""
        self.namespace: Any = SimpleNamespace(**knobs)
        self.state: Any = None
        self.restored = False
        """True until the loop has taken ``state`` back."""
        self.moment: _Moment = "log"
        """The call in which the loop is, which decides about the interventions that can be applied."""
        self.offered: Any = None
        """The state that the loop wants to save."""
        self.logged: deque[Mapping[str, float]] = deque()
        self.unwritten: list[Mapping[str, float]] = []
        self.losses: deque[float] = deque(maxlen=_WINDOW)
        self.windows: deque[float] = deque(maxlen=10)

    @property
    def clock(self) -> Clock:
        """Where the loop stands; a step is a call of ``log``."""
        return Clock(self.base + self.step, self.step)

    @clock.setter
    def clock(self, clock: Clock) -> None:
        self.base, self.step = clock.tick - clock.step, clock.step

    @property
    def can_save(self) -> bool:
        """True while the loop offers a state."""
        return self.moment == "snapshot"

    def seconds_between_snapshots(self, saving: float) -> float:
        """The loop decides."""
        return 0.0

    def advance(self) -> Step | None:
        """Take in what was logged since the last look."""
        fresh = []
        while self.logged:
            logged = self.logged.popleft()
            fresh.append({cleaned(name): as_number(name, value, "log numbers") for name, value in logged.items()})
        self.unwritten += fresh
        losses = [values["loss"] for values in fresh if "loss" in values]
        if not losses:
            return None
        if math.isnan(self.first_loss):
            self.first_loss = losses[0]
        self.losses.extend(losses)
        return Step(losses, all(map(math.isfinite, losses)))

    def measure(self, clock: Clock) -> list[RunMeasurement]:
        """One measurement of all that was logged since the last: means, and how many there were."""
        sums: dict[str, list[float]] = {}
        for values in self.unwritten:
            for name, value in values.items():
                sums.setdefault(name, []).append(value)
        means: dict[str, Any] = {name: sum(found) / len(found) for name, found in sums.items()}
        count, self.unwritten = len(self.unwritten), []
        return [RunMeasurement(clock, means | {"logged": count})] if count else []

    def applies(self, kind: str, paused: bool) -> bool:
        """Snapshots and rollbacks need the loop's own help; everything else can be done in ``log``."""
        return self.moment == (kind if kind in ("snapshot", "rollback") else "log")

    def turn(self, changes: Mapping[str, Value]) -> dict[str, list[Value]]:
        """Turn knobs; [before, after] of each. Raises ConfigError."""
        before = self.knobs()
        changes = own_turn(before, changes)
        self.namespace = SimpleNamespace(**{**before, **changes})
        return {name: [before[name], value] for name, value in changes.items()}

    def knobs(self) -> dict[str, Value]:
        """Every knob as it stands."""
        return dict(vars(self.namespace))

    def save(self) -> dict[str, Any]:
        """The state that the loop offers, and the knobs."""
        return {"state": self.offered, "knobs": self.knobs(), "step": self.step}

    def restore(self, saved: Mapping[str, Any], clock: Clock) -> None:
        """Have the loop go on from what was ``saved``."""
        try:
            state, step, knobs = saved["state"], int(saved["step"]), dict(saved["knobs"])
        except (KeyError, TypeError, ValueError):
            raise SnapshotError("this snapshot is not of a training loop", "take the snapshot before it") from None
        self.state, self.namespace, self.restored = state, SimpleNamespace(**knobs), True
        self.clock = replace(clock, step=step)
        self.losses.clear()

    def loss_of(self, values: Mapping[str, Any]) -> float:
        """The mean logged loss."""
        return float(values.get("loss", math.nan))

    def loss(self) -> float | None:
        """The mean of the last logged losses."""
        recent = [x for x in list(self.losses)[-_RECENT:] if math.isfinite(x)]
        return sum(recent) / len(recent) if recent else None

    def sight(self, sight: Sight) -> Sight:
        """Logged losses, some hundred of which stand for an epoch."""
        return replace(sight, losses=list(self.losses), epochs=Epochs({"train_loss": loss} for loss in self.windows))


class OwnRun:
    """One training loop under care; see the head of this file."""

    def __init__(
        self,
        name: str | None,
        knobs: Mapping[str, Value],
        store: str | os.PathLike[str],
        spec: RunSpec,
        store_patience: float = STORE_PATIENCE,
        html: Callable[[Store, str], str] | None = None,
    ) -> None:
        """Use ``caviar.babysit.run``."""
        for knob in knobs:
            if not str(knob).isidentifier():
                raise ConfigError(
                    f"a knob is an attribute of run.knobs, got {brief(knob)}", "write `knobs=dict(learning_rate=0.1)`"
                )
        check_own(knobs)
        check_budget(spec)
        self._is_numbered = name is None
        self.name = _NAME if name is None else name
        """The run's name; of one without a name, the one that it gets when it begins."""
        self._first_knobs = dict(knobs)
        self._spec = spec
        self._store_url = store
        self._store_patience = store_patience
        self._trainee = OwnTrainee(knobs)
        self._advice: Advice | None = None  # for the loop's own thread
        self._waiting: set[str] = set()  # kinds of interventions that wait
        self._behind = False  # True until the state of an earlier process was taken back
        self._urgent = False  # True while `log` has something to do
        self._failed: BaseException | None = None
        self._over = threading.Event()
        self._lock = threading.RLock()
        self._html = html

    def _repr_html_(self) -> str | None:
        """The run as a notebook shows it; None, for its repr, where the store cannot be read."""
        with suppress(CaviarError), Store.open(self._store_url, create=False) as store:
            return self._html(store, self.name) if self._html is not None else None
        return None

    @property
    def knobs(self) -> Any:
        """The knobs as attributes."""
        return self._trainee.namespace

    @property
    def state(self) -> Any:
        """The state that was saved, after ``wants_rollback`` was True."""
        return self._trainee.state

    @property
    def step(self) -> int:
        """Calls of ``log``, those that were undone left out."""
        return self._trainee.step

    def __enter__(self) -> OwnRun:
        self._store = Store.open(self._store_url)
        try:
            self._begin(Runs(self._store))
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
            if self._failed is not None:
                raise self._failed
            self._write()
            self._session.delivery.patience = self._store_patience
            state = RunState.STOPPED if stopped else RunState.INTERRUPTED if error else RunState.FINISHED
            with suppress(StoreLost):  # closing says it
                self._session.enter("end", "caviar", *self._ending(state, error))
            close(
                self._runs, self._session.delivery, state, {"run": self.name, "steps": self.step} if not error else None
            )
        except StoreLost as lost:
            warnings.warn(f"{lost.rule}; {lost.way_out}", CaviarWarning, stacklevel=2)
        except BaseException:
            with suppress(CaviarError):  # the lease may be lost
                close(self._runs, self._session.delivery, RunState.INTERRUPTED, None)
            if error is None or stopped:  # else the loop's own error matters more
                raise
        finally:
            self._store.close()
        return stopped

    def _ending(self, state: RunState, error: BaseException | None) -> tuple[str, dict[str, Any]]:
        """The last entry of the diary: its text and facts, with what the loop's own error says."""
        text, facts = f"{state} after {self.step:,} step{'' if self.step == 1 else 's'}", {"steps": self.step}
        if error is None or state is not RunState.INTERRUPTED:
            return text, facts
        said = " ".join("".join(traceback.format_exception_only(error)).split())
        return f"{text}: {said:.300}", facts | {"why": "".join(traceback.format_exception(error))[-5000:]}

    def log(self, *given: Any, **values: float) -> None:
        """Note what was measured in one step; the nurse looks at "loss". Waits while the run is paused.

        Arrays and tensors of one number will do. Raises NotANumber for a value that is none, None included; ConfigError
        for one without a name.
        """
        if given:
            names = given[0] if isinstance(given[0], Mapping) else ()
            shown = ", ".join(f"{name}=..." for name in names) or "loss=0.1"
            raise ConfigError(f"run.log takes numbers by name, got {brief(given[0])}", f"write run.log({shown})")
        for name, value in values.items():
            check_number(name, value, f"log numbers, run.log({name}=0.1), and leave out what was not measured")
            if hasattr(value, "detach"):
                values[name] = value.detach()  # a second of losses would hold on to all that they were computed from
        self._trainee.step += 1
        self._trainee.logged.append(values)
        if self._urgent:
            self._attend()

    @property
    def wants_snapshot(self) -> bool:
        """True if a state should be saved now: the first, on request, and every so many seconds."""
        session, every = self._session, self._spec.snapshot_seconds or 0.0
        if self._goes_back:
            return False  # the state that it has now is about to be replaced
        return session.is_unsaved or "snapshot" in self._waiting or time.monotonic() - session.saved_at > every

    @property
    def wants_rollback(self) -> bool:
        """True once when the loop is to go on from ``state``; the knobs are set back too."""
        if self._goes_back:
            with self._lock:
                self._take_back()
        wanted, self._trainee.restored = self._trainee.restored, False
        return wanted

    @property
    def _goes_back(self) -> bool:
        return self._behind or self._advice is not None or "rollback" in self._waiting

    def snapshot(self, **state: Any) -> None:
        """Save ``state``: any tree of arrays, numbers and text. A full disk is a warning in the diary.

        Raises StoreError for what cannot be saved without pickle.
        """
        with self._lock:
            session, trainee = self._session, self._trainee
            before = session.saved_at
            trainee.offered, trainee.moment = state, "snapshot"
            try:
                if "snapshot" in self._waiting:
                    self._intervene()
                if session.saved_at == before:
                    session.snapshot("now and then")
            finally:
                trainee.offered, trainee.moment = None, "log"

    def _begin(self, runs: Runs) -> None:
        facts = environment("its own", "unknown", 1)
        fresh = Run(self.name, 0, self._spec, self._first_knobs, {}, facts, now())
        try:
            self.name, taken_up = runs.create(fresh, numbered=self._is_numbered).name, False
        except NameTaken:
            taken_up = True
        run = runs.run(self.name)
        if run.kind is not RunKind.LOOP:
            raise StoreError(f"run {self.name!r} is one of caviar babysit's own", "name this one otherwise")
        if run.state.is_over:
            raise StoreError(
                f"run {self.name!r} is {run.state} already",
                f"name this one otherwise: {runs.subjects.free_name(self.name)!r}, say",
            )
        if taken_up:
            check_there(runs, self.name)
        self._runs = runs
        delivery = runs.delivery(runs.take(self.name), math.inf)  # it is the loop's own thread that must not be ended
        self._session = Session(runs, delivery, replace(run, spec=self._spec), self._trainee)
        self._behind = taken_up and any(saved.state != "removed" for saved in self._session.snapshots.all)
        self._urgent = self._session.paused
        if taken_up:
            self._session.enter("resumed", "caviar", "taken up again by its program", {})
        else:
            knobs = ", ".join(f"{name} {value}" for name, value in self._first_knobs.items()) or "no knobs"
            self._session.enter("begun", "caviar", f"with {knobs}", {"knobs": self._first_knobs})

    def _watch(self) -> None:
        """The thread beside the loop."""
        written, seen = time.monotonic(), 0
        try:
            while not self._over.wait(_LOOK):
                with self._lock:
                    # Tell the loop's own thread about interventions that are new.
                    waiting = self._session.interventions()
                    self._waiting = {one.kind for one in waiting}
                    newest = max((one.number for one in waiting), default=0)
                    self._urgent = self._urgent or newest > seen
                    seen = max(seen, newest)

                    # Let the nurse look at the losses that were logged since the last look.
                    step = self._trainee.advance()
                    if step is not None and not self._behind:
                        self._session.saw(step)
                        self._advice = self._advice or next(iter(self._session.nurse.advices()), None)
                        self._urgent = self._urgent or self._advice is not None

                    # Write down what was logged, a second at a time.
                    if time.monotonic() - written >= _WRITE:
                        written = time.monotonic()
                        self._write()
        except BaseException as error:  # the loop's own thread raises it
            self._failed, self._urgent = error, True

    def _attend(self) -> None:
        """Do what cannot wait, in the loop's own thread, between two steps."""
        self._look_once()
        while self._session.paused and not self._session.stopped:
            time.sleep(_DOZE)
            self._look_once()
        if self._session.stopped:
            raise Stopped

    def _look_once(self) -> None:
        if self._failed is not None:
            raise self._failed
        with self._lock:
            self._urgent = False
            if self._advice is not None and (
                self._advice.action != "rollback" or self._session.last_good() is None  # then it can only be said
            ):
                self._follow_advice()
            self._intervene()

    def _take_back(self) -> None:
        """Go back to a saved state: that of an earlier process, or as a person or the nurse asks for it."""
        self._trainee.moment = "rollback"
        try:
            self._write()  # what was logged before belongs to the state before
            if self._behind:
                self._behind = False
                go_back_to_the_end(self._session)
            self._follow_advice()
            self._intervene()
        finally:
            self._trainee.moment, self._urgent = "log", True

    def _follow_advice(self) -> None:
        advice, self._advice = self._advice, None
        if advice is not None:
            with suppress(SnapshotAbsent):  # it stands in the diary; the loop trains on
                self._session.nurse.follow(advice)

    def _intervene(self) -> None:
        self._session.intervene()
        self._waiting = {one.kind for one in self._session.interventions()}

    def _write(self) -> None:
        """Write down what was logged, and where the loop stands."""
        trainee, session = self._trainee, self._session
        if (step := trainee.advance()) is not None:
            session.saw(step)
        if len(trainee.losses) == _WINDOW and all(map(math.isfinite, trainee.losses)):
            window = sum(trainee.losses) / _WINDOW
            session.nurse.judge(min(trainee.windows, default=math.inf), window)
            trainee.windows.append(window)
        session.write(session.progress(), trainee.measure(session.clock))
