"""Ask and tell for the user's own training: every report is answered at once, and replays the same."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caviar.errors import ConfigError
from caviar.records.ranking import WORST
from caviar.scales import Linear
from caviar.scheduling.asking import Asking
from caviar.search.searches import search_named
from caviar.space import Space, default_space

SPACE = Space(x=Linear(0, 1))


def asking(**arguments):
    return Asking(search_named("coarse_to_fine", SPACE, 3), **arguments)


def key(value: float) -> tuple[float, float]:
    return value, 0.0


def test_it_finds_the_best_part_with_any_way_of_training():
    machine = asking()
    late = []
    for _ in range(300):
        (trial,) = machine.ask()
        loss = (float(trial.config["x"]) - 0.3) ** 2
        goes_on, epoch = True, 0
        while goes_on and epoch < 27:
            epoch += 1
            goes_on = machine.report(trial.number, epoch, key(-loss - 1 / epoch))
        machine.tell(trial.number, key(-loss), "finished" if goes_on else "stopped")
        if trial.number > 200 and trial.origin.startswith("box"):
            late.append(loss)
    assert len(late) > 50
    assert sorted(late)[len(late) // 2] < 0.005
    assert machine.boxes


def test_without_any_report_it_learns_from_the_final_scores():
    machine = asking()
    for _ in range(100):
        for trial in machine.ask(3):
            machine.tell(trial.number, key(-abs(float(trial.config["x"]) - 0.7)))
    assert machine.boxes[-1].ranges["x"]["low"] < 0.7 < machine.boxes[-1].ranges["x"]["high"]
    assert machine.boxes[-1].ranges["x"]["high"] - machine.boxes[-1].ranges["x"]["low"] < 0.2


@pytest.mark.parametrize(("rule", "low", "high"), [("halving", 0.32, 0.37), ("median", 0.48, 0.53), ("none", 1.0, 1.0)])
def test_the_share_of_trials_that_go_on_from_a_rung(rule, low, high):
    machine = Asking(search_named("random", SPACE, 0), rule, rungs=(1, 3))
    answers = [machine.report(t.number, 1, key(random.Random(t.number).random())) for t in machine.ask(3000)]
    assert low <= sum(answers) / 3000 <= high


def test_a_trial_is_compared_with_the_last_ones_that_came_to_its_rung():
    """Against the rule by brute force, in an order of arrival that is not that of the numbers."""
    machine = Asking(search_named("random", SPACE, 0), rungs=(1, 3))
    trials = [trial.number for trial in machine.ask(200)]
    order = random.Random(7)
    order.shuffle(trials)
    came: list[float] = []
    for number in trials:
        value = order.random()
        peers = came[-27:]
        goes_on = 3 * sum(other >= value for other in peers) < len(peers) + 1
        assert machine.report(number, 1, key(value)) is goes_on
        came.append(value)


def test_a_trial_that_diverged_is_compared_and_never_goes_on():
    machine = asking()
    a, b = machine.ask(2)
    assert machine.report(a.number, 1, WORST) is False
    machine.tell(a.number, WORST)
    machine.tell(b.number, WORST, "diverged")
    assert len(machine.ask(500)) == 500


def test_a_stop_is_not_taken_back_between_rungs():
    poorest = Asking(search_named("random", SPACE, 0), rungs=(1, 9))
    for trial in poorest.ask(10):
        answer = poorest.report(trial.number, 1, key(-float(trial.number)))
    assert answer is False
    assert poorest.report(9, 2, key(100.0)) is False


def test_a_report_that_skips_rungs_counts_at_each_of_them():
    machine = asking()
    first, second = machine.ask(2)
    assert machine.report(first.number, 10, key(0.5))
    assert machine._strategy.reached()[:4] == (1, 1, 1, 0)
    assert not machine.report(second.number, 10, key(0.4))
    assert machine._strategy.reached()[:4] == (2, 1, 1, 0)


def test_mistakes_get_their_way_out():
    machine = asking()
    (trial,) = machine.ask()
    with pytest.raises(ConfigError, match="must be at least 1, got 0"):
        machine.ask(0)
    with pytest.raises(ConfigError, match="there is no trial 17"):
        machine.report(17, 1, key(0.5))
    with pytest.raises(ConfigError, match="`epoch` must be at least 1, got 0"):
        machine.report(trial.number, 0, key(0.5))
    with pytest.raises(ConfigError, match="`epoch` must be at most 2,147,483,647"):
        machine.report(trial.number, 2**63, key(0.5))
    machine.tell(trial.number, key(0.5))
    with pytest.raises(ConfigError, match="was told already"):
        machine.tell(trial.number, key(0.5))


def test_a_search_that_ends_gives_fewer():
    machine = Asking(search_named("grid:4", SPACE, 0))
    assert len(machine.ask(10)) == 4
    assert machine.ask(10) == []


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("art"), st.integers(0, 5), st.floats(0, 1)), max_size=120))
def test_the_same_calls_give_the_same_answers(calls):
    def session():
        machine = Asking(search_named("coarse_to_fine", default_space(), 1))
        open_trials, epochs, answers = [], {}, []
        for kind, which, value in calls:
            if kind == "a" or not open_trials:
                asked = machine.ask(which + 1)
                answers += asked
                open_trials += [a.number for a in asked]
            elif kind == "r":
                number = open_trials[which % len(open_trials)]
                epochs[number] = epochs.get(number, 0) + 1
                answers.append(machine.report(number, epochs[number], key(value)))
            else:
                machine.tell(open_trials.pop(which % len(open_trials)), key(value))
        return answers

    assert session() == session()
