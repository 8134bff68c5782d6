"""What is wrong with runs, mending of what can be mended, and deleting them: examination.py for what the panda keeps.

A study and a run may have one name, for each is told from the other by its table. Who means one of them by a name
asks ``is_run``, which guesses nothing where both are there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from caviar.errors import SnapshotError, StoreError, did_you_mean
from caviar.records import RunSnapshot, RunState
from caviar.store import state_files
from caviar.store.finding import Finding
from caviar.store.runs import Runs, is_kept
from caviar.store.store import Store

_STATE = r"\d{6,}-[0-9a-f]{8}\.safetensors"
_FILE = re.compile(rf"{_STATE}|\.{_STATE}\.[0-9a-f]{{8}}\.unfinished")


def is_run(store: Store, name: str, wanted: bool | None = None) -> bool:
    """Whether ``name`` means a run, and not a study; ``wanted`` says it where there is one of each.

    Raises StoreError where there is no such study or run, or both and nothing is ``wanted``.
    """
    studies, runs = [study.name for study in store.studies()], [run.name for run in Runs(store).all()]
    if wanted is None and name in studies and name in runs:
        raise StoreError(f"the store has a study {name!r} and a run {name!r}", "say which one: --study or --run")
    if wanted is not None or name in studies or name in runs:
        return wanted if wanted is not None else name in runs
    shown = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name[:60])
    raise StoreError(f"the store has no study or run {shown!r}", did_you_mean(shown, [*studies, *runs]))


def examine_run(store: Store, name: str, repair: bool) -> Iterator[Finding]:
    """What is wrong with run ``name``; with ``repair``, mend it, unless a process keeps it."""
    runs = Runs(store)
    run, snapshots = runs.run(name), runs.snapshots(name)
    kept, folder = is_kept(run), runs.folder / str(runs.number(name))
    damaged, found = _damaged(folder, snapshots), []
    if run.state is RunState.RUNNING and not kept:
        gone = "its process has ended" if run.keeper is not None else "no process has taken it up"
        finding = Finding("", f"it says that it is running, and {gone}", f"caviar resume {name}", run=name)
        found.append((finding, "now interrupted; caviar resume takes it up"))
    for snapshot, rule in damaged:
        finding = Finding("", f"snapshot {snapshot.number}: {rule}", "the one before it is used", run=name)
        found.append((finding, "marked as damaged"))
    bad = [replace(snapshot, state="damaged") for snapshot, _ in damaged]
    mended = repair and bool(found) and not kept and runs.mend(run, bad)
    yield from (replace(finding, mended=how if mended else "") for finding, how in found)
    known = {snapshot.path for snapshot in snapshots if snapshot.state != "removed"}
    orphans = [] if kept else [file for file in _files(folder) if file not in known]
    if orphans:
        what, way_out = f"{len(orphans)} files belong to none of its snapshots", "caviar doctor --repair removes them"
        removed = repair and not is_kept(runs.run(name))
        if removed:
            _unlink(folder, orphans)
        yield Finding("", what, way_out, mended="removed" if removed else "", run=name)


def examine_folders(store: Store, repair: bool) -> Iterator[Finding]:
    """Folders of runs that the store does not have any more."""
    runs = Runs(store)
    numbers = {str(runs.number(run.name)) for run in runs.all()}
    folders: list[Path] = []
    with suppress(OSError):
        folders = sorted(f for f in runs.folder.iterdir() if f.name.isdigit() and f.is_dir() and f.name not in numbers)
    if folders:
        for folder in folders if repair else []:
            _remove_folder(folder)
        what = f"{len(folders)} folders of snapshots belong to no run, {str(folders[0])!r} say"
        yield Finding("", what, "caviar doctor --repair removes them", mended="removed" if repair else "")


def delete_run(store: Store, name: str) -> None:
    """Delete run ``name`` with its files; StoreError while a process may be keeping it, or it has branches."""
    runs = Runs(store)
    folder = runs.folder / str(runs.number(name))
    runs.delete(name)  # first the rows: should this be killed, the files are orphans that doctor finds
    _remove_folder(folder)


def _damaged(folder: Path, snapshots: Sequence[RunSnapshot]) -> list[tuple[RunSnapshot, str]]:
    """The snapshots whose files are not what was saved, with what is wrong with each."""
    damaged = []
    for snapshot in snapshots:
        if snapshot.state == "kept":
            try:
                state_files.check(folder / snapshot.path, snapshot.sha256)
            except SnapshotError as error:
                damaged.append((snapshot, error.rule))
    return damaged


def _files(folder: Path) -> list[str]:
    """The names of states in ``folder``, whole or unfinished."""
    with suppress(OSError):
        return sorted(name for name in os.listdir(folder) if _FILE.fullmatch(name))
    return []


def _unlink(folder: Path, names: Sequence[str]) -> None:
    for name in names:
        with suppress(OSError):  # then it stays as an orphan
            (folder / name).unlink(missing_ok=True)


def _remove_folder(folder: Path) -> None:
    """Remove the states in ``folder``; what else is in it stays."""
    _unlink(folder, _files(folder))
    for empty in (folder, folder.parent):
        with suppress(OSError):
            empty.rmdir()
