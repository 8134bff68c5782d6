"""Faults of a store on SQLite alone: bad files, a full disk, a torn log, locks; and the cost of writing."""

from __future__ import annotations

import lzma
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from caviar.cli.main import run
from caviar.errors import StoreError
from caviar.records import Trial, TrialState
from caviar.store import Store
from caviar.store.backends import sqlite as sqlite_room
from caviar.store.doctor import examine
from tests.store.sample import CONFIG, STUDY, measurement


def trial(number: int) -> Trial:
    return Trial(number, CONFIG, TrialState.FINISHED, 30, 0.5, 0.7)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with one study in it, closed."""
    path = tmp_path / "caviar.db"
    with Store.open(path) as store:
        store.create_study(STUDY)
    return path


@pytest.fixture
def read_only_folder() -> Iterator[Path]:
    """A folder that this process may look into but not write to; root gives its powers up for that."""
    folder = Path(tempfile.mkdtemp())
    shutil.copy(_store_in(folder / "made"), folder / "caviar.db")
    shutil.rmtree(folder / "made")
    for entry in (folder / "caviar.db", folder):
        entry.chmod(entry.stat().st_mode & ~0o222 | 0o555)
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(65534)
    yield folder
    if was_root:
        os.seteuid(0)
    folder.chmod(stat.S_IRWXU)
    shutil.rmtree(folder)


@contextmanager
def as_root(folder: Path) -> Iterator[None]:
    """Its owner may write to ``folder`` again for a while."""
    before = os.geteuid()
    if os.getuid() == 0:
        os.seteuid(0)
    folder.chmod(0o755)
    (folder / "caviar.db").chmod(0o644)
    yield
    (folder / "caviar.db").chmod(0o444)
    folder.chmod(0o555)
    os.seteuid(before)


def _store_in(folder: Path) -> Path:
    folder.mkdir()
    with Store.open(folder / "caviar.db") as store:
        store.create_study(STUDY, [trial(0)])
    return folder / "caviar.db"


@pytest.mark.parametrize("only_the_file", [False, True])
def test_an_older_store_that_is_read_only_is_copied_as_the_message_says(
    tmp_path: Path, read_only_folder: Path, only_the_file: bool
) -> None:
    path = read_only_folder / "caviar.db"
    with as_root(read_only_folder):
        path.write_bytes(lzma.decompress((Path(__file__).parent / "history" / "version_4.db.xz").read_bytes()))
    if only_the_file:
        if os.getuid() == 0:
            os.seteuid(0)
            os.chown(read_only_folder, 65534, -1)
            os.seteuid(65534)
        read_only_folder.chmod(0o755)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="has schema 4, which an older caviar wrote, and it is read-only") as refused:
        Store.open(path, create=False)
    if os.getuid() == 0:
        os.seteuid(0)
    commands = refused.value.way_out.partition(": ")[2]
    subprocess.run(["sh", "-c", commands], env=os.environ | {"HOME": str(tmp_path)}, check=True)
    with Store.open(tmp_path / "copied" / "caviar.db", create=False) as store:
        assert store.studies()
    assert path.read_bytes() == before


def test_settings(path: Path) -> None:
    with Store.open(path) as store, store.transactions.reading() as connection:
        asked = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in SETTINGS}
        assert asked == SETTINGS
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


SETTINGS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


@pytest.mark.parametrize("url", ["caviar.db", "sqlite:///caviar.db", "./a?b#c %20;🐟.db", "file:caviar.db"])
def test_a_path_and_a_url_name_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.chdir(tmp_path)
    with Store.open(url) as store:
        assert store.url.startswith("sqlite:///")
        again = store.url
    assert [entry.name for entry in tmp_path.iterdir()] == [Path(url.removeprefix("sqlite:///")).name]
    with Store.open(again, create=False) as store:
        assert store.studies() == []


@pytest.mark.parametrize("url", ["oracle://anna:s3cret@host/db", "sqlite://anna:s3cret@host/db", "mysql://a:s3cret@"])
def test_a_url_of_another_kind_is_refused_and_its_password_not_shown(url: str) -> None:
    with pytest.raises(StoreError) as error:
        Store.open(url)
    assert "s3cret" not in str(error.value)
    assert "sqlite:///caviar.db" in error.value.way_out


@pytest.mark.parametrize("url", ["", ":memory:", "sqlite://", "sqlite:///", "a\0b"])
def test_a_store_is_a_file(url: str) -> None:
    with pytest.raises(StoreError, match="names no file"):
        Store.open(url)


def test_opening_a_store_again_leaves_this_process_its_locks(tmp_path: Path) -> None:
    """POSIX drops all locks of a process on a file when it closes any descriptor of it.

    Another process that closes the database takes itself for the last one then, and removes the log under our feet.
    """
    path = tmp_path / "caviar.db"
    look = (
        f"import sqlite3; c = sqlite3.connect({str(path)!r}); print(c.execute('SELECT name FROM studies').fetchall())"
    )
    with Store.open(path) as store:
        store.create_study(STUDY)
        Store.open(path, create=False).close()
        subprocess.run([sys.executable, "-c", look + "; c.close()"], check=True)
        assert path.with_name("caviar.db-wal").exists()
        store.create_study(replace(STUDY, name="another"))
        seen = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout
    assert "another" in seen


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is an empty file"),
        (b"species,petal\nrose,1\n" * 100, "damaged, or not a database"),
        (b"SQLite format 3\0" + b"\xff" * 5000, "damaged, or not a database"),
        (b"SQLite format 3\0", "damaged, or not a database"),
    ],
)
def test_what_is_not_a_database_is_refused_and_left_alone(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "caviar.db"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=says):
        Store.open(path)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "addresses.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE meta (name TEXT)")
    other.close()
    content = path.read_bytes()
    with pytest.raises(StoreError, match=r"a database, but not a store of caviar's"):
        Store.open(path)
    assert path.read_bytes() == content


def test_a_newer_schema_is_refused(path: Path) -> None:
    other = sqlite3.connect(path)
    with other:
        other.execute("UPDATE meta SET schema_version = 99")
    other.close()
    with pytest.raises(StoreError, match=r"has schema 99(?s:.*)upgrade caviar"):
        Store.open(path)


def test_a_missing_folder_a_missing_store_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no folder"):
        Store.open(tmp_path / "nowhere" / "caviar.db")
    with pytest.raises(StoreError, match="there is no store at"):
        Store.open(tmp_path / "caviar.db", create=False)
    with pytest.raises(StoreError, match="is a folder"):
        Store.open(tmp_path)
    with pytest.raises(StoreError, match="cannot be written or read"):
        Store.open(tmp_path / ("x" * 300))
    assert list(tmp_path.iterdir()) == []


def test_a_read_only_folder_is_looked_at_and_refuses_what_writes(read_only_folder: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot be written(?s:.*)a folder that you may write to"):
        Store.open(read_only_folder / "new.db")
    with Store.open(read_only_folder / "caviar.db") as store:
        assert [study.name for study in store.studies()] == [STUDY.name]
        assert store.trials(STUDY.name) == [trial(0)]
        with pytest.raises(StoreError, match=r"cannot be written(?s:.*)a folder that you may write to"):
            store.create_study(replace(STUDY, name="another"))
        with pytest.raises(StoreError, match="cannot be written"):
            store.leases.join(STUDY.name)
        assert [study.name for study in store.studies()] == [STUDY.name]
    assert [entry.name for entry in read_only_folder.iterdir()] == ["caviar.db"]


LOOKS = [
    ["studies"], ["show", "flowers"], ["trials", "flowers"], ["explain", "flowers"],
    ["studies", "--json"], ["doctor", "flowers"],
]  # fmt: skip


@pytest.mark.parametrize("words", LOOKS, ids=" ".join)
def test_commands_look_at_a_store_in_a_read_only_folder(
    read_only_folder: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*words, "--store", str(read_only_folder / "caviar.db")]
    with as_root(read_only_folder):
        status, said = run(words), capsys.readouterr()
    assert "read-only" not in said.err
    assert run(words) == status
    again = capsys.readouterr()
    if words[0] != "doctor":  # it says whom the file belongs to, and the room on the disk
        assert (again.out, again.err) == (said.out, said.err)
    assert "read-only" not in again.err
    assert [entry.name for entry in read_only_folder.iterdir()] == ["caviar.db"]


@pytest.mark.parametrize("words", [["delete", "flowers", "--yes"], ["enqueue", "flowers", "layers=3"]], ids=" ".join)
def test_commands_that_write_refuse_a_read_only_folder_in_two_lines(
    read_only_folder: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with as_root(read_only_folder):
        assert run([words[0], "nobody", *words[2:], "--store", str(read_only_folder / "caviar.db")]) == 2
        capsys.readouterr()
    assert run([*words, "--store", str(read_only_folder / "caviar.db")]) == 2
    said = capsys.readouterr().err
    assert "cannot be written: it or its folder may be read-only" in said
    assert len(said.strip().splitlines()) == 2


def test_a_log_in_a_read_only_folder_is_not_left_out_in_silence(tmp_path: Path, read_only_folder: Path) -> None:
    """Its last rows are in the log alone, which takes a file of shared memory to be read."""
    with as_root(read_only_folder):
        with Store.open(read_only_folder / "caviar.db") as store:
            store.write(STUDY.name, [trial(1)])
            shutil.copy(read_only_folder / "caviar.db-wal", tmp_path / "wal")
            shutil.copy(read_only_folder / "caviar.db-shm", tmp_path / "shm")
            shutil.copy(read_only_folder / "caviar.db", tmp_path / "db")
        for name, kept in (("", "db"), ("-wal", "wal"), ("-shm", "shm")):
            shutil.copy(tmp_path / kept, read_only_folder / f"caviar.db{name}")
            (read_only_folder / f"caviar.db{name}").chmod(0o444)
    with Store.open(read_only_folder / "caviar.db") as store:
        assert store.trials(STUDY.name) == [trial(0), trial(1)]
    with as_root(read_only_folder):
        (read_only_folder / "caviar.db-shm").unlink()
    with pytest.raises(StoreError, match=r"has a log of what was written last(?s:.*)copy both"):
        Store.open(read_only_folder / "caviar.db")


def test_a_store_that_another_process_makes_meanwhile_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = sqlite_room.use_write_ahead_log

    def be_overtaken(engine: sa.Engine, path: Path) -> None:
        monkeypatch.setattr(sqlite_room, "use_write_ahead_log", finish)
        finish(engine, path)
        with Store.open(tmp_path / "caviar.db") as quicker:
            quicker.create_study(STUDY)

    monkeypatch.setattr(sqlite_room, "use_write_ahead_log", be_overtaken)
    with Store.open(tmp_path / "caviar.db") as store:
        assert store.studies() == [STUDY]


def test_a_copy_without_a_log_gets_one(path: Path, tmp_path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("VACUUM INTO ?", (str(tmp_path / "copy.db"),))
    other.close()
    with Store.open(tmp_path / "copy.db") as store, store.transactions.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_a_full_disk_leaves_what_was_there_and_can_be_gone_on_from(path: Path) -> None:
    with Store.open(path) as store:
        store.write("flowers", [trial(0)], [(0, 0, measurement(1))])
        with store.transactions.writing() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        more = [(1, 0, measurement(epoch)) for epoch in range(5000)]
        with pytest.raises(StoreError, match="no room left on the disk"):
            store.write("flowers", [trial(1)], more)
        assert store.trials("flowers") == [trial(0)]
        with store.transactions.writing() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
        store.write("flowers", [trial(1)], more)
        assert len(store.measurements("flowers")) == 5001


def test_a_log_cut_anywhere_opens_with_the_whole_writes_before_the_cut(path: Path, tmp_path: Path) -> None:
    with Store.open(path) as store:
        for number in range(5):
            store.write("flowers", [trial(number)], [(number, 0, measurement(1))])
        log = Path(f"{path}-wal").read_bytes()
        seen = set()
        for cut in range(0, len(log) + 1, max(1, len(log) // 60)):
            copy = tmp_path / f"cut{cut}.db"
            shutil.copy(path, copy)
            Path(f"{copy}-wal").write_bytes(log[:cut])
            with Store.open(copy) as torn:
                assert torn.trials("flowers") == [trial(number) for number in range(len(torn.trials("flowers")))]
                assert len(torn.measurements("flowers")) == len(torn.trials("flowers"))
                seen.add(len(torn.trials("flowers")))
    assert seen >= {0, 3}


def test_a_lock_of_another_program_holds_up_writers_only(path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    with Store.open(path) as store:
        assert store.studies() == [STUDY]
        writer = threading.Thread(target=store.write, args=("flowers", [trial(0)]))
        writer.start()
        writer.join(0.5)
        assert writer.is_alive()
        other.execute("ROLLBACK")
        writer.join()
        assert store.trials("flowers") == [trial(0)]
    other.close()


def test_a_lock_that_stays_is_named(path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with (
        Store.open(path) as store,
        store.transactions.waiting_at_most(0.1),
        pytest.raises(StoreError, match=r"keeps the store .* locked"),
    ):
        store.write("flowers", [trial(0)])
    other.close()


def test_a_store_does_not_cross_a_fork(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store.open(path) as store:
        parent = os.getpid()
        monkeypatch.setattr(os, "getpid", lambda: parent + 1)
        with pytest.raises(StoreError, match="opened by another process"):
            store.studies()


def test_threads_share_one_store(path: Path) -> None:
    with Store.open(path) as store:
        writers = [threading.Thread(target=store.write, args=("flowers", [trial(n)])) for n in range(16)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert len(store.trials("flowers")) == 16


@pytest.fixture
def damaged(path: Path) -> Path:
    """A store whose measurements have a page of rubbish; it has a second study, and a copy of before a migration."""
    with Store.open(path) as store:
        store.create_study(replace(STUDY, name="whole"), [trial(0)])
        measured = [(0, 0, measurement(epoch)) for epoch in range(1, 2000)]
        store.write(STUDY.name, [trial(0)], measured)
    size = 4096
    with sqlite3.connect(path) as connection:
        pages = [row[0] for row in connection.execute(PAGES)]
    connection.close()
    with path.open("r+b") as file:
        file.seek((pages[len(pages) // 2] - 1) * size)
        file.write(b"\xa5" * size)
    return path


PAGES = "SELECT pageno FROM dbstat WHERE name = 'measurements' AND pagetype = 'leaf' ORDER BY pageno"


def test_the_doctor_says_what_is_damaged_and_changes_nothing(
    damaged: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "2000")
    shutil.copy(damaged, damaged.with_name("caviar.db.before-6"))
    content = damaged.read_bytes()
    for repair in ([], ["--repair"]):
        assert run(["doctor", "--store", str(damaged), *repair]) == 1
        said = capsys.readouterr().out
        assert "wrong: " in said
        assert f"sqlite3 {damaged} .dump | " in said
        assert f"sqlite3 {damaged.parent}/saved-caviar.db" in said
        assert "caviar.db.before-6" in said
    assert damaged.read_bytes() == content


def test_a_command_that_meets_damage_says_the_way_out_in_two_lines(
    damaged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        run(["export", "flowers", "--epochs", "--out", str(damaged.with_name("out.csv")), "--store", str(damaged)]) == 2
    )
    said = capsys.readouterr().err
    assert "is damaged" in said
    assert " .dump | sed " in said
    assert len(said.strip().splitlines()) == 2


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="there is no program sqlite3 here")
def test_what_the_doctor_advises_saves_what_can_be_read(damaged: Path) -> None:
    with Store.open(damaged) as store:
        ways = {finding.way_out for finding in examine(store) if "belong" not in finding.what and finding.is_damage}
    (advice,) = {
        found.group() for way in ways if (found := re.search(r"sqlite3 \S+ \.dump \| sed \S+ \| sqlite3 \S+", way))
    }
    subprocess.run(advice, shell=True, capture_output=True)
    with Store.open(damaged.with_name("saved-caviar.db"), create=False) as store:
        assert {study.name for study in store.studies()} == {STUDY.name, "whole"}
        assert store.trials("whole") == [trial(0)]
        assert store.database.damage() == []
        n = len(store.measurements(STUDY.name))
    assert 1000 < n < 1999
