"""Help with a study that another process owns: train the tasks that it assigns, decide nothing.

The owner, a running ``tune`` or ``resume``, finds a helper in the store and assigns tasks to it there; results go back
the same way. A network stays with the helper that trained it. Where it is no longer kept it is trained from its start
again, to the same bits. While the store is away the helper trains the tasks that it has, and keeps what it measured.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from caviar.errors import ConfigError, Fenced, StoreError
from caviar.executors.contract import Executor
from caviar.executors.helpers import PATIENCE
from caviar.executors.parked import ParkedTrainings
from caviar.executors.threads import Threads
from caviar.learners.contract import BYTES_A_PARAMETER
from caviar.records import (
    Box,
    Ended,
    Study,
    StudyState,
    Task,
    TaskKey,
    TaskOutcome,
    TaskResult,
    Trial,
    TrialState,
)
from caviar.records.ranking import WORST, RankKey
from caviar.records.specs import StudyKind
from caviar.scheduling.contract import Scheduler
from caviar.store import Assigned, Result, Store, Watch
from caviar.store.delivery import STORE_PATIENCE, Delivery
from caviar.study.check import check_table
from caviar.study.job import TableJob
from caviar.study.loop import Budget, drive
from caviar.study.resume import check_same
from caviar.study.spec import Request, StorePath, check_store_patience

ROOM = 1 << 29  # bytes of networks that wait for their next task
_BYTES_A_NETWORK = 1 << 14  # of the smallest one

_ASK_EVERY = 0.1  # seconds between two questions for tasks
_LOOK_EVERY = 0.5  # seconds between two looks at the owner; a look is also a sign of life


@dataclass(frozen=True, slots=True)
class Helping:
    """A moment of the help: tasks trained so far, and once it is over, the reason.

    ``note`` is said while the store is away.
    """

    study: Study
    tasks: int
    elapsed: float
    over: str = ""
    note: str = ""


def work(
    study: str,
    *,
    store: StorePath = "caviar.db",
    threads: int | None = None,
    data: Any = None,
    test: Any = None,
    labels: Any = None,
    test_labels: Any = None,
    ended: Callable[[], bool] = lambda: False,
    room: int = ROOM,
    store_patience: float = STORE_PATIENCE,
) -> Iterator[Helping]:
    """Help with ``study`` until it no longer runs or its owner is gone; where ``ended`` turns true, KeyboardInterrupt.

    threads: networks trained at once, all processors if not given. data, test, labels, test_labels: where the study's
    files are here, if elsewhere; they are checked by their SHA-256. store_patience: seconds without the store after
    which it ends.

    Raises UserMistake where there is nothing to help with, or the data or the machine would give other numbers, and
    StoreLost when the patience is over.
    """
    check_store_patience(store_patience)
    started = time.monotonic()
    with Store.open(store, create=False) as opened:
        record = opened.study(study)
        watch = Watch(opened.leases, study, PATIENCE)
        _check_kind(record)
        _check_owner(record, watch)
        spec = replace(record.spec, seconds=None, trials=1)  # the budget is of the owner alone
        files = {"data": data, "test": test, "labels": labels, "test_labels": test_labels}
        request = Request.again(record, spec, started, store=store, threads=threads, **files)
        job = check_table(request, ended, helps=True)
        check_same(record, job)
        _check_machine(record, job)
        helper = opened.join_helper(study, job.slots)
        delivery = Delivery(opened.leases, helper, partial(opened.write, study, lease=helper), store_patience)
        assigned = AssignedTasks(opened, delivery, watch)
        ledger = HandIn(job, opened, delivery, assigned)
        parked = ParkedTrainings(most_bytes=room)
        budget = Budget(lambda: -math.inf if assigned.over else math.inf, ended)
        try:
            with Threads(job.slots, job.start, job.metric, parked=parked, n_bytes=ledger.n_bytes) as executor:
                for tasks in drive(assigned, executor, ledger, budget):
                    yield Helping(record, tasks, time.monotonic() - started, assigned.why, delivery.note)
        except Fenced:
            why = "the owner of the study went on without this helper, which it took for dead"
            yield Helping(record, ledger.tasks, time.monotonic() - started, why)
        finally:
            with suppress(Fenced):
                delivery.close(lambda: opened.leases.leave(helper), hurry=lambda: True)


class AssignedTasks:
    """A Scheduler of the tasks that the owner assigns through the store; ``why`` it is over, once it is."""

    def __init__(self, store: Store, delivery: Delivery, watch: Watch) -> None:
        self.boxes: list[Box] = []
        self.why = ""
        self.held: dict[TaskKey, Assigned] = {}
        """Tasks that were assigned and not handed in."""
        self._store = store
        self._delivery = delivery
        self._helper = delivery.lease
        self._watch = watch
        self._fresh: list[Assigned] = []
        self._asked = self._looked = -math.inf

    @property
    def over(self) -> bool:
        """See Scheduler: the owner or its study is gone."""
        now = time.monotonic()
        if not self.why and now - self._looked >= _LOOK_EVERY:
            self._looked = now
            self.why = self._delivery.ask(self._look, "")
        return bool(self.why)

    def next(self, room: int = 1) -> Task | None:
        """See Scheduler: the owner knows how many tasks a helper should have at once."""
        now = time.monotonic()
        if not self._fresh and now - self._asked >= _ASK_EVERY:
            self._asked = now
            found: list[Assigned] = self._delivery.ask(lambda: self._store.assigned(self._helper), [])
            self._fresh = [one for one in found if one.task not in self.held]
            self.held.update((one.task, one) for one in self._fresh)
        if not self._fresh:
            return None
        assigned = self._fresh.pop(0)
        number, repeat, to_epoch = assigned.task
        return Task(number, repeat, assigned.trial.config, assigned.measured, to_epoch)

    def _look(self) -> str:
        """Give a sign of life. The reason why there is nothing more to help with; empty while there is.

        A frozen owner keeps its lease: it may wake up and go on.
        """
        self._store.leases.beat(self._helper)
        lost = {worker.fence for worker in self._watch.find()}
        if self._store.study(self._helper.name).state is not StudyState.RUNNING:
            return "the study has ended"
        owner = self._helper.helps
        if owner in lost or owner not in {worker.fence for worker in self._watch.held}:
            return f"the process that led the study is gone; to go on: caviar resume {self._helper.name}"
        return ""

    def report(self, task: Task, rank_key: RankKey) -> list[Ended]:
        """See Scheduler: the owner decides, not the helper."""
        return []

    def close(self) -> None:
        """See Scheduler."""
        self.why = self.why or "closed"

    def take_ended(self) -> list[Ended]:
        """See Scheduler."""
        return []

    def reached(self) -> tuple[int, ...]:
        """See Scheduler."""
        return ()


class HandIn:
    """The ledger of a helper: results go to the store, in one transaction for all that came together."""

    def __init__(self, job: TableJob, store: Store, delivery: Delivery, assigned: AssignedTasks) -> None:
        self.tasks = 0
        """Tasks handed in so far."""
        self._job = job
        self._store = store
        self._delivery = delivery
        self._assigned = assigned
        self._results: list[Result] = []
        self._given_back: list[TaskKey] = []
        self._shown = -math.inf

    def n_bytes(self, task: Task) -> int:
        """The memory of a task's network."""
        return max(_BYTES_A_NETWORK, BYTES_A_PARAMETER * self._job.parameters(task.config))

    def begin(self, task: Task) -> RankKey | None:
        """See Records: the owner has begun it, and what the store knows is not assigned."""
        return None

    def record(self, result: TaskResult) -> RankKey | None:
        """See Records: WORST for one whose network is of no use any more."""
        task = result.task
        key = task.trial, task.repeat, task.to_epoch
        assigned = self._assigned.held.get(key)
        if result.outcome is TaskOutcome.INTERRUPTED or assigned is None:
            return None
        if result.outcome is TaskOutcome.OUT_OF_MEMORY:  # the owner may have the memory, and decides about the trial
            self._given_back.append(key)
            return WORST
        new = [measured for measured in result.measurements if measured.epoch > assigned.measured]
        self._results.append(Result(key, _after(assigned.trial, result), new))
        return WORST if result.outcome is TaskOutcome.DIVERGED else None

    def settle(self, ended: Sequence[Ended]) -> None:
        """See Records."""

    def interrupt(self) -> None:
        """See Records: what is not handed in is nobody's."""

    def is_due(self) -> bool:
        """True where there is something to hand in, or it is time for a sign of life."""
        has_more = bool(self._results or self._given_back) and not self._delivery.is_away
        return has_more or time.monotonic() - self._shown >= _LOOK_EVERY

    def progress(self, scheduler: Scheduler, executor: Executor) -> int:
        """Hand in what there is; the count of all tasks handed in. Where the store is away it is kept until it is back.

        Where the connection broke in it, another time finds that the tasks are not held any more.
        """
        self._shown = time.monotonic()
        if (self._results or self._given_back) and not scheduler.over:
            results, given_back = list(self._results), list(self._given_back)
            helper = self._delivery.lease
            taken = self._delivery.ask(lambda: self._store.hand_in(helper, results, given_back), None)
            if taken is None:
                return self.tasks
            handed_in = {result.task for result in self._results}
            for key in [*handed_in, *self._given_back]:
                self._assigned.held.pop(key, None)
            for number, repeat, _ in handed_in - set(taken):  # another has it now, and this network is of no use
                executor.release(number, repeat)
            self.tasks += len(taken)
            self._results, self._given_back = [], []
        return self.tasks


