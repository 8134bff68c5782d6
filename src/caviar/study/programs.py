"""Studies of the user's own training code: a Python function, a program that speaks the protocol, or any program.

Search, ladders, ledger and store are those of our own networks; a trial is a process instead of a few arrays
(executors/processes.py). It learns at its rung whether it goes on (scheduling/asha.py), and every epoch is written as
it comes. So a study is resumed like any other: a known trial is not trained again, and one that was under way goes on
from its last snapshot, if its program saves any, or from its start.
"""

from __future__ import annotations

import math
import os
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np

from caviar.analysis.space_checks import together
from caviar.arguments import check_whole
from caviar.errors import ConfigError, NoAnswer, UserMistake
from caviar.executors.held_back import HeldBack
from caviar.executors.parked import SavedStates
from caviar.executors.processes import Processes
from caviar.machine import environment, processors
from caviar.protocol.command import Command, Objective, Silent, Speaking
from caviar.protocol.goal import GoalWatch, goal_of_request
from caviar.protocol.named_scores import reports_nothing
from caviar.protocol.pool import Pool
from caviar.protocol.process import environments
from caviar.randomness import Purpose, raw, stream_key
from caviar.ranges import brief, check_range
from caviar.records import Config, Study, StudyState, Task, TaskResult, Trial, TrialState
from caviar.records.metrics import smaller_is_better
from caviar.records.names import check_name
from caviar.records.ranking import GOAL_METRICS, UNRANKED, Goal
from caviar.records.result import BestTrial, Repeated, StudyResult
from caviar.scheduling.choosing import Finalist, choose
from caviar.scheduling.halving import rungs_to
from caviar.scheduling.repeats import Repeats
from caviar.scheduling.strategy import Stopping, Strategy
from caviar.search.contract import Search
from caviar.search.eras import Era, in_today, turns_of
from caviar.search.feasible import check_constraints, constrained
from caviar.search.fitting import note_on
from caviar.search.given import read_all
from caviar.search.searches import check_search, search_named
from caviar.space import Space
from caviar.store import Snapshots, Store
from caviar.study.earlier import evidence
from caviar.study.enqueued import Enqueued
from caviar.study.events import Progress, TunedProgram
from caviar.study.interventions import Interventions
from caviar.study.job import FINALISTS
from caviar.study.ledger import Ledger, outcomes
from caviar.study.like import start_within, taken
from caviar.study.loop import Budget, drive
from caviar.study.respacing import better_outside, respacing
from caviar.study.spec import (
    ProgramRequest,
    check_budget,
    check_seed,
    check_store_patience,
    checked_like,
    space_of,
    stopping_named,
)

_MOMENT = 1.0  # seconds that a stopped program has to fail by itself, if it was about to
_HOPELESS = 5  # trials that failed, and none that did not: it is the code, and not the config
_SEARCH_SHARE = 0.75  # of a time budget, where the best are repeated
_OVER = (TrialState.FINISHED, *UNRANKED)


@dataclass(frozen=True, kw_only=True)
class ProgramJob:
    """A ProgramRequest that passed every check."""

    request: ProgramRequest
    command: Command
    space: Space
    goal: Goal
    rungs: tuple[int, ...]
    stopping: Stopping
    environments: list[dict[str, str]]
    slots: int
    seconds: float | None
    name: str
    interventions: Interventions
    notes: tuple[str, ...] = ()

    @property
    def metric(self) -> str:
        """The metric of the study: a score, or a loss."""
        return GOAL_METRICS[self.goal]

    @property
    def eras(self) -> tuple[Era, ...]:
        """The spaces of the study, today's last."""
        return in_today(self.request.eras, self.space)

    def search(self, space: Space, boxes: int = 0) -> Search:
        """The search that proposes configs of ``space``, after so many ``boxes``."""
        request = self.request
        like = checked_like(request.like)
        return search_named(request.search, space, request.seed, like=like, boxes=boxes, slots=self.slots)

    def ended(self) -> bool:
        """True where a person wants the end at once."""
        return self.interventions.ended()

    def seconds_left(self, share: float = 1.0) -> float:
        """Seconds that are left of this ``share`` of the budget; infinity where trials are the budget."""
        if self.seconds is None:
            return math.inf
        return share * (self.seconds + self.interventions.seconds) - (time.monotonic() - self.request.started)

    def trial_seed(self, number: int, repeat: int = 0) -> int:
        """The seed that a trial is given: a whole number below 2**32."""
        key = stream_key(self.request.seed, Purpose.WEIGHTS, number, repeat)
        return int(raw(key, (0, 0, 0, 0), 1)[0] >> np.uint64(32))

    def study_record(self, name: str) -> Study:
        """The record of the study at its start."""
        return Study(
            name=name,
            seed=self.request.seed,
            metric=self.metric,
            search=self.request.search,
            space=self.space.to_dict(),
            spec=self.request.spec(self.seconds, self.rungs, self.slots, self.goal),
            data={},
            environment=environment("your own", "", len(self.environments)),
            state=StudyState.RUNNING,
            created=datetime.now(UTC).isoformat(),
        )


