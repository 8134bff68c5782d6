"""Successive halving decides by rank_keys and trial numbers alone."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caviar.records.metrics import check_metric
from caviar.records.ranking import WORST, RankKey, rank_key, smoothed
from caviar.scheduling.contract import Decision
from caviar.scheduling.halving import LADDERS, WHOLE, Halving, rungs_for, rungs_within

RUNGS = (1, 3, 9, 27)


def play(qualities: list[float], order: random.Random, diverge: frozenset[int] = frozenset(), close: bool = True):
    """A study whose pieces of work end in random order; the decisions about each trial, in their order."""
    halving = Halving(RUNGS)
    under_way: list[tuple[int, int]] = []
    decided: dict[int, list[Decision]] = {i: [] for i in range(len(qualities))}
    entered = 0

    def follow(decisions):
        for decision in decisions:
            decided[decision.number].append(decision)
            if decision.to_epoch is not None:
                under_way.append((decision.number, decision.to_epoch))

    while entered < len(qualities) or under_way:
        if entered < len(qualities) and (not under_way or order.random() < 0.5):
            under_way.append((entered, halving.enter(entered)))
            entered += 1
            if entered == len(qualities) and close:
                follow(halving.close())
        else:
            number, epoch = under_way.pop(order.randrange(len(under_way)))
            own: RankKey = WORST if number in diverge else (qualities[number], 0.0)
            follow(halving.report(number, epoch, own))
    return halving, decided


@given(st.lists(st.floats(0, 1), min_size=1, max_size=120), st.integers(), st.integers())
def test_decisions_do_not_depend_on_who_is_done_first(qualities, one, other):
    first, second = (play(qualities, random.Random(seed)) for seed in (one, other))
    assert first[1] == second[1]
    assert first[0].reached() == second[0].reached()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=200), st.integers(), st.sets(st.integers(0, 199)))
def test_every_trial_ends_once_and_one_in_three_goes_on(qualities, seed, diverge):
    diverge &= set(range(len(qualities)))
    halving, decided = play(qualities, random.Random(seed), frozenset(diverge))
    for number, decisions in decided.items():
        if number in diverge:
            assert decisions == []
        else:
            assert [decision.rung for decision in decisions] == list(range(len(decisions)))
            assert decisions[-1].to_epoch is None
            assert all(decision.to_epoch is not None for decision in decisions[:-1])
    compared = halving.reached()
    assert compared[0] == len(qualities)
    healthy = len(qualities) - len(diverge)
    assert compared[1] <= -(-compared[0] // 3)
    assert compared[1] >= min(healthy, compared[0] // 3)
    for below, above in pairwise(compared[1:]):
        assert above == -(-below // 3)


@given(st.lists(st.floats(0, 1), min_size=9, max_size=100, unique=True), st.integers())
def test_the_best_of_all_is_never_stopped(qualities, seed):
    _, decided = play(qualities, random.Random(seed))
    best = max(range(len(qualities)), key=qualities.__getitem__)
    assert decided[best][-1].rung == len(RUNGS) - 1


def test_with_every_third_trial_the_best_that_waits_goes_on():
    halving = Halving((1, 3))
    for number in range(6):
        halving.enter(number)

    def report(number: int, quality: float) -> list[Decision]:
        return list(halving.report(number, 1, (quality, 0.0)))

    assert report(0, 0.5) == []
    assert report(2, 0.1) == []  # is here before its turn: nothing is decided without trial 1
    assert report(1, 0.9) == [Decision(1, 0, 3)]
    assert report(3, 0.7) == []
    assert report(4, 0.2) == []
    assert report(5, 0.3) == [Decision(3, 0, 3)]


def test_the_pool_keeps_no_more_networks_than_it_says():
    halving = Halving((1, 3), pool=4)
    ended = []
    for number in range(300):
        halving.enter(number)
        ended += list(halving.report(number, 1, (random.Random(number).random(), 0.0)))
    waiting = 300 - len(ended)
    assert waiting <= 4


def test_cost_of_a_trial_is_as_computed():
    halving, _ = play([random.Random(i).random() for i in range(2700)], random.Random(0))
    shares = [Fraction(n, 2700) for n in halving.reached()]
    assert shares == [1, Fraction(1, 3), Fraction(1, 9), Fraction(1, 27)]


@pytest.mark.parametrize(
    ("rows", "rungs"), [(100, (1, 3, 9, 27, 81, 243)), (1077, (1, 3, 9, 27, 81)), (48000, (1, 3, 9, 27))]
)
def test_rungs_for(rows: int, rungs: tuple[int, ...]):
    assert rungs_for(rows) == rungs


def test_rank_keys_put_divergence_last_and_break_ties_by_the_loss():
    nan, inf = float("nan"), float("inf")
    ordered = [rank_key("accuracy", *pair) for pair in ((nan, 0.1), (0.5, 2.0), (0.5, 1.0), (0.9, 9.0))]
    assert ordered == sorted(ordered)
    assert (
        rank_key("accuracy", 0.99, nan) == rank_key("accuracy", 0.99, inf) == rank_key("accuracy", None, None) == WORST
    )
    assert rank_key("log_loss", 0.1, 0.1) > rank_key("log_loss", 0.2, 0.2) > rank_key("log_loss", inf, inf)


def test_an_unknown_metric_gets_its_way_out():
    with pytest.raises(Exception, match="there is no metric 'acuracy'\ndid you mean 'accuracy'"):
        check_metric("acuracy")


def test_slow_starters_have_every_fourth_promotion():
    halving = Halving((1, 3))
    promoted = []
    for number in range(120):
        slow = number % 10 == 0
        halving.enter(number, slow)
        quality = 0.0 if slow else random.Random(number).random()  # quick ones win every comparison
        promoted += [d.number for d in halving.report(number, 1, (quality, 0.0)) if d.to_epoch is not None]
    assert [n % 10 == 0 for n in promoted] == [i % 4 == 3 for i in range(len(promoted))]
    assert len(promoted) == 40


def test_a_smoothed_score_leans_on_the_last_epochs():
    assert smoothed([0.7]) == 0.7
    assert smoothed([0.7, 0.7, 0.7]) == pytest.approx(0.7)
    rising = smoothed([0.1, 0.5, 0.9])
    assert rising == pytest.approx((0.9 * 4 + 0.5 * 2 + 0.1) / 7)  # weights halve with every epoch
    assert smoothed([float("nan"), 0.4]) == 0.4
    assert math.isnan(smoothed([0.4, float("nan")]))


@given(st.floats(0.01, 1e6), st.floats(1e-5, 1e3))
def test_the_ladder_follows_the_time_that_there_is(seconds: float, epoch: float):
    rungs = rungs_within(seconds, epoch)
    assert rungs[-1] in LADDERS
    assert rungs[-1] <= rungs_within(2 * seconds, epoch)[-1]
    assert rungs[-1] == rungs_within(4 * seconds, 4 * epoch)[-1]
    if seconds >= 1e4 * epoch:
        assert rungs[-1] == 243
    if 27 < rungs[-1] < 243:
        assert WHOLE / 2 < seconds / epoch / rungs[-1] < WHOLE * 2


def test_few_epochs_are_better_spent_on_few_longer_trials():
    assert rungs_within(82, 1)[-1] == 27
    assert rungs_within(10, 1)[-1] == 9
