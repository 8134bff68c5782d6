"""A store in memory, for calls and tests that leave no file behind: SQLite without a file."""

from __future__ import annotations

import sqlite3
import tempfile
from functools import cached_property
from pathlib import Path

import sqlalchemy as sa

from caviar.store import run_tables
from caviar.store.backends.sqlite import Embedded, connect

URL = "memory://"


class Memory(Embedded):
    """A Database that is gone when it is closed. Saved states stand in a temporary folder until then."""

    @cached_property
    def engine(self) -> sa.Engine:
        """An engine with one connection, which holds the whole database."""
        return connect(None)

    @property
    def url(self) -> str:
        """The URL of every store in memory; each is a new one."""
        return URL

    @cached_property
    def _folder(self) -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(prefix="caviar-")

    @property
    def home(self) -> Path | None:
        """See Database."""
        return None

    def folder(self, kind: str) -> Path:
        """In a temporary folder, made when it is first asked for."""
        return Path(self._folder.name) / f"memory.{kind}"

    def prepare(self, create: bool) -> None:
        """Make the tables."""
        with self.writing() as connection:
            run_tables.create(connection)

    def settle(self) -> None:
        """Nothing to do: there is no log."""

    def back_up(self, version: int) -> None:
        """Nothing to do: a store in memory is never older than the process."""

    def disconnect(self) -> None:
        """Nothing to do: it is always there, and gone with its connection."""

    def image(self) -> bytes:
        """The database as the bytes that ``load`` takes."""
        with self.reading() as connection:
            return _driver(connection).serialize()

    def load(self, image: bytes) -> None:
        """Become the database that ``image`` is of."""
        with self.engine.connect() as connection:
            _driver(connection).deserialize(image)

    def close(self) -> None:
        """Forget everything, and remove the temporary folder."""
        self.engine.dispose()
        if "_folder" in self.__dict__:
            self._folder.cleanup()


def _driver(connection: sa.Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver
