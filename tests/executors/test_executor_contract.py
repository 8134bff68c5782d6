"""The contract of executors, over every one of them: a new executor adds a player to ``EXECUTORS``.

A player makes an executor of two slots whose trials reach ``quality(trial, epoch)``: threads train made-up networks,
processes a real function, helpers are a second caviar on the other side of a store.
"""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from caviar.errors import UserMistake
from caviar.executors.contract import Executor
from caviar.executors.fake import Fake
from caviar.executors.helpers import WithHelpers
from caviar.executors.parked import Nothing
from caviar.executors.processes import Processes
from caviar.executors.threads import Threads, measurement
from caviar.learners.contract import Epoch, Evaluation, Outcome, StopFlag
from caviar.protocol.command import Objective, Speaking
from caviar.protocol.pool import Pool
from caviar.records import Task, TaskOutcome, TaskResult, Trial, TrialState
from caviar.store import Result, Store
from tests.store.sample import STUDY

DIVERGES, CRASHES, HANGS, NO_MEMORY = 100, 101, 102, 103  # trials with a fate
LAST = 27


def quality(trial: int, epoch: int) -> float:
    return math.nan if trial == DIVERGES and epoch >= 2 else trial / 1000 + epoch / 100


def task(trial: int, from_epoch: int, to_epoch: int, repeat: int = 0) -> Task:
    return Task(trial, repeat, {"trial": trial}, from_epoch, to_epoch)


# --- threads ---


@dataclass
class Network:
    """A made-up network: one that hangs trains until it is told to stop."""

    trial: int
    epoch: int = 0

    def train(self, to_epoch: int, stop: StopFlag) -> tuple[Outcome, list[Epoch]]:
        done = []
        while self.epoch < to_epoch:
            while self.trial == HANGS and not stop[0]:
                time.sleep(0.001)
            if stop[0]:
                return Outcome.INTERRUPTED, done
            self.epoch += 1
            score = quality(self.trial, self.epoch)
            done.append(Epoch(self.epoch, 1.0, Evaluation(-score, {"accuracy": score}), 0.1, 0.0))
            if not math.isfinite(score):
                return Outcome.DIVERGED, done
        return Outcome.TRAINED, done


def begin(given: Task, state: object) -> Network:
    if given.trial == NO_MEMORY:
        raise MemoryError("no room for this network")
    if given.trial == CRASHES:
        raise ValueError("a fault of ours")
    return Network(given.trial)


@contextmanager
def threads(folder: Path) -> Iterator[Executor]:
    with Threads(2, begin, "accuracy") as executor:  # type: ignore[arg-type]
        yield executor


# --- processes ---


def objective(trial):
    import os
    import time

    number = trial.config["trial"]
    for epoch in range(1, trial.last_epoch + 1):
        if number == 101:
            os._exit(3)
        if number == 103:
            raise MemoryError("no room for this network")
        while number == 102:
            time.sleep(0.01)
        trial.report(epoch, float("nan") if number == 100 and epoch >= 2 else number / 1000 + epoch / 100)


@contextmanager
def processes(folder: Path) -> Iterator[Executor]:
    pool = Pool(Objective(objective), [{}, {}])
    with Processes(pool, folder / "trials", LAST, lambda trial, repeat: 1, Nothing(), lambda: None) as executor:
        yield executor


# --- helpers ---


@dataclass
class Helper:
    """The other side of the store: a thread that trains what it is assigned."""

    url: str
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        with Store.open(self.url) as store:
            worker = store.join_helper(STUDY.name, 1)
            held: dict[int, list] = defaultdict(list)
            while not self.stop.wait(0.01):
                for assigned in store.assigned(worker):
                    number, _, to_epoch = assigned.task
                    if number == HANGS:
                        continue
                    network = Network(number)
                    outcome, epochs = network.train(to_epoch, [0])  # type: ignore[arg-type]
                    new = [measurement(e, "accuracy") for e in epochs if e.epoch > assigned.measured]
                    state = TrialState.DIVERGED if outcome is Outcome.DIVERGED else TrialState.RUNNING
                    last = measurement(epochs[-1], "accuracy")
                    trial = assigned.trial._replace(
                        state=state, epochs=last.epoch, score=last.score, validation_loss=last.validation_loss
                    )
                    held[number].append(store.hand_in(worker, [Result(assigned.task, trial, new)]))
                store.leases.beat(worker)


