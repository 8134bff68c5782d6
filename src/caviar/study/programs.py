"""Tune what other people's code trains: a Python function, a program that speaks the protocol, or any program.

The search, its ladders, the ledger and the store are those of our own networks; a trial is a process instead of a few
arrays. It is told at its rung whether it goes on (search/asha.py), and what it tells is written down as it comes. So a
study is taken up again as any other: what is known of a trial is not trained again, and one that was under way goes on
from its last snapshot, if its program saves any, or from its start.
"""

from __future__ import annotations

import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from caviar.errors import ConfigError, NoAnswer, StoreError
from caviar.executors.parked import SAVED_FROM, ParkedTrainings
from caviar.machine import environment, processors
from caviar.protocol import messages as protocol
from caviar.protocol.command import Command, Objective, Silent, Speaking
from caviar.protocol.pool import Crashed, Finished, Pool, Reported, Snapshot
from caviar.protocol.process import environments
from caviar.randomness import Purpose, raw, stream_key
from caviar.records import Config, Measurement, Study, StudyState, Trial, TrialState
from caviar.records.names import check_name
from caviar.records.ranking import GOAL_METRICS, WORST, Goal, RankKey, smaller_is_better
from caviar.scheduling.choosing import Finalist, choose
from caviar.scheduling.halving import rungs_to
from caviar.scheduling.strategy import Ending, Step, Stopping, Strategy
from caviar.search.searches import check_search, search_named, told_before
from caviar.space import Space
from caviar.study.events import Begun, Progress, TunedProgram
from caviar.study.ledger import Known, Ledger
from caviar.study.spec import DEFAULT_SEARCH, check_budget, check_seed, stopping_named

if TYPE_CHECKING:
    from caviar.records import Lease
    from caviar.store import Store

EPOCHS = 27
FINALISTS = 5
_SHOW_EVERY = 0.1  # seconds
_SEARCH_SHARE = 0.75  # of a time budget, where the best are repeated
_HOPELESS = 5  # trials that failed, and none that did not: it is the code, and not the config

_NO_SCORE = "it was done and had told no score"
_WITHOUT = (TrialState.DIVERGED, TrialState.FAILED, TrialState.OUT_OF_MEMORY)

ProgramEvent = Begun | Progress | TunedProgram


@dataclass(frozen=True, kw_only=True)
class ProgramRequest:
    """What a person asks of ``tune`` for a function or a command, by the names of its arguments."""

    objective: Callable[..., Any] | None = None
    command: str | None = None
    score: str | None = None
    space: Space | str | os.PathLike[str] | None = None
    goal: str = "maximize"
    epochs: int = EPOCHS
    seconds: float | None = None
    trials: int | None = None
    seed: int = 0
    search: str = DEFAULT_SEARCH
    stopping: str = "halving"
    repeats: int = 0
    study: str | None = None
    store: str | os.PathLike[str] = "caviar.db"
    processes: int | None = None
    gpus: Sequence[int | str] | None = None
    trial_timeout: float | None = None
    slots: int | None = None  # of the study that is taken up again
    started: float = field(default_factory=time.monotonic)

    def record(self) -> dict[str, Any]:
        """What the store keeps: plain data."""
        names = ("command", "score", "goal", "epochs", "stopping", "repeats", "trial_timeout")
        gpus = None if self.gpus is None else [str(gpu) for gpu in self.gpus]
        return {name: getattr(self, name) for name in names} | {"gpus": gpus, "processes": self.processes}


@dataclass(frozen=True, kw_only=True)
class ProgramJob:
    """A ProgramRequest that passed every check."""

    request: ProgramRequest
    command: Command
    space: Space
    metric: str
    rungs: tuple[int, ...]
    stopping: Stopping
    environments: list[dict[str, str]]
    slots: int
    seconds: float | None
    name: str
    ended: Callable[[], bool]

    def in_time(self, share: float = 1.0) -> bool:
        """Whether of this ``share`` of the time some is left. Raises KeyboardInterrupt where the study is to end."""
        if self.ended():
            raise KeyboardInterrupt
        return self.seconds is None or time.monotonic() - self.request.started < share * self.seconds

    def trial_seed(self, number: int, repeat: int = 0) -> int:
        """The seed that a trial is given: a whole number below 2**32."""
        key = stream_key(self.request.seed, Purpose.WEIGHTS, number, repeat)
        return int(raw(key, (0, 0, 0, 0), 1)[0] >> np.uint64(32))

    def study_record(self, name: str) -> Study:
        """What the store keeps of the study from its start."""
        request = self.request
        return Study(
            name=name,
            seed=request.seed,
            metric=self.metric,
            search=request.search,
            space=self.space.to_dict(),
            budget={
                "seconds": self.seconds,
                "trials": request.trials,
                "rungs": list(self.rungs),
                "repeats": request.repeats,
                "slots": self.slots,
                "program": request.record(),
            },
            data={},
            environment=environment("your own", "", len(self.environments)),
            state=StudyState.RUNNING,
            created=datetime.now(UTC).isoformat(),
        )


