"""A SQLite database in a folder in which nothing can be made: SQLite cannot have its log there.

A database that was closed in good order has no log, and is read as it is, as one that does not change. One whose last
rows are in a log can be read only where the file of shared memory beside it is left too.
"""

from __future__ import annotations

import os
from pathlib import Path

from caviar.errors import StoreError


def is_sealed(path: Path) -> bool:
    """True where SQLite can make no log beside ``path``, and none is there: nobody here writes to it."""
    return _is_read_only(path) and not _has_log(path)


def _is_read_only(path: Path) -> bool:
    """True where nothing can be made beside ``path``."""
    return not os.access(path.resolve().parent, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _has_log(path: Path) -> bool:
    """True where the last that was written to ``path`` may be in its log alone."""
    log = _beside(path, "-wal")
    return log.exists() and log.stat().st_size > 0


def _beside(path: Path, suffix: str) -> Path:
    path = path.resolve()
    return path.with_name(f"{path.name}{suffix}")


def check_log(path: Path) -> None:
    """Raise StoreError where the log of the database at ``path`` cannot be read: it would be left out in silence."""
    if _is_read_only(path) and _has_log(path) and not _beside(path, "-shm").exists():
        raise StoreError(
            f"the store {str(path)!r} has a log of what was written last, and its folder is read-only: SQLite "
            "cannot read it there",
            f"copy both, {path.name} and {path.name}-wal, to a folder that you may write to",
        )
