"""FAULTS.md 18 and 16: what cannot be used is refused in two lines that say where; what can be used is."""

from __future__ import annotations

import gzip
import os
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caviar.data.columns import printable, shown
from caviar.data.dataset import prepare
from caviar.data.read import read, read_features
from caviar.errors import DataError, UserMistake
from caviar.learners.dense.fit import train
from caviar.records import Reading

ROWS = "".join(f"{i % 7},{i % 5},{'pq'[i % 2]}\n" for i in range(30))


def refusal(action: Callable[[], object]) -> str:
    with pytest.raises(DataError) as caught:
        action()
    message = str(caught.value)
    assert len(message.splitlines()) == 2, message
    assert all(line.strip() for line in message.splitlines())
    assert all(c.isprintable() or c == "\n" for c in message), "nothing may reach into the terminal"
    assert len(message) < 1000
    return message


def of_bytes(folder: Path, raw: bytes, name: str = "t.csv", target: str | None = "y") -> str:
    (folder / name).write_bytes(raw)
    return refusal(lambda: prepare(read(folder / name, target), seed=0))


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"a,b,y\n1,2,p\n1,2,p,4\n", "row 2 (line 3) has 4"),
        (b"a,b,y\n1,2,p\n\n1,2\n", "row 2 (line 4) has 2"),
        (b'a,b,y\n1,"2\n3",p\n1,2\n', "row 2 (line 4) has 2"),
        (b"a,b,y\n1,2,p,5\n1,2,q,\n", "row 1 (line 2) has 4"),
        (b'a,b,y\n1,2,"p\n1,2,q\n', "not a table"),
        (b'a,b,"y"\n1,2\r3,p\n', "not a table"),
        (b"a,a,y\n1,2,p\n", "'a' is the name of columns 1, 2"),
        (b"a,,y\n0,2,p\n", "column 2 of 3 has none"),
        (b"a,b,y\n", "only a header"),
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b'""\n""\n', "empty"),
        (b"y\np\nq\n", "at least one column besides"),
        ("a,b,y\n1,2,p\n1,é,q\n".encode("latin-1"), "line 3 has the byte 0xe9"),
        ("a,b,y\n1,2,p\n".encode("utf-16"), "UTF-16"),
        (b"a,b,y\n1,\x002,p\n", "line 2 has a zero byte"),
        (gzip.compress(b"a,b,y\n1,2,p\n", mtime=0), "line 1 has a zero byte"),
        (b"a,b,y\n1,2,p\n1,inf,q\n", "row 2, column 'b'"),
        (b"a,b,y\n1,2,p\n1,-inf,q\n", "row 2, column 'b'"),
        (b"a,b,y\n2e100,2,p\n1,1,q\n", "row 1, column 'a'"),
        (b"a,b,y\n1,2,p\n1,3,\n1,2,\n", "2 of 3 rows have none in 'y', the first is row 2"),
        (b"a,b,y\n1,2,\n1,3,\n1,2,\n", "3 of 3 rows"),
        (b"a,b,y\n" + b"1,2,p\n" * 30, "every row of 'y' is 'p'"),
        (b"a,b,y\n1,2,1.0\n1,2,2.5\n", "6 rows in all, got 2 rows"),
        (b"a,b,y\n" + b"1,2,1.5\n2,3,1.5\n" * 30, "every row of 'y' is '1.5'"),
        (b"a,b,y\n1,2,0.5\n1,2,inf\n1,2,\n", "1 of 3 rows have none"),
        (b"a,b,y\n1,2,0.5\n1,2,inf\n", "row 2 of 'y' is inf"),
        (b"a,b,y\n" + "".join(f"{i},2,t{i}\n" for i in range(90)).encode(), "names or free text"),
        (b"a,b,y\n1,2,p\n3,2,q\n2,1,q\n", "at least 3 rows"),
        (b"a,b,y\n" + b"1,2,p\n1,2,q\n" * 30, "all 2 are constant"),
        (b"a,b,y\n" + b",,p\n,,q\n" * 30, "all 2 are constant"),
    ],
)
def test_bad_csv(tmp_path: Path, raw: bytes, words: str) -> None:
    assert words in of_bytes(tmp_path, raw)


def test_wrong_target(tmp_path: Path) -> None:
    raw = b"sepal,species\n" + b"1,p\n2,q\n" * 9
    assert "did you mean 'species'?" in of_bytes(tmp_path, raw, target="specis")
    assert "`target=...`, one of: sepal, species" in of_bytes(tmp_path, raw, target=None)


def test_wrong_path(tmp_path: Path) -> None:
    (tmp_path / "flowers.csv").write_text("a,y\n1,p\n")
    assert "did you mean 'flowers.csv'?" in refusal(lambda: read(tmp_path / "flower.csv", "y"))
    assert "folder" in refusal(lambda: read(tmp_path, "y"))
    assert "no folder" in refusal(lambda: read(tmp_path / "no" / "t.csv", "y"))
    assert "cannot be read" in refusal(lambda: read("t\0.csv", "y"))
    assert "cannot be read" in refusal(lambda: read("t" * 5000 + ".csv", "y"))
    (tmp_path / "t.xlsx").write_bytes(b"PK")
    assert ".csv, .tsv" in refusal(lambda: read(tmp_path / "t.xlsx", "y"))


