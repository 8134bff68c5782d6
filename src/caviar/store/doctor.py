"""The doctor of a store: finds damage in studies and runs, mends what can be mended, and deletes with all files."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from caviar.errors import SnapshotAbsent, SnapshotError, StoreAway, StoreError, did_you_mean
from caviar.records import Lease, Run, Study
from caviar.records.names import Kind, visible
from caviar.store import claims
from caviar.store.lease import PATIENCE, Leases, is_gone, lifeless, shown, taken
from caviar.store.runs import Runs, now
from caviar.store.snapshots import Saved, Snapshots, StateFiles, folders_without
from caviar.store.store import Store
from caviar.store.subjects import Subjects

ENOUGH_ROOM = 2**30
"""Bytes that are left on a disk before its filling up is a matter of minutes."""

_REPAIR = "caviar doctor --repair removes them"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a study, a run, or where neither is named the store.

    ``mended`` says what was done about it.
    """

    what: str
    way_out: str
    study: str = ""
    run: str = ""
    is_damage: bool = True  # or else a warning
    mended: str = ""


class _Kept(NamedTuple):
    """A saved state that the store has a row for, and the mending of that row where its file is damaged.

    ``restore`` is for one that was called damaged: it takes that back.
    """

    label: str
    saved: Saved
    mend: Callable[[], None]
    mended: str
    restore: Callable[[], None] | None = None


@dataclass(frozen=True)
class _Patient:
    """One study or run, as the doctor looks at it."""

    leases: Leases
    name: str
    says_running: bool
    files: StateFiles
    kept: list[_Kept]
    written: Callable[[], str]

    @property
    def kind(self) -> Kind:
        return self.leases.subjects.kind

    def find(self, what: str, way_out: str, mended: str = "") -> Finding:
        finding = Finding(what, way_out, mended=mended)
        return replace(finding, study=self.name) if self.kind == "study" else replace(finding, run=self.name)


def examine(
    store: Store, name: str | None = None, repair: bool = False, forget: bool = False, patience: float = PATIENCE
) -> list[Finding]:
    """Look for damage in ``store``, or in study or run ``name`` and the store around it; with ``repair``, mend it.

    A process of another machine that holds a study or run is watched for ``patience`` seconds.
    Snapshots whose files are away are no damage, and stay what they are; with ``forget``, too, they are given up.
    StoreError if there is no such study or run; where there is one of each, both are looked at.
    """
    if name is not None:
        _kinds(store, name)
    damage = [Finding(what, way_out) for what, way_out in store.database.damage()]
    found = [*damage, *(Finding(what, way_out, is_damage=False) for what, way_out in store.database.warnings())]
    left = room(store)
    if left < ENOUGH_ROOM:
        what = f"the disk of the store has {left // 2**20} MiB left"
        found.append(Finding(what, "make room, or go on with a store elsewhere", is_damage=False))
    if not damage:
        return found + _within(store, name, repair, forget, patience)
    try:  # to write to a damaged database could damage it further
        return found + _within(store, name, repair=False, forget=False, patience=patience)
    except StoreAway:
        raise
    except StoreError as error:
        return [*found, Finding(f"the rest cannot be looked at: {error.rule}", error.way_out)]


def _within(store: Store, name: str | None, repair: bool, forget: bool, patience: float) -> list[Finding]:
    """The findings in the studies and runs of a store, or in those called ``name``."""
    found: list[Finding] = []
    runs = Runs(store)
    held = [(leases, of) for leases in (store.leases, runs.leases) for of in leases.held() if name in (None, of)]
    dead = lifeless(held, patience)
    for patient in _patients(store, name):
        found += _leases(patient, dead, repair)
        if patient.kind == "study":
            found += _claims(store, patient, repair)
        found += _state(patient, repair)
        found += _snapshots(patient, repair, forget)
    if name is None:
        found += _folders(Snapshots(store).folder, store.subjects, repair)
        found += _folders(runs.folder, runs.subjects, repair)
    return found