def _after(trial: Trial, result: TaskResult) -> Trial:
    """``trial`` as it stands after a task."""
    last = result.measurements[-1]
    state = TrialState.DIVERGED if result.outcome is TaskOutcome.DIVERGED else trial.state
    return trial._replace(state=state, epochs=last.epoch, score=last.score, validation_loss=last.validation_loss)


def _check_kind(study: Study) -> None:
    """StoreError unless it is caviar that trains the study's networks."""
    if study.spec.kind is StudyKind.ASKED:
        raise StoreError(
            f"study {study.name!r} is one of ask and tell: its own program trains", "start that program once more"
        )
    if study.spec.kind is not StudyKind.TABLE:
        raise StoreError(
            f"the trials of study {study.name!r} are processes of a program: caviar work helps with tables alone",
            f"have more of them at once: end it with Ctrl-C, then caviar resume {study.name} --processes 8",
        )


def _check_owner(study: Study, watch: Watch) -> None:
    """StoreError unless a process leads the study."""
    lost = {worker.fence for worker in watch.find()}
    owners = [w for w in watch.held if not w.is_helper and w.fence not in lost]
    if study.state is not StudyState.RUNNING or not owners:
        raise StoreError(
            f"study {study.name!r} is not running: there is nothing to help with",
            "take it up again with caviar resume, and help it then",
        )


def _check_machine(study: Study, job: TableJob) -> None:
    """ConfigError unless this machine gives the bits that the study began with."""
    was, now = study.environment, (job.learner.name, job.learner.instruction_set)
    if (was["engine"], was["instruction_set"]) != now:
        raise ConfigError(
            f"study {study.name!r} runs on {was['engine']}, {was['instruction_set']}, and this is {now[0]}, {now[1]}: "
            "the numbers would not be the same to the bit",
            "help on a machine of that kind, or set CAVIAR_INSTRUCTION_SET if this one has that too",
        )
