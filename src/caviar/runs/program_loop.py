"""The panda's way with somebody's program: start it, watch it, obey, nurse it. The twin of loop.py, with its events.

The program trains in a process of its own and speaks docs/protocol.md. Whatever becomes of it, its run can be taken up
again at its newest snapshot: only a person, the nurse or the program's own ``done`` ends it for good.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, get_args

from caviar.errors import ConfigError, NoAnswer
from caviar.machine import environment
from caviar.protocol.command import Speaking
from caviar.protocol.pool import Crashed, Finished, Pool, Reported
from caviar.records import Config, DiaryEntry, Run, RunMeasurement, RunSnapshot, RunState
from caviar.records.ranking import Goal
from caviar.runs.events import Begun, EpochDone, Event, Noted, Progress, RunEnded
from caviar.runs.knobs import check_own, own_turn
from caviar.runs.nurse import THRESHOLDS, Advice, Sight, advise, diverged, exploding
from caviar.runs.program import ProgramTrainee
from caviar.runs.retention import DEFAULT_BUDGET, last_good
from caviar.runs.session import Session

if TYPE_CHECKING:
    from caviar.protocol.messages import Told
    from caviar.store import Store
    from caviar.store.runs import Runs

EPOCHS = 50
APART = 2.0  # seconds between two snapshots of its own
_SHARE = 20  # of its time, at most one part in so many goes into them
_WITHIN = 600.0  # seconds after which one is taken within an epoch, too: an epoch may take a week
_LOOK = 0.1  # seconds between two looks at the orders
_DOZE = 0.05  # the same while paused
_TELL = 0.5  # seconds between two looks that others get from the store
_GRACE = 3.0  # seconds after Ctrl-C in which it may come to where it can be saved
_SEEN = 1000  # losses of mini-batches: five times what any rule looks at
_RULES = (diverged, exploding)


@dataclass(frozen=True, kw_only=True)
class ProgramRequest:
    """What a person asks of ``caviar babysit --command``. ``config`` is the program's own, and its knobs."""

    command: str
    config: Config = field(default_factory=dict)
    epochs: int = EPOCHS
    seed: int = 0
    goal: str = "maximize"
    name: str | None = None
    store: str = "caviar.db"
    nurse: bool = True
    budget: int = DEFAULT_BUDGET
    trial_timeout: float | None = None
    snapshot_seconds: float | None = None  # between two of its own; None is APART, and more where they take long


def follow(request: ProgramRequest, ended: Callable[[], bool] = lambda: False) -> Iterator[Event]:
    """Begin a run of a program and raise it, event by event, the RunEnded last.

    Raises UserMistake for what cannot be begun, NoAnswer for a program that failed, and KeyboardInterrupt when
    ``ended`` turns true: then, as after a failure, ``resume`` goes on.
    """
    from caviar.store import Store
    from caviar.store.runs import Runs, check_name, now

    _check(request)
    command = Speaking(request.command)
    with Store.open(request.store) as store:
        runs = Runs(store)
        name = request.name or runs.free_name(command.name)
        check_name(name)
        asked = {key: value for key, value in asdict(request).items() if key not in ("config", "store", "name", "seed")}
        facts = environment("your own", "", 1)
        run = Run(name, "program", request.seed, asked, dict(request.config), {}, facts, now())
        runs.create(run)

        def begin(session: Session, trainee: ProgramTrainee) -> None:
            knobs = ", ".join(f"{name} {value}" for name, value in run.config.items()) or "no knobs"
            session.enter("begun", "caviar", f"{request.command} with {knobs}", {"knobs": run.config})

        yield from _raise(store, run, begin, ended)


