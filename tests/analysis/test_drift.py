"""Drift: rows that have not changed are left alone, each change that is really made is found and named."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import caviar
from caviar.analysis.drift import column_changes, drift
from caviar.analysis.drift_report import LEVEL, Drift
from caviar.analysis.label_shift import mix_of_classes
from caviar.analysis.old_from_new import area
from caviar.data.column_sketches import sketch_columns
from caviar.data.learning import learn
from caviar.data.sketches import sketch_numbers
from caviar.errors import DataError, ModelError
from caviar.learners.model import load
from caviar.nn.metrics import roc_auc
from tests.analysis.drifting import model, rows


def found(report: Drift) -> set[tuple[str, str]]:
    return {(test.name, test.test) for test in report.tests if test.changed}


def test_the_index_has_it() -> None:
    assert caviar.drift is drift


@pytest.mark.parametrize("regression", [False, True], ids=["classes", "numbers"])
def test_rows_like_those_of_training_are_left_alone(regression: bool) -> None:
    reports = [drift(model(regression), rows(400, seed, regression)) for seed in range(1, 25)]
    wrong = sum(report.changed for report in reports)
    assert stats.binomtest(wrong, len(reports), LEVEL, "greater").pvalue > 1e-3
    report = reports[0]
    assert report.outputs is not None
    assert report.score is not None  # the rows have labels
    assert 0.02 < report.detectable < 0.2
    assert len(report.layers) == 2
    assert all(layer.shift < 4 * layer.by_chance for layer in report.layers)


def _shuffled(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(a=np.random.default_rng(9).permutation(frame["a"]))


CHANGES: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], tuple[str, str], str]] = {
    "moved": (lambda f: f.assign(b=f["b"] + 1), ("b", "values"), ""),
    "another unit": (lambda f: f.assign(income=f["income"] * 1000), ("income", "values"), "about 1,000 times as large"),
    "inches": (lambda f: f.assign(income=f["income"] / 2.54), ("income", "values"), ""),
    "gaps": (lambda f: f.assign(b=f["b"].where(f["whole"] > 1)), ("b", "missing"), ""),
    "other texts": (lambda f: f.assign(colour=f["colour"].replace("red", "pink")), ("colour", "values"), "'colour'"),
    "shuffled": (_shuffled, ("a", "relations"), ""),
    "swapped": (
        lambda f: f.assign(income=f["whole"], whole=f["income"].fillna(0)),
        ("income", "values"),
        "were they swapped?",
    ),
    "whole numbers": (lambda f: f.assign(whole=f["whole"].replace(3, 0)), ("whole", "values"), ""),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_found_and_named(name: str) -> None:
    change, wanted, note = CHANGES[name]
    report = drift(model(), change(rows(600, 50)).drop(columns="y"))
    assert report.changed
    assert wanted in found(report)
    assert any(note in one for one in (*report.notes, note))
    assert all(test.p_adjusted >= LEVEL or test.changed or test.effect < 0.02 for test in report.tests)


def test_relations_of_unrelated_columns_cry_wolf_as_often_as_they_say() -> None:
    rng = np.random.default_rng(3)

    def table(m: int) -> pd.DataFrame:
        numbers = {"normal": rng.normal(size=m), "skewed": rng.lognormal(size=m), "whole": rng.poisson(2, m)}
        return pd.DataFrame({**numbers, "bent": rng.beta(0.5, 0.5, m)})

    learned = learn(table(500), pd.Series(rng.integers(0, 2, 500), name="y"))
    found = []
    for _ in range(60):
        known = sketch_columns(table(400), learned)
        changes = column_changes(known, table(250), learned, set(learned.columns), rng)
        found += [change.p for change in changes if change.test == "relations"]
    assert len(found) == 240
    # Each pair counts in two columns, so that there are some 120 independent ones.
    assert stats.binomtest(int(np.sum(np.array(found) < 0.05)) // 2, 120, 0.05, "greater").pvalue > 1e-3


def test_a_change_of_all_columns_moves_the_outputs_and_the_inputs_of_layers() -> None:
    frame = rows(600, 51)
    report = drift(model(), frame.assign(a=frame["a"] + 2, b=frame["b"] + 2).drop(columns="y"))
    assert report.outputs is not None
    assert report.outputs.changed
    assert report.layers[0].shift > 5 * report.layers[0].by_chance
    assert any("without labels nobody can know" in one for one in report.unknown)


def test_new_labels_are_compared_and_the_score() -> None:
    frame = rows(600, 52)
    flipped = frame.assign(y=np.where(frame["y"] == "yes", "no", "yes"))
    report = drift(model(), flipped)
    assert ("y", "errors") in found(report)
    assert report.score is not None
    assert report.score.now == pytest.approx(1 - drift(model(), frame).score.now)  # type: ignore[union-attr]
    assert not drift(model(), flipped, labels=False).labels
    with pytest.raises(DataError, match="no row has a label"):
        drift(model(), frame.drop(columns="y"), labels=True)


@pytest.mark.parametrize("labels", [None, True])
def test_a_label_that_the_model_does_not_know_is_a_change_and_the_other_rows_are_compared(labels: bool | None) -> None:
    frame = rows(600, 55)
    alone = drift(model(), frame[200:], labels=labels)
    assert not alone.changed
    mixed = frame.assign(y=["perhaps"] * 150 + ["never"] * 50 + frame["y"].tolist()[200:])
    report = drift(model(), mixed, labels=labels)
    assert report.changed
    assert [(one.label, one.rows) for one in report.new_labels] == [("perhaps", 150), ("never", 50)]
    assert report.to_record()["drift"]["new_labels"][0] == {"label": "perhaps", "rows": 150}
    assert report.score == alone.score
    assert [(one.test, one.statistic) for one in report.labels] == [(one.test, one.statistic) for one in alone.labels]
    assert all(one.estimated is None for one in report.classes)
    assert not any("without labels" in one for one in report.unknown)
    none_known = drift(model(), frame.assign(y="perhaps"), labels=labels)
    assert none_known.changed
    assert none_known.score is None
    assert any("without labels that the model knows" in one for one in none_known.unknown)
    assert not drift(model(), mixed, labels=False).new_labels
    few = drift(model(), frame.assign(y=["perhaps"] * 590 + frame["y"].tolist()[590:]), labels=labels)
    assert few.changed
    assert any("only 10 rows have a label that the model knows" in note for note in few.notes)


@pytest.mark.parametrize("labels", [None, True])
@pytest.mark.parametrize("numbers", [np.linspace(0.1, 9.9, 600), np.arange(600) % 3 + 5], ids=["fractions", "codes"])
def test_numbers_where_the_model_knows_classes_are_refused(numbers: np.ndarray, labels: bool | None) -> None:
    frame = rows(600, 56).assign(y=numbers)
    with pytest.raises(DataError, match=r"'y' has numbers that are no class .* the 2 classes 'no', 'yes'") as error:
        drift(model(), frame, labels=labels)
    assert "`labels=False`" in error.value.way_out
    assert not drift(model(), frame, labels=False).labels


def test_errors_of_numbers_are_compared() -> None:
    frame = rows(600, 53, regression=True)
    report = drift(model(regression=True), frame.assign(y=frame["y"] + np.where(frame["colour"] == "red", 3, 0)))
    assert ("y", "errors") in found(report)
    assert report.score is not None
    assert report.score.now > report.score.then


def test_another_mix_of_classes_is_estimated() -> None:
    frame = rows(4_000, 54)
    mixed = pd.concat([frame[frame["y"] == "yes"][:200], frame[frame["y"] == "no"][:1_400]])
    report = drift(model(), mixed.drop(columns="y"))
    share = next(one for one in report.classes if one.label == "yes")
    assert share.low is not None
    assert share.high is not None
    assert share.low <= 0.125 <= share.high
    assert not share.low <= share.trained <= share.high


def test_the_mix_of_classes_is_exact_where_the_mistakes_are_those_of_then() -> None:
    confusion = np.array([[80, 5, 5], [10, 90, 5], [10, 5, 90]])
    q = np.array([0.6, 0.3, 0.1])
    predicted = np.round(confusion / confusion.sum(axis=0) @ q * 1e6).astype(np.int64)
    mix = mix_of_classes(confusion, predicted, np.random.default_rng(0))
    assert not isinstance(mix, str)
    np.testing.assert_allclose(mix.now, q, atol=1e-5)
    assert (mix.low <= q).all()
    assert (q <= mix.high).all()
    alike = np.array([[50, 50], [50, 50]])
    assert "tells two of the classes apart" in str(mix_of_classes(alike, np.array([5, 5]), np.random.default_rng(0)))


def test_a_network_separates_old_rows_from_shuffled_ones_and_names_the_columns() -> None:
    old, new = rows(2_000, 60), _shuffled(rows(2_000, 61))
    report = drift(model(), new.drop(columns="y"), old=old)
    assert report.two_sample is not None
    assert ("all columns", "rows") in found(report)
    assert report.two_sample.low > 0.5
    assert {name for name, _ in report.two_sample.columns[:2]} == {"a", "b"}
    same = drift(model(), rows(2_000, 62).drop(columns="y"), old=old)
    assert same.two_sample is not None
    assert same.two_sample.low < 0.52
    few = drift(model(), rows(500, 63), old=old)
    assert few.two_sample is None
    assert any("it needs 1,000 of each" in note for note in few.notes)


def test_the_area_is_roc_auc_and_its_interval_that_of_resamples() -> None:
    rng = np.random.default_rng(0)
    old, new = rng.normal(size=300).round(1), rng.normal(0.5, size=200).round(1)
    auc, low, high, p = area(old, new)
    y = np.repeat([0, 1], [300, 200])
    score = 1 / (1 + np.exp(-np.concatenate([old, new])))
    assert auc == pytest.approx(roc_auc(np.column_stack([1 - score, score]), y, 1))
    drawn = [area(rng.choice(old, 300), rng.choice(new, 200))[0] for _ in range(400)]
    assert (high - low) / 2 == pytest.approx(1.96 * np.std(drawn), rel=0.15)
    assert p == pytest.approx(stats.mannwhitneyu(new, old, alternative="greater").pvalue)


def test_bad_input_gets_two_lines(tmp_path: Path) -> None:
    frame = rows(100, 70)
    with pytest.raises(DataError, match="needs at least 30 rows, and `data` has 10"):
        drift(model(), frame[:10])
    with pytest.raises(DataError, match="'b' is missing"):
        drift(model(), frame.drop(columns="b"))
    with pytest.raises(DataError, match="no column 'c'"):
        drift(model(), frame, ignore=["c"])
    with pytest.raises(DataError, match="row 3, column 'a'"):
        drift(model(), frame.astype({"a": object}).assign(a=["1", "2", "x", *["3"] * 97]))
    without = replace(model(), reference=None)
    with pytest.raises(ModelError, match="keeps no sketch") as error:
        drift(without, frame)
    assert "`old=FILE`" in error.value.way_out
    fit = caviar.train(np.eye(4), np.array([0, 1, 0, 1]), {"layers": 1}, epochs=1)
    with pytest.raises(ModelError, match="knows nothing of the columns"):
        drift(fit.model, np.eye(4))


def test_a_model_of_an_earlier_version_is_served_with_the_old_rows() -> None:
    without = replace(model(), reference=None)
    report = drift(without, rows(400, 71).assign(b=5.0), old=rows(1_000, 72))
    assert report.outputs is None
    assert ("b", "values") in found(report)
    assert any("the outputs were not compared" in one for one in report.unknown)


def test_new_columns_and_ignored_ones() -> None:
    frame = rows(400, 73)
    report = drift(model(), frame.assign(b=9.0, later=1), ignore=["b"], labels=False)
    assert all(test.name != "b" for test in report.columns)
    assert any("1 new column" in note for note in report.notes)


def test_a_saved_model_gives_the_same_report_and_older_readers_find_it_among_the_facts(tmp_path: Path) -> None:
    path = tmp_path / "made.caviar"
    model().save(path)
    again = load(path)
    assert again.facts == {"study": "made"}
    assert again.reference is not None
    frame = rows(400, 74)
    one, other = drift(model(), frame), drift(path, frame)
    assert [test.name for test in one.tests] == [test.name for test in other.tests]
    np.testing.assert_allclose([t.p for t in one.tests], [t.p for t in other.tests], rtol=1e-3)
    assert drift(path, frame) == other  # the same rows, the same report
    assert path.stat().st_size < 200_000


@pytest.mark.parametrize(
    "spoilt",
    [
        {"columns": 3},
        {"labels": [1]},
        {"labels": [1, 2, 3]},
        {"confusion": [[1]]},
        {"layers": [{"rows": 0, "mean": [], "deviation": []}]},
        {"outputs": {"rows": 3, "classes": [5], "sketches": [], "predicted": []}},
    ],
)
def test_a_damaged_reference_is_refused_in_two_lines(tmp_path: Path, spoilt: dict[str, object]) -> None:
    kept = model().reference
    assert kept is not None
    path = tmp_path / "made.caviar"
    replace(model(), reference=None, facts={"reference": {**kept.to_dict(), **spoilt}}).save(path)
    with pytest.raises(ModelError, match=r"holds what caviar never saves|other classes"):
        load(path)


def test_a_sketch_of_numbers_stands_for_a_quantile() -> None:
    x = np.random.default_rng(0).normal(size=1_000)
    sketch = sketch_numbers(x, 200)
    for share in (0.1, 0.5, 0.9):
        assert sketch.quantile(share) == pytest.approx(np.quantile(x, share), abs=0.05)
    assert math.isnan(sketch_numbers(np.array([np.nan])).quantile(0.5))
