"""Rows that stay in files: the same numbers as in memory, to the bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from caviar.data.dataset import prepare
from caviar.data.mapped import prepare_mapped
from caviar.data.read import read
from caviar.errors import DataError
from caviar.records import RunKind, RunSpec
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


@pytest.mark.parametrize("kind", ["npy", "parquet", "regression", "labels as text", "numbers as text"])
def test_the_same_numbers_as_in_memory(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("caviar.data.columns._BLOCK", 70)  # ten rows a block
    monkeypatch.setattr("caviar.data.mapped._ROWS_AT_ONCE", 33)
    frame, labels = made()
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
        frame.assign(y=y).to_parquet(tmp_path / "t.parquet")
        source = (tmp_path / "t.parquet", "y", None)
    mapped = prepare_mapped(*source, seed=3)
    whole = prepare(read(*source), 3)
    assert isinstance(mapped.train.x, np.memmap)
    same(mapped, whole)
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
