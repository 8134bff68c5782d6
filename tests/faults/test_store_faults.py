"""The faults of FAULTS.md that a store meets and that no other test of it causes.

    3, 4, 13   tests/store/test_claims.py         8, 7 (snapshot)   tests/store/test_snapshots.py
    14         tests/store/test_migrations.py     11, 16            tests/store/test_store_contract.py
    15, 7      tests/store/test_store_sqlite.py   16 (cells)        tests/cli/test_store_commands.py
    17, 7, 8   tests/test_model.py (a model)      5, 7, 15          here
    7, 8 (run) tests/babysit/test_faults.py       6                 test_full_disk.py, and here

Those marked slow run with `make faults`.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from caviar.errors import StoreError
from caviar.records import Trial, TrialState
from caviar.store import Store
from caviar.store.backends import sqlite
from tests.postgresql_server import plain
from tests.store.sample import CONFIG, STUDY, measurement


def trial(number: int) -> Trial:
    return Trial(number, CONFIG, TrialState.FINISHED, 1, 0.5, 0.7)


def write(store: Store, number: int) -> None:
    store.write("flowers", [trial(number)], [(number, 0, measurement(1))])


def hold(url: str, held: threading.Event, release: threading.Event) -> None:
    """Another program locks the store, until ``release``."""
    if url.startswith("postgresql"):
        import psycopg

        with psycopg.connect(plain(url)) as connection:
            connection.execute("SELECT 1 FROM caviar.studies FOR UPDATE")
            held.set()
            release.wait()
    else:
        other = sqlite3.connect(url, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        held.set()
        release.wait()
        other.execute("ROLLBACK")
        other.close()


@pytest.mark.parametrize("seconds", [1.0, pytest.param(10.0, marks=pytest.mark.slow)])
def test_5_a_lock_of_another_program_is_waited_for(url: str, seconds: float) -> None:
    held, release = threading.Event(), threading.Event()
    other = threading.Thread(target=hold, args=(url, held, release))
    with Store.open(url) as store:
        worker = store.leases.join("flowers")
        other.start()
        assert held.wait()
        assert store.trials("flowers") == []  # a reader is not held up
        threading.Timer(seconds, release.set).start()
        store.write("flowers", [trial(0)], [(0, 0, measurement(1))], lease=worker)
        other.join()
        store.leases.beat(worker)
        assert store.trials("flowers") == [trial(0)]


def limited(url: str, code: str) -> subprocess.CompletedProcess[str]:
    """``code`` in a process whose files cannot grow beyond 300 kB, as on a full disk."""
    head = (
        "import resource, sys\nfrom caviar.errors import StoreError\nfrom caviar.store import Store\n"
        "from tests.faults.test_store_faults import write\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\nstore = Store.open(sys.argv[1])\n"
    )
    environment = {**os.environ, "PYTHONPATH": ":".join([str(Path(__file__).parents[2]), *sys.path])}
    command = [sys.executable, "-c", head + code, url]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_6_a_database_that_cannot_grow_keeps_what_it_has(tmp_path: Path) -> None:
    url = f"{tmp_path}/caviar.db"
    with Store.open(url) as store:
        store.create_study(STUDY)
    code = """
n = 0
try:
    while True:
        write(store, n)
        n += 1
except StoreError as error:
    print(n, error.rule)
