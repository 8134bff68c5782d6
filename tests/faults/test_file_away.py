"""The file of a SQLite store is deleted, moved away or replaced while something trains: never lost in silence."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from caviar.data import samples
from caviar.errors import StoreAway, StoreError, StoreLost
from caviar.records import Measurement, Trial
from caviar.store import Store
from caviar.store.delivery import Delivery
from tests.child import STUDY as MINE
from tests.child import end, start, until
from tests.faults.test_store_faults import trial
from tests.store.sample import STUDY, measurement
from tests.study.test_tune import recorded
from tests.waiting import until as wait_until


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with a study."""
    made = tmp_path / "caviar.db"
    with Store.open(made) as store:
        store.create_study(STUDY)
    return made


def batch(number: int) -> dict[str, list[Trial] | list[tuple[int, int, Measurement]]]:
    return {"trials": [trial(number)], "measurements": [(number, 0, measurement(1))]}


def begun(store: Store, patience: float = 300) -> Delivery:
    """The way to ``store``, with one trial written."""
    delivery = store.delivery(store.leases.join(STUDY.name), patience)
    delivery.write(**batch(0))
    wait_until(lambda: not delivery.is_behind)
    return delivery


def copied(path: Path, to: Path) -> Path:
    """A whole copy of a store that is in use."""
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(to)) as copy:
        source.backup(copy)
    return to


def delete(path: Path) -> None:
    for each in path.parent.glob(f"{path.name}*"):
        if each.is_file():
            each.unlink()


def numbers(store: Store) -> list[int]:
    return [number for number, _, _ in store.measurements(STUDY.name)]


@pytest.mark.parametrize("beside", [True, False], ids=["with its log", "alone"])
def test_a_file_that_is_moved_away_and_back_gets_all_that_waited(path: Path, beside: bool) -> None:
    elsewhere = path.parent / "elsewhere"
    elsewhere.mkdir()
    with Store.open(path) as store:
        delivery = begun(store)
        moved = [name for name in path.parent.glob("caviar.db*") if name.is_file() and (beside or name == path)]
        for each in moved:
            each.rename(elsewhere / each.name)
        delivery.write(**batch(1))
        wait_until(lambda: delivery.is_away and delivery.is_behind)
        with pytest.raises(StoreAway, match="moved or deleted while it was in use"):
            store.trials(STUDY.name)
        assert not path.exists()
        for each in moved:
            (elsewhere / each.name).rename(each)
        wait_until(lambda: not delivery.is_behind)
        delivery.close(lambda: store.leases.leave(delivery.lease))
    with Store.open(path, create=False) as store:
        assert numbers(store) == [0, 1]


def test_a_deleted_file_is_said_and_what_waits_is_taken_up_once_a_copy_is_there(path: Path, tmp_path: Path) -> None:
    with Store.open(path) as store:
        delivery = begun(store, patience=0.5)
        copy = copied(path, tmp_path / "copy")
        delete(path)
        delivery.write(**batch(1))
        with pytest.raises(StoreLost, match=r"was moved or deleted while it was in use\)") as lost:
            delivery.close(lambda: store.leases.leave(delivery.lease))
    assert "2 results are kept in" in lost.value.way_out
    assert not path.exists()
    copy.rename(path)
    with Store.open(path, create=False) as store:
        store.delivery(store.leases.take(STUDY.name))
        assert numbers(store) == [0, 1]


def test_a_file_that_is_deleted_at_the_very_end_is_said_too(path: Path) -> None:
    with Store.open(path) as store:
        delivery = begun(store, patience=0.5)

        def last() -> None:
            store.leases.beat(delivery.lease)
            delete(path)

        def leave() -> None:
            last()
            store.leases.leave(delivery.lease)

        with pytest.raises(StoreLost, match="moved or deleted"):
            delivery.close(leave)


