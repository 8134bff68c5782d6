"""Everything special to SQLite but its errors: opening, settings, and creating a database whole.

The settings: write-ahead log, so that a reader never waits for a writer or holds one up; synchronous=FULL, so that an
acknowledged write survives a power cut; BEGIN IMMEDIATE for every write, because a read that turns into a write fails
at once, whatever the timeout; foreign keys on. Before SQLite 3.51.3 two connections of one process that
write and checkpoint at the same moment can corrupt the log, so that a store has one connection.
"""

from __future__ import annotations

import math
import os
import shlex
import sqlite3
import stat
import tempfile
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from caviar import files
from caviar.errors import NotThere, StoreAway, StoreError
from caviar.store import run_tables, schema
from caviar.store.backends import ownership
from caviar.store.backends.in_place import InPlace
from caviar.store.backends.read_only import check_log, is_sealed
from caviar.store.backends.sqlite_errors import NOT_ONE, explained, in_two_lines, way_back
from caviar.store.database import Row

BUSY_SECONDS = 30.0
LOOK_SECONDS = 5.0  # that one who only reads waits for a lock: it can look again
FIRST_SAFE = (3, 51, 3)
"""The first version of SQLite without that fault."""

WRITING = "caviar_writing"
"""The execution option of a connection whose next transaction writes: the seconds that it waits for a lock."""


