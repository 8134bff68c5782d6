"""Opening a database as a store: its URL, its version and migration; and the transactions of the open store."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa

from caviar.errors import StoreError
from caviar.records.names import visible
from caviar.store import migrations
from caviar.store.backends import memory, postgresql, sqlite
from caviar.store.backends.read_only import check_migratable
from caviar.store.backends.sqlite_errors import NOT_ONE
from caviar.store.database import Database
from caviar.store.schema import META, VERSION

# SQLAlchemy logs what a signal breaks off while a connection is closed. Without a handler of the user's nobody sees it.
logging.getLogger("sqlalchemy").addHandler(logging.NullHandler())

_KIND = re.compile(r"[\w+.-]+")  # of a URL: what else stands there may be a password
_LIKE_AN_ADDRESS = re.compile(
    r".*:[^/\\]*@"  # name:password@host
    r"|(?:postgres|mysql|mariadb|oracle|mssql)\w*(?:\+\w+)?(?:[:;]|//)"  # the beginning of a URL
    r"|.*(?:password|passwd|pwd)\s*="  # the settings of a driver
    r"|\s*(?:host|hostaddr|port|user|dbname|service|sslmode)\s*=.*\s\w+\s*=",
    re.IGNORECASE | re.DOTALL,
)


class Transactions:
    """The transactions of one open database, for the process that opened it and for no fork of it."""

    def __init__(self, database: Database) -> None:
        """Use ``opened``, which checks the database."""
        self.database = database
        self.closed = threading.Event()
        """Set where the store was closed: nothing is to be opened again then."""
        self._process = os.getpid()
        self._of_thread = threading.local()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One consistent view of the store."""
        self.check_process()
        with self.database.reading() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """One transaction that is written whole or not at all."""
        self.check_process()
        seconds = getattr(self._of_thread, "seconds", None)
        with self.database.writing() if seconds is None else self.database.writing(seconds) as connection:
            yield connection

    @contextmanager
    def waiting_at_most(self, seconds: float) -> Iterator[None]:
        """Let the transactions of this thread wait no longer for a lock."""
        self._of_thread.seconds = seconds
        try:
            yield
        finally:
            self._of_thread.seconds = None

    def check_version(self) -> int:
        """The version of the store's schema. Raises StoreError where it is no store, or one of a newer caviar."""
        url = self.database.url
        with self.reading() as connection:
            tables = sa.inspect(connection)
            if not tables.has_table(META.name) or "schema_version" not in {
                column["name"] for column in tables.get_columns(META.name)
            }:
                raise StoreError(f"{url!r} is a database, but not a store of caviar's", NOT_ONE)
            version = connection.scalar(sa.select(META.c.schema_version))
        if version is None or version < 1:
            raise StoreError(f"the store {url!r} does not say which schema it has", NOT_ONE)
        if version > VERSION:
            raise StoreError(
                f"the store {url!r} has schema {version}, and this caviar reads schema {VERSION}",
                "upgrade caviar, or name another store with `store`",
            )
        return int(version)

    def check_process(self) -> None:
        """Raise StoreError in a fork of the process that opened the store."""
        if os.getpid() != self._process:
            # A SQLite connection that two processes share after a fork corrupts the database.
            raise StoreError("this store was opened by another process", "open it again in this one")


def opened(url: str | None, create: bool, read_only: bool = False) -> Transactions:
    """The database at ``url``, checked and migrated. Raises StoreError where that fails, and changes nothing then.

    One that is ``read_only`` is not migrated: one of an older version is refused.
    """
    database = _database(url)
    if read_only and isinstance(database, sqlite.SQLite | postgresql.PostgreSQL):
        database = replace(database, read_only=True)
    transactions = Transactions(database)
    try:
        database.prepare(create)
        version = transactions.check_version()
        database.settle()
        if version < VERSION and read_only:
            raise StoreError(
                f"the store {database.url!r} has schema {version}, which an older caviar wrote",
                "caviar doctor brings it up to date, after a copy; then try once more",
            )
        if version < VERSION:
            if isinstance(database, sqlite.SQLite):
                check_migratable(database.path, version)
            _migrate(transactions)
            database.settle()  # one of the first version had no name before
    except BaseException:
        database.close()
        raise
    return transactions


def _migrate(transactions: Transactions) -> None:
    with transactions.writing() as connection:
        version = connection.scalar(sa.select(META.c.schema_version).with_for_update())
        if version is not None and version < VERSION:  # no other process was quicker
            transactions.database.back_up(VERSION)
            migrations.migrate(connection, version, VERSION)


def shown_address(url: str) -> str:
    """``url`` for people: with stars in the place of a password."""
    return _database(url).url if postgresql.has_password(url) else url


def check_path(path: str) -> None:
    """Raise StoreError, which shows nothing of it, where ``path`` is a server's address with a mistake in it."""
    folder = os.path.dirname(path)
    if _LIKE_AN_ADDRESS.match(path) and not (os.path.exists(path) or (folder.strip("/") and os.path.isdir(folder))):
        raise StoreError(
            "the name of a file was expected, and this looks like the address of a server, not shown for its password",
            "write `store='postgresql+psycopg://user:password@host/database'`; a file of such a name is "
            "`store='sqlite:///NAME'`",
        )


def _database(url: str | None) -> Database:
    """The database that ``url`` names; one of an unknown kind is never shown, for it may hold a password."""
    if url is None or url == memory.URL:
        return memory.Memory()
    kind, separator, rest = url.partition("://")
    if separator and kind in postgresql.KINDS:
        return postgresql.PostgreSQL(postgresql.address(url))
    if not separator:
        check_path(url)
        kind, rest = "sqlite", f"/{url}"
    path = rest.removeprefix("/")
    if kind != "sqlite":
        raise StoreError(
            "a store is a SQLite file or a PostgreSQL database, got a URL of "
            + (f"kind {visible(kind)!r}" if _KIND.fullmatch(kind) else "another kind"),
            "write `store='sqlite:///caviar.db'` or `store='postgresql+psycopg://user:password@host/database'`",
        )
    if path in {"", ":memory:"} or "\0" in path or not rest.startswith("/"):
        raise StoreError("a store's URL names no file", "write three slashes and a path: `store='sqlite:///caviar.db'`")
    return sqlite.SQLite(Path(path))
