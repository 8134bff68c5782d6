"""The ledger ranks a trial by its epochs, however it came by them."""

from __future__ import annotations

import math
import random
from array import array
from io import StringIO

import pytest
from rich.console import Console

from caviar.errors import StoreError
from caviar.records import (
    Comparison,
    Curve,
    Ended,
    Lease,
    Measurement,
    Task,
    TaskOutcome,
    TaskResult,
    Trial,
    TrialState,
)
from caviar.records.ranking import WORST, smoothed
from caviar.records.result import BestTrial, StudyResult
from caviar.report.answer import answer
from caviar.study.known import Known
from caviar.study.ledger import Ledger, outcomes

SCORES = [0.3, 0.9, 0.5, 0.6, 0.8, 0.7, 0.75, 0.7, 0.72]
WORKER = Lease("flowers", 1, {}, "token")


def measured(epoch: int, score: float) -> Measurement:
    return Measurement(epoch, 1.0, 1 - score, score, score, 0.1, 0.01)


def task(to_epoch: int, from_epoch: int = 1) -> Task:
    return Task(0, 0, {}, from_epoch, to_epoch)


def done(first: int, last: int) -> TaskResult:
    epochs = [measured(e, SCORES[e - 1]) for e in range(first, last + 1)]
    return TaskResult(task(last), TaskOutcome.TRAINED, epochs)


def record(ledger: Ledger, first: int, last: int):
    """Open a task and record its result."""
    ledger.begin(task(last))
    return ledger.record(done(first, last))


class Nowhere:
    """The way to no store."""

    lease = Lease("flowers", 1, {}, "token")


def whole() -> list:
    """The rank keys at the rungs 1, 3 and 9 of a trial that nothing interrupts."""
    ledger = Ledger(None, Nowhere, "accuracy", keep=1)
    ledger.begin(task(1, 0))
    return [record(ledger, first, last) for first, last in ((1, 1), (2, 3), (4, 9))]


@pytest.mark.parametrize("known", [1, 3])
@pytest.mark.parametrize("again_from", [1, 2])
def test_a_trial_that_is_trained_again_from_its_start_or_a_snapshot_has_the_same_rank_keys(known: int, again_from: int):
    scores = array("d", SCORES[:known])
    curve = Curve(range(1, known + 1), scores, array("d", [1 - score for score in scores]), 0.01 * known)
    stored = Trial(0, {}, TrialState.INTERRUPTED, epochs=known, score=scores[-1])
    ledger = Ledger(None, Nowhere, "accuracy", keep=1, known=Known({(0, 0): stored}, {(0, 0): curve}))
    tasks = task(1, 0), task(3), task(9)
    rank_keys = [rank_key for one in tasks if (rank_key := ledger.begin(one)) is not None]
    rank_keys += [record(ledger, min(again_from, known + 1), rung) for rung in (3, 9) if rung > known]
    assert rank_keys == whole()


class Remembering:
    """A store that has one curve, and the way to it, which takes what is written."""

    lease, note = WORKER, ""

    def __init__(self, curve: Curve):
        self.curve, self.asked, self.written = curve, 0, []

    def curves(self, study: str, numbers: list[int]) -> dict:
        self.asked += 1
        return dict.fromkeys([(number, 0) for number in numbers], self.curve)

    def need(self, question):
        return question()

    def write(self, trials, measurements, boxes, comparisons, progress, at) -> None:
        self.written += [(m.epoch, None) for _, _, m in measurements] + [(c.epoch, c) for _, _, c in comparisons]


@pytest.mark.parametrize("rungs", [1, 2, 3])
def test_a_compared_trial_has_the_same_rank_keys_and_its_curve_is_read_only_where_it_goes_on(rungs: int):
    reached = [1, 3, 9][:rungs]
    scores = array("d", SCORES[: reached[-1]])
    curve = Curve(range(1, reached[-1] + 1), scores, array("d", [1 - score for score in scores]), 0.0)
    compared = [Comparison(e, smoothed(SCORES[:e]), SCORES[e - 1], 1 - SCORES[e - 1], 0.01 * e) for e in reached]
    stored = Trial(0, {}, TrialState.INTERRUPTED, reached[-1], SCORES[reached[-1] - 1], 1 - SCORES[reached[-1] - 1])
    store = Remembering(curve)
    ledger = Ledger(store, store, "accuracy", keep=1, known=Known({(0, 0): stored}, {}, {(0, 0): compared}))
    tasks = task(1, 0), task(3), task(9)
    rank_keys = [rank_key for one in tasks if (rank_key := ledger.begin(one)) is not None]
    assert (len(rank_keys), store.asked) == (rungs, 0)
    rank_keys += [record(ledger, below + 1, rung) for below, rung in ((1, 3), (3, 9)) if rung > reached[-1]]
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
    ledger = Ledger(None, Nowhere, "accuracy", keep=3)
    epoch, keys = dict.fromkeys(range(30), 0), {}
    for number in epoch:
        ledger.begin(Task(number, 0, {}, 0, 1))
    for _ in range(300):
        number = chance.randrange(30)
        epoch[number] += 1
        score = chance.choice([0.1, 0.5, 0.9, chance.random(), math.nan])
        one = Task(number, 0, {}, 1, epoch[number])
        ledger.begin(one)
        keys[number] = ledger.record(TaskResult(one, TaskOutcome.TRAINED, [measured(epoch[number], score)]))
        ranked = sorted((n for n in keys if keys[n] > WORST), key=lambda n: (keys[n], -n), reverse=True)
        n = chance.randrange(1, 6)
        assert [trial.number for trial in ledger.best(n)] == ranked[:n]