def check_program(request: ProgramRequest, ended: Callable[[], bool]) -> ProgramJob:
    """Check everything that can be checked before anything is written or started."""
    seconds = check_budget(request.seconds, request.trials)
    check_store_patience(request.store_patience)
    check_seed(request.seed)
    if not isinstance(request.epochs, int) or not 1 <= request.epochs <= 10**6:
        raise ConfigError(
            f"`epochs` must be a whole number from 1 to 1,000,000, got {brief(request.epochs)}", "give `epochs=27`"
        )
    check_whole("repeats", request.repeats, "give `repeats=3`")
    check_range("repeats", request.repeats)
    found = goal_of_request(request.goal, request.score, request.objective, request.command, request.folder)
    if request.processes is not None:
        check_whole("processes", request.processes, f"this machine has {processors()}")
    check_range("processes", request.processes)
    check_range("trial_timeout", request.trial_timeout)
    silent = request.objective is not None and reports_nothing(request.objective)
    stopping = stopping_named(request.stopping or ("none" if silent else "halving"))
    check_search(request.search)
    if request.space is None:
        raise ConfigError(
            "a function or a command needs `space`: caviar cannot know its hyperparameters",
            "give a space file, `space=space.toml`, or caviar.Space(learning_rate=caviar.Log(1e-4, 1))",
        )
    space = constrained(space_of(request.space), request.constraints)
    check_constraints(space)
    search_named(request.search, space, request.seed)  # not every search can walk through every space
    if not request.eras:  # those of earlier spaces were checked in these
        request = replace(request, first=read_all(space, request.first))
    rungs = rungs_to(request.epochs)
    start = start_within(request.trials, rungs, stopping, of_a_table=False)
    request = replace(request, stopping=stopping, like=taken(request.like, request.store, space, start))
    command = _command(request, together([*(era.space for era in request.eras), space]))
    if request.study is not None:
        check_name("study", request.study)
    gpus = [str(gpu) for gpu in request.gpus or ()]
    processes = request.processes or len(gpus) or processors()
    like = filter(None, (note_on(space, one) for one in checked_like(request.like)))
    return ProgramJob(
        request=request,
        command=command,
        space=space,
        goal=found.goal,
        notes=(*found.notes, *like, *(command.notes_before if isinstance(command, Silent) else ())),
        rungs=rungs,
        stopping=stopping,
        environments=environments(processes, gpus),
        slots=request.slots or processes,
        seconds=seconds,
        name=request.study or command.name,
        interventions=Interventions(ended),
    )


def _command(request: ProgramRequest, space: Space) -> Command:
    if request.objective is not None:
        return Objective(request.objective)
    if request.command is None:
        raise ConfigError("there is nothing to train", "give a function, or `command`")
    if request.score is not None:
        return Silent(request.command, request.score, space, request.folder)
    return Speaking(request.command, space.names, request.folder)


def trials_folder(store: Store, study: str) -> Path:
    """The folder in which each trial of ``study`` has one of its own; it need not be there."""
    return store.subjects.place(study).folder(store.database, "programs")


def _goal_watch(job: ProgramJob, ledger: Ledger) -> GoalWatch | None:
    """The look at the scores of a study whose goal nobody has given; None where somebody has.

    It refuses the first score that is a loss by name, where nothing else tells the goal; later ones may be equal to a
    loss by chance.
    """
    if job.request.goal is not None:
        return None
    begins = not any(trial.epochs for trial in ledger.known_trials())
    unknown = job.goal == "maximize" and job.request.score is None
    return GoalWatch(job.goal, job.command.notes, refuses=begins and unknown)