def room(store: Store) -> int:
    """Bytes left on the disk of ``store``'s snapshots, which is the database's own too on SQLite."""
    folder = store.database.folder("snapshots").absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def kind_of(store: Store, name: str, run: bool | None = None) -> Kind:
    """The kind of ``name``, "study" or "run"; ``run`` decides where there is one of each.

    Raises StoreError where there is no such study or run, or both and ``run`` is None.
    """
    kinds = _kinds(store, name)
    if run is None and len(kinds) > 1:
        raise StoreError(
            f"the store has a study {name!r} and a run {name!r}", "say which one: `run=False` or `run=True`"
        )
    return kinds[0] if run is None else "run" if run else "study"


def delete(store: Store, kind: Kind, name: str, patience: float = PATIENCE) -> None:
    """Delete a study or a run with its files; StoreError while a process that may be alive holds it.

    A process of another machine is watched for ``patience`` seconds.
    """
    runs = Runs(store)
    leases = store.leases if kind == "study" else runs.leases
    leases.lost(name, lifeless([(leases, name)], patience))
    living = leases.living(name)
    if living:
        raise StoreError(taken(kind, living[0]).rule, "end that first, and wait until it has")
    place = leases.subjects.delete(name)  # first the rows: should this be killed, the doctor finds the files
    StateFiles(place.folder(store.database, "snapshots" if kind == "study" else "runs")).remove_all()
    if kind == "study":  # what its trials kept
        kept = place.folder(store.database, "programs")
        shutil.rmtree(kept, ignore_errors=True)
        with suppress(OSError):
            kept.parent.rmdir()  # the last one


def _kinds(store: Store, name: str) -> list[Kind]:
    """Those of study and run that have the name; StoreError where there is neither."""
    known: dict[Kind, list[str]] = {"study": [*store.subjects.names()], "run": [*Runs(store).subjects.names()]}
    kinds = [kind for kind, names in known.items() if name in names]
    if not kinds:
        names = [visible(other) for names in known.values() for other in names]
        raise StoreError(f"the store has no study or run {visible(name)!r}", did_you_mean(visible(name), names))
    return kinds


def _patients(store: Store, name: str | None) -> Iterator[_Patient]:
    """All studies and runs, or those of that name."""
    snapshots, runs = Snapshots(store), Runs(store)
    for study in store.studies():
        if name in (None, study.name):
            kept, running, files = [], study.state == "running", snapshots.files(study.name)
            written = partial(_last_of_study, store, study)
            for of_trial in snapshots.of_study(study.name):
                remove = partial(snapshots.remove, study.name, of_trial.number, of_trial.repeat, of_trial.epoch)
                kept.append(_Kept(of_trial.label, of_trial.saved, remove, "removed"))
            yield _Patient(store.leases, study.name, running, files, kept, written)
    for run in runs.all():
        if name in (None, run.name):
            kept, running, files = [], run.state == "running", runs.files(run.name)
            written = partial(_last_of_run, runs, run)
            for of_run in runs.snapshots(run.name):
                if of_run.state != "removed":
                    mark = partial(runs.mark, run.name, [of_run.number], "damaged")
                    saved = Saved(of_run.path, of_run.sha256, of_run.size)
                    was_damaged = of_run.state == "damaged"
                    restore = partial(runs.mark, run.name, [of_run.number], "kept") if was_damaged else None
                    kept.append(_Kept(f"snapshot {of_run.number}", saved, mark, "marked as damaged", restore))
            yield _Patient(runs.leases, run.name, running, files, kept, written)


def _last_of_study(store: Store, study: Study) -> str:
    """When the last trial of a study began or ended, or else the study."""
    times = [at for of_trial in store.times(study.name).values() for at in of_trial if at is not None]
    return datetime.fromtimestamp(max(times), UTC).isoformat(timespec="seconds") if times else study.created


def _last_of_run(runs: Runs, run: Run) -> str:
    """When the last entry was made in the diary of a run, or else when it began."""
    return next((entry.written for entry in reversed(runs.diary(run.name))), run.created)


