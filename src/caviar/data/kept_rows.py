"""The folder of mapped rows: files that are written whole, checked before they are used again, and cleared away.

    NAME/train.npy, validation.npy, test.npy, sums.json    the network's input of each part, and their SHA-256
    making-XXXXXXXX/                                       something unfinished; who makes it holds a lock on it

A lock ends with its process, however that ends: what nobody holds is removed by the next one who comes by. Files are
written from front to back and never mapped for that, so that a full disk is an error and not a signal (SIGBUS).
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import io
import json
import math
import os
import shutil
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
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
        made, lock = _locked(there)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(lock)


@contextmanager
def refused(to: Path) -> Iterator[None]:
    """Turn an OSError of writing ``to`` into a DataError."""
    try:
        yield
    except OSError as error:
        raise DataError(f"mapped rows cannot be written to {str(to)!r}: {error.strerror or error}", _WAY_OUT) from error


def clear() -> None:
    """Remove what processes that were killed have left unfinished."""
    for one in _unfinished():
        with _free(one) as is_free:
            if is_free:
                shutil.rmtree(one, ignore_errors=True)


def abandoned() -> list[Path]:
    """The unfinished folders that no process holds."""
    found = []
    for one in _unfinished():
        with _free(one) as is_free:
            found += [one] if is_free else []
    return found


def write(path: Path, shape: tuple[int, int], dtype: Any, blocks: Iterable[npt.NDArray[Any]]) -> str:
    """Write the ``blocks`` of rows of an array of ``shape`` (m, n) as an NPY file, on the disk; its SHA-256.

    Raises DataError where there is no room, before anything is written if that can be known.
    """
    wanted, free = math.prod(shape) * np.dtype(dtype).itemsize, shutil.disk_usage(path.parent).free
    if wanted > free:
        raise DataError(
            f"mapped rows need {wanted / 2**20:,.0f} MiB in {str(path.parent.parent)!r}, and its disk has "
            f"{free / 2**20:,.0f} MiB left",
            _WAY_OUT,
        )
    header = io.BytesIO()
    described = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, described)
    state = hashlib.sha256(header.getvalue())
    with refused(path), path.open("wb") as file:
        file.write(header.getvalue())
        for block in blocks:
            data = np.ascontiguousarray(block, dtype=dtype).data
            state.update(data)
            file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return state.hexdigest()


def keep(folder: Path, sums: Mapping[str, str], to: Path) -> None:
    """Give the finished ``folder``, with files of these ``sums``, its name. Another process may have been quicker."""
    with refused(to):
        (folder / _SUMS).write_text(json.dumps(dict(sums)))
        try:
            os.rename(folder, to)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):  # the files of the quicker one are as good
                raise


def is_whole(kept: Path, names: Collection[str]) -> bool:
    """True where the files ``names`` of ``kept`` are as they were written; else, what there is of it is removed."""
    if not kept.exists():
        return False
    try:
        sums = json.loads((kept / _SUMS).read_text())
        if sums.keys() == set(names) and all(_sum(kept / name) == expected for name, expected in sums.items()):
            return True
    except (OSError, ValueError, AttributeError):
        pass  # damaged, in one way or another
    away = kept.with_name(f"{_MAKING}{os.urandom(4).hex()}")
    with refused(kept):
        os.rename(kept, away)  # who has its files mapped keeps them
    shutil.rmtree(away, ignore_errors=True)
    return False


def size(folder: Path) -> int:
    """Bytes of the files in ``folder``, which others may be removing."""
    found = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            found += path.stat().st_size if path.is_file() else 0
    return found


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unfinished() -> list[Path]:
    there = folder()
    return [one for one in there.iterdir() if one.name.startswith((_MAKING, *_OLDER))] if there.is_dir() else []


def _locked(there: Path) -> tuple[Path, int]:
    """A new folder, and the open lock on it."""
    while True:
        made = Path(tempfile.mkdtemp(prefix=_MAKING, dir=there))
        with suppress(FileNotFoundError):  # someone who clears away came before the lock
            lock = os.open(made, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if made.exists():
                return made, lock
            os.close(lock)


@contextmanager
def _free(made: Path) -> Iterator[bool]:
    """True where no process holds the unfinished folder; none can take it within this."""
    try:
        lock = os.open(made, os.O_RDONLY)
    except OSError:  # gone, or somebody else's
        yield False
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_old = not made.name.startswith(_OLDER) or time.time() - os.fstat(lock).st_mtime > _DAY
    except OSError:
        is_old = False
    try:
        yield is_old
    finally:
        os.close(lock)
