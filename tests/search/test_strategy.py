"""A study's decisions depend on merits and trial numbers alone, whoever asks and whoever is done first."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caviar.records import Box
from caviar.search.ranking import WORST
from caviar.search.searches import SEARCHES, search_named
from caviar.search.strategy import Compared, Proposal, Strategy
from caviar.space import default_space

RUNGS = (1, 3, 9, 27)


@dataclass
class Echo:
    """A search whose every proposal tells what evidence it saw."""

    behind: int
    seen: list[list[Compared]] = field(default_factory=list)

    def lag(self, number: int) -> int:
        return self.behind

    def propose(self, number, evidence):
        digest = hash(tuple((c.number, c.rung, c.merit) for c in evidence)) & 0xFFFFFFFF
        return [Proposal({"number": number + i, "digest": digest}, "echo") for i in range(7)], [
            Box(number, number, {}, f"saw {len(evidence)}")
        ]


def quality(number: int, epoch: int):
    return WORST if number % 11 == 5 else (random.Random(number * 1000 + epoch).random(), -float(number))


def play(search, trials: int, order: random.Random, workers: int):
    """Run a study to its end on ``workers`` who are done in random order; its steps, endings and boxes."""
    strategy = Strategy(search, RUNGS, pool=9, trials=trials)
    under_way, steps, endings = [], [], []
    while not strategy.over:
        while len(under_way) < workers and (step := strategy.next()) is not None:
            under_way.append(step)
            steps.append(step)
        endings += strategy.ended()
        assert under_way or strategy.over, "nobody works and nothing may start"
        if under_way:
            step = under_way.pop(order.randrange(len(under_way)))
            endings += strategy.report(step.number, step.to_epoch, quality(step.number, step.to_epoch))
    return sorted(steps, key=lambda s: s[0::4]), sorted(endings, key=lambda e: e.number), strategy.boxes


@settings(max_examples=60)
@given(st.integers(1, 200), st.integers(0, 40), st.integers(1, 20), st.integers(), st.integers())
def test_company_and_timing_change_nothing(trials, lag, workers, one, other):
    alone = play(Echo(lag), trials, random.Random(one), 1)
    assert play(Echo(lag), trials, random.Random(other), workers) == alone
    numbers = [step.number for step in alone[0] if step.from_epoch == 0]
    assert numbers == list(range(trials))
    assert [e.number for e in alone[1]] == [n for n in numbers if quality(n, 1) != WORST and n % 11 != 5]


@pytest.mark.parametrize("name", SEARCHES)
def test_every_search_gives_the_same_study_on_any_number_of_workers(name):
    def study(workers: int, seed: int):
        return play(search_named(name, default_space(), 3), 400, random.Random(seed), workers)

    assert study(1, 0) == study(2, 1) == study(8, 2)


def test_a_study_is_taken_up_by_reporting_what_is_known():
    steps, endings, boxes = play(Echo(5), 100, random.Random(0), 3)
    known = {(s.number, s.to_epoch) for s in steps[: len(steps) // 2]}
    strategy, left, ended = Strategy(Echo(5), RUNGS, pool=9, trials=100), [], []
    while not strategy.over:
        step = strategy.next()
        assert step is not None
        if (step.number, step.to_epoch) not in known:
            left.append(step)
        ended += strategy.report(step.number, step.to_epoch, quality(step.number, step.to_epoch)) + strategy.ended()
    assert sorted(left, key=lambda s: s[0::4]) == steps[len(steps) // 2 :]
    assert sorted(ended, key=lambda e: e.number) == endings
    assert strategy.boxes == boxes


def test_evidence_is_never_newer_than_the_lag_allows():
    class Watching(Echo):
        def propose(self, number, evidence):
            first = [c.number for c in evidence if c.rung == 0]
            assert first == list(range(max(0, number - self.behind)))
            return super().propose(number, evidence)

    play(Watching(10), 150, random.Random(1), 4)


def test_a_search_that_has_nothing_left_ends_the_study():
    class Short(Echo):
        def propose(self, number, evidence):
            return super().propose(number, evidence) if number < 14 else ([], [])

    steps, _, _ = play(Short(3), 1000, random.Random(1), 4)
    assert max(step.number for step in steps) == 13
