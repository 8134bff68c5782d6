"""Documents of studies: JSON of everything that a store may have, and the numbers that the store has."""

from __future__ import annotations

import json
import math
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from caviar.errors import StoreError
from caviar.records import Measurement, StudyState, Trial, TrialState
from caviar.report.study_document import compare_document, studies_document, study_document, trial_document
from caviar.store import Store
from caviar.views.study_page import comparison_of, store_page, study_page, trial_page
from tests.views.records import SPACE, STUDIES, study_of

BEGUN = 1_763_683_200.0  # 2025-11-21, in seconds since 1970


def as_json(document: object) -> str:
    """The JSON of ``document``; ValueError for a NaN in it."""
    return json.dumps(document, allow_nan=False)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory):
    """A store with a study of 60 trials on two rungs, of which every second was stopped, and a study of none."""
    path: Path = tmp_path_factory.mktemp("documents") / "c.db"
    random = np.random.default_rng(5)
    trials, measured, at = [], [], {}
    for number, config in enumerate(SPACE.sample(60, seed=3)):
        epochs, state = (3, TrialState.FINISHED) if number % 2 else (1, TrialState.STOPPED)
        scores = random.random(epochs)
        if number == 10:
            state, scores = TrialState.DIVERGED, np.array([math.nan])
        measured += [
            (number, 0, Measurement(epoch, 2 - score, 1 - score, score, score, 0.1, 0.01))
            for epoch, score in enumerate(scores, start=1)
        ]
        error = "it is <b>bold</b>" if number == 10 else None
        trials.append(Trial(number, config, state, epochs, scores[-1], 1 - scores[-1], 0, "box 1", error))
        at[number, 0] = (BEGUN + number, BEGUN + number + 2.5)
    with Store.open(path) as opened:
        opened.create_study(study_of(created="2025-11-21T00:00:00+00:00"))
        opened.write("net", trials, measured, at=at)
        opened.create_study(study_of("empty"))
        opened.finish_study("net", StudyState.FINISHED, None, "2025-11-21T00:01:40+00:00")
        yield opened


def test_the_document_of_a_study_has_the_columns_of_the_store(store: Store):
    document = study_document(study_page(store, "net"))
    as_json(document)
    frame = store.trials_frame("net")
    columns = document["trials"]
    assert columns["number"] == frame.number.tolist()
    assert columns["state"] == frame.state.tolist()
    assert columns["score"] == [None if math.isnan(s) else pytest.approx(s, rel=1e-5) for s in frame.score]
    assert columns["values"]["learning_rate"] == pytest.approx(frame.learning_rate.tolist(), rel=1e-3)
    assert columns["u"]["learning_rate"] == pytest.approx((np.log10(frame.learning_rate / 1e-4) / 4).tolist(), abs=1e-4)
    best = frame.score.cummax().ffill()
    assert columns["best"] == pytest.approx(best.tolist(), rel=1e-5)
    assert np.argmax(columns["rank"]) == frame.score.argmax()
    assert columns["rank"][10] == 0.0
    assert columns["errors"] == {"10": "it is <b>bold</b>"}
    assert columns["began"] == list(range(60))
    assert columns["ended"] == [number + 2.5 for number in range(60)]
    assert document["counts"] == frame.state.value_counts().to_dict()
    assert (document["goal"], document["worked"], document["alive"]) == ("maximize", 100.0, False)


@pytest.mark.parametrize("first", ["trials", "standings"])
def test_a_trial_that_begins_between_two_readings_is_on_the_next_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str
):
    with Store.open(tmp_path / "c.db") as opened:
        opened.create_study(study_of())
        [old, new] = [Trial(n, config, TrialState.RUNNING, 1, 0.5) for n, config in enumerate(SPACE.sample(2, seed=0))]
        opened.write("net", [old], ())
        read = {name: getattr(opened, name) for name in ("trials", "standings")}

        def reading(name: str, *given: object) -> object:
            found = read[name](*given)
            if name == first:
                opened.write("net", [new], ())
            return found

        for name in read:
            monkeypatch.setattr(opened, name, partial(reading, name))
        columns = study_document(study_page(opened, "net"))["trials"]
        assert columns["number"] in ([0], [0, 1])
        assert {len(column) for column in columns.values() if isinstance(column, list)} == {len(columns["number"])}
        assert study_document(study_page(opened, "net"))["trials"]["number"] == [0, 1]