"""
    done = limited(url, code)
    assert done.returncode == 0, done.stderr
    n, _, said = done.stdout.partition(" ")
    assert int(n) > 10
    assert "the disk took no more" in said
    with Store.open(url) as store:
        assert store.trials("flowers") == [trial(number) for number in range(int(n))]
        assert store.database.damage() == []
        write(store, int(n))  # there is room again


def test_6_a_store_cannot_be_made_without_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "link", full)
    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(StoreError, match="No space left"):
        Store.open(tmp_path / "caviar.db")
    assert list(tmp_path.iterdir()) == []


def test_7_a_log_whose_last_write_is_cut_at_every_byte_has_the_writes_before_it(tmp_path: Path) -> None:
    """To SQLite itself; the two tests after this one open fewer cuts as stores, all of them with `make faults`."""
    path, log = tmp_path / "caviar.db", tmp_path / "caviar.db-wal"
    with Store.open(path) as store:
        store.create_study(STUDY)
        write(store, 0)
        before = log.stat().st_size
        write(store, 1)
        content, whole = path.read_bytes(), log.read_bytes()
    (tmp_path / "cut").mkdir()
    cut = tmp_path / "cut" / "caviar.db"
    for length in range(before, len(whole) + 1):
        cut.write_bytes(content)
        cut.with_name("caviar.db-wal").write_bytes(whole[:length])
        torn = sqlite3.connect(cut)
        torn.execute("PRAGMA synchronous = OFF")
        counts = [torn.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("trials", "measurements")]
        torn.close()
        assert counts == ([2, 2] if length == len(whole) else [1, 1]), length


@pytest.mark.parametrize(("pages", "step"), [(5, 211), pytest.param(2, 1, marks=pytest.mark.slow)])
def test_7_a_log_cut_at_any_byte_opens(tmp_path: Path, pages: int, step: int) -> None:
    with Store.open(tmp_path / "caviar.db") as store:
        store.create_study(STUDY)
        write(store, 0)
        database, log = (tmp_path / "caviar.db").read_bytes(), (tmp_path / "caviar.db-wal").read_bytes()
    (tmp_path / "cut").mkdir()
    cut_database = tmp_path / "cut" / "caviar.db"
    seen = set()
    for cut in [*range(len(log) - pages * 4120, len(log), step), len(log)]:
        cut_database.write_bytes(database)
        cut_database.with_name("caviar.db-wal").write_bytes(log[:cut])
        cut_database.with_name("caviar.db-shm").unlink(missing_ok=True)
        with Store.open(cut_database) as torn:
            studies = [study.name for study in torn.studies()]
            trials = torn.trials("flowers") if studies else []
            assert len(trials) == (len(torn.measurements("flowers")) if studies else 0)
            seen.add(len(trials))
    assert seen == {0, 1}


def test_7_a_database_cut_between_its_pages_is_named_and_never_half_read(tmp_path: Path) -> None:
    with Store.open(tmp_path / "caviar.db") as store:
        store.create_study(STUDY)
        for number in range(50):
            write(store, number)
    whole = (tmp_path / "caviar.db").read_bytes()
    for cut in range(0, len(whole), 1024):
        path = tmp_path / f"cut{cut}.db"
        path.write_bytes(whole[:cut])
        with suppress(StoreError), Store.open(path) as torn:
            assert torn.database.damage() or torn.trials("flowers") == [trial(number) for number in range(50)]


@pytest.fixture
def network_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every disk is one without memory that processes share, as network file systems are: SQLite's own way for them.

    Its VFS unix-dotfile has no such memory, and so no write-ahead log. To mount a network file system needs a server
    and root.
    """

    connect = sqlite._connect

    def over_the_network(address: Callable[[], str], *more: Any) -> None:
        connect(lambda: f"{address()}&vfs=unix-dotfile", *more)

    monkeypatch.setattr(sqlite, "_connect", over_the_network)


def test_15_a_new_store_on_a_network_file_system_is_refused_and_leaves_nothing(
    tmp_path: Path, network_disk: None
) -> None:
    with pytest.raises(StoreError, match=r"caviar\.db' has no write-ahead log(?s:.*)local disk") as error:
        Store.open(tmp_path / "caviar.db")
    assert len(str(error.value).splitlines()) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_15_a_store_that_was_moved_to_a_network_file_system_is_named_and_left_alone(
    mode: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = tmp_path / "caviar.db"
    with Store.open(path) as store:
        store.create_study(STUDY)
        write(store, 0)
    copy = sqlite3.connect(path, isolation_level=None)
    copy.execute(f"PRAGMA journal_mode = {mode}")
    copy.close()
    before = path.read_bytes()
    request.getfixturevalue("network_disk")
    with pytest.raises(StoreError, match="on a local disk") as error:
        Store.open(path)
    assert len(str(error.value).splitlines()) == 2
    assert "network file system" in str(error.value)
    assert path.read_bytes() == before


def test_15_a_log_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    Store.open(tmp_path / "caviar.db").close()
    copy = sqlite3.connect(tmp_path / "caviar.db", isolation_level=None)
    copy.execute("PRAGMA journal_mode = DELETE")
    copy.close()
    (tmp_path / "caviar.db-wal").mkdir()
    with pytest.raises(StoreError) as error, Store.open(tmp_path / "caviar.db") as store:
        write(store, 0)
    assert len(str(error.value).splitlines()) == 2
