"""Interventions in a study stand in the store, whatever the back end, and are overtaken when the study goes on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from caviar.errors import Fenced
from caviar.records import InterventionState, StudySpec
from caviar.store import Store
from tests.store.sample import STUDY


@pytest.fixture
def store(store_url: str):
    with Store.open(store_url) as opened:
        opened.create_study(STUDY)
        yield opened


def test_an_intervention_waits_and_is_answered_once(store: Store) -> None:
    lease = store.leases.join("flowers")
    made = store.intervene("flowers", "extend", {"seconds": 30}, "ada", "more")
    assert (made.number, made.state, made.outcome) == (1, InterventionState.WAITING, "")
    assert store.spec("flowers").seconds == 60.0
    store.answer(lease, 1, InterventionState.DONE, "30 s more")
    store.answer(lease, 1, InterventionState.DONE, "30 s more")  # its first end was not known
    spec = store.spec("flowers")
    assert spec.seconds == 90.0
    [asked] = spec.interventions
    assert (asked.who, asked.because, asked.outcome) == ("ada", "more", "30 s more")
    assert StudySpec.from_record(spec.to_record()) == spec
    assert store.study("flowers").spec == spec


def test_one_that_is_refused_changes_no_budget(store: Store) -> None:
    lease = store.leases.join("flowers")
    store.intervene("flowers", "extend", {"seconds": 30})
    store.answer(lease, 1, InterventionState.REFUSED, "too late")
    assert store.spec("flowers").seconds == 60.0


def test_an_owner_that_was_declared_lost_answers_nothing(store: Store) -> None:
    lease = store.leases.join("flowers")
    store.intervene("flowers", "stop", {})
    store.leases.leave(lease)
    with pytest.raises(Fenced):
        store.answer(lease, 1, InterventionState.DONE, "")
    assert store.spec("flowers").interventions[0].state is InterventionState.WAITING


def test_a_study_that_goes_on_is_not_stopped_by_a_stop_of_before(store: Store) -> None:
    lease = store.leases.join("flowers")
    read = store.spec("flowers")
    for kind in ("stop", "stop", "extend"):
        store.intervene("flowers", kind, {})
    store.answer(lease, 1, InterventionState.DONE, "")
    assert store.spec("flowers").was_stopped
    store.enqueue("flowers", {"learning_rate": 0.5}, "ada", "it looks good")
    store.reopen_study("flowers", replace(read, seconds=7.0), lease)
    spec = store.spec("flowers")
    assert spec.seconds == 7.0
    assert not spec.was_stopped
    assert spec.first == ({"learning_rate": 0.5},)
    assert [str(each.state) for each in spec.interventions] == ["done", "overtaken", "overtaken", "done"]
    assert spec.interventions[-1].arguments == {"config": {"learning_rate": 0.5}}


def test_a_specification_of_before_has_none() -> None:
    record = STUDY.spec.to_record()
    del record["interventions"]
    assert StudySpec.from_record(record).interventions == ()
