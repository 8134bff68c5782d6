"""What is wrong with a store, and mending of what can be mended."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from caviar.errors import SnapshotError, StoreError
from caviar.records import StudyState, Worker, WorkerState
from caviar.store import process
from caviar.store.database import folder_beside
from caviar.store.finding import Finding
from caviar.store.run_examination import examine_folders, examine_run, is_run
from caviar.store.runs import Runs
from caviar.store.schema import CLAIMS, WORKERS
from caviar.store.snapshots import Snapshots
from caviar.store.store import Store

ENOUGH_ROOM = 2**30
"""Bytes that are left on a disk before its filling up is a matter of minutes."""


def examine(store: Store, name: str | None = None, repair: bool = False) -> list[Finding]:
    """What is wrong with ``store``, or with study or run ``name`` and the store around it; with ``repair``, mend it.

    StoreError if there is no such study or run; where there is one of each, both are looked at.
    """
    studies, runs = [study.name for study in store.studies()], [run.name for run in Runs(store).all()]
    if name is not None and name not in studies:
        is_run(store, name)  # or else there is neither
    found = [Finding("", line, "copy the studies out with caviar export") for line in store.database.damage()]
    found += [Finding("", what, way_out, is_damage=False) for what, way_out in store.database.warnings()]
    found += _disk(store)
    snapshots = Snapshots(store)
    for study in studies:
        if name in (None, study):
            found += _workers(store, study, repair)
            found += _claims(store, study, repair)
            found += _state(store, study, repair)
            found += _snapshots(store, snapshots, study, repair)
    for run in runs:
        if name in (None, run):
            found += examine_run(store, run, repair)
    if name is None:
        found += _folders(snapshots, repair)
        found += examine_folders(store, repair)
    return found


def room(store: Store) -> int:
    """Bytes left on the disk of ``store``'s snapshots, which is the database's own too on SQLite."""
    folder = store.database.snapshots.absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def living(store: Store, study: str) -> list[Worker]:
    """The workers of ``study`` that may be at work: all but those that are certainly over."""
    working = [worker for worker in store.workers(study) if worker.state is WorkerState.WORKING]
    return [worker for worker in working if not process.is_gone(worker.identity)]


def declare_dead_lost(store: Store, study: str) -> list[Worker]:
    """Declare lost the workers of ``study`` whose process is certainly over, and return them."""
    here = {worker.fence for worker in living(store, study)}
    dead = [w for w in store.workers(study) if w.state is WorkerState.WORKING and w.fence not in here]
    return store.lost(study, dead) if dead else []


def delete(store: Store, study: str) -> None:
    """Delete ``study`` with its files; StoreError while a worker that may be alive works on it."""
    declare_dead_lost(store, study)
    at_work = living(store, study)
    if at_work:
        raise StoreError(f"{who(at_work[0])} works on this study", "end that first, and wait until it has")
    snapshots = Snapshots(store)
    number = store.study_number(study)
    store.delete_study(study)  # first the rows: should this be killed, the files are orphans that doctor finds
    snapshots.remove_folder(number)
    shutil.rmtree(folder_beside(store.database, "programs") / str(number), ignore_errors=True)  # what its trials kept


def who(worker: Worker) -> str:
    """A worker, for people."""
    facts = worker.identity
    return f"worker {worker.fence} (process {facts.get('pid')} of {facts.get('user')} on {facts.get('host')})"


def _disk(store: Store) -> list[Finding]:
    left = room(store)
    if left >= ENOUGH_ROOM:
        return []
    what = f"the disk of the store has {left // 2**20} MiB left"
    return [Finding("", what, "make room, or go on with a store elsewhere", is_damage=False)]


def _workers(store: Store, study: str, repair: bool) -> Iterator[Finding]:
    here = {worker.fence for worker in living(store, study)}
    dead = [w for w in store.workers(study) if w.state is WorkerState.WORKING and w.fence not in here]
    lost = {worker.fence for worker in store.lost(study, dead)} if repair and dead else set()
    for worker in dead:
        finding = Finding(
            study, f"{who(worker)} is dead, and still holds its claims", "caviar doctor --repair frees them"
        )
        yield replace(finding, mended="declared lost, its claims freed" if worker.fence in lost else "")


def _claims(store: Store, study: str, repair: bool) -> Iterator[Finding]:
    """Claims of a worker that has ended, which the store itself never leaves."""
    ended = sa.select(WORKERS.c.fence).where(
        WORKERS.c.study == CLAIMS.c.study, WORKERS.c.state != str(WorkerState.WORKING)
    )
    with store.reading(study) as (connection, number):
        orphaned = (CLAIMS.c.study == number, CLAIMS.c.fence.in_(ended))
        n = connection.scalar(sa.select(sa.func.count()).select_from(CLAIMS).where(*orphaned)) or 0
    if not n:
        return
    finding = Finding(study, f"{n} pieces of work are claimed by workers that have ended", "caviar doctor --repair")
    if repair:
        with store.writing(study) as (connection, number):
            connection.execute(CLAIMS.delete().where(CLAIMS.c.study == number, CLAIMS.c.fence.in_(ended)))
        finding = replace(finding, mended="freed")
    yield finding


def _state(store: Store, study: str, repair: bool) -> Iterator[Finding]:
    """A study that says that it runs while nobody works on it."""
    record = store.study(study)
    if record.state is not StudyState.RUNNING or living(store, study):
        return
    finding = Finding(study, "it says that it is running, and nobody works on it", f"caviar resume {study}")
    if repair:
        store.finish_study(study, StudyState.INTERRUPTED, record.result, datetime.now(UTC).isoformat())
        finding = replace(finding, mended="now interrupted; caviar resume takes it up")
    yield finding


def _snapshots(store: Store, snapshots: Snapshots, study: str, repair: bool) -> Iterator[Finding]:
    for snapshot in snapshots.of_study(study):
        try:
            snapshots.check(study, snapshot)
        except SnapshotError as error:
            mended = ""
            if repair:
                snapshots.remove(study, snapshot.number, snapshot.repeat, snapshot.epoch)
                mended = "removed"
            yield Finding(study, error.rule, "the one before it is used", mended=mended)
    if living(store, study):
        return  # a file that has no row yet may be one that a worker is just saving
    orphans = snapshots.remove_orphans(study) if repair else snapshots.orphans(study)
    if orphans:
        what = f"{len(orphans)} snapshot files belong to no trial"
        yield Finding(study, what, "caviar doctor --repair removes them", mended="removed" if repair else "")


def _folders(snapshots: Snapshots, repair: bool) -> Iterator[Finding]:
    folders: list[Path] = snapshots.folders_without_a_study()
    if not folders:
        return
    if repair:
        snapshots.remove_folders_without_a_study()
    what = f"{len(folders)} folders of snapshots belong to no study, {str(folders[0])!r} say"
    yield Finding("", what, "caviar doctor --repair removes them", mended="removed" if repair else "")
