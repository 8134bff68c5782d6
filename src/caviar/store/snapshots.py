"""Snapshots: saved states of trials (weights, optimiser), so that an unfinished trial can be taken up where it was.

A snapshot is one file in a folder beside the database, one folder a study: an archive (see caviar.files) of a
safetensors file and a manifest with its SHA-256, and the SHA-256 of the whole file is in the database. It is written
under another name, put on the disk, renamed, its folder put on the disk, and only then has it a row; it is removed the
other way round. So a row without its file is damage, and a file without a row is rubbish, which `caviar doctor` finds.
Names of files come from numbers and chance, never from a name that someone gave.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa

from caviar import files
from caviar.errors import ModelError, SnapshotError, StoreError
from caviar.records import Worker
from caviar.store import claims
from caviar.store.backends.sqlite import sync_folder
from caviar.store.schema import SNAPSHOTS

if TYPE_CHECKING:
    from caviar.store.store import Store

FORMAT = 1
State = Mapping[str, np.ndarray[Any, Any]]

_ENTRY = "state.safetensors"
_NAME = re.compile(r"(\d+)-(\d+)-(\d+)-[0-9a-f]{16}\.snapshot")
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One saved state: of trial (number, repeat) after ``epoch`` epochs; ``path`` is relative to the study's folder."""

    number: int
    repeat: int
    epoch: int
    path: str
    sha256: str
    bytes: int


_COLUMNS = [SNAPSHOTS.c[name] for name in ("number", "repeat", "epoch", "path", "sha256", "bytes")]