def program_executor(job: ProgramJob, ledger: Ledger, store: Store, study: str) -> Processes:
    """The processes of a study."""
    return Processes(
        pool=Pool(job.command, job.environments, job.request.trial_timeout, moment=_MOMENT),
        folder=trials_folder(store, study),
        last_epoch=job.rungs[-1],
        seed=job.trial_seed,
        states=SavedStates(Snapshots(store), study, ledger.ranked.worst_first, ledger.delivery, same_bits=False),
        before_saving=ledger.write,
        held=HeldBack(
            _failure_rate(ledger),
            frozenset((one.number, one.repeat) for one in ledger.known_trials() if one.epochs),
        ),
        watch=_goal_watch(job, ledger),
    )


def train_programs(
    job: ProgramJob, ledger: Ledger, executor: Processes, queue: Enqueued, earlier: Sequence[Trial], study: Study
) -> Iterator[Progress]:
    """Search, and then train the best trials again with fresh seeds, as often as was asked for and time allows.

    ``queue`` has the configs that a person wants tried. ``earlier`` are trials that were measured before ``study``
    began.
    """
    ledger.adopt(earlier)
    strategy = Strategy(
        job.search(job.eras[0].space),
        job.rungs,
        trials=job.request.trials,
        stopping=job.stopping,
        slots=job.slots,
        known=evidence(job.metric, earlier, job.rungs),
        first_number=study.spec.known,
        queue=queue,
        last_look=job.interventions.last_look,
        turns=turns_of(job.eras, job.search),
    )
    job.interventions.extend = strategy.extend
    job.interventions.respacing = respacing(study, job.eras, job.search, strategy, ledger, queue)
    share = _SEARCH_SHARE if job.request.repeats else 1.0
    left = partial(job.seconds_left, share)

    def seconds_left() -> float:
        return 0.0 if executor.is_silent or job.interventions.stops or _is_hopeless(ledger) else left()

    yield from drive(strategy, executor, ledger, Budget(seconds_left, job.ended))
    if _is_gone(executor):
        raise _silent(job, executor.held.results)
    if _is_hopeless(ledger):
        raise no_program_answer(job, ledger)
    if job.request.repeats:
        ledger.phase = "finals"
        finalists = best_trials(ledger, FINALISTS)
        tasks = [
            Task(trial.number, repeat, trial.config, 0, job.rungs[-1])
            for repeat in range(1, job.request.repeats + 1)
            for trial in finalists
        ]
        yield from drive(Repeats(tasks), executor, ledger, Budget(job.seconds_left, job.ended))
        if _is_gone(executor):
            raise _silent(job, executor.held.results)


def _is_gone(executor: Processes) -> bool:
    """True where what is held back is the program's fault.

    A few that the end of the time left so, after others worked, may be the configs': a resume trains them again.
    """
    held = executor.held
    return bool(held.results) and (executor.is_silent or not held.heard)


def _failure_rate(ledger: Ledger) -> float | None:
    """The share of the trials before this session that failed, never 0; None for a study that begins."""
    known = ledger.known_trials()
    if not any(trial.epochs for trial in known):
        return None
    over = [trial for trial in known if trial.state not in (TrialState.RUNNING, TrialState.INTERRUPTED)]
    return (sum(trial.state is TrialState.FAILED for trial in over) + 1) / (len(over) + 2)


def _silent(job: ProgramJob, silent: Sequence[TaskResult]) -> UserMistake:
    """The refusal to go on with a program that worked before, and of which nothing is heard; nothing is counted."""
    last = silent[-1]
    said, way_out = _why_failed(job, last.error, last.task.config)
    count = "the trial that was begun" if len(silent) == 1 else f"the {len(silent)} trials that were begun"
    return UserMistake(
        f"{count} failed at once. Earlier trials of this study worked, so none is counted: {said}",
        f"{way_out}; then: caviar resume {shlex.quote(job.name)}",
    )


def _why_failed(job: ProgramJob, error: str, config: Config) -> tuple[str, str]:
    """The first line of an error of a trial, and the way out."""
    said = error.splitlines()[0]
    if "exit status 0 before" in said and isinstance(job.command, Speaking):
        return said, "does it only print its score? `score='val_acc=([0-9.]+)'` reads that"
    alone = job.command.alone(config)
    shown = ", ".join(f"{name}={value!r}" for name, value in config.items())
    return said, f"fix that, and try it alone: {alone}" if alone else f"fix the function; the trial had {shown}"


def _is_hopeless(ledger: Ledger) -> bool:
    """True where all trials so far have failed, and there were enough: the code is broken, not a config."""
    if len(ledger.failures) < _HOPELESS or ledger.best(1):
        return False
    counts = ledger.counts()
    return sum(counts.values()) - counts.get(TrialState.RUNNING, 0) == len(ledger.failures)


