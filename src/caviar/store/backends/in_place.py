"""The file that a SQLite store was opened in: does its path still lead there?

A file that is deleted or moved away while it is open takes all that is written, and nobody finds it again. So every
transaction looks first, and one that wrote looks once more. The connection stays open meanwhile: the very same file may
come back, and no other can have its number until then. A copy of the store that was put in its place is opened anew. A
file of anything else is left alone.

The same with the write-ahead log beside it, which somebody may take for rubbish: what is in it alone is put into the
database while it is still open here.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from caviar.errors import StoreAway

_Number = tuple[int, int]  # of a file: its device, and its own on that


class InPlace:
    """The look of one open store at its file. It sees to nothing before ``remember``."""

    def __init__(self, path: Path, absolute: Path) -> None:
        """``path`` is as it was given; ``absolute`` is where it led when the store was opened."""
        self._path = path
        self._absolute = absolute
        self._file: _Number | None = None  # None where no file was proven to be the store
        self._identity: str | None = None
        self.place = absolute
        """Where the file is now: its folder may be renamed with this process in it."""
        self.log = Log()
        """The files that SQLite has beside it."""
        self.changes = 0
        """The number of times that a copy took its place."""

    def remember(self) -> None:
        """Take the file that is there for the store."""
        self._identity = _identity(self._absolute)
        self._file = None if self._identity is None else _number(self._absolute)

    def check(self, let_go: Callable[[], None]) -> None:
        """Raise StoreAway unless the file of the store is there.

        ``let_go`` closes what is open of another one. Where a copy of the store stands there it is StoreAway this
        once: what was written since the copy was made is not in it.
        """
        if self._identity is None:
            return
        self.place, found = self._found()
        if found == self._file and found is not None:
            return
        shown = str(self._path)
        if found is None:
            raise StoreAway(
                f"the file of the store {shown!r} was moved or deleted while it was in use{self._new_place()}",
                f"put it back, with {self._path.name}-wal if that is elsewhere too, or put a copy of it there",
            )
        if self._file is not None:
            let_go()  # first: two connections of one process to two files would share the log beside them
            self._file = None
        if _identity(self.place, whole=True) != self._identity:
            raise StoreAway(
                f"another file stands in the place of the store {shown!r}, whose own was moved or deleted while it was "
                "in use",
                "move it away, and put the store's own file there, or a copy of that",
            )
        self._file = found
        self.changes += 1
        raise StoreAway(f"the file of the store {shown!r} was replaced by a copy while it was in use", "try once more")

    def _found(self) -> tuple[Path, _Number | None]:
        """The place and the number of the store's own file, or else of the file that is there."""
        places = [self._absolute]
        with suppress(OSError):  # the working folder was removed
            places.append(Path(os.path.abspath(self._path)))
        found = [(place, _number(place)) for place in places]
        there = [one for one in found if one[1] is not None]
        return next((one for one in there if one[1] == self._file), (there or found)[0])

    def _new_place(self) -> str:
        """Words for the place where the file is now, if the system knows that of what this process has open."""
        with suppress(OSError):
            for name in os.listdir("/proc/self/fd"):
                descriptor = Path("/proc/self/fd", name)
                if _number(descriptor) == self._file and _number(new := descriptor.readlink()) == self._file:
                    return f": it is {str(new)!r} now"
        return ""


class Log:
    """The write-ahead log and its index, as the connection that is open has them: SQLite does not look after them."""

    def __init__(self) -> None:
        self._is_kept = False
        self._files: dict[str, _Number] = {}

    def begin(self, is_kept: bool) -> None:
        """A new connection is opened, which makes them, or finds them, if it keeps a log."""
        self._is_kept, self._files = is_kept, {}

    def check(self, place: Path, save: Callable[[], None], let_go: Callable[[], None]) -> None:
        """Where they were deleted beside the database at ``place``, ``save`` what is in them alone, and ``let_go``.

        Raises StoreAway where another process made new ones meanwhile: it writes without a look at these.
        """
        if not self._is_kept:
            return
        whole = os.path.realpath(place)
        now = {suffix: _number(Path(f"{whole}{suffix}")) for suffix in ("-wal", "-shm")}
        lost = [suffix for suffix, number in self._files.items() if now[suffix] != number]
        if any(now[suffix] for suffix in lost):
            raise StoreAway(
                f"the log of the store {str(place)!r} was deleted or moved away while it was in use, and another "
                "process began a new one",
                f"put the own {place.name}{lost[0]} back, if it is still somewhere, or end this process",
            )
        if lost:
            save()
            let_go()
        else:
            self._files |= {suffix: number for suffix, number in now.items() if number is not None}


def _number(path: Path) -> _Number | None:
    with suppress(FileNotFoundError, NotADirectoryError):
        found = os.stat(path)
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
