"""Snapshots that are away for a while: nothing is changed by that, and they are used when they are back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from caviar.cli.main import run
from caviar.data import samples
from caviar.errors import SnapshotAbsent
from caviar.records import RunState
from caviar.runs import loop
from caviar.store import Store
from caviar.store.doctor import examine
from caviar.store.runs import Runs
from tests.runs.conftest import Pond
from tests.runs.kinds import KINDS, Life


@pytest.fixture(params=KINDS)
def life(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Life]:
    """A run of each kind that was killed with some snapshots."""
    made = Life(KINDS[request.param](tmp_path)).begin()
    made.until_snapshots(3)
    made.kill()
    assert made.error is None
    yield made
    made.kill()


@pytest.mark.parametrize("what", ["all", "newest"])
def test_a_run_waits_for_the_snapshot_that_it_would_go_on_from(life: Life, tmp_path: Path, what: str) -> None:
    newest = life.path(life.snapshots("kept")[-1])
    moved = newest.parent.parent if what == "all" else newest
    before = life.snapshots(), life.run, life.diary(), life.measured()
    shutil.move(moved, tmp_path / "away")
    with pytest.raises(SnapshotAbsent, match=f"is not there{', and ' if what == 'all' else ''}") as refused:
        life.trained.train("net", True, lambda: True)
    assert str(newest.parent) in refused.value.rule
    with Store.open(life.trained.store) as store:
        found = examine(store, repair=True)
    assert any("is not there" in one.what and not one.is_damage and not one.mended for one in found)
    assert not any(one.is_damage for one in found)
    assert (life.snapshots(), life.run, life.diary(), life.measured()) == before
    assert what != "all" or not moved.exists()  # nothing was made in its place
    shutil.move(tmp_path / "away", moved)
    life.take_up()
    life.until(lambda: life.diary("resumed", "rollback"))
    life.until_trained()
    assert life.error is None
    assert life.snapshots("damaged") == []


def test_what_is_gone_for_good_can_be_given_up(life: Life, capsys: pytest.CaptureFixture[str]) -> None:
    *_, before, newest = life.snapshots("kept")
    life.path(newest).unlink()
    store = ["--store", life.trained.store]
    assert run(["doctor", *store, "--forget-missing"]) == 2
    assert run(["doctor", *store, "--repair", "--forget-missing"]) == 0
    assert "given up" in capsys.readouterr().out
    assert [s.number for s in life.snapshots("damaged")] == [newest.number]
    life.take_up()
    life.until(lambda: [e for e in life.diary("resumed", "rollback") if e.facts.get("snapshot") == before.number])


def test_snapshots_that_an_earlier_version_called_damaged_are_used_again(life: Life) -> None:
    newest = life.snapshots("kept")[-1]
    life.in_runs(lambda runs: runs.mark("net", [s.number for s in life.snapshots("kept")], "damaged"))
    life.take_up()
    life.until(lambda: [e for e in life.diary("resumed", "rollback") if e.facts.get("snapshot") == newest.number])
    life.kill()
    assert life.error is None
    assert newest.number in {s.number for s in life.snapshots("kept")}
    with Store.open(life.trained.store) as store:
        examine(store, repair=True)
    assert life.snapshots("damaged") == []


def test_a_folder_that_goes_away_meanwhile_is_not_made_again(tmp_path: Path) -> None:
    """Else its disk would be mounted over the new snapshots."""
    samples.write_csv(samples.wine(), tmp_path / "wine.csv")
    pond = Pond(tmp_path, str(tmp_path / "caviar.db"))
    folder, away = tmp_path / "caviar.db.runs", tmp_path / "away"

    def begun() -> Iterator[loop.Event]:
        for event in pond.begin(epochs=6):
            if isinstance(event, loop.EpochDone) and event.measurement.clock.epoch == 3:
                folder.rename(away)
            if isinstance(event, loop.EpochDone) and event.measurement.clock.epoch == 5:
                assert not folder.exists()
                away.rename(folder)
            yield event

    pond.follow(begun())
    runs = pond.runs()
    warnings = [entry.text for entry in runs.diary("wine") if entry.kind == "warning"]
    assert len([text for text in warnings if "the earlier snapshots are not there; looked for in" in text]) >= 1
    assert runs.run("wine").state is RunState.FINISHED
    for snapshot in runs.snapshots("wine"):
        runs.load("wine", snapshot)


def test_a_best_network_that_is_away_leaves_the_run_to_be_ended_later(tmp_path: Path) -> None:
    samples.write_csv(samples.wine(), tmp_path / "wine.csv")
    pond = Pond(tmp_path, str(tmp_path / "caviar.db"))
    folder, away = tmp_path / "caviar.db.runs", tmp_path / "away"

    def spoilt(event: loop.EpochDone, ask: Any) -> None:
        if event.measurement.clock.epoch == 3:
            ask("turn", {"learning_rate": 5.0})
        elif event.measurement.clock.epoch == 6:
            folder.rename(away)

    with pytest.raises(SnapshotAbsent, match="caviar resume wine"):
        pond.run_one(spoilt, nurse="no")
    assert pond.runs().run("wine").state is RunState.INTERRUPTED
    away.rename(folder)
    ended = pond.follow(loop.resume("wine", pond.store))
    assert ended.summary["model_epoch"] <= 4
    assert not any("is not there" in note for note in ended.summary["notes"])


def test_on_a_server_snapshots_are_found_from_another_folder(
    tmp_path: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for folder in (home, elsewhere):
        folder.mkdir()
    samples.write_csv(samples.wine(), home / "wine.csv")
    monkeypatch.chdir(home)
    pond, asked = Pond(home, postgresql_url), [False]

    def events() -> Iterator[loop.Event]:
        for event in pond.begin(epochs=6, ended=lambda: asked[0]):
            asked[0] = asked[0] or (isinstance(event, loop.EpochDone) and event.measurement.clock.epoch == 3)
            yield event

    with pytest.raises(KeyboardInterrupt):
        pond.follow(events())
    monkeypatch.chdir(elsewhere)
    with Store.open(postgresql_url) as store:
        assert [one for one in examine(store, repair=True) if "snapshot" in one.what] == []
    home.rename(tmp_path / "another machine's")
    with Store.open(postgresql_url) as store:
        [away] = [one for one in examine(store, repair=True) if "is not there" in one.what]
        assert str(elsewhere) in away.what
        assert {s.state for s in Runs(store).snapshots("wine")} == {"kept"}
    with pytest.raises(SnapshotAbsent):
        pond.follow(loop.resume("wine", postgresql_url))
    (tmp_path / "another machine's").rename(home)
    assert pond.follow(loop.resume("wine", postgresql_url)).summary["epochs"] == 6
