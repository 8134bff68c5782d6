"""A project folder that was renamed, or copied and gone on with: it works, and its original stays as it is."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest

import caviar
from caviar.data import samples
from caviar.errors import DataError, StoreError
from caviar.records import RunState
from caviar.runs import loop
from caviar.runs.replay import Replayed, replay
from caviar.store import Store
from caviar.store.runs import Runs
from tests.runs.conftest import Pond


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table, a finished study and an interrupted run, begun there with relative paths."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    samples.write_csv(samples.wine(), Path("wine.csv"))
    target = samples.wine().target_name
    caviar.tune(
        "wine.csv", target, trials=8, preset="fast", study="wines", store="caviar.db", out="models", progress=False
    )
    asked = [False]

    def events() -> Any:
        for event in Pond(Path(), "caviar.db").begin(ended=lambda: asked[0], out=".", data="wine.csv"):
            asked[0] = asked[0] or (isinstance(event, loop.EpochDone) and event.measurement.clock.epoch == 3)
            yield event

    with pytest.raises(KeyboardInterrupt):
        Pond.follow(events())
    monkeypatch.chdir(tmp_path)
    return folder


def contents(folder: Path) -> dict[str, str]:
    """The files of a project; SQLite makes and removes its log and its index as it likes."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(("-wal", "-shm"))
    }


@pytest.mark.parametrize("how", ["renamed", "copied"])
def test_a_project_goes_on_in_its_new_place(project: Path, how: str) -> None:
    moved = project.with_name("elsewhere")
    before = contents(project)
    shutil.copytree(project, moved) if how == "copied" else project.rename(moved)
    store = str(moved / "caviar.db")
    ended = Pond.follow(loop.resume("wine", store))
    assert ended.summary["model"] == str(moved / "wine.caviar")
    assert (moved / "wine.caviar").exists()
    answer = caviar.resume("wines", store=store, trials=10, progress=False)
    assert answer.summary["model"] == str(moved / "models" / "wines.caviar")
    with Store.open(store) as opened:
        study, run = opened.study("wines"), Runs(opened).run("wine")
        assert study.spec.table is not None
        assert study.spec.table.data == run.spec.data == str(moved / "wine.csv")
        assert study.result is not None
        assert (study.result.model, study.result.store) == (answer.summary["model"], opened.url)
        assert run.state is RunState.FINISHED
        with opened.transactions.reading() as connection:
            rows = connection.exec_driver_sql("SELECT spec FROM studies UNION ALL SELECT request FROM runs").scalars()
            assert not any(str(project.parent) in str(row) for row in rows)
    if how == "copied":
        assert contents(project) == before
    else:
        assert not project.exists()


def test_paths_outside_of_the_project_and_those_of_earlier_versions_stay(project: Path, tmp_path: Path) -> None:
    store = str(project / "caviar.db")
    outside = tmp_path / "wine.csv"
    shutil.copy(project / "wine.csv", outside)
    with Store.open(store) as opened, opened.transactions.writing() as connection:
        old = f'json_set(spec, "$.table.data", "{outside}")'.replace('"', "'")
        connection.exec_driver_sql(f"UPDATE studies SET spec = {old}")
    caviar.resume("wines", store=store, trials=9, progress=False)
    with Store.open(store) as opened:
        table = opened.study("wines").spec.table
        assert table is not None
        assert table.data == str(outside)


def test_the_data_of_a_run_that_was_moved_is_named_and_given_again(project: Path, tmp_path: Path) -> None:
    store, moved = str(project / "caviar.db"), tmp_path / "moved.csv"
    (project / "wine.csv").rename(moved)
    with pytest.raises(DataError, match=f"(?s)looked for at '{project / 'wine.csv'}'.*`data=FILE`"):
        Pond.follow(loop.resume("wine", store))
    other = tmp_path / "other.csv"
    other.write_text("".join(moved.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(StoreError, match="no longer what it was trained on"):
        Pond.follow(loop.resume("wine", store, data=str(other)))
    assert Pond.follow(loop.resume("wine", store, data=str(moved))).summary["epochs"] == 6
    with Store.open(store) as opened:
        assert Runs(opened).run("wine").spec.data == str(moved)
        snapshot = next(s.number for s in Runs(opened).snapshots("wine") if s.state == "kept" and s.clock.epoch < 6)
    moved.rename(other)
    with pytest.raises(DataError, match=f"(?s)looked for at '{moved}'.*`data=FILE`"):
        Pond.follow(loop.branch("wine", snapshot, {}, store, name="twig"))
    assert Pond.follow(loop.branch("wine", snapshot, {}, store, name="twig", data=str(other))).summary["epochs"] == 6
    with pytest.raises(DataError, match=f"(?s)looked for at '{moved}'.*`data=FILE`"):
        list(replay("wine", store))
    for name in ("wine", "twig"):
        *_, end = replay(name, store, data=str(other))
        assert isinstance(end, Replayed)
        assert end.summary["same_bits"]