def check(request: ProgramRequest, ended: Callable[[], bool]) -> ProgramJob:
    """Check everything that can be checked before anything is written or started."""
    seconds = check_budget(request.seconds, request.trials)
    check_seed(request.seed)
    if not isinstance(request.epochs, int) or not 1 <= request.epochs <= 10**6:
        raise ConfigError(f"epochs must be a whole number from 1 to 1,000,000, got {request.epochs!r}", "--epochs 27")
    if request.repeats < 0:
        raise ConfigError(f"repeats must be 0 or more, got {request.repeats}", "--repeats 3")
    if request.goal not in get_args(Goal):
        raise ConfigError(
            f"a goal is maximize or minimize, got {request.goal!r}", "losses are to be minimized: --goal minimize"
        )
    goal: Goal = "maximize" if request.goal == "maximize" else "minimize"
    if request.processes is not None and request.processes < 1:
        raise ConfigError(f"processes must be at least 1, got {request.processes}", f"this machine has {processors()}")
    if request.trial_timeout is not None and not request.trial_timeout > 0:
        raise ConfigError(f"a trial timeout must be above 0 s, got {request.trial_timeout}", "--trial-timeout 600")
    stopping = stopping_named(request.stopping)
    check_search(request.search)
    if request.space is None:
        raise ConfigError(
            "a function or a command needs a space: caviar cannot know its hyperparameters",
            "give one: --space space.toml, or caviar.Space(learning_rate=caviar.Log(1e-4, 1))",
        )
    space = request.space if isinstance(request.space, Space) else Space.load(Path(request.space))
    search_named(request.search, space, request.seed)  # not every search can walk through every space
    command = _command(request, space)
    if request.study is not None:
        check_name("study", request.study)
    gpus = [str(gpu) for gpu in request.gpus or ()]
    processes = request.processes or len(gpus) or processors()
    return ProgramJob(
        request=request,
        command=command,
        space=space,
        metric=GOAL_METRICS[goal],
        rungs=rungs_to(request.epochs),
        stopping=stopping,
        environments=environments(processes, gpus),
        slots=request.slots or processes,
        seconds=seconds,
        name=request.study or command.name,
        ended=ended,
    )


def request_of(
    study: Study,
    budget: dict[str, Any],
    started: float,
    store: str | os.PathLike[str],
    objective: Callable[..., Any] | None,
    processes: int | None,
) -> ProgramRequest:
    """The request that ``study`` began with; a function is given again, for the store keeps none."""
    asked = dict(study.budget["program"])
    if asked["command"] is None and not callable(objective):
        raise ConfigError(
            f"study {study.name!r} began with a function, which the store does not keep",
            f"give it again: caviar.resume({study.name!r}, data=objective)",
        )
    anew = {} if processes is None else {"processes": processes}
    return ProgramRequest(
        objective=objective if asked["command"] is None else None,
        space=Space.from_dict(study.space),
        seed=study.seed,
        search=study.search,
        study=study.name,
        store=store,
        started=started,
        slots=int(study.budget["slots"]),
        **{**asked, **anew, **budget},
    )


def _command(request: ProgramRequest, space: Space) -> Command:
    if request.objective is not None:
        return Objective(request.objective)
    if request.command is None:
        raise ConfigError("there is nothing to train", "give a function, or --command")
    if request.score is not None:
        return Silent(request.command, request.score, tuple(space.names))
    return Speaking(request.command)


