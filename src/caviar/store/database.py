"""The interface of a database to its store: all that differs between SQLite, PostgreSQL and memory."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

Row = tuple[int | float, ...]


class Database(Protocol):
    """One database: ``url`` names it for people, without a password; ``engine`` is SQLAlchemy's."""

    @property
    def url(self) -> str: ...  # noqa: D102 - described by the class

    @property
    def engine(self) -> sa.Engine: ...  # noqa: D102

    @property
    def home(self) -> Path | None:
        """The folder that the database is in, with which it is moved; None for one on a server or in memory."""

    def folder(self, kind: str) -> Path:
        """The folder of this database's files of a ``kind``: snapshots, runs, programs. It need not be there."""
        ...

    @property
    def changes(self) -> int:
        """The number of times that a copy took the place of the database while it was open."""
        ...

    def prepare(self, create: bool) -> None:
        """Make sure that there is a database that may be a store; ``create`` makes one. StoreError if there is none."""

    def settle(self) -> None:
        """Make the settings that outlive a connection, once the database is known to be a store."""

    def back_up(self, version: int) -> None:
        """Keep a copy of the store before it is migrated to ``version``, where that is ours to do."""

    def close(self) -> None:
        """Close the connection; what was written is safe already, except in memory."""

    def disconnect(self) -> None:
        """Let go of connections that no longer find the database, and of waits for an answer; others are made anew."""

    def reading(self) -> AbstractContextManager[sa.Connection]:
        """One consistent view of the store, whatever is being written meanwhile."""

    def writing(self, seconds: float = ...) -> AbstractContextManager[sa.Connection]:
        """One transaction that is written whole or not at all; it waits so many ``seconds`` for a lock."""

    def stamp(self) -> str:
        """Text that is another one once another process has written; it costs next to nothing to ask for."""
        ...

    def insert(self, table: sa.Table) -> sa.Insert:
        """The database's own insert, which has ``on_conflict_do_update``."""

    def version(self) -> str:
        """The database program and its version, for people."""
        ...

    def damage(self) -> list[tuple[str, str]]:
        """The faults that the database's own check finds: (fault, way out)."""
        ...

    def doubt(self) -> str | None:
        """The reason why somebody else may have written what is in it: "belongs to user 1001". None where none could.

        A server does not say; see trust.py.
        """

    def warnings(self) -> list[tuple[str, str]]:
        """Warnings of faults to come: (fault, way out)."""
        ...

    def fetch_numbers(self, connection: sa.Connection, query: sa.Select[Any]) -> list[tuple[Any, ...]]:
        """The rows of ``query``, all of numbers and none of them NULL, past SQLAlchemy's work on every cell."""
        ...

    def fetch_floats(self, connection: sa.Connection, query: sa.Select[Any]) -> npt.NDArray[np.float64]:
        """The rows of ``query``, all of floats and none of them NULL, as an array (rows, columns)."""
        ...

    def insert_many(self, connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
        """Insert many ``rows`` of numbers in the order of ``table``'s columns, as fast as the database takes them."""
