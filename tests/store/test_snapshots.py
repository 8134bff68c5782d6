"""Saved states: they come back as they were, or are named as damaged and the one before is used."""

from __future__ import annotations

import errno
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from caviar.errors import Fenced, SnapshotAbsent, StoreError
from caviar.store import Snapshots, Store, schema
from caviar.store.snapshots import folders_without
from tests.store.backends import persistent
from tests.store.sample import STUDY
from tests.store.test_store_contract import on_one_store

State = dict[str, "np.ndarray[Any, Any]"]


def state(value: float, size: int = 20) -> State:
    return {"weights": np.full((size, 3), value, np.float32), "step": np.array(7, np.int64), "empty": np.zeros((0, 2))}


def same(left: Any, right: Any) -> bool:
    return left.keys() == right.keys() and all(
        left[k].dtype == right[k].dtype and left[k].shape == right[k].shape and left[k].tobytes() == right[k].tobytes()
        for k in left
    )


@pytest.fixture
def snapshots(store: Store) -> Snapshots:
    store.create_study(STUDY)
    return Snapshots(store)


def save_all(snapshots: Snapshots, states: list[tuple[int, int, int, State]]) -> None:
    for number, repeat, epoch, saved in states:
        snapshots.save("flowers", number, repeat, epoch, saved)


def files(snapshots: Snapshots) -> list[Path]:
    return sorted(path for path in snapshots.folder.rglob("*") if path.is_file())


def test_the_folder_is_beside_the_database_or_in_the_working_folder(
    store: Store, store_url: str, snapshots: Snapshots, tmp_path: Path
) -> None:
    snapshots.save("flowers", 0, 0, 1, state(1.0))
    [file] = files(snapshots)
    if store_url.startswith("sqlite"):
        assert file.parent.parent == tmp_path / "caviar.db.snapshots"
    elif store_url.startswith("postgresql"):
        assert file.resolve().parent.parent.parent == tmp_path / "caviar.snapshots"
    else:
        assert file.parent.parent.name == "memory.snapshots"
        assert tmp_path not in file.parents


@on_one_store
@given(
    saved=st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=8).filter(lambda name: name != "__metadata__"),
        arrays.arrays(
            st.sampled_from([np.float32, np.float64, np.int64, np.uint64, np.bool_]),
            arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
        ),
        max_size=4,
    )
)
def test_every_state_comes_back_with_the_same_bits(store: Store, saved: State) -> None:
    if not store.studies():
        store.create_study(STUDY)
    snapshots = Snapshots(store)
    snapshots.save("flowers", 3, 1, 5, saved)
    loaded = snapshots.load("flowers", 3, 1, 5)
    assert loaded is not None
    assert loaded[0] == 5
    assert same(loaded[1], saved)
    assert len(files(snapshots)) == 1  # the one before was replaced


def test_the_latest_that_is_not_too_late(snapshots: Snapshots) -> None:
    save_all(snapshots, [(0, 0, epoch, state(epoch)) for epoch in (3, 1, 9)])
    snapshots.save("flowers", 1, 0, 5, state(5))
    for at_most, expected in ((9, 9), (8, 3), (3, 3), (2, 1)):
        loaded = snapshots.load("flowers", 0, 0, at_most)
        assert loaded is not None
        assert loaded[0] == expected
        assert same(loaded[1], state(expected))
    assert snapshots.load("flowers", 0, 0, 0) is None
    assert snapshots.load("flowers", 0, 1, 9) is None
    assert snapshots.damaged == []


def test_remove(snapshots: Snapshots) -> None:
    save_all(snapshots, [(n, 0, epoch, state(1)) for n in range(2) for epoch in (2, 3)])
    snapshots.remove("flowers", 0, 0)
    snapshots.remove("flowers", 1, 0, 2)
    snapshots.remove("flowers", 7, 0)
    assert [(s.number, s.epoch) for s in snapshots.of_study("flowers")] == [(1, 3)]
    assert len(files(snapshots)) == 1
    assert snapshots.bytes("flowers") == files(snapshots)[0].stat().st_size
    snapshots.remove("flowers", 1, 0)
    snapshots.files("flowers").remove_all()
    assert not snapshots.folder.exists()
    assert snapshots.bytes("flowers") == 0


