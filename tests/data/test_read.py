"""Every input of PRODUCT.md becomes the same table, and the same examples."""

from __future__ import annotations

import gzip
import struct
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caviar.data.dataset import prepare
from caviar.data.digest import digest
from caviar.data.read import read, read_features
from caviar.data.table import clean_name
from caviar.errors import DataError

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 4, 3), dtype=np.uint8)
LABELS = np.arange(40, dtype=np.uint8) % 3


def idx(array: np.ndarray, code: int = 0x08) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape) + array.tobytes()


def write_all(folder: Path, x: np.ndarray, y: np.ndarray) -> dict[str, tuple]:
    """The same table in every format: the arguments of ``read``."""
    names = [f"x{i}" for i in range(x.shape[1])]
    frame = pd.DataFrame(x, columns=names).assign(label=y)
    frame.to_csv(folder / "comma.csv", index=False)
    frame.to_csv(folder / "bom.csv", index=False, sep=";", encoding="utf-8-sig")
    frame.to_csv(folder / "tab.tsv", index=False, sep="\t", lineterminator="\r\n")
    frame.to_csv(folder / "packed.csv.gz", index=False, quoting=1)
    frame.to_parquet(folder / "t.parquet")
    np.savez(folder / "named.npz", x=x, y=y)
    np.savez(folder / "other.npz", pixels=x, species=y)
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", y)
    frame[["label"]].to_csv(folder / "y.csv", index=False)
    return {
        "frame": (frame, "label"),
        "pair": ((x, y),),
        "lists": ((x.tolist(), y.tolist()),),
        **{
            name: (folder / name, "label") for name in ("comma.csv", "bom.csv", "tab.tsv", "packed.csv.gz", "t.parquet")
        },
        "named.npz": (folder / "named.npz",),
        "other.npz": (str(folder / "other.npz"), "species"),
        "npy": (folder / "x.npy", None, folder / "y.npy"),
        "npy, csv": (folder / "x.npy", None, folder / "y.csv"),
    }


@settings(max_examples=10, deadline=None)
@given(
    x=st.lists(
        st.tuples(*[st.floats(-1e99, 1e99, allow_subnormal=False)] * 2),
        min_size=12,
        max_size=20,
        unique_by=lambda r: r[0],
    ),
    text=st.booleans(),
)
def test_every_format_gives_the_same_examples(x: list, text: bool) -> None:
    features = np.array(x)
    labels = np.array(["a", 'ünï, "b"\n'])[np.arange(len(x)) % 2] if text else np.arange(len(x)) % 2
    with tempfile.TemporaryDirectory() as folder:
        sources = write_all(Path(folder), features, labels)
        expected = prepare(read(*sources.pop("frame")), seed=3)
        for arguments in sources.values():
            found = prepare(read(*arguments), seed=3)
            assert np.array_equal(found.train.x, expected.train.x)
            assert np.array_equal(found.validation.y, expected.validation.y)
            assert found.preprocessing.classes == expected.preprocessing.classes
            assert found.facts == expected.facts, "the hash must not depend on the format"


@pytest.mark.parametrize("end", ["", ".gz"])
@pytest.mark.parametrize("dotted", [False, True])
def test_idx_finds_its_labels_by_name(tmp_path: Path, end: str, dotted: bool) -> None:
    pack = gzip.compress if end else bytes
    mark = "." if dotted else "-"
    (tmp_path / f"train-images{mark}idx3-ubyte{end}").write_bytes(pack(idx(IMAGES)))
    (tmp_path / f"train-labels{mark}idx1-ubyte{end}").write_bytes(pack(idx(LABELS)))
    table = read(tmp_path / f"train-images{mark}idx3-ubyte{end}")
    assert set(table.frame.dtypes) == {np.dtype(np.uint8)}
    assert np.array_equal(table.frame.to_numpy(), IMAGES.reshape(40, 12))
    assert table.target is not None
    assert table.target.tolist() == LABELS.tolist()
    assert digest(table) == digest(read((IMAGES, LABELS)))


@pytest.mark.parametrize(("code", "dtype"), [(0x09, ">i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")])
def test_idx_numbers_are_big_endian(tmp_path: Path, code: int, dtype: str) -> None:
    array = np.array([[1, -2], [3, 100]], dtype=dtype)
    (tmp_path / "a.idx").write_bytes(idx(array, code))
    assert read_features(tmp_path / "a.idx").frame.to_numpy().tolist() == [[1, -2], [3, 100]]


def test_arrays_are_not_copied() -> None:
    x = np.zeros((60_000, 28, 28), dtype=np.uint8)
    table = read((x, np.arange(60_000) % 10))
    assert np.shares_memory(table.frame.to_numpy(), x)
    assert table.frame.columns[-1] == "x783"


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["b", "a"], ("a", "b")),
        ([True, False], (False, True)),
        ([7, -2], (-2, 7)),
        ([1.0, 0.0], (0, 1)),
        (pd.Categorical(["x", "y"]), ("x", "y")),
        (pd.array([1, 0], dtype="Int64"), (0, 1)),
        (pd.array([True, False], dtype="boolean"), (False, True)),
        (np.array([b"p", b"q"]), ("p", "q")),
        ([1, "a"], ("1", "a")),
    ],
)
def test_labels_keep_their_kind(labels: object, classes: tuple) -> None:
    target = pd.Series(labels).repeat(10)
    table = read((np.random.default_rng(0).normal(size=(20, 2)), target))
    found = prepare(table, seed=0).preprocessing.classes
    assert found == classes
    assert [type(c) for c in found] == [type(c) for c in classes]


