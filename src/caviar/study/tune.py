"""The whole job as a stream of events: search, finals, answer.

`caviar.tune` and `caviar.resume` (api.py) and the commands go through the events to the last, the answer. Nothing in
here prints. Training goes through the one loop, `drive` in loop.py.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial

from caviar.errors import CaviarError, NoAnswer, StoreError, StoreLost
from caviar.executors.helpers import PATIENCE, WithHelpers
from caviar.executors.parked import SavedStates
from caviar.machine import no_collection, setting_aside
from caviar.protocol.goal import GoalUnclear
from caviar.records import Study, StudyResult, StudyState
from caviar.records.names import storable
from caviar.scheduling.strategy import Strategy
from caviar.search.eras import turns_of
from caviar.search.searches import noted_before
from caviar.store import Snapshots, Store
from caviar.store.delivery import Delivery
from caviar.store.doctor import delete
from caviar.study.check import check_preset, check_table, model_path
from caviar.study.earlier import create
from caviar.study.enqueued import Enqueued
from caviar.study.events import Begun, Event, Progress, TunedProgram, TunedStudy
from caviar.study.finals import finals
from caviar.study.job import FINALISTS, TableJob
from caviar.study.known import Known
from caviar.study.ledger import Ledger, delivered
from caviar.study.loop import Budget, drive, record_the_rest
from caviar.study.programs import (
    ProgramJob,
    check_program,
    conclude_program,
    program_executor,
    train_programs,
)
from caviar.study.respacing import lie_in, respacing
from caviar.study.result import conclude
from caviar.study.retested import retested
from caviar.study.so_far import SoFar
from caviar.study.spec import IMPORTED, ProgramRequest, Request


def follow(
    request: Request | ProgramRequest, fresh_name: bool = False, ended: Callable[[], bool] = lambda: False
) -> Generator[Event, None, None]:
    """Do what ``request`` asks, event by event, the TunedStudy or TunedProgram last.

    ``fresh_name`` numbers the study's name if it is taken. Where ``ended`` turns true, the study is closed and
    KeyboardInterrupt raised.
    """
    if isinstance(request, Request):  # studies of earlier versions may have both, and go on
        check_preset(request)
    job = check_table(request, ended) if isinstance(request, Request) else check_program(request, ended)
    with Store.open(request.store) as store:
        study = job.study_record(job.name)
        study = replace(study, notes=_notes(job, study))
        if isinstance(job, TableJob):
            check = partial(model_path, job.request)  # before anything is written, not when the work is done
            study = store.create_study(study, numbered=fresh_name, check=check)
        else:
            study = create(store, study, job.request.known, job.space, fresh_name)
            job = replace(job, request=replace(job.request, trials=study.spec.trials))
        try:
            yield from train(job, store, study)
        except GoalUnclear:  # found out with its first report: as if it had not begun
            if request.store is not None:
                delete(store, "study", study.name)
            raise


def train(
    job: TableJob | ProgramJob, store: Store, study: Study, delivery: Delivery | None = None, known: Known | None = None
) -> Iterator[Event]:
    """Do the whole work on a study that is in the store; ``known`` is what is done of it already."""
    delivery = delivery or store.delivery(store.leases.join(study.name), job.request.store_patience)
    ledger = Ledger(
        store,
        delivery,
        job.metric,
        keep=FINALISTS + len(job.tests.epochs) if isinstance(job, TableJob) else 0,
        repeats=study.spec.repeats,
        known=known,
        started=job.request.started,
    )
    job.interventions.searches = lambda: ledger.phase == "search"
    job.interventions.follow(store, delivery)
    if len(job.eras) > 1:
        lie_in(ledger, job.eras)
    study = replace(study, notes=_notes(job, study))  # a resume may have more of them, and an old store none
    answer: TunedStudy | TunedProgram | None = None
    try:
        out = model_path(job.request, study.name, again=True) if isinstance(job, TableJob) else None
        yield Begun(study, job.rungs, out)
        if isinstance(job, TableJob):
            answer = yield from _train_networks(job, ledger, store, study)
        else:
            answer = yield from _train_programs(job, ledger, store, study)
        job.interventions.leave()
        with suppress(StoreLost):  # closing it says so too
            for waiting in delivered(ledger):
                if job.ended():
                    break
                yield waiting
    except KeyboardInterrupt:
        try:
            ledger.close(*_end(answer), lambda: True)
        except StoreLost as lost:
            raise KeyboardInterrupt(f"{lost.rule}; {lost.way_out}") from None
        except StoreError as error:
            raise KeyboardInterrupt(f"{error.rule}; {error.way_out}") from None
        raise
    except BaseException as ending:
        with suppress(StoreError, *((StoreLost,) if isinstance(ending, CaviarError) else ())):  # which `ending` says
            is_over = isinstance(ending, NoAnswer)
            ledger.close(*((StudyState.FINISHED, None) if is_over else _end(answer)), lambda: not is_over)
        raise
    try:
        ledger.close(StudyState.FINISHED, answer.result, job.ended)
    except StoreLost as lost:
        if not job.ended():
            raise
        # Somebody has asked for the end, and the answer is there all the same.
        note = f"the store does not have this answer: {lost.rule}; {lost.way_out}"
        answer = replace(answer, result=replace(answer.result, notes=(*answer.result.notes, note)))
    if job.request.store is None:  # a store in memory goes with this call
        answer = replace(answer, image=store.image())
    yield answer


def _end(answer: TunedStudy | TunedProgram | None) -> tuple[StudyState, StudyResult | None]:
    """The end of a study that something broke off: with its ``answer``, if it had one by then."""
    return (StudyState.INTERRUPTED, None) if answer is None else (StudyState.FINISHED, answer.result)


def _train_networks(job: TableJob, ledger: Ledger, store: Store, study: Study) -> Generator[Progress, None, TunedStudy]:
    """Search and finals of a table."""
    queue = _queue(job, store, study)
    strategy = Strategy(
        job.search(job.eras[0].space),
        job.rungs,
        trials=job.request.trials,
        stopping=job.stopping,
        pool=job.pool,
        queue=queue,
        last_look=job.interventions.last_look,
        turns=turns_of(job.eras, job.search),
    )
    job.interventions.extend = strategy.extend
    job.interventions.respacing = respacing(study, job.eras, job.search, strategy, ledger, queue)
    states = SavedStates(Snapshots(store), study.name, ledger.ranked.worst_first, ledger.delivery)
    threads = job.threads(ledger, states)
    so_far = SoFar(job, study, ledger, threads.parked)

    def seconds_left() -> float:
        """The first training may take the seconds of the conclusion: an answer a little late is better than none."""
        if job.interventions.stops:
            return 0.0
        return job.seconds_left(concluding=bool(ledger.peaks.best(1)))

    budget = Budget(seconds_left, job.ended, reserve=lambda: job.finals_cost(ledger))
    with WithHelpers(threads, store, ledger.delivery, ledger.write, PATIENCE) as executor, setting_aside() as set_aside:
        try:
            turns = drive(strategy, executor, ledger, budget)
            with no_collection():  # the first turn of a resume reports thousands of known tasks
                first = next(turns)
                set_aside()  # what was recalled by now stays as long as the study
            yield first
            for turn in turns:
                so_far.save(due=True)
                yield turn
        except BaseException:
            record_the_rest(executor, ledger)
            so_far.save()
            raise
    for key, training in threads.parked.take_all().items():  # the end found them between two rungs
        if ledger.trials[key].epochs > 0:
            ledger.networks.keep(key, training)
    so_far.save()  # the finals have no other until they end
    found = yield from finals(job, ledger)
    sealed, tested = job.dataset.test.open(), None
    if job.request.retest is not None:
        tested, found = retested(job, ledger, found, sealed, store)
    return conclude(job, ledger, study, found, store.url, sealed, tested)


def _train_programs(
    job: ProgramJob, ledger: Ledger, store: Store, study: Study
) -> Generator[Progress, None, TunedProgram]:
    """Search and repeats of the user's own training code."""
    first = study.spec.known
    earlier = [trial for trial in store.trials(study.name) if trial.number < first] if first else []
    queue = _queue(job, store, study)
    with program_executor(job, ledger, store, study.name) as executor:
        yield from train_programs(job, ledger, executor, queue, earlier, study)
    return conclude_program(job, ledger, study, store)