def best_trials(ledger: Ledger, n: int) -> list[Trial]:
    """The best trials: those that had all of their epochs before those that were stopped."""
    ranked = ledger.best(len(ledger.trials))
    return sorted(ranked, key=lambda trial: trial.state is not TrialState.FINISHED)[:n]


def conclude_program(job: ProgramJob, ledger: Ledger, study: Study, store: Store) -> TunedProgram:
    """The winner: by the mean of its repeats, where there are any; else by its score."""
    candidates = best_trials(ledger, FINALISTS)
    if not candidates:
        raise no_program_answer(job, ledger)
    repeats = {
        trial.number: [
            again
            for r in range(1, job.request.repeats + 1)
            if (again := ledger.trials.get((trial.number, r))) is not None
            and again.state in _OVER  # the end of the time may have interrupted it
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
        repeated = Repeated(how="fresh seeds", scores=scores, mean=mean, when_chosen=winner.score, gap=gap)
    folder = trials_folder(store, study.name) / str(winner.number)
    result = StudyResult(
        metric=job.metric,
        study=study.name,
        store=store.url,
        seed=study.seed,
        seconds=round(study.spec.spent + time.monotonic() - job.request.started, 3),
        trials=outcomes(ledger, TrialState.FAILED, TrialState.OUT_OF_MEMORY),
        best=BestTrial(
            trial=winner.number,
            config=winner.config,
            seed=job.trial_seed(winner.number),
            epochs=winner.epochs,
            goal=job.goal,
            score=winner.score,
            repeated=repeated,
            folder=str(folder.absolute()) if folder.is_dir() else None,
            attributes=winner.attributes,
        ),
        notes=(
            *study.notes,
            *job.command.notes.values(),
            *_failed(ledger),
            *_one_epoch(job, ledger),
            *better_outside(ledger, winner.number),
        ),
    )
    return TunedProgram(
        study.name, store.url, result, "" if job.request.store is None else os.fspath(job.request.store), winner
    )


def _failed(ledger: Ledger) -> tuple[str, ...]:
    """A note on the trials that failed, with the words of the last."""
    failed = _in_error(ledger)
    if not failed:
        return ()
    count = f"{len(failed)} of {sum(ledger.counts().values()):,} trials failed"
    return (f"{count}, the last, trial {failed[-1].number}, so: {(failed[-1].error or '').splitlines()[0]}",)


def _one_epoch(job: ProgramJob, ledger: Ledger) -> tuple[str, ...]:
    """A note where no trial went beyond its first epoch, unless a trial ended well with it."""
    trials = [trial for trial in ledger.trials.values() if trial.state not in UNRANKED]
    if job.rungs[-1] == 1 or any(trial.epochs > 1 or trial.state is TrialState.FINISHED for trial in trials):
        return ()
    return (
        "no trial went beyond its first epoch without failing: the best score is that of one epoch, and says little; "
        "try the program alone with more",
    )


def _in_error(ledger: Ledger) -> list[Trial]:
    """The trials that failed, in the order in which they began; an infeasible one did not."""
    trials = [trial for (_, repeat), trial in ledger.trials.items() if not repeat]
    return [trial for trial in trials if trial.error and trial.state is not TrialState.INFEASIBLE]


def no_program_answer(job: ProgramJob, ledger: Ledger) -> NoAnswer:
    """The reason why no trial has a score, and the way out."""
    failed = _in_error(ledger)
    infeasible = [trial for trial in ledger.trials.values() if trial.state is TrialState.INFEASIBLE]
    if infeasible and not failed and not ledger.counts().get(TrialState.DIVERGED, 0):
        return NoAnswer(
            f"all {len(infeasible)} trials were infeasible, the last: {(infeasible[-1].error or '').splitlines()[0]}",
            'narrow the space, or have it draw no such configs: space.require("units2 <= units1")',
        )
    if failed:
        last = failed[-1]
        said, way_out = _why_failed(job, last.error or "", last.config)
        return NoAnswer(f"no trial has a score; {len(failed)} failed, the last so: {said}", way_out)
    if ledger.counts().get(TrialState.DIVERGED, 0):
        return NoAnswer("every trial that was measured diverged", "lower the learning rates in the space")
    return NoAnswer("the time was over before a trial reported a score", "give it more: `seconds=...`, or fewer epochs")
