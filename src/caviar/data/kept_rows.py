"""The folder of mapped rows: files that are written whole, checked before they are used again, and cleared away.

    NAME/train.npy, validation.npy, test.npy, sums.json    the network's input of each part, and their SHA-256
    making-XXXXXXXX/                                       something unfinished; who makes it holds a lock on it

A lock ends with its process, however that ends: what nobody holds is removed by the next one who comes by. Files are
written from front to back and never mapped for that, so that a full disk is an error and not a signal (SIGBUS).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import math
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from caviar.errors import DataError

_MAKING = "making-"
_OLDER = ("parquet-", "writing-", "finished-")  # of earlier versions, which held no lock
_DAY = 86_400.0  # seconds
_SUMS = "sums.json"
_WAY_OUT = "make room, or name a folder on another disk with CAVIAR_ROWS"


def folder() -> Path:
    """The folder: $CAVIAR_ROWS, or caviar/rows in the user's cache. It may not be there yet."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("CAVIAR_ROWS") or Path(cache) / "caviar" / "rows")


@contextmanager
def making() -> Iterator[Path]:
    """A folder for files in the making, in ``folder``, which is made where it is missing. Raises DataError."""
    there = folder()
    with refused(there):
        there.mkdir(parents=True, exist_ok=True, mode=0o700)
        clear()
        room, lock = _locked(there)
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)
        os.close(lock)


@contextmanager
def refused(to: Path) -> Iterator[None]:
    """Turn an OSError of writing ``to`` into a DataError."""
    try:
        yield
    except OSError as error:
        raise DataError(f"mapped rows cannot be written to {str(to)!r}: {error.strerror or error}", _WAY_OUT) from error


def clear() -> int:
    """Remove what processes that were killed have left unfinished; how many bytes it had."""
    freed = 0
    for left in abandoned():
        freed += size(left)
        shutil.rmtree(left, ignore_errors=True)
    return freed


def abandoned() -> list[Path]:
    """The unfinished folders that no process holds."""
    there = folder()
    if not there.is_dir():
        return []
    return [one for one in there.iterdir() if one.name.startswith((_MAKING, *_OLDER)) and not _is_held(one)]


def write(path: Path, shape: tuple[int, int], dtype: Any, blocks: Iterable[npt.NDArray[Any]]) -> str:
    """Write the ``blocks`` of rows of an array of ``shape`` (m, n) as an NPY file, on the disk; its SHA-256.

    Raises DataError where there is no room, before anything is written if that can be known.
    """
    wanted, room = math.prod(shape) * np.dtype(dtype).itemsize, shutil.disk_usage(path.parent).free
    if wanted > room:
        raise DataError(
            f"mapped rows need {wanted / 2**20:,.0f} MiB in {str(path.parent.parent)!r}, and its disk has "
            f"{room / 2**20:,.0f} MiB left",
            _WAY_OUT,
        )
    state = hashlib.sha256()
    with refused(path), path.open("wb") as file:
        header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for block in blocks:
            data = np.ascontiguousarray(block, dtype=dtype).data
            state.update(data)
            file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return state.hexdigest()


def keep(room: Path, sums: Mapping[str, str], to: Path) -> None:
    """Give the finished ``room`` with files of these ``sums`` its name. Another process may have been quicker."""
    with refused(to):
        (room / _SUMS).write_text(json.dumps(dict(sums)))
        with suppress(OSError):  # the files of the quicker one are as good
            os.rename(room, to)


def is_whole(kept: Path) -> bool:
    """True where all files of ``kept`` are as they were written; else, whatever there is of it is removed."""
    if not kept.exists():
        return False
    try:
        sums = json.loads((kept / _SUMS).read_text())
        if all(_sum(kept / name) == expected for name, expected in sums.items()):
            return True
    except (OSError, ValueError, AttributeError):
        pass
    away = kept.with_name(f"{_MAKING}{os.urandom(4).hex()}")
    with suppress(OSError):  # who has its files mapped keeps them
        os.rename(kept, away)
    shutil.rmtree(away, ignore_errors=True)
    return False


def _sum(path: Path) -> str:
    """The SHA-256 of the rows of an NPY file. Raises OSError or ValueError for what is none."""
    with path.open("rb") as file:
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
        state = hashlib.sha256()
        while block := file.read(1 << 20):
            state.update(block)
    return state.hexdigest()


def _locked(there: Path) -> tuple[Path, int]:
    """A new folder, and the open lock on it."""
    while True:
        room = Path(tempfile.mkdtemp(prefix=_MAKING, dir=there))
        lock = os.open(room, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if room.exists():  # someone who clears away may have come before the lock
            return room, lock
        os.close(lock)


def _is_held(room: Path) -> bool:
    if room.name.startswith(_OLDER):
        return time.time() - room.stat().st_mtime < _DAY
    try:
        lock = os.open(room, os.O_RDONLY)
    except OSError:
        return True  # gone, or somebody else's
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False


def size(room: Path) -> int:
    """Bytes of the files in ``room``."""
    return sum(path.stat().st_size for path in room.rglob("*") if path.is_file())
