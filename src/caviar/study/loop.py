"""Caviar's way: train thousands of networks, stop the poor ones early, train the best again, keep one.

``follow`` is the whole job as a stream of events, and ``take_up`` the rest of one that was begun; `caviar.tune` and
`caviar.resume` (calls.py) and the commands go through them to the last, the answer. Nothing in here prints. The central
loop is `_search`; what is before and after it is in tuning/.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from caviar.errors import ConfigError, DataError, NoAnswer, StoreError
from caviar.executors.helpers import PATIENCE, Helpers
from caviar.executors.parked import ParkedTrainings
from caviar.executors.threads import Failed, ThreadExecutor, Work
from caviar.learners.contract import Outcome, Training
from caviar.machine import no_collection, setting_aside
from caviar.records import Lease, Study, StudyState, TrialState
from caviar.records.ranking import WORST
from caviar.scheduling.strategy import Ending, Strategy
from caviar.search.searches import told_before
from caviar.space import Space
from caviar.study import programs
from caviar.study.check import FINALISTS, Job, check, model_path
from caviar.study.events import Begun, Best, Event, Progress, TunedProgram, TunedStudy
from caviar.study.finals import finals
from caviar.study.ledger import Known, Ledger
from caviar.study.programs import ProgramJob, ProgramRequest
from caviar.study.result import conclude
from caviar.study.spec import Request, from_record

if TYPE_CHECKING:
    from caviar.store import Store

# The database and pandas are imported where they are needed: `import caviar` should not wait for them.

__all__ = [
    "Begun",
    "Best",
    "Event",
    "ProgramRequest",
    "Progress",
    "Request",
    "TunedProgram",
    "TunedStudy",
    "follow",
    "follow_program",
    "take_up",
]

_SHOW_EVERY = 0.1  # seconds


def follow(
    request: Request, fresh_name: bool = False, ended: Callable[[], bool] = lambda: False
) -> Generator[Event, None, None]:
    """Do what ``request`` asks, event by event, the TunedStudy last.

    ``fresh_name`` numbers the study's name if it is taken. Where ``ended`` turns true, the study is closed and
    KeyboardInterrupt raised.
    """
    from caviar.store import Store

    job = check(request, ended)
    with Store.open(request.store) as store:
        study = job.study_record(store.free_name(job.name) if fresh_name else job.name)
        model_path(request, study.name)  # before anything is written, not when the work is done
        store.create_study(study)
        yield from _work(job, store, study)


def follow_program(
    request: ProgramRequest, fresh_name: bool = False, ended: Callable[[], bool] = lambda: False
) -> Generator[Event, None, None]:
    """``follow`` for a function or a command, the TunedProgram last."""
    from caviar.store import Store

    job = programs.check(request, ended)
    with Store.open(request.store) as store:
        study = job.study_record(store.free_name(job.name) if fresh_name else job.name)
        store.create_study(study)
        yield from programs.work(job, store, study)


def take_up(
    study: str,
    *,
    store: str | os.PathLike[str],
    seconds: float | None = None,
    trials: int | None = None,
    ended: Callable[[], bool] = lambda: False,
    **given: Any,
) -> Generator[Event, None, None]:
    """``resume``, event by event."""
    from caviar.store import Store

    started = time.monotonic()
    with Store.open(store, create=False) as opened, setting_aside() as set_aside:
        lease = opened.leases.take(study, PATIENCE)
        try:
            record = opened.study(study)
            with no_collection():
                known = Known.of(opened, study)
                set_aside()
            budget = _budget(record, known, seconds, trials)
            job = _job_of(record, budget, started, ended, store=store, **given)
            opened.reopen_study(study, {**record.budget, **budget}, lease)
        except BaseException:
            opened.leases.leave(lease)
            raise
        study_now = replace(record, budget={**record.budget, **budget})
        if isinstance(job, ProgramJob):
            yield from programs.work(job, opened, study_now, lease, known)
        else:
            yield from _work(job, opened, study_now, lease, known)


def _work(
    job: Job, store: Store, study: Study, lease: Lease | None = None, known: Known | None = None
) -> Iterator[Event]:
    """The whole work on a study that is in the store."""
    from caviar.store import Snapshots

    lease = lease or store.leases.join(study.name)
    ledger = Ledger(store, lease, job.metric, keep=FINALISTS, known=known)
    cost = told_before(study.search, job.space, study.budget["trials"])
    yield Begun(study, job.rungs, (*job.dataset.warnings, *cost, *_elsewhere(study, job)))
    try:
        yield from _search(
            job, ledger, ParkedTrainings(Snapshots(store), study.name), Helpers(store, lease, ledger, PATIENCE)
        )
        found = yield from finals(job, ledger)
        answer = conclude(job, ledger, study, found, store.url)
    except BaseException as ending:
        with suppress(StoreError):  # of a full disk, say, which is what `ending` tells already
            ledger.close(StudyState.FINISHED if isinstance(ending, NoAnswer) else StudyState.INTERRUPTED, None)
        raise
    ledger.close(StudyState.FINISHED, answer.summary)
    yield answer


def _search(job: Job, ledger: Ledger, parked: ParkedTrainings, company: Helpers) -> Iterator[Progress]:
    """Train what the strategy asks for, step by step, until it is over or the time is.

    A step whose result the store knows from before is reported as it stands. So a study that is taken up again decides
    as it did, and a network that is asked to go on, but is no longer there, is trained from its last snapshot or
    from its start again: to the same bits. So it is with what a helper of the ``company`` was to train, and did not.
    """
    strategy = Strategy(job.search(), job.rungs, job.pool, job.request.trials, job.stopping)
    shown, reserve, boxes = 0.0, 0.0, 0
    cut_short: dict[int, Training] = {}  # networks that the end found between two rungs

    def settle(endings: list[Ending]) -> None:
        for number, stopped in endings:
            ledger.settle(number, TrialState.STOPPED if stopped else TrialState.FINISHED, parked.discard(number))

    def train(number: int, to_epoch: int) -> None:
        config = ledger.trials[number, 0].config
        begin = job.network(number, config, state=parked.saved(number, to_epoch - 1))
        executor.give(Work(number, 0, begin, to_epoch))

    with ThreadExecutor(job.threads) as executor, company as helpers, setting_aside() as set_aside:
        while not strategy.over:
            with no_collection():  # thousands of steps, where the store knows them
                while (
                    (executor.wants_work or helpers.wants_work)
                    and job.in_time(reserve)
                    and (step := strategy.next()) is not None
                ):
                    if step.from_epoch == 0:
                        ledger.begin(step.number, step.config, origin=step.origin)
                    rank_key = ledger.recall(step.number, step.to_epoch)
                    if rank_key is not None:
                        settle(strategy.report(step.number, step.to_epoch, rank_key))
                    elif step.number in parked:
                        executor.give(Work(step.number, 0, partial(parked.take, step.number), step.to_epoch))
                    elif helpers.has(step.number) or not executor.wants_work:
                        helpers.give(step.number, step.to_epoch)
                    else:
                        train(step.number, step.to_epoch)
                if not shown:
                    set_aside()  # what was recalled stays as long as the study
            helpers.send()
            ledger.open(strategy.boxes[boxes:])
            boxes = len(strategy.boxes)
            settle(strategy.ended())
            if not job.in_time(reserve):
                executor.stop()
                helpers.take_back()
            if executor.under_way == 0 and helpers.under_way == 0:
                break
            if time.monotonic() - shown >= _SHOW_EVERY:
                shown, reserve = time.monotonic(), job.finals_cost(ledger)
                progress = job.progress("search", ledger, strategy, parked.trouble)
                yield replace(progress, helpers=helpers.count)
                ledger.write_now_and_then()
                parked.make_room(ledger.worst_first)
            done = executor.take(timeout=_SHOW_EVERY)
            if isinstance(done, Failed):
                rank_key = ledger.fail(done.work.number, str(done.error))
                settle(strategy.report(done.work.number, done.work.to_epoch, rank_key))
            elif done is not None and done.outcome is Outcome.INTERRUPTED:
                cut_short[done.work.number] = done.training
            elif done is not None:
                number = done.work.number
                rank_key = ledger.measure(done)
                if rank_key == WORST:
                    parked.discard(number)
                else:
                    parked.put(number, done.training, ledger.seconds[number, 0])
                settle(strategy.report(number, done.work.to_epoch, rank_key))
            for number, to_epoch, merit_of_it in helpers.look():
                if merit_of_it is not None:
                    settle(strategy.report(number, to_epoch, merit_of_it))
                elif job.in_time(reserve):
                    train(number, to_epoch)
    for number, training in (cut_short | dict(parked.here())).items():  # what they scored until then still counts
        if ledger.trials[number, 0].epochs > 0:
            ledger.settle(number, TrialState.INTERRUPTED, training)
    ledger.interrupt()
    yield job.progress("search", ledger, strategy, parked.trouble)


# --- taking a study up again ---


def _budget(study: Study, known: Known, seconds: float | None, trials: int | None) -> dict[str, Any]:
    """The budget of the study from here on."""
    begun = sum(repeat == 0 for _, repeat in known.trials)
    if trials is not None and trials < begun:
        raise ConfigError(
            f"study {study.name!r} has {begun} trials already, and --trials counts all of them, got {trials}",
            f"give it more: --trials {begun + 100}",
        )
    if seconds is not None or trials is not None:
        return {"seconds": seconds, "trials": trials}
    if study.state is StudyState.FINISHED:
        raise ConfigError(
            f"study {study.name!r} is finished: nothing of its budget is left",
            f"give it more: --seconds 60, or --trials {begun + 100}",
        )
    if study.budget["trials"] is not None:
        return {"seconds": None, "trials": study.budget["trials"]}
    left = float(study.budget["seconds"]) - known.seconds() / int(study.environment["threads"])
    return {"seconds": max(left, 5.0), "trials": None}  # 5: enough for the finals of a study that was broken in them


def _job_of(
    record: Study, budget: dict[str, Any], started: float, ended: Callable[[], bool], **given: Any
) -> Job | ProgramJob:
    """The checked job that the study was, with its ``budget`` and what is ``given`` anew."""
    processes = given.pop("processes", None)
    if "program" in record.budget:
        _check_of_a_table(record, given)
        request = programs.request_of(record, budget, started, given["store"], given["data"], processes)
        return programs.check(request, ended)
    if record.budget.get("asked"):
        raise StoreError(
            f"study {record.name!r} is one of ask and tell: its own program trains", "start that program again"
        )
    if processes is not None:
        raise ConfigError(
            f"study {record.name!r} trains its networks in threads, and processes are for programs of your own",
            "leave it out, or say how many threads",
        )
    table = request_of(record, budget, started, **given)
    job = check(table, ended)
    check_same(record, job)
    model_path(table, record.name, again=True)
    return job


def _check_of_a_table(record: Study, given: dict[str, Any]) -> None:
    """ConfigError where something is ``given`` to a study of a program that only a table's can use."""
    names = ["test", "threads", "out"]
    if record.budget["program"]["command"] is not None:  # a function is given again as data
        names.append("data")
    of_a_table = [name for name in names if given.get(name) is not None]
    if of_a_table:
        raise ConfigError(
            f"the trials of study {record.name!r} are processes of a program, and {of_a_table[0]} is for tables",
            "leave it out" if of_a_table[0] != "threads" else "say how many processes instead",
        )


