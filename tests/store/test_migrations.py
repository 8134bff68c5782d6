"""Fault 14: an old store, a newer one, a migration killed half way."""

from __future__ import annotations

import json
import lzma
import math
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from caviar.errors import StoreError
from caviar.records import (
    LeaseState,
    ProgramSpec,
    RunState,
    StudyKind,
    StudySpec,
    StudyState,
    TableSpec,
    TrialState,
)
from caviar.records.result import BestTrial, StudyResult
from caviar.store import Runs, Snapshots, Store, migrations, schema
from caviar.store.backends.sqlite import SQLite
from caviar.store.database import Database
from caviar.store.doctor import examine
from caviar.store.transactions import opened
from tests.store.keep_history import (
    BOXES,
    COMPARISONS,
    ENTRY,
    HISTORY,
    MEASUREMENTS,
    RUN_MEASUREMENTS,
    RUN_SNAPSHOT,
    RUN_STATE,
    SOMEWHERE,
    STATE,
    TRIALS,
)
from tests.store.sample import RUN, STUDY

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
        check_contents(store, version)
    copy = old.with_name(f"caviar.db.before-{schema.VERSION}")
    if version == schema.VERSION:
        assert not copy.exists()
    else:
        assert sqlite3.connect(copy).execute("SELECT schema_version FROM meta").fetchone() == (version,)
        shutil.copy(copy, old.with_name("again.db"))
        assert schema_of(copy) == schema_of_bytes(before, old.parent)
    assert not list(old.parent.glob(".*unfinished*"))


def check_contents(store: Store, version: int) -> None:
    """Everything that keep_history wrote is there, and the store goes on."""
    study = store.study("flowers")
    assert (study.seed, study.state, study.space) == (STUDY.seed, StudyState.INTERRUPTED, STUDY.space)
    best = BestTrial(trial=0, validation={"log_loss": math.nan})
    assert repr(study.result) == repr(StudyResult(metric="accuracy", best=best))  # NaN equals itself in texts only
    assert study.progress is None
    assert repr(store.trials("flowers")[: len(TRIALS)]) == repr(TRIALS)
    assert repr(store.measurements("flowers")) == repr(MEASUREMENTS)
    assert [known.name for known in store.studies()] == ["flowers", "🐟 '; --"]
    assert store.boxes("flowers") == (BOXES if version >= 2 else [])
    assert [(t.state, t.error) for t in store.trials("flowers")[5:]] == (
        [(TrialState.FAILED, "out of luck")] if version >= 2 else []
    )
    assert repr(store.comparisons("flowers")) == repr(COMPARISONS if version >= 4 else [])
    if version >= 2:  # a worker, with a claim, is the study's owner now
        worker, *helpers = store.leases.of("flowers")
        assert len(helpers) == (version >= 5)
        assert (worker.fence, worker.state, worker.helps) == (1, LeaseState.HELD, None)
        assert worker.identity == SOMEWHERE
        assert worker.beats > 0
        assert store.handed_in("flowers", [(3, 0, 1)]) == []  # it is still held
        with pytest.raises(StoreError, match="process 7 of anna on pond"):
            store.leases.join("flowers")
        store.leases.lost("flowers", [worker, *helpers])
        assert [result.task for result in store.handed_in("flowers", [(3, 0, 1)])] == [(3, 0, 1)]
    lease = store.leases.join("flowers")
    assert lease.fence == (3 if version >= 5 else 2 if version >= 2 else 1)
    store.write("flowers", TRIALS, boxes=BOXES, lease=lease)
    if version >= 4:
        check_runs(Runs(store))


def check_runs(runs: Runs) -> None:
    net, branch = runs.all()
    assert net == replace(RUN, state=RunState.INTERRUPTED, ended=net.ended, progress={"epoch": 2})
    assert (branch.parent, branch.parent_snapshot, branch.state) == ("net", 1, RunState.RUNNING)
    assert branch.owner is not None
    assert {**branch.owner.identity, "since": None} == {**SOMEWHERE, "since": None}
    assert runs.measurements("net") == RUN_MEASUREMENTS
    assert runs.diary("net") == [ENTRY]
    [snapshot] = runs.snapshots("net")
    assert (snapshot.loss, snapshot.clock) == (1 / 3, RUN_SNAPSHOT.clock)
    assert snapshot.path.startswith("000001-")
    turn, pause = runs.interventions("net")
    assert (turn.arguments, turn.who, turn.because, turn.state) == ({"l2": 0.5}, "anna", "why not", "done")
    assert (pause.kind, pause.state) == ("pause", "waiting")
    assert runs.take("net").fence == 2


