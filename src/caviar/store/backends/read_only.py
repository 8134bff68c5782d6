"""A SQLite database in a folder in which nothing can be made: SQLite cannot have its log there.

A database that was closed in good order has no log, and is read as it is, as one that does not change. One whose last
rows are in a log can be read only where the file of shared memory beside it is left too.
"""

from __future__ import annotations

import os
import shlex
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


def check_migratable(path: Path, version: int) -> None:
    """Raise StoreError where the database at ``path``, of an older ``version``, cannot be brought up to date there."""
    if not _is_read_only(path) and os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        return
    files = f"{shlex.quote(str(path))}*"
    raise StoreError(
        f"the store {str(path)!r} has schema {version}, which an older caviar wrote, and it is read-only: it cannot be "
        "brought up to date there",
        f"copy it, and name the copy with `store`: mkdir ~/copied && cp -r {files} ~/copied && chmod -R u+w ~/copied",
    )


def check_log(path: Path) -> None:
    """Raise StoreError where the log of the database at ``path`` cannot be read: it would be left out in silence."""
    if _is_read_only(path) and _has_log(path) and not _beside(path, "-shm").exists():
        raise StoreError(
            f"the store {str(path)!r} has a log of what was written last, and its folder is read-only: SQLite "
            "cannot read it there",
            f"copy both, {path.name} and {path.name}-wal, to a folder that you may write to",
        )