@pytest.mark.parametrize("of_one_name", [False, True], ids=["empty", "with a study of that name"])
def test_another_store_in_its_place_is_not_written_to(path: Path, of_one_name: bool) -> None:
    with Store.open(path) as store:
        delivery = begun(store, patience=1)
        delete(path)
        with Store.open(path) as other:
            if of_one_name:
                other.create_study(STUDY)
                other.leases.join(STUDY.name)
        before = path.read_bytes()
        delivery.write(**batch(1))
        with pytest.raises(StoreAway, match="another file stands in the place"):
            store.trials(STUDY.name)
        with pytest.raises(StoreLost, match=r"another file stands in the place of .*"):
            delivery.close(lambda: store.leases.leave(delivery.lease))
    assert path.read_bytes() == before


def test_a_whole_copy_in_its_place_is_gone_on_with(path: Path, tmp_path: Path) -> None:
    with Store.open(path) as store:
        delivery = begun(store)
        copy = copied(path, tmp_path / "copy")
        beats = store.leases.of(STUDY.name)[0].beats
        wait_until(lambda: store.leases.of(STUDY.name)[0].beats > beats)  # a sign of life is no loss
        delete(path)
        copy.rename(path)
        delivery.write(**batch(1))
        wait_until(lambda: not delivery.is_behind)
        delivery.close(lambda: store.leases.leave(delivery.lease))
    with Store.open(path, create=False) as store:
        assert numbers(store) == [0, 1]


@pytest.mark.parametrize("since", ["a trial", "its study"])
def test_an_older_copy_in_its_place_is_not_taken_for_the_store(path: Path, tmp_path: Path, since: str) -> None:
    with Store.open(path) as store:
        if since == "its study":
            copy = copied(path, tmp_path / "copy")
            with Store.open(copy) as older:
                older.subjects.delete(STUDY.name)
            delivery = begun(store, patience=1)
        else:
            delivery = begun(store, patience=1)
            copy = copied(path, tmp_path / "copy")
            for number in range(1, 9):
                delivery.write(**batch(number))
            wait_until(lambda: not delivery.is_behind)
        before = copy.read_bytes()
        delete(path)
        copy.rename(path)
        delivery.write(**batch(9))
        with pytest.raises(StoreLost, match="an older copy took the place"):
            delivery.close(lambda: store.leases.leave(delivery.lease))
        assert path.read_bytes() == before
    if since == "a trial":
        with Store.open(path, create=False) as store:
            lease = store.leases.take(STUDY.name)
            with pytest.warns(match="older copy"):  # it would leave a gap
                store.delivery(lease)
            assert numbers(store) == [0]