def work(
    job: ProgramJob, store: Store, study: Study, lease: Lease | None = None, known: Known | None = None
) -> Iterator[ProgramEvent]:
    """The whole work on a study that is in the store, event by event, the TunedProgram last."""
    from caviar.store import Snapshots
    from caviar.store.database import folder_beside

    lease = lease or store.leases.join(study.name)
    ledger = Ledger(store, lease, job.metric, keep=0, known=known)
    folder = folder_beside(store.database, "programs") / str(store.study_number(study.name))
    yield Begun(study, job.rungs, told_before(study.search, job.space, study.budget["trials"]))
    try:
        with Pool(job.command, job.environments, job.request.trial_timeout) as pool:
            search = _Search(job, ledger, ParkedTrainings(Snapshots(store), study.name), pool, folder)
            yield from search.run()
            yield from _repeat(job, ledger, pool, search)
        answer = _conclude(job, ledger, study, search, store)
    except BaseException as ending:
        with suppress(StoreError):  # of a full disk, say, which is what `ending` tells already
            ledger.close(StudyState.FINISHED if isinstance(ending, NoAnswer) else StudyState.INTERRUPTED, None)
        raise
    ledger.close(StudyState.FINISHED, answer.summary)
    yield answer


class _Search:
    """The search: steps from the strategy become trials in the pool, and what they tell becomes reports to it."""

    def __init__(self, job: ProgramJob, ledger: Ledger, parked: ParkedTrainings, pool: Pool, folder: Path) -> None:
        self.failures: list[str] = []
        self.folder = folder
        self._job = job
        self._ledger = ledger
        self._parked = parked
        self._pool = pool
        self._strategy = Strategy(
            search_named(job.request.search, job.space, job.request.seed),
            job.rungs,
            1,
            job.request.trials,
            job.stopping,
            slots=job.slots,
        )
        self._target: dict[int, int] = {}  # the epoch at which each trial is compared next
        self._held: dict[int, Reported] = {}  # came to a rung, and waits for what is decided
        self._over: dict[int, RankKey] = {}  # ended before its last rung: what it is compared by at those left
        self._waiting: deque[Step] = deque()  # without a place yet
        self._saving: dict[int, tuple[int, Path]] = {}
        self._starts: dict[int, Path] = {}  # snapshots that trials begin with, until they have
        self._saved_at: dict[int, float] = {}  # seconds of training at the last snapshot

    def run(self) -> Iterator[Progress]:
        """Until the budget is spent, or nothing is left to do."""
        shown, boxes = 0.0, 0
        share = _SEARCH_SHARE if self._job.request.repeats else 1.0
        while self._job.in_time(share):
            self._give()
            self._ledger.open(self._strategy.boxes[boxes:])
            boxes = len(self._strategy.boxes)
            if self._strategy.over and self._pool.idle:  # who has had all epochs may have more to tell
                break
            event = self._pool.take(timeout=_SHOW_EVERY)
            if event is not None:
                self._obey(event)
            if len(self.failures) >= _HOPELESS and not self._ledger.best(1):
                counts = self._ledger.counts()
                if sum(counts.values()) - counts.get(TrialState.RUNNING, 0) == len(self.failures):
                    raise _no_answer(self._ledger, self.failures)
            if time.monotonic() - shown >= _SHOW_EVERY:
                shown = time.monotonic()
                self._ledger.write_now_and_then()
                self._parked.make_room(self._ledger.worst_first)
                yield self.progress("search")
        for number in list(self._target):
            self._pool.end(number)
        self._ledger.interrupt()
        yield self.progress("search")

    def progress(self, phase: str) -> Progress:
        """Where the study stands now."""
        best = next(iter(self._ledger.best(1)), None)
        elapsed = time.monotonic() - self._job.request.started
        note = str(self._parked.trouble or "")
        if self.failures:
            note = f"{len(self.failures)} failed, the last: {self.failures[-1].splitlines()[-1]:.150}"
        return Progress(phase, elapsed, self._ledger.counts(), self._strategy.reached(), best, note)

    # --- from the strategy to the pool ---

    def _give(self) -> None:
        while True:
            if self._waiting and self._pool.room:
                self._start(self._waiting.popleft())
                continue
            step = self._strategy.next(begin=self._pool.room > len(self._waiting))
            if step is None:
                self._settle(self._strategy.ended())
                return
            number, known = step.number, self._ledger.known(step.number)
            self._target[number] = step.to_epoch
            if step.from_epoch == 0:
                self._ledger.begin(number, step.config, origin=step.origin)
            if number in self._over:
                self._report(number, self._over[number])
            elif number in self._held:
                self._go_on(number, self._held.pop(number))
            elif (found := self._ledger.recall(number, step.to_epoch)) is not None:
                self._report(number, found)
            elif known is not None and known.state is TrialState.FINISHED:  # it was done before this rung
                self._over[number] = self._ledger.finish(number, known.score, epochs=known.epochs)
                self._report(number, self._over[number])
            elif self._pool.room:
                self._start(step)
            else:
                self._waiting.append(step)

    def _start(self, step: Step) -> None:
        """A trial needs a process: a new one, or one that an earlier caviar left behind."""
        number, start = step.number, None
        folder = self.folder / str(number)
        saved = self._parked.saved(number, step.to_epoch - 1)
        try:
            if saved is not None:
                epoch = int(saved["epoch"])
                folder.mkdir(parents=True, exist_ok=True)
                path = self._starts[number] = folder.absolute() / f"{epoch}.snapshot"
                path.write_bytes(saved["file"].tobytes())
                start = (epoch, str(path))
            self.launch(number, step.config, folder, start=start)
        except OSError as error:
            raise NoAnswer(
                f"trial {number} could not be started: {error.strerror or error}", "mend that, and then: caviar resume"
            ) from None

    def launch(
        self,
        number: int,
        config: Config,
        folder: Path,
        repeat: int = 0,
        start: tuple[int, str] | None = None,
        called: int | None = None,
    ) -> None:
        """Give a trial, or a repeat of it, to the pool, where it is ``called`` by its number, or by another."""
        seed, epochs = self._job.trial_seed(number, repeat), self._job.rungs[-1]
        self._pool.give(protocol.trial(number, config, seed, epochs, str(folder.absolute()), start), called)

    def _go_on(self, number: int, held: Reported) -> None:
        """A trial that was compared goes on."""
        epoch = held.told.epoch or 0
        if epoch >= self._target[number]:  # it told no epoch between the two rungs
            self._held[number] = held
            self._report(number, self._ledger.rank_key(self._ledger.trials[number, 0]))
            return
        spent = self._ledger.seconds.get((number, 0), 0.0)
        save = None
        if held.told.saves and self._parked.trouble is None and spent - self._saved_at.get(number, 0.0) >= SAVED_FROM:
            path = self.folder.absolute() / str(number) / f"{epoch}.snapshot"
            self._saved_at[number] = spent
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._saving[number] = epoch, path
                save = str(path)
            except OSError as error:
                self._no_snapshots(error)
        self._pool.answer(number, protocol.go_on(save=save))

    # --- from the pool to the strategy ---

    def _obey(self, event: Reported | Snapshot | Finished | Crashed) -> None:
        if event.number not in self._target:
            return
        if event.number in self._starts:
            _remove(self._starts.pop(event.number))
        if isinstance(event, Reported):
            self._measure(event)
        elif isinstance(event, Snapshot):
            self._keep(event)
        elif isinstance(event, Finished):
            self._finish(event)
        else:
            state = TrialState("failed" if event.kind == "error" else event.kind)
            self._fail(event.number, event.why, state)

    def _measure(self, reported: Reported) -> None:
        number, told = reported.number, reported.told
        if told.epoch is None:
            self._pool.answer(number, protocol.go_on())
            return
        if told.score is None:
            self._pool.answer(number, protocol.stop("it told no score"))
            self._fail(number, f"epoch {told.epoch} was told without a score", TrialState.FAILED)
            return
        trial = self._ledger.trials[number, 0]
        if told.epoch <= trial.epochs:  # trained again, for it had no snapshot
            self._pool.answer(number, protocol.go_on())
            return
        if told.epoch > self._job.rungs[-1]:
            self._pool.answer(number, protocol.stop(f"it has had its {self._job.rungs[-1]} epochs"))
            return
        found = self._ledger.told(number, measurement(told, reported.seconds))
        if found == WORST:
            self._pool.answer(number, protocol.stop("its score is not a finite number"))
            self._report(number, WORST)
        elif told.epoch >= self._target[number]:
            self._held[number] = reported
            self._report(number, found)
        else:
            self._pool.answer(number, protocol.go_on())

    def _keep(self, event: Snapshot) -> None:
        """A snapshot was written, or could not be."""
        epoch, path = self._saving.pop(event.number, (0, Path()))
        if epoch == 0:
            return
        if event.did.what == "saved":
            try:
                content = np.frombuffer(path.read_bytes(), np.uint8)
            except OSError as error:
                self._no_snapshots(error)
            else:
                self._ledger.write()  # first what was measured until then
                self._parked.save(event.number, epoch, {"file": content, "epoch": np.array(epoch)})
        _remove(path)

    def _no_snapshots(self, error: OSError) -> None:
        """The study goes on without, and says so."""
        self._parked.trouble = StoreError(f"no snapshot: {error.strerror or error}", "the study goes on without them")

    def _finish(self, event: Finished) -> None:
        """A trial is over by its own word."""
        number, trial = event.number, self._ledger.trials[event.number, 0]
        if trial.state is TrialState.FINISHED and event.score is not None:
            self._ledger.finish(number, event.score)
        if trial.state is not TrialState.RUNNING:
            return
        if event.score is None and trial.score is None:
            self._fail(number, _NO_SCORE, TrialState.FAILED)
            return
        waits = self._held.pop(number, None) is not None
        self._over[number] = self._ledger.finish(number, event.score)
        if not waits:
            self._report(number, self._over[number])

    def _fail(self, number: int, why: str, state: TrialState) -> None:
        if self._ledger.trials[number, 0].state is not TrialState.RUNNING:
            return
        waits = self._held.pop(number, None) is not None
        why = why.strip() or "it did not say why"
        if state is not TrialState.DIVERGED:
            self.failures.append(why)
        self._over[number] = self._ledger.fail(number, why, state=state)
        if not waits:
            self._report(number, WORST)

    def _report(self, number: int, found: RankKey) -> None:
        self._settle(self._strategy.report(number, self._target[number], found))

    def _settle(self, endings: list[Ending]) -> None:
        for number, stopped in endings:
            self._held.pop(number, None)
            self._parked.discard(number)
            if self._ledger.trials[number, 0].state is not TrialState.RUNNING:
                continue
            self._ledger.settle(number, TrialState.STOPPED if stopped else TrialState.FINISHED)
            why = "poorer than its rung asks for" if stopped else ""
            self._pool.answer(number, protocol.stop(why) if stopped else protocol.go_on())


