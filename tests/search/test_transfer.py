"""Studies that follow earlier ones: a good one gets more of the draws, a misleading one at most a fifth of the work."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caviar.records import Winners
from caviar.scales import Choice, Fixed, Integer, Linear, Log, OneMinusLog, PowerOfTwo
from caviar.scheduling.strategy import Strategy
from caviar.search.coarse_to_fine import CoarseToFine
from caviar.search.contract import Compared
from caviar.search.fitting import fitted, note_on
from caviar.search.given import read
from caviar.search.searches import search_named
from caviar.search.transfer import LIKE, Transfer, charge, fitting
from caviar.space import Space, default_space
from caviar.study.like import start_within

RUNGS = (1, 3, 9, 27)
SPACE = default_space()
WINNERS = Winners(label="old", trials=tuple(range(8)), configs=tuple(SPACE.sample(8, seed=5)), ahead=1)


class Spy(CoarseToFine):
    """Coarse to fine, which notes the origins that it sees."""

    def __init__(self, space, seed):
        super().__init__(space, seed)
        self.seen: set[str] = set()

    def propose(self, number, evidence):
        self.seen |= {one.origin for rung in evidence for one in rung}
        return super().propose(number, evidence)


def play(search, trials, seed, quality, slots=None, workers=3):
    """The epochs and the numbers of trials that follow a study, and of the others, by True and False."""
    strategy = Strategy(search, RUNGS, trials=trials, pool=9, slots=slots)
    epochs, begun, under_way, chance = {True: 0, False: 0}, {True: 0, False: 0}, [], random.Random(seed)
    while not strategy.over:
        while len(under_way) < workers and (task := strategy.next()) is not None:
            under_way.append(task)
        strategy.take_ended()
        if not under_way:
            break
        task = under_way.pop(chance.randrange(len(under_way)))
        follows = task.origin.startswith(LIKE)
        epochs[follows] += task.to_epoch - task.from_epoch
        begun[follows] += task.from_epoch == 0
        score = random.Random(task.trial * 1000 + task.to_epoch).random()
        strategy.report(task, (score + quality * follows, 0.0))
    return epochs, begun


def following(trials, seed=0, search=None, studies=1, of_a_table=True):
    start = start_within(trials, RUNGS, "halving", of_a_table)
    like = [
        replace(WINNERS, label=f"s{n}", ahead=len(range(n, min(start.ahead, 8), studies)), straight=start.straight)
        for n in range(studies)
    ]
    return Transfer(search or CoarseToFine(SPACE, seed), SPACE, seed, like)


@settings(max_examples=60)
@given(st.integers(5, 300), st.integers(0, 2**32), st.integers(1, 3))
def test_a_misleading_study_costs_at_most_a_fifth(trials, seed, studies):
    epochs, begun = play(following(trials, seed, studies=studies), trials, seed, quality=-10)
    assert 1 <= begun[True] <= trials / 5
    assert epochs[True] <= (epochs[True] + epochs[False]) / 5


@settings(max_examples=30)
@given(st.integers(30, 300), st.integers(0, 2**32), st.integers(1, 8))
def test_where_trials_hold_their_slots_it_costs_a_fifth_or_one_training(trials, seed, slots):
    search = following(trials, seed, of_a_table=False)
    epochs, begun = play(search, trials, seed, quality=-10, slots=slots, workers=slots)
    assert 1 <= begun[True] <= trials / 5
    assert epochs[True] <= max((epochs[True] + epochs[False]) / 5, RUNGS[-1])


@pytest.mark.parametrize("trials", [100, 400])
def test_a_good_study_gets_more_of_the_work_than_a_misleading_one(trials):
    good, _ = play(following(trials), trials, 0, quality=10)
    assert 0.5 < good[True] / (good[True] + good[False]) < 0.75


def test_of_two_studies_the_good_one_is_followed():
    good = replace(WINNERS, label="good")
    bad = replace(WINNERS, label="bad", configs=tuple(SPACE.sample(8, seed=6)))
    strategy = Strategy(Transfer(CoarseToFine(SPACE, 0), SPACE, 0, [bad, good]), RUNGS, trials=300, pool=9)
    origins = []
    while (task := strategy.next()) is not None:
        origins += [task.origin] * (task.from_epoch == 0)
        quality = {"like good": 10, "like bad": -10}.get(task.origin.partition(":")[0], 0)
        strategy.report(task, (quality + random.Random(task.trial).random(), 0.0))
    assert sum(one.startswith("like good") for one in origins) > 8 * sum(one.startswith("like bad") for one in origins)


def test_the_search_does_not_look_at_unproven_trials_and_does_at_good_ones():
    for quality, sees in ((-10, False), (10, True)):
        spy = Spy(SPACE, 0)
        play(following(200, search=spy), 200, 0, quality)
        assert any(origin.startswith(LIKE) for origin in spy.seen) is sees
        assert any(not origin.startswith(LIKE) for origin in spy.seen)


def test_winners_come_first_each_study_once_and_then_the_search():
    like = [replace(WINNERS, ahead=2, straight=True), replace(WINNERS, label="other", ahead=1)]
    proposals, _ = Transfer(CoarseToFine(SPACE, 0), SPACE, 0, like).propose(0, [[], [], [], []])
    assert [one.origin for one in proposals] == [
        "like old: trial 0",
        "like other: trial 0",
        "like old: trial 1",
        "middle",
    ]
    assert proposals[0].config == WINNERS.configs[0]
    assert [one.entry for one in proposals] == [3, 0, 0, 0]


def test_a_winner_that_was_tried_in_an_earlier_session_is_not_tried_again():
    search = Transfer(CoarseToFine(SPACE, 0), SPACE, 0, [replace(WINNERS, ahead=2)])
    search.recall(WINNERS.configs[0])
    proposals, _ = search.propose(1, [[Compared(0, WINNERS.configs[0], 0, 1, (1.0, 0.0), "like old: trial 0")], []])
    assert proposals[0].origin == "like old: trial 1"


def test_after_a_change_of_the_space_no_winners_are_tried_again_at_once():
    like = [replace(WINNERS, ahead=2, straight=True)]
    evidence = [
        [Compared(n, WINNERS.configs[n], 0, 1, (-1.0, 0.0), f"like old: trial {n}") for n in (0, 1)],
        [],
        [],
        [],
    ]
    search = Transfer(CoarseToFine(SPACE, 0), SPACE, 0, like)
    origins = [one.origin for one in search.propose(6, evidence)[0]]
    assert not any(origin.startswith(LIKE) for origin in origins)
    origins = [one.origin for one in search.propose(30, evidence)[0]]
    assert "like old: trial 2" in origins


def test_a_charge_is_the_epochs_that_halving_gives():
    for last in range(5):
        rungs = [3**k for k in range(last + 1)]
        for entry in range(last + 1):
            work = rungs[entry] + sum((rungs[k] - rungs[k - 1]) / 3 ** (k - entry) for k in range(entry + 1, last + 1))
            whole = rungs[0] + sum((rungs[k] - rungs[k - 1]) / 3**k for k in range(1, last + 1))
            assert charge(entry, last) == pytest.approx(work / whole)


# --- configs of another space ---

SCALES = {
    "linear": Linear(0, 1, step=0.125),
    "log": Log(1e-4, 1, zero=0.25),
    "beta": OneMinusLog(0.5, 0.999),
    "units": Integer(8, 248, step=16),
    "batch": PowerOfTwo(8, 256),
    "kind": Choice(["a", None, 3]),
    "inner": Log(1e-3, 1, when={"kind": ["a"]}),
    "fixed": Fixed(7),
}
OTHER = Space(**SCALES)
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**400), 10**400), st.integers(-9, 999), st.floats(), st.text(max_size=3)
)


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from([*SCALES, "LR", "Batch-Size", "what"]), VALUES | st.sampled_from(["a", 3, "3"])))
def test_what_fits_is_a_config_of_the_space_and_everything_else_is_named(config):
    fit = fitted(OTHER, config)
    if fit.config:
        assert read(OTHER, fit.config) == fit.config
    taken = {*fit.config, *fit.left, *fit.dropped, *fit.renamed, "fixed"}
    assert set(config) <= taken
    note_on(OTHER, Winners(label="s", trials=(0,), configs=(config,)))


@given(st.integers(0, 2**32))
def test_a_config_of_the_space_fits_as_it_is(seed):
    for space in (OTHER, SPACE):
        for config in space.sample(5, seed=seed):
            fit = fitted(space, config)
            assert fit.config == {name: value for name, value in config.items() if name in space.searched}
            assert [*fit.nearest, *fit.left, *fit.dropped, *fit.renamed] == []


@given(st.integers(-100, 600) | st.floats(-100, 600))
def test_a_number_becomes_the_nearest_one(number):
    for name, values in (("units", range(8, 249, 16)), ("linear", [k / 8 for k in range(9)])):
        [found] = fitted(OTHER, {name: number}).config.values()
        assert abs(found - number) == pytest.approx(min(abs(value - number) for value in values), abs=1e-9)
    [found] = fitted(OTHER, {"batch": max(number, 0)}).config.values()
    assert found in [2**k for k in range(3, 9)]


def test_the_note_says_what_was_done():
    space = Space(learning_rate=Log(1e-4, 1), layers=Integer(1, 4), momentum=Linear(0, 1), kind=Choice(["a", "b"]))
    configs = ({"lr": 0.1, "layers": 9, "kind": "c", "x": 1}, {"lr": 0.2, "layers": 2, "kind": "a", "x": 1})
    assert note_on(space, Winners(label="old", trials=(3, 1), configs=configs)) == (
        "the best 2 configs of study old do not fit this space as they are; its lr is taken for learning_rate; set to "
        "the nearest value: layers (1 of 2); left to the search: kind (1 of 2); not in this space: x; not in that "
        "study, so left to the search: momentum"
    )
    assert note_on(SPACE, WINNERS) == ""


def test_constraints_hold_and_winners_that_break_them_are_left_out():
    space = Space(a=Linear(0, 1), b=Linear(0, 1)).require("a <= b")
    winners = Winners(
        label="old", trials=(0, 1, 2), configs=({"a": 0.9, "b": 0.1}, {"a": 0.5}, {"a": 0.1, "b": 0.9}), ahead=2
    )
    assert [fit.trial for fit in fitting(space, winners)] == [1, 2]
    strategy = Strategy(search_named("coarse_to_fine", space, 0, like=[winners]), RUNGS, trials=60, pool=9)
    while (task := strategy.next()) is not None:
        assert space.fulfils(task.config)
        strategy.report(task, (float(task.origin.startswith(LIKE)), 0.0))