def test_a_trial_that_another_version_proposed_is_not_taken_for_ours():
    stored = Trial(0, {"learning_rate": 0.1}, TrialState.STOPPED, 1, 0.5, 0.5)
    ledger = Ledger(None, Nowhere, "accuracy", keep=1, known=Known({(0, 0): stored}))
    with pytest.raises(StoreError, match="another config"):
        ledger.begin(Task(0, 0, {"learning_rate": 0.1 + 1e-15}, 0, 1))
    ledger.begin(Task(0, 0, {"learning_rate": 0.1}, 0, 1))


def test_a_result_that_comes_late_is_not_reported_twice():
    ledger = Ledger(None, Nowhere, "accuracy")
    ledger.begin(task(1, 0))
    assert ledger.record(done(1, 1)) is not None
    assert ledger.record(done(1, 1)) is None


def test_a_program_that_ends_between_two_rungs_counts_at_the_rungs_that_it_did_not_come_to():
    ledger = Ledger(None, Nowhere, "score")
    ledger.begin(task(1, 0))
    first = ledger.record(TaskResult(task(1), TaskOutcome.TRAINED, [measured(1, 0.5)]))
    assert first == (0.5, 0.0)
    assert ledger.record(TaskResult(task(1), TaskOutcome.FINISHED, score=0.7)) is None  # no task is open
    assert ledger.begin(task(3)) == (0.7, 0.0)
    assert ledger.trials[0, 0].state is TrialState.FINISHED


def test_a_program_without_any_score_has_failed():
    ledger = Ledger(None, Nowhere, "score")
    ledger.begin(task(1, 0))
    assert ledger.record(TaskResult(task(1), TaskOutcome.FINISHED)) == WORST
    assert ledger.trials[0, 0].state is TrialState.FAILED


def test_a_stopped_program_that_was_done_has_finished_after_a_resume_as_well():
    first, second = Task(0, 0, {}, 0, 1), Task(1, 0, {}, 0, 1)
    ledger = Ledger(None, Remembering(Curve((), array("d"), array("d"), 0.0)), "score", keep=1)
    for task in (first, second):
        ledger.begin(task)
        ledger.record(TaskResult(task, TaskOutcome.TRAINED, [measured(1, 0.5)]))
        ledger.settle([Ended(task.trial, True, 0)])
    assert ledger.record(TaskResult(first, TaskOutcome.FINISHED)) is None
    assert ledger.record(TaskResult(second, TaskOutcome.STOPPED)) is None
    done, stopped = ledger.trials[0, 0], ledger.trials[1, 0]
    assert (done.state, done.score, stopped.state) == (TrialState.FINISHED, 0.5, TrialState.STOPPED)

    curve = Curve((1,), array("d", [0.5]), array("d", [0.5]), 0.01)
    again = Ledger(None, Remembering(curve), "score", keep=1, known=Known({(0, 0): done}, {(0, 0): curve}))
    assert again.begin(first) == (0.5, 0.0)  # compared as it was
    again.settle([Ended(0, True, 0)])
    assert again.trials[0, 0] == done


def test_a_stopped_program_that_had_failed_by_itself_has_failed_after_a_resume_as_well():
    first = Task(0, 0, {}, 0, 1)
    ledger = Ledger(None, Remembering(Curve((), array("d"), array("d"), 0.0)), "score", keep=1)
    ledger.begin(first)
    ledger.record(TaskResult(first, TaskOutcome.TRAINED, [measured(1, 0.5)]))
    ledger.settle([Ended(0, True, 0)])
    assert ledger.trials[0, 0].state is TrialState.STOPPED
    assert ledger.record(TaskResult(first, TaskOutcome.FAILED, error="no disk")) is None
    failed = ledger.trials[0, 0]
    assert (failed.state, failed.error, failed.epochs) == (TrialState.FAILED, "no disk", 1)
    assert ledger.best(1) == []
    assert ledger.failures == ["no disk"]

    curve = Curve((1,), array("d", [0.5]), array("d", [0.5]), 0.01)
    again = Ledger(None, Remembering(curve), "score", keep=1, known=Known({(0, 0): failed}, {(0, 0): curve}))
    assert again.begin(first) > WORST  # compared as it was
    again.settle([Ended(0, True, 0)])
    assert again.trials[0, 0] == failed
    assert again.best(1) == []


def test_the_interrupted_are_counted_among_the_stopped_and_named():
    ledger = Ledger(None, Nowhere, "accuracy")
    for number in range(3):
        ledger.begin(Task(number, 0, {}, 0, 1))
    ledger.settle([Ended(0, True, 0)])
    ledger.interrupt()
    found = outcomes(ledger)
    assert found == {"started": 3, "finished": 0, "stopped": 3, "diverged": 0, "interrupted": 2}
    result = StudyResult(metric="accuracy", study="s", trials=found, best=BestTrial(trial=0, config={}))
    file = StringIO()
    Console(width=100, file=file).print(answer(result))
    assert "3 started, 0 finished, 1 stopped, 0 diverged, 2 interrupted" in file.getvalue()
