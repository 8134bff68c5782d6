"""Faults 3, 4 and 13: two processes on one study, a worker that freezes and wakes, clocks that jump."""

from __future__ import annotations

import multiprocessing
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caviar.errors import Fenced, StoreError
from caviar.records import Lease, LeaseState, StudyState, TaskKey, Trial, TrialState
from caviar.store import Runs, Store, Watch, process
from caviar.store.lease import LOOKS, Leases
from caviar.store.schema import LEASES
from tests.store.backends import persistent
from tests.store.crowd import work
from tests.store.sample import CONFIG, RUN, STUDY, measurement
from tests.store.test_store_contract import on_one_store

PATIENCE = 8.0
NAME = STUDY.name


@pytest.fixture
def study(store: Store) -> str:
    store.create_study(STUDY)
    return STUDY.name


def elsewhere(monkeypatch: pytest.MonkeyPatch, **facts: Any) -> None:
    """Make every process that joins from now on one of another machine."""
    here = process.identity()
    monkeypatch.setattr("caviar.store.process.identity", lambda: {**here, "host": "pond", "boot": "other", **facts})


def pair(store: Store, study: str) -> tuple[Lease, Lease, Lease]:
    """An owner and two helpers of ``study``."""
    return store.leases.join(study), store.join_helper(study, 1), store.join_helper(study, 1)


def claimed(store: Store, owner: Lease, helper: Lease, tasks: list[TaskKey]) -> list[TaskKey]:
    return store.assign(owner, {helper.fence: tasks})[helper.fence]


def seen_now(leases: Leases, lease: Lease) -> Lease:
    return next(seen for seen in leases.of(lease.name) if seen.fence == lease.fence)


@pytest.fixture(params=["study", "run"])
def leases(request: pytest.FixtureRequest, store: Store) -> Leases:
    """The leases of studies, and of runs: one implementation, with NAME among the subjects of each."""
    if request.param == "study":
        store.create_study(STUDY)
        return store.leases
    runs = Runs(store)
    runs.create(replace(RUN, name=NAME))
    return runs.leases


def test_fences_count_up_and_say_who_works(leases: Leases) -> None:
    first = leases.join(NAME)
    assert leases.of(NAME) == [first]
    assert first.identity["pid"] == os.getpid()
    assert first.identity["host"] == socket.gethostname()
    leases.leave(first)
    second = leases.join(NAME)
    assert (first.fence, second.fence) == (1, 2)
    assert [lease.state for lease in leases.of(NAME)] == ["left", "held"]
    with pytest.raises(StoreError, match="did you mean"):
        leases.join("flower")


def test_an_owner_that_runs_is_not_replaced(leases: Leases) -> None:
    first = leases.join(NAME)
    for attempt in (leases.join, leases.take):
        with pytest.raises(StoreError, match=f"is running: process {os.getpid()} of .* works on it"):
            attempt(NAME)
    leases.leave(first)
    assert leases.take(NAME).fence == 2


def test_an_owner_that_ended_is_replaced_at_once(leases: Leases, monkeypatch: pytest.MonkeyPatch) -> None:
    first = leases.join(NAME)
    monkeypatch.setattr("caviar.store.process.is_gone", lambda identity: True)
    second = leases.take(NAME, patience=1e9, sleep=lambda _: pytest.fail("waited"))
    assert [lease.state for lease in leases.of(NAME)] == [LeaseState.LOST, LeaseState.HELD]
    with pytest.raises(Fenced, match="declared lost"):
        leases.beat(first)
    leases.beat(second)


