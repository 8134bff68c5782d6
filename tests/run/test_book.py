"""The book ranks a trial by its epochs, however it came by them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from caviar.engine.contract import Epoch, Evaluation, Outcome
from caviar.records import Measurement, Trial, TrialState, Worker
from caviar.run.book import Book, Known
from caviar.run.crew import Done, Work

SCORES = [0.3, 0.9, 0.5, 0.6, 0.8, 0.7, 0.75, 0.7, 0.72]
WORKER = Worker("flowers", 1, {}, "token")


def epochs(first: int, last: int) -> list[Epoch]:
    return [
        Epoch(e, 1.0, Evaluation(1 - SCORES[e - 1], {"accuracy": SCORES[e - 1]}), 0.1, 0.01)
        for e in range(first, last + 1)
    ]


def done(first: int, last: int) -> Done:
    return Done(Work(0, 0, lambda: None, last), None, Outcome.TRAINED, epochs(first, last))


def whole() -> list:
    """The merits at the rungs 1, 3 and 9 of a trial that nothing interrupts."""
    book = Book(None, WORKER, "accuracy", keep=1)
    book.begin(0, {})
    return [book.measure(done(first, last)) for first, last in ((1, 1), (2, 3), (4, 9))]


@pytest.mark.parametrize("known", [1, 3])
@pytest.mark.parametrize("again_from", [1, 2])
def test_a_trial_that_is_trained_again_from_its_start_or_a_snapshot_has_the_same_merits(known: int, again_from: int):
    measured = {
        e.epoch: Measurement(e.epoch, 1.0, e.validation.loss, 0.0, SCORES[e.epoch - 1], 0.1, 0.01)
        for e in epochs(1, known)
    }
    last = measured[known]
    stored = replace(Trial(0, {}, TrialState.INTERRUPTED), epochs=known, score=last.score)
    book = Book(None, WORKER, "accuracy", keep=1, known=Known({(0, 0): stored}, {(0, 0): measured}))
    book.begin(0, {})
    merits = [merit for rung in (1, 3, 9) if (merit := book.recall(0, rung)) is not None]
    merits += [book.measure(done(min(again_from, known + 1), rung)) for rung in (3, 9) if rung > known]
    assert merits == whole()
