"""Facts of a study, against pandas on the rows of the store."""

from __future__ import annotations

import copy
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from caviar.records import StudyKind, StudyProgress, StudySpec, StudyState, Trial, TrialState
from caviar.records.metrics import smaller_is_better
from caviar.records.ranking import rank_key_of
from caviar.records.result import BestTrial, StudyResult
from caviar.store import Store
from caviar.views.pictures import Ranked, ranked_by_number
from caviar.views.study import StudyView, axes_of, head, ranked, running, study_rows, study_view, study_view_of
from tests.records.test_study import PROGRESS
from tests.views.records import SPACE, STUDIES, study_of


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory):
    """A store with a study of 80 trials, the best three of them repeated."""
    random = np.random.default_rng(7)
    trials = []
    for number, config in enumerate(SPACE.sample(80, seed=3)):
        epochs = int(random.choice([1, 1, 1, 3]))
        state = TrialState.FINISHED if epochs == 3 else TrialState.STOPPED
        score = float(random.random())
        if number % 13 == 5:
            state, score = TrialState.DIVERGED, math.nan
        trials.append(Trial(number, config, state, epochs, score, 1 - score))
    best = ranked("accuracy", trials)[:3]
    again = [
        trial._replace(repeat=repeat, state=TrialState.FINISHED, score=trial.score - 0.01 * repeat)
        for trial in best
        for repeat in (1, 2)
    ]
    path: Path = tmp_path_factory.mktemp("views") / "c.db"
    with Store.open(path) as opened:
        opened.create_study(study_of())
        opened.write("net", [*trials, *again])
        result = StudyResult(metric="accuracy", best=BestTrial(trial=best[1].number))
        opened.finish_study("net", StudyState.FINISHED, result, "2026-11-21T00:01:00+00:00")
        yield opened


def ranks_of(view: StudyView) -> Ranked:
    metric = view.head.record.metric
    return ranked_by_number(metric, [rank_key_of(metric, trial) for trial in view.trials])


def test_the_account_is_what_pandas_finds_in_the_rows_of_the_store(store: Store):
    view = study_view(store, "net")
    rows = store.trials_frame("net")
    own = rows[rows.repeat == 0]
    assert {str(state): n for state, n in view.outcomes.items() if n} == own.state.value_counts().to_dict()
    assert view.epochs == own.epochs.sum()
    assert [(rung.epochs, set(rung.trials)) for rung in view.rungs] == [
        (n, set(own[own.epochs >= n].number)) for n in (1, 3)
    ]
    assert view.lowest_diverged == own[own.state == "diverged"].learning_rate.min()
    progress = running(store, "net").progress
    assert progress.best is not None
    assert progress.best.number == own.loc[own.score.idxmax()].number
    assert progress.elapsed == 60.0
    means = rows[rows.repeat > 0].groupby("number").score.mean().sort_values(ascending=False)
    assert [f.trial for f in view.finals.finalists] == means.index.tolist()
    assert [f.mean for f in view.finals.finalists] == pytest.approx(means.tolist())
    scores = own.set_index("number").score
    assert [f.when_chosen for f in view.finals.finalists] == scores[means.index].tolist()
    assert view.finals.winner is view.finals.finalists[1]
    assert view.finals.decision == "noise"
    placed, axes = ranks_of(view), axes_of(view.space, [trial.config for trial in view.trials])
    assert pd.Series(placed.best_so_far, dtype=float).tolist() == own.score.cummax().ffill().tolist()
    assert np.argmax(placed.ranks) == own.score.argmax()
    rates = np.log10(own.learning_rate / 1e-4) / 4
    assert axes[0].u == pytest.approx(rates.to_numpy())


def test_the_list_of_studies_counts_as_pandas_does(store: Store):
    (row,) = study_rows(store)
    own = store.trials_frame("net").query("repeat == 0")
    assert sum(row.counts.values()) == len(own)
    assert row.head.record.result is not None
    assert row.head.record.result.best.trial == study_view(store, "net").finals.winner.trial


def test_a_study_that_another_process_runs_is_seen_in_the_store(store: Store):
    view = running(store, "net")
    assert (view.alive, view.is_running, view.started) == (True, False, 80)
    assert view.progress.reached == tuple(len(rung.trials) for rung in study_view(store, "net").rungs)


@given(PROGRESS)
@settings(deadline=None, max_examples=20)
def test_a_running_study_is_seen_as_its_process_wrote_it(progress: StudyProgress):
    with Store.open(None) as memory:
        memory.create_study(study_of())
        memory.write("net", [Trial(0, {}, TrialState.FINISHED, 3, 0.5, 0.5)])
        assert running(memory, "net").progress.phase == "running"  # nothing was written yet: from its trials
        memory.write("net", progress=progress.to_record())
        view = running(memory, "net")
        assert repr(view.progress) == repr(progress)
        assert view.is_running is view.alive is False  # no process holds it
        memory.finish_study("net", StudyState.FINISHED, None, "2026-11-21T00:00:30+00:00")
        view = running(memory, "net")
        assert (view.progress.phase, view.progress.elapsed) == ("finished", progress.elapsed or 30.0)


@given(STUDIES)
@settings(deadline=None)
def test_views_are_functions_of_records_and_change_none(made):
    before = copy.deepcopy(made)
    view = study_view_of(*made)
    assert repr(made) == repr(before)
    assert sum(view.outcomes.values()) == len(view.trials)
    assert [len(r.trials) for r in view.rungs] == sorted((len(r.trials) for r in view.rungs), reverse=True)
    again = study_view_of(*made)
    assert (again.importance, again.advice, repr(again.finals)) == (view.importance, view.advice, repr(view.finals))


@pytest.mark.parametrize("metric", ["accuracy", "log_loss"])
def test_a_finalist_without_a_finite_mean_comes_last(metric: str):
    scores = [0.5, math.nan, 0.7, 0.6]
    trials = [Trial(n, {}, TrialState.FINISHED, 3, 0.5, 0.5) for n in range(4)]
    again = [trial._replace(repeat=1, score=score) for trial, score in zip(trials, scores, strict=True)]
    found = study_view_of(study_of(metric=metric), [*trials, *again], []).finals.finalists
    assert [f.trial for f in found] == ([2, 3, 0, 1] if metric == "accuracy" else [0, 3, 2, 1])


@given(STUDIES)
@settings(deadline=None)
def test_the_best_so_far_never_gets_worse(made):
    view = study_view_of(*made)
    sign = -1 if smaller_is_better(view.head.record.metric) else 1
    best = [sign * score for score in ranks_of(view).best_so_far if score is not None]
    assert best == sorted(best)


@pytest.mark.parametrize("kind", StudyKind)
def test_only_a_study_of_a_table_has_rows(kind: StudyKind):
    table = head(study_of(spec=StudySpec(kind=kind), data={"rows": 3})).table
    assert (table.rows if table else None) == (3 if kind is StudyKind.TABLE else None)
