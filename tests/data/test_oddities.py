"""Oddities that are noted: a row of totals, 9999 for a missing value, rows without a label."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from caviar.data.dataset import prepare
from caviar.data.read import read
from caviar.errors import ConfigError, DataError
from caviar.records import Reading

RNG = np.random.default_rng(0)
AGE = RNG.uniform(20, 60, 300).round(1)
HIT = RNG.random(300) < 0.15
FRAME = pd.DataFrame({"region": [f"R{k % 7}" for k in range(300)], "age": AGE, "z": RNG.normal(size=300).round(2)})
FRAME["y"] = np.where(AGE > 40, "old", "young")


def sources(folder: Path, frame: pd.DataFrame) -> list[object]:
    frame.to_csv(folder / "t.csv", index=False)
    frame.to_parquet(folder / "t.parquet")
    return [frame, folder / "t.csv", folder / "t.parquet"]


def said(source: object, words: str, target: str = "y") -> list[str]:
    return [note for note in read(source, target).warnings if words in note]  # type: ignore[arg-type]


@pytest.mark.parametrize("word", ["Total", "TOTAL:", "Sum", "Summe", "gesamt", "Grand total"])
def test_a_last_row_with_the_word_for_a_total(tmp_path: Path, word: str) -> None:
    last = pd.DataFrame([{"region": word, "age": AGE.sum(), "z": 1.0, "y": "old"}])
    for source in sources(tmp_path, pd.concat([FRAME, last])):
        (note,) = said(source, "looks like a total")
        assert "row 301" in note
        assert f"'{word}' in 'region'" in note
    assert not said(FRAME.assign(region=np.where(HIT, word, "R1")), "total"), "a region of that name"
    assert not said(pd.concat([last, FRAME]), "total")


def test_a_last_row_with_the_sums(tmp_path: Path) -> None:
    numbers = FRAME[["age", "z", "y"]]
    last = pd.DataFrame([{"age": AGE.sum(), "z": FRAME["z"].sum(), "y": "old"}])
    for source in sources(tmp_path, pd.concat([numbers, last])):
        assert said(source, "each number in it is the sum")
    assert not said(pd.concat([numbers, last.assign(z=1.0)]), "total")
    assert not said(pd.concat([numbers.assign(age=0, z=0.0), last.assign(age=0, z=0.0)]), "total")


@pytest.mark.parametrize("value", [9999, -999, 99999, -1, -99, -9])
def test_a_number_that_may_stand_for_a_missing_value(tmp_path: Path, value: int) -> None:
    frame = FRAME.assign(age=np.where(HIT, value, AGE))
    for source in sources(tmp_path, frame):
        (note,) = said(source, "missing value")
        assert f"'age' ({value} in {HIT.sum()} rows, the others from {AGE[~HIT].min():g} to" in note
        assert f'`missing=["{value}"]`' in note
        table = read(source, "y", reading=Reading(missing=(str(value),)))  # type: ignore[arg-type]
        assert table.frame["age"].isna().tolist() == HIT.tolist()
    assert said(frame.rename(columns={"age": "y", "y": "age"}), "missing value"), "a target of regression"


@pytest.mark.parametrize(
    "column",
    [
        RNG.integers(0, 10_000, 300),
        RNG.integers(-1, 2, 300),
        np.where(HIT, 99, RNG.integers(60, 99, 300)),
        np.where(HIT, 0, AGE),
        np.where(HIT, -1.0, RNG.normal(size=300)),
        np.where(np.arange(300) == 7, 9999, AGE),
        np.where(HIT, 1000.0, AGE),
        RNG.random(300) < 0.5,
        np.full(300, 9999),
    ],
)
def test_other_numbers_are_no_sentinels(column: np.ndarray) -> None:
    assert not said(FRAME.assign(age=column), "missing value")


@pytest.mark.parametrize("kind", ["text", "whole", "price", "marks"])
def test_rows_without_a_label_are_refused_or_left_out(tmp_path: Path, kind: str) -> None:
    labels = {
        "text": FRAME["y"].astype(object),
        "whole": pd.Series(RNG.integers(0, 3, 300)),
        "price": pd.Series([f"${v * 100:,.2f}" for v in AGE], dtype=object),
        "marks": pd.Series([f"{v:.1f}" for v in AGE], dtype=object),
    }[kind]
    labels = labels.mask(HIT, "n/a" if kind == "marks" else None)
    frame = FRAME.drop(columns="age").assign(y=labels, who=np.arange(300) // 4, day=RNG.permutation(300))
    for source in sources(tmp_path, frame):
        with pytest.raises(DataError) as caught:
            read(source, "y")  # type: ignore[arg-type]
        assert f"row {np.flatnonzero(HIT)[0] + 1}" in str(caught.value)
        assert "`skip_unlabelled=True`" in str(caught.value)
        for word in ({}, {"group": "who"}, {"time": "day"}):
            reading = Reading(skip_unlabelled=True, **word)  # type: ignore[arg-type]
            table = read(source, "y", reading=reading)  # type: ignore[arg-type]
            found = prepare(table, 0, reading=reading)
            (note,) = [n for n in found.warnings if "have no label" in n]
            assert f"{HIT.sum()} rows have no label in 'y' and are left out" in note
            assert f"the first is row {np.flatnonzero(HIT)[0] + 1}" in note
            assert found.facts["rows"] == (~HIT).sum()
            assert table.frame["z"].tolist() == FRAME["z"][~HIT].tolist()
    whole = read(FRAME, "y")
    assert read(FRAME, "y", reading=Reading(skip_unlabelled=True)).frame.equals(whole.frame)


def test_a_mark_is_a_class_unless_it_is_named_as_missing() -> None:
    frame = FRAME.assign(y=FRAME["y"].mask(HIT, "unknown"))
    assert len(read(frame, "y", reading=Reading(skip_unlabelled=True)).frame) == 300
    table = read(frame, "y", reading=Reading(skip_unlabelled=True, missing=("unknown",)))
    assert len(table.frame) == (~HIT).sum()
    with pytest.raises(DataError, match="300 of 300 rows have none"):
        read(FRAME.assign(y=None), "y", reading=Reading(skip_unlabelled=True))


def test_the_word_is_kept() -> None:
    reading = Reading(skip_unlabelled=True)
    assert Reading.from_record(reading.to_record()) == reading
    assert Reading().to_record() == {}
    with pytest.raises(ConfigError, match="`skip_unlabelled` must be True or False"):
        Reading(skip_unlabelled="yes")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "form", ["{a}/{b}", "{a}-{b}", "{a} to {b} kg", "{a} out of {b}", "{a}'{c}\"", "{a} {c}/12", "{a} x {b} mm"]
)
def test_cells_of_two_numbers_are_noted(tmp_path: Path, form: str) -> None:
    cells = [form.format(a=10 + k % 30, b=45 + k % 40, c=k % 12) for k in range(300)]
    for source in sources(tmp_path, FRAME.assign(size=cells)):
        (note,) = said(source, "two numbers")
        assert "'size'" in note
        assert note.endswith("as numbers they are two columns")


@pytest.mark.parametrize(
    "form", ["{a} Main St", "A{a}-{b}", "{b}-{a}", "v{a}.{b}.{c}", "{a} rooms, {c} baths", "{d}-{e}"]
)
def test_codes_and_a_few_ranges_are_no_two_numbers(tmp_path: Path, form: str) -> None:
    age = [(k % 5) * 10 for k in range(300)]
    cells = [form.format(a=10 + k % 30, b=45 + k % 40, c=k % 12, d=age[k], e=age[k] + 9) for k in range(300)]
    for source in sources(tmp_path, FRAME.assign(size=cells)):
        assert not said(source, "two numbers")


def test_an_index_with_names_is_no_column_and_said() -> None:
    (note,) = said(FRAME.set_index(["region", "z"]), "index of the frame")
    assert "('region', 'z')" in note
    assert not said(FRAME.sample(frac=1, random_state=1), "index of the frame")


def test_a_column_that_pandas_kept_as_the_index_of_a_parquet_file_is_one(tmp_path: Path) -> None:
    FRAME.set_index("age").to_parquet(tmp_path / "t.parquet")
    found = read(tmp_path / "t.parquet", "y")
    assert found.frame["age"].tolist() == FRAME["age"].tolist()