class Snapshots:
    """The snapshots of a store's studies, in ``folder``, which is the store's own unless another is given."""

    def __init__(self, store: Store, folder: str | os.PathLike[str] | None = None) -> None:
        self.folder = Path(folder) if folder is not None else store.database.snapshots
        self.damaged: list[SnapshotError] = []
        """What ``load`` met and passed by, for its caller to show."""
        self._store = store

    def save(
        self, study: str, number: int, repeat: int, epoch: int, state: State, worker: Worker | None = None
    ) -> Snapshot:
        """Save one ``state``; see save_all."""
        return self.save_all(study, [(number, repeat, epoch, state)], worker)[0]

    def save_all(
        self, study: str, states: Sequence[tuple[int, int, int, State]], worker: Worker | None = None
    ) -> list[Snapshot]:
        """Save (number, repeat, epoch, state) for each, all of them or none; one saved before is replaced.

        Raises StoreError where there is no room or the folder cannot be written, and everything from before is still
        there then; Fenced if ``worker`` was declared lost.
        """
        identity = self._store.study_number(study)
        folder = self.folder / str(identity)
        written: list[Snapshot] = []
        try:
            with _explained(folder):
                folder.mkdir(parents=True, exist_ok=True)
                for number, repeat, epoch, state in states:
                    written.append(_write(folder, int(number), int(repeat), int(epoch), state))
                sync_folder(folder)
            with self._store.writing(study) as (connection, row):
                if worker is not None:
                    claims.beat(connection, row, worker)
                replaced = [path for s in written for path in _forget(connection, row, s.number, s.repeat, s.epoch)]
                if written:
                    rows = [{"study": row, **_values(snapshot)} for snapshot in written]
                    connection.execute(SNAPSHOTS.insert(), rows)
        except BaseException:
            _unlink(folder, [snapshot.path for snapshot in written])
            raise
        _unlink(folder, replaced)
        return written

    def load(self, study: str, number: int, repeat: int, at_most_epoch: int) -> tuple[int, dict[str, Any]] | None:
        """The latest whole state of a trial, (epoch, state), not after ``at_most_epoch``; None if there is none.

        A damaged one is put in ``damaged``, and the one before it is tried.
        """
        columns = SNAPSHOTS.c
        of_trial = (columns.number == number, columns.repeat == repeat, columns.epoch <= at_most_epoch)
        with self._store.reading(study) as (connection, identity):
            query = sa.select(*_COLUMNS).where(columns.study == identity, *of_trial).order_by(columns.epoch.desc())
            latest_first = [Snapshot(*row) for row in connection.execute(query)]
        for snapshot in latest_first:
            try:
                return snapshot.epoch, self.read(study, snapshot)
            except SnapshotError as error:
                self.damaged.append(error)
        return None

    def read(self, study: str, snapshot: Snapshot) -> dict[str, Any]:
        """The arrays of one ``snapshot``; SnapshotError if its file is not, to the bit, what was saved."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        file = _verified(self.folder / str(self._store.study_number(study)), snapshot)
        try:
            arrays: dict[str, Any] = load(files.unpack(file, FORMAT, [_ENTRY])[_ENTRY])
        except (ModelError, SafetensorError, ValueError) as error:
            raise _damaged(snapshot, f"cannot be read ({files.reason(error)})") from error
        return arrays

    def check(self, study: str, snapshot: Snapshot) -> None:
        """Raise SnapshotError unless ``snapshot``'s file is, to the bit, what was saved."""
        _verified(self.folder / str(self._store.study_number(study)), snapshot)

    def of_study(self, study: str) -> list[Snapshot]:
        """The snapshots of ``study`` by trial and epoch, the files not looked at."""
        with self._store.reading(study) as (connection, identity):
            query = sa.select(*_COLUMNS).where(SNAPSHOTS.c.study == identity)
            query = query.order_by(SNAPSHOTS.c.number, SNAPSHOTS.c.repeat, SNAPSHOTS.c.epoch)
            return [Snapshot(*row) for row in connection.execute(query)]

    def bytes(self, study: str | None = None) -> int:
        """How much room the snapshots of ``study``, or of all studies, take."""
        studies = [study] if study is not None else [known.name for known in self._store.studies()]
        return sum(snapshot.bytes for name in studies for snapshot in self.of_study(name))

    def remove(self, study: str, number: int, repeat: int, epoch: int | None = None) -> None:
        """Remove the snapshots of a trial, or the one of ``epoch``; nothing happens where there are none."""
        self._remove(study, [(number, repeat, epoch)])

    def prune(self, study: str, keep: Collection[tuple[int, int]], last: int = 2) -> None:
        """Remove all but the ``last`` snapshots of each trial (number, repeat) in ``keep``.

        Two are kept, so that there is one before a damaged one.
        """
        by_trial: dict[tuple[int, int], list[int]] = {}
        for snapshot in self.of_study(study):
            by_trial.setdefault((snapshot.number, snapshot.repeat), []).append(snapshot.epoch)
        gone = [
            (*trial, epoch)
            for trial, epochs in by_trial.items()
            for epoch in (epochs[:-last] if trial in keep and last else epochs)
        ]
        self._remove(study, gone)

    def keep_within(
        self, study: str, budget_bytes: int, worst_first: Sequence[tuple[int, int]]
    ) -> list[tuple[int, int]]:
        """Remove the oldest snapshots of the trials in ``worst_first`` until what is left fits ``budget_bytes``.

        First each trial's older ones, the worst trial's first, then whole trials, the worst first. Returns the trials
        that have none left. A trial that is not in ``worst_first`` keeps what it has.
        """
        left = self.of_study(study)
        size = sum(snapshot.bytes for snapshot in left)
        of_trial = {trial: [s for s in left if (s.number, s.repeat) == trial] for trial in worst_first}
        older = [s for trial in worst_first for s in of_trial[trial][:-1]]
        latest = [s for trial in worst_first for s in of_trial[trial][-1:]]
        gone: list[Snapshot] = []
        for snapshot in [*older, *latest]:
            if size <= budget_bytes:
                break
            gone.append(snapshot)
            size -= snapshot.bytes
        self._remove(study, [(s.number, s.repeat, s.epoch) for s in gone])
        return [(s.number, s.repeat) for s in gone if s in latest]

    def remove_folder(self, number: int) -> None:
        """Remove the files of the study that had the ``number`` in the store and is deleted."""
        folder = self.folder / str(number)
        _unlink(folder, _files(folder))
        for empty in (folder, self.folder):
            with suppress(OSError):
                empty.rmdir()

    def orphans(self, study: str) -> list[str]:
        """Names of snapshot files, whole or unfinished, in the folder of ``study`` that have no row.

        While a worker saves, its newest file may be among them.
        """
        known = {snapshot.path for snapshot in self.of_study(study)}
        folder = self.folder / str(self._store.study_number(study))
        return [name for name in _files(folder) if name not in known]

    def remove_orphans(self, study: str) -> list[str]:
        """Remove them, and return their names; only while nobody works on ``study``."""
        names = self.orphans(study)
        _unlink(self.folder / str(self._store.study_number(study)), names)
        return names

    def folders_without_a_study(self) -> list[Path]:
        """Folders of studies that the store does not have any more."""
        numbers = {str(self._store.study_number(study.name)) for study in self._store.studies()}
        with suppress(OSError):
            return sorted(f for f in self.folder.iterdir() if f.name.isdigit() and f.is_dir() and f.name not in numbers)
        return []

    def remove_folders_without_a_study(self) -> list[Path]:
        """Remove the snapshots in them, and return them; what else is in them stays."""
        folders = self.folders_without_a_study()
        for folder in folders:
            _unlink(folder, _files(folder))
            with suppress(OSError):
                folder.rmdir()
        return folders

    def _remove(self, study: str, keys: Sequence[tuple[int, int, int | None]]) -> None:
        if not keys:
            return
        with self._store.writing(study) as (connection, identity):
            paths = [path for key in keys for path in _forget(connection, identity, *key)]
        _unlink(self.folder / str(identity), paths)


