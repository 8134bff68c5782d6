"""Tasks that an owner gives to helpers: each is measured once, whatever becomes of whom."""

from __future__ import annotations

import pytest

from caviar.errors import Fenced, StoreError
from caviar.records import Lease, StudyState, Trial, TrialState
from caviar.store import Result, Store
from tests.store.sample import CONFIG, STUDY, measurement

TASKS = [(number, 0, 3) for number in range(4)]
NAME = STUDY.name


@pytest.fixture
def pair(store: Store) -> tuple[Lease, Lease]:
    """An owner and a helper that holds TASKS."""
    store.create_study(STUDY)
    owner = store.leases.join(NAME)
    helper = store.join_helper(NAME, threads=2)
    trials = [Trial(number, CONFIG, TrialState.RUNNING) for number, _, _ in TASKS]
    store.write(NAME, trials, lease=owner)
    assert store.assign(owner, {helper.fence: TASKS}) == {helper.fence: TASKS}
    return owner, helper


def result(number: int, state: TrialState = TrialState.RUNNING, first: int = 1, last: int = 3) -> Result:
    measured = [measurement(epoch, number) for epoch in range(first, last + 1)]
    return Result((number, 0, 3), Trial(number, CONFIG, state, last, 0.5, 0.25), measured)


def test_a_helper_finds_what_it_was_given_and_hands_it_in(store, pair):
    owner, helper = pair
    assert helper.is_helper
    assert not owner.is_helper
    assert [(a.task, a.trial.config, a.measured) for a in store.assigned(helper)] == [(p, CONFIG, 0) for p in TASKS]
    assert store.handed_in(NAME, TASKS) == []
    diverged = result(2, TrialState.DIVERGED, last=1)
    assert store.hand_in(helper, [result(0), diverged], given_back=[TASKS[1]]) == [TASKS[0], TASKS[2]]
    assert [a.task for a in store.assigned(helper)] == [TASKS[3]]
    back = {of.task: of for of in store.handed_in(NAME, TASKS)}
    assert set(back) == set(TASKS[:3])
    assert (back[TASKS[0]], back[TASKS[2]]) == (result(0), diverged)
    assert back[TASKS[1]].measurements == []
    assert store.hand_in(helper, [result(0)]) == []  # not twice


def test_it_goes_on_after_what_is_measured(store, pair):
    owner, helper = pair
    store.hand_in(helper, [result(0)])
    store.assign(owner, {helper.fence: [(0, 0, 9)]})
    assert [a.measured for a in store.assigned(helper) if a.task == (0, 0, 9)] == [3]


def test_nothing_is_taken_of_what_was_taken_back(store, pair):
    owner, helper = pair
    store.take_back(owner, TASKS[:2])
    assert store.hand_in(helper, [result(number) for number in range(3)]) == [TASKS[2]]
    assert {number for number, _, _ in store.measurements(NAME)} == {2}
    store.write(NAME, [], [(0, 0, measurement(1))], lease=owner)  # the owner measures it


def test_nothing_is_taken_of_a_helper_that_was_lost(store, pair):
    owner, helper = pair
    seen = [worker for worker in store.leases.of(NAME) if worker.is_helper]
    assert [worker.fence for worker in store.leases.lost(NAME, seen)] == [helper.fence]
    with pytest.raises(Fenced):
        store.hand_in(helper, [result(0)])
    assert store.measurements(NAME) == []
    assert [of.task for of in store.handed_in(NAME, TASKS)] == TASKS
    assert store.assign(owner, {helper.fence: TASKS}) == {helper.fence: []}


def test_nothing_is_taken_once_the_study_has_ended(store, pair):
    owner, helper = pair
    store.finish_study(NAME, StudyState.INTERRUPTED, None, "2026-01-31T13:00:00+00:00", owner)
    assert store.hand_in(helper, [result(0)]) == []
    assert {trial.state for trial in store.trials(NAME)} == {TrialState.INTERRUPTED}


def test_giving_work_is_no_sign_of_life_of_the_helper(store, pair):
    owner, helper = pair
    beats = {worker.fence: worker.beats for worker in store.leases.of(NAME)}
    store.assign(owner, {helper.fence: [(9, 0, 1)]})
    after = {worker.fence: worker.beats for worker in store.leases.of(NAME)}
    assert after[helper.fence] == beats[helper.fence]
    assert after[owner.fence] > beats[owner.fence]


def test_a_study_that_nobody_leads_is_not_helped(store):
    store.create_study(STUDY)
    with pytest.raises(StoreError, match="not running"):
        store.join_helper(NAME, threads=1)
    owner = store.leases.join(NAME)
    assert store.join_helper(NAME, threads=1).helps == owner.fence
    store.leases.leave(owner)
    with pytest.raises(StoreError, match="not running"):  # a helper leads nobody
        store.join_helper(NAME, threads=1)