@contextmanager
def helpers(folder: Path) -> Iterator[Executor]:
    url = f"sqlite:///{folder / 'c.db'}"
    with Store.open(url) as store:
        store.create_study(STUDY)
        owner = store.leases.join(STUDY.name)
        helper = Helper(url)
        thread = threading.Thread(target=helper.run)
        thread.start()
        known: set[int] = set()

        def write() -> None:
            fresh = [number for number in sent if number not in known]
            known.update(fresh)
            store.write(STUDY.name, [Trial(n, {"trial": n}, TrialState.RUNNING) for n in fresh], lease=owner)

        sent: list[int] = []
        own = Threads(1, begin, "accuracy")  # type: ignore[arg-type]
        try:
            with WithHelpers(own, store, store.delivery(owner), write, patience_seconds=15.0) as executor:
                submit = executor.submit

                def noted(given: Task) -> None:
                    sent.append(given.trial)
                    submit(given)

                executor.submit = noted  # type: ignore[method-assign]
                while not executor.helpers:
                    executor.results(0.01)
                yield executor
        finally:
            helper.stop.set()
            thread.join()


# --- the fake ---


@contextmanager
def fake(folder: Path) -> Iterator[Executor]:
    def score(given: Task, epoch: int) -> float:
        if given.trial == CRASHES:
            raise ValueError("a fault of ours")
        return quality(given.trial, epoch)

    with Fake(2, score) as executor:
        yield executor


EXECUTORS: dict[str, Callable] = {"fake": fake, "threads": threads, "processes": processes, "helpers": helpers}


@pytest.fixture(params=EXECUTORS)
def executor(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Executor]:
    with EXECUTORS[request.param](tmp_path) as made:
        made.kind = request.param
        yield made


def until(executor: Executor, n: int) -> tuple[list[TaskResult], list[TaskResult]]:
    """All results until ``n`` tasks have ended, and those that they ended with."""
    found: list[TaskResult] = []
    ended: dict[tuple[int, int, int], TaskResult] = {}
    while len(ended) < n:
        fresh = executor.results(0.05)
        found += fresh
        for result in fresh:
            if result.outcome is not TaskOutcome.UNDER_WAY:  # a program that is over may have a last word, too
                ended.setdefault((result.task.trial, result.task.repeat, result.task.to_epoch), result)
    return found, list(ended.values())


def curve(found: list[TaskResult], trial: int) -> dict[int, float]:
    """The scores of a trial, by epoch."""
    return {m.epoch: m.score for r in found if r.task.trial == trial for m in r.measurements}


def test_a_task_comes_back_with_every_epoch_it_added(executor: Executor):
    assert not executor.busy
    assert executor.room >= 1
    executor.submit(task(7, 0, 3))
    found, (done,) = until(executor, 1)
    assert (done.task, done.outcome) == (task(7, 0, 3), TaskOutcome.TRAINED)
    assert curve(found, 7) == {epoch: quality(7, epoch) for epoch in (1, 2, 3)}


def test_a_trial_goes_on_from_where_it_was(executor: Executor):
    executor.submit(task(7, 0, 1))
    found, _ = until(executor, 1)
    executor.submit(task(7, 1, 3))
    more, (done,) = until(executor, 1)
    assert done.outcome is TaskOutcome.TRAINED
    assert curve(found + more, 7) == {epoch: quality(7, epoch) for epoch in (1, 2, 3)}


def test_tasks_of_many_trials_all_come_back_whatever_their_order(executor: Executor):
    left, under_way, found = list(range(9)), 0, []
    while left or under_way:
        while left and executor.room:
            executor.submit(task(left.pop(0), 0, 3))
            under_way += 1
        for result in executor.results(0.05):
            found.append(result)
            if result.outcome is TaskOutcome.TRAINED:
                under_way -= 1
                executor.release(result.task.trial)
    assert {n: curve(found, n) for n in range(9)} == {n: {e: quality(n, e) for e in (1, 2, 3)} for n in range(9)}
    while executor.busy:  # a program that was released says its last word
        executor.results(0.05)