def test_a_budget_is_kept_by_the_worst_trials(snapshots: Snapshots) -> None:
    save_all(snapshots, [(n, 0, epoch, state(1)) for n in range(3) for epoch in (1, 2)])
    one = snapshots.bytes("flowers") // 6
    assert snapshots.keep_within("flowers", 6 * one, [(2, 0), (0, 0)]) == []
    assert snapshots.keep_within("flowers", 5 * one, [(2, 0), (0, 0)]) == []
    assert [(s.number, s.epoch) for s in snapshots.of_study("flowers")] == [(0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
    assert snapshots.keep_within("flowers", 3 * one, [(2, 0), (0, 0)]) == [(2, 0)]
    assert snapshots.keep_within("flowers", 0, [(2, 0), (0, 0)]) == [(0, 0)]
    assert [(s.number, s.epoch) for s in snapshots.of_study("flowers")] == [(1, 1), (1, 2)]
    assert len(files(snapshots)) == 2


def test_a_fenced_worker_saves_nothing(store: Store, snapshots: Snapshots) -> None:
    worker = store.leases.join("flowers")
    snapshots.save("flowers", 0, 0, 1, state(1), worker)
    store.leases.lost("flowers", store.leases.of("flowers"))
    with pytest.raises(Fenced):
        snapshots.save("flowers", 0, 0, 1, state(2), worker)
    loaded = snapshots.load("flowers", 0, 0, 1)
    assert loaded is not None
    assert same(loaded[1], state(1))
    assert len(files(snapshots)) == 1


def test_each_of_200_random_bits_is_found_and_the_one_before_is_used(snapshots: Snapshots) -> None:
    save_all(snapshots, [(0, 0, epoch, state(epoch)) for epoch in (1, 2)])
    latest = snapshots.files("flowers").folder / snapshots.of_study("flowers")[-1].path
    whole = latest.read_bytes()
    chance = random.Random(8)
    for bit in chance.sample(range(8 * len(whole)), 200):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        latest.write_bytes(damaged)
        snapshots.damaged.clear()
        loaded = snapshots.load("flowers", 0, 0, 2)
        assert loaded is not None
        assert loaded[0] == 1
        assert same(loaded[1], state(1))
        [error] = snapshots.damaged
        assert "trial 0 after epoch 2" in error.rule
        assert len(str(error).splitlines()) == 2
    latest.write_bytes(whole)
    loaded = snapshots.load("flowers", 0, 0, 2)
    assert loaded is not None
    assert loaded[0] == 2


def test_a_snapshot_cut_at_any_byte_is_found(snapshots: Snapshots) -> None:
    save_all(snapshots, [(0, 0, epoch, state(epoch, 1)) for epoch in (1, 2)])
    latest = snapshots.files("flowers").folder / snapshots.of_study("flowers")[-1].path
    whole = latest.read_bytes()
    for cut in range(len(whole)):
        latest.write_bytes(whole[:cut])
        loaded = snapshots.load("flowers", 0, 0, 2)
        assert loaded is not None
        assert loaded[0] == 1
    assert len(snapshots.damaged) == len(whole)


def test_files_that_are_gone_or_links_are_absent(snapshots: Snapshots, tmp_path: Path) -> None:
    saved = snapshots.save("flowers", 0, 0, 1, state(1))
    path = snapshots.files("flowers").folder / saved.path
    shutil.move(path, tmp_path / "moved")
    with pytest.raises(SnapshotAbsent, match=f"is not there; looked for in '{path.resolve().parent}'"):
        snapshots.read("flowers", saved)
    path.symlink_to(tmp_path / "moved")
    with pytest.raises(SnapshotAbsent, match="is a link"):
        snapshots.read("flowers", saved)
    assert snapshots.load("flowers", 0, 0, 9) is None


@pytest.mark.parametrize("path", ["../../x", "/etc/passwd", "0-0-1-0123456789abcdef.safetensors/../x", "\x1b[2J" * 99])
def test_a_path_in_the_database_leads_nowhere_else(store: Store, snapshots: Snapshots, path: str) -> None:
    snapshots.save("flowers", 0, 0, 1, state(1))
    with store.transactions.writing() as connection:
        connection.execute(schema.SNAPSHOTS.update().values(path=path))
    assert snapshots.load("flowers", 0, 0, 9) is None
    [error] = snapshots.damaged
    assert "a name that no snapshot has" in error.rule
    assert str(error).replace("\n", "").isprintable()
    [orphan] = files(snapshots)
    outside = snapshots.folder.parent / "x"
    outside.write_text("mine")
    snapshots.remove("flowers", 0, 0)
    assert outside.read_text() == "mine"
    assert remove_orphans(snapshots) == [orphan.name]
    assert files(snapshots) == []


def test_names_of_studies_are_in_no_path(store: Store) -> None:
    snapshots = Snapshots(store)
    names = ["../../x", "a/b", "=cmd()", "\x1b[2J", "🐟", "con"]
    for name in names:
        store.create_study(STUDY.__class__(**{f: getattr(STUDY, f) for f in STUDY.__slots__} | {"name": name}))
        snapshots.save(name, 0, 0, 1, state(1))
    folders = {path.parent.name for path in files(snapshots)}
    assert len(folders) == len(names)
    assert all(re.fullmatch("[0-9a-f]{16}-[0-9a-f]{12}", folder) for folder in folders)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_what_was_there(
    snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch, number: int, step: str
) -> None:
    snapshots.save("flowers", 0, 0, 1, state(1))
    before = {path: path.read_bytes() for path in files(snapshots)}

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, step, fail)
        with pytest.raises(StoreError, match="cannot be written") as error:
            save_all(snapshots, [(0, 0, epoch, state(epoch)) for epoch in (1, 2)])
    assert ("make room" in error.value.way_out) == (number != errno.EACCES)
    assert {path: path.read_bytes() for path in files(snapshots)} == before
    loaded = snapshots.load("flowers", 0, 0, 9)
    assert loaded is not None
    assert loaded[0] == 1
    snapshots.save("flowers", 0, 0, 2, state(2))
    assert len(files(snapshots)) == 2


def remove_orphans(snapshots: Snapshots) -> list[str]:
    """As the doctor does."""
    kept = snapshots.files("flowers")
    orphans = kept.orphans(s.path for s in snapshots.of_study("flowers"))
    kept.remove(orphans)
    return orphans


def in_another_process(code: str, url: str) -> subprocess.CompletedProcess[str]:
    head = (
        "import os, resource, signal, sys\nimport numpy as np\nfrom caviar.errors import StoreError\n"
        "from caviar.store import Snapshots, Store\nfrom tests.store.test_snapshots import state\n"
        "store = Store.open(sys.argv[1]); snapshots = Snapshots(store)\n"
    )
    environment = {**os.environ, "PYTHONPATH": ":".join([str(Path(__file__).parents[2]), *sys.path])}
    command = [sys.executable, "-c", head + code, url]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@persistent
def test_a_limit_of_the_system_on_files_is_a_full_disk(snapshots: Snapshots, store_url: str) -> None:
    snapshots.save("flowers", 0, 0, 1, state(1))
    code = """
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    snapshots.save("flowers", 0, 0, 2, state(2, 100_000))
except StoreError as error:
    print(error.way_out)
"""
    done = in_another_process(code, store_url)
    assert "make room" in done.stdout, done.stderr
    assert len(files(snapshots)) == 1
    assert snapshots.load("flowers", 0, 0, 9) is not None


@persistent
@pytest.mark.parametrize("point", ["os.replace", "renamed", "room.check"])
def test_killed_at_any_step_leaves_whole_ones_and_orphans(snapshots: Snapshots, store_url: str, point: str) -> None:
    snapshots.save("flowers", 0, 0, 1, state(1))
    code = f"""
from caviar.store import snapshots as room
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
worker = store.leases.join("flowers")
if "{point}" == "renamed":  # and its folder not yet on the disk
    rename = os.replace
    os.replace = lambda *names: (rename(*names), die())
else:
    setattr({point.split(".")[0]}, "{point.split(".")[-1]}", die)
snapshots.save("flowers", 0, 0, 1, state(2), worker)
"""
    assert in_another_process(code, store_url).returncode == -9
    loaded = snapshots.load("flowers", 0, 0, 9)
    assert loaded is not None
    assert same(loaded[1], state(1))
    assert len(remove_orphans(snapshots)) == 1
    assert len(files(snapshots)) == 1


def test_ctrl_c_right_after_the_row_is_written_takes_no_file_from_it(
    snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    subjects = type(snapshots._subjects)
    writing = subjects.writing

    @contextmanager
    def interrupted(self: Any, study: str) -> Iterator[Any]:
        with writing(self, study) as opened:
            yield opened
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(subjects, "writing", interrupted)
        with pytest.raises(KeyboardInterrupt):
            snapshots.save("flowers", 0, 0, 1, state(1))
    loaded = snapshots.load("flowers", 0, 0, 9, pass_absent=False)
    assert loaded is not None
    assert same(loaded[1], state(1))


def test_folders_of_studies_that_are_gone(store: Store, snapshots: Snapshots) -> None:
    snapshots.save("flowers", 0, 0, 1, state(1))
    name = snapshots.files("flowers").folder.name
    mine, places = store.subjects.places()
    assert [place.name for place in places] == [name]
    assert folders_without(snapshots.folder, mine, [name]) == []
    left = snapshots.folder / f"{mine}-0123456789ab"
    another = snapshots.folder / f"{'9' * 16}-0123456789ab"  # of a store that was here before, and may come back
    for copy in (left, another):
        shutil.copytree(snapshots.folder / name, copy)
    (left / "mine.txt").write_text("kept")
    [found] = folders_without(snapshots.folder, mine, [name])
    assert found.folder == left
    found.remove_all()
    assert [path.name for path in left.iterdir()] == ["mine.txt"]
    assert len(files(snapshots)) == 3