def resume(store: Store, run: Run, ended: Callable[[], bool]) -> Iterator[Event]:
    """Start the program of an interrupted ``run`` again, from its newest whole snapshot, or from its beginning."""

    def back(session: Session, trainee: ProgramTrainee) -> None:
        diary = session.runs.diary(run.name)
        if any(snapshot.state == "kept" for snapshot in session.snapshots):
            turns = session.go_back_to_the_end(diary)
        else:
            turns = [entry for entry in diary if entry.kind == "turn"]
            session.enter("resumed", "caviar", "from the beginning: there is no snapshot", {})
        changes = {name: value[1] for entry in turns for name, value in entry.facts["turned"].items()}
        if changes:  # they are wanted still
            session.turn(changes, turns[-1].who, "as before the end")

    yield from _raise(store, run, back, ended)


def branch(
    store: Store,
    run: Run,
    snapshot: RunSnapshot,
    saved: Mapping[str, Any],
    changes: Config,
    who: str,
    because: str,
    ended: Callable[[], bool],
) -> Iterator[Event]:
    """Begin ``run``, which has a parent, from that one's ``snapshot``, which holds ``saved``."""
    from caviar.store.runs import Runs, now

    run = replace(run, config={**saved["knobs"], **own_turn(saved["knobs"], changes)})
    runs = Runs(store)
    runs.create(run)
    text = f"branch {run.name} from snapshot {snapshot.number} at epoch {snapshot.clock.epoch}"
    facts = {"run": run.name, "snapshot": snapshot.number}
    runs.enter(str(run.parent), DiaryEntry(0, now(), "branch", who, snapshot.clock, text, facts))

    def begin(session: Session, trainee: ProgramTrainee) -> None:
        trainee.restore(saved, replace(snapshot.clock, tick=0, take=0))
        text = f"begun from snapshot {snapshot.number} of {run.parent}, at epoch {snapshot.clock.epoch}"
        session.enter("branched", who, text, {"parent": run.parent, "snapshot": snapshot.number})
        session.snapshot("branch")
        if changes:
            session.turn(changes, who, because)

    yield from _raise(store, run, begin, ended)


def _raise(
    store: Store, run: Run, begin: Callable[[Session, ProgramTrainee], None], ended: Callable[[], bool]
) -> Iterator[Event]:
    """Hold the run, and let go of it in good order whatever happens."""
    from caviar.store.runs import Runs
    from caviar.study.programs import environments

    runs, asked = Runs(store), run.request
    command = Speaking(asked["command"])
    holding = runs.take(run.name)
    number, epochs = runs.number(run.name), int(asked["epochs"])
    folder = runs.folder / str(number) / "program"
    state, result = RunState.INTERRUPTED, None
    try:
        with Pool(command, environments(1), asked["trial_timeout"]) as pool:
            trainee = ProgramTrainee(pool, number, run.config, run.seed, epochs, asked["goal"], folder)
            session = Session(runs, holding, trainee, number, int(asked["budget"]))
            session.snapshots = runs.snapshots(run.name)
            trainee.clock = replace(trainee.clock, tick=runs.last_tick(run.name))
            session.remember(run)
            begin(session, trainee)
            session.epochs = [e for e in session.epochs if e["epoch"] <= session.clock.epoch]
            seen = tuple(runs.measurements(run.name)), tuple(runs.diary(run.name))
            session.entries.clear()  # they are in `seen`
            yield Begun(run, epochs, (), *seen, _orders_of(runs, run))
            yield from _nurse(session, trainee, run, ended)
            summary = _conclude(session, trainee, run, store.url)
            state = RunState.STOPPED if session.stopped else RunState.FINISHED
            result = summary
        yield RunEnded(summary, None)
    finally:
        for file in folder.glob("*.file"):  # a snapshot on its way: its process has ended
            with suppress(OSError):
                file.unlink()
        runs.close(holding, state, result)


