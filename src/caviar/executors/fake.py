"""An executor for tests: it trains nothing, and its caller says when a task ends and with which score."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import TracebackType
from typing import Self

from caviar.records import Measurement, Task, TaskOutcome, TaskResult


class Fake:
    """An Executor whose tasks end in the order that ``choose`` gives, with the scores of ``score(task, epoch)``."""

    parks = True
    helpers = 0
    note = ""

    def __init__(
        self,
        slots: int,
        score: Callable[[Task, int], float],
        choose: Callable[[list[Task]], int] = lambda tasks: 0,
    ) -> None:
        self.slots = slots
        self.released: list[tuple[int, int]] = []
        self._score = score
        self._choose = choose
        self._tasks: list[Task] = []
        self._cancelled: list[Task] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cancel()

    @property
    def room(self) -> int:
        """See Executor."""
        return max(self.slots - len(self._tasks), 0)

    @property
    def busy(self) -> bool:
        """See Executor."""
        return bool(self._tasks or self._cancelled)

    def submit(self, task: Task) -> None:
        """See Executor."""
        self._tasks.append(task)

    def results(self, timeout: float) -> list[TaskResult]:
        """See Executor: one task at a time."""
        if self._cancelled:
            cancelled, self._cancelled = self._cancelled, []
            return [TaskResult(task, TaskOutcome.INTERRUPTED) for task in cancelled]
        if not self._tasks:
            return []
        task = self._tasks.pop(self._choose(self._tasks))
        measured = []
        for epoch in range(task.from_epoch + 1, task.to_epoch + 1):
            score = self._score(task, epoch)
            measured.append(Measurement(epoch, math.nan, -score, math.nan, score, math.nan, 0.0))
            if not math.isfinite(score):
                return [TaskResult(task, TaskOutcome.DIVERGED, measured)]
        return [TaskResult(task, TaskOutcome.TRAINED, measured)]

    def release(self, trial: int, repeat: int = 0) -> None:
        """See Executor."""
        self.released.append((trial, repeat))

    def cancel(self) -> None:
        """See Executor."""
        self._cancelled += self._tasks
        self._tasks = []
