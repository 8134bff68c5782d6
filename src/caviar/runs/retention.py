"""The snapshots that stay when the disk budget is spent: by age and by loss.

Always kept: the newest, the best, those that somebody asked for while they fit, and the first. Of the others the one
goes first whose rank by age and rank by loss add up to the worst: old and poor.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from caviar.records import RunMeasurement, RunSnapshot


def to_remove(snapshots: Sequence[RunSnapshot], budget: int, needed: Collection[int] = ()) -> list[RunSnapshot]:
    """Those of ``snapshots``, oldest first, to remove so that the rest take at most ``budget`` bytes.

    ``needed`` are numbers that must stay: the newest and the best always do, whatever they take.
    """
    kept = [s for s in snapshots if s.state == "kept"]
    if not kept:
        return []
    best = min(kept, key=_loss)
    safe = {kept[-1].number, *needed} | ({best.number} if math.isfinite(_loss(best)) else set())
    by_age = {s.number: rank for rank, s in enumerate(reversed(kept))}
    by_loss = {s.number: rank for rank, s in enumerate(sorted(kept, key=_loss))}

    def worth(s: RunSnapshot) -> tuple[int, int]:
        wanted = s.reason == "asked for" or s.number == kept[0].number
        return (0 if wanted else 1, by_age[s.number] + by_loss[s.number])

    going = sorted((s for s in kept if s.number not in safe), key=worth, reverse=True)
    taken, removed = sum(s.size for s in kept), []
    for snapshot in going:
        if taken <= budget:
            break
        taken -= snapshot.size
        removed.append(snapshot)
    return removed


def last_good(snapshots: Sequence[RunSnapshot], chance_loss: float, avoid: Collection[int] = ()) -> RunSnapshot | None:
    """The newest snapshot that is not much worse than the best; one before any measurement will do where none is."""
    kept = [s for s in snapshots if s.state == "kept" and s.number not in avoid]
    measured = [s for s in kept if s.loss is not None and math.isfinite(s.loss)]
    if measured:
        best = min(_loss(s) for s in measured)
        good = [s for s in measured if _loss(s) <= max(1.2 * best, best + 0.1 * chance_loss)]
        return good[-1]
    unmeasured = [s for s in kept if s.loss is None]
    return unmeasured[-1] if unmeasured else None


def best_saved(snapshots: Sequence[RunSnapshot], best: RunMeasurement | None) -> RunSnapshot | None:
    """The newest snapshot of the ``best`` epoch, or the one of the smallest loss; None where nothing was measured."""
    kept = [s for s in snapshots if s.state == "kept"]
    if best is not None:
        place = best.clock.epoch, best.clock.step
        of_best = [s for s in kept if (s.clock.epoch, s.clock.step) == place]
        if of_best:
            return of_best[-1]
    measured = [s for s in kept if math.isfinite(_loss(s))]
    return min(measured, key=_loss) if measured else None


def _loss(snapshot: RunSnapshot) -> float:
    loss = snapshot.loss
    return math.inf if loss is None or math.isnan(loss) else loss
