"""Paths in a store: kept relative to the folder that the database is in, where they lie in it, and read back absolute.

So a project folder that is renamed, copied or sent to somebody works, and a copy writes nothing into its original. The
records of specifications, results and progress go through here on their way in and out, and nothing else does.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from caviar.store.database import Database

_PATHS = frozenset({"data", "labels", "test", "test_labels", "out", "folder", "model", "snapshot_folder"})
_WITHIN = frozenset({"table", "program", "best"})  # parts of a record that have paths, too


def kept(record: Mapping[str, Any], database: Database) -> dict[str, Any]:
    """A ``record`` as the store keeps it."""
    home = database.home
    return _changed(record, lambda path: _relative(path, home))


def found(record: Mapping[str, Any], database: Database) -> dict[str, Any]:
    """A ``record`` that the store has kept, as it is used; a result names the store that it is in."""
    home = database.home
    plain = dict(record) if home is None else _changed(record, lambda path: str(home / path))
    return plain | {"store": database.url} if plain.get("store") else plain


def _changed(record: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    """The ``record`` with each path in it changed; facts and scores of the same names are no texts."""
    plain = dict(record)
    for name, value in plain.items():
        if name in _PATHS and isinstance(value, str) and value:
            plain[name] = change(value)
        elif name in _WITHIN and isinstance(value, Mapping):
            plain[name] = _changed(value, change)
    return plain


def _relative(path: str, home: Path | None) -> str:
    whole = Path(os.path.abspath(path))  # without "..": what only seems to lie in the folder does not move with it
    return str(whole.relative_to(home)) if home is not None and whole.is_relative_to(home) else str(whole)