def _queue(job: TableJob | ProgramJob, store: Store, study: Study) -> Enqueued:
    """The configs that a person wants tried; those that came while the study rested are in the store."""
    first = store.spec(study.name).first
    queue = job.interventions.queue = Enqueued(job.eras, study.seed, first, store.trials(study.name) if first else ())
    return queue


def _notes(job: TableJob | ProgramJob, study: Study) -> tuple[str, ...]:
    """The notes at the beginning of a study: on its data, on its search, and on the machine that goes on with it."""
    imported = study.notes if study.search == IMPORTED or study.spec.known else ()
    notes = (*imported, *job.notes, *noted_before(study.search, job.space, study.spec.trials))
    notes += _elsewhere(study, job) if isinstance(job, TableJob) else ()
    return tuple(dict.fromkeys(map(storable, notes)))


def _elsewhere(study: Study, job: TableJob) -> tuple[str, ...]:
    """A note where the study was begun by another engine or instruction set: its bits are other bits here."""
    was, now = study.environment, (job.learner.name, job.learner.instruction_set)
    if (was["engine"], was["instruction_set"]) == now:
        return ()
    return (
        f"this study was begun on {was['engine']}, {was['instruction_set']}, and goes on on {now[0]}, {now[1]}: "
        "results agree to rounding, not to the bit",
    )
