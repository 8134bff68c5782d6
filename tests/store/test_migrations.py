"""Fault 14: an old store, a newer one, a migration killed half way."""

from __future__ import annotations

import lzma
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from caviar.errors import StoreError
from caviar.records import StudyState, TrialState
from caviar.store import Store, migrations, schema
from caviar.store.backends.sqlite import SQLite
from tests.store.keep_history import BOXES, HISTORY, MEASUREMENTS, TRIALS
from tests.store.sample import STUDY

OLD = sorted(HISTORY.glob("version_*.db.xz"))


def version_of(path: Path) -> int:
    return int(path.name.removeprefix("version_").removesuffix(".db.xz"))


@pytest.fixture(params=OLD, ids=lambda path: path.name)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return unpacked(request.param, tmp_path)


def unpacked(kept: Path, folder: Path) -> Path:
    path = folder / "caviar.db"
    path.write_bytes(lzma.decompress(kept.read_bytes()))
    return path


def schema_of(path: Path) -> dict[str, object]:
    engine = sa.create_engine(f"sqlite:///{path}")
    found = sa.inspect(engine)
    facts = {
        table: (
            [
                (c["name"], str(c["type"]), c["nullable"], c["default"], c["primary_key"])
                for c in found.get_columns(table)
            ],
            found.get_pk_constraint(table)["constrained_columns"],
            sorted((k["constrained_columns"], k["referred_table"]) for k in found.get_foreign_keys(table)),
            sorted(u["column_names"] for u in found.get_unique_constraints(table)),
            found.get_table_options(table),
        )
        for table in found.get_table_names()
    }
    engine.dispose()
    return facts


def test_every_version_but_the_newest_is_kept() -> None:
    assert [version_of(path) for path in OLD] in (
        list(range(1, schema.VERSION)),
        list(range(1, schema.VERSION + 1)),
    )


def test_an_old_store_is_migrated_and_reads_as_it_was(old: Path, request: pytest.FixtureRequest) -> None:
    before = old.read_bytes()
    version = version_of(OLD[request.node.callspec.indices["old"]])
    with Store.open(old) as store:
        study = store.study("flowers")
        assert (study.seed, study.state, study.space) == (STUDY.seed, StudyState.INTERRUPTED, STUDY.space)
        assert study.result == {"best": {"trial": 0, "validation": {"log_loss": "NaN"}}}
        assert repr(store.trials("flowers")[: len(TRIALS)]) == repr(TRIALS)
        assert repr(store.measurements("flowers")) == repr(MEASUREMENTS)
        assert [known.name for known in store.studies()] == ["flowers", "🐟 '; --"]
        assert store.boxes("flowers") == (BOXES if version >= 2 else [])
        assert [(t.state, t.error) for t in store.trials("flowers")[5:]] == (
            [(TrialState.FAILED, "out of luck")] if version >= 2 else []
        )
        worker = store.join("flowers")
        assert worker.fence == (2 if version >= 2 else 1)
        store.write("flowers", TRIALS, boxes=BOXES, worker=worker)
    copy = old.with_name(f"caviar.db.before-{schema.VERSION}")
    if version == schema.VERSION:
        assert not copy.exists()
    else:
        assert sqlite3.connect(copy).execute("SELECT schema_version FROM meta").fetchone() == (version,)
        shutil.copy(copy, old.with_name("again.db"))
        assert schema_of(copy) == schema_of_bytes(before, old.parent)
    assert not list(old.parent.glob(".*unfinished*"))


def schema_of_bytes(content: bytes, folder: Path) -> dict[str, object]:
    path = folder / "content.db"
    path.write_bytes(content)
    return schema_of(path)


def test_a_migrated_store_has_the_tables_of_a_fresh_one(old: Path, tmp_path: Path) -> None:
    Store.open(old).close()
    Store.open(tmp_path / "fresh.db").close()
    assert schema_of(old) == schema_of(tmp_path / "fresh.db")


def test_a_migrated_store_has_a_name_of_its_own(tmp_path: Path) -> None:
    names = set()
    for number in range(2):
        (tmp_path / str(number)).mkdir()
        with Store.open(unpacked(OLD[0], tmp_path / str(number))) as store, store._reading() as connection:
            names.add(connection.scalar(sa.select(schema.META.c.identity)))
    assert len(names) == 2
    assert "" not in names