@pytest.mark.parametrize(
    ("name", "raw", "words"),
    [
        ("t.parquet", b"PAR1nothing", "not a Parquet file"),
        ("t.npz", b"PK\x03\x04nothing", "not an NPZ file"),
        ("t.npz", b"nothing", "not an NPZ file"),
        ("t.npy", b"\x93NUMPY\x01\x00", "not an NPY file"),
        ("t.npy", b"\x93NUMPY\x01\x00\x10\x00{'descr': [1]}  ", "not an NPY file"),
        ("t.csv.gz", b"nothing", "not a whole gzip file"),
        ("t.csv.gz", gzip.compress(b"a,y\n1,p\n" * 50, mtime=0)[:-9], "not a whole gzip file"),
        ("t.csv.gz", gzip.compress(b"a,y\n1,p\n" * 50, mtime=0)[:20] + b"\xff" * 30, "not a whole gzip file"),
        ("t.idx", b"\0\0\x07\x01\0\0\0\x01\0", "starts with"),
        ("t.idx", b"\0\1\x08\x01\0\0\0\x01\0", "starts with"),
        ("t.idx", b"\0\0\x08", "starts with"),
        ("t.idx", b"\0\0\x08\x03\0\0\0\x01", "starts with"),
        ("t.idx", b"\0\0\x08\x01\0\0\0\x03\1\2", "(3,) has 11 bytes, got 10"),
        ("t.idx", b"\0\0\x08\x03" + b"\xff" * 12, "damaged or cut off"),
        ("t.idx", b"\0\0\x08\x01\0\0\0\x02\1\2", "`labels=...`"),
    ],
)
def test_damaged_files(tmp_path: Path, name: str, raw: bytes, words: str) -> None:
    assert words in of_bytes(tmp_path, raw, name)