def _remove(path: Path) -> None:
    """A snapshot's file that has done its work, and its folder, if the program keeps nothing else there."""
    with suppress(OSError):
        path.unlink(missing_ok=True)
        path.parent.rmdir()


def measurement(told: protocol.Told, seconds: float) -> Measurement:
    """What the store keeps of an epoch that a program told."""
    values = told.values
    assert told.epoch is not None
    assert told.score is not None
    return Measurement(
        told.epoch,
        values.get("train_loss", math.nan),
        values.get("validation_loss", values.get("loss", math.nan)),
        values.get("validation_accuracy", values.get("accuracy", math.nan)),
        told.score,
        values.get("learning_rate", math.nan),
        seconds,
    )


# --- the answer ---


def _repeat(job: ProgramJob, ledger: Ledger, pool: Pool, search: _Search) -> Iterator[Progress]:
    """Train the best trials again, with fresh seeds and to the end, as often as was asked for and time allows."""
    finalists = best_trials(ledger, FINALISTS)
    left = deque((trial, repeat) for repeat in range(1, job.request.repeats + 1) for trial in finalists)
    under_way: dict[int, tuple[int, int]] = {}  # by the pool's number, which is none of the search's
    shown = 0.0
    while (left or under_way) and job.in_time():
        while left and pool.room:
            trial, repeat = left.popleft()
            number = -1 - len(left)
            under_way[number] = trial.number, repeat
            ledger.begin(trial.number, trial.config, repeat)
            try:
                search.launch(
                    trial.number, trial.config, search.folder / f"{trial.number}-{repeat}", repeat, called=number
                )
            except OSError:  # the search has an answer already
                left.clear()
                del under_way[number]
        event = pool.take(timeout=_SHOW_EVERY)
        if event is not None and event.number in under_way:
            key = under_way[event.number]
            if isinstance(event, Reported):
                epoch = event.told.epoch or 0
                enough = epoch > job.rungs[-1]
                if epoch and not enough and event.told.score is not None:
                    ledger.told(key[0], measurement(event.told, event.seconds), key[1])
                pool.answer(event.number, protocol.stop("it has had its epochs") if enough else protocol.go_on())
            elif isinstance(event, Finished | Crashed):
                del under_way[event.number]
                if isinstance(event, Crashed):
                    ledger.fail(key[0], event.why, key[1], TrialState.FAILED)
                elif event.score is not None or ledger.trials[key].score is not None:
                    ledger.finish(key[0], event.score, key[1])
                else:
                    ledger.fail(key[0], _NO_SCORE, key[1], TrialState.FAILED)
        if time.monotonic() - shown >= _SHOW_EVERY:
            shown = time.monotonic()
            ledger.write_now_and_then()
            yield search.progress("finals")
    for number in under_way:
        pool.end(number)
    ledger.interrupt()