def request_of(study: Study, budget: dict[str, Any], started: float, **given: Any) -> Request:
    """The request that the study began with, with what is ``given`` anew."""
    asked = from_record(study.budget.get("request", {}))
    anew = {name: value for name, value in given.items() if value is not None}
    if "data" not in {**asked, **anew}:
        raise DataError(
            f"study {study.name!r} began with data that was no file, which the store does not keep",
            "give it again: caviar.resume(..., data=...)",
        )
    settled = {
        "seed": study.seed,
        "metric": study.metric,
        "space": Space.from_dict(study.space),
        "search": study.search,
        "study": study.name,
        "started": started,
    }
    return Request(**{**asked, **anew, **settled, **budget})


def check_same(study: Study, job: Job) -> None:
    """DataError unless the data is what it was."""
    if job.dataset.facts["sha256"] != study.data["sha256"]:
        raise DataError(
            f"the data of study {study.name!r} has changed since it began",
            "put the old file back; or begin a new study with the new one, by caviar tune",
        )


def _elsewhere(study: Study, job: Job) -> tuple[str, ...]:
    """A note where the study was begun by another engine or instruction set: its bits are other bits here."""
    was, now = study.environment, (job.learner.name, job.learner.instruction_set)
    if (was["engine"], was["instruction_set"]) == now:
        return ()
    return (
        f"this study was begun on {was['engine']}, {was['instruction_set']}, and goes on on {now[0]}, {now[1]}: "
        "results agree to rounding, not to the bit",
    )
