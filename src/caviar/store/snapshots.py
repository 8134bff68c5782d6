"""Snapshots: saved states of trials and runs in files beside the database, and the one keeper of these files.

A state is written under another name, put on the disk, renamed, its folder put on the disk, and only then has it a row;
it is removed the other way round. So a file without a row is rubbish, which `caviar doctor` finds. The row has the size
and the SHA-256 of the file, which are compared when it is read: a flipped bit is found, and never trained on. A row
without its file is no damage: the disk may not be mounted, and the file is used when it is back. Names of files and
folders come from numbers and chance, never from a name that someone gave.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from caviar import files
from caviar.errors import SnapshotAbsent, SnapshotError, StoreAway, StoreError
from caviar.records import Lease
from caviar.store import states
from caviar.store.lease import check
from caviar.store.places import is_of
from caviar.store.schema import SNAPSHOTS
from caviar.store.store import Store

_STATE = r"\d+(-\d+){0,2}-[0-9a-f]{8,16}\.(safetensors|snapshot)"  # .snapshot: until schema 4
_FILE = re.compile(rf"{_STATE}|{_STATE}\.unfinished|\.{_STATE}\.[0-9a-f]{{8}}\.unfinished")


class Saved(NamedTuple):
    """A file of a state: its name in its folder, SHA-256 and bytes."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True)
class StateFiles:
    """The saved states of one study or run, in ``folder``, which need not be there."""

    folder: Path

    def write(self, stem: str, content: bytes, first: bool = True) -> Saved:
        """Put ``content`` (see states.pack) into a new file, whole and on the disk or not at all. Raises StoreError.

        ``first``: there are no others yet, and the folder may be made. It is not made again, for the others would be
        hidden in it when its disk is mounted.
        """
        path = f"{stem}-{secrets.token_hex(8)}.safetensors"
        try:
            if not first and not self.folder.is_dir():
                raise self.absent("the earlier snapshots are not there")
            files.make_private(self.folder)
            files.put(self.folder / path, content, files.PRIVATE)
        except OSError as error:
            raise StoreError(
                f"a snapshot cannot be written to {str(self.folder)!r}: {error.strerror}",
                "make room, and go on: the snapshots from before are untouched"
                if files.no_room(error)
                else "keep the store in a folder that you may write to",
            ) from error
        return Saved(path, hashlib.sha256(content).hexdigest(), len(content))

    def read(self, saved: Saved, label: str) -> Any:
        """The state in a file. Raises SnapshotError, which names ``label``, unless it is to the bit what was saved.

        It is a SnapshotAbsent where nothing could be read.
        """
        content = self.check(saved, label)
        try:
            return states.unpack(content)
        except SnapshotError as error:
            raise _damaged(saved, label, f"cannot be read: {error.rule}") from error

    def check(self, saved: Saved, label: str) -> bytes:
        """The bytes of a file. Raises SnapshotError as ``read`` does."""
        if re.fullmatch(_STATE, saved.path) is None:  # the row was changed by hand, and may lead anywhere
            raise _damaged(saved, label, "has a name that no snapshot has")
        path = self.folder / saved.path
        try:
            if path.is_symlink():
                raise self.absent(f"{label}, {saved.path!r}, is a link, which is not followed")
            if path.stat().st_size != saved.size:
                raise _damaged(saved, label, "has another size than was saved")
            content = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise self.absent(f"{label} is not there") from error
        except OSError as error:
            raise self.absent(f"{label} cannot be read ({error.strerror})") from error
        if hashlib.sha256(content).hexdigest() != saved.sha256:
            raise _damaged(saved, label, "is damaged: it is not what was saved, by its SHA-256")
        return content

    def is_there(self, path: str) -> bool:
        """True where there is a file of that name, whatever is in it."""
        return re.fullmatch(_STATE, path) is None or (self.folder / path).exists()

    def absent(self, what: str) -> SnapshotAbsent:
        """The error that says what is not there, and where it was looked for."""
        return SnapshotAbsent(
            f"{what}; looked for in {str(self.folder.absolute())!r}",
            "put the folder back, or mount its disk: nothing was changed. If it is gone for good: "
            "caviar doctor --repair --forget-missing",
        )

    def names(self) -> list[str]:
        """The names of states in the folder, whole or unfinished; other files are not ours."""
        with suppress(OSError):
            return sorted(name for name in os.listdir(self.folder) if _FILE.fullmatch(name))
        return []

    def orphans(self, known: Iterable[str]) -> list[str]:
        """Names of states that are not ``known``. While a process saves, its newest file may be among them."""
        return sorted(set(self.names()).difference(known))

    def remove(self, names: Iterable[str]) -> None:
        """Remove states; one that cannot be removed stays as an orphan."""
        for name in names:
            if _FILE.fullmatch(name):
                with suppress(OSError):
                    (self.folder / name).unlink(missing_ok=True)

    def remove_all(self) -> None:
        """Remove all states, the files of a program, and the folders that are empty then."""
        self.remove(self.names())
        shutil.rmtree(self.folder / "program", ignore_errors=True)
        for empty in (self.folder, self.folder.parent):
            with suppress(OSError):
                empty.rmdir()


