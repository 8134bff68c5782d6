"""The crew trains what it is given, gives back what is done, and ends when told."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest

from caviar.engine.contract import Epoch, Evaluation, Outcome, StopFlag
from caviar.run.crew import Crew, Done, Failed, Work


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
    with Crew(2) as crew:
        crew.give(Work(7, 0, lambda: ready, 3))
        done = crew.take(timeout=10)
    assert done is not None
    assert (done.work.number, done.outcome, [epoch.epoch for epoch in done.epochs]) == (7, Outcome.TRAINED, [1, 2, 3])
    assert crew.under_way == 0


def test_one_piece_a_thread_waits_so_that_no_thread_has_to():
    networks = [Fake() for _ in range(6)]
    with Crew(2) as crew:
        given = 0
        while crew.wants_work:
            crew.give(Work(given, 0, lambda own=networks[given]: own, 1))  # type: ignore[misc]
            given += 1
        assert given == 4
        assert crew.take(timeout=0.02) is None
        networks[1].may_go_on.set()
        done = crew.take(timeout=10)
        assert done is not None
        assert done.work.number == 1
        assert crew.wants_work


def test_stop_ends_what_is_under_way_and_what_waits():
    with Crew(1) as crew:
        for number in range(3):
            crew.give(Work(number, 0, Fake, 1))
        crew.stop()
        outcomes = [done.outcome for _ in range(3) if (done := crew.take(timeout=10)) is not None]
    assert outcomes == [Outcome.INTERRUPTED] * 3


def test_leaving_the_crew_ends_its_threads():
    before = threading.active_count()
    with Crew(3) as crew:
        for number in range(9):
            crew.give(Work(number, 0, Fake, 1))
        assert threading.active_count() == before + 3
    assert threading.active_count() == before


def test_an_error_in_a_thread_is_raised_where_its_work_is_taken():
    def broken() -> Fake:
        raise ValueError("a fault of ours")

    with Crew(1) as crew:
        crew.give(Work(0, 0, broken, 1))
        with pytest.raises(ValueError, match="a fault of ours"):
            crew.take(timeout=10)


def test_a_network_too_large_for_the_memory_is_over_and_the_others_go_on():
    def broken() -> Fake:
        raise MemoryError("no room for this network")

    with Crew(1) as crew:
        crew.give(Work(0, 0, broken, 1))
        failed = crew.take(timeout=10)
        assert isinstance(failed, Failed)
        assert failed.work.number == 0
        assert str(failed.error) == "no room for this network"
        ready = Fake()
        ready.may_go_on.set()
        crew.give(Work(1, 0, lambda: ready, 1))
        assert isinstance(crew.take(timeout=10), Done)
