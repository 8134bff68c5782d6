"""Tasks of helpers where the store breaks off: each is trained once."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from caviar.errors import StoreAway
from caviar.executors.helpers import WithHelpers
from caviar.executors.threads import Threads
from caviar.records import LeaseState, Task, TaskKey, TaskOutcome, TaskResult, Trial, TrialState
from caviar.store import Store
from tests.executors.test_executor_contract import Helper, begin, task
from tests.store.backends import persistent
from tests.store.sample import STUDY
from tests.waiting import until


@pytest.mark.parametrize("leaves", [False, True])
@persistent
def test_a_task_whose_assignment_got_no_answer_is_not_trained_again(
    store_url: str, leaves: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assign = Store.assign
    calls: list[Mapping[int, Sequence[TaskKey]]] = []
    trained: list[Task] = []

    def own(given: Task, state: object) -> Any:
        trained.append(given)
        return begin(given, state)

    with Store.open(store_url) as store:
        store.create_study(STUDY)
        owner = store.leases.join(STUDY.name)
        trials = [Trial(number, {"trial": number}, TrialState.RUNNING) for number in range(5)]
        helper = Helper(store_url)
        thread = threading.Thread(target=helper.run)

        def broken(self: Store, lease: Any, work: Mapping[int, Sequence[TaskKey]]) -> dict[int, list[TaskKey]]:
            calls.append(work)
            found = assign(self, lease, work)
            if len(calls) > 1:
                return found
            given = [key for keys in work.values() for key in keys]
            until(lambda: len(self.handed_in(STUDY.name, given)) == len(given))
            if leaves:
                helper.stop.set()
                thread.join()
                helpers = [one for one in self.leases.of(STUDY.name) if one.is_helper and one.state is LeaseState.HELD]
                self.leases.lost(STUDY.name, helpers)
            raise StoreAway("the connection broke", "after COMMIT")

        monkeypatch.setattr(Store, "assign", broken)
        thread.start()
        delivery = store.delivery(owner)

        def write() -> None:
            if not calls:
                store.write(STUDY.name, trials, lease=owner)

        try:
            with WithHelpers(Threads(1, own, "accuracy"), store, delivery, write, patience_seconds=15.0) as executor:
                until(lambda: executor.results(0.01) or executor.helpers)
                for number in range(5):
                    executor.submit(task(number, 0, 4))
                found: list[TaskResult] = []
                until(lambda: found.extend(executor.results(0.01)) or not executor.busy)
            assert sorted(result.task.trial for result in found) == [0, 1, 2, 3, 4]
            assert {result.outcome for result in found} == {TaskOutcome.TRAINED}
            assert [len(result.measurements) for result in found] == [4] * 5
            handed_in = {result.task.trial for result in found if result.stored}
            assert handed_in
            assert sorted([*handed_in, *[given.trial for given in trained]]) == [0, 1, 2, 3, 4]
        finally:
            helper.stop.set()
            thread.join()
