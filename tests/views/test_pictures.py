"""Lanes, rungs and comparisons, against what the trials alone say."""

from __future__ import annotations

import math
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caviar.records import Standing, StudyKind, StudySpec, TrialState
from caviar.records.metrics import smaller_is_better
from caviar.records.ranking import rank_key_of
from caviar.views.pictures import compared, comparison, improvements, lanes, ranked_by_number, rung_pictures
from tests.views.records import study_of

ZERO = datetime.fromisoformat(study_of().created).timestamp()
_SCORES = st.none() | st.floats() | st.sampled_from([0.5, 0.25])


@st.composite
def _standings(draw: st.DrawFn) -> list[Standing]:
    found = []
    for number in range(draw(st.integers(0, 14))):
        state = draw(st.sampled_from(TrialState))
        began = draw(st.none() | st.integers(0, 20))
        took = draw(st.none() | st.integers(0, 9))
        began = None if began is None else ZERO + began
        ended = None if began is None or took is None or state is TrialState.RUNNING else began + took
        score, loss = draw(_SCORES), draw(_SCORES)
        found.append(Standing(number, 0, state, draw(st.integers(0, 9)), score, loss, began, ended))
    return found


@given(_standings())
def test_no_two_trials_are_in_one_lane_at_once_and_there_is_no_lane_too_many(trials):
    found = lanes(study_of(), trials)
    at = [
        (lane.began, math.inf if trial.state is TrialState.RUNNING else lane.ended or lane.began, lane.slot)
        for trial, lane in zip(trials, found, strict=True)
        if lane.began is not None
    ]
    for i, (began, ended, slot) in enumerate(at):
        for other_began, other_ended, other in at[i + 1 :]:
            if slot == other:
                assert ended <= other_began or other_ended <= began
    moments = {began for began, _, _ in at}
    most = max((sum(b <= t < e or b == t for b, e, _ in at) for t in moments), default=0)
    assert len({slot for _, _, slot in at}) <= most
    assert all((lane.slot is None) == (trial.began is None) for trial, lane in zip(trials, found, strict=True))


@given(_standings(), st.sampled_from([(), (1,), (1, 3, 9)]))
def test_a_trial_is_stopped_at_one_rung_and_saves_the_epochs_of_a_whole_training(trials, rungs):
    study = study_of(spec=StudySpec(kind=StudyKind.TABLE, rungs=rungs))
    found = rung_pictures(study, trials)
    stopped = [trial for trial in trials if trial.state is TrialState.STOPPED and rungs and trial.epochs >= rungs[0]]
    assert sorted(number for rung in found for number in rung.stopped) == [trial.number for trial in stopped]
    ended = [trial.epochs for trial in trials if trial.state is TrialState.FINISHED]
    whole = min([max(ended), *rungs[-1:]]) if ended else max(rungs, default=0)
    assert sum(rung.saved_epochs for rung in found) == sum(max(whole - trial.epochs, 0) for trial in stopped)
    assert sum(rung.ended for rung in found) == sum(epochs >= min(rungs) for epochs in ended if rungs)
    for rung, after in zip(found, (*rungs[1:], math.inf), strict=False):
        assert rung.reached == sum(trial.epochs >= rung.epochs for trial in trials)
        assert 0 <= rung.went_on <= rung.reached - len(rung.stopped) - rung.ended
        assert rung.went_on == sum(
            trial.epochs >= after or (trial.state is TrialState.RUNNING and rung.epochs < trial.epochs < after)
            for trial in trials
        )


@given(_standings(), st.sampled_from(["accuracy", "log_loss", "score", "loss"]))
def test_improvements_are_the_steps_of_the_best_so_far(trials, metric):
    study, sign = study_of(metric=metric), -1 if smaller_is_better(metric) else 1
    placed = ranked_by_number(metric, [rank_key_of(metric, trial) for trial in trials])
    steps = improvements(study, trials)
    best = [score for score in placed.best_so_far if score is not None]
    assert [sign * score for score in best] == sorted(sign * score for score in best)
    assert [step.best for step in steps] == list(dict.fromkeys(best))
    assert all(0 <= rank <= 1 for rank in placed.ranks)
    side = compared(study, trials, {})
    assert side.best == (best[-1] if best else None)
    for step in {step.seconds: step for step in side.over_time}.values():  # the best of all that had ended then
        ended = [t for t in trials if t.ended is not None and t.ended <= ZERO + step.seconds + 1e-6]
        keys = [rank_key_of(metric, trial) for trial in ended]
        assert max(keys)[0] == sign * step.best
    moments = [step.seconds for step in side.over_time]
    assert moments == sorted(moments)


def test_the_best_over_time_is_in_the_order_of_ends_not_of_numbers():
    ends = [(0, 10, 0.5), (1, 5, 0.9), (2, 3, 0.2), (3, 7, 0.95)]
    trials = [
        Standing(number, 0, TrialState.FINISHED, 1, score, 1 - score, ZERO, ZERO + end) for number, end, score in ends
    ]
    side = compared(study_of(), trials, {})
    assert [step.trial for step in side.improvements] == [0, 1, 3]
    assert [(step.trial, step.seconds) for step in side.over_time] == [(2, 3), (1, 5), (3, 7)]
    assert side.seconds == 10


@pytest.mark.parametrize(
    ("other", "doubt"),
    [
        ({}, ""),
        ({"metric": "log_loss"}, "Their metrics differ: accuracy and log_loss."),
        ({"data": {"sha256": "b"}}, "They were tuned on different data."),
        ({"seed": 2}, "Their seeds differ, and with them the rows that validate; a small lead may be chance."),
    ],
)
def test_a_comparison_says_what_makes_it_doubtful(other, doubt):
    first = study_of(data={"sha256": "a"})
    second = study_of("other", **{"data": {"sha256": "a"}, **other})
    view = comparison([compared(first, [], {"a": 1}), compared(second, [], {"b": 2})])
    assert view.doubt == doubt
    assert view.names == ("a", "b")