def _leases(patient: _Patient, dead: Sequence[Lease], repair: bool) -> Iterator[Finding]:
    mine = {lease.token for lease in patient.leases.of(patient.name)}
    dead = [lease for lease in dead if lease.token in mine]
    lost = {lease.fence for lease in patient.leases.lost(patient.name, dead)} if repair else set()
    for lease in dead:
        mended = "declared lost, its claims freed" if lease.fence in lost else ""
        if is_gone(lease):
            what = f"{shown(lease)} is dead, and still holds its lease"
        else:
            what = f"{shown(lease)} holds its lease and gives no sign of life; the last that was written is of "
            what += patient.written()
        yield patient.find(what, "caviar doctor --repair frees it", mended)


def _claims(store: Store, patient: _Patient, repair: bool) -> Iterator[Finding]:
    with store.subjects.reading(patient.name) as (connection, number):
        n = claims.orphaned(connection, number)
    if n and repair:
        with store.subjects.writing(patient.name) as (connection, number):
            claims.free_orphaned(connection, number)
    if n:
        what = f"{n} tasks are claimed by processes that have ended"
        yield patient.find(what, "caviar doctor --repair frees them", "freed" if repair else "")


def _state(patient: _Patient, repair: bool) -> Iterator[Finding]:
    """A study or run that says that it runs while no process works on it."""
    if patient.says_running and not patient.leases.living(patient.name):
        ended = repair and patient.leases.subjects.interrupt(patient.name, now())
        mended = "now interrupted; caviar resume takes it up" if ended else ""
        what = "it says that it is running, and no process works on it"
        yield patient.find(what, f"caviar resume {patient.name}", mended)


def _snapshots(patient: _Patient, repair: bool, forget: bool) -> Iterator[Finding]:
    is_at_work = bool(patient.leases.living(patient.name))
    may_mend = repair and not (is_at_work and patient.kind == "run")  # its process writes these rows itself
    absent: list[SnapshotAbsent] = []
    restored = 0
    for kept in patient.kept:
        try:
            patient.files.check(kept.saved, kept.label)
        except SnapshotAbsent as error:
            if kept.restore is None:
                absent.append(error)
                if may_mend and forget:
                    kept.mend()
        except SnapshotError as error:
            if kept.restore is None:  # the damage of the others is known
                if may_mend:
                    kept.mend()
                yield patient.find(error.rule, "the one before it is used", kept.mended if may_mend else "")
        else:
            if kept.restore is not None:
                restored += 1
                if may_mend:
                    kept.restore()
    if absent:
        others = f", and {len(absent) - 1} more" if len(absent) > 1 else ""
        what = f"{absent[0].rule}{others}"
        mended = "given up" if may_mend and forget else ""
        yield replace(patient.find(what, absent[0].way_out, mended), is_damage=False)
    if restored:
        were = "snapshot was marked as damaged but is" if restored == 1 else "snapshots were marked as damaged but are"
        what = f"{restored} {were} whole"
        yield patient.find(what, "caviar doctor --repair uses them again", "used again" if may_mend else "")
    if is_at_work:
        return  # a file that has no row yet may be one that the process is just saving
    orphans = patient.files.orphans(kept.saved.path for kept in patient.kept)
    remove = repair and not patient.leases.living(patient.name)  # none took it up meanwhile
    if remove:
        patient.files.remove(orphans)
    if orphans:
        what = f"{len(orphans)} snapshot files belong to none of its snapshots"
        yield patient.find(what, _REPAIR, "removed" if remove else "")


def _folders(parent: Path, subjects: Subjects, repair: bool) -> Iterator[Finding]:
    store, places = subjects.places()
    folders = folders_without(parent, store, {place.name for place in places})
    if folders:
        for files in folders if repair else []:
            files.remove_all()
        example = str(folders[0].folder)
        what = f"{len(folders)} folders of snapshots belong to no {subjects.kind}, for example {example!r}"
        yield Finding(what, _REPAIR, mended="removed" if repair else "")
