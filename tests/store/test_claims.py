"""Faults 3, 4 and 13: two processes on one study, a worker that freezes and wakes, clocks that jump."""

from __future__ import annotations

import multiprocessing
import os
import random
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
from caviar.records import StudyState, Trial, TrialState, Worker, WorkerState
from caviar.store import Store, Watch, claims, process
from tests.store.crowd import work
from tests.store.sample import CONFIG, STUDY, measurement
from tests.store.test_store_contract import on_one_store

PATIENCE = 8.0


@pytest.fixture
def study(store: Store) -> str:
    store.create_study(STUDY)
    return STUDY.name


def elsewhere(monkeypatch: pytest.MonkeyPatch, **facts: Any) -> None:
    """Whoever joins from now on is a process of another machine."""
    here = process.identity()
    monkeypatch.setattr("caviar.store.process.identity", lambda: {**here, "host": "pond", "boot": "other", **facts})


def test_fences_count_up_and_say_who_works(store: Store, study: str) -> None:
    first, second = store.join(study), store.join(study)
    assert (first.fence, second.fence) == (1, 2)
    assert store.workers(study) == [first, second]
    assert first.identity["pid"] == os.getpid()
    assert first.identity["host"] == socket.gethostname()
    store.leave(second)
    assert store.join(study).fence == 3
    assert [worker.state for worker in store.workers(study)] == ["working", "left", "working"]
    with pytest.raises(StoreError, match="did you mean"):
        store.join("flower")


def test_a_piece_is_claimed_once(store: Store, study: str) -> None:
    first, second = store.join(study), store.join(study)
    pieces = [(number, 0, 3) for number in range(5)]
    assert store.claim(first, pieces[:3]) == pieces[:3]
    assert store.claim(second, pieces[::-1]) == [pieces[4], pieces[3]]
    assert store.claim(first, pieces) == pieces[:3]  # what it holds already it still holds
    assert store.claim(first, []) == []
    store.leave(first)
    assert store.claim(second, pieces) == pieces


def test_what_is_done_or_over_cannot_be_claimed(store: Store, study: str) -> None:
    worker, other = store.join(study), store.join(study)
    states = [
        TrialState.RUNNING,
        TrialState.INTERRUPTED,
        *[s for s in TrialState if s not in ("running", "interrupted")],
    ]
    trials = [Trial(number, CONFIG, state) for number, state in enumerate(states)]
    pieces = [(trial.number, 0, 1) for trial in trials]
    assert store.claim(worker, pieces[:1]) == pieces[:1]
    store.write(study, trials, [(0, 0, measurement(1))], claims_done=pieces[:1], worker=worker)
    assert store.claim(other, pieces) == pieces[1:2]
    assert store.claim(other, [(0, 0, 3)]) == [(0, 0, 3)]


def test_many_pieces_are_claimed_at_once(store: Store, study: str) -> None:
    worker, other = store.join(study), store.join(study)
    pieces = [(number, 0, 1) for number in range(2500)]
    assert store.claim(worker, pieces) == pieces
    assert store.claim(other, pieces) == []


def test_of_a_lost_worker_nothing_is_taken(store: Store, study: str) -> None:
    frozen, other = store.join(study), store.join(study)
    store.claim(frozen, [(0, 0, 3)])
    before = store.trials(study)
    [lost] = store.lost(study, [frozen_now(store, frozen)])
    assert lost.state is WorkerState.LOST
    late = [Trial(0, CONFIG, TrialState.FINISHED, 3)]
    for attempt in (
        lambda: store.write(study, late, [(0, 0, measurement(3))], claims_done=[(0, 0, 3)], worker=frozen),
        lambda: store.claim(frozen, [(1, 0, 3)]),
        lambda: store.beat(frozen),
        lambda: store.finish_study(study, StudyState.FINISHED, None, "2026", worker=frozen),
        lambda: store.reopen_study(study, worker=frozen),
    ):
        with pytest.raises(Fenced, match="declared lost"):
            attempt()
    assert store.trials(study) == before
    assert store.measurements(study) == []
    assert store.study(study) == STUDY
    assert store.claim(other, [(0, 0, 3)]) == [(0, 0, 3)]
    store.leave(frozen)  # does not take the other's claim, nor change its own end
    assert store.claim(other, [(0, 0, 3)]) == [(0, 0, 3)]
    assert store.workers(study)[0].state is WorkerState.LOST