def test_a_helper_of_an_old_store_is_one_still(tmp_path: Path) -> None:
    path = unpacked(HISTORY / "version_4.db.xz", tmp_path)
    old = sqlite3.connect(path)
    with old:
        identity = json.dumps({**SOMEWHERE, "helps": 1, "threads": 4})
        old.execute("INSERT INTO workers VALUES (1, 2, ?, 'token', 9, 'working')", (identity,))
        old.execute("UPDATE claims SET fence = 2")
    old.close()
    with Store.open(path) as store:
        owner, helper = store.leases.of("flowers")
        assert (helper.helps, helper.identity["threads"], helper.beats) == (owner.fence, 4, 9)
        assert [assigned.task for assigned in store.assigned(helper)] == [(3, 0, 1)]
        store.leases.beat(helper)


def test_saved_states_of_an_old_store_are_read(tmp_path: Path) -> None:
    path = unpacked(HISTORY / "version_4.db.xz", tmp_path)
    for kind in ("snapshots", "runs"):
        shutil.copytree(HISTORY / f"version_4.db.{kind}", tmp_path / f"caviar.db.{kind}")
    with Store.open(path) as store:
        snapshots, runs = Snapshots(store), Runs(store)
        loaded = snapshots.load("flowers", 3, 0, 1)
        assert loaded is not None
        epoch, state = loaded
        assert epoch == 1
        assert {name: (a.dtype, a.shape, a.tobytes()) for name, a in state.items()} == {
            name: (a.dtype, a.shape, a.tobytes()) for name, a in STATE.items()
        }
        assert repr(runs.load("net", runs.snapshots("net")[0])) == repr(RUN_STATE)
        store.leases.lost("flowers", store.leases.of("flowers"))
        assert [finding for finding in examine(store, "flowers") if finding.is_damage] == []
        snapshots.remove("flowers", 3, 0)
        assert list(snapshots.folder.rglob("*.snapshot")) == []


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
        with Store.open(unpacked(OLD[0], tmp_path / str(number))) as store, store.transactions.reading() as connection:
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


TABLES_OF_VERSION_1 = """
CREATE TABLE meta (schema_version INTEGER NOT NULL);
CREATE TABLE studies (id SERIAL PRIMARY KEY, name TEXT NOT NULL, seed VARCHAR NOT NULL, metric TEXT NOT NULL,
    search TEXT NOT NULL, space JSON NOT NULL, budget JSON NOT NULL, data JSON NOT NULL, environment JSON NOT NULL,
    state TEXT NOT NULL, created TEXT NOT NULL, ended TEXT, result JSON);
CREATE TABLE trials (study INTEGER REFERENCES studies, number BIGINT, repeat INTEGER, config JSON NOT NULL,
    state TEXT NOT NULL, epochs INTEGER NOT NULL, score DOUBLE PRECISION, validation_loss DOUBLE PRECISION,
    PRIMARY KEY (study, number, repeat));
CREATE TABLE measurements (study INTEGER, number BIGINT, repeat INTEGER, epoch INTEGER,
    train_loss DOUBLE PRECISION NOT NULL, validation_loss DOUBLE PRECISION NOT NULL,
    validation_accuracy DOUBLE PRECISION NOT NULL, score DOUBLE PRECISION NOT NULL,
    learning_rate DOUBLE PRECISION NOT NULL, seconds DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (study, number, repeat, epoch), FOREIGN KEY (study, number, repeat) REFERENCES trials);
INSERT INTO meta VALUES (1);
"""
"""As caviar 0.1.0 would have made them, had it known PostgreSQL."""


def test_an_old_store_is_migrated_on_postgresql_too(
    old: Path, postgresql_url: str, request: pytest.FixtureRequest
) -> None:
    version = version_of(OLD[request.node.callspec.indices["old"]])
    database = opened(postgresql_url, create=True).database
    with database.writing() as connection:
        connection.exec_driver_sql("DROP SCHEMA caviar CASCADE; CREATE SCHEMA caviar")
        connection.exec_driver_sql(TABLES_OF_VERSION_1)
        migrations.migrate(connection, 1, version)
        copy_rows(old, connection)
    with pytest.raises(RuntimeError, match="half way"):
        _killed_half_way(database, version)
    database.close()
    with Store.open(postgresql_url) as store:
        check_contents(store, version)


