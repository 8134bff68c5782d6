"""Results that wait for a store that cannot be reached: in memory, beyond a bound on disk, and kept in a file.

A batch is what one transaction writes: the arguments of ``Store.write`` or ``Runs.write`` by name, lists of records but
for ``progress`` and ``at``. The file of a process that gave up is beside the store, or in the temporary folder where
that has no room. It is named by the token of the process's lease, which nobody else has.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

from caviar.errors import StoreAway
from caviar.records import (
    Box,
    Clock,
    Comparison,
    DiaryEntry,
    Intervention,
    InterventionState,
    Measurement,
    RunMeasurement,
    RunSnapshot,
    Trial,
    TrialState,
)
from caviar.store.database import Database

Batch = dict[str, Any]

MOST_IN_MEMORY = 20_000
"""Records that wait in memory; more go to a file without a name, which is gone with its process."""

_RECORDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (Box, Clock, Comparison, DiaryEntry, Intervention, Measurement, RunMeasurement, RunSnapshot, Trial)
}
_STATES: dict[str, Any] = {"Trial": TrialState, "Intervention": InterventionState}
_RESULTS = ("trials", "measurements", "comparisons", "diary")


class Waiting:
    """Batches in the order in which they came; later ones are added to one that nobody has taken yet."""

    def __init__(self) -> None:
        self.results = 0
        """Trials, measurements and lines of a diary that wait."""
        self._last: Batch = {}
        self._records = 0  # in the last batch
        self._refused = 0  # of these, when the disk had no room for them
        self._file: IO[str] | None = None
        self._lines = 0  # of the file that nobody has taken
        self._at = 0  # where the first of these begins

    def __bool__(self) -> bool:
        return bool(self._lines or self._last)

    def add(self, batch: Mapping[str, Any]) -> None:
        """Put ``batch`` behind the others."""
        for name, value in batch.items():
            _merge(self._last, name, value)
        self.results += results_in(batch)
        self._records += sum(len(value) for name, value in batch.items() if name != "progress" and value)
        if self._records > MOST_IN_MEMORY + self._refused:
            self._spill()

    def take(self) -> Batch:
        """Take the first batch out."""
        if self._lines:
            assert self._file is not None
            self._file.seek(self._at)
            batch: Batch = from_plain(json.loads(self._file.readline()))
            self._at, self._lines = self._file.tell(), self._lines - 1
            if not self._lines:
                self._file.close()
                self._file = None
        else:
            batch, self._last, self._records, self._refused = self._last, {}, 0, 0
            if "trials" in batch:
                batch["trials"] = list(batch["trials"].values())
        self.results -= results_in(batch)
        return batch

    def close(self) -> None:
        """Forget all that waits."""
        if self._file is not None:
            self._file.close()
        self._file, self._lines, self._last = None, 0, {}

    def lines(self) -> Iterator[str]:
        """All batches as lines of text; they stay."""
        if self._file is not None:
            self._file.seek(self._at)
            for _ in range(self._lines):
                yield self._file.readline()
        if self._last:
            yield line_of(self._last)

    def _spill(self) -> None:
        self._refused = self._records
        with suppress(OSError):  # a full disk: memory has to do, and is not written out again for every batch
            if self._file is None:
                self._file = tempfile.TemporaryFile("w+", encoding="utf-8", prefix="caviar-")  # noqa: SIM115
                self._at = 0
            self._file.seek(0, os.SEEK_END)
            end = self._file.tell()
            try:
                self._file.write(line_of(self._last))
                self._file.flush()
            except OSError:
                self._file.seek(end)
                self._file.truncate()
                raise
            self._lines += 1
            self._last, self._records, self._refused = {}, 0, 0


def _merge(batch: Batch, name: str, value: Any) -> None:
    """Add ``value`` to what ``batch`` has under ``name``; it shares no list with its caller."""
    if not value:
        return
    if name == "progress":
        batch[name] = value
    elif name == "trials":
        batch.setdefault(name, {}).update({(trial.number, trial.repeat): trial for trial in value})
    elif name == "at":
        times = batch.setdefault(name, {})
        for key, (began, ended) in value.items():
            before = times.get(key, (None, None))
            times[key] = (before[0] if began is None else began, before[1] if ended is None else ended)
    else:
        batch.setdefault(name, []).extend(value)


def results_in(batch: Mapping[str, Any]) -> int:
    """Count the results in ``batch``, for people."""
    return sum(len(batch.get(name) or ()) for name in _RESULTS)


# --- the file of a process that gave up ---


class Room(NamedTuple):
    """A ``folder`` for the files, made where it is not there; the folder ``within`` is not: its project was moved."""

    folder: Path
    within: Path


def places(database: Database) -> list[Room]:
    """Rooms for the files: beside the store, and in the temporary folder, where this user alone may look."""
    beside, temporary = database.folder("waiting").absolute(), Path(tempfile.gettempdir())
    within = beside.parent if database.home is not None else beside.parent.parent
    return [Room(beside, within), Room(temporary / f"caviar-{os.getuid()}" / "waiting", temporary)]


def keep(rooms: list[Room], token: str, head: Mapping[str, Any], lines: Iterator[str]) -> Path:
    """Write ``head`` and ``lines`` to the file of lease ``token``, whole, and return its path. Raises StoreAway."""
    text = [json.dumps(head) + "\n", *lines]
    trouble = ""
    for folder, within in rooms:
        path = folder / f"{token}.jsonl"
        unfinished = path.with_suffix(".unfinished")
        try:
            within.stat()
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check_mine(folder)
            with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                file.writelines(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, path)
        except OSError as error:
            trouble = trouble or f"{error.strerror or error}"
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            continue
        return path
    raise StoreAway(
        f"what waits for the store cannot be kept in {str(rooms[0].folder)!r} either: {trouble}", "make room"
    )


class KeptFile:
    """The file of the lease ``token`` while its process lives: another one takes its place, or it is removed."""

    def __init__(self, rooms: list[Room], token: str) -> None:
        self._rooms = rooms
        self._token = token
        self._path: Path | None = None

    def write(self, head: Mapping[str, Any], lines: Sequence[str]) -> Path | None:
        """Keep ``head`` and ``lines``, and no others; see ``keep``. None, and no file, where there are no lines."""
        if not lines:
            self.remove()
            return None
        path = keep(self._rooms, self._token, head, iter(lines))
        if self._path != path:
            self.remove()
        self._path = path
        return path

    def remove(self) -> None:
        """Remove the file, if there is one: some of it is written now."""
        if self._path is not None:
            with suppress(OSError):
                self._path.unlink()
            self._path = None


def kept(rooms: list[Room], token: str) -> Path | None:
    """The file of lease ``token``, if there is one and it is this user's."""
    for folder, _ in rooms:
        path = folder / f"{token}.jsonl"
        with suppress(OSError):
            if path.is_file() and not path.is_symlink():
                _check_mine(folder)
                _check_mine(path)
                return path
    return None