@pytest.mark.parametrize("beats", [True, False])
def test_an_owner_elsewhere_is_replaced_when_its_beats_stand_still(
    leases: Leases, beats: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        elsewhere(patch)
        first = leases.join(NAME)
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if beats and len(waited) == 3:
            leases.beat(first)

    if beats:
        with pytest.raises(StoreError, match="on pond"):
            leases.take(NAME, PATIENCE, lambda: sum(waited), sleep)
        assert len(waited) == 3
        leases.beat(first)
    else:
        assert leases.take(NAME, PATIENCE, lambda: sum(waited), sleep).fence == 2
        assert sum(waited) >= PATIENCE


def test_a_lost_lease_takes_no_write(leases: Leases) -> None:
    frozen = leases.join(NAME)
    [lost] = leases.lost(NAME, [seen_now(leases, frozen)])
    assert lost.state is LeaseState.LOST
    with pytest.raises(Fenced, match="declared lost"):
        leases.beat(frozen)
    other = leases.join(NAME)
    leases.leave(frozen)  # changes neither its own end nor the other's lease
    assert [lease.state for lease in leases.of(NAME)] == [LeaseState.LOST, LeaseState.HELD]
    leases.beat(other)


def test_a_lease_that_has_beaten_since_is_not_lost(leases: Leases) -> None:
    lease = leases.join(NAME)
    seen = seen_now(leases, lease)
    leases.beat(lease)
    assert leases.lost(NAME, [seen]) == []
    leases.beat(lease)


def test_a_lease_of_another_subject_of_the_same_name_before_is_fenced(leases: Leases, store: Store) -> None:
    old = leases.join(NAME)
    leases.lost(NAME, [seen_now(leases, old)])
    leases.subjects.delete(NAME)
    if leases.subjects.kind == "study":
        store.create_study(STUDY)
    else:
        Runs(store).create(replace(RUN, name=NAME))
    new = leases.join(NAME)
    assert new.fence == old.fence
    with pytest.raises(Fenced):
        leases.beat(old)
    leases.leave(old)
    assert leases.lost(NAME, [old]) == []
    leases.beat(new)


def test_what_a_process_works_on_is_not_deleted(leases: Leases) -> None:
    lease = leases.join(NAME)
    with pytest.raises(StoreError, match="a process that works on it"):
        leases.subjects.delete(NAME)
    assert not leases.subjects.interrupt(NAME, "2026")
    leases.leave(lease)
    assert leases.subjects.interrupt(NAME, "2026")
    leases.subjects.delete(NAME)
    assert leases.subjects.names() == {}


def test_a_new_owner_loses_the_helpers_of_the_one_before(store: Store, study: str) -> None:
    owner, helper, _ = pair(store, study)
    claimed(store, owner, helper, [(0, 0, 3)])
    store.leases.leave(owner)
    new = store.leases.join(study)
    assert [lease.state for lease in store.leases.of(study)] == ["left", "lost", "lost", "held"]
    assert claimed(store, new, store.join_helper(study, 1), [(0, 0, 3)]) == [(0, 0, 3)]


def test_a_task_is_claimed_once(store: Store, study: str) -> None:
    owner, first, second = pair(store, study)
    tasks = [(number, 0, 3) for number in range(5)]
    assert claimed(store, owner, first, tasks[:3]) == tasks[:3]
    assert claimed(store, owner, second, tasks[::-1]) == [tasks[4], tasks[3]]
    assert claimed(store, owner, first, tasks) == tasks[:3]  # what it holds already it still holds
    assert claimed(store, owner, first, []) == []
    store.leases.leave(first)
    assert claimed(store, owner, second, tasks) == tasks


def test_what_is_done_or_over_cannot_be_claimed(store: Store, study: str) -> None:
    owner, helper, other = pair(store, study)
    states = [
        TrialState.RUNNING,
        TrialState.INTERRUPTED,
        *[s for s in TrialState if s not in ("running", "interrupted")],
    ]
    trials = [Trial(number, CONFIG, state) for number, state in enumerate(states)]
    tasks = [(trial.number, 0, 1) for trial in trials]
    assert claimed(store, owner, helper, tasks[:1]) == tasks[:1]
    store.write(study, trials, [(0, 0, measurement(1))], claims_done=tasks[:1], lease=helper)
    assert claimed(store, owner, other, tasks) == tasks[1:2]
    assert claimed(store, owner, other, [(0, 0, 3)]) == [(0, 0, 3)]


def test_many_tasks_are_claimed_at_once(store: Store, study: str) -> None:
    owner, helper, other = pair(store, study)
    tasks = [(number, 0, 1) for number in range(2500)]
    assert claimed(store, owner, helper, tasks) == tasks
    assert claimed(store, owner, other, tasks) == []


def test_of_a_lost_owner_no_write_of_a_study_is_taken(store: Store, study: str) -> None:
    frozen = store.leases.join(study)
    helper = store.join_helper(study, 1)
    claimed(store, frozen, helper, [(0, 0, 3)])
    before = store.trials(study)
    store.leases.lost(study, store.leases.of(study))
    late = [Trial(0, CONFIG, TrialState.FINISHED, 3)]
    for attempt in (
        lambda: store.write(study, late, [(0, 0, measurement(3))], claims_done=[(0, 0, 3)], lease=frozen),
        lambda: claimed(store, frozen, helper, [(1, 0, 3)]),
        lambda: store.finish_study(study, StudyState.FINISHED, None, "2026", lease=frozen),
        lambda: store.reopen_study(study, lease=frozen),
    ):
        with pytest.raises(Fenced, match="declared lost"):
            attempt()
    assert store.trials(study) == before
    assert store.measurements(study) == []
    assert store.study(study) == STUDY


def test_a_write_is_a_beat_and_a_done_task_is_free_of_its_claim(store: Store, study: str) -> None:
    owner, helper, other = pair(store, study)
    claimed(store, owner, helper, [(0, 0, 1), (1, 0, 1)])
    store.write(study, [Trial(0, CONFIG, TrialState.RUNNING)], claims_done=[(0, 0, 1)], lease=helper)
    assert seen_now(store.leases, helper).beats == 1
    assert claimed(store, owner, other, [(0, 0, 1), (1, 0, 1)]) == [(0, 0, 1)]


def test_a_deleted_study_leaves_nothing(store: Store, study: str) -> None:
    owner, helper, _ = pair(store, study)
    store.write(study, [Trial(0, CONFIG, TrialState.RUNNING)], [(0, 0, measurement(1))], lease=owner)
    claimed(store, owner, helper, [(0, 0, 2)])
    store.leases.lost(study, store.leases.of(study))
    store.subjects.delete(study)
    assert store.studies() == []
    store.create_study(STUDY)
    assert (store.trials(study), store.measurements(study), store.leases.of(study)) == ([], [], [])


class Clock:
    def __init__(self) -> None:
        self.now = 1e6

    def __call__(self) -> float:
        return self.now


def test_a_still_worker_of_another_machine_is_lost_after_the_patience(
    store: Store, study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere(monkeypatch)
    moving, still, _ = pair(store, study)
    claimed(store, moving, still, [(0, 0, 1)])
    clock = Clock()
    watch = Watch(store.leases, study, PATIENCE, clock)
    lost = []
    while not lost:
        store.leases.beat(moving)
        lost = watch.look()
        clock.now += 1.0
    assert [lease.fence for lease in lost] == [still.fence, 3]
    assert PATIENCE <= clock.now - 1.0 - 1e6 <= PATIENCE + 1.0
    assert claimed(store, moving, store.join_helper(study, 1), [(0, 0, 1)]) == [(0, 0, 1)]
    assert watch.look() == []


@pytest.mark.parametrize("jump", [86_400.0, -86_400.0])
def test_a_clock_that_jumps_makes_nobody_lost(
    store: Store, study: str, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    elsewhere(monkeypatch)
    worker = store.leases.join(study)
    clock = Clock()
    watch = Watch(store.leases, study, PATIENCE, clock)
    assert watch.look() == []
    for _ in range(10):
        clock.now += jump
        assert watch.look() == []
        store.leases.beat(worker)
        assert watch.look() == []


@on_one_store
@given(steps=st.lists(st.tuples(st.floats(-1e9, 1e9), st.booleans()), max_size=30))
def test_nobody_is_lost_who_beats_within_three_looks(store: Store, steps: list[tuple[float, bool]]) -> None:
    name = f"watch-{secrets.token_hex(8)}"  # chance that Hypothesis does not seed
    store.create_study(replace(STUDY, name=name))
    worker = store.leases.join(name)
    with store.transactions.writing() as connection:
        connection.execute(LEASES.update().values(identity={"host": "pond"}))
    clock, unbeaten = Clock(), 0
    watch = Watch(store.leases, name, PATIENCE, clock)
    watch.look()
    for jump, beats in steps:
        clock.now += jump
        if beats or unbeaten == LOOKS - 1:
            store.leases.beat(worker)
            unbeaten = 0
        else:
            unbeaten += 1
        assert watch.look() == []


@persistent
def test_a_dead_process_of_this_machine_is_lost_at_once(store: Store, store_url: str, study: str) -> None:
    owner = store.leases.join(study)
    with running(store_url, "helper = store.join_helper('flowers', 1)") as other:
        claimed(store, owner, store.leases.of(study)[1], [(0, 0, 1)])
        watch = Watch(store.leases, study, 1e9)
        assert watch.look() == []
        other.kill()
        wait_for_end(other)  # and not reaped yet: a zombie is dead as well
        [lost] = watch.look()
        assert lost.identity["pid"] == other.pid
    assert claimed(store, owner, store.join_helper(study, 1), [(0, 0, 1)]) == [(0, 0, 1)]


def test_a_process_number_that_was_given_again_is_not_the_worker(
    store: Store, study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = process.identity()
    monkeypatch.setattr("caviar.store.process.identity", lambda: {**here, "started": "1"})
    store.leases.join(study)
    assert len(Watch(store.leases, study, 1e9).look()) == 1


@pytest.mark.parametrize("other", [{"host": "pond"}, {"boot": "b"}, {"pids": "pid:[1]"}, {"boot": "", "started": ""}])
def test_nothing_is_concluded_of_another_machine(
    store: Store, study: str, monkeypatch: pytest.MonkeyPatch, other: dict[str, str]
) -> None:
    here = process.identity()
    monkeypatch.setattr("caviar.store.process.identity", lambda: {**here, "pid": 2**22 + 1, "started": "1", **other})
    store.leases.join(study)
    assert Watch(store.leases, study, 1e9).look() == []


@persistent
def test_an_owner_that_freezes_and_wakes_writes_nothing(store: Store, store_url: str, study: str) -> None:
    code = """
    lease = store.leases.join("flowers")
    print("owns", flush=True)
    input()
    try:
        store.write("flowers", [Trial(0, CONFIG, TrialState.FINISHED, 1)], [(0, 0, measurement(1, 666.0))],
                    lease=lease)
        print("written")
    except Fenced:
        print("fenced")
    """
    with running(store_url, code) as frozen:
        assert frozen.stdout is not None
        assert frozen.stdin is not None
        assert frozen.stdout.readline() == "owns\n"
        with pytest.raises(StoreError, match=f"process {frozen.pid} of"):
            store.leases.take(study)
        frozen.send_signal(signal.SIGSTOP)
        frozen.stdin.write("wake\n")
        frozen.stdin.flush()
        os.waitid(os.P_PID, frozen.pid, os.WSTOPPED | os.WNOWAIT)
        waited: list[float] = []
        lease = store.leases.take(study, PATIENCE, lambda: sum(waited), waited.append)
        assert sum(waited) >= PATIENCE
        store.write(study, [Trial(0, CONFIG, TrialState.FINISHED, 1)], [(0, 0, measurement(1, 0.5))], lease=lease)
        frozen.send_signal(signal.SIGCONT)
        assert frozen.stdout.readline() == "fenced\n"
    assert store.measurements(study) == [(0, 0, measurement(1, 0.5))]


class running:
    """Another process that has opened the store and runs ``code``."""

    def __init__(self, url: str, code: str) -> None:
        lines = "\n".join(line.removeprefix("    ") for line in code.splitlines())
        self.code = f"{_HEAD}\n{lines}\nprint('done', flush=True)\ninput()"
        self.url = url

    def __enter__(self) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": ":".join([str(Path(__file__).parents[2]), *sys.path])}
        command = [sys.executable, "-c", self.code, self.url]
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, env=environment, **pipes)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "opened\n"
        if "print(" not in self.code.removeprefix(_HEAD).replace("print('done'", ""):
            assert self.process.stdout.readline() == "done\n"
        return self.process

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


_HEAD = """
import sys
from caviar.errors import Fenced
from caviar.records import Trial, TrialState
from caviar.store import Store
from tests.store.crowd import work
from tests.store.sample import CONFIG, measurement
store = Store.open(sys.argv[1])
print("opened", flush=True)
"""


def wait_for_end(other: subprocess.Popen[str]) -> None:
    """Until ``other`` is a zombie, without reaping it."""
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)


@persistent
def test_eight_processes_do_each_of_200_trials_once(store_url: str) -> None:
    with Store.open(store_url) as store:
        store.create_study(STUDY)
        owner = store.leases.join(STUDY.name)
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    processes = [context.Process(target=work, args=(store_url, owner, seed, 200, answers)) for seed in range(8)]
    for other in processes:
        other.start()
    said = dict(answers.get(timeout=120) for _ in processes)
    for other in processes:
        other.join()
    assert sorted(said) == list(range(2, 10))
    assert Counter(number for done in said.values() for number in done) == Counter(range(200))
    with Store.open(store_url, create=False) as store:
        assert {number: m.score for number, _, m in store.measurements("flowers")} == {
            number: float(fence) for fence, done in said.items() for number in done
        }
        assert {lease.state for lease in store.leases.of("flowers") if lease.is_helper} == {LeaseState.LEFT}


def test_time_is_never_read_from_a_row(store: Store, study: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1 / 0)
    owner, helper, _ = pair(store, study)
    claimed(store, owner, helper, [(0, 0, 1)])
    store.leases.beat(helper)
    assert Watch(store.leases, study, PATIENCE).look() == []
