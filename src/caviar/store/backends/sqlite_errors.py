"""The meaning of SQLite's errors, for people: two lines each, and whether to wait mends it."""

from __future__ import annotations

import glob
import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from caviar.errors import StoreAway, StoreError

_OURS = ("SQLITE_TOOBIG", "SQLITE_MISMATCH", "SQLITE_RANGE", "SQLITE_MISUSE")  # of what is written: to wait mends none

NOT_ONE = "name the caviar.db of an earlier run, or a new file, with `store`"


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the database or the disk says of ``path`` into a StoreError; a broken constraint stays as it is."""
    try:
        yield
    except sa.exc.IntegrityError:
        raise
    except sa.exc.DatabaseError as error:
        raise in_two_lines(str(path), getattr(error.orig, "sqlite_errorname", "") or str(error.orig)) from error
    except sqlite3.DatabaseError as error:  # past SQLAlchemy, see _driver_rows
        raise in_two_lines(str(path), getattr(error, "sqlite_errorname", "") or str(error)) from error
    except sa.exc.TimeoutError as error:  # another thread waits with the one connection
        raise in_two_lines(str(path), "SQLITE_BUSY") from error
    except OSError as error:
        raise StoreAway(
            f"the store {str(path)!r} cannot be written or read: {error.strerror}",
            "name a file in a folder that you may write to, with `store`",
        ) from error


def way_back(path: Path) -> str:
    """The way out of damage in the database at ``path``: what can be read of it, or a copy that was made of it."""
    copies = sorted(path.parent.glob(f"{glob.escape(path.name)}.before-*"), key=lambda copy: copy.stat().st_mtime)
    older = f"; an older copy of it is {str(copies[-1])!r}" if copies else ""
    saved = path.with_name(f"saved-{path.name}")
    # Not .recover: many a sqlite3 of a distribution lacks it. A dump of a damaged file ends with ROLLBACK.
    dump = f"sqlite3 {shlex.quote(str(path))} .dump | sed s/^ROLLBACK.*/COMMIT\\;/"
    recover = f"{dump} | sqlite3 {shlex.quote(str(saved))}"
    return f"take it from a copy, or save what can be read, and look at that with `store`: {recover}{older}"


def in_two_lines(path: str, name: str) -> StoreError:
    """The error ``name`` of SQLite, about the store at ``path``."""
    if name == "SQLITE_FULL":
        return StoreAway(
            f"no room left on the disk for the store {path!r}", "what was written before is safe: make room and go on"
        )
    if name.startswith(("SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC", "SQLITE_IOERR_TRUNCATE", "SQLITE_IOERR_SHMSIZE")):
        return StoreAway(
            f"the disk took no more of the store {path!r} ({name}): it may be full, or a limit is reached",
            "what was written before is safe: make room and go on",
            reconnect=True,
        )
    if name.startswith("SQLITE_BUSY") or name.startswith("SQLITE_LOCKED"):
        return StoreAway(
            f"another process keeps the store {path!r} locked",
            "wait for it or end it, or name another store with `store`",
        )
    if name.startswith("SQLITE_CANTOPEN"):
        return StoreAway(
            f"the store {path!r} cannot be opened: its folder may be read-only or on a network file system, "
            "or its path longer than SQLite's 500 letters",
            "name a file on a local disk, in a folder that you may write to, with `store`",
            reconnect=True,
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")):
        return StoreAway(
            f"the store {path!r} cannot be written: it or its folder may be read-only",
            "name a file in a folder that you may write to, with `store`",
            reconnect=True,
        )
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        way_out = way_back(Path(path)) if name.startswith("SQLITE_CORRUPT") else NOT_ONE
        return StoreError(f"the store {path!r} is damaged, or not a database ({name})", way_out)
    cannot, look = f"the store {path!r} cannot be used: {name}", "look at its disk, or name another with `store`"
    if not name.startswith("SQLITE_") or name.startswith(_OURS):
        return StoreError(cannot, look)
    return StoreAway(cannot, look, reconnect=True)