def read_kept(path: Path) -> tuple[dict[str, Any], Iterator[Batch]]:
    """The head of a file that was kept, and its batches."""
    lines = iter(path.read_text(encoding="utf-8").splitlines())
    head: dict[str, Any] = json.loads(next(lines))
    return head, (from_plain(json.loads(line)) for line in lines)


def _check_mine(path: Path) -> None:
    """OSError where another user could have put something there."""
    if path.stat().st_uid != os.getuid():
        raise PermissionError(1, "it belongs to another user")


# --- plain text ---


def line_of(batch: Batch) -> str:
    """A batch as a line of JSON."""
    if isinstance(batch.get("trials"), dict):
        batch = {**batch, "trials": list(batch["trials"].values())}
    return json.dumps(to_plain(batch)) + "\n"


def to_plain(value: Any) -> Any:
    """``value`` as plain data that ``from_plain`` reads: a record with its name, a dict as its items."""
    if isinstance(value, Mapping):
        return {"dict": [[to_plain(key), to_plain(item)] for key, item in value.items()]}
    name = type(value).__name__
    if name in _RECORDS:
        names = [f.name for f in fields(value)] if is_dataclass(value) else value._fields
        return {name: {each: to_plain(getattr(value, each)) for each in names}}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    return value


def from_plain(plain: Any) -> Any:
    """The inverse of ``to_plain``, but that a tuple is a list; a key is a tuple again."""
    if isinstance(plain, list):
        return [from_plain(item) for item in plain]
    if not isinstance(plain, dict):
        return plain
    ((name, content),) = plain.items()
    if name == "dict":
        items = [(from_plain(key), from_plain(item)) for key, item in content]
        return {tuple(key) if isinstance(key, list) else key: item for key, item in items}
    values = {each: from_plain(item) for each, item in content.items()}
    if name in _STATES:
        values["state"] = _STATES[name](values["state"])
    return _RECORDS[name](**values)