def frozen_now(store: Store, worker: Worker) -> Worker:
    return next(seen for seen in store.workers(worker.study) if seen.fence == worker.fence)


def test_who_has_beaten_since_is_not_lost(store: Store, study: str) -> None:
    worker = store.join(study)
    seen = frozen_now(store, worker)
    store.beat(worker)
    assert store.lost(study, [seen]) == []
    store.beat(worker)


def test_a_worker_of_a_study_of_the_same_name_before_is_fenced(store: Store, study: str) -> None:
    old = store.join(study)
    store.lost(study, [frozen_now(store, old)])
    store.delete_study(study)
    store.create_study(STUDY)
    new = store.join(study)
    assert new.fence == old.fence
    with pytest.raises(Fenced):
        store.write(study, [Trial(0, CONFIG, TrialState.RUNNING)], worker=old)
    store.write(study, [Trial(0, CONFIG, TrialState.RUNNING)], worker=new)


def test_a_write_is_a_beat_and_a_done_piece_is_free_of_its_claim(store: Store, study: str) -> None:
    worker = store.join(study)
    store.claim(worker, [(0, 0, 1), (1, 0, 1)])
    store.write(study, [Trial(0, CONFIG, TrialState.RUNNING)], claims_done=[(0, 0, 1)], worker=worker)
    assert frozen_now(store, worker).beats == 2
    assert store.claim(store.join(study), [(0, 0, 1), (1, 0, 1)]) == [(0, 0, 1)]


def test_a_study_with_a_worker_is_not_deleted(store: Store, study: str) -> None:
    worker = store.join(study)
    store.write(study, [Trial(0, CONFIG, TrialState.RUNNING)], [(0, 0, measurement(1))], worker=worker)
    store.claim(worker, [(0, 0, 2)])
    with pytest.raises(StoreError, match="a worker that works on it"):
        store.delete_study(study)
    store.leave(worker)
    store.delete_study(study)
    assert store.studies() == []
    store.create_study(STUDY)
    assert (store.trials(study), store.measurements(study), store.workers(study)) == ([], [], [])


class Clock:
    def __init__(self) -> None:
        self.now = 1e6

    def __call__(self) -> float:
        return self.now


