"""The files of mapped rows: whole or made again, refused where there is no room, cleared away after a kill."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from caviar.data import kept_rows
from caviar.data.dataset import Dataset
from caviar.data.mapped import prepare_mapped
from caviar.errors import DataError


@pytest.fixture(autouse=True)
def rows_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CAVIAR_ROWS", str(tmp_path / "rows"))
    return tmp_path / "rows"


def prepared(tmp_path: Path) -> Dataset:
    if not (tmp_path / "x.npy").exists():
        random = np.random.default_rng(0)
        np.save(tmp_path / "x.npy", random.normal(size=(600, 8)))
        np.save(tmp_path / "y.npy", random.integers(0, 2, 600))
    return prepare_mapped(tmp_path / "x.npy", None, tmp_path / "y.npy", 0)


def noise(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    whole[200 : len(whole) // 3] = os.urandom(len(whole) // 3 - 200)
    path.write_bytes(whole)


def noise_at(path: Path, place: int) -> None:
    whole = bytearray(path.read_bytes())
    whole[place] ^= 1
    path.write_bytes(whole)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "noise": lambda folder: noise(folder / "train.npy"),
    "one bit": lambda folder: noise_at(folder / "test.npy", -1),
    "cut off": lambda folder: os.truncate(folder / "train.npy", 1000),
    "empty": lambda folder: os.truncate(folder / "validation.npy", 0),
    "its header": lambda folder: noise_at(folder / "train.npy", 70),
    "gone": lambda folder: (folder / "validation.npy").unlink(),
    "no sums, as of earlier versions": lambda folder: (folder / "sums.json").unlink(),
    "sums that are none": lambda folder: (folder / "sums.json").write_text("[]"),
    "sums of nothing": lambda folder: (folder / "sums.json").write_text("{}"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_what_is_damaged_is_made_again(tmp_path: Path, rows_folder: Path, kind: str):
    whole = prepared(tmp_path).train.x.tobytes()
    (kept,) = rows_folder.iterdir()
    files = {path.name: path.read_bytes() for path in kept.iterdir()}
    DAMAGE[kind](kept)
    assert prepared(tmp_path).train.x.tobytes() == whole
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == files
    assert [*rows_folder.iterdir()] == [kept]


def test_who_has_the_files_mapped_keeps_them_while_they_are_made_again(tmp_path: Path, rows_folder: Path):
    first = prepared(tmp_path)
    whole = first.train.x.tobytes()
    (kept,) = rows_folder.iterdir()
    noise(kept / "test.npy")
    prepared(tmp_path)
    assert first.train.x.tobytes() == whole


def test_too_little_room_is_refused_before_anything_is_written(tmp_path: Path, rows_folder: Path, monkeypatch):
    prepared(tmp_path)
    (kept,) = rows_folder.iterdir()
    (kept / "sums.json").unlink()
    monkeypatch.setattr(kept_rows.shutil, "disk_usage", lambda folder: SimpleNamespace(free=1000))
    with pytest.raises(DataError, match="MiB left") as refused:
        prepared(tmp_path)
    assert "CAVIAR_ROWS" in refused.value.way_out
    assert [*rows_folder.iterdir()] == []


def test_a_disk_that_fills_up_meanwhile_is_an_error_and_leaves_nothing(tmp_path: Path, rows_folder: Path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(20_000, 8)))
    np.save(tmp_path / "y.npy", np.arange(20_000) % 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))  # bytes of a file
    try:
        with pytest.raises(DataError, match="cannot be written"):
            prepared(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [*rows_folder.iterdir()] == []


HOLDS = """
import time
from caviar.data import kept_rows
with kept_rows.making() as room:
    (room / "half").write_text("rows")
    print(room, flush=True)
    time.sleep(600)
"""


def test_what_a_killed_process_left_is_cleared_away_and_what_a_living_one_makes_stays(rows_folder: Path):
    def begin() -> tuple[subprocess.Popen[str], Path]:
        process = subprocess.Popen([sys.executable, "-c", HOLDS], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        return process, Path(process.stdout.readline().strip())

    (living, his), (killed, its) = begin(), begin()
    try:
        assert kept_rows.abandoned() == []
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert kept_rows.abandoned() == [its]
        with kept_rows.making() as mine:
            assert {*rows_folder.iterdir()} == {his, mine}
    finally:
        for process in (living, killed):
            process.kill()
            process.communicate()


def test_the_folder_is_private(tmp_path: Path, rows_folder: Path):
    prepared(tmp_path)
    for path in (rows_folder, *rows_folder.iterdir()):  # who may not enter a folder cannot open its files
        assert path.stat().st_mode & 0o077 == 0
