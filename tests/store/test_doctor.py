"""The doctor of the store, over every back end, for studies and for runs: one pass, one way to mend and to delete."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from caviar.errors import StoreError
from caviar.records import Clock, Lease, LeaseState, RunSnapshot, Trial, TrialState
from caviar.records.names import Kind
from caviar.store import Runs, Snapshots, Store, states
from caviar.store.doctor import Finding, delete, examine, kind_of
from caviar.store.lease import Leases
from tests.store.sample import CONFIG, RUN, STUDY

NAME = STUDY.name


@dataclass
class Patient:
    """A study or a run with two saved states, which a process works on."""

    kind: Kind
    leases: Leases
    lease: Lease
    folder: Path
    state_of: Callable[[], str]


@pytest.fixture(params=["study", "run"])
def patient(request: pytest.FixtureRequest, store: Store) -> Patient:
    if request.param == "study":
        store.create_study(STUDY)
        lease = store.leases.join(NAME)
        store.write(NAME, [Trial(0, CONFIG, TrialState.RUNNING)], lease=lease)
        snapshots = Snapshots(store)
        for epoch in (1, 2):
            snapshots.save(NAME, 0, 0, epoch, {"epoch": epoch}, lease)
        return Patient("study", store.leases, lease, snapshots.files(NAME).folder, lambda: store.study(NAME).state)
    runs = Runs(store)
    runs.create(replace(RUN, name=NAME))
    lease = runs.take(NAME)
    for number in (1, 2):
        saved = runs.files(NAME).write(f"{number:06}", states.pack({"epoch": number}))
        runs.write(lease, snapshots=[RunSnapshot(number, Clock(), "epoch", None, *saved, "2026")])
    return Patient("run", runs.leases, lease, runs.files(NAME).folder, lambda: runs.run(NAME).state)


def damage(found: list[Finding]) -> list[str]:
    return [finding.what for finding in found if finding.is_damage]


def die(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process of every lease has ended."""
    monkeypatch.setattr("caviar.store.process.is_gone", lambda identity: True)


def gone(folder: Path) -> Path:
    """A folder of a study or run that was deleted from the same store."""
    return folder.with_name(f"{folder.name.split('-')[0]}-0123456789ab")


def harm(folder: Path) -> None:
    """Damage the newest state, and leave rubbish of a kill and a file of somebody else's."""
    newest = sorted(folder.glob("*.safetensors"))[-1]
    content = bytearray(newest.read_bytes())
    content[-1] ^= 1
    newest.write_bytes(content)
    (folder / "9-0123456789abcdef.safetensors").touch()
    (folder / ".9-0123456789abcdef.safetensors.0a0b0c0d.unfinished").touch()
    shutil.copytree(folder, gone(folder))
    (folder / "mine.txt").touch()


def test_nothing_is_found_where_nothing_is_wrong(store: Store, patient: Patient) -> None:
    assert damage(examine(store, repair=True)) == []
    patient.leases.beat(patient.lease)


def test_everything_is_found_and_mended_once(store: Store, patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    harm(patient.folder)
    with monkeypatch.context() as patch:
        die(patch)
        found = [finding for finding in examine(store) if finding.is_damage]
        assert [finding.mended for finding in found] == [""] * 5
        assert {getattr(finding, patient.kind) for finding in found[:4]} == {NAME}
        for finding, says in zip(
            found, ["is dead", "no process works", "is damaged", "2 snapshot files", "1 folders"], strict=True
        ):
            assert says in finding.what
        mended = [finding for finding in examine(store, repair=True) if finding.is_damage]
        assert all(finding.mended for finding in mended)
        assert len(mended) == 5
        assert damage(examine(store)) == []
    assert patient.state_of() == "interrupted"
    assert [lease.state for lease in patient.leases.of(NAME)] == [LeaseState.LOST]
    assert "mine.txt" in {path.name for path in patient.folder.iterdir()}
    assert not gone(patient.folder).exists()
    patient.leases.take(NAME)


def test_what_a_living_process_may_be_saving_is_left_alone(store: Store, patient: Patient) -> None:
    (patient.folder / "9-0123456789abcdef.safetensors").touch()
    assert damage(examine(store, NAME, repair=True)) == []
    assert (patient.folder / "9-0123456789abcdef.safetensors").exists()


def test_delete_is_refused_while_a_process_works_and_takes_the_files(
    store: Store, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreError, match="is running: process"):
        delete(store, patient.kind, NAME)
    assert len(list(patient.folder.glob("*.safetensors"))) == 2
    (patient.folder / "program").mkdir()
    (patient.folder / "program" / "checkpoint.pt").touch()
    die(monkeypatch)
    delete(store, patient.kind, NAME)
    assert patient.leases.subjects.names() == {}
    assert not patient.folder.exists()


def test_a_name_of_a_study_and_of_a_run_is_asked_for(store: Store, patient: Patient) -> None:
    assert kind_of(store, NAME) == patient.kind
    if patient.kind == "study":
        Runs(store).create(replace(RUN, name=NAME))
    else:
        store.create_study(STUDY)
    with pytest.raises(StoreError, match="`run=False` or `run=True`"):
        kind_of(store, NAME)
    assert [kind_of(store, NAME, run) for run in (True, False)] == ["run", "study"]
    with pytest.raises(StoreError, match=f"(?s)no study or run 'flower'.*{NAME}"):
        kind_of(store, "flower")
