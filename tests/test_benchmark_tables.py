"""The arithmetic of benchmarks/tables.py: halves, scores, ranks, and what is not done again."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import friedmanchisquare
from sklearn.metrics import accuracy_score, log_loss, r2_score

from benchmarks.table_definitions import KINDS, TABLES, Table, halves, named, split
from benchmarks.table_ranks import complete, critical_difference, difference, mean_ranks, ranks, standard_error, wins
from benchmarks.table_scores import calibration_error, scores
from benchmarks.table_summary import GOALS, summary, usable, worse
from benchmarks.tables import COLUMNS, Run, append, asked, hopeless, missing, rows_of

RESERVED = (  # of mlbench, kernlab, modeldata, ggplot2 and AER, by the names of their files
    *("diamonds", "mpg", "midwest", "movies", "economics", "seals", "txhousing", "msleep", "faithful", "penguins"),
    *("boston", "housing", "pima", "sonar", "glass", "ionosphere", "vehicle", "vowel", "soybean", "dna", "letter"),
    *("satellite", "shuttle", "zoo", "servo", "ozone", "biopsy", "spam", "ticdata", "caravan", "income", "musk"),
    *("ames", "attrition", "churn", "credit_data", "sacramento", "concrete", "creditcard", "affairs", "fair", "mroz"),
    *("hmda", "hdma", "loanapp", "caschool", "star", "fatality", "guns", "cps", "modechoice", "ofp", "labsup"),
)


# --- halves ---


def test_the_halves_are_those_of_the_rule_and_alike_in_kind_and_size() -> None:
    assert {table.name: table.half for table in TABLES} == halves()
    sizes = {half: sorted(table.rows for table in named(None, half)) for half in ("choose", "judge")}
    kinds = {half: Counter(table.kind for table in named(None, half)) for half in ("choose", "judge")}
    assert kinds["choose"] == kinds["judge"]
    assert set(kinds["judge"]) == set(KINDS)
    assert len(TABLES) >= 20
    assert max(sizes["judge"]) <= 100_000
    assert min(min(each) for each in sizes.values()) >= 200


def test_the_rule_does_not_depend_on_the_place_in_the_list() -> None:
    assert halves(TABLES[::-1]) == halves()


def test_a_table_without_a_pair_judges_unless_it_is_forced() -> None:
    assert halves([Table("alone", "", KINDS[0], 300, "x", "y")]) == {"alone": "judge"}


def test_no_table_is_reserved_for_others() -> None:
    files = [table.path.rsplit("/", 1)[-1].split(".")[0].lower() for table in TABLES]
    assert set(files) & set(RESERVED) == set()


def test_a_split_is_the_same_every_time_and_has_every_class_alike() -> None:
    y = np.repeat([0, 1, 2], [100, 50, 10])
    train, sealed = split(y, 1, regression=False)
    assert np.array_equal(sealed, split(y, 1, regression=False)[1])
    assert not np.array_equal(sealed, split(y, 2, regression=False)[1])
    assert sorted([*train, *sealed]) == list(range(160))
    assert np.bincount(y[sealed]).tolist() == [20, 10, 2]


# --- scores ---


@given(st.integers(2, 5), st.integers(0, 1000))
def test_scores_are_those_of_scikit_learn(classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(classes), rng.integers(0, classes, 20)])
    said = rng.dirichlet(np.ones(classes), len(y))
    found = scores(y, said, regression=False)
    assert found["accuracy"] == accuracy_score(y, said.argmax(1))
    assert found["log_loss"] == pytest.approx(log_loss(y, np.clip(said, 1e-7, 1)), rel=1e-4)
    numbers = rng.normal(size=len(y))
    found = scores(y.astype(float), numbers, regression=True)
    assert found["r2"] == pytest.approx(r2_score(y, numbers))
    assert found["rmse"] == pytest.approx(np.sqrt(np.mean((y - numbers) ** 2)))


def test_calibration_error_by_hand() -> None:
    confidence = np.array([0.9, 0.9, 0.9, 0.9, 0.55, 0.55])
    right = np.array([True, True, True, False, True, False])
    # 4 rows of 0.9 of which 0.75 are right, 2 rows of 0.55 of which 0.5 are right
    assert calibration_error(confidence, right) == pytest.approx((4 * 0.15 + 2 * 0.05) / 6)
    assert calibration_error(np.ones(3), np.ones(3, dtype=bool)) == 0


def test_a_prediction_that_is_no_number_is_a_failure() -> None:
    with pytest.raises(ValueError, match="not finite"):
        scores(np.zeros(2), np.array([0.0, np.nan]), regression=True)


# --- ranks ---

SCORES = {
    ("a", 0): {"x": 0.9, "y": 0.8, "z": 0.7},
    ("a", 1): {"x": 0.7, "y": 0.9, "z": 0.7},
    ("b", 0): {"x": 0.5, "y": 0.5, "z": 0.6},
    ("b", 1): {"x": 0.5, "z": 0.6},
    ("c", 0): {"x": 0.5, "y": 0.4},
}


def test_ranks_are_of_tables_and_splits_that_all_contenders_have() -> None:
    placed = ranks(SCORES, ["x", "y", "z"], larger=True)
    assert placed == {"a": {"x": 2, "y": 1, "z": 3}, "b": {"x": 2.5, "y": 2.5, "z": 1}}
    assert mean_ranks(placed) == {"x": 2.25, "y": 1.75, "z": 2}
    assert wins(placed) == {"x": 0, "y": 1, "z": 1}
    assert set(complete(SCORES, ["x", "y"])) == {"a", "b", "c"}
    assert ranks(SCORES, ["x", "y"], larger=False)["c"] == {"x": 2, "y": 1}


@given(st.integers(3, 8), st.integers(3, 12), st.integers(0, 1000))
def test_ranks_give_friedmans_statistic(contenders: int, tables: int, seed: int) -> None:
    table = np.random.default_rng(seed).normal(size=(tables, contenders))
    names = [str(k) for k in range(contenders)]
    rows = {(str(n), 0): dict(zip(names, map(float, row), strict=True)) for n, row in enumerate(table)}
    means = np.array(list(mean_ranks(ranks(rows, names, larger=True)).values()))
    statistic = 12 * tables / (contenders * (contenders + 1)) * np.sum((means - (contenders + 1) / 2) ** 2)
    assert statistic == pytest.approx(friedmanchisquare(*table.T).statistic)


@pytest.mark.parametrize(("contenders", "q"), [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (10, 3.164)])
def test_critical_difference_by_the_table_of_demsar(contenders: int, q: float) -> None:
    """Demsar 2006, table 5a."""
    far = critical_difference(contenders, 14)
    assert far == pytest.approx(q * np.sqrt(contenders * (contenders + 1) / (6 * 14)), abs=1e-3)


def test_a_difference_is_of_the_splits_that_both_have() -> None:
    gap, error = difference({0: 1.0, 1: 2.0, 2: 9.0}, {0: 0.5, 1: 1.0})
    assert gap == 0.75
    assert error == pytest.approx(0.25)
    assert standard_error([1.0]) == np.inf


# --- runs ---


def row(**values: object) -> dict[str, str]:
    """A row of the CSV, as it is read."""
    held = {"table": "german", "half": "judge", "split": 0, "contender": "flaml", "seconds": 10, "commit": "one"}
    return dict.fromkeys(COLUMNS, "") | {name: str(value) for name, value in {**held, **values}.items()}


def test_what_is_measured_is_not_done_again(tmp_path: Path) -> None:
    tables = named(["german"], None)
    runs = asked(tables, [0, 1], ["caviar", "flaml", "linear"], [10, 60])
    assert len(runs) == 2 * (2 + 2 + 1)
    path = tmp_path / "tables.csv"
    assert rows_of(path) == []
    for one in (row(), row(contender="caviar"), row(contender="linear", seconds=0), row(seconds=60, reason="broke")):
        append(path, one)
    with path.open(newline="") as file:
        assert tuple(next(csv.reader(file))) == COLUMNS
    rows = rows_of(path)
    left = missing(runs, rows, "one")
    done = {(run.contender, run.seconds) for run in set(runs) - set(left)}
    assert done == {("flaml", 10), ("flaml", 60), ("caviar", 10), ("linear", 0)}
    assert len(missing(runs, rows, "two")) == len(left) + 1  # caviar's source is another
    assert len(missing(runs, rows, "one", retry=True)) == len(left) + 1
    assert len(missing(runs, [*rows, row(seconds=60)], "one", retry=True)) == len(left)


def test_a_contender_that_took_too_long_is_not_tried_on_other_splits() -> None:
    german = named(["german"], None)[0]
    rows = [row(contender="realmlp", seconds=0, reason="too long: ended after 420 s")]
    assert hopeless(Run(german, 1, "realmlp", 0), rows)
    assert not hopeless(Run(german, 0, "realmlp", 0), rows)  # it was asked for again
    assert not hopeless(Run(german, 1, "linear", 0), rows)
    assert not hopeless(Run(german, 1, "realmlp", 0), [row(contender="realmlp", seconds=0, reason="exit 1: no memory")])


# --- summary ---


def test_rows_that_count_at_a_budget() -> None:
    rows = [
        row(contender="caviar", commit="old", accuracy=0.1),
        row(contender="caviar", commit="new", accuracy=0.2),
        row(reason="exit 1"),
        row(accuracy=0.3),
        row(split=1, accuracy=0.3),
        row(split=1, reason="exit 1"),
        row(contender="realmlp", seconds=0, fit_seconds=60),
        row(contender="lightgbm", seconds=0, fit_seconds=60),
    ]
    held = {(one["contender"], one["split"], one["accuracy"]) for one in usable(rows, 10, None)}
    assert held == {("caviar", "0", "0.2"), ("flaml", "0", "0.3"), ("lightgbm", "0", "")}
    assert ("caviar", "0", "0.1") in {(r["contender"], r["split"], r["accuracy"]) for r in usable(rows, 10, "old")}
    assert "realmlp" in {one["contender"] for one in usable(rows, 60, None)}


def test_the_tables_where_ours_is_behind() -> None:
    behind = {"a": (0.80, 0.81, 0.80), "b": (0.80, 0.99, 0.60), "c": (0.95, 0.96, 0.95)}
    rows = [
        row(table=table, split=number, contender=name, accuracy=value)
        for table, ours in behind.items()
        for name, values in (("caviar", ours), ("lightgbm", (0.90, 0.90, 0.91)))
        for number, value in enumerate(values)
    ]
    assert [table for table, _, _ in worse(rows, GOALS[0])] == ["a"]  # b varies, c is ahead


def test_a_summary_says_how_much_is_compared() -> None:
    rows = [
        row(table=table, split=number, contender=name, accuracy=0.9 - place / 10, log_loss=0.3, fit_seconds=9)
        for table in ("german", "chile")
        for number in (0, 1)
        for place, name in enumerate(("caviar", "flaml", "tabm"))
        if (table, number, name) != ("chile", 1, "tabm")
    ]
    text = summary(rows, ["caviar", "flaml", "tabm"])
    assert "2 tables, 3 of 4 tables x splits" in text
    assert "2 tables, 4 of 4 tables x splits" in text  # without the contender that has more time
    assert "| caviar | 1.00 | 2 |" in text
    assert summary([], ["caviar"]) == "nothing is measured yet"
