"""Fault 6: the disk is full, for whatever caviar writes; and /dev/full, for what it says.

The disk is a real one of 8 MB: a tmpfs in a namespace of its own, which needs no root. And it is a limit of the system
on the size of files (RLIMIT_FSIZE), which is met in the middle of a write, at any byte. A system that lets no ordinary
user mount anything runs the limit twice. PRAGMA max_page_count is in tests/store/test_store_sqlite.py, calls that fail
at each step are in tests/store/test_snapshots.py and tests/test_model.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from caviar.data import samples
from tests.child import STUDY, end, start
from tests.study.test_tune import recorded

MOUNTED = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=8m tmpfs "$1" && shift && exec "$@"', "sh"]
ROOT = Path(__file__).parents[2]

HEAD = """
import os, resource, sys
from pathlib import Path
import numpy as np
from caviar.errors import CaviarError, StoreError
from caviar.store import Snapshots, Store, states
from caviar.store.snapshots import StateFiles
from tests.faults.test_store_faults import trial, write
from tests.store.sample import STUDY

disk, mounted = Path(sys.argv[1]), sys.argv[2] == "tmpfs"
filler = disk / "filler"

def fill(left):
    if mounted:
        room = os.statvfs(disk)
        filler.write_bytes(bytes(room.f_bavail * room.f_frsize - left))
    else:
        resource.setrlimit(resource.RLIMIT_FSIZE, (left, resource.RLIM_INFINITY))

def make_room():
    filler.unlink(missing_ok=True)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

def refused(work):
    try:
        work()
    except CaviarError as error:
        assert len(str(error).splitlines()) == 2, error
        assert "make room" in error.way_out, error
        return
    raise AssertionError("there was room")

def files():
    return {path: path.read_bytes() for path in disk.rglob("*") if path.is_file() and path != filler}
"""


@cache
def mounts() -> bool:
    """True if this system lets its users mount a tmpfs for themselves."""
    try:
        return subprocess.run([*MOUNTED, "/tmp", "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.fixture(params=["tmpfs", "RLIMIT_FSIZE"])
def kind(request: pytest.FixtureRequest) -> str:
    wanted: str = request.param
    return wanted if mounts() else "RLIMIT_FSIZE"


def on_a_small_disk(kind: str, folder: Path, code: str, *arguments: str) -> None:
    """Run ``code`` in a process whose folder ``disk`` takes 8 MB, or whose files a limit; it ends without an error."""
    disk = folder / "disk"
    disk.mkdir()
    environment = {**os.environ, "PYTHONPATH": ":".join([str(ROOT), *sys.path])}
    mount = [*MOUNTED, str(disk)] if kind == "tmpfs" else []
    command = [*mount, sys.executable, "-c", HEAD + code, str(disk), kind, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["done"]), done.stderr


def test_6_a_database_keeps_what_was_acknowledged_and_goes_on_when_there_is_room(kind: str, tmp_path: Path) -> None:
    code = """
url = disk / "caviar.db"
with Store.open(url) as store:
    store.create_study(STUDY)
    fill(300_000)
    written = 0
    def more():
        global written
        while True:
            write(store, written)
            written += 1
    for _ in range(3):
        refused(more)
    assert written > 10
    kept = [trial(number) for number in range(written)]
    assert store.trials("flowers") == kept
    assert len(store.measurements("flowers")) == written
    assert store.database.damage() == []
    make_room()
    write(store, written)
with Store.open(url) as store:
    assert store.trials("flowers") == [*kept, trial(written)]
    assert store.database.damage() == []
print("done")
"""
    on_a_small_disk(kind, tmp_path, code)


def test_6_a_database_opens_for_reading_on_a_full_disk(kind: str, tmp_path: Path) -> None:
    """Writes that are not checkpointed yet are in the log, which another process needs some room to look into."""
    code = """
url = disk / "caviar.db"
pid = os.fork()
if pid == 0:
    store = Store.open(url)
    store.create_study(STUDY)
    write(store, 0)
    os._exit(0)  # without closing: the log stays
assert os.waitpid(pid, 0)[1] == 0
assert (disk / "caviar.db-wal").stat().st_size > 0
fill(65536)
with Store.open(url) as store:
    assert store.trials("flowers") == [trial(0)]
print("done")
"""
    on_a_small_disk(kind, tmp_path, code)


def test_6_a_store_is_made_whole_or_not_at_all(kind: str, tmp_path: Path) -> None:
    code = """
for left in (0, 4096, 20_000, 60_000) if mounted else (1, 4096, 20_000, 30_000):
    fill(left)
    refused(lambda: Store.open(disk / "caviar.db").close())
    assert files() == {}, files().keys()
    make_room()
