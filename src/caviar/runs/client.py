"""Tell a run something from outside of its process, and look at it: through the store, like a browser would."""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from caviar.errors import StoreError
from caviar.records import DiaryEntry, Intervention, InterventionState, Run, RunMeasurement, RunSnapshot
from caviar.runs import knobs
from caviar.runs.interventions import check

WAIT = 3.0
"""Seconds that ``tell`` waits for an order to be obeyed: six times what a run needs, unless a mini-batch is longer."""


def me() -> str:
    """Who gives orders from here."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def tell(
    run: str,
    kind: str,
    arguments: Mapping[str, Any],
    store: str,
    because: str = "",
    who: str | None = None,
    wait: float = WAIT,
    sleep: Callable[[float], None] = time.sleep,
) -> Intervention:
    """Give run ``run`` an order and wait a while for it to be obeyed; the order as it stands then.

    A mistake is refused here, before anything is written: an unknown knob, a value outside of its limits or of what the
    network can be trained with, a snapshot that is not there any more, a run that is over. Raises UserMistake.
    """
    from caviar.store import Store
    from caviar.store.runs import Runs

    check(kind, arguments)
    with Store.open(store, create=False) as opened:
        runs = Runs(opened)
        record = runs.run(run)
        if kind == "turn":
            _check_turn(record, arguments)
        if kind == "rollback" and arguments.get("snapshot") is not None:
            snapshot_numbered(runs.snapshots(run), int(arguments["snapshot"]))
        order = runs.order(run, kind, arguments, who or me(), because)
        ended = time.monotonic() + wait
        while order.state is InterventionState.WAITING and time.monotonic() < ended and is_kept(record):
            sleep(0.05)
            order = runs.orders(run)[order.number - 1]
    return order


def is_kept(run: Run) -> bool:
    """Whether a process keeps the run, as far as this machine can know."""
    from caviar.store import runs

    return runs.is_kept(run)


def snapshot_numbered(snapshots: list[RunSnapshot], number: int) -> RunSnapshot:
    """The snapshot of that number, if it is still there. Raises StoreError."""
    found = next((s for s in snapshots if s.number == number), None)
    if found is None or found.state != "kept":
        kept = ", ".join(str(s.number) for s in snapshots if s.state == "kept")
        gone = "was removed, to stay within the disk budget" if found and found.state == "removed" else "is damaged"
        raise StoreError(
            f"snapshot {number} {gone}" if found else f"there is no snapshot {number}",
            f"these are there: {kept}" if kept else "take one first: caviar snapshot",
        )
    return found


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


@dataclass(frozen=True)
class Look:
    """A run as the store has it."""

    run: Run
    epochs: list[RunMeasurement]
    diary: list[DiaryEntry]


def look(run: str, store: str) -> Look:
    """What there is to see of ``run``."""
    from caviar.store import Store
    from caviar.store.runs import Runs

    with Store.open(store, create=False) as opened:
        runs = Runs(opened)
        return Look(runs.run(run), runs.measurements(run), runs.diary(run))


def _check_turn(run: Run, changes: Mapping[str, Any]) -> None:
    """Try the turn on the knobs as they stood last: what is impossible is refused where it is typed."""
    if run.kind != "network":
        knobs.own_turn(run.config, changes)
        return
    standing = dict(run.progress["knobs"]) if run.progress else {}
    config = dict(run.config) | standing
    if config.get("hidden_units") == "none":
        config |= {"layers": 0}
        del config["hidden_units"]
    from caviar.learners.dense.config import from_config

    architecture, optimisation = from_config(config, 1, run.data.get("classes") or 1)
    knobs.turned(knobs.Settings(replace(architecture), optimisation), changes, 0.0, optimisation.learning_rate)


def changes_of(run: str, assignments: Sequence[str], store: str) -> dict[str, Any]:
    """The changes that ``name=value`` texts ask for of ``run``; its own knobs, if it is anyone's training loop."""
    from caviar.store import Store
    from caviar.store.runs import Runs

    with Store.open(store, create=False) as opened:
        return changes_for(Runs(opened).run(run), assignments)


def changes_for(run: Run, assignments: Sequence[str]) -> dict[str, Any]:
    """The same for a run that is known."""
    if not assignments:
        return {}
    if run.kind == "network":
        return dict(knobs.parse(assignments))
    changes = {}
    for text in assignments:
        name, equals, value = text.partition("=")
        if not equals:
            raise StoreError(f"a knob is turned by name=value, got {text[:60]!r}", "write learning_rate=0.003, say")
        changes[name.strip()] = knobs.value_of(value.strip())
    return changes


def snapshot_of(run: str, epoch: int | None, number: int | None, store: str) -> int | None:
    """The number of the snapshot that an epoch or a number names; None where neither is given."""
    from caviar.store import Store
    from caviar.store.runs import Runs

    if epoch is not None and number is not None:
        raise StoreError("a snapshot is named by its epoch or by its number, got both", "leave one of them out")
    if epoch is None:
        return number
    with Store.open(store, create=False) as opened:
        return snapshot_at(Runs(opened).snapshots(run), epoch).number


def branch_point(run: str, epoch: int | None, number: int | None, store: str) -> int:
    """The number of the snapshot to branch from: by default the newest that is there."""
    from caviar.store import Store
    from caviar.store.runs import Runs

    found = snapshot_of(run, epoch, number, store)
    with Store.open(store, create=False) as opened:
        snapshots = Runs(opened).snapshots(run)
    if found is None:
        found = next((s.number for s in reversed(snapshots) if s.state == "kept"), 0)
    return snapshot_numbered(snapshots, found).number


def relatives(run: str, store: str) -> tuple[list[Run], dict[str, list[RunMeasurement]]]:
    """Every run of the family of ``run``, oldest first, and what was measured of each."""
    from caviar.store import Store
    from caviar.store.runs import Runs

    with Store.open(store, create=False) as opened:
        runs = Runs(opened)
        everyone = {one.name: one for one in runs.all()}
        first = runs.run(run)
        while first.parent is not None:
            first = everyone[first.parent]
        family = {first.name}
        for one in everyone.values():  # parents come before their branches
            if one.parent in family:
                family.add(one.name)
        kin = [one for one in everyone.values() if one.name in family]
        return kin, {one.name: runs.measurements(one.name) for one in kin}
