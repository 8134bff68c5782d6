"""The way back into a run whose process has ended: from which saved state it goes on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from caviar.errors import SnapshotAbsent, SnapshotError
from caviar.records import DiaryEntry, RunSnapshot
from caviar.runs.session import Session
from caviar.store.runs import Runs


def go_back_to_the_end(session: Session, who: str = "caviar", because: str = "") -> None:
    """After a kill or a Ctrl-C: go back to the newest state that was saved, or that was gone back to.

    ``who`` does so, and ``because``, the reason, are for the diary.

    A damaged one is named in the diary, and the one before it is taken. A snapshot that was marked as damaged earlier
    is taken if its checksum is right. Turns that were made since are lost with their mini-batches, and made again.
    Without any whole snapshot training begins again. Raises SnapshotAbsent where the state is away: it may come back.
    """
    because = "; ".join(filter(None, ["its process ended", because]))
    diary = session.diary_before
    turns = [entry for entry in diary if entry.kind == "turn"]
    for i, snapshot in _states(diary, session.snapshots.all):
        try:
            session.rollback(snapshot, who, because, kind="resumed")
        except SnapshotAbsent:
            if snapshot.state == "kept":
                raise
            continue
        except SnapshotError:
            continue  # it was written down
        turns = [entry for entry in diary[i:] if entry.kind == "turn"]
        break
    else:
        if session.run.parent is not None:  # its beginning is a state of another run
            raise SnapshotError(
                "no snapshot of this run is whole", f"begin another one: caviar branch {session.run.parent}"
            )
        session.line.back_to(0)
        text = f"from the beginning, for there is no snapshot: {because}"
        session.enter("resumed", who, text, {"snapshot": 0, "because": because})
    for entry in turns:
        session.turn({k: v[1] for k, v in entry.facts["turned"].items()}, entry.who, "as before the end")


def check_there(runs: Runs, name: str) -> None:
    """Raise SnapshotAbsent where the state from which run ``name`` would go on is away. Nothing is changed."""
    kept, snapshots = runs.files(name), runs.snapshots(name)
    for _, snapshot in _states(runs.diary(name), snapshots):
        if snapshot.state == "kept" and not kept.is_there(snapshot.path):
            away = sum(each.state == "kept" and not kept.is_there(each.path) for each in snapshots)
            others = f", and {away - 1} others" if away > 1 else ""
            raise kept.absent(f"snapshot {snapshot.number} of run {name!r} is not there{others}")
        if snapshot.state == "kept":
            return
        with suppress(SnapshotError):  # one that was called damaged, and is whole
            runs.load(name, snapshot)
            return


def _states(diary: Sequence[DiaryEntry], snapshots: Sequence[RunSnapshot]) -> Iterator[tuple[int, RunSnapshot]]:
    """The states to go on from, the newest first, each with its place in the diary; a removed one is none."""
    known = {snapshot.number: snapshot for snapshot in snapshots if snapshot.state != "removed"}
    for i in range(len(diary) - 1, -1, -1):
        if diary[i].kind not in ("snapshot", "rollback", "resumed"):
            continue
        snapshot = known.pop(diary[i].facts.get("snapshot", 0), None)  # it is tried once, however often it is named
        if snapshot is not None:
            yield i, snapshot