def test_a_still_worker_of_another_machine_is_lost_after_the_patience(
    store: Store, study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere(monkeypatch)
    still, moving = store.join(study), store.join(study)
    store.claim(still, [(0, 0, 1)])
    clock = Clock()
    watch = Watch(store, study, PATIENCE, clock)
    lost = []
    while not lost:
        store.beat(moving)
        lost = watch.look()
        clock.now += 1.0
    assert [worker.fence for worker in lost] == [still.fence]
    assert PATIENCE <= clock.now - 1.0 - 1e6 <= PATIENCE + 1.0
    assert store.claim(moving, [(0, 0, 1)]) == [(0, 0, 1)]
    assert watch.look() == []


@pytest.mark.parametrize("jump", [86_400.0, -86_400.0])
def test_a_clock_that_jumps_makes_nobody_lost(
    store: Store, study: str, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    elsewhere(monkeypatch)
    worker = store.join(study)
    clock = Clock()
    watch = Watch(store, study, PATIENCE, clock)
    assert watch.look() == []
    for _ in range(10):
        clock.now += jump
        assert watch.look() == []
        store.beat(worker)
        assert watch.look() == []


@on_one_store
@given(steps=st.lists(st.tuples(st.floats(-1e9, 1e9), st.booleans()), max_size=30))
def test_nobody_is_lost_who_beats_within_three_looks(store: Store, steps: list[tuple[float, bool]]) -> None:
    name = f"watch-{secrets.token_hex(8)}"  # chance that Hypothesis does not seed
    store.create_study(replace(STUDY, name=name))
    worker = replace(store.join(name), identity={})
    with store._writing() as connection:
        connection.execute(claims.WORKERS.update().values(identity={"host": "pond"}))
    clock, unbeaten = Clock(), 0
    watch = Watch(store, name, PATIENCE, clock)
    watch.look()
    for jump, beats in steps:
        clock.now += jump
        if beats or unbeaten == claims.LOOKS - 1:
            store.beat(worker)
            unbeaten = 0
        else:
            unbeaten += 1
        assert watch.look() == []


def test_a_dead_process_of_this_machine_is_lost_at_once(store: Store, store_url: str, study: str) -> None:
    with running(store_url, "store.claim(worker, [(0, 0, 1)])") as other:
        watch = Watch(store, study, 1e9)
        assert watch.look() == []
        other.kill()
        wait_for_end(other)  # and not reaped yet: a zombie is dead as well
        [lost] = watch.look()
        assert lost.identity["pid"] == other.pid
    assert store.claim(store.join(study), [(0, 0, 1)]) == [(0, 0, 1)]


def test_a_process_number_that_was_given_again_is_not_the_worker(
    store: Store, study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = process.identity()
    monkeypatch.setattr("caviar.store.process.identity", lambda: {**here, "started": "1"})
    store.join(study)
    assert len(Watch(store, study, 1e9).look()) == 1


@pytest.mark.parametrize("other", [{"host": "pond"}, {"boot": "b"}, {"pids": "pid:[1]"}, {"boot": "", "started": ""}])
def test_nothing_is_concluded_of_another_machine(
    store: Store, study: str, monkeypatch: pytest.MonkeyPatch, other: dict[str, str]
) -> None:
    here = process.identity()
    monkeypatch.setattr("caviar.store.process.identity", lambda: {**here, "pid": 2**22 + 1, "started": "1", **other})
    store.join(study)
    assert Watch(store, study, 1e9).look() == []


def test_a_worker_that_freezes_and_wakes_writes_nothing(store: Store, store_url: str, study: str) -> None:
    code = """
    print(store.claim(worker, [(0, 0, 1)]), flush=True)
    input()
    try:
        store.write("flowers", [Trial(0, CONFIG, TrialState.FINISHED, 1)], [(0, 0, measurement(1, 666.0))],
                    claims_done=[(0, 0, 1)], worker=worker)
        print("written")
    except Fenced:
        print("fenced")
    """
    with running(store_url, code) as frozen:
        assert frozen.stdout is not None
        assert frozen.stdin is not None
        assert frozen.stdout.readline() == "[(0, 0, 1)]\n"
        frozen.send_signal(signal.SIGSTOP)
        frozen.stdin.write("wake\n")
        frozen.stdin.flush()
        clock = Clock()
        watch = Watch(store, study, PATIENCE, clock)
        lost = watch.look()
        while not lost:
            clock.now += 1.0
            lost = watch.look()
        worker = store.join(study)
        assert store.claim(worker, [(0, 0, 1)]) == [(0, 0, 1)]
        store.write(study, [Trial(0, CONFIG, TrialState.FINISHED, 1)], [(0, 0, measurement(1, 0.5))], worker=worker)
        frozen.send_signal(signal.SIGCONT)
        assert frozen.stdout.readline() == "fenced\n"
    assert store.measurements(study) == [(0, 0, measurement(1, 0.5))]


class running:  # noqa: N801 - read as a verb
    """Another process that has joined "flowers" and runs ``code``."""

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
        assert self.process.stdout.readline() == "joined\n"
        if "print(store" not in self.code:
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
worker = store.join("flowers")
print("joined", flush=True)
"""


def wait_for_end(other: subprocess.Popen[str]) -> None:
    """Until ``other`` is a zombie, without reaping it."""
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)


def test_eight_processes_do_each_of_200_trials_once(store_url: str) -> None:
    with Store.open(store_url) as store:
        store.create_study(STUDY)
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    processes = [context.Process(target=work, args=(store_url, seed, 200, answers)) for seed in range(8)]
    for other in processes:
        other.start()
    said = dict(answers.get(timeout=120) for _ in processes)
    for other in processes:
        other.join()
    assert sorted(said) == list(range(1, 9))
    assert Counter(number for done in said.values() for number in done) == Counter(range(200))
    with Store.open(store_url, create=False) as store:
        assert {number: m.score for number, _, m in store.measurements("flowers")} == {
            number: float(fence) for fence, done in said.items() for number in done
        }
        assert {worker.state for worker in store.workers("flowers")} == {WorkerState.LEFT}


def test_time_is_never_read_from_a_row(store: Store, study: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1 / 0)
    worker = store.join(study)
    store.claim(worker, [(0, 0, 1)])
    store.beat(worker)
    assert Watch(store, study, PATIENCE).look() == []