def copy_rows(old: Path, to: sa.Connection) -> None:
    """All rows of a SQLite database into the tables of the same names."""
    tables = sa.MetaData()
    tables.reflect(to)
    source = sqlite3.connect(old)
    source.row_factory = sqlite3.Row
    to.execute(tables.tables["meta"].delete())
    for table in tables.sorted_tables:
        found = source.execute(f"SELECT * FROM {table.name}").fetchall()
        rows = [{c.name: as_postgresql(c.type, row[c.name]) for c in table.columns} for row in found]
        if rows:
            to.execute(table.insert(), rows)
    for name in ("studies", "runs", "leases"):
        if name in tables.tables:
            to.exec_driver_sql(f"SELECT setval('{name}_id_seq', (SELECT max(id) + 1 FROM {name}), false)")
    source.close()


def as_postgresql(of: object, value: object) -> object:
    """A cell of SQLite, where NaN and JSON are text."""
    if isinstance(of, sa.JSON):
        return sa.null() if value is None else json.loads(str(value))
    return float(str(value)) if isinstance(of, sa.Double) and value is not None else value


def _killed_half_way(database: Database, version: int) -> None:
    with database.writing() as connection:
        migrations.migrate(connection, version, schema.VERSION)
        raise RuntimeError("killed half way")


_ASKED = {"target": "species", "task": None, "stopping": "median", "prefer": "small", "ensemble": True}
_ASKED |= {
    "engine": "native",
    "data": "/data/flowers.csv",
    "labels": None,
    "test": None,
    "test_labels": None,
    "out": ".",
}
_PROGRAM = {"score": None, "goal": "minimize", "epochs": 9, "stopping": "halving", "repeats": 2, "trial_timeout": 60.0}
BUDGETS = {  # what schema 4 kept, beside the facts of the data, and the specification in it
    "table": (
        {"seconds": 60.0, "trials": None, "rungs": [1, 3], "repeats": 5, "request": _ASKED},
        {"rows": 9},
        StudySpec(
            kind=StudyKind.TABLE,
            seconds=60.0,
            rungs=(1, 3),
            repeats=5,
            stopping="median",
            table=TableSpec(data="/data/flowers.csv", target="species", prefer="small", preset="best", out="."),
        ),
    ),
    "function": (
        {"trials": 7, "rungs": [1], "repeats": 2, "slots": 3, "program": {**_PROGRAM, "command": None, "gpus": ["0"]}},
        {},
        StudySpec(
            kind=StudyKind.FUNCTION,
            trials=7,
            rungs=(1,),
            repeats=2,
            program=ProgramSpec(goal="minimize", epochs=9, slots=3, gpus=("0",), trial_timeout=60.0),
        ),
    ),
    "program": (
        {"trials": 7, "rungs": [1], "repeats": 2, "slots": 1, "program": {**_PROGRAM, "command": "./train"}},
        {},
        StudySpec(
            kind=StudyKind.PROGRAM,
            trials=7,
            rungs=(1,),
            repeats=2,
            program=ProgramSpec(command="./train", goal="minimize", epochs=9, trial_timeout=60.0),
        ),
    ),
    "asked": (
        {"seconds": None, "trials": None, "rungs": [1, 3], "repeats": 0, "asked": True},
        {},
        StudySpec(kind=StudyKind.ASKED, rungs=(1, 3)),
    ),
    "imported": ({"trials": 4}, {"imported_from": "Optuna"}, StudySpec(kind=StudyKind.ASKED, trials=4)),
}


@pytest.mark.parametrize("kind", BUDGETS)
def test_the_budget_of_a_study_becomes_its_specification(kind: str, tmp_path: Path) -> None:
    budget, data, spec = BUDGETS[kind]
    path = unpacked(HISTORY / "version_4.db.xz", tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE studies SET budget = ?, data = ?", (json.dumps(budget), json.dumps(data)))
    connection.close()
    if spec.table is not None:  # relative paths are of the store's folder
        spec = replace(spec, table=replace(spec.table, out=str(tmp_path)))
    with Store.open(path) as store:
        assert {study.spec for study in store.studies()} == {spec}
