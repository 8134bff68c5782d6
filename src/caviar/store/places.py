"""The folders of files that belong to a study or a run: saved states, and what programs keep.

Each study and run has a name for its folders, made of the random name of its store and of chance. It stands in the
store with the facts of its environment. So a number that is used again leads to no files of before, and a folder says
which store it belongs to. Where the database has no folder of its own, on a server, the working folder in which the
study or run began stands there too. Stores of before had the number for the name.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from caviar.errors import StoreError
from caviar.files import working_folder
from caviar.store.database import Database

_KEY = "files"
_NAME = re.compile(r"[0-9a-z]{1,32}-[0-9a-f]{12}|\d{1,9}")


class Place(NamedTuple):
    """Where the files of a study or run are: ``name`` of its folders, working folder ``at`` where one is known."""

    name: str
    at: str

    def folder(self, database: Database, kind: str) -> Path:
        """Its folder for files of a ``kind``; it need not be there."""
        begun = Path(self.at)
        return (begun if self.at and begun.is_dir() else Path()) / database.folder(kind) / self.name


def is_of(store: str, name: str) -> bool:
    """True where ``name`` is that of a folder of the store with that random name."""
    return _NAME.fullmatch(name) is not None and name.startswith(f"{store}-")


def with_place(environment: Mapping[str, Any], database: Database, store: str) -> dict[str, Any]:
    """The facts of an ``environment``, with a new place for files of the store with that random name."""
    at = (working_folder() or "") if database.home is None else ""
    return {**environment, _KEY: {"name": f"{store}-{secrets.token_hex(6)}", "at": at}}


def without_place(environment: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of an ``environment`` alone."""
    return {name: fact for name, fact in environment.items() if name != _KEY}


def place_of(environment: Mapping[str, Any], number: int) -> Place:
    """The place that stands with the facts of an ``environment``, or that of before. Raises StoreError."""
    kept = environment.get(_KEY) or {}
    name, at = str(kept.get("name", number)), str(kept.get("at", ""))
    if _NAME.fullmatch(name) is None:
        raise StoreError(
            f"the store names a folder {name!r:.60} that no files of caviar's are in", "take the store from a copy"
        )
    return Place(name, at)