Store.open(disk / "caviar.db").close()
print("done")
"""
    on_a_small_disk(kind, tmp_path, code)


def test_6_a_snapshot_of_a_trial(kind: str, tmp_path: Path) -> None:
    code = """
def state(size):
    return {"weights": np.arange(size, dtype=np.float32)}
with Store.open(disk / "caviar.db") as store:
    store.create_study(STUDY)
    snapshots = Snapshots(store)
    snapshots.save("flowers", 0, 0, 1, state(100))
    before = {path: content for path, content in files().items() if path.suffix == ".snapshot"}
    fill(100_000)
    refused(lambda: snapshots.save("flowers", 0, 0, 2, state(100_000)))
    assert {p: c for p, c in files().items() if "snapshot" in p.name} == before
    epoch, kept = snapshots.load("flowers", 0, 0, 9)
    assert epoch == 1 and (kept["weights"] == state(100)["weights"]).all()
    make_room()
    snapshots.save("flowers", 0, 0, 2, state(100_000))
    assert snapshots.load("flowers", 0, 0, 9)[0] == 2
print("done")
"""
    on_a_small_disk(kind, tmp_path, code)


def test_6_a_snapshot_of_a_run(kind: str, tmp_path: Path) -> None:
    code = """
kept = StateFiles(disk / "runs" / "1")
saved = kept.write("000001", states.pack({"weights": np.ones(100)}))
before = files()
fill(100_000)
refused(lambda: kept.write("000002", bytes(200_000)))
assert files() == before
assert (kept.read(saved, "it")["weights"] == 1).all()
make_room()
kept.write("000002", bytes(200_000))
print("done")
"""
    on_a_small_disk(kind, tmp_path, code)


def test_6_a_model(kind: str, tmp_path: Path) -> None:
    code = """
from dataclasses import replace
from caviar.learners.model import load
from tests.learners.test_model import flowers
model = flowers()
model.save(disk / "flowers.caviar")
before = files()
for left in (0 if mounted else 1, 4096):
    fill(left)
    refused(lambda: replace(model, facts={"more": "x" * 10_000}).save(disk / "flowers.caviar"))
    assert files() == before
    assert load(disk / "flowers.caviar").facts["study"] == "flowers"
    make_room()
replace(model, facts={"more": "x" * 10_000}).save(disk / "flowers.caviar")
assert load(disk / "flowers.caviar").facts == {"more": "x" * 10_000}
print("done")
"""
    on_a_small_disk(kind, tmp_path, code)


def test_6_a_study_ends_resumable_and_then_as_if_there_had_always_been_room(kind: str, tmp_path: Path) -> None:
    data = samples.write_csv(samples.wine(), tmp_path / "wine.csv")
    unbroken = tmp_path / "unbroken.db"
    assert end(start("lead", unbroken, data, "--trials", 700))[0] == 0
    code = """
from caviar.records import StudyState
from tests.child import STUDY, end, start
from tests.faults.invariants import acknowledged, check_over, check_whole
from tests.study.test_tune import recorded
data, unbroken, store = Path(sys.argv[3]), sys.argv[4], disk / "caviar.db"
Store.open(store).close()
fill(300_000)
before = set()
for what in (("lead", store, data, "--trials", 700), ("resume", store, data)):
    status, _, complained = end(start(*what, "--store-patience", 1))
    assert status in (1, 2) and len(complained.splitlines()) == 2 and "make room" in complained, complained
    check_whole(store, STUDY, before)  # 2 where the store could not even be taken up
    before = acknowledged(store, STUDY)
make_room()
status, _, complained = end(start("resume", store, data))
assert status == 0, complained
check_over(store, STUDY, before)
assert recorded(str(store), STUDY) == recorded(unbroken, STUDY)
print("done")
"""
    on_a_small_disk(kind, tmp_path, code, str(data), str(unbroken))
    assert recorded(str(unbroken), STUDY)


@pytest.mark.parametrize("arguments", ["--help", "studies", "studies --json", "trials wine", "export wine", "doctor"])
def test_6_output_to_a_full_disk_is_an_error_of_two_lines(arguments: str, tmp_path: Path) -> None:
    from caviar.records import Trial, TrialState
    from caviar.store import Store
    from tests.store.sample import CONFIG, STUDY

    with Store.open(tmp_path / "caviar.db") as store:
        store.create_study(STUDY)
        store.write("flowers", [Trial(0, CONFIG, TrialState.FINISHED, 1, 0.5, 0.5)])
    code = "from caviar.cli.main import main; main()"
    command = [sys.executable, "-c", code, *arguments.replace("wine", "flowers").split()]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 2, done.stderr
    assert "the output cannot be written: No space left on device" in done.stderr
