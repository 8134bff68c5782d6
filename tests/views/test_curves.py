"""Curves of a large study: few numbers that stand for all, and lines that are the trials' own."""

from __future__ import annotations

import math

import numpy as np
import pytest

from caviar.records import Measurement, StudyKind, StudySpec, TableSpec, Trial, TrialState
from caviar.store import Store
from caviar.views.curves import ALL_LINES, curves_picture, shown_lines
from tests.views.records import study_of


def filled(store: Store, n: int, epochs: int, every: int = 1, metric: str = "accuracy") -> None:
    """A study of ``n`` trials that measure each ``every``-th of so many epochs; some diverge at the end."""
    spec = StudySpec(kind=StudyKind.TABLE if every == 1 else StudyKind.ASKED, rungs=(1, epochs), table=TableSpec())
    store.create_study(study_of(metric=metric, spec=spec))
    random = np.random.default_rng(3)
    trials, measured = [], []
    for number in range(n):
        scores = np.sort(random.random(epochs))
        state = TrialState.FINISHED
        if number % 9 == 4:
            scores[-1], state = math.nan, TrialState.DIVERGED
        trials.append(Trial(number, {}, state, epochs, float(scores[-1]), 0.5))
        measured += [
            (number, 0, Measurement(e, 0.5, 0.5, 0.5, float(scores[e - 1]), 0.1, 0.1))
            for e in range(every, epochs + 1, every)
        ]
    store.write("net", trials, measured)


@pytest.mark.parametrize("every", [1, 5])
def test_a_density_counts_all_trials_at_the_epochs_that_they_measured(every: int):
    with Store.open(None) as store:
        filled(store, 50, 300, every)
        own = store.standings("net")
        picture = curves_picture(store, "net", "accuracy", own, [7])
        points = store.points("net")
    density = np.array(picture.density)
    assert density.shape == (len(picture.epochs) - 1, len(picture.scores) - 1)
    assert len(density) <= 64
    for row, (low, high) in zip(density, zip(picture.epochs[:-1], picture.epochs[1:], strict=True), strict=True):
        at = sorted({epoch for epoch in points[:, 1] if low < epoch < high})
        counts = [np.isfinite(points[points[:, 1] == epoch, 2]).sum() for epoch in at]
        assert row.sum() in counts  # of one epoch between the edges, every trial once
    assert picture.of == 50
    assert density[-1].sum() == 50 - sum(number % 9 == 4 for number in range(50))


def test_lines_are_thinned_and_end_where_the_trial_does():
    with Store.open(None) as store:
        filled(store, 3, 1000)
        picture = curves_picture(store, "net", "accuracy", store.standings("net"), [1])
        points = store.points("net")
    assert picture.density == ()
    assert [line.chosen for line in picture.lines] == [False, True, False]
    for line in picture.lines:
        mine = points[points[:, 0] == line.trial]
        assert len(line.epochs) == len(line.scores) == 150
        assert (line.epochs[0], line.epochs[-1]) == (1, 1000)
        by_epoch = dict(mine[:, 1:3])
        assert list(line.scores) == [by_epoch[epoch] for epoch in line.epochs]


def test_of_many_trials_the_chosen_the_best_and_those_that_run_are_lines():
    with Store.open(None) as store:
        filled(store, ALL_LINES + 60, 2)
        store.write("net", [Trial(9, {}, TrialState.RUNNING, 1, 0.0, 0.5), Trial(0, {}, TrialState.STOPPED, 2, 0.0, 1)])
        own = store.standings("net")
    lines = shown_lines("accuracy", own, [0])
    best = sorted(own, key=lambda one: -(one.score if one.state is TrialState.FINISHED else -1))[:12]
    assert set(lines) == {0, 9, *(one.number for one in best)}


def test_losses_that_lie_far_apart_are_on_a_logarithmic_scale():
    with Store.open(None) as store:
        filled(store, 60, 4, metric="log_loss")
        store.write(
            "net", [Trial(100, {}, TrialState.FINISHED, 1, 1e-6, 0.5)], [(100, 0, Measurement(1, 1, 1, 1, 1e-6, 1, 1))]
        )
        picture = curves_picture(store, "net", "log_loss", store.standings("net"), [])
    assert picture.is_log
    ratios = np.array(picture.scores[1:]) / picture.scores[:-1]
    assert ratios == pytest.approx(ratios[0])
