"""The worth of an answer, as it is said to people and drawn on the page."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from caviar.records import StudyResult
from caviar.records.result import Baseline, BestTrial, Column, Confusion, Lead, Mistaken
from caviar.report.answer import answer
from caviar.views.worth import worth_of

FRAUD = Confusion(
    classes=["fraud", "ok"],
    rows=[6, 594],
    right=[1, 590],
    pairs=[Mistaken("fraud", "ok", 5), Mistaken("ok", "fraud", 4)],
    matrix=[[1, 5], [4, 590]],
)


def baseline(method: str, by: float, low: float, **given: Any) -> Baseline:
    lead = Lead(metric="accuracy", by=by, low=low, high=by + 0.01)
    scores = {"accuracy": 0.99 - by}
    return Baseline(method=method, rows=2400, scores=scores, validation=scores, lead=lead, **given)


def result_of(by: float = 0.0, low: float = 0.0, **given: Any) -> StudyResult:
    facts: dict[str, Any] = {
        "metric": "accuracy",
        "study": "net",
        "data": {"test": 600},
        "best": BestTrial(
            trial=1,
            validation={"accuracy": 0.98, "log_loss": 0.1},
            test={"accuracy": 0.99, "accuracy_low": 0.97, "accuracy_high": 1.0, "balanced_accuracy": 0.58, "mcc": 0.2},
        ),
        "baseline": {
            "majority": baseline("majority class", by, low, always="ok"),
            "linear": baseline("logistic regression", 0.002, -0.001),
        },
        "confusion": FRAUD,
        "columns": [Column("amount", "number", 0.02), Column("shop", "text", -0.001), Column("far", "number", None)],
        "undefined": {"validation": {}, "test": {"roc_auc": "all rows are of one class"}},
    }
    return StudyResult(**facts | given)


def said(result: StudyResult, width: int = 200) -> str:
    console = Console(record=True, width=width, file=StringIO())
    console.print(answer(result))
    return console.export_text()


@pytest.mark.parametrize(
    ("by", "low", "words"),
    [
        (0.0, 0.0, "the network is no better than always saying 'ok': accuracy 0.9900 against 0.9900"),
        (-0.01, -0.02, "the network is no better than always saying 'ok': accuracy 0.9900 against 1.0000"),
        (0.01, -0.02, "hardly better than always saying 'ok': accuracy 0.9900 against 0.9800 on the"),
        (0.3, 0.2, ""),
    ],
)
def test_an_answer_that_is_no_better_than_the_majority_is_said_loudly(by: float, low: float, words: str):
    result = result_of(by, low)
    text = said(result)
    assert words in text
    assert ("better than always" in text) is bool(words)
    [*_] = worth_of(result).doubts
    noted = said(result_of(by, low, notes=("'id' was left out", *worth_of(result).doubts)))
    assert noted.count("'id' was left out") == 1
    assert noted.count("better than always") == text.count("better than always")  # not once more among the notes


def test_baselines_stand_beside_the_score():
    text = said(result_of(0.4, 0.3))
    [majority] = [line for line in text.splitlines() if "always saying" in line]
    assert majority.rstrip().endswith("always saying 'ok': accuracy 0.5900 (validation 0.5900)")
    assert "logistic regression: accuracy 0.9880 (validation 0.9880), nearly as good as the network" in text


def test_a_rare_class_does_not_disappear_in_the_accuracy():
    assert "99 % of the sealed rows are 'ok': balanced accuracy 0.5800, 1 of 6 rows of 'fraud' found" in said(
        result_of()
    )
    even = Confusion(classes=["a", "b"], rows=[300, 300], right=[300, 300], pairs=[], matrix=[[300, 0], [0, 300]])
    text = said(result_of(confusion=even))
    assert "imbalance" not in text
    assert "mistakes" not in text


def test_the_worst_mistakes_and_the_columns_that_matter():
    text = said(result_of())
    assert "'fraud' taken for 'ok': 5 of 6 times; 'ok' taken for 'fraud': 4 of 594 times" in text
    assert "amount 0.020: what accuracy loses when a column is shuffled; 2 columns of 3 measured alone" in text
    none = said(result_of(columns=[Column("amount", "number", 0.0)]))
    assert "no column matters: accuracy loses nothing when one is shuffled" in none


def test_numbers_are_shown_in_the_units_of_the_target():
    mean = Baseline(method="mean", always=152.13, rows=9, scores={"rmse": 77.123}, validation={"rmse": 80.0})
    best = BestTrial(trial=1, validation={"rmse": 5.5}, test={"rmse": 58.481, "rmse_low": 50.0, "rmse_high": 60.0})
    text = said(result_of(metric="rmse", best=best, baseline={"majority": mean}, confusion=None, columns=None))
    assert "RMSE 58.48 (95 %: 50 to 60)" in text
    assert "always predicting the mean, 152.1: RMSE 77.12 (validation 80)" in text


def test_average_precision_names_the_class_that_it_is_of():
    best = BestTrial(trial=1, validation={"average_precision": 0.4}, test={"average_precision": 0.3})
    result = result_of(metric="average_precision", best=best, baseline=None, positive="fraud")
    assert "average precision is of 'fraud', the rarer of the two classes" in said(result)
    assert "the rarer" not in said(result_of(positive="fraud"))


@pytest.mark.parametrize("width", [60, 80, 200])
def test_it_fits_narrow_terminals(width: int):
    assert max(map(cell_len, said(result_of(0.01, -0.01), width).splitlines())) <= width


def test_a_result_of_an_earlier_version_and_of_other_peoples_code_has_no_worth():
    plain = StudyResult(metric="score", study="net", best=BestTrial(trial=0, score=0.5, goal="maximize"))
    assert worth_of(plain) == worth_of(StudyResult(metric="accuracy", best=BestTrial(trial=0)))
    assert "baseline" not in said(plain)
