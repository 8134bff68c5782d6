"""Helpers: other processes that train tasks of a study and decide nothing (`caviar work`).

Their tasks go through the store, and what they measured comes back through it. A network stays with the helper that
trained it. A task whose helper is gone is trained here, to the same bits. Without helpers this costs one small query in
half a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from caviar.errors import StoreError, StoreLost
from caviar.executors.threads import Threads
from caviar.records import Task, TaskKey, TaskOutcome, TaskResult, TrialState
from caviar.store import Result, Store, Watch
from caviar.store.delivery import Delivery

PATIENCE = 15.0  # seconds without a sign of life until a process counts as frozen; one comes every 2 seconds at least

_LOOK_EVERY = 0.5  # seconds between two looks at the helpers that are there
_ASK_EVERY = 0.1  # and between two questions for results, while tasks are out
_MOST = 32  # tasks a thread: small networks take milliseconds, and a round through the store takes tenths of a second


class WithHelpers:
    """An Executor: the threads of this process, and the helpers of the study that it leads."""

    parks = True

    def __init__(
        self,
        own: Threads,
        store: Store,
        delivery: Delivery,
        before_sending: Callable[[], None],
        patience_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``before_sending`` writes the trials of tasks that are about to be sent, which the store has to have."""
        self.own = own
        self._store = store
        self._delivery = delivery
        self._owner = owner = delivery.lease
        self._before_sending = before_sending
        self._clock = clock
        self._watch = Watch(store.leases, owner.name, patience_seconds, clock)
        self._rooms: dict[int, int] = {}  # by the fence of a helper: the tasks that it may have at once
        self._most: dict[int, int] = {}
        self._held: dict[TaskKey, tuple[int, Task]] = {}  # tasks that are out, and the fence of their helper
        self._chosen: dict[TaskKey, tuple[int, Task]] = {}  # the same, not sent yet
        self._sending: set[TaskKey] = set()  # those of them that the store may have, for it broke off
        self._interrupted: list[TaskResult] = []
        self._homes: dict[int, int] = {}  # the helper that has the network of a trial
        self._looked = self._asked = float("-inf")
        self._cancelled = False

    def __enter__(self) -> Self:
        self.own.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(StoreError, StoreLost):  # the store is lost to us: nobody can write to it in our name either
            self.cancel()
        self.own.__exit__(kind, error, trace)

    @property
    def slots(self) -> int:
        """See Executor."""
        return self.own.slots + sum(self._rooms.values())

    @property
    def room(self) -> int:
        """See Executor."""
        return self.own.room or (0 if self._cancelled or self._freest() is None else 1)

    @property
    def busy(self) -> bool:
        """See Executor."""
        return self.own.busy or bool(self._held or self._chosen or self._interrupted)

    @property
    def helpers(self) -> int:
        """See Executor."""
        return len(self._rooms)

    @property
    def note(self) -> str:
        """See Executor."""
        return self.own.note

    def submit(self, task: Task) -> None:
        """See Executor: a task goes to its network, else to a thread of ours, else to the helper with most room."""
        home = self._homes.get(task.trial)
        at_home = not self._cancelled and home in self._rooms
        if (task.trial, task.repeat) in self.own.parked or not (at_home or self.own.room == 0):
            self.own.submit(task)
            return
        fence = home if at_home else self._freest()
        if fence is None:
            self.own.submit(task)
            return
        self._homes[task.trial] = fence
        self._chosen[task.trial, task.repeat, task.to_epoch] = fence, task

    def results(self, timeout: float) -> list[TaskResult]:
        """See Executor."""
        self._send()
        found = [*self._interrupted, *self.own.results(0.0 if self._interrupted else timeout)]
        self._interrupted = []
        now = self._clock()
        if now - self._looked >= _LOOK_EVERY:
            self._looked = now
            self._see()
        if self._held and now - self._asked >= _ASK_EVERY:
            self._asked = now
            found += self._ask()
        return found

    def release(self, trial: int, repeat: int = 0) -> None:
        """See Executor."""
        self._homes.pop(trial, None)
        self.own.release(trial, repeat)

    def cancel(self) -> None:
        """See Executor: unfinished tasks are taken back from the helpers."""
        self._cancelled = True
        self.own.cancel()
        chosen, self._chosen = self._chosen, {}
        for key, (fence, task) in chosen.items():
            if key in self._sending:  # a helper may have it, or have handed it in
                self._held[key] = fence, task
            else:
                self._interrupted.append(TaskResult(task, TaskOutcome.INTERRUPTED))
        if self._held:
            held = list(self._held)
            self._delivery.ask(lambda: self._store.take_back(self._owner, held), None)
        self._asked = float("-inf")

    def _send(self) -> None:
        """Put the chosen tasks where the helpers find them.

        One that its helper does not hold afterwards is asked for like the others: where the answer to an attempt before
        was lost, it may have been trained and handed in since.
        """
        if not self._chosen:
            return
        work: dict[int, list[TaskKey]] = {}
        for key, (fence, _) in self._chosen.items():
            work.setdefault(fence, []).append(key)
        self._before_sending()
        self._sending |= set(self._chosen)
        if self._delivery.ask(lambda: self._store.assign(self._owner, work), None) is None:
            return  # once more when the store can be reached
        self._held |= self._chosen
        self._chosen, self._sending = {}, set()

    def _home_again(self, task: Task) -> None:
        self._homes.pop(task.trial, None)
        self.own.submit(task)

    def _see(self) -> None:
        """Find the helpers that are there; the tasks of the others come back with the next question."""

        def look() -> set[int]:
            lost = [worker for worker in self._watch.find() if worker.is_helper]
            return {worker.fence for worker in self._store.leases.lost(self._owner.name, lost)}

        gone = self._delivery.ask(look, None)
        if gone is None:
            return
        mine = [worker for worker in self._watch.held if worker.helps == self._owner.fence and worker.fence not in gone]
        self._most = {worker.fence: _MOST * int(worker.identity["threads"]) for worker in mine}
        self._rooms = {w.fence: self._rooms.get(w.fence, 2 * int(w.identity["threads"])) for w in mine}

    def _ask(self) -> list[TaskResult]:
        """Take what was handed in; a task that came back without its epochs is trained here."""
        busy = {fence for fence, _ in self._held.values()}
        found = []
        held = list(self._held)
        for result in self._delivery.ask(lambda: self._store.handed_in(self._owner.name, held), []):
            _, task = self._held.pop(result.task)
            if result.trial.epochs >= task.to_epoch or result.trial.state is TrialState.DIVERGED:
                found.append(_result(task, result))
            elif self._cancelled:
                found.append(TaskResult(task, TaskOutcome.INTERRUPTED))
            else:
                self._home_again(task)
        for fence in busy - {fence for fence, _ in self._held.values()}:  # it had nothing left to do: more at once
            if fence in self._rooms:
                self._rooms[fence] = min(2 * self._rooms[fence], self._most[fence])
        return found

    def _freest(self) -> int | None:
        """The helper with the most room; None where none has any."""
        rooms = dict(self._rooms)
        for fence, _ in [*self._held.values(), *self._chosen.values()]:
            if fence in rooms:
                rooms[fence] -= 1
        freest = max(rooms, key=lambda fence: rooms[fence], default=None)
        return freest if freest is not None and rooms[freest] > 0 else None


def _result(task: Task, result: Result) -> TaskResult:
    """The result of a helper's task, which the store has already."""
    diverged = result.trial.state is TrialState.DIVERGED
    outcome = TaskOutcome.DIVERGED if diverged else TaskOutcome.TRAINED
    measured = [m for m in result.measurements if m.epoch <= result.trial.epochs]
    return TaskResult(task, outcome, measured, stored=True)
