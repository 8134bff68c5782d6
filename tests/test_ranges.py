"""The numbers that an argument or an option takes: one table, for commands and for Python."""

from __future__ import annotations

import gzip
import io
import math
import os
import sys
import zipfile

import numpy as np
import pytest

import caviar
from caviar.cli.main import run
from caviar.data.read import read
from caviar.errors import CaviarError, ConfigError, DataError
from caviar.files import read_file
from caviar.ranges import RANGES, check_range

WRONG = (math.nan, math.inf, -math.inf, -1, 1e308, -(10**400), 10**400, 10**5000)


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("value", WRONG, ids=range(len(WRONG)))
def test_no_range_has_a_number_that_is_none(name: str, value: float):
    with pytest.raises(ConfigError, match=f"`{name}` must be") as refused:
        check_range(name, value)
    assert len(str(refused.value)) < 300
    assert refused.value.way_out
    check_range(name, min(2, RANGES[name].most))


@pytest.mark.parametrize(
    "line",
    [
        "plan t.csv --target y --seconds 1e308",
        "plan t.csv --target y --seconds nan",
        "plan t.csv --target y --threads -1",
        "plan t.csv --target y --seed -1",
        "lr-find t.csv --target y --seed -1",
        "lr-find t.csv --target y --steps 1000000000000",
        "lr-find t.csv --target y --high 1e308",
        "babysit t.csv --target y --disk 1e308",
        "babysit t.csv --target y --disk nan",
        "babysit t.csv --target y --patience 0",
        "tune t.csv --target y --threads 99999999",
        "demo --seconds nan",
        "demo --seed -1",
        "resume s --repeats -1",
        "tune t.csv --target y\0",
    ],
)
def test_commands(line: str, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(line.split(" ")) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2
    assert os.listdir() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("seconds", "5"), ("seconds", math.nan), ("seed", 1.5), ("seed", -1), ("trials", 2.5), ("trials", 10**400),
     ("threads", -1), ("threads", 10**9), ("store", "a\0b")],
)  # fmt: skip
def test_calls(name: str, value: object, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=f"`{name}`"):
        caviar.tune((np.ones((9, 2)), np.arange(9) % 2), **{name: value})
    assert os.listdir() == []


def test_a_device_and_a_pipe_are_no_files(tmp_path, capsys):
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    for path in ("/dev/zero", pipe):
        with pytest.raises(OSError, match="device or a pipe"):
            read_file(path, None)
        for line in (
            ["tune", path, "--target", "y"],
            ["space", path],
            ["tune", __file__, "--target", "y", "--space", path],
            ["babysit", __file__, "--target", "y", "--config", path],
        ):
            assert run([str(word) for word in line]) == 2
            assert len(capsys.readouterr().err.splitlines()) == 2


def test_no_more_is_read_than_is_allowed(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")
    assert read_file(tmp_path / "a", 5) == b"12345"
    with pytest.raises(OSError, match="too large"):
        read_file(tmp_path / "a", 4)


def _npy(header: bytes, content: bytes) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + content


HEADER = b"{'descr': '<f8', 'fortran_order': False, 'shape': (%s), }"


@pytest.mark.parametrize(
    "header",
    [
        HEADER % b"1000000000000, 10",
        HEADER % b"4294967296, 4294967296",  # whose product in 64 bits is 0
        HEADER % b"-1, 10",
        b"(" * 60,
        b"[" * 5000,
        b"{'descr': '<f8'",
        b"",
        b"\xff" * 40,
    ],
)
def test_the_header_of_an_array_is_believed_no_further_than_its_file_goes(header: bytes, tmp_path):
    (tmp_path / "x.npy").write_bytes(_npy(header, bytes(800)))
    np.save(tmp_path / "y.npy", np.arange(10) % 2)
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.npy", _npy(header, bytes(800)))
        archive.write(tmp_path / "y.npy", "y.npy")
    for source in ({"source": tmp_path / "x.npy", "labels": tmp_path / "y.npy"}, {"source": tmp_path / "x.npz"}):
        with pytest.raises(DataError):
            read(**source)


def test_what_unpacks_to_more_than_the_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("caviar.data.room.memory_left", lambda: 1_000_000)
    zeros = b"a,y\n" + b"0,1\n" * 500_000
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(zeros))
    (tmp_path / "x.csv").write_bytes(zeros)
    np.savez_compressed(tmp_path / "x.npz", x=np.zeros((200_000, 2)), y=np.zeros(200_000))
    for name in ("x.csv.gz", "x.csv", "x.npz"):
        with pytest.raises(DataError, match="bytes of memory are left"):
            read(tmp_path / name, None if name == "x.npz" else "y")


def test_deep_and_long_texts(tmp_path, capsys):
    for text in ("a = " + "[" * 100_000, "a = " + "9" * 5000, "x" * 10_000, "\0", "a = 1e999"):
        (tmp_path / "a.toml").write_text(text)
        for line in (["space"], ["tune", __file__, "--target", "y", "--space"],
                     ["babysit", __file__, "--target", "y", "--config"]):  # fmt: skip
            assert run([*line, str(tmp_path / "a.toml")]) == 2
            assert len(capsys.readouterr().err.splitlines()) == 2


def test_a_number_of_400_digits_is_named(tmp_path):
    rows = "".join(f"{i},{'9' * 400 if i == 5 else i},{i % 2}\n" for i in range(50))
    (tmp_path / "digits.csv").write_text("a,b,y\n" + rows)
    with pytest.raises(CaviarError, match=r"row 6, column 'b'"):
        caviar.tune(tmp_path / "digits.csv", "y", trials=1, store=None, progress=False)


def test_letters_that_the_output_lacks_are_escaped(monkeypatch):
    from caviar.cli import main

    output = io.TextIOWrapper(io.BytesIO(), "latin-1")
    monkeypatch.setattr("sys.stdout", output)
    monkeypatch.setattr("sys.stderr", None)
    main._settle_streams()
    assert run(["space"]) == 0
    output.flush()
    assert rb"\u" in output.buffer.getvalue()
    assert run(["space", "/nowhere"]) == 2
    sys.stderr.close()