class Bomb:
    """Touches a file if it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.marker),)


def test_no_pickle_is_read(tmp_path: Path) -> None:
    marker = tmp_path / "bitten"
    bombs = np.array([Bomb(marker)] * 4, dtype=object)
    np.save(tmp_path / "t.npy", bombs)
    np.savez(tmp_path / "t.npz", x=bombs, y=np.arange(4))
    (tmp_path / "raw.npy").write_bytes(pickle.dumps(Bomb(marker)))
    (tmp_path / "raw.npz").write_bytes(pickle.dumps(Bomb(marker)))
    for name in ("t.npy", "t.npz", "raw.npy", "raw.npz"):
        refusal(partial(read, tmp_path / name))
        refusal(partial(read_features, tmp_path / name))
    assert not marker.exists()


@pytest.mark.parametrize(
    ("arrays", "target", "words"),
    [
        ({"x": np.zeros((4, 2)), "z": np.zeros(4)}, None, "called y, labels, target"),
        ({"x": np.zeros((4, 2)), "species": np.zeros(4)}, "specis", "did you mean 'species'?"),
        ({"a": np.zeros((4, 2)), "b": np.zeros((4, 2)), "y": np.zeros(4)}, None, "called x, X, data, features"),
        ({"x": np.zeros((4, 2)), "y": np.zeros(5)}, None, "4 rows and 5 labels"),
        ({"x": np.zeros((4, 2)), "y": np.eye(4)}, None, "argmax"),
        ({"x": np.zeros((4, 2), dtype=complex), "y": np.zeros(4)}, None, "complex128"),
        ({"x": np.float64(3), "y": np.zeros(4)}, None, "shape ()"),
        ({"x": np.zeros((0, 2)), "y": np.zeros(0)}, None, "must have rows"),
        ({"x": np.zeros((4, 0)), "y": np.zeros(4)}, None, "at least one column"),
    ],
)
def test_bad_arrays(tmp_path: Path, arrays: dict, target: str | None, words: str) -> None:
    np.savez(tmp_path / "t.npz", **arrays)
    assert words in refusal(lambda: read(tmp_path / "t.npz", target))


def test_bad_label_files(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((4, 2)))
    (tmp_path / "two.csv").write_text("a,b\n" + "1,2\n" * 4)
    (tmp_path / "bare.csv").write_text("p\np\nq\nq\n")
    assert "has 2" in refusal(lambda: read(tmp_path / "x.npy", labels=tmp_path / "two.csv"))
    assert "starts with a header" in refusal(lambda: read(tmp_path / "x.npy", labels=tmp_path / "bare.csv"))
    assert "`labels=...`" in refusal(lambda: read(tmp_path / "x.npy"))
    np.savez(tmp_path / "none.npz")
    assert "one array of labels" in refusal(lambda: read(tmp_path / "x.npy", labels=tmp_path / "none.npz"))


@pytest.mark.parametrize(("x", "y"), [([[1, 2], [3]], [0, 1]), ([[1, 2], [3, 4]], [[0, 1], [1]])])
def test_lists_of_different_lengths_are_no_array(x: list, y: list) -> None:
    assert "must be an array" in refusal(lambda: read((x, y)))
    assert "must be an array" in refusal(lambda: train(x, y, {}, epochs=1))


def test_a_class_of_one_row_goes_to_training(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b,y\n" + ROWS + "1,2,rare\n")
    dataset = prepare(read(tmp_path / "t.csv", "y"), seed=0)
    assert dataset.preprocessing.classes == ("p", "q", "rare")
    assert (dataset.train.y == 2).sum() == 1
    assert any("'rare'" in w for w in dataset.warnings)


def test_useless_columns_are_survived_and_named(tmp_path: Path) -> None:
    rows = "".join(f"{i % 7},5,,same,name {i},{'pq'[i % 2]}\n" for i in range(60))
    (tmp_path / "t.csv").write_text("a,constant,empty,text,id,y\n" + rows)
    dataset = prepare(read(tmp_path / "t.csv", "y"), seed=0)
    assert dataset.preprocessing.n_features == 5
    assert dataset.preprocessing.n_in == 3
    assert not dataset.train.x[:, 1:].any()
    warnings = "\n".join(dataset.warnings)
    for words in ("constant in the training rows, so only zeros: 'constant'", "without a value in the training rows"):
        assert words in warnings
    for words in (
        "left out: 'text'",
        "'id' has a text of its own in nearly every row (60 in 60 rows, 'name 0' for one)",
    ):
        assert words in warnings


def test_ten_thousand_columns(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 9, (30, 10_000))
    text = ",".join(f"c{i}" for i in range(10_000)) + ",y\n"
    text += "".join(",".join(map(str, row)) + f",{k % 2}\n" for k, row in enumerate(x))
    (tmp_path / "wide.csv").write_text(text)
    dataset = prepare(read(tmp_path / "wide.csv", "y"), seed=0)
    assert dataset.train.x.shape == (18, 10_000)


def test_labels_in_a_float_column(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b,y\n" + "".join(f"{i % 7},{i % 5},{i % 3}.0\n" for i in range(30)))
    found = prepare(read(tmp_path / "t.csv", "y"), seed=0)
    assert found.preprocessing.classes == ("0.0", "1.0", "2.0"), "as they are written"
    again = pd.Series([2.0, 0.0, 1])
    assert found.preprocessing.encode(again).tolist() == [2, 0, 1]


HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "=cmd()",
    "../../x",
    "x" * 1_000_000,
    "🐼",
    "\u202eabc",
    "\x1b[31mred",
    "a\nb",
    '"',
]


def test_hostile_cells_and_names_are_kept_and_inert() -> None:
    m = 12 * len(HOSTILE)
    cells = [HOSTILE[i % len(HOSTILE)] for i in range(m)]
    frame = pd.DataFrame(dict.fromkeys(HOSTILE, cells) | {"number": np.arange(m) % 5, "y": cells})
    dataset = prepare(read(frame, "y"), seed=0)
    assert set(dataset.preprocessing.classes) == set(HOSTILE)
    target = pd.Series(["\x1b[31mpanda"], name="\x1b[2J")
    for action in (
        lambda: read(frame, "\x1b[31mtarget"),
        lambda: read(frame),
        lambda: dataset.preprocessing.encode(target),
        lambda: dataset.preprocessing.apply(frame.drop(columns=["\x1b[31mred"])),
        lambda: dataset.preprocessing.apply(frame.assign(number=cells)),
        lambda: read(pd.concat([frame, frame[["\x1b[31mred"]]], axis=1), "y"),
        lambda: read("\x1b[31mred.csv", "y"),
    ):
        refusal(action)


@given(st.text())
def test_messages_never_carry_control_characters(text: str) -> None:
    for safe in (shown(text), printable(text)):
        assert safe.isprintable()
        assert len(safe) <= 60


@pytest.mark.parametrize("objects", [False, True])
def test_a_target_of_dates_is_refused_or_a_class_each(objects: bool) -> None:
    days = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(60) % 3, unit="D")
    frame = pd.DataFrame({"a": np.arange(60.0) % 7, "y": days.date if objects else days})
    assert "'y' holds dates" in refusal(lambda: read(frame, "y"))
    kept = read(frame, "y", reading=Reading(text=("y",)))
    assert kept.target is not None
    assert kept.target.nunique() == 3


def test_a_test_file_without_the_target_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b,y\n" + ROWS)
    (tmp_path / "later.csv").write_text("a,b\n1,2\n")
    table = read(tmp_path / "t.csv", "y")
    message = refusal(lambda: read(tmp_path / "later.csv", "y", like=table))
    assert message.startswith("in the test file later: the target must be a column, got 'y'")


def test_a_network_too_large_for_any_memory_is_refused() -> None:
    with pytest.raises(UserMistake, match="parameters at most, got a config of") as caught:
        train(np.zeros((9, 3), np.float32), np.arange(9) % 2, {"hidden_units": 10**9}, epochs=1)
    assert len(str(caught.value).splitlines()) == 2
