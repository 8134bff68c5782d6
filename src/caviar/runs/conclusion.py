"""The end of a run that is driven: which epoch's network becomes the model, and how often its test rows were scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from caviar.errors import SnapshotAbsent, SnapshotError
from caviar.records import Run, RunKind
from caviar.records.line import judged_by
from caviar.runs.events import RunEnded
from caviar.runs.session import Session
from caviar.runs.trainee import DrivenTrainee
from caviar.store import Store
from caviar.store.runs import Runs


def conclude(
    session: Session, trainee: DrivenTrainee, store: Store, notes: Sequence[str], ended: Callable[[], bool]
) -> tuple[RunEnded, bool]:
    """Write the diary's last line; return the end, and False if the network is not whole.

    Where the end was asked for, as ``ended`` says, a store that is away is not waited for.
    """
    saved, doubt = _best_state(session)
    end = trainee.conclude(session.run, saved)
    session.enter("end", "caviar", end.text, end.facts)
    summary = {
        "run": session.run.name,
        "store": store.url,
        "seed": session.run.seed,
        "epochs": session.clock.epoch,
        "steps": session.clock.step,
        "interventions": session.turns,
        "rollbacks": session.rollbacks,
        "best": _best(session),
        **session.snapshots.facts,
        "stopped": session.stopped or None,
        "notes": [*notes, *doubt, *end.notes],
    }
    if end.summary.get("test") is not None:
        count = partial(scored_before, store, session.run)
        before = session.delivery.ask(count, None) if ended() else session.delivery.need(count)
        summary |= {} if before is None else {"test_scored_before": before}
    judged = any(judged_by(measurement.values, session.line.goal) for measurement in session.line.measured)
    nowhere = judged and session.line.best is None  # no epoch was measured by a finite number
    return RunEnded({**summary, **end.summary}, end.model), end.whole and not nowhere


def scored_before(store: Store, run: Run) -> int:
    """Count the other runs and studies of this store, on the same table and split, that have scored its test rows."""

    def is_same(other: Any) -> bool:
        same_split = other.seed == run.seed or run.spec.test is not None
        return same_split and other.data.get("sha256") == run.data["sha256"]

    runs = [other for other in Runs(store).all() if other.name != run.name and is_same(other)]
    studies = [study for study in store.studies() if study.result is not None and is_same(study)]
    of_runs = sum((other.result or {}).get("test") is not None for other in runs)
    return of_runs + sum(study.result is not None and study.result.best.test is not None for study in studies)


def _best(session: Session) -> dict[str, Any] | None:
    """The best epoch, what makes it the best, and its snapshot if it is there."""
    best = session.line.best
    name = None if best is None else judged_by(best.values, session.line.goal)
    if best is None or name is None:
        return None
    place = best.clock.epoch, best.clock.step
    found = [s.number for s in session.snapshots.kept if (s.clock.epoch, s.clock.step) == place]
    return {"epoch": best.clock.epoch, "by": name, "value": best.values[name], "snapshot": found[-1] if found else None}


def _best_state(session: Session) -> tuple[Any, tuple[str, ...]]:
    """The state that becomes the model, None for the last one; and a note where it should be the best and is not."""
    best, last = session.line.best, session.clock
    if session.run.kind is not RunKind.NETWORK or session.run.spec.save == "last" or best is None:
        return None, ()
    if (best.clock.epoch, best.clock.step) == (last.epoch, last.step):
        return None, ()
    gone = f"the snapshot of the best epoch, {best.clock.epoch}, is not there"
    try:
        found = session.best()
        saved = session.snapshots.read(found)
    except SnapshotAbsent as error:
        raise SnapshotAbsent(
            f"{gone}: {error.rule}", f"{error.way_out}; then: caviar resume {session.run.name}"
        ) from None
    except SnapshotError:
        return None, (f"{gone}: the model is the network of the last epoch",)
    if (found.clock.epoch, found.clock.step) == (best.clock.epoch, best.clock.step):
        return saved, ()
    return saved, (f"{gone}: the model is the network of epoch {found.clock.epoch}",)
