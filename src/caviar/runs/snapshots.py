"""The saved states of one run: written, read back, and removed when the disk budget is spent."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from caviar.errors import SnapshotAbsent, SnapshotError
from caviar.ranges import check_range
from caviar.records import Clock, RunMeasurement, RunSnapshot, RunSpec
from caviar.runs.retention import best_saved, to_remove
from caviar.store.delivery import Delivery
from caviar.store.runs import Runs, now
from caviar.store.snapshots import Saved


def check_budget(spec: RunSpec) -> None:
    """Raise ConfigError for a disk budget, or seconds between snapshots, that no run can have."""
    check_range("disk_bytes", spec.disk_bytes)
    check_range("snapshot_seconds", spec.snapshot_seconds)


def snapshot_numbered(snapshots: list[RunSnapshot], number: int) -> RunSnapshot:
    """The snapshot of that number, if it is still there. Raises SnapshotError."""
    found = next((s for s in snapshots if s.number == number), None)
    if found is None or found.state != "kept":
        kept = ", ".join(str(s.number) for s in snapshots if s.state == "kept")
        gone = "was removed, to stay within the disk budget" if found and found.state == "removed" else "is damaged"
        raise SnapshotError(
            f"snapshot {number} {gone}" if found else f"there is no snapshot {number}",
            f"these are there: {kept}" if kept else "take one first: caviar snapshot",
        )
    return found


class SavedStates:
    """The snapshots of the run that this process holds; ``all`` has every one, oldest first.

    A run may have thousands of them, so what is asked for after each epoch is counted along.
    """

    def __init__(self, runs: Runs, delivery: Delivery, disk_bytes: int) -> None:
        name = delivery.lease.name
        self.all = runs.snapshots(name)
        self.count = self._bytes = 0  # of those that are kept
        self._at: dict[tuple[int, int], int] = {}  # the newest that is kept, by epoch and step
        for snapshot in self.all:
            self._counted(snapshot, 1)
        self._delivery = delivery
        self._files = runs.files(name)
        self._disk_bytes = disk_bytes

    @property
    def facts(self) -> dict[str, Any]:
        """The number, the size and the folder of those that are kept."""
        folder = str(self._files.folder.absolute())
        return {"snapshots": self.count, "snapshot_bytes": self._bytes, "snapshot_folder": folder}

    @property
    def kept(self) -> list[RunSnapshot]:
        """Those that can be gone back to, oldest first."""
        return [s for s in self.all if s.state == "kept"]

    def of_best(self, best: RunMeasurement | None) -> RunSnapshot | None:
        """See ``best_saved``."""
        number = None if best is None else self._at.get((best.clock.epoch, best.clock.step))
        return best_saved(self.all, best) if number is None else self.all[self._place(number)]

    def write(
        self, content: bytes, clock: Clock, reason: str, loss: float | None, needed: Collection[int] = ()
    ) -> RunSnapshot:
        """Put ``content`` into a file and return its snapshot, of which the store has no row yet: see ``add``.

        Older ones are removed first where the disk budget asks for it, but for those whose numbers are ``needed``.
        Raises StoreError where the disk is full.
        """
        number = self.all[-1].number + 1 if self.all else 1
        room = max(self._disk_bytes - len(content), 0)
        for old in to_remove(self.all, room, needed) if self._bytes > room else ():
            self._remove(old)
        saved = self._files.write(f"{number:06}", content, first=not self.count)
        return RunSnapshot(number, clock, reason, loss, *saved, now())

    def add(self, snapshot: RunSnapshot) -> None:
        """Count ``snapshot`` among the others, once its row is in the store; or put it in the place of its number."""
        place = self._place(snapshot.number)
        if place < len(self.all) and self.all[place].number == snapshot.number:
            self._counted(self.all[place], -1)
            self.all[place] = snapshot
        else:
            self.all.insert(place, snapshot)
        self._counted(snapshot, 1)

    def _place(self, number: int) -> int:
        return bisect_left(self.all, number, key=lambda snapshot: snapshot.number)

    def _counted(self, snapshot: RunSnapshot, sign: int) -> None:
        if snapshot.state != "kept":
            return
        self.count += sign
        self._bytes += sign * snapshot.size
        at = snapshot.clock.epoch, snapshot.clock.step
        if sign > 0:
            self._at[at] = max(snapshot.number, self._at.get(at, 0))
        elif self._at.get(at) == snapshot.number:
            del self._at[at]

    def read(self, snapshot: RunSnapshot) -> Any:
        """The tree that was saved. Raises SnapshotError where the file is damaged, SnapshotAbsent where it is away.

        Damage is written down, and so is a snapshot that was taken for damaged and is whole; one that is away stays as
        it is. The store is not read: it may be away.
        """
        try:
            saved = self._files.read(
                Saved(snapshot.path, snapshot.sha256, snapshot.size), f"snapshot {snapshot.number}"
            )
        except SnapshotAbsent:
            raise
        except SnapshotError:
            self._mark(snapshot, "damaged")
            raise
        if snapshot.state == "damaged":
            self._mark(snapshot, "kept")
        return saved

    def _mark(self, snapshot: RunSnapshot, state: str) -> None:
        marked = replace(snapshot, state=state)
        self._delivery.write(snapshots=[marked])
        self.add(marked)

    def _remove(self, snapshot: RunSnapshot) -> None:
        """Change the row first: a file without a row is rubbish, a row without its file would be a lie."""
        if self._delivery.is_behind:
            return  # the store is away: there is room for it until it is back
        gone = replace(snapshot, state="removed")
        self._delivery.write(snapshots=[gone])
        if self._delivery.is_behind:
            return
        self.add(gone)
        self._files.remove([snapshot.path])
