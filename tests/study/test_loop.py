"""The one loop, on the fake executor: the end of a budget."""

from __future__ import annotations

from itertools import chain, count, repeat

import pytest

from caviar.executors.fake import Fake
from caviar.records import Task, TaskOutcome, TaskResult
from caviar.scheduling.repeats import Repeats
from caviar.study import loop
from caviar.study.loop import Budget, drive


class Noted:
    """The part of a ledger that a drive needs, of tasks and outcomes."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.outcomes: list[TaskOutcome] = []

    def begin(self, task: Task) -> None:
        self.begun.append(task.trial)

    def record(self, result: TaskResult):
        self.outcomes.append(result.outcome)
        return None if result.outcome is TaskOutcome.INTERRUPTED else (1.0, 0.0)

    def settle(self, ended: list) -> None: ...

    def interrupt(self) -> None: ...

    def is_due(self) -> bool:
        return False

    def progress(self, scheduler, executor) -> int:
        return len(self.begun)


def test_a_budget_that_is_spent_stays_spent(monkeypatch: pytest.MonkeyPatch):
    """The cost of the finals falls again just after the tasks under way were cancelled for it."""
    seconds = count()
    monkeypatch.setattr(loop.time, "monotonic", lambda: float(next(seconds)))  # each look is a second later
    costs = iter([0.0, 10.0])
    left = chain([5.0] * 50, repeat(0.0))
    budget = Budget(lambda: next(left), lambda: False, reserve=lambda: next(costs, 0.0))
    ledger, tasks = Noted(), [Task(number, 1, {}, 0, 1) for number in range(3)]
    with Fake(1, lambda task, epoch: 0.5) as executor:
        assert list(drive(Repeats(tasks), executor, ledger, budget)) == [1]
    assert ledger.begun == [0]
    assert ledger.outcomes == [TaskOutcome.INTERRUPTED]
