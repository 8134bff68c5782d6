"""Results of studies as the JSON object of ``caviar tune --json``, and back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caviar import files
from caviar.records import StudyResult
from caviar.records.result import (
    Baseline,
    BestTrial,
    Column,
    Confusion,
    EnsembleResult,
    Finalist,
    FrontPoint,
    Lead,
    Mistaken,
    Repeated,
)
from tests.records.test_study import NUMBERS

WHOLE = st.integers(0, 2**63)
CONFIGS = st.dictionaries(
    st.text(), st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
SCORES = st.dictionaries(st.sampled_from(["accuracy", "accuracy_low", "accuracy_high", "log_loss"]), st.floats())
SEEDS = st.builds(
    Repeated,
    how=st.just("fresh seeds"),
    scores=st.lists(st.floats()),
    mean=st.floats(),
    when_chosen=NUMBERS,
    gap=NUMBERS,
)
FOLDS = st.builds(
    Repeated,
    how=st.sampled_from(["fresh seeds", "5-fold cross-validation", "not repeated"]),
    planned=st.integers(0, 9),
    scores=st.lists(st.floats()),
    mean=st.floats(),
    low=NUMBERS,
    high=NUMBERS,
    when_chosen=NUMBERS,
    gap=NUMBERS,
)
LABELS = st.text() | st.integers(0, 9) | st.booleans()
BASELINES = st.builds(
    Baseline,
    method=st.sampled_from(["majority class", "ridge regression"]),
    always=st.none() | LABELS,
    rows=WHOLE,
    scores=SCORES,
    validation=SCORES,
    lead=st.none() | st.builds(Lead, metric=st.just("accuracy"), by=st.floats(), low=st.floats(), high=st.floats()),
)
CONFUSIONS = st.builds(
    Confusion,
    classes=st.lists(LABELS),
    rows=st.lists(WHOLE),
    right=st.lists(WHOLE),
    pairs=st.lists(st.builds(Mistaken, LABELS, LABELS, WHOLE)),
    matrix=st.none() | st.lists(st.lists(WHOLE)),
)
ASKED = st.builds(BestTrial, trial=WHOLE, config=CONFIGS, score=NUMBERS)
OF_PROGRAM = st.builds(
    BestTrial,
    trial=WHOLE,
    config=CONFIGS,
    seed=WHOLE,
    epochs=WHOLE,
    goal=st.sampled_from(["maximize", "minimize"]),
    score=NUMBERS,
    repeated=st.none() | SEEDS,
    folder=st.none() | st.just("/there"),
)
OF_TABLE = st.builds(
    BestTrial,
    trial=WHOLE,
    config=CONFIGS,
    parameters=WHOLE,
    validation=SCORES,
    test=st.none() | SCORES,
    repeated=FOLDS,
)
HEAD: dict[str, Any] = {
    "study": st.text(),
    "store": st.text(),
    "seed": WHOLE,
    "seconds": st.floats(0, 1e9),
    "notes": st.lists(st.text()).map(tuple),
    "trials": st.dictionaries(st.sampled_from(["started", "finished", "stopped", "diverged", "failed"]), WHOLE),
}
RESULTS = st.one_of(
    st.builds(StudyResult, metric=st.sampled_from(["score", "loss"]), best=ASKED),
    st.builds(StudyResult, metric=st.sampled_from(["score", "loss"]), best=OF_PROGRAM, **HEAD),
    st.builds(
        StudyResult,
        metric=st.sampled_from(["accuracy", "log_loss"]),
        best=OF_TABLE,
        data=st.dictionaries(st.text(), st.none() | WHOLE | st.text()),
        finalists=st.lists(st.builds(Finalist, WHOLE, WHOLE, WHOLE, NUMBERS, st.lists(NUMBERS))),
        front=st.lists(st.builds(FrontPoint, WHOLE, st.floats(), WHOLE)),
        model=st.none() | st.text(),
        baseline=st.none() | st.dictionaries(st.sampled_from(["majority", "linear"]), BASELINES),
        confusion=st.none() | CONFUSIONS,
        columns=st.none() | st.lists(st.builds(Column, st.text(), st.sampled_from(["number", "text"]), NUMBERS)),
        positive=st.none() | LABELS,
        undefined=st.none() | st.just({"validation": {}, "test": {"roc_auc": "one class"}}),
        ensemble=st.none()
        | st.builds(
            EnsembleResult, WHOLE, st.dictionaries(st.text(), st.floats(0, 1)), SCORES.filter(bool), st.none() | SCORES
        ),
        **HEAD,
    ),
)


@given(RESULTS)
def test_a_result_comes_back_from_the_json_that_the_store_keeps(result: StudyResult):
    """Also where a score is NaN or infinite, which JSON has no numbers for; NaN equals itself in texts only.

    Intervals of a mean come back within the range of their metric.
    """
    if result.best.repeated is not None:
        within = result.best.repeated.within(result.metric)
        result = replace(result, best=replace(result.best, repeated=within))
    back = StudyResult.from_record(json.loads(files.dumps(result.to_record())), result.metric)
    assert repr(back) == repr(result)
    assert files.dumps(back.to_record()) == files.dumps(result.to_record())


REPEATED = {"how": "fresh seeds", "scores": [0.9, 0.8], "mean": 0.85, "when_chosen": 0.9, "gap": 0.05}
OF_FOLDS = {
    "metric": "accuracy",
    "how": "5-fold cross-validation",
    "planned": 5,
    "scores": [0.9, 0.8],
    "mean": 0.85,
    "low": 0.2,
    "high": 1.0,
    "when_chosen": 0.9,
    "gap": 0.05,
}
FIRST = {"study": "net", "store": "sqlite:///c.db", "seed": 3, "seconds": 1.5}
TABLE = {
    **FIRST,
    "data": {"rows": 178, "classes": None, "test": 36},
    "trials": {"started": 9, "finished": 1, "stopped": 7, "diverged": 1},
    "best": {
        "trial": 4,
        "config": {"learning_rate": 0.01, "optimizer": "NaN"},
        "parameters": 90,
        "validation": {"accuracy": 0.85, "log_loss": "NaN"},
        "test": {"accuracy": 0.8, "accuracy_low": 0.7, "accuracy_high": 0.9, "log_loss": 0.5},
        "repeated": OF_FOLDS,
    },
    "finalists": [{"trial": 4, "epochs": 27, "parameters": 90, "when_chosen": 0.9, "scores": [0.9, None]}],
    "front": [{"trial": 4, "accuracy": 0.9, "parameters": 90}],
    "model": "net.caviar",
    "ensemble": {"networks": 2, "trials": {"4": 0.5, "1": 0.5}, "validation": {"accuracy": 0.9}, "test": None},
    "baseline": {
        "majority": {
            "method": "majority class",
            "always": "NaN",
            "rows": 142,
            "accuracy": 0.4,
            "log_loss": "NaN",
            "validation": {"accuracy": 0.4},
            "lead": {"metric": "accuracy", "by": 0.4, "low": 0.3, "high": 0.5},
        },
        "linear": {
            "method": "logistic regression",
            "always": None,
            "rows": 142,
            "validation": {"accuracy": 0.7},
            "lead": None,
        },
    },
    "confusion": {
        "classes": ["NaN", "b"],
        "rows": [20, 16],
        "right": [19, 16],
        "pairs": [{"true": "NaN", "predicted": "b", "rows": 1}],
        "matrix": [[19, 1], [0, 16]],
    },
    "columns": [
        {"name": "NaN", "kind": "number", "importance": 0.1},
        {"name": "c", "kind": "text", "importance": None},
    ],
    "undefined": {"validation": {}, "test": {"roc_auc": "all rows are of one class"}},
    "positive": "NaN",
    "notes": ["'id' only numbers the rows"],
}
PROGRAM = {
    **FIRST,
    "data": {},
    "trials": {"started": 9, "finished": 1, "stopped": 7, "diverged": 0, "failed": 1},
    "best": {
        "trial": 4,
        "config": {"x": 0.7},
        "seed": 2**32 - 1,
        "epochs": 9,
        "goal": "minimize",
        "score": 0.25,
        "repeated": REPEATED,
        "test": None,
        "folder": None,
    },
    "model": None,
    "notes": [],
}
BARE = {**PROGRAM, "best": {**PROGRAM["best"], "repeated": None, "folder": "/there"}}
LATER = ("ensemble", "baseline", "confusion", "columns", "undefined", "positive")
UNTESTED = {
    **{name: value for name, value in TABLE.items() if name not in LATER},
    "best": {**TABLE["best"], "test": None},
    "finalists": [],
    "model": None,
}


@pytest.mark.parametrize(
    ("metric", "record"),
    [
        ("accuracy", TABLE),
        ("accuracy", UNTESTED),
        ("loss", PROGRAM),
        ("loss", BARE),
        ("loss", {"best": {"trial": 4, "config": {"x": 0.7}, "loss": 0.25}}),
        ("score", {"best": {"trial": 4, "config": {"x": 0.7}, "score": 0.25}}),
    ],
)
def test_the_keys_of_every_kind_and_their_places_are_those_of_the_contract(metric: str, record: dict[str, Any]):
    assert files.dumps(StudyResult.from_record(record, metric).to_record()) == json.dumps(record)


def test_a_record_of_an_older_version_lacks_keys():
    """Before finals, a table had no repeats, no front and no ensemble; at first, repeats named no plan."""
    old = {**FIRST, "data": {}, "trials": {}, "best": {"trial": 4, "config": {}, "validation": {"accuracy": 0.5}}}
    result = StudyResult.from_record(old | {"of a newer version": 1}, "accuracy")
    assert (result.best.repeated, result.finalists, result.front, result.ensemble) == (None, None, None, None)
    assert (result.baseline, result.confusion, result.columns, result.notes) == (None, None, None, ())
    repeated = {name: value for name, value in OF_FOLDS.items() if name != "planned"} | {"high": "Infinity"}
    result = StudyResult.from_record({"best": {**old["best"], "repeated": repeated}}, "accuracy")
    assert result.best.repeated == Repeated(
        how="5-fold cross-validation",
        scores=[0.9, 0.8],
        mean=0.85,
        low=0.2,
        high=1.0,
        when_chosen=0.9,
        gap=0.05,
    )


@pytest.mark.parametrize(("scores", "mean"), [([0.5, 1.0], 0.75), ([0.5, None], None), ([], None)])
def test_a_finalist_that_diverged_has_no_mean(scores: list[float | None], mean: float | None):
    assert Finalist(1, 9, None, 0.5, scores).mean == mean


def test_the_last_training_of_a_table_is_not_in_its_record():
    result = StudyResult.from_record(TABLE, "accuracy")
    trained = replace(result, best=replace(result.best, epochs=9, rows=142))
    assert files.dumps(trained.to_record()) == files.dumps(result.to_record())