def test_three_trials_at_once_are_in_three_lanes_and_never_two_in_one(store: Store):
    columns = study_document(study_page(store, "net"))["trials"]
    assert set(columns["slot"]) == {0, 1, 2}
    for lane in range(3):
        mine = [at for at, slot in enumerate(columns["slot"]) if slot == lane]
        assert all(columns["ended"][before] <= columns["began"][after] for before, after in pairwise(mine))


def test_rungs_say_what_stopping_saved(store: Store):
    document = study_document(study_page(store, "net"))
    first, last = document["rungs"]
    assert (first["reached"], first["stopped"], first["went_on"]) == (60, 29, 30)
    assert document["epochs_trained"] == sum(document["trials"]["epochs"])
    assert first["saved_epochs"] == 29 * 2
    assert (last["reached"], last["stopped"], last["saved_epochs"]) == (30, 0, 0)
    assert "one in three goes on" in first["rule"]


def test_every_measured_score_is_counted_once_in_the_density(store: Store):
    curves = study_document(study_page(store, "net"))["curves"]
    density = np.array(curves["density"])
    points = store.points("net")
    finite = points[np.isfinite(points[:, 2])]
    assert density.sum(axis=1).tolist() == [np.sum(finite[:, 1] == epoch) for epoch in (1, 2, 3)]
    assert curves["of"] == 60
    edges = np.array(curves["scores"])
    inner = [np.histogram(finite[finite[:, 1] == epoch, 2], edges)[0][1:-1] for epoch in (1, 2, 3)]
    assert np.abs(density[:, 1:-1] - inner).sum() <= 2  # edges are rounded
    assert len(curves["epochs"]) == len(density) + 1
    best = max(curves["lines"], key=lambda line: line["scores"][-1])
    mine = points[points[:, 0] == best["trial"]]
    assert best["scores"] == pytest.approx(mine[:, 2].tolist(), rel=1e-4)
    assert best["losses"] == pytest.approx(mine[:, 3].tolist(), rel=1e-4)
    assert best["epochs"] == mine[:, 1].tolist()


def test_a_study_without_trials_has_a_document_and_a_comparison(store: Store):
    document = study_document(study_page(store, "empty"))
    as_json(document)
    assert document["trials"]["number"] == []
    assert [(rung["reached"], rung["saved_epochs"]) for rung in document["rungs"]] == [(0, 0), (0, 0)]
    sides = compare_document(comparison_of(store, ["net", "empty"]))
    as_json(sides)
    assert [side["best"] for side in sides["studies"]][1] is None
    first, empty = sides["studies"]
    for steps in (first["history"], first["over_time"]):
        assert steps["best"] == sorted(steps["best"])
    assert first["over_time"]["seconds"] == sorted(first["over_time"]["seconds"])
    own = study_document(study_page(store, "net"))["importance"]
    assert first["importance"] == [{name: row[name] for name in row if name != "tier"} for row in own]
    assert first["importance"]
    assert empty["importance"] == []


def test_the_list_has_studies_without_an_answer_too(store: Store):
    listed = studies_document(store_page(store))
    as_json(listed)
    net, empty = listed["studies"]
    assert net["best"] == pytest.approx(store.trials_frame("net").score.max())
    assert (net["started"], empty["best"], empty["alive"]) == (60, None, False)


def test_a_trial_stands_beside_the_best(store: Store):
    frame = store.trials_frame("net")
    best = int(frame.score.idxmax())
    document = trial_document(trial_page(store, "net", 10))
    as_json(document)
    assert document["best"] == best
    assert document["differs"]["learning_rate"] == [frame.learning_rate[10], frame.learning_rate[best]]
    assert document["curve"]["scores"] == [None]
    assert trial_document(trial_page(store, "net", best))["differs"] == {}
    with pytest.raises(StoreError, match="no trial 77"):
        trial_document(trial_page(store, "net", 77))


@given(STUDIES)
@settings(deadline=None, max_examples=60)
def test_every_study_has_a_document_that_json_takes(made):
    study, trials, boxes = made
    with Store.open(None) as memory:
        memory.create_study(study)
        memory.write(study.name, trials, boxes=boxes)
        document = study_document(study_page(memory, study.name))
        as_json(document)
        as_json(studies_document(store_page(memory)))
        for trial in trials[:2]:
            as_json(trial_document(trial_page(memory, study.name, trial.number)))
        own = [trial for trial in trials if not trial.repeat]
        columns = document["trials"]
        lengths = {len(column) for name, column in columns.items() if name not in ("u", "values", "errors")}
        assert lengths == {len(own)}
        assert {len(column) for part in ("u", "values") for column in columns[part].values()} == {len(own)}
