"""The executor trains what it is given, gives back what is done, and ends when told."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest

from caviar.executors.threads import Done, Failed, ThreadExecutor, Work
from caviar.learners.contract import Epoch, Evaluation, Outcome, StopFlag


@dataclass
class Fake:
    """A network that needs no arithmetic: it waits until it may go on."""

    may_go_on: threading.Event = field(default_factory=threading.Event)
    epoch: int = 0

    def train(self, to_epoch: int, stop: StopFlag) -> tuple[Outcome, list[Epoch]]:
        while not self.may_go_on.wait(0.005):
            if stop[0]:
                return Outcome.INTERRUPTED, []
        done = [
            Epoch(e, 1.0, Evaluation(1.0, {"accuracy": 0.5}), 0.1, 0.0) for e in range(self.epoch + 1, to_epoch + 1)
        ]
        self.epoch = to_epoch
        return Outcome.TRAINED, done

    def evaluate(self, examples):
        raise NotImplementedError

    def state(self):
        raise NotImplementedError


def test_work_comes_back_with_the_epochs_it_added():
    ready = Fake()
    ready.may_go_on.set()
    with ThreadExecutor(2) as executor:
        executor.give(Work(7, 0, lambda: ready, 3))
        done = executor.take(timeout=10)
    assert done is not None
    assert (done.work.number, done.outcome, [epoch.epoch for epoch in done.epochs]) == (7, Outcome.TRAINED, [1, 2, 3])
    assert executor.under_way == 0


def test_one_piece_a_thread_waits_so_that_no_thread_has_to():
    networks = [Fake() for _ in range(6)]
    with ThreadExecutor(2) as executor:
        given = 0
        while executor.wants_work:
            executor.give(Work(given, 0, lambda own=networks[given]: own, 1))  # type: ignore[misc]
            given += 1
        assert given == 4
        assert executor.take(timeout=0.02) is None
        networks[1].may_go_on.set()
        done = executor.take(timeout=10)
        assert done is not None
        assert done.work.number == 1
        assert executor.wants_work


def test_stop_ends_what_is_under_way_and_what_waits():
    with ThreadExecutor(1) as executor:
        for number in range(3):
            executor.give(Work(number, 0, Fake, 1))
        executor.stop()
        outcomes = [done.outcome for _ in range(3) if (done := executor.take(timeout=10)) is not None]
    assert outcomes == [Outcome.INTERRUPTED] * 3


def test_leaving_the_crew_ends_its_threads():
    before = threading.active_count()
    with ThreadExecutor(3) as executor:
        for number in range(9):
            executor.give(Work(number, 0, Fake, 1))
        assert threading.active_count() == before + 3
    assert threading.active_count() == before


def test_an_error_in_a_thread_is_raised_where_its_work_is_taken():
    def broken() -> Fake:
        raise ValueError("a fault of ours")

    with ThreadExecutor(1) as executor:
        executor.give(Work(0, 0, broken, 1))
        with pytest.raises(ValueError, match="a fault of ours"):
            executor.take(timeout=10)


def test_a_network_too_large_for_the_memory_is_over_and_the_others_go_on():
    def broken() -> Fake:
        raise MemoryError("no room for this network")

    with ThreadExecutor(1) as executor:
        executor.give(Work(0, 0, broken, 1))
        failed = executor.take(timeout=10)
        assert isinstance(failed, Failed)
        assert failed.work.number == 0
        assert str(failed.error) == "no room for this network"
        ready = Fake()
        ready.may_go_on.set()
        executor.give(Work(1, 0, lambda: ready, 1))
        assert isinstance(executor.take(timeout=10), Done)
