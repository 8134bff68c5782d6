"""Ask a run for something from outside of its process, and look at it: through the store, like a browser would."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from caviar.errors import StoreError
from caviar.records import (
    Intervention,
    InterventionState,
    Run,
    RunKind,
    RunSnapshot,
    Value,
)
from caviar.records.line import best_of, goal_of, present_line
from caviar.records.names import cleaned
from caviar.runs import knobs
from caviar.runs.interventions import check
from caviar.runs.retention import best_saved
from caviar.runs.snapshots import snapshot_numbered
from caviar.store import Store
from caviar.store.process import person
from caviar.store.runs import Runs, is_running

WAIT = 3.0
"""Seconds that ``intervene`` waits for the outcome: six times what a run needs, unless a mini-batch is longer."""


def ask(
    runs: Runs, run: str, kind: str, arguments: Mapping[str, Any], because: str = "", who: str | None = None
) -> Intervention:
    """Write an intervention for ``run`` down, which its process applies at the next opportunity.

    A mistake is refused here, before anything is written: an unknown knob, a value outside of its limits or of what the
    network can be trained with, a snapshot that is not there any more, a run that is over. Raises UserMistake.
    """
    check(kind, arguments)
    if kind == "turn":
        knobs.check_turn(runs.run(run), arguments)
    if kind == "rollback" and arguments.get("snapshot") is not None:
        snapshot_numbered(runs.snapshots(run), int(arguments["snapshot"]))
    return runs.intervene(run, kind, arguments, cleaned(who or person()), cleaned(because))


def intervene(
    run: str,
    kind: str,
    arguments: Mapping[str, Any],
    store: str,
    because: str = "",
    who: str | None = None,
    wait: float = WAIT,
) -> Intervention:
    """Intervene in run ``run``, wait up to ``wait`` seconds for the outcome, and return the intervention as it is then.

    Raises UserMistake, as ``ask`` does.
    """
    with Store.open(store, create=False) as opened:
        runs = Runs(opened)
        asked = ask(runs, run, kind, arguments, because, who)
        record, ended = runs.run(run), time.monotonic() + wait
        while asked.state is InterventionState.WAITING and time.monotonic() < ended and is_running(record):
            time.sleep(0.05)
            asked = runs.interventions(run)[asked.number - 1]
    return asked


def check_taken(run: str, asked: Intervention) -> None:
    """Raise StoreError for an intervention that its run has refused."""
    if asked.state is InterventionState.REFUSED:
        rule, way_out = asked.refusal
        raise StoreError(f"run {run!r} refused: {rule}", way_out or f"caviar diary {run} tells more")


def is_held(run: str, store: str) -> bool:
    """True if a process holds ``run``, as far as this machine can know."""
    with Store.open(store, create=False) as opened:
        return is_running(Runs(opened).run(run))


def going_on(name: str, store: str) -> str | None:
    """The meaning of ``caviar resume NAME``: None where a study is meant.

    "paused" is a run that a process holds, "ended" one that none does. A run that is over is meant only where there is
    no study of the name: then a StoreError says so.
    """
    with Store.open(store, create=False) as opened:
        runs = Runs(opened)
        if name not in runs.subjects.names():
            return None
        run = runs.run(name)
        if run.state.is_over:
            if any(study.name == name for study in opened.studies()):
                return None
            raise StoreError(f"run {name!r} is {run.state}", f"begin from one of its snapshots: caviar branch {name}")
    return "paused" if is_running(run) else "ended"


def snapshot_at(snapshots: list[RunSnapshot], epoch: int) -> RunSnapshot:
    """The newest snapshot that was taken at the end of ``epoch``. Raises StoreError."""
    kept = [s for s in snapshots if s.state == "kept"]
    for snapshot in reversed(kept):
        if snapshot.clock.epoch == epoch:
            return snapshot
    epochs = ", ".join(map(str, sorted({s.clock.epoch for s in kept})))
    raise StoreError(
        f"there is no snapshot of epoch {epoch} any more" if kept else "there is no snapshot",
        f"there are some of these epochs: {epochs}" if kept else "take one first: caviar snapshot",
    )


def changes_of(run: str, assignments: Sequence[str], store: str) -> dict[str, Value]:
    """The changes that ``name=value`` texts ask for of ``run``."""
    with Store.open(store, create=False) as opened:
        return changes_for(Runs(opened).run(run), assignments)


def changes_for(run: Run, assignments: Sequence[str]) -> dict[str, Value]:
    """The same for a run that is known: of a network, the changes have to be within the limits of the knobs."""
    changes = knobs.parse(assignments)
    if run.kind is RunKind.NETWORK:
        knobs.check(changes)
    return changes


def snapshot_of(run: str, epoch: int | str | None, number: int | None, store: str) -> int | None:
    """The number of the snapshot that a number, an epoch or "best" names; None where none of them is given."""
    if epoch is not None and number is not None:
        raise StoreError("a snapshot is named by its epoch or by its number, got both", "leave one of them out")
    if epoch is None:
        return number
    with Store.open(store, create=False) as opened:
        runs = Runs(opened)
        if isinstance(epoch, int):
            return snapshot_at(runs.snapshots(run), epoch).number
        best = best_of(present_line(runs.measurements(run)), goal_of(runs.run(run)))
        found = best_saved(runs.snapshots(run), best)
        if found is None:
            raise StoreError("there is no snapshot of a measured epoch", "wait for the end of an epoch")
        return found.number


def branch_point(run: str, epoch: int | str | None, number: int | None, store: str) -> int:
    """The number of the snapshot to branch from: by default the newest that is there."""
    found = snapshot_of(run, epoch, number, store)
    with Store.open(store, create=False) as opened:
        snapshots = Runs(opened).snapshots(run)
    if found is None:
        found = next((s.number for s in reversed(snapshots) if s.state == "kept"), 0)
    return snapshot_numbered(snapshots, found).number
