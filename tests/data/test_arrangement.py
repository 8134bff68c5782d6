"""Groups, times and columns by the user's word: from a table to its parts, its folds and its notes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from caviar.data.dataset import Dataset, check_arranged, prepare
from caviar.data.read import read
from caviar.errors import DataError
from caviar.records import Reading
from caviar.study.check import fold_rows

RNG = np.random.default_rng(0)
M = 400
FRAME = pd.DataFrame(
    {
        "a": RNG.normal(size=M),
        "b": RNG.normal(size=M),
        "patient": np.array([f"p{i}" for i in RNG.integers(0, 60, M)]),
        "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(RNG.integers(0, 90, M), unit="D"),
        "y": RNG.choice(["no", "yes"], M),
    }
)


def prepared(frame: pd.DataFrame = FRAME, test: pd.DataFrame | None = None, seed: int = 0, **reading) -> Dataset:
    words = Reading(**reading)
    held_out = None if test is None else read(test, "y", reading=words)
    return prepare(read(frame, "y", reading=words), seed, held_out, reading=words)


def rows_of(x: np.ndarray, dataset: Dataset, frame: pd.DataFrame = FRAME) -> list[int]:
    """The rows of the table that these inputs were made of."""
    places = {row.tobytes(): place for place, row in enumerate(dataset.preprocessing.apply(frame))}
    return [places[row.tobytes()] for row in x]


def parts_of(dataset: Dataset) -> list[list[int]]:
    return [rows_of(x, dataset) for x in (dataset.train.x, dataset.validation.x, dataset.test.open().x)]


def refusal(**reading) -> str:
    with pytest.raises(DataError) as caught:
        prepared(**reading)
    assert len(str(caught.value).splitlines()) == 2
    return str(caught.value)


def test_a_group_is_never_in_two_parts_nor_in_two_folds() -> None:
    dataset = prepared(group="patient", ignore="day")
    patients = FRAME["patient"].to_numpy()
    held = [set(patients[rows]) for rows in parts_of(dataset)]
    assert sum(map(len, held)) == len(set(patients))
    patients = patients[rows_of(dataset.train_and_validation().x, dataset)]
    for training, held_out in fold_rows(dataset, seed=0):
        assert not set(patients[training]) & set(patients[held_out])
    assert "patient" not in {*dataset.preprocessing.numbers, *dataset.preprocessing.text_columns}
    said = "\n".join(dataset.warnings)
    assert "'patient' says which rows belong together and is no feature (`keep=[\"patient\"]` uses it)" in said
    assert "split by 'patient': each of 60 groups is in one part (60, 20 and 20 % of the rows)" in said
    assert prepared(group="patient", keep="patient").preprocessing.text_columns == ("patient",)


def test_an_id_of_several_rows_each_is_pointed_out() -> None:
    frame = FRAME.rename(columns={"patient": "patient_id"}).assign(store_id=RNG.integers(0, 10, M))
    hint = (
        "'patient_id' has 60 different values in 400 rows; if rows of one value belong together, as those of a person"
    )
    assert [note for note in prepared(frame, ignore="day").warnings if "belong together" in note] == [
        f'{hint} do, `group="patient_id"` keeps them in one part'
    ]
    for reading in ({"group": "patient_id", "ignore": "day"}, {"time": "day"}, {"keep": "patient_id", "ignore": "day"}):
        assert not any("if rows of one value" in note for note in prepared(frame, **reading).warnings)
    own = prepared(FRAME.assign(patient=range(M)), group="patient", ignore="day").warnings
    assert any("each of 400 groups, nearly every row one of its own, is in one part" in note for note in own)


def test_groups_that_are_written_alike_are_noted() -> None:
    for left, right in (("Z1", "z1 "), ("001", "1")):
        patient = FRAME["patient"].astype(str).mask(FRAME.index < 9, left).mask(FRAME.index > 390, right)
        alike = FRAME.assign(patient=patient)
        (note,) = [n for n in prepared(group="patient", frame=alike).warnings if "differ only in" in n]
        assert f"{left!r} and {right!r}" in note or f"{right!r} and {left!r}" in note
    assert not [n for n in prepared(group="patient").warnings if "differ only in" in n]


def test_groups_and_copies_stay_together_both() -> None:
    frame = pd.concat([FRAME, FRAME.iloc[:80].assign(patient=[f"q{i}" for i in range(80)])], ignore_index=True)
    dataset = prepared(frame, group="patient", ignore="day")
    inputs = dataset.preprocessing.apply(frame)
    parts = [dataset.train.x, dataset.validation.x, dataset.test.open().x]
    where = [{row.tobytes() for row in part} for part in parts]
    for patient in set(frame["patient"]):
        rows = {row.tobytes() for row in inputs[(frame["patient"] == patient).to_numpy()]}
        assert sum(bool(rows & part) for part in where) == 1
    assert dataset.facts["copies"] == 80


def test_the_past_predicts_the_future_in_parts_and_folds() -> None:
    dataset = prepared(time="day", ignore="patient")
    days = FRAME["day"].to_numpy()
    train, validation, test = parts_of(dataset)
    assert days[train].max() < days[validation].min()
    assert days[validation].max() < days[test].min()
    assert [len(validation), len(test)] == pytest.approx([80, 80], abs=8)
    folds, searched = fold_rows(dataset, seed=0), days[rows_of(dataset.train_and_validation().x, dataset)]
    assert len(folds) == 5
    for earlier, later in folds:
        assert searched[earlier].max() < searched[later].min()
    said = "\n".join(dataset.warnings)
    first = pd.Timestamp(days[validation].min()).date()
    assert f"split by 'day': training before {first}, validation from then on, test from 2024-" in said


def test_without_a_word_the_split_is_as_it_was() -> None:
    plain = prepared(FRAME[["a", "b", "y"]])
    with_others = prepared(ignore=("patient", "day"))
    assert plain.train.x.tobytes() == with_others.train.x.tobytes()
    assert plain.test.open().y.tobytes() == with_others.test.open().y.tobytes()


def test_what_cannot_be_is_refused_in_two_lines() -> None:
    assert "did you mean 'patient'?" in refusal(group="patinet")
    assert "did you mean 'day'?" in refusal(time="dya")
    assert "did you mean 'a'" in refusal(ignore="aa")
    assert "`keep` must name columns of features, got 'zzz'" in refusal(keep="zzz")
    assert "got 'y', the target" in refusal(group="y")
    assert "'a' is in `ignore` and in `keep`" in refusal(ignore="a", keep=("b", "a"))
    assert "`group` and `time` cannot both decide" in refusal(group="patient", time="day")
    gap = FRAME.assign(patient=FRAME["patient"].where(FRAME.index != 6), day=FRAME["day"].where(FRAME.index != 8))
    assert "1 of 400 rows have none in 'patient', the first is row 7" in refusal(frame=gap, group="patient")
    assert "1 of 400 rows have none in 'day', the first is row 9" in refusal(frame=gap, time="day")
    two = FRAME.assign(patient=np.where(FRAME.index < 200, "p", "q"))
    assert "3 groups in all, got 2 groups" in refusal(frame=two, group="patient")
    same = FRAME.assign(day=pd.Timestamp("2024-01-01"))
    assert "a column of different times, but every row of 'day' has" in refusal(frame=same, time="day")
    lists = FRAME.assign(patient=[[1]] * M)
    assert "`group` must name a column of text or numbers" in refusal(frame=lists, group="patient")
    late = FRAME.assign(y=np.where(FRAME["day"] > pd.Timestamp("2024-03-20"), "new", FRAME["y"]))
    assert "'new' is first seen in later rows" in refusal(frame=late, time="day")
    assert "`ignore` leaves no feature, of 4" in refusal(ignore=("a", "b", "patient", "day"))


def test_what_training_knows_of_a_test_file_is_said() -> None:
    patients = [*FRAME["patient"][:20], *[f"q{i}" for i in range(30)]]
    test = FRAME.iloc[:50].assign(a=RNG.normal(size=50), patient=patients)
    said = "\n".join(prepared(test=test, group="patient", ignore="day").warnings)
    known = len(set(FRAME["patient"][:20]))
    assert f"{known} groups of 'patient' are in the test data table and in table: " in said
    said = "\n".join(prepared(test=test, time="day", ignore="patient").warnings)
    assert "50 rows of the test data table are no later than the last row of table" in said
    later = test.assign(day=test["day"] + pd.Timedelta(days=365), patient="new")
    for reading in ({"group": "patient", "ignore": "day"}, {"time": "day", "ignore": "patient"}):
        assert not any("test data" in note for note in prepared(test=later, **reading).warnings)
    without = prepared(test=later.drop(columns=["patient", "day"]), group="patient", ignore="day").warnings
    assert any("have no column 'patient' to look groups up in" in note for note in without)


def test_columns_to_ignore_may_hold_anything_and_arrays_of_new_rows_have_them() -> None:
    x = RNG.normal(size=(100, 3))
    x[5, 1] = np.inf
    reading = Reading(ignore="x1")
    dataset = prepare(read((x, np.arange(100) % 2), reading=reading), 0, reading=reading)
    assert dataset.preprocessing.numbers == ("x0", "x2")
    assert dataset.preprocessing.columns == ("x0", "x1", "x2")


def test_a_study_of_an_earlier_version_does_not_go_on_with_other_rows() -> None:
    frame = pd.concat([FRAME[["a", "b", "y"]].iloc[:100]] * 3, ignore_index=True).assign(id=range(300))
    dataset = prepared(frame)
    check_arranged("study 's'", dataset.facts, dataset)
    with pytest.raises(DataError, match="earlier version of caviar, in which 'id' were used as features"):
        check_arranged("study 's'", {"sha256": "", "copies": 200}, dataset)
    with pytest.raises(DataError, match="200 copies of rows were dealt out to different parts"):
        check_arranged("study 's'", {"sha256": "", "identifiers": ["id"]}, dataset)
    check_arranged("study 's'", {"sha256": ""}, prepared(FRAME[["a", "b", "y"]]))