def _write(folder: Path, number: int, repeat: int, epoch: int, state: State) -> Snapshot:
    """The file of one snapshot, whole and on the disk; its name not yet."""
    from safetensors.numpy import save

    arrays = {name: np.asarray(array, order="C") for name, array in state.items()}
    facts = {"format": FORMAT, "number": number, "repeat": repeat, "epoch": epoch}
    file = files.pack({_ENTRY: save(arrays)}, facts)
    name = f"{number}-{repeat}-{epoch}-{secrets.token_hex(8)}.snapshot"
    unfinished = folder / f"{name}.unfinished"
    try:
        with unfinished.open("xb") as to:
            to.write(file)
            to.flush()
            os.fsync(to.fileno())
        os.replace(unfinished, folder / name)
    except BaseException:
        _unlink(folder, [unfinished.name])
        raise
    return Snapshot(number, repeat, epoch, name, hashlib.sha256(file).hexdigest(), len(file))


def _verified(folder: Path, snapshot: Snapshot) -> bytes:
    """The bytes of ``snapshot``'s file, if they are those that were saved; else SnapshotError."""
    if _NAME.fullmatch(snapshot.path) is None:  # the row was changed by hand, and may lead anywhere
        raise _damaged(snapshot, "has a name that no snapshot has")
    path = folder / snapshot.path
    try:
        if path.is_symlink() or path.stat().st_size != snapshot.bytes:
            raise _damaged(snapshot, "has another size than was saved")
        file = path.read_bytes()
    except OSError as error:
        raise _damaged(snapshot, f"cannot be read ({error.strerror})") from error
    if hashlib.sha256(file).hexdigest() != snapshot.sha256:
        raise _damaged(snapshot, "is not what was saved, by its SHA-256")
    return file


def _forget(connection: sa.Connection, study: int, number: int, repeat: int, epoch: int | None) -> Sequence[str]:
    """Delete the rows of a trial, or of one epoch of it; returns the names of their files."""
    columns = SNAPSHOTS.c
    of_it = [columns.study == study, columns.number == number, columns.repeat == repeat]
    if epoch is not None:
        of_it.append(columns.epoch == epoch)
    paths = connection.scalars(sa.select(columns.path).where(*of_it)).all()
    connection.execute(SNAPSHOTS.delete().where(*of_it))
    return paths


def _values(snapshot: Snapshot) -> dict[str, Any]:
    return {column.name: getattr(snapshot, column.name) for column in _COLUMNS}


def _files(folder: Path) -> list[str]:
    """The names of snapshots in ``folder``, whole or unfinished."""
    with suppress(OSError):
        return sorted(name for name in os.listdir(folder) if _NAME.fullmatch(name.removesuffix(".unfinished")))
    return []


def _unlink(folder: Path, names: Sequence[str]) -> None:
    for name in names:
        if _NAME.fullmatch(name.removesuffix(".unfinished")):
            with suppress(OSError):  # then it stays as an orphan
                (folder / name).unlink(missing_ok=True)


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turn what the disk says of ``folder`` into a StoreError."""
    try:
        yield
    except OSError as error:
        full = error.errno in _NO_ROOM
        raise StoreError(
            f"a snapshot cannot be written to {str(folder)!r}: {error.strerror}",
            "make room, and go on: the snapshots from before are untouched"
            if full
            else "keep the store in a folder that you may write to",
        ) from error


def _damaged(snapshot: Snapshot, how: str) -> SnapshotError:
    repeat = f", repeat {snapshot.repeat}" if snapshot.repeat else ""
    return SnapshotError(
        f"the snapshot of trial {snapshot.number}{repeat} after epoch {snapshot.epoch}, {snapshot.path[:80]!r}, {how}",
        "the one before it is used; caviar doctor --repair removes it",
    )
