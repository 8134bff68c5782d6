"""Threads of this process, each of which trains one network at a time with the interpreter's lock released."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import NamedTuple, Self

from caviar.executors.parked import Nothing, ParkedTrainings, StateStore
from caviar.learners.contract import Epoch, Outcome, State, StopFlag, Training, never
from caviar.records import Measurement, Task, TaskOutcome, TaskResult, TrialKey

Start = Callable[[Task, State | None], Training]
"""Makes the network of a task: freshly drawn, or as its state was saved."""

_OUTCOMES = {
    Outcome.TRAINED: TaskOutcome.TRAINED,
    Outcome.DIVERGED: TaskOutcome.DIVERGED,
    Outcome.INTERRUPTED: TaskOutcome.INTERRUPTED,
}


class _Done(NamedTuple):
    task: Task
    training: Training
    outcome: Outcome
    epochs: list[Epoch]


class Threads:
    """An Executor of ``slots`` threads; which thread trains a trial, and when, changes no number."""

    parks = True
    helpers = 0

    def __init__(
        self,
        slots: int,
        start: Start,
        metric: str,
        states: StateStore | None = None,
        parked: ParkedTrainings | None = None,
        n_bytes: Callable[[Task], int] = lambda task: 0,
        keep: Callable[[TrialKey, Training], None] = lambda key, training: None,
    ) -> None:
        """``metric`` is the score that measurements keep; ``n_bytes`` estimates the memory of a task's network.

        ``keep`` gets the network of every trial that is released.
        """
        self.slots = slots
        self.parked = parked or ParkedTrainings()
        """Networks between two tasks."""
        self._start = start
        self._metric = metric
        self._states = states or Nothing()
        self._n_bytes = n_bytes
        self._keep = keep
        self._seconds: dict[TrialKey, float] = {}  # of training
        self._pool = ThreadPoolExecutor(slots, thread_name_prefix="caviar")
        self._done: SimpleQueue[_Done | TaskResult | BaseException] = SimpleQueue()
        self._stop: StopFlag = never()
        self._under_way = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cancel()
        self._pool.shutdown(wait=True, cancel_futures=True)

    @property
    def room(self) -> int:
        """See Executor: one task for each thread waits, so that no thread has to."""
        return max(2 * self.slots - self._under_way, 0)

    @property
    def busy(self) -> bool:
        """See Executor."""
        return self._under_way > 0

    @property
    def note(self) -> str:
        """See Executor."""
        return str(self._states.trouble or "")

    def submit(self, task: Task) -> None:
        """See Executor. A network that is not here starts from its last snapshot or anew, to the same bits."""
        key = task.trial, task.repeat
        training = self.parked.take(key)
        if training is not None and training.epoch <= task.from_epoch:
            begin: Callable[[], Training] = partial(_given, training)
        else:
            begin = partial(self._start, task, self._states.saved(key, task.to_epoch - 1))
        self._under_way += 1
        self._pool.submit(self._train, task, begin, self._stop)

    def results(self, timeout: float) -> list[TaskResult]:
        """See Executor."""
        found: list[TaskResult] = []
        while not found or self._under_way:
            try:
                done = self._done.get(timeout=0.0 if found else timeout)
            except Empty:
                break
            self._under_way -= 1
            if isinstance(done, BaseException):
                raise done
            found.append(done if isinstance(done, TaskResult) else self._result(done))
        return found

    def release(self, trial: int, repeat: int = 0) -> None:
        """See Executor."""
        training = self.parked.take((trial, repeat))
        self._states.discard((trial, repeat))
        if training is not None:
            self._keep((trial, repeat), training)
        self._seconds.pop((trial, repeat), None)

    def cancel(self) -> None:
        """See Executor: every network ends at its next mini-batch."""
        self._stop[0] = 1
        self._stop = never()

    def _result(self, done: _Done) -> TaskResult:
        """Park a network that may go on; what its task measured."""
        task, training, outcome, epochs = done
        key = task.trial, task.repeat
        self._seconds[key] = self._seconds.get(key, 0.0) + sum(epoch.seconds for epoch in epochs)
        if outcome is not Outcome.DIVERGED:
            self.parked.put(key, training, self._n_bytes(task))
        if outcome is Outcome.TRAINED and self._states.is_due(key, self._seconds[key]):
            self._states.save(key, training.epoch, training.state(), self._seconds[key])
        measurements = [measurement(epoch, self._metric) for epoch in epochs]
        scores = epochs[-1].validation.scores if epochs else {}
        return TaskResult(task, _OUTCOMES[outcome], measurements, scores)

    def _train(self, task: Task, begin: Callable[[], Training], stop: StopFlag) -> None:
        """Train one task, in a thread of the pool."""
        try:
            training = begin()
            outcome, epochs = training.train(task.to_epoch, stop)
            self._done.put(_Done(task, training, outcome, epochs))
        except MemoryError as error:  # it is over for this network, not for the others
            self._done.put(TaskResult(task, TaskOutcome.OUT_OF_MEMORY, error=str(error)))
        except BaseException as error:  # raised again where results are taken
            self._done.put(error)


def _given(training: Training) -> Training:
    return training


def measurement(epoch: Epoch, metric: str) -> Measurement:
    """An epoch as the store keeps it; ``metric`` is the study's score. What has no accuracy has NaN."""
    return Measurement(
        epoch.epoch,
        epoch.train_loss,
        epoch.validation.loss,
        epoch.validation.scores.get("accuracy", math.nan),
        epoch.validation.scores[metric],
        epoch.learning_rate,
        epoch.seconds,
    )