def _nurse(session: Session, trainee: ProgramTrainee, run: Run, ended: Callable[[], bool]) -> Iterator[Event]:
    """The loop: hear, measure at an epoch's end, let the nurse look, obey, answer."""
    asked, epochs = run.request, int(run.request["epochs"])
    told, shown = 0.0, 0
    looked = {True: 0.0, False: 0.0}  # while it waits, and while it trains, when only a stop is obeyed
    asked_to_end: float | None = None
    pace = _Pace(epochs)
    over = False
    while not over:
        event = None if trainee.waits else trainee.hear(_LOOK)
        now = time.monotonic()
        if isinstance(event, Reported):
            session.epoch_ended = False
            _see(session, trainee, event.told)
            pace.saw(session.clock.step, event.told.epoch)
            if event.told.epoch is not None:
                yield EpochDone(_measure(session, trainee, event.told, pace.epoch_seconds), epochs)
            _look(session, trainee, bool(asked["nurse"]))
        elif isinstance(event, Crashed) and session.stopped:
            over = True
        elif isinstance(event, Crashed):
            _fail(session, trainee, run, event)
        elif isinstance(event, Finished):
            over = True
            if event.score is not None:
                trainee.values["score"] = event.score
        if ended() and not over:
            asked_to_end = asked_to_end or now
            if trainee.waits or now - asked_to_end > _GRACE:
                _interrupt(session, trainee)
        if now - looked[trainee.waits] >= (_DOZE if session.paused else _LOOK) or session.epoch_ended:
            looked[trainee.waits] = now
            session.obey()
        if session.stopped:
            trainee.stop(session.stopped)
            over = over or not trainee.is_there
        elif trainee.waits and not over:
            if session.paused:
                time.sleep(_DOZE)
            else:
                if _is_due(session, trainee, epochs, asked["snapshot_seconds"]):
                    reason = "epoch" if session.epoch_ended else "now and then"
                    session.snapshot(reason if session.snapshots else "beginning", merit=trainee.merit())
                if trainee.waits:  # it was not let go on by that
                    trainee.go_on()
        yield from (Noted(entry) for entry in session.entries[shown:])
        shown = len(session.entries)
        if now - told >= _TELL or session.epoch_ended or over:
            told = now
            facts = _progress(session, trainee, pace, str(asked["goal"]))
            session.runs.write(session.holding, progress=facts)
            yield Progress(facts)
    session.obey()
    yield from (Noted(entry) for entry in session.entries[shown:])


@dataclass
class _Pace:
    """How fast it trains, by what it tells."""

    epochs: int
    began: float = field(default_factory=time.monotonic)  # this epoch
    first_step: int = 0  # of this epoch
    last_step: int = 0
    steps: int = 0  # of the last whole epoch
    epoch_seconds: float = math.nan  # of the last one, its pauses included

    @property
    def steps_a_second(self) -> float:
        """In this epoch, or in the last one until there is anything of this; 0 where it tells of none."""
        done, seconds = self.last_step - self.first_step, time.monotonic() - self.began
        if done > 0 and seconds > 0:
            return done / seconds
        return self.steps / self.epoch_seconds if self.epoch_seconds > 0 else 0.0

    def saw(self, step: int, epoch: int | None) -> None:
        """It has trained ``step`` mini-batches, and ``epoch`` has ended."""
        self.first_step = min(self.first_step, step)  # after a rollback
        self.last_step = step
        if epoch is not None:
            now = time.monotonic()
            self.steps, self.epoch_seconds = step - self.first_step, now - self.began
            self.began, self.first_step = now, step


def _see(session: Session, trainee: ProgramTrainee, told: Told) -> None:
    """What the nurse sees of what it told: losses of mini-batches, and whether all is finite."""
    judging = {name: value for name, value in told.values.items() if name.endswith("loss")}
    finite = all(map(math.isfinite, [*judging.values(), *([] if told.score is None else [told.score])]))
    loss = judging.get("loss", judging.get("train_loss"))
    del session.losses[:-_SEEN]
    session.saw([loss] if told.epoch is None and loss is not None else [], finite)


def _measure(session: Session, trainee: ProgramTrainee, told: Told, seconds: float) -> RunMeasurement:
    """An epoch was told: what is kept of it."""
    score = {} if told.score is None else {"score": told.score}
    rate = {} if math.isnan(trainee.rate) else {trainee.rate_knob: trainee.rate}
    return session.measured({**told.values, **score, **rate, "seconds": seconds}, session.finite)