def test_room_is_what_can_be_submitted_now(executor: Executor):
    submitted = 0
    while executor.room:
        executor.submit(task(submitted, 0, 1))
        submitted += 1
        assert submitted < 200
    assert submitted >= executor.slots or not executor.parks
    until(executor, submitted)


def test_a_trial_that_diverges_is_over_and_its_neighbours_do_not_notice(executor: Executor):
    executor.submit(task(DIVERGES, 0, 3))
    executor.submit(task(1, 0, 3))
    found, ended = until(executor, 2)
    outcomes = {result.task.trial: result.outcome for result in ended}
    assert outcomes == {DIVERGES: TaskOutcome.DIVERGED, 1: TaskOutcome.TRAINED}
    assert list(curve(found, DIVERGES)) == [1, 2]
    assert math.isnan(curve(found, DIVERGES)[2])
    assert curve(found, 1) == {epoch: quality(1, epoch) for epoch in (1, 2, 3)}


def test_cancelled_tasks_come_back_interrupted_and_others_can_follow(executor: Executor):
    for trial in (HANGS, 1):
        if executor.room:
            executor.submit(task(trial, 0, 3))
    executor.cancel()
    found: list[TaskResult] = []
    while executor.busy:
        found += executor.results(0.05)
    interrupted = [result for result in found if result.outcome is TaskOutcome.INTERRUPTED]
    assert HANGS in {result.task.trial for result in interrupted}
    executor.submit(task(2, 0, 1))
    _, (done,) = until(executor, 1)
    assert (done.task.trial, done.outcome) == (2, TaskOutcome.TRAINED)


def test_a_released_trial_leaves_nothing_behind(executor: Executor):
    executor.submit(task(7, 0, 1))
    until(executor, 1)
    executor.release(7)
    executor.release(7)  # nothing is kept: no effect
    while executor.busy:
        executor.results(0.05)
    executor.submit(task(8, 0, 1))
    _, (done,) = until(executor, 1)
    assert done.task.trial == 8


def test_a_crash_costs_its_trial_or_is_an_error_and_never_hangs(executor: Executor):
    """A process of the user's that dies is that trial's failure; a fault of our own code is raised where it is seen."""
    executor.submit(task(CRASHES, 0, 3))
    if executor.parks:
        with pytest.raises(ValueError, match="a fault of ours"):
            until(executor, 1)
    else:
        executor.submit(task(1, 0, 3))
        _, ended = until(executor, 2)
        outcomes = {result.task.trial: result.outcome for result in ended}
        assert outcomes == {CRASHES: TaskOutcome.FAILED, 1: TaskOutcome.TRAINED}
        assert "exit status 3" in next(result.error for result in ended if result.task.trial == CRASHES)


@pytest.mark.parametrize("make", [threads, processes])
def test_a_trial_too_large_for_the_memory_is_over_and_the_others_go_on(make, tmp_path: Path):
    with make(tmp_path) as executor:
        executor.submit(task(NO_MEMORY, 0, 3))
        executor.submit(task(1, 0, 3))
        _, ended = until(executor, 2)
        assert {result.task.trial: result.outcome for result in ended} == {
            NO_MEMORY: TaskOutcome.OUT_OF_MEMORY,
            1: TaskOutcome.TRAINED,
        }


def test_leaving_the_threads_ends_them(tmp_path: Path):
    before = threading.active_count()
    with threads(tmp_path) as executor:
        for trial in range(4):
            executor.submit(task(trial, 0, 1))
        assert threading.active_count() == before + 2
    assert threading.active_count() == before


def test_a_program_that_cannot_be_started_is_said(tmp_path: Path):
    command = Speaking("sh nothing.sh")
    command._arguments = [str(tmp_path / "gone")]
    with (
        Processes(Pool(command, [{}]), tmp_path, LAST, lambda trial, repeat: 1, Nothing(), lambda: None) as executor,
        pytest.raises(UserMistake, match="could not be started"),
    ):
        executor.submit(task(1, 0, 1))
