"""The file that a SQLite store was opened in: does its path still lead there?

A file that is deleted or moved away while it is open takes all that is written, and nobody finds it again. So every
transaction looks first, and one that wrote looks once more. The connection stays open meanwhile: the very same file may
come back, and no other can have its number until then. A copy of the store that was put in its place is opened anew. A
file of anything else is left alone.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from caviar.errors import StoreAway


class InPlace:
    """The look of one open store at its file. It sees to nothing before ``remember``."""

    def __init__(self, path: Path, absolute: Path) -> None:
        """``path`` is as it was given; ``absolute`` is where it led when the store was opened."""
        self._path = path
        self._absolute = absolute
        self._file: tuple[int, int] | None = None  # device and number; None where no file was proven to be the store
        self._identity: str | None = None
        self.changes = 0
        """The number of times that a copy took its place."""

    def remember(self) -> None:
        """Take the file that is there for the store."""
        self._identity = _identity(self._absolute)
        self._file = None if self._identity is None else self._found()

    def check(self, let_go: Callable[[], None]) -> None:
        """Raise StoreAway unless the file of the store is there.

        ``let_go`` closes what is open of another one. Where a copy of the store stands there it is StoreAway this
        once: what was written since the copy was made is not in it.
        """
        if self._identity is None:
            return
        found = self._found()
        if found == self._file and found is not None:
            return
        shown = str(self._path)
        if found is None:
            raise StoreAway(
                f"the file of the store {shown!r} was moved or deleted while it was in use",
                f"put it back, with {self._path.name}-wal if that is elsewhere too, or put a copy of it there",
            )
        if self._file is not None:
            let_go()  # first: two connections of one process to two files would share the log beside them
            self._file = None
        if _identity(self._absolute, whole=True) != self._identity:
            raise StoreAway(
                f"another file stands in the place of the store {shown!r}, whose own was moved or deleted while it was "
                "in use",
                "move it away, and put the store's own file there, or a copy of that",
            )
        self._file = found
        self.changes += 1
        raise StoreAway(f"the file of the store {shown!r} was replaced by a copy while it was in use", "try once more")

    def _found(self) -> tuple[int, int] | None:
        """The device and number of the file that is there; of one in a folder that was renamed with this process."""
        for path in (self._absolute, self._path):
            with suppress(FileNotFoundError, NotADirectoryError):
                found = os.stat(path)
                if path is self._absolute or (found.st_dev, found.st_ino) == self._file:
                    return found.st_dev, found.st_ino
        return None


def _identity(path: Path, whole: bool = False) -> str | None:
    """The random name of the store in the file at ``path``; None for anything else, and for half a copy if ``whole``.

    Nothing is written to it.
    """
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            ((identity,),) = connection.execute("SELECT identity FROM meta").fetchall()
            if whole and connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                return None
            return str(identity)
    except (sqlite3.Error, ValueError):
        return None