def folders_without(parent: Path, store: str, known: Collection[str]) -> list[StateFiles]:
    """The folders in ``parent`` of studies or runs of ``store`` that are gone: their name is not among those ``known``.

    The folders of another store that was here stay: it may come back.
    """
    with suppress(OSError):
        gone = sorted(f for f in parent.iterdir() if is_of(store, f.name) and f.is_dir() and f.name not in known)
        return [StateFiles(folder) for folder in gone]
    return []


class Snapshot(NamedTuple):
    """One saved state: of trial (number, repeat) after ``epoch`` epochs; ``path`` is relative to the study's folder."""

    number: int
    repeat: int
    epoch: int
    path: str
    sha256: str
    size: int

    @property
    def saved(self) -> Saved:
        """Its file."""
        return Saved(self.path, self.sha256, self.size)

    @property
    def label(self) -> str:
        """Name for people."""
        repeat = f", repeat {self.repeat}" if self.repeat else ""
        return f"the snapshot of trial {self.number}{repeat} after epoch {self.epoch}"


_COLUMNS = [SNAPSHOTS.c[name] for name in Snapshot._fields]


class Snapshots:
    """The snapshots of trials of a store's studies."""

    def __init__(self, store: Store) -> None:
        self.damaged: list[SnapshotError] = []
        """Damage and absence that ``load`` met and passed by, for its caller to show."""
        self._database = store.database
        self._subjects = store.subjects

    @property
    def folder(self) -> Path:
        """The folder with a folder for each study that began here; it need not be there."""
        return self._database.folder("snapshots")

    def save(
        self, study: str, number: int, repeat: int, epoch: int, state: Any, lease: Lease | None = None
    ) -> Snapshot:
        """Save one ``state``: any tree of arrays, numbers and text. One saved before of that epoch is replaced.

        Raises StoreError where there is no room or the folder cannot be written, and everything from before is still
        there then; Fenced if ``lease`` was declared lost.
        """
        kept = self.files(study)
        number, repeat, epoch = int(number), int(repeat), int(epoch)
        first = kept.folder.is_dir() or not self.of_study(study)
        saved = kept.write(f"{number}-{repeat}-{epoch}", states.pack(state), first)
        snapshot = Snapshot(number, repeat, epoch, *saved)
        try:
            with self._subjects.writing(study) as (connection, row):
                if lease is not None:
                    check(connection, "study", row, lease)
                replaced = _forget(connection, row, snapshot.number, snapshot.repeat, snapshot.epoch)
                connection.execute(SNAPSHOTS.insert().values(study=row, **snapshot._asdict()))
        except StoreError as error:
            if not isinstance(error, StoreAway):  # refused, so there is no row
                kept.remove([saved.path])
            raise  # after all else, Ctrl-C included, there may be one: doctor knows a file without a row
        kept.remove(replaced)
        return snapshot

    def load(
        self, study: str, number: int, repeat: int, at_most_epoch: int, pass_absent: bool = True
    ) -> tuple[int, Any] | None:
        """The latest whole state of a trial, (epoch, state), not after ``at_most_epoch``; None if there is none.

        One that is damaged is put in ``damaged``, and the one before it is tried; so is one that is absent, unless
        ``pass_absent`` is False: then it is raised.
        """
        for snapshot in reversed(self.of_study(study, (number, repeat))):
            if snapshot.epoch <= at_most_epoch:
                try:
                    return snapshot.epoch, self.read(study, snapshot)
                except SnapshotError as error:
                    if isinstance(error, SnapshotAbsent) and not pass_absent:
                        raise
                    self.damaged.append(error)
        return None

    def absent(self, study: str, trials: Collection[int]) -> SnapshotAbsent | None:
        """The error that names the ``trials`` of ``study`` whose newest snapshot is away; None where all are there."""
        kept = self.files(study)
        newest = {saved.number: saved for saved in self.of_study(study) if saved.number in trials}
        away = [saved for saved in newest.values() if not kept.is_there(saved.path)]
        if not away:
            return None
        others = f", and {len(away) - 1} more" if len(away) > 1 else ""
        return kept.absent(f"{away[0].label} of study {study!r} is not there{others}")

    def read(self, study: str, snapshot: Snapshot) -> Any:
        """The state of one ``snapshot``; SnapshotError if its file is not, to the bit, what was saved."""
        return self.files(study).read(snapshot.saved, snapshot.label)

    def files(self, study: str) -> StateFiles:
        """The files of ``study``."""
        return StateFiles(self._subjects.place(study).folder(self._database, "snapshots"))

    def of_study(self, study: str, trial: tuple[int, int] | None = None) -> list[Snapshot]:
        """The snapshots of ``study``, or of one trial (number, repeat), by trial and epoch; no file is looked at."""
        with self._subjects.reading(study) as (connection, identity):
            query = sa.select(*_COLUMNS).where(SNAPSHOTS.c.study == identity)
            if trial is not None:
                query = query.where(SNAPSHOTS.c.number == trial[0], SNAPSHOTS.c.repeat == trial[1])
            query = query.order_by(SNAPSHOTS.c.number, SNAPSHOTS.c.repeat, SNAPSHOTS.c.epoch)
            return [Snapshot(*row) for row in connection.execute(query)]

    def bytes(self, study: str) -> int:
        """The bytes that the snapshots of ``study`` take."""
        return sum(snapshot.size for snapshot in self.of_study(study))

    def remove(self, study: str, number: int, repeat: int, epoch: int | None = None) -> None:
        """Remove the snapshots of a trial, or the one of ``epoch``; nothing happens where there are none."""
        self._remove(study, [(number, repeat, epoch)])

    def keep_within(
        self, study: str, budget_bytes: int, worst_first: Sequence[tuple[int, int]]
    ) -> list[tuple[int, int]]:
        """Remove the oldest snapshots of the trials in ``worst_first`` until the rest fits ``budget_bytes``.

        First each trial's older ones, the worst trial's first, then whole trials, the worst first. Returns the trials
        that have none left. A trial that is not in ``worst_first`` keeps what it has.
        """
        left = self.of_study(study)
        size = sum(snapshot.size for snapshot in left)
        of_trial = {trial: [s for s in left if (s.number, s.repeat) == trial] for trial in worst_first}
        older = [s for trial in worst_first for s in of_trial[trial][:-1]]
        latest = [s for trial in worst_first for s in of_trial[trial][-1:]]
        gone: list[Snapshot] = []
        for snapshot in [*older, *latest]:
            if size <= budget_bytes:
                break
            gone.append(snapshot)
            size -= snapshot.size
        self._remove(study, [(s.number, s.repeat, s.epoch) for s in gone])
        return [(s.number, s.repeat) for s in gone if s in latest]

    def _remove(self, study: str, keys: Sequence[tuple[int, int, int | None]]) -> None:
        if not keys:
            return
        with self._subjects.writing(study) as (connection, identity):
            paths = [path for key in keys for path in _forget(connection, identity, *key)]
        self.files(study).remove(paths)


def _forget(connection: sa.Connection, study: int, number: int, repeat: int, epoch: int | None) -> Sequence[str]:
    """Delete the rows of a trial, or of one epoch of it; returns the names of their files."""
    columns = SNAPSHOTS.c
    of_it = [columns.study == study, columns.number == number, columns.repeat == repeat]
    if epoch is not None:
        of_it.append(columns.epoch == epoch)
    paths = connection.scalars(sa.select(columns.path).where(*of_it)).all()
    connection.execute(SNAPSHOTS.delete().where(*of_it))
    return paths


def _damaged(saved: Saved, label: str, how: str) -> SnapshotError:
    return SnapshotError(
        f"{label}, {saved.path[:80]!r}, {how}", "the one before it is used; caviar doctor --repair removes it"
    )