class Embedded(ABC):
    """A Database inside this process: what its kinds share."""

    @property
    @abstractmethod
    def engine(self) -> sa.Engine:
        """An engine with one connection."""

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """See Database."""
        with explained(Path(self.engine.url.database or "")), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self, seconds: float = BUSY_SECONDS) -> Iterator[sa.Connection]:
        """See Database."""
        with (
            explained(Path(self.engine.url.database or "")),
            self.engine.connect().execution_options(**{WRITING: seconds}) as connection,
            connection.begin(),
        ):
            yield connection

    def insert(self, table: sa.Table) -> sa.Insert:
        """See Database."""
        return insert(table)

    def stamp(self) -> str:
        """See Database: SQLite counts what others write, for each connection from a number of its own."""
        with self.reading() as connection:
            of_connection = connection.info.setdefault("stamp", os.urandom(4).hex())
            return f"{of_connection}-{connection.exec_driver_sql('PRAGMA data_version').scalar()}"

    def version(self) -> str:
        """See Database."""
        return f"SQLite {sqlite3.sqlite_version}"

    def damage(self) -> list[tuple[str, str]]:
        """See Database; rows that refer to rows that are not there are damage too."""
        path = Path(self.engine.url.database or "")
        said = [str(row[0]) for row in self._readable("PRAGMA integrity_check(20)")]
        lost = self._readable("PRAGMA foreign_key_check")
        found = [(" ".join(line.split()), way_back(path)) for line in said if line != "ok"]
        if not said:
            found = [("the database cannot be read to its end", way_back(path))]
        for (table, parent), count in _counted(lost):
            found.append((f"{count} rows of {table} belong to none of {parent}", "caviar export copies studies out"))
        return found

    def _readable(self, question: str) -> list[Any]:
        """The rows of an answer, up to where damage keeps it from being read."""
        rows: list[Any] = []
        try:
            with self.reading() as connection:
                for row in connection.exec_driver_sql(question):
                    rows.append(row)
        except StoreAway:
            raise
        except StoreError:
            pass
        return rows

    @property
    def changes(self) -> int:
        """See Database."""
        return 0

    def doubt(self) -> str | None:
        """See Database: None for one that no file has."""
        return None

    def warnings(self) -> list[tuple[str, str]]:
        """See Database."""
        if sqlite3.sqlite_version_info >= FIRST_SAFE:
            return []
        first = ".".join(map(str, FIRST_SAFE))
        return [
            (
                f"SQLite {sqlite3.sqlite_version} is older than {first}: two connections of one process that write and "
                "checkpoint at the same moment could damage the database; caviar keeps to one",
                "keep other programs from writing to this store, or use a Python with a newer SQLite",
            )
        ]

    def fetch_numbers(self, connection: sa.Connection, query: sa.Select[Any]) -> list[tuple[Any, ...]]:
        """See Database; only a row with a NaN, which is text here, is changed."""
        rows: list[tuple[Any, ...]] = _driver_rows(connection, query).fetchall()
        for i, row in enumerate(rows):
            try:
                sum(row)
            except TypeError:
                rows[i] = tuple(float(cell) if isinstance(cell, str) else cell for cell in row)
        return rows

    def fetch_floats(self, connection: sa.Connection, query: sa.Select[Any]) -> npt.NDArray[np.float64]:
        """See Database; NumPy reads the text of a NaN as one."""
        cells = chain.from_iterable(_driver_rows(connection, query))
        columns = len(query.selected_columns)
        return np.fromiter(cells, dtype=np.float64).reshape(-1, columns)

    def insert_many(self, connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
        """See Database; at twice the speed of SQLAlchemy's executemany.

        The tuples go straight to the driver, without a dict and ten calls a row; only a row with a NaN is looked at.
        """
        if rows:
            statement = str(table.insert().compile(dialect=connection.dialect))
            connection.exec_driver_sql(statement, [row if math.isfinite(sum(row)) else _with_text(row) for row in rows])


@dataclass(frozen=True)
class SQLite(Embedded):
    """A Database in the file at ``path``; where it is ``read_only``, SQLite itself refuses to write there."""

    path: Path
    read_only: bool = False

    @cached_property
    def engine(self) -> sa.Engine:
        """An engine with one connection."""
        return connect(self.path, self._address, LOOK_SECONDS if self.read_only else BUSY_SECONDS)

    @cached_property
    def _in_place(self) -> InPlace:
        return InPlace(self.path, self.path.absolute())

    def _address(self) -> str:
        """The file, where it is now. None is made where it was deleted; one that is sealed is read without a log."""
        place = self._in_place.place
        sealed = is_sealed(place)
        self._in_place.log.begin(is_kept=not sealed and not self.read_only)
        mode = "ro" if self.read_only else "rw"
        return f"{place.as_uri()}?{'immutable=1' if sealed else f'mode={mode}'}"

    @property
    def changes(self) -> int:
        """See Database."""
        return self._in_place.changes

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """See Database."""
        self._check_place()
        with super().reading() as connection:
            yield connection

    @contextmanager
    def writing(self, seconds: float = BUSY_SECONDS) -> Iterator[sa.Connection]:
        """See Database; what was written to a file that is not there any more is not kept."""
        self._check_place()
        with super().writing(seconds) as connection:
            yield connection
        self._check_place()

    def _check_place(self) -> None:
        """Raise StoreAway unless the path still leads to the store."""

        def let_go() -> None:
            with self.engine.connect() as connection:  # the only one, once no other thread has it
                connection.invalidate()
            self._in_place.log.begin(is_kept=False)

        def save() -> None:
            with self.engine.connect() as connection:
                driver = connection.connection.driver_connection
                assert isinstance(driver, sqlite3.Connection)
                if driver.execute("PRAGMA wal_checkpoint(FULL)").fetchone()[0]:
                    raise in_two_lines(str(self.path), "SQLITE_BUSY")

        with explained(self.path):
            self._in_place.check(let_go)
            self._in_place.log.check(self._in_place.place, save, let_go)

    @property
    def url(self) -> str:
        """A URL that opens this store again from the same folder."""
        return f"sqlite:///{self.path}"

    @property
    def home(self) -> Path | None:
        """See Database."""
        return Path(os.path.abspath(self.path)).parent

    def folder(self, kind: str) -> Path:
        """Beside the database, so that the two are moved together."""
        return self.path.with_name(f"{self.path.name}.{kind}")

    def prepare(self, create: bool) -> None:
        """Make the file where ``create`` asks for it; StoreError unless it then looks like a database."""
        if create:
            create_whole(self.path)
        check(self.path)

    def settle(self) -> None:
        """Keep a write-ahead log, where there may be one, and this file."""
        if not self.read_only and not is_sealed(self.path):
            use_write_ahead_log(self.engine, self.path)
        self._in_place.remember()

    def back_up(self, version: int) -> None:
        """Copy the database to NAME.before-VERSION, whole and on the disk before it has that name.

        Its one writer, this process, writes nothing meanwhile. The copy reads through a connection of its own, because
        SQLite copies nothing for one that is in a transaction.
        """
        to = self.path.with_name(f"{self.path.name}.before-{version}")
        unfinished = to.with_name(f".{to.name}.{os.urandom(4).hex()}.unfinished")
        unfinished.touch(mode=files.PRIVATE)
        with explained(self.path):
            try:
                source, copy = sqlite3.connect(self.path), sqlite3.connect(unfinished)
                try:
                    source.backup(copy)
                except sqlite3.Error as error:
                    raise StoreError(
                        f"the store {str(self.path)!r} is of an older version and cannot be copied ({error})",
                        "make room on its disk, and open it again: nothing was changed",
                    ) from error
                finally:
                    copy.close()
                    source.close()
                with unfinished.open("rb") as file:
                    os.fsync(file.fileno())
                os.replace(unfinished, to)
            finally:
                with suppress(OSError):
                    unfinished.unlink(missing_ok=True)
            files.sync_folder(to.parent)

    def disconnect(self) -> None:
        """See Database: the disk was away, and what the connection had open is stale."""
        self._in_place.log.begin(is_kept=False)
        self.engine.dispose()

    def doubt(self) -> str | None:
        """See Database."""
        return ownership.doubt(self.path)

    def warnings(self) -> list[tuple[str, str]]:
        """See Database."""
        doubt, found = self.doubt(), self.path.stat()
        if doubt is None and not found.st_mode & (stat.S_IROTH | stat.S_IWOTH):
            return super().warnings()
        what = "others may read" if doubt is None else doubt
        way_out = f"chmod go= {shlex.quote(str(self.path))}, if they should not"
        if doubt is not None and not ownership.is_open(found):
            way_out = "keep it in a folder of your own, which others may not write to: chmod go-w"
        warning = f"the store is a file that {what}", way_out
        return [warning, *super().warnings()]

    def close(self) -> None:
        """See Database."""
        self.engine.dispose()


def connect(path: Path | None, address: Callable[[], str] | None = None, seconds: float = BUSY_SECONDS) -> sa.Engine:
    """An engine with one connection to the database at ``path``, which exists; None is a new one in memory.

    ``address`` is asked where to connect to, each time; a lock is waited for so many ``seconds``.
    """
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=None if path is None else str(path.absolute())),
        json_serializer=files.dumps,
        connect_args={"timeout": seconds, "check_same_thread": False},
        poolclass=sa.QueuePool,
        pool_size=1,
        max_overflow=0,
    )
    if address is not None:
        sa.event.listen(engine, "do_connect", partial(_connect, address))
    sa.event.listen(engine, "connect", _set_up)
    sa.event.listen(engine, "begin", _begin)
    return engine