_KILLED = """
import os, signal, sys
from alembic import op
from caviar.store import Store
calls, create = [], op.create_table
def create_table(*arguments, **options):
    calls.append(1)
    if len(calls) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return create(*arguments, **options)
op.create_table = create_table
Store.open(sys.argv[1])
"""


def test_a_migration_that_is_killed_half_way_can_be_run_again(tmp_path: Path) -> None:
    path = unpacked(OLD[0], tmp_path)
    environment = {**os.environ, "PYTHONPATH": ":".join([str(Path(__file__).parents[2]), *sys.path])}
    done = subprocess.run([sys.executable, "-c", _KILLED, str(path)], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    half = sqlite3.connect(path)
    assert half.execute("SELECT schema_version FROM meta").fetchone() == (1,)
    assert "origin" not in {row[1] for row in half.execute("PRAGMA table_info(trials)")}
    half.close()
    with Store.open(path) as store:
        assert repr(store.trials("flowers")) == repr(TRIALS)
        assert store.boxes("flowers") == []


def test_two_processes_that_open_an_old_store_migrate_it_once(tmp_path: Path) -> None:
    path = unpacked(OLD[0], tmp_path)
    environment = {**os.environ, "PYTHONPATH": ":".join([str(Path(__file__).parents[2]), *sys.path])}
    command = [
        sys.executable,
        "-c",
        "import sys; from caviar.store import Store; Store.open(sys.argv[1]).close()",
        path,
    ]
    processes = [subprocess.Popen(command, env=environment) for _ in range(4)]
    assert [process.wait(60) for process in processes] == [0] * 4
    with Store.open(path) as store:
        assert repr(store.trials("flowers")) == repr(TRIALS)


def test_the_copy_is_of_the_old_store_also_where_another_process_was_quicker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = unpacked(OLD[0], tmp_path)
    settle = SQLite.settle

    def be_overtaken(self: SQLite) -> None:
        monkeypatch.setattr(SQLite, "settle", settle)
        Store.open(path).close()
        settle(self)

    monkeypatch.setattr(SQLite, "settle", be_overtaken)
    with Store.open(path) as store:
        assert repr(store.trials("flowers")) == repr(TRIALS)
    copy = path.with_name(f"caviar.db.before-{schema.VERSION}")
    assert sqlite3.connect(copy).execute("SELECT schema_version FROM meta").fetchone() == (1,)


def test_no_migration_without_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = unpacked(OLD[0], tmp_path)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(StoreError, match="No space left"):
        Store.open(path)
    assert sqlite3.connect(path).execute("SELECT schema_version FROM meta").fetchone() == (1,)
    assert sorted(entry.name for entry in tmp_path.iterdir() if "unfinished" in entry.name) == []


@pytest.mark.parametrize("version", [schema.VERSION + 1, 10**6])
def test_a_newer_store_is_refused_and_left_alone(tmp_path: Path, version: int) -> None:
    path = unpacked(OLD[-1], tmp_path)
    other = sqlite3.connect(path)
    with other:
        other.execute("UPDATE meta SET schema_version = ?", (version,))
    other.close()
    with pytest.raises(StoreError, match=rf"schema {version}(?s:.*)upgrade caviar"):
        Store.open(path)
    assert sqlite3.connect(path).execute("SELECT schema_version FROM meta").fetchone() == (version,)


def test_migrations_run_on_postgresql_too(postgresql_url: str) -> None:
    """As they would if version 2 had been released with PostgreSQL: its tables without what the last one adds."""
    with Store.open(postgresql_url) as store:
        with store._writing() as connection:
            of_runs = ("run_diary", "run_snapshots", "run_orders", "run_measurements", "runs")
            for table in (*of_runs, "claims", "workers", "snapshots", "boxes", "comparisons"):
                connection.exec_driver_sql(f"DROP TABLE {table}")
            connection.exec_driver_sql("ALTER TABLE trials DROP COLUMN origin, DROP COLUMN error")
            connection.exec_driver_sql("ALTER TABLE meta DROP COLUMN identity")
            connection.exec_driver_sql("UPDATE meta SET schema_version = 1")
        with pytest.raises(RuntimeError, match="half way"):
            _killed_half_way(store)
    with Store.open(postgresql_url) as store:
        store.create_study(STUDY)
        store.write("flowers", TRIALS, MEASUREMENTS, BOXES, worker=store.join("flowers"))
        assert store.boxes("flowers") == BOXES


def _killed_half_way(store: Store) -> None:
    with store._writing() as connection:
        migrations.migrate(connection, 1, schema.VERSION)
        raise RuntimeError("killed half way")