def test_half_a_copy_is_waited_for(path: Path, tmp_path: Path) -> None:
    with Store.open(path) as store:
        delivery = begun(store)
        whole = copied(path, tmp_path / "copy").read_bytes()
        delete(path)
        path.write_bytes(whole[: len(whole) // 2])
        delivery.write(**batch(1))
        wait_until(lambda: delivery.is_away)
        with pytest.raises(StoreError):
            store.trials(STUDY.name)
        with path.open("ab") as file:
            file.write(whole[len(whole) // 2 :])
        wait_until(lambda: not delivery.is_behind)
        delivery.close(lambda: store.leases.leave(delivery.lease))
    with Store.open(path, create=False) as store:
        assert numbers(store) == [0, 1]


def replace_by_nothing(store: Path) -> None:
    delete(store)


def replace_by_a_new_store(store: Path) -> None:
    delete(store)
    Store.open(store).close()


@pytest.mark.parametrize("fault", [replace_by_nothing, replace_by_a_new_store])
def test_a_study_whose_store_is_deleted_ends_in_words_and_is_resumed_from_a_copy_to_the_same_bits(
    tmp_path: Path, fault: Callable[[Path], None]
) -> None:
    data, store, whole = tmp_path / "wine.csv", tmp_path / "caviar.db", tmp_path / "whole.db"
    samples.write_csv(samples.wine(), data)
    assert end(start("lead", whole, data, "--trials", 30))[0] == 0
    child = start("lead", store, data, "--trials", 30, "--store-patience", 1)
    until(child, lambda said: said.startswith("progress"))
    copy = copied(store, tmp_path / "copy")
    fault(store)
    status, _, said = end(child)
    assert (status, len(said.splitlines())) == (1, 2), said
    assert "moved or deleted while it was in use" in said
    if store.exists():
        with Store.open(store, create=False) as other:
            assert other.studies() == []
    delete(store)
    shutil.copy(copy, store)
    status, _, said = end(start("resume", store, data, "--trials", 30))
    assert status == 0, said
    assert recorded(store, MINE) == recorded(whole, MINE)
    assert os.path.exists(store)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a store, the working folder."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with Store.open("caviar.db") as store:
        store.create_study(STUDY)
    return folder


@pytest.mark.parametrize("taken", [False, True], ids=["renamed", "renamed, and another project in its place"])
@pytest.mark.parametrize("again", [False, True], ids=["connected", "connected again"])
def test_a_project_that_is_renamed_with_its_process_in_it_is_gone_on_with(
    project: Path, taken: bool, again: bool
) -> None:
    moved = project.with_name("moved")
    with Store.open("caviar.db") as store:
        delivery = begun(store)
        project.rename(moved)
        if taken:
            project.mkdir()
            with Store.open(project / "caviar.db") as other:
                other.create_study(STUDY)
        if again:
            store.database.disconnect()
        delivery.write(**batch(1))
        wait_until(lambda: not delivery.is_behind)
        with Store.open(moved / "caviar.db", create=False) as other:
            assert numbers(other) == [0, 1]
        delivery.close(lambda: store.leases.leave(delivery.lease))
    assert not taken or not list(Store.open(project / "caviar.db").measurements(STUDY.name))
    with Store.open(moved / "caviar.db", create=False) as store:
        assert numbers(store) == [0, 1]
    assert project.exists() is taken


def test_what_waits_makes_no_folder_anew_and_is_found_from_the_new_place(path: Path, tmp_path: Path) -> None:
    folder, moved = tmp_path / "project", tmp_path / "moved"
    folder.mkdir()
    path.rename(folder / "caviar.db")
    with Store.open(folder / "caviar.db") as store:
        delivery = begun(store, patience=0.5)
        folder.rename(moved)
        delivery.write(**batch(1))
        with pytest.raises(StoreLost, match=f"in use: it is '{moved / 'caviar.db'}' now"):
            delivery.close(lambda: store.leases.leave(delivery.lease))
    assert not folder.exists()
    with Store.open(moved / "caviar.db", create=False) as store:
        store.delivery(store.leases.take(STUDY.name))
        assert numbers(store) == [0, 1]


@pytest.mark.parametrize("lost", [["-wal"], ["-shm"], ["-wal", "-shm"]], ids="".join)
def test_what_is_in_a_log_that_is_deleted_is_saved(path: Path, lost: list[str]) -> None:
    with Store.open(path) as store:
        delivery = begun(store)
        for suffix in lost:
            path.with_name(path.name + suffix).unlink()
        delivery.write(**batch(1))
        wait_until(lambda: not delivery.is_behind)
        copy = path.with_name("copy")
        for suffix in ("", "-wal"):  # as a process finds it that comes now
            if path.with_name(path.name + suffix).exists():
                shutil.copy(path.with_name(path.name + suffix), copy.with_name(copy.name + suffix))
        with Store.open(copy, create=False) as other:
            assert numbers(other) == [0, 1]
        delivery.close(lambda: store.leases.leave(delivery.lease))
    with Store.open(path, create=False) as store:
        assert numbers(store) == [0, 1]
        assert store.database.damage() == []


def test_a_log_that_another_process_began_anew_is_not_written_past(path: Path) -> None:
    with Store.open(path) as store:
        delivery = begun(store, patience=0.5)
        path.with_name("caviar.db-wal").rename(path.with_name("own"))
        path.with_name("caviar.db-wal").touch()
        delivery.write(**batch(1))
        with pytest.raises(StoreLost, match="the log of the store"):
            delivery.close(lambda: store.leases.leave(delivery.lease))
        path.with_name("own").rename(path.with_name("caviar.db-wal"))
    with Store.open(path, create=False) as store:
        store.delivery(store.leases.take(STUDY.name))
        assert numbers(store) == [0, 1]