def best_trials(ledger: Ledger, n: int) -> list[Trial]:
    """The best trials: those that had all of their epochs before those that were stopped."""
    ranked = ledger.best(len(ledger.trials))
    return sorted(ranked, key=lambda trial: trial.state is not TrialState.FINISHED)[:n]


def _conclude(job: ProgramJob, ledger: Ledger, study: Study, search: _Search, store: Store) -> TunedProgram:
    """The winner: by the mean of its repeats, where there are any; else by its score."""
    candidates = best_trials(ledger, FINALISTS)
    if not candidates:
        raise _no_answer(ledger, search.failures)
    repeats = {
        trial.number: [
            again
            for r in range(1, job.request.repeats + 1)
            if (again := ledger.trials.get((trial.number, r))) is not None
            and again.state in (TrialState.FINISHED, *_WITHOUT)  # the end of the time may have interrupted it
        ]
        for trial in candidates
    }
    whole = [
        Finalist(number, [ledger.rank_key(trial) for trial in again], 0, job.rungs[-1])
        for number, again in repeats.items()
        if again
    ]
    winner, repeated = candidates[0], None
    if whole:
        chosen = choose(whole)
        winner = ledger.trials[chosen.number, 0]
        scores = [float(trial.score) for trial in repeats[chosen.number] if trial.score is not None]
        mean = float(np.mean(scores)) if scores else math.nan
        sign = -1.0 if smaller_is_better(job.metric) else 1.0
        gap = sign * ((winner.score or 0.0) - mean)
        repeated = {"how": "fresh seeds", "scores": scores, "mean": mean, "when_chosen": winner.score, "gap": gap}
    counts = ledger.counts()
    folder = search.folder / str(winner.number)
    summary = {
        "study": study.name,
        "store": store.url,
        "seed": study.seed,
        "seconds": round(time.monotonic() - job.request.started, 3),
        "data": {},
        "trials": {
            "started": sum(counts.values()),
            "finished": counts.get(TrialState.FINISHED, 0),
            "stopped": counts.get(TrialState.STOPPED, 0) + counts.get(TrialState.INTERRUPTED, 0),
            "diverged": counts.get(TrialState.DIVERGED, 0),
            "failed": counts.get(TrialState.FAILED, 0) + counts.get(TrialState.OUT_OF_MEMORY, 0),
        },
        "best": {
            "trial": winner.number,
            "config": dict(winner.config),
            "seed": job.trial_seed(winner.number),
            "epochs": winner.epochs,
            "goal": job.request.goal,
            "score": winner.score,
            "repeated": repeated,
            "test": None,
            "folder": str(folder.absolute()) if folder.is_dir() else None,
        },
        "model": None,
    }
    return TunedProgram(study.name, store.url, winner, summary, os.fspath(job.request.store))


def _no_answer(ledger: Ledger, failures: list[str]) -> NoAnswer:
    counts = ledger.counts()
    if failures:
        lines = failures[-1].splitlines()
        why = "; ".join(dict.fromkeys((lines[0], lines[-1])))
        return NoAnswer(
            f"no trial has a score; {len(failures)} failed, the last so: {why}",
            "mend the program, and try it alone: CAVIAR_TRY='{...}' before its command, with a config in JSON",
        )
    if counts.get(TrialState.DIVERGED, 0):
        return NoAnswer("every trial that was measured diverged", "lower the learning rates in the space")
    return NoAnswer("the time was over before a trial told a score", "give it more: --seconds, or fewer epochs")
