"""Importance of columns where it is known by construction, and within bounds where there are thousands."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest

from caviar.analysis import columns as module
from caviar.analysis.columns import Part, importances
from caviar.data.column_inputs import ColumnInputs, column_inputs
from caviar.data.examples import Examples
from caviar.data.learning import learn
from caviar.learners.scoring import Scoring
from caviar.randomness import Purpose, stream_key

KEY = stream_key(0, Purpose.COLUMNS)


@dataclass(eq=False)
class Rule:
    """A predictor that looks at ``inputs`` alone, and counts its calls."""

    inputs: list[int]
    calls: list[int] = field(default_factory=list)
    kind = "rule"
    n_out = 2
    width = 4

    def outputs(self, x):
        self.calls.append(len(x))
        up = x[:, self.inputs].sum(axis=1) > 0
        return np.stack([~up, up], axis=1).astype(np.float64)


def table(m: int, n: int, inputs: list[int]) -> tuple[list[ColumnInputs], Part]:
    x = np.random.default_rng(0).normal(size=(m, n)).astype(np.float32)
    rule = Rule(inputs)
    rows = Examples(x, rule.outputs(x).argmax(axis=1).astype(np.int32))
    return [ColumnInputs(f"c{i}", "number", np.array([i])) for i in range(n)], Part(rule, rows)


def test_the_column_that_decides_is_the_one_that_matters():
    columns, part = table(400, 4, [2])
    found = importances(columns, [part], 10, Scoring(2), "accuracy", KEY)
    assert found["c2"] == pytest.approx(0.5, abs=0.06)
    assert found == {"c0": 0.0, "c1": 0.0, "c2": found["c2"], "c3": 0.0}


def test_importance_is_above_zero_also_where_smaller_scores_are_better():
    columns, part = table(400, 3, [1])
    assert importances(columns, [part], 10, Scoring(2), "brier", KEY)["c1"] == pytest.approx(0.5, abs=0.06)


def test_the_same_key_gives_the_same_numbers_and_parts_are_weighed_by_their_rows():
    columns, part = table(600, 3, [0, 1])
    again = importances(columns, [part], 10, Scoring(2), "accuracy", KEY)
    assert importances(columns, [part], 10, Scoring(2), "accuracy", KEY) == again
    blind = Part(Rule([2]), part.rows.take(np.arange(60)))
    mixed = importances(columns, [part, blind], 10, Scoring(2), "accuracy", KEY)
    assert mixed["c0"] > 0.3 * again["c0"]


def test_among_thousands_of_columns_the_work_is_bounded_and_those_that_matter_are_found(monkeypatch):
    monkeypatch.setattr(module, "_CALLS", 400)
    columns, part = table(300, 3000, [1234, 2900])
    before = len(part.predictor.calls)
    found = importances(columns, [part], 10, Scoring(2), "accuracy", KEY)
    assert len(part.predictor.calls) - before <= 401
    assert 0 < len(found) < 400
    best = sorted(found, key=found.get)[-2:]
    assert set(best) == {"c1234", "c2900"}


def test_where_all_columns_matter_alike_some_are_measured(monkeypatch):
    monkeypatch.setattr(module, "_CALLS", 60)
    columns, part = table(400, 300, list(range(300)))
    found = importances(columns, [part], 10, Scoring(2), "accuracy", KEY)
    assert len(found) >= 4


def test_a_small_share_of_the_work_takes_fewer_predictions():
    columns, part = table(300, 200, [5])
    before = len(part.predictor.calls)
    importances(columns, [part], 10, Scoring(2), "accuracy", KEY, share=0.01)
    assert len(part.predictor.calls) - before <= 31


def test_rows_on_which_the_metric_is_not_defined_say_nothing():
    columns, part = table(50, 2, [0])
    one_class = Part(part.predictor, part.rows.take(np.flatnonzero(part.rows.y == 1)))
    assert importances(columns, [one_class], 10, Scoring(2), "roc_auc", KEY) == {}


def test_a_column_of_text_or_dates_is_shuffled_as_one_and_a_constant_one_is_not_listed():
    frame = pd.DataFrame(
        {
            "size": np.arange(60.0),
            "when": pd.date_range("2020-01-31", periods=60),
            "same": 7.0,
            "colour": ["red", "blue", None] * 20,
        }
    )
    learned = learn(frame, pd.Series(["a", "b"] * 30))
    listed = column_inputs(learned)
    assert [(column.name, column.kind) for column in listed] == [
        ("size", "number"),
        ("when", "date"),
        ("colour", "text"),
    ]
    x = learned.apply(frame)
    _, when, colour = (column.inputs for column in listed)
    assert x[:, colour].sum(axis=1).tolist() == [1.0] * 60
    assert len(when) > 1
    every = sorted(int(i) for column in listed for i in column.inputs)
    assert len(set(every)) == len(every) == learned.n_in - 1  # all but the constant one
