"""What a store needs of a database, and all that differs between SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

Row = tuple[int | float, ...]


class Database(Protocol):
    """One database: ``url`` names it for people, without a password; ``engine`` is SQLAlchemy's."""

    @property
    def url(self) -> str: ...  # noqa: D102 - described by the class

    @property
    def engine(self) -> sa.Engine: ...  # noqa: D102

    @property
    def snapshots(self) -> Path:
        """The folder of this database's snapshots; it need not be there."""

    def prepare(self, create: bool) -> None:
        """Make sure that there is a database that may be a store; ``create`` makes one. StoreError if there is none."""

    def settle(self) -> None:
        """Set up, once it is known to be a store, what outlives a connection."""

    def back_up(self, version: int) -> None:
        """Keep a copy of what is there before it is migrated to ``version``, where that is ours to do."""

    def reading(self) -> AbstractContextManager[sa.Connection]:
        """One consistent view of the store, whatever is being written meanwhile."""

    def writing(self) -> AbstractContextManager[sa.Connection]:
        """One transaction that is written whole or not at all."""

    def insert(self, table: sa.Table) -> sa.Insert:
        """The database's own insert, which has ``on_conflict_do_update``."""

    def insert_many(self, connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
        """Insert many ``rows`` of numbers in the order of ``table``'s columns, as fast as the database takes them."""
