"""The faults of FAULTS.md that a store meets and that no other test of it causes.

    3, 4, 13   tests/store/test_claims.py         8, 7 (snapshot)   tests/store/test_snapshots.py
    14         tests/store/test_migrations.py     11, 16            tests/store/test_store_contract.py
    15, 7      tests/store/test_store_sqlite.py   16 (cells)        tests/cli/test_store_commands.py
    17, 7, 8   tests/test_model.py (a model)      5, 6, 7, 15       here

Those marked slow run with `make faults`.
"""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from caviar.errors import StoreError
from caviar.records import Trial, TrialState
from caviar.store import Store
from caviar.store import sqlite as sqlite_room
from tests.postgresql_server import plain
from tests.store.sample import CONFIG, STUDY, measurement


def trial(number: int) -> Trial:
    return Trial(number, CONFIG, TrialState.FINISHED, 1, 0.5, 0.7)


def write(store: Store, number: int) -> None:
    store.write("flowers", [trial(number)], [(number, 0, measurement(1))])


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    made: str = f"{tmp_path}/caviar.db" if request.param == "sqlite" else request.getfixturevalue("postgresql_url")
    with Store.open(made) as store:
        store.create_study(STUDY)
    return made


def hold(url: str, seconds: float, held: threading.Event) -> None:
    """Another program locks the store for a while."""
    if url.startswith("postgresql"):
        import psycopg

        with psycopg.connect(plain(url)) as connection:
            connection.execute("SELECT 1 FROM caviar.studies FOR UPDATE")
            held.set()
            time.sleep(seconds)
    else:
        other = sqlite3.connect(url, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        held.set()
        time.sleep(seconds)
        other.execute("ROLLBACK")
        other.close()


@pytest.mark.parametrize("seconds", [1.0, pytest.param(10.0, marks=pytest.mark.slow)])
def test_5_a_lock_of_another_program_is_waited_for(url: str, seconds: float) -> None:
    held = threading.Event()
    other = threading.Thread(target=hold, args=(url, seconds, held))
    with Store.open(url) as store:
        worker = store.join("flowers")
        other.start()
        assert held.wait(20)
        assert store.trials("flowers") == []  # a reader is not held up
        assert other.is_alive()
        store.write("flowers", [trial(0)], [(0, 0, measurement(1))], worker=worker)
        other.join()
        store.beat(worker)
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


@pytest.mark.parametrize(("pages", "step"), [(5, 211), pytest.param(1, 1, marks=pytest.mark.slow)])
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


def test_15_a_file_system_without_a_log_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a network file system answers, which has no shared memory."""
    Store.open(tmp_path / "caviar.db").close()
    copy = sqlite3.connect(tmp_path / "caviar.db", isolation_level=None)
    copy.execute("PRAGMA journal_mode = DELETE")
    copy.close()
    (tmp_path / "caviar.db-wal").mkdir()  # so that no log can be opened
    with pytest.raises(StoreError) as error, Store.open(tmp_path / "caviar.db") as store:
        write(store, 0)
    assert len(str(error.value).splitlines()) == 2
    shutil.rmtree(tmp_path / "caviar.db-wal")

    class Answers:
        def execute(self, _: str) -> Any:
            return self

        def fetchone(self) -> tuple[str]:
            return ("delete",)

    engine = sa.create_engine("sqlite://")
    monkeypatch.setattr(sqlite3, "Connection", Answers)
    monkeypatch.setattr(sa.PoolProxiedConnection, "driver_connection", Answers(), raising=False)
    monkeypatch.setattr("sqlalchemy.pool.base._ConnectionFairy.driver_connection", Answers())
    with pytest.raises(StoreError, match=r"no write-ahead log(?s:.*)local disk"):
        sqlite_room.use_write_ahead_log(engine)
    engine.dispose()
