"""The ledger ranks a trial by its epochs, however it came by them."""

from __future__ import annotations

import math
import random
from array import array

import pytest

from caviar.errors import StoreError
from caviar.executors.threads import Done, Work
from caviar.learners.contract import Epoch, Evaluation, Outcome
from caviar.records import Comparison, Curve, Lease, Trial, TrialState
from caviar.records.ranking import WORST, smoothed
from caviar.study.ledger import Known, Ledger

SCORES = [0.3, 0.9, 0.5, 0.6, 0.8, 0.7, 0.75, 0.7, 0.72]
WORKER = Lease("flowers", 1, {}, "token")


def epochs(first: int, last: int) -> list[Epoch]:
    return [
        Epoch(e, 1.0, Evaluation(1 - SCORES[e - 1], {"accuracy": SCORES[e - 1]}), 0.1, 0.01)
        for e in range(first, last + 1)
    ]


def done(first: int, last: int) -> Done:
    return Done(Work(0, 0, lambda: None, last), None, Outcome.TRAINED, epochs(first, last))


def whole() -> list:
    """The rank_keys at the rungs 1, 3 and 9 of a trial that nothing interrupts."""
    ledger = Ledger(None, WORKER, "accuracy", keep=1)
    ledger.begin(0, {})
    return [ledger.measure(done(first, last)) for first, last in ((1, 1), (2, 3), (4, 9))]


@pytest.mark.parametrize("known", [1, 3])
@pytest.mark.parametrize("again_from", [1, 2])
def test_a_trial_that_is_trained_again_from_its_start_or_a_snapshot_has_the_same_merits(known: int, again_from: int):
    scores = array("d", SCORES[:known])
    curve = Curve(range(1, known + 1), scores, array("d", [1 - score for score in scores]), 0.01 * known)
    stored = Trial(0, {}, TrialState.INTERRUPTED, epochs=known, score=scores[-1])
    ledger = Ledger(None, WORKER, "accuracy", keep=1, known=Known({(0, 0): stored}, {(0, 0): curve}))
    ledger.begin(0, {})
    rank_keys = [rank_key for rung in (1, 3, 9) if (rank_key := ledger.recall(0, rung)) is not None]
    rank_keys += [ledger.measure(done(min(again_from, known + 1), rung)) for rung in (3, 9) if rung > known]
    assert rank_keys == whole()


class Remembering:
    """A store that has one curve, and takes what is written."""

    def __init__(self, curve: Curve):
        self.curve, self.asked, self.written = curve, 0, []

    def curves(self, study: str, numbers: list[int]) -> dict:
        self.asked += 1
        return dict.fromkeys([(number, 0) for number in numbers], self.curve)

    def write(self, study, trials, measurements, boxes, lease, comparisons) -> None:
        self.written += [(m.epoch, None) for _, _, m in measurements] + [(c.epoch, c) for _, _, c in comparisons]


@pytest.mark.parametrize("rungs", [1, 2, 3])
def test_a_compared_trial_has_the_same_merits_and_its_curve_is_read_only_where_it_goes_on(rungs: int):
    reached = [1, 3, 9][:rungs]
    scores = array("d", SCORES[: reached[-1]])
    curve = Curve(range(1, reached[-1] + 1), scores, array("d", [1 - score for score in scores]), 0.0)
    compared = [Comparison(e, smoothed(SCORES[:e]), SCORES[e - 1], 1 - SCORES[e - 1], 0.01 * e) for e in reached]
    stored = Trial(0, {}, TrialState.INTERRUPTED, reached[-1], SCORES[reached[-1] - 1], 1 - SCORES[reached[-1] - 1])
    store = Remembering(curve)
    ledger = Ledger(store, WORKER, "accuracy", keep=1, known=Known({(0, 0): stored}, {}, {(0, 0): compared}))
    ledger.begin(0, {})
    rank_keys = [rank_key for rung in (1, 3, 9) if (rank_key := ledger.recall(0, rung)) is not None]
    assert (len(rank_keys), store.asked) == (rungs, 0)
    rank_keys += [ledger.measure(done(below + 1, rung)) for below, rung in ((1, 3), (3, 9)) if rung > reached[-1]]
    assert rank_keys == whole()
    assert store.asked == (rungs < 3)
    assert ledger.seconds[0, 0] == pytest.approx(0.09)
    ledger.write()
    new = [(e, None) for e in range(reached[-1] + 1, 10)]
    assert [(e, c and c.smoothed) for e, c in store.written] == new + [
        (e, smoothed(SCORES[:e])) for e in (1, 3, 9) if e > reached[-1]
    ]


def test_the_best_are_the_best_whatever_came_and_went():
    """Against a sort of all, after each of many measurements, better and worse ones."""
    chance = random.Random(1)
    ledger = Ledger(None, WORKER, "accuracy", keep=3)
    epoch, told = dict.fromkeys(range(30), 0), {}
    for number in epoch:
        ledger.begin(number, {})
    for _ in range(300):
        number = chance.randrange(30)
        epoch[number] += 1
        score = chance.choice([0.1, 0.5, 0.9, chance.random(), math.nan])
        one = Epoch(epoch[number], 1.0, Evaluation(1 - score, {"accuracy": score}), 0.1, 0.01)
        told[number] = ledger.measure(Done(Work(number, 0, lambda: None, 1), None, Outcome.TRAINED, [one]))
        ranked = sorted((n for n in told if told[n] > WORST), key=lambda n: (told[n], -n), reverse=True)
        n = chance.randrange(1, 6)
        assert [trial.number for trial in ledger.best(n)] == ranked[:n]


def test_a_trial_that_another_version_proposed_is_not_taken_for_ours():
    stored = Trial(0, {"learning_rate": 0.1}, TrialState.STOPPED, 1, 0.5, 0.5)
    ledger = Ledger(None, WORKER, "accuracy", keep=1, known=Known({(0, 0): stored}))
    with pytest.raises(StoreError, match="another config"):
        ledger.begin(0, {"learning_rate": 0.1 + 1e-15})
    ledger.begin(0, {"learning_rate": 0.1})
