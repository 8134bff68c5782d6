"""The one loop that trains: the search, the finals, the last training, helpers and programs all go through ``drive``.

It joins three parts that do not know each other. The scheduler says what to train next and who is over; the executor
trains it somewhere; the ledger records what was measured and knows what was measured before. Nothing in here prints.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Protocol, TypeVar

from caviar.executors.contract import Executor
from caviar.records import Ended, Task, TaskResult
from caviar.records.ranking import WORST, RankKey
from caviar.scheduling.contract import Scheduler

_MOMENT = 0.1  # seconds that the loop waits for a result

P = TypeVar("P", covariant=True)


class Records(Protocol[P]):
    """The part of a ledger that ``drive`` needs; ``P`` is its report of progress."""

    def begin(self, task: Task) -> RankKey | None:
        """Open a task; its rank key where its end is known already, else None."""
        ...

    def record(self, result: TaskResult) -> RankKey | None:
        """Take a result: its rank key, or None if there is none to report."""
        ...

    def settle(self, ended: list[Ended]) -> None:
        """Close trials that are over."""
        ...

    def interrupt(self) -> None:
        """Mark whatever still runs as interrupted."""
        ...

    def is_due(self) -> bool:
        """True when it is time to report progress."""
        ...

    def progress(self, scheduler: Scheduler, executor: Executor) -> P:
        """The state of the work now."""
        ...


class Budget:
    """Time that is left for the tasks of a drive."""

    def __init__(
        self,
        seconds_left: Callable[[], float],
        ended: Callable[[], bool],
        reserve: Callable[[], float] = lambda: 0.0,
        finish_begun: bool = False,
    ) -> None:
        """Keep ``reserve()`` seconds for what comes after; with ``finish_begun`` running tasks may use them."""
        self._seconds_left = seconds_left
        self._ended = ended
        self._reserve = reserve
        self._finish_begun = finish_begun
        self._reserved, self._asked = 0.0, float("-inf")
        self._spent = False

    def allows_more(self) -> bool:
        """True where another task may begin. Raises KeyboardInterrupt where a person has asked for the end.

        A spent budget stays spent, even if less is to be kept later: the scheduler would wait for what was cancelled.
        """
        now = time.monotonic()
        if now - self._asked >= _MOMENT:  # a resume comes here for every task, and the cost of the finals takes long
            if self._ended():
                raise KeyboardInterrupt
            self._asked, self._reserved = now, self._reserve()
        self._spent = self._spent or self._seconds_left() <= self._reserved
        return not self._spent

    def is_over(self) -> bool:
        """True where tasks under way have to end."""
        return self._seconds_left() <= 0.0 if self._finish_begun else not self.allows_more()


def drive(scheduler: Scheduler, executor: Executor, ledger: Records[P], budget: Budget) -> Iterator[P]:
    """Train what ``scheduler`` asks for until it is over, or the budget is.

    A task whose end the ledger knows is reported as it stands. So a resumed study decides as it did, and only what is
    not known is trained. Raises KeyboardInterrupt on a person's wish to end.
    """

    def fill() -> None:
        """Submit tasks while there is room, first those of trials that go on; report what is known at once.

        Where trials hold their slots, one that goes on needs no room.
        """
        while ((room := executor.room) or not executor.parks) and budget.allows_more():
            task = scheduler.next(room)
            if task is None:
                return
            known = ledger.begin(task)
            if known is None:
                executor.submit(task)
            else:
                report(task, known)

    def report(task: Task, rank_key: RankKey) -> None:
        end(scheduler.report(task, rank_key))
        if rank_key == WORST:  # it diverged or failed: the scheduler says nothing of it
            executor.release(task.trial, task.repeat)

    def end(over: list[Ended]) -> None:
        ledger.settle(over)
        for trial in over:
            executor.release(trial.trial, trial.repeat)

    while True:
        # Fill the free slots.
        fill()

        # A scheduler that has no more trials to begin ends those that wait.
        end(scheduler.take_ended())

        # Out of time: interrupt what is under way. Nothing under way and nothing to come: leave.
        if budget.is_over():
            executor.cancel()
        if not executor.busy and (scheduler.over or budget.is_over()):
            break

        # Record what was measured, and let the scheduler decide about it.
        for result in executor.results(_MOMENT):
            rank_key = ledger.record(result)
            if rank_key is not None:
                report(result.task, rank_key)

        # Report and store the progress, ten times a second at most.
        if ledger.is_due():
            yield ledger.progress(scheduler, executor)

    ledger.interrupt()
    yield ledger.progress(scheduler, executor)


def record_the_rest(executor: Executor, ledger: Records[P]) -> None:
    """Record what is measured by now, where a drive was left early."""
    with suppress(Exception):  # the reason for leaving is what counts
        executor.cancel()
        for result in executor.results(0.0):
            ledger.record(result)