def _sight(session: Session, trainee: ProgramTrainee, told: list[float]) -> Sight:
    """The nurse's sight. An epoch that was told as a whole stands for its mini-batches: that is all there is to see."""
    last = session.epochs[-2:]  # no rule of these looks further back
    epochs = [{"train_loss": loss} for e in last if math.isfinite(loss := _training_loss(e))]
    losses = list(told)
    if session.epoch_ended and epochs and not losses:
        losses = [epochs.pop()["train_loss"]] * THRESHOLDS.fewest
    return replace(session.sight(), epochs=epochs, losses=losses)


def _training_loss(epoch: Mapping[str, Any]) -> float:
    return float(epoch.get("train_loss", epoch.get("loss", epoch.get("validation_loss", math.nan))))


def _look(session: Session, trainee: ProgramTrainee, nurse: bool) -> None:
    """The nurse looks at what was told last, and does what she can."""
    if nurse:
        advices = advise(_sight(session, trainee, session.losses), rules=_RULES)
    elif not session.finite:
        advices = [Advice("diverged", "say", "the loss is no longer a finite number, and no nurse is there")]
    else:
        advices = []
    if session.epoch_ended:
        session.said &= {advice.rule for advice in advices}
    for advice in advices:
        if advice.action == "rollback" and session.finite and last_good(session.snapshots, trainee.guess) is None:
            advice = replace(advice, action="say", text=f"{advice.text}, and there is no snapshot to go back to")
        session.heed(advice, act=True)


def _is_due(session: Session, trainee: ProgramTrainee, epochs: int, wanted: float | None) -> bool:
    """Whether it is time for a snapshot of its own: the first as soon as can be, the last at the end of all."""
    if not trainee.saves or not session.finite or trainee.goes_back:
        return False
    if not session.saving and not any(snapshot.state == "kept" for snapshot in session.snapshots):
        return True
    apart = max(APART, _SHARE * session.saving) if wanted is None else wanted
    since = time.monotonic() - session.saved_at
    if session.epoch_ended:
        return since >= apart or trainee.clock.epoch >= epochs
    return since >= max(apart, _WITHIN)


def _fail(session: Session, trainee: ProgramTrainee, run: Run, crashed: Crashed) -> None:
    """Its process has ended before the trial was over. What diverged the nurse leads back; else raises NoAnswer."""
    lines = [line.strip() for line in crashed.why.splitlines() if line.strip()] or ["it did not say why"]
    if crashed.kind == "diverged" and run.request["nurse"] and last_good(session.snapshots, trainee.guess) is not None:
        session.finite = False
        session.enter("failed", "caviar", f"the program says that it diverged: {lines[-1]:.200}", {"why": crashed.why})
        _look(session, trainee, nurse=True)
        return
    kind = {"out_of_memory": "ran out of memory", "diverged": "diverged"}.get(crashed.kind, "failed")
    said = "; ".join(dict.fromkeys((lines[0], lines[-1])))
    session.enter("failed", "caviar", f"the program {kind}: {said:.300}", {"kind": crashed.kind, "why": crashed.why})
    where = "at its newest snapshot" if any(s.state == "kept" for s in session.snapshots) else "from its beginning"
    way_out = f"mend that; caviar resume {run.name} starts it again {where}"
    if not trainee.told:
        way_out = "does it speak caviar's protocol (docs/protocol.md)? " + way_out
    raise NoAnswer(f"run {run.name!r}: the program {kind}: {said:.500}", way_out)


def _interrupt(session: Session, trainee: ProgramTrainee) -> None:
    """Ctrl-C: a last snapshot where that can be, and the end."""
    newest = max((s.clock.tick for s in session.snapshots if s.state == "kept"), default=-1)
    if trainee.waits and trainee.saves and session.finite and not trainee.goes_back and newest < session.clock.tick:
        session.snapshot("interrupted", merit=trainee.merit())
    kept = [s for s in session.snapshots if s.state == "kept"]
    how = f"saved at epoch {kept[-1].clock.epoch}" if kept else "nothing is saved, so it will begin again"
    session.enter("interrupted", "caviar", how, {})
    raise KeyboardInterrupt(how)