def create_whole(path: Path) -> None:
    """Make the database at ``path`` with all of its tables, whole or not at all; if one is there, leave it.

    It is made under another name and then linked, so that no other process, and no crash, meets half of it.
    """
    with explained(path):
        if path.exists():
            return
        if not path.parent.is_dir():
            raise StoreError(f"there is no folder {str(path.parent)!r} for the store", "make it, or name another place")
        with tempfile.TemporaryDirectory(prefix=".caviar-", dir=path.parent) as folder:
            made = Path(folder) / "new.db"
            made.touch(mode=files.PRIVATE)
            new = SQLite(made)
            try:
                with new.writing() as connection:
                    run_tables.create(connection)
                use_write_ahead_log(new.engine, path)
            finally:
                new.close()
            try:
                os.link(made, path)
            except FileExistsError:
                return  # another process was quicker, and its database is as good
            except OSError:
                os.rename(made, path)  # a file system without links
            files.sync_folder(path.parent)


def check(path: Path) -> None:
    """Raise StoreError unless ``path`` looks like the file of a database; nothing is changed."""
    with explained(path):
        if path.is_dir():
            raise StoreError(f"{str(path)!r} is a folder, not a store", NOT_ONE)
        if not path.exists():
            raise NotThere(f"there is no store at {str(path)!r}", "name one with `store`, or make one with caviar tune")
        if path.stat().st_size == 0:
            raise StoreError(f"{str(path)!r} is an empty file, not a store", "delete it, or name another with `store`")
        check_log(path)
        # Only SQLite may look into the file: if this process has it open already, closing another descriptor of it
        # would drop all of its locks, and the next process to close it would take the log away
        # (sqlite.org/howtocorrupt.html, section 2.2).
        try:
            opened = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        except sqlite3.OperationalError as error:  # its path is too long for SQLite, say
            raise in_two_lines(str(path), error.sqlite_errorname) from error
        with closing(opened) as connection:
            try:
                connection.execute("PRAGMA schema_version")
            except sqlite3.OperationalError:  # locked, say: what else is wrong is found when it is used
                pass
            except sqlite3.DatabaseError as error:
                raise in_two_lines(str(path), error.sqlite_errorname) from error


def use_write_ahead_log(engine: sa.Engine, path: Path) -> None:
    """Make sure that the database keeps a write-ahead log; StoreError, about ``path``, where its disk has none."""
    with explained(path), engine.connect() as connection:
        driver = connection.connection.driver_connection  # outside of any transaction, where alone the mode can change
        assert isinstance(driver, sqlite3.Connection)
        mode = driver.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise StoreError(
            f"the file system of the store {str(path)!r} has no write-ahead log (SQLite answers {mode!r})",
            "keep the store on a local disk and not on a network file system: name one with `store`",
        )


def _driver_rows(connection: sa.Connection, query: sa.Select[Any]) -> sqlite3.Cursor:
    """The rows of the driver, without SQLAlchemy's work on every cell."""
    statement = query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver.execute(str(statement))


def _counted(rows: Sequence[Any]) -> list[tuple[tuple[str, str], int]]:
    """The number of rows of a table without their row of another; ``rows`` are of PRAGMA foreign_key_check."""
    return sorted(Counter((str(row[0]), str(row[2])) for row in rows).items())


def _with_text(row: Row) -> tuple[int | float | str, ...]:
    return tuple(schema.NAN_TEXT if math.isnan(value) else value for value in row)


def _connect(
    address: Callable[[], str], _dialect: object, _record: object, arguments: list[Any], named: dict[str, Any]
) -> None:
    arguments[0], named["uri"] = address(), True


def _set_up(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver's own BEGIN is a deferred one, so transactions begin in _begin
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: sa.Connection) -> None:
    seconds = connection.get_execution_options().get(WRITING)
    if seconds is None:
        connection.exec_driver_sql("BEGIN")
        return
    if seconds != BUSY_SECONDS:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(1000 * seconds)}")
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        if seconds != BUSY_SECONDS:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(1000 * BUSY_SECONDS)}")
