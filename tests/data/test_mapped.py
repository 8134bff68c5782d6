"""Rows that stay in files: the same numbers as in memory, to the bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from caviar.data.dataset import prepare
from caviar.data.mapped import prepare_mapped
from caviar.data.read import read
from caviar.errors import ConfigError, DataError
from caviar.records import Reading, RunKind, RunSpec
from caviar.runs import loop


@pytest.fixture(autouse=True)
def rows_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CAVIAR_ROWS", str(tmp_path / "rows"))
    return tmp_path / "rows"


def made(rows: int = 400) -> tuple[pd.DataFrame, np.ndarray]:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(50, 20, (rows, 7)), columns=list("abcdefg"))
    frame.iloc[::17, 2] = np.nan
    frame["d"] = 3.0
    return frame, (frame["a"] + frame["b"] > 100).to_numpy().astype(np.int64)


def same(one, other) -> None:
    assert one.preprocessing == other.preprocessing
    assert one.warnings == other.warnings
    for part in ("train", "validation"):
        assert getattr(one, part).x.tobytes() == getattr(other, part).x.tobytes()
        assert getattr(one, part).y.tobytes() == getattr(other, part).y.tobytes()
    mine, yours = one.test.open(), other.test.open()
    assert mine.x.tobytes() == yours.x.tobytes()
    assert mine.y.tobytes() == yours.y.tobytes()


@pytest.mark.parametrize("kind", ["npy", "parquet", "regression", "labels as text", "numbers as text"])
def test_the_same_numbers_as_in_memory(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("caviar.data.columns._BLOCK", 70)  # ten rows a block
    monkeypatch.setattr("caviar.data.mapped._ROWS_AT_ONCE", 33)
    frame, labels = made(4_000 if kind == "regression" else 400)
    if kind == "npy":
        np.save(tmp_path / "x.npy", frame.to_numpy())
        np.save(tmp_path / "y.npy", labels)
        source = (tmp_path / "x.npy", None, tmp_path / "y.npy")
    elif kind.endswith("text"):
        np.save(tmp_path / "x.npy", frame.to_numpy())
        text = [f"0{label}" for label in labels] if kind == "labels as text" else [f"{a:.2f} kg" for a in frame["a"]]
        pd.DataFrame({"y": text}).to_csv(tmp_path / "y.csv", index=False)
        source = (tmp_path / "x.npy", None, tmp_path / "y.csv")
    else:
        y = labels if kind == "parquet" else frame["a"] * 3
        if kind == "regression":  # in far_out it matters how far
            frame["far_out"] = np.random.default_rng(1).normal(size=len(frame))
            frame.loc[::50, "far_out"] *= 20
            y = y + 90 * frame["far_out"]
        frame.assign(y=y).to_parquet(tmp_path / "t.parquet")
        source = (tmp_path / "t.parquet", "y", None)
    mapped = prepare_mapped(*source, seed=3)
    whole = prepare(read(*source), 3)
    assert isinstance(mapped.train.x, np.memmap)
    same(mapped, whole)
    assert mapped.preprocessing.tails == (("far_out",) if kind == "regression" else ())
    assert mapped.facts["train"] == whole.facts["train"]


def test_images_are_flattened_and_the_files_are_used_again(tmp_path: Path, rows_folder: Path):
    random = np.random.default_rng(1)
    np.save(tmp_path / "x.npy", random.integers(0, 256, (90, 4, 5), dtype=np.uint8))
    np.save(tmp_path / "y.npy", random.integers(0, 2, 90))
    first = prepare_mapped(tmp_path / "x.npy", None, tmp_path / "y.npy", 0)
    (folder,) = [p for p in rows_folder.iterdir() if not p.name.startswith(".")]
    before = {p.name: p.stat().st_mtime_ns for p in folder.iterdir()}
    again = prepare_mapped(tmp_path / "x.npy", None, tmp_path / "y.npy", 0)
    assert {p.name: p.stat().st_mtime_ns for p in folder.iterdir()} == before
    assert first.facts == again.facts
    same(first, prepare(read(tmp_path / "x.npy", None, tmp_path / "y.npy"), 0))


def test_a_run_on_mapped_rows_ends_with_the_bits_of_one_in_memory(tmp_path: Path):
    frame, labels = made()
    np.save(tmp_path / "x.npy", frame.to_numpy())
    np.save(tmp_path / "y.npy", labels)
    ends = []
    for mapped in (True, False):
        paths = {"data": str(tmp_path / "x.npy"), "labels": str(tmp_path / "y.npy")}
        spec = RunSpec(kind=RunKind.NETWORK, epochs=3, mapped=mapped, **paths)
        *_, end = loop.begin(spec, {}, name=f"mapped {mapped}", store=str(tmp_path / "caviar.db"))
        ends.append(end.summary["bits"])
    assert ends[0] == ends[1]


@pytest.mark.parametrize(
    ("name", "said"),
    [("text.parquet", "column 'g' is"), ("x.csv", "from NPY and Parquet"), ("gone.npy", "cannot be mapped")],
)
def test_what_cannot_be_mapped_is_refused(tmp_path: Path, name: str, said: str):
    frame, labels = made(60)
    frame.assign(g="x", y=labels).to_parquet(tmp_path / "text.parquet")
    frame.assign(y=labels).to_csv(tmp_path / "x.csv")
    with pytest.raises(DataError, match=said):
        prepare_mapped(tmp_path / name, "y", tmp_path / "y.npy", 0)


def test_an_infinite_number_is_named(tmp_path: Path):
    frame, labels = made(60)
    frame.iloc[41, 4] = np.inf
    np.save(tmp_path / "x.npy", frame.to_numpy())
    np.save(tmp_path / "y.npy", labels)
    with pytest.raises(DataError, match="row 42, column 'x4'"):
        prepare_mapped(tmp_path / "x.npy", None, tmp_path / "y.npy", 0)


WORDS = {
    "a group of text": {"group": "clinic"},
    "a group of numbers": {"group": "ward"},
    "a group that is a feature": {"group": "ward", "keep": "ward"},
    "time in dates": {"time": "day"},
    "time in numbers": {"time": "ward"},
    "columns to ignore": {"ignore": ("a", "clinic", "day")},
    "a row number to keep": {"keep": "nr"},
    "none": {},
}


@pytest.mark.parametrize("words", WORDS)
def test_groups_times_copies_and_columns_are_those_in_memory(tmp_path: Path, words: str):
    frame, labels = made(300)
    random = np.random.default_rng(2)
    table = pd.concat([frame, frame.iloc[:60]], ignore_index=True)
    ward = random.integers(0, 40, 360)
    table = table.assign(nr=random.permutation(360), ward=ward, y=np.r_[labels, labels[:60]])
    reading = Reading(**WORDS[words])
    if {reading.group, reading.time, *reading.ignore} & {"clinic", "day"}:
        table = table.assign(clinic=[f"c{w % 30}" for w in ward], day=pd.Timestamp("2024-01-01"))
        table["day"] += pd.to_timedelta(ward, unit="D")
        if reading.group == "clinic":
            table = table.drop(columns="day")
        elif reading.time == "day":
            table = table.drop(columns="clinic")
    table.to_parquet(tmp_path / "t.parquet")
    mapped = prepare_mapped(tmp_path / "t.parquet", "y", None, 3, reading=reading)
    if reading.time == "day":  # in memory its year, month and so on are features, too
        table["day"] = (table["day"] - pd.Timestamp("2024-01-01")).dt.days
        table.to_parquet(tmp_path / "t.parquet")
        reading = replace(reading, ignore=("day",))
    whole = prepare(read(tmp_path / "t.parquet", "y", reading=reading), 3, reading=reading)
    assert mapped.train.x.tobytes() == whole.train.x.tobytes()
    assert mapped.validation.x.tobytes() == whole.validation.x.tobytes()
    assert mapped.preprocessing.numbers == whole.preprocessing.numbers
    for name in ("sets", "times"):
        mine, other = getattr(mapped, name), getattr(whole, name)
        assert (mine is None) == (other is None)
        assert mine is None or np.array_equal(mine, other)
    assert {**mapped.facts, "sha256": ""} == {**whole.facts, "sha256": ""}
    if reading.time is None:
        assert mapped.warnings == whole.warnings
    else:
        assert any("split by" in note for note in mapped.warnings)


def test_files_of_another_split_are_not_used_again(tmp_path: Path, rows_folder: Path):
    frame, labels = made(200)
    frame.assign(g=np.arange(200) % 25, y=labels).to_parquet(tmp_path / "t.parquet")
    found = [
        prepare_mapped(tmp_path / "t.parquet", "y", None, 0, reading=reading).train.x.tobytes()
        for reading in (Reading(), Reading(group="g"), Reading(time="g"), Reading(ignore="a"), Reading())
    ]
    assert len(set(found)) == 4
    assert found[0] == found[-1]
    assert len([p for p in rows_folder.iterdir() if not p.name.startswith(".")]) == 4


def test_what_mapped_rows_cannot_do_is_refused(tmp_path: Path):
    frame, labels = made(60)
    frame.assign(y=labels).to_parquet(tmp_path / "t.parquet")
    for reading, name in ((Reading(missing="?"), "missing"), (Reading(text="a"), "text"), (Reading(date="a"), "date")):
        with pytest.raises(ConfigError, match=f"so `{name}` has nothing to say about them") as refusal:
            prepare_mapped(tmp_path / "t.parquet", "y", None, 0, reading=reading)
        assert refusal.value.way_out == f"leave out `{name}`, or use `mapped=False`"
    with pytest.raises(DataError, match="did you mean"):
        prepare_mapped(tmp_path / "t.parquet", "y", None, 0, reading=Reading(group="aa"))
    frame.assign(g="p", y=labels).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(DataError, match="so 'g' cannot be kept as a feature"):
        prepare_mapped(tmp_path / "t.parquet", "y", None, 0, reading=Reading(group="g", keep="g"))
    np.save(tmp_path / "x.npy", frame.to_numpy().astype(">f8"))
    np.save(tmp_path / "y.npy", labels)
    with pytest.raises(DataError, match="this machine's byte order, got >f8"):
        prepare_mapped(tmp_path / "x.npy", None, tmp_path / "y.npy", 0)


@pytest.mark.parametrize("kind", ["npy", "parquet"])
def test_a_test_part_of_its_own_is_the_one_that_is_scored(tmp_path: Path, kind: str):
    frame, labels = made()
    other = frame.sample(120, random_state=1, ignore_index=True) + 0.5
    if kind == "npy":
        for name, rows, y in (("x", frame, labels), ("t", other, 1 - labels[:120])):
            np.save(tmp_path / f"{name}.npy", rows.to_numpy())
            np.save(tmp_path / f"{name}y.npy", y)
        source = tmp_path / "x.npy", None, tmp_path / "xy.npy"
        test = tmp_path / "t.npy", None, tmp_path / "ty.npy"
    else:
        frame.assign(y=labels).to_parquet(tmp_path / "x.parquet")
        other[list("gfedcba")].assign(y=1 - labels[:120]).to_parquet(tmp_path / "t.parquet")
        source, test = (tmp_path / "x.parquet", "y", None), (tmp_path / "t.parquet", "y", None)
    mapped = prepare_mapped(*source, seed=3, test=test[0], test_labels=test[2])
    table = read(*source)
    whole = prepare(table, 3, read(*test, like=table))
    same(mapped, whole)
    assert mapped.facts == whole.facts
    assert mapped.sha256 != prepare_mapped(*source, seed=3).sha256


def test_a_test_part_without_a_column_is_refused_by_its_name(tmp_path: Path):
    frame, labels = made()
    frame.assign(y=labels).to_parquet(tmp_path / "x.parquet")
    frame.drop(columns="b").assign(y=labels).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(DataError, match=r"in the test file t: .*'b'"):
        prepare_mapped(tmp_path / "x.parquet", "y", None, 0, test=tmp_path / "t.parquet")