def _orders_of(runs: Runs, run: Run) -> Callable[[str, dict[str, Any], str], object]:
    from caviar.runs import interventions as orders
    from caviar.runs.client import me

    def order(kind: str, arguments: dict[str, Any], because: str) -> object:
        orders.check(kind, arguments)
        if kind == "turn":
            own_turn(run.config, arguments)  # can it be?
        return runs.order(run.name, kind, arguments, me(), because)

    return order


def _progress(session: Session, trainee: ProgramTrainee, pace: _Pace, goal: str) -> dict[str, Any]:
    clock = session.clock
    seconds = time.monotonic() - pace.began
    left = math.nan
    if math.isfinite(pace.epoch_seconds):
        left = max((pace.epochs - clock.epoch) * pace.epoch_seconds - seconds, 0.0)
    return {
        "epoch": clock.epoch,
        "epochs": pace.epochs,
        "step": clock.step,
        "tick": clock.tick,
        "take": clock.take,
        "row": min(clock.step - pace.first_step, pace.steps),
        "rows": pace.steps,
        "unit": "steps",
        "goal": goal,
        "rate_knob": trainee.rate_knob,
        "learning_rate": trainee.rate,
        "loss": session.curve[-1] if session.curve else math.nan,
        "curve": [round(value, 6) if math.isfinite(value) else value for value in session.curve],
        "rows_per_second": 0.0 if session.paused else pace.steps_a_second,
        "seconds_left": left,
        "paused": session.paused,
        "knobs": trainee.knobs(),
    }


def _conclude(session: Session, trainee: ProgramTrainee, run: Run, store: str) -> dict[str, Any]:
    """It is over: the entry in the diary, and the JSON object of ``caviar babysit --json``."""
    clock, epochs = session.clock, int(run.request["epochs"])
    early = f" of {epochs}, by its own word" if not session.stopped and clock.epoch < epochs else ""
    score = trainee.values.get("score")
    text = f"ended after epoch {clock.epoch}{early}" + ("" if score is None else f", score {score:.4g}")
    session.enter("end", "caviar", text, {"epochs": clock.epoch, "values": dict(trainee.values)})
    return {
        "run": run.name,
        "store": store,
        "command": run.request["command"],
        "seed": run.seed,
        "epochs": clock.epoch,
        "steps": clock.step,
        "score": score,
        "values": {name: value for name, value in trainee.values.items() if name != "score"},
        "knobs": trainee.knobs(),
        "interventions": session.interventions,
        "rollbacks": session.rollbacks,
        "snapshots": sum(s.state == "kept" for s in session.snapshots),
        "stopped": session.stopped or None,
        "folder": str((session.runs.folder / str(session.number) / "program" / "own").absolute()),
        "test": None,
        "model": None,
    }


def _check(request: ProgramRequest) -> None:
    if not 1 <= request.epochs <= 10**6:
        raise ConfigError(f"epochs must be from 1 to 1,000,000, got {request.epochs}", f"leave it out for {EPOCHS}")
    if not 0 <= request.seed < 2**32:
        raise ConfigError(
            f"a program's seed must be a whole number from 0 to 2**32 - 1, got {request.seed}", "use --seed 0, say"
        )
    if request.goal not in get_args(Goal):
        raise ConfigError(
            f"a goal is maximize or minimize, got {request.goal!r}", "losses are to be minimized: --goal minimize"
        )
    if request.budget < 1:
        raise ConfigError(f"a disk budget must be at least 1 byte, got {request.budget}", "leave it out for 2 GiB")
    if request.trial_timeout is not None and not request.trial_timeout > 0:
        raise ConfigError(f"a trial timeout must be above 0 s, got {request.trial_timeout}", "--trial-timeout 600")
    if request.snapshot_seconds is not None and not 0 <= request.snapshot_seconds < math.inf:
        raise ConfigError(
            f"seconds between snapshots must be 0 or more, got {request.snapshot_seconds}", f"leave it out for {APART}"
        )
    check_own(request.config)
