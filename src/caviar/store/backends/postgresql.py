"""Everything special to PostgreSQL: opening, settings, making the tables, and the meaning of its errors.

All tables are in a schema of their own, ``caviar``, for other tools have tables called ``studies`` and ``trials`` too.
A transaction that writes to a study first locks the study's row (Store does that), so that writes to one study have one
order, as on SQLite, and those to two studies do not wait for each other. The server ends a transaction whose client has
frozen in the middle of it, which would hold that lock for ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from caviar import files
from caviar.errors import NotThere, StoreAway, StoreError
from caviar.store import run_tables, schema
from caviar.store.backends.attentive import attentive
from caviar.store.database import Row

KINDS = ("postgresql", "postgresql+psycopg")
LOCK_SECONDS = 30.0
FROZEN_SECONDS = 60.0  # twice what others wait: of a client that is only slow, the others give up first
CONNECT_SECONDS = 10
ANSWER_SECONDS = 120.0  # for a question: all trials of a large study take a while
PAUSE_SECONDS = 10.0  # for a word of a transaction that writes, beyond its wait for a lock
HIDDEN = "***"

# A connection that a firewall has cut says nothing for ever: these end it within half a minute.
_SILENCE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 25_000}

_SCHEMA = "caviar"
_HARMLESS = frozenset({
    "host", "hostaddr", "port", "user", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile",
    "service", "application_name", "fallback_application_name", "connect_timeout", "target_session_attrs",
    "load_balance_hosts", "channel_binding", "gssencmode", "keepalives", "keepalives_idle",
    "keepalives_interval", "keepalives_count", "tcp_user_timeout", "client_encoding",
})  # fmt: skip
"""Parameters of an address that hold no password; the value of any other is hidden."""
_MAKING = 0x6361_7669_6172  # "caviar", the number of the lock for making tables
_EXAMPLE = "write `store='postgresql+psycopg://user:password@host/database'`"
_LOOK = "look at its user, password, host, port and database name, and whether the server runs"


@dataclass(frozen=True)
class PostgreSQL:
    """A Database on a server; where it is ``read_only``, the server itself refuses to write for it."""

    address: sa.URL
    read_only: bool = False

    @cached_property
    def engine(self) -> sa.Engine:
        """A pool of connections, each with our settings; one that the server dropped is noticed and opened anew."""
        try:
            engine = sa.create_engine(
                self.address,
                json_serializer=files.dumps,
                connect_args={"connect_timeout": CONNECT_SECONDS, "client_encoding": "utf8", **_SILENCE},
                pool_pre_ping=True,
            )
        except ImportError:
            raise StoreError(
                "PostgreSQL needs the driver psycopg, which is not installed", "pip install 'caviar-tuner[postgresql]'"
            ) from None
        sa.event.listen(engine, "do_connect", _connect)
        sa.event.listen(engine, "connect", _set_up)
        sa.event.listen(engine, "checkin", _rest)
        return engine

    @property
    def url(self) -> str:
        """The URL as it was given, with stars in the place of passwords."""
        hidden = {key: HIDDEN for key in self.address.query if key not in _HARMLESS}
        return self.address.update_query_dict(hidden).render_as_string(hide_password=True).replace("%2A%2A%2A", HIDDEN)

    @property
    def home(self) -> Path | None:
        """None: it is elsewhere."""
        return None

    def folder(self, kind: str) -> Path:
        """In a working folder, under the random name that this store has."""
        with self.reading() as connection:
            identity = str(connection.scalar(sa.select(schema.META.c.identity)))
        if not identity.isalnum():  # it leads to files
            raise StoreError(f"the store {self.url} has no name of caviar's making", "take it from a copy")
        return Path(f"caviar.{kind}") / identity

    def prepare(self, create: bool) -> None:
        """Connect, and make the tables where ``create`` asks for them and there are none."""
        there = sa.text(f"SELECT to_regclass('{_SCHEMA}.meta') IS NOT NULL")
        with self._explained(), self.engine.connect() as connection, connection.begin():
            if connection.scalar(sa.text("SHOW server_encoding")) != "UTF8":
                raise StoreError(
                    f"the database of the store {self.url} does not keep every letter: its encoding is not UTF8",
                    "make one with createdb --encoding UTF8 --template template0",
                )
            if connection.scalar(there):
                return
            if not create:
                raise NotThere(
                    f"there is no store in {self.url}", "name one with `store`, or make one with caviar tune"
                )
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MAKING)))
            if not connection.scalar(sa.text(f"SELECT to_regnamespace('{_SCHEMA}') IS NOT NULL")):
                connection.execute(sa.schema.CreateSchema(_SCHEMA))
            if not connection.scalar(there):
                run_tables.create(connection)

    def settle(self) -> None:
        """Nothing to do: every connection is set up anew."""

    @property
    def changes(self) -> int:
        """See Database: a server keeps to its files."""
        return 0

    def back_up(self, version: int) -> None:
        """Nothing to do: whoever runs the server keeps copies of it, and a migration is one transaction."""

    def close(self) -> None:
        """See Database."""
        self.engine.dispose()

    def disconnect(self) -> None:
        """See Database: whoever waits for an answer of the server waits no longer."""
        for connection in list(attentive().open):
            connection.silence = 0.0

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """See Database."""
        options: Any = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with self._explained(), self.engine.connect().execution_options(**options) as connection, connection.begin():
            _driver(connection).silence = ANSWER_SECONDS
            yield connection

    @contextmanager
    def writing(self, seconds: float = LOCK_SECONDS) -> Iterator[sa.Connection]:
        """See Database."""
        options: Any = {"postgresql_readonly": True} if self.read_only else {}
        with self._explained(), self.engine.connect().execution_options(**options) as connection, connection.begin():
            _driver(connection).silence = seconds + PAUSE_SECONDS
            if seconds != LOCK_SECONDS:
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(1000 * seconds)}")
            yield connection

    def insert(self, table: sa.Table) -> sa.Insert:
        """See Database."""
        from sqlalchemy.dialects.postgresql import insert  # a tenth of a second that SQLite need not wait for

        return insert(table)

    def insert_many(self, connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
        """See Database; by COPY."""
        if not rows:
            return
        import psycopg

        driver = _driver(connection)
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        try:
            with driver.cursor() as cursor, cursor.copy(f'COPY "{table.name}" ({columns}) FROM STDIN') as copy:
                # Python's shortest decimals are exact, and the server reads its nan and inf; the driver's own way takes
                # four times as long.
                copy.write("".join(["\t".join(map(repr, row)) + "\n" for row in rows]))
        except psycopg.IntegrityError as error:
            raise sa.exc.IntegrityError("COPY", None, error) from error
        except psycopg.Error as error:
            raise sa.exc.OperationalError("COPY", None, error) from error

    def stamp(self) -> str:
        """See Database: the transactions that are written by now, of all databases of the server."""
        with self.reading() as connection:
            return str(connection.exec_driver_sql("SELECT txid_current_snapshot()::text").scalar())

    def version(self) -> str:
        """See Database."""
        with self.reading() as connection:
            return f"PostgreSQL {connection.exec_driver_sql('SHOW server_version').scalar()}"

    def damage(self) -> list[tuple[str, str]]:
        """See Database; a server looks after that itself."""
        return []

    def doubt(self) -> str | None:
        """See Database."""
        return None

    def warnings(self) -> list[tuple[str, str]]:
        """See Database."""
        with self.reading() as connection:
            fsync = connection.exec_driver_sql("SHOW fsync").scalar()
        if fsync == "on":
            return []
        return [("the server's fsync is off: a power cut can damage the store", "set fsync = on in postgresql.conf")]

    def fetch_numbers(self, connection: sa.Connection, query: sa.Select[Any]) -> list[tuple[Any, ...]]:
        """See Database."""
        import psycopg

        statement = query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        driver = _driver(connection)
        try:
            with driver.cursor(binary=True) as cursor:
                rows: list[tuple[Any, ...]] = cursor.execute(str(statement)).fetchall()
        except psycopg.Error as error:
            raise sa.exc.OperationalError("SELECT", None, error) from error
        return rows

    def fetch_floats(self, connection: sa.Connection, query: sa.Select[Any]) -> npt.NDArray[np.float64]:
        """See Database; by COPY in its binary format, whose rows are all as long as one another where none has a NULL.

        A head of 19 bytes; of each row its number of fields, and of each field its length and its value; an end of 2.
        (PostgreSQL's documentation of COPY, "Binary Format".)
        """
        import psycopg

        statement = query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        driver = _driver(connection)
        columns = len(query.selected_columns)
        try:
            with driver.cursor() as cursor, cursor.copy(f"COPY ({statement}) TO STDOUT (FORMAT binary)") as copy:
                answer = b"".join(copy)
        except psycopg.Error as error:
            raise sa.exc.OperationalError("COPY", None, error) from error
        field = np.dtype([("bytes", ">i4"), ("value", ">f8")])
        rows = np.frombuffer(answer[19:-2], dtype=np.dtype([("fields", ">i2"), ("cells", field, (columns,))]))
        return rows["cells"]["value"].astype(np.float64)

    def _explained(self) -> AbstractContextManager[None]:
        return explained(self.url, self.address)


def has_password(url: str) -> bool:
    """True where ``url`` is the address of a database on a server, with a password or what may be one."""
    if url.partition("://")[0] not in KINDS:
        return False
    parsed = address(url)
    return bool(parsed.password) or any(key not in _HARMLESS for key in parsed.query)


def address(url: str) -> sa.URL:
    """The parts of ``url``; StoreError, which shows nothing of it, if it is not one."""
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        raise StoreError("the store's URL of PostgreSQL cannot be read", f"{_EXAMPLE}, with %40 for an @") from None
    if "@" in f"{parsed.host}{parsed.database}" or "\0" in url:
        raise StoreError(
            "the store's URL has an @ or another special letter in its password",
            "write %40 for @, %2F for /, %3A for :, or keep the password in ~/.pgpass",
        )
    if HIDDEN in (parsed.password, *parsed.query.values()):
        raise StoreError(
            f"the store's URL has {HIDDEN} in the place of its password", "write it, or keep it in ~/.pgpass"
        )
    if not parsed.database:
        raise StoreError("the store's URL of PostgreSQL names no database", _EXAMPLE)
    return parsed.set(drivername="postgresql+psycopg")


def _connect(_dialect: object, _record: object, arguments: Sequence[Any], named: dict[str, Any]) -> Any:
    return attentive().connect(*arguments, **named)


def _rest(connection: Any, _record: object) -> None:
    if connection is not None:
        connection.silence = PAUSE_SECONDS  # for the question whether it is still there


def _driver(connection: sa.Connection) -> Any:
    """The driver's own connection."""
    return connection.connection.driver_connection


def _set_up(connection: Any, _record: object) -> None:
    before, connection.autocommit = connection.autocommit, True
    with connection.cursor() as cursor:
        cursor.execute(
            f"SET search_path = {_SCHEMA}; SET synchronous_commit = on; "
            f"SET lock_timeout = {int(1000 * LOCK_SECONDS)}; "
            f"SET idle_in_transaction_session_timeout = {int(1000 * FROZEN_SECONDS)}"
        )
    connection.autocommit = before


@contextmanager
def explained(shown: str, address: sa.URL) -> Iterator[None]:
    """Turn what the server says into a StoreError without the password; a broken constraint stays as it is."""
    try:
        yield
    except sa.exc.IntegrityError:
        raise
    except sa.exc.TimeoutError:
        raise StoreAway(f"the store {shown} gives no more connections", "wait for those that are open") from None
    except sa.exc.DBAPIError as error:
        # The chain of causes holds what the server said word for word, and that could be a part of the URL.
        raise _in_two_lines(shown, error, address) from None


def _in_two_lines(shown: str, error: sa.exc.DBAPIError, address: sa.URL) -> StoreError:
    state = getattr(error.orig, "sqlstate", None) or ""
    said = " ".join("".join(c if c.isprintable() else " " for c in str(error.orig)).split())
    for secret in (address.password, *(value for key, value in address.query.items() if key not in _HARMLESS)):
        if secret:
            said = said.replace(str(secret), HIDDEN)
    said = said[:300]
    if state == "53100":
        return StoreAway(
            f"no room left on the disk of the store {shown}", "what was written before is safe: make room and go on"
        )
    if state == "55P03":
        return StoreAway(f"another process keeps the store {shown} locked", "wait for it or end it")
    if state in {"42501", "25006"}:
        kind = StoreAway if state == "25006" else StoreError  # a server that takes over is read-only at first
        return kind(
            f"the store {shown} cannot be written: {said}", "ask for the right to create schemas and tables in it"
        )
    if not state and not isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError | sa.exc.InternalError):
        return StoreError(f"the store {shown} cannot take this: {said}", "remove NUL characters from the text")
    if state.startswith("08") or not state or state[:2] in {"28", "3D", "53", "57"}:
        return StoreAway(f"the store {shown} cannot be reached: {said}", _LOOK)
    if state in {"40001", "40P01"}:
        return StoreAway(f"the store {shown} broke off a transaction: {said}", "try once more")
    return StoreError(f"the store {shown} cannot be used: {said}", "look at the server's log")
