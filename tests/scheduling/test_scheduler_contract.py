"""The contract of schedulers, over every one of them: a new one adds a line to ``SCHEDULERS``.

Each is played on several slots, whose tasks end in random order. A scheduler that decides by arrival (ask and tell) is
played in one fixed order, for there the order is part of the question.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caviar.records import Ended, Task
from caviar.records.ranking import WORST
from caviar.scheduling.contract import Scheduler
from caviar.scheduling.repeats import Repeats
from caviar.scheduling.strategy import STOPPINGS, Strategy
from tests.scheduling.test_strategy import RUNGS, Echo, quality

SLOTS = 3

SCHEDULERS: dict[str, Callable[[int], Scheduler]] = {
    **{f"{rule}, trials park": lambda n, r=rule: Strategy(Echo(5), RUNGS, trials=n, stopping=r) for rule in STOPPINGS},
    **{
        f"{rule}, trials hold a slot": lambda n, r=rule: Strategy(Echo(5), RUNGS, trials=n, stopping=r, slots=SLOTS)
        for rule in STOPPINGS
    },
    "at once": lambda n: Strategy(Echo(5), RUNGS, trials=n, at_once=True),
    "repeats": lambda n: Repeats([Task(number, 1, {"number": number}, 0, RUNGS[-1]) for number in range(n)]),
}


@pytest.fixture(params=SCHEDULERS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def play(kind: str, trials: int, seed: int) -> tuple[list[Task], list[Ended]]:
    """All tasks and endings of a study on SLOTS slots; a trial that does not park keeps its slot while it waits."""
    scheduler, order = SCHEDULERS[kind](trials), random.Random(seed)
    parks = "hold" not in kind
    under_way: list[Task] = []
    holding: set[int] = set()
    tasks, endings = [], []
    while not scheduler.over:
        room = SLOTS - (len(under_way) if parks else len(holding))
        while (task := scheduler.next(max(room, 0))) is not None:
            assert room > 0 or task.from_epoch > 0, "with no room only a trial that holds a slot goes on"
            under_way.append(task)
            holding.add(task.trial)
            tasks.append(task)
            room = SLOTS - (len(under_way) if parks else len(holding))
            if parks and room <= 0:
                break
        ended = scheduler.take_ended()
        assert under_way or ended or scheduler.over, "nobody works and nothing may start"
        if under_way:
            task = under_way.pop(0 if kind == "at once" else order.randrange(len(under_way)))
            rank_key = quality(task.trial, task.to_epoch)
            if rank_key == WORST:
                holding.discard(task.trial)
            ended += scheduler.report(task, rank_key)
        holding -= {trial for trial, _, _ in ended}
        endings += ended
    assert scheduler.next(1) is None
    assert not scheduler.take_ended()
    return tasks, endings


def test_every_trial_gets_its_tasks_and_one_ending(kind: str):
    tasks, endings = play(kind, 60, 0)
    by_trial: dict[int, list[Task]] = {}
    for task in tasks:
        by_trial.setdefault(task.trial, []).append(task)
    assert sorted(by_trial) == list(range(60))
    for trial, of_it in by_trial.items():
        assert of_it[0].from_epoch == 0
        for before, after in pairwise(of_it):
            assert (after.from_epoch, after.config) == (before.to_epoch, before.config)
            assert after.to_epoch > before.to_epoch
        diverged = quality(trial, of_it[-1].to_epoch) == WORST
        mine = [ended for ended in endings if ended.trial == trial]
        assert len(mine) == (0 if diverged else 1), "a trial that diverged gets no decision, any other one ending"
        for ended in mine:
            assert ended.stopped == (of_it[-1].to_epoch < RUNGS[-1])


def test_plain_data_in_plain_data_out(kind: str):
    scheduler = SCHEDULERS[kind](3)
    task = scheduler.next(1)
    assert task is not None
    assert isinstance(task, Task)
    assert scheduler.report(task, WORST) == []
    assert all(isinstance(count, int) for count in scheduler.reached())


@settings(max_examples=25)
@given(st.sampled_from(list(SCHEDULERS)), st.integers(1, 50), st.integers(), st.integers())
def test_no_timing_changes_a_decision(kind: str, trials: int, one: int, other: int):
    def story(seed: int) -> tuple[list[Task], list[Ended]]:
        tasks, endings = play(kind, trials, seed)
        return sorted(tasks, key=lambda t: (t.trial, t.to_epoch)), sorted(endings)

    assert story(one) == story(other)


def test_a_closed_scheduler_begins_no_trial_and_comes_to_its_end(kind: str):
    scheduler = SCHEDULERS[kind](1000)
    under_way = [task for _ in range(SLOTS) if (task := scheduler.next(1)) is not None]
    scheduler.close()
    begun = {task.trial for task in under_way}
    over = {ended.trial for ended in scheduler.take_ended()}
    while under_way:
        task = under_way.pop()
        over |= {ended.trial for ended in scheduler.report(task, quality(task.trial, task.to_epoch))}
        over |= {ended.trial for ended in scheduler.take_ended()}
        while (task := scheduler.next(1)) is not None:
            assert task.trial in begun
            under_way.append(task)
    assert scheduler.over
    assert over == {trial for trial in begun if quality(trial, 1) != WORST}
