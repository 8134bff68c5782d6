"""Decisions of a Strategy depend on rank keys and trial numbers alone, not on time or order."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from statistics import median_high

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caviar.records import Box, Winners
from caviar.records.ranking import WORST
from caviar.scheduling.halving import Halving
from caviar.scheduling.strategy import STOPPINGS, Strategy, entry_rung, places
from caviar.search.contract import Compared, Proposal
from caviar.search.searches import OPTIONAL_SEARCHES, SEARCHES, search_named
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
        digest = hash(tuple((c.number, c.rung, c.rank_key) for rung in evidence for c in rung)) & 0xFFFFFFFF
        return [Proposal({"number": number + i, "digest": digest}, "echo", i % 3, i == 6) for i in range(7)], [
            Box(number, number, {}, f"saw {sum(map(len, evidence))}")
        ]


def quality(number: int, epoch: int):
    return WORST if number % 11 == 5 else (random.Random(number * 1000 + epoch).random(), -float(number))


def play(search, trials: int, order: random.Random, workers: int, stopping="halving", more: int = 0):
    """Run a study to its end on ``workers`` who are done in random order; its steps, endings and boxes.

    ``more`` trials are asked for at the last look.
    """
    strategy = Strategy(
        search, RUNGS, pool=9, trials=trials, stopping=stopping, last_look=lambda: strategy.extend(trials + more)
    )
    under_way, steps, endings = [], [], []
    while not strategy.over:
        while len(under_way) < workers and (step := strategy.next()) is not None:
            under_way.append(step)
            steps.append(step)
        endings += strategy.take_ended()
        assert under_way or strategy.over, "nobody works and nothing may start"
        if under_way:
            step = under_way.pop(order.randrange(len(under_way)))
            endings += strategy.report(step, quality(step.trial, step.to_epoch))
    return sorted(steps, key=lambda s: (s.trial, s.to_epoch)), sorted(endings, key=lambda e: e.trial), strategy.boxes


@settings(max_examples=120)
@given(
    st.integers(1, 200),
    st.integers(0, 40),
    st.integers(1, 20),
    st.integers(),
    st.integers(),
    st.sampled_from(STOPPINGS),
)
def test_workers_and_timing_change_nothing(trials, lag, workers, one, other, stopping):
    alone = play(Echo(lag), trials, random.Random(one), 1, stopping)
    assert play(Echo(lag), trials, random.Random(other), workers, stopping) == alone
    numbers = [step.trial for step in alone[0] if step.from_epoch == 0]
    assert numbers == list(range(trials))
    assert [e.trial for e in alone[1]] == [n for n in numbers if quality(n, 1) != WORST and n % 11 != 5]


@settings(max_examples=120)
@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.integers(0, 40),
    st.integers(1, 20),
    st.integers(),
    st.sampled_from(STOPPINGS),
)
def test_more_asked_for_at_the_last_look_is_as_if_asked_for_at_the_beginning(
    trials, more, lag, workers, seed, stopping
):
    extended = play(Echo(lag), trials, random.Random(seed), workers, stopping, more)
    assert extended == play(Echo(lag), trials + more, random.Random(seed + 1), workers, stopping)


@pytest.mark.parametrize("studies", [0, 2])
@pytest.mark.parametrize("name", [*SEARCHES, *OPTIONAL_SEARCHES])
def test_every_search_gives_the_same_study_on_any_number_of_workers(name, studies):
    space = default_space()
    like = [
        Winners(
            label=f"study {n}", trials=(0, 1, 2, 3), configs=tuple(space.sample(4, seed=n)), ahead=2, straight=n == 0
        )
        for n in range(studies)
    ]

    def study(workers: int, seed: int):
        trials = 400 if name in SEARCHES else 60
        return play(search_named(name, space, 3, like=like), trials, random.Random(seed), workers)

    assert study(1, 0) == study(2, 1) == study(8, 2)


def test_a_study_is_taken_up_by_reporting_what_is_known():
    steps, endings, boxes = play(Echo(5), 100, random.Random(0), 3)
    known = {(s.trial, s.to_epoch) for s in steps[: len(steps) // 2]}
    strategy, left, ended = Strategy(Echo(5), RUNGS, pool=9, trials=100), [], []
    while not strategy.over:
        step = strategy.next()
        assert step is not None
        if (step.trial, step.to_epoch) not in known:
            left.append(step)
        ended += strategy.report(step, quality(step.trial, step.to_epoch)) + strategy.take_ended()
    assert sorted(left, key=lambda s: (s.trial, s.to_epoch)) == steps[len(steps) // 2 :]
    assert sorted(ended, key=lambda e: e.trial) == endings
    assert strategy.boxes == boxes


def test_evidence_is_never_newer_than_the_lag_allows():
    class Watching(Echo):
        def propose(self, number, evidence):
            first: dict[int, int] = {}
            for rung in evidence:
                for one in rung:
                    first.setdefault(one.number, one.rung)
            assert sorted(first) == list(range(max(0, number - self.behind)))
            entries = [{n: i % 3 for i, n in enumerate(range(s, s + 7))} for s in range(0, number, 7)]
            assert first == {n: rung for block in entries for n, rung in block.items() if n in first}
            return super().propose(number, evidence)

    play(Watching(10), 150, random.Random(1), 4)


def test_a_search_that_has_nothing_left_ends_the_study():
    class Short(Echo):
        def propose(self, number, evidence):
            return super().propose(number, evidence) if number < 14 else ([], [])

    steps, _, _ = play(Short(3), 1000, random.Random(1), 4)
    assert max(step.trial for step in steps) == 13


@pytest.mark.parametrize("stopping", STOPPINGS)
def test_no_more_networks_wait_than_the_pools_hold(stopping):
    strategy = Strategy(Echo(5), RUNGS, pool=4, trials=2000, stopping=stopping)
    resting: set[int] = set()
    most = 0
    while not strategy.over:
        step = strategy.next()
        if step is None:
            assert strategy.over, "nobody works and nothing may start"
            break
        resting.discard(step.trial)
        rank_key = quality(step.trial, step.to_epoch)
        if rank_key != WORST:
            resting.add(step.trial)
        for ending in [*strategy.report(step, rank_key), *strategy.take_ended()]:
            resting.remove(ending.trial)
        most = max(most, len(resting))
    assert not resting
    assert most <= 4 * places(len(RUNGS)) + 3  # three are about to go on


def test_without_stopping_every_trial_runs_to_the_end():
    steps, endings, _ = play(Echo(5), 50, random.Random(1), 4, "none")
    assert {(s.from_epoch, s.to_epoch) for s in steps} == {(0, RUNGS[-1])}
    assert not any(e.stopped for e in endings)


def test_brackets_of_hyperband_get_about_the_same_epochs():
    spent = dict.fromkeys(range(len(RUNGS)), 0)
    strategy = Strategy(Echo(5), RUNGS, pool=9, trials=3000, stopping="hyperband")
    while not strategy.over:
        step = strategy.next()
        if step is None:
            assert strategy.over, "nobody works and nothing may start"
            break
        entry = entry_rung("hyperband", step.trial, Proposal({}, ""), RUNGS)
        spent[entry] += step.to_epoch - step.from_epoch
        strategy.report(step, (random.Random(step.trial).random(), 0.0))
    total = sum(spent.values())
    assert all(0.15 < share / total < 0.35 for share in spent.values()), spent


def test_the_median_rule_stops_who_is_worse_than_half_of_those_before():
    halving = Halving((1, 3), median=True)
    rank_keys = [random.Random(n).random() for n in range(41)]
    stopped = set()
    for number, rank_key in enumerate(rank_keys):
        halving.enter(number)
        stopped |= {d.number for d in halving.report(number, 1, (rank_key, 0.0)) if d.to_epoch is None}
    assert stopped == {n for n in range(4, 41) if rank_keys[n] < median_high(rank_keys[:n])}
    assert 10 < len(stopped) < 30