def test_kinds_of_columns() -> None:
    day = pd.Timestamp("2026-01-01")
    frame = pd.DataFrame(
        {
            "whole": [1, 2, 3],
            "nullable": pd.array([1, None, 3], dtype="Int64"),
            "truth": [True, None, False],
            "text": ["a", None, "b"],
            "mixed": ["a", 1, 2.0],
            "category": pd.Categorical([1, 2, 1]),
            "none": [None, None, None],
            "date": [day, day, day],
            "list": [[1], [2], [3]],
            "y": ["p", "q", "p"],
        }
    )
    table = read(frame, "y")
    assert [d.kind for d in table.frame.dtypes] == ["i", "f", "f", "O", "O", "O", "f", "M"]
    assert table.frame["truth"].fillna(-1).tolist() == [1, -1, 0]
    assert table.frame["mixed"].tolist() == ["a", "1", "2"]
    assert table.frame["category"].tolist() == ["1", "2", "1"]
    assert "lists?): 'list'" in table.warnings[0]
    assert "dates become numbers: 'date'" in table.warnings[1]


def test_a_file_for_prediction_may_hold_the_target_or_not(tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("zip,b,y\n007,2,p\n012,,q\n")
    table = read_features(tmp_path / "new.csv", text=("zip", "gone"))
    assert table.target is None
    assert table.frame["zip"].tolist() == ["007", "012"], "text stays text, whatever it looks like"
    np.savez(tmp_path / "new.npz", x=IMAGES, y=LABELS)
    np.savez(tmp_path / "bare.npz", anything=IMAGES)
    for name in ("new.npz", "bare.npz"):
        assert read_features(tmp_path / name).frame.shape == (40, 12)
    assert list(read_features(np.zeros((2, 2)), names=["a", "b"]).frame.columns) == ["a", "b"]


def test_blank_lines_and_spaces_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(" a , b, y\n1, 2, p\n\n3, 4, q\n  \n")
    (tmp_path / "quoted.csv").write_text('a,b,"y"\n1,2,p\n\n3,4,q\n  \n')
    (tmp_path / "mac.csv").write_bytes(b"a,b,y\r1,2,p\r3,4,q\r")
    for name in ("t.csv", "quoted.csv", "mac.csv"):
        table = read(tmp_path / name, "y")
        assert table.frame.to_numpy().tolist() == [[1, 2], [3, 4]]
        assert table.target is not None
        assert table.target.tolist() == ["p", "q"]


@given(st.text())
def test_names_of_studies_are_safe(text: str) -> None:
    name = clean_name(text)
    assert name
    assert len(name) <= 60
    assert name[0] not in ".-"
    assert not set(name) & set("/\\ <>\x1b:*?'\"\n")


@pytest.mark.parametrize("end", ["", ".gz"])
def test_a_line_that_does_not_end_is_refused_by_its_length(end: str, tmp_path: Path):
    """A gzip file of a few megabytes may stand for gigabytes: it is refused before all of it is unpacked."""
    path = tmp_path / f"bomb.csv{end}"
    with gzip.open(path, "wb", compresslevel=1) if end else path.open("wb") as file:
        file.write(b"a,b\n1,2\n")
        for _ in range(70):
            file.write(b"0" * (1 << 20))
        if end:
            file.write(b"\n3,4\n")
            for _ in range(300):
                file.write(b"1" * (1 << 20))
    with pytest.raises(DataError, match=r"bomb\.csv.* has a line of more than 64 MiB"):
        read(path, "b")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (",".join(f"c{k}" for k in range(300_000)) + "\n" + ",".join("1" * 300_000) + "\n", "line 1 has 300,000"),
        ("," * 250_000 + "\n" + "," * 250_000 + "\n", "line 1 has 250,001"),
        ("a;b\n1;2\n" + "1;" * 250_000 + "\n", "line 3 has 250,001"),
        ("\na," + "b" * 10_000_000 + ",y\n1,2,3\n4,5,6\n", "a header must have at most .* but line 2 has 10,000,005"),
        ('"a,' + "b " * 5_000_000 + '",y\n1,2\n3,4\n', "a header must have at most"),
    ],
    ids=["columns", "commas", "a row", "a name", "a name in quotes"],
)
def test_a_table_that_is_too_wide_is_refused_before_it_is_taken_apart(
    text: str, match: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("caviar.data.csv_layout.csv.reader", lambda *_, **__: pytest.fail("it was taken apart"))
    (tmp_path / "wide.csv").write_text(text)
    for way in (lambda path: read(path, "y"), read_features):
        with pytest.raises(DataError, match=match):
            way(tmp_path / "wide.csv")


def test_a_parquet_file_that_is_too_wide_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("caviar.data.room.MOST_COLUMNS", 2)
    pd.DataFrame({"a": [1], "b": [2], "y": [3]}).to_parquet(tmp_path / "wide.parquet")
    with pytest.raises(DataError, match="at most 2 columns, but the Parquet file has 3"):
        read(tmp_path / "wide.parquet", "y")


def test_long_tables_have_short_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("caviar.data.read._LONGEST_LINE", 16)
    rows = "a,b\n" + "1,2\n3,4\n" * 200
    for end, ending in (("", "\n"), (".gz", "\n"), ("", "\r\n"), ("", "\r")):
        path, text = tmp_path / f"t.csv{end}", rows.replace("\n", ending).encode()
        path.write_bytes(gzip.compress(text) if end else text)
        assert len(read(path, "b").frame) == 400
