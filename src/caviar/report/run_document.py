"""The page of a run as plain JSON data: what the dashboard's server sends, and what a report in one file has in it.

Numbers that are not finite are null. Texts are as they are, for the page shows them as text only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from caviar.views.run import Best, Family, is_routine
from caviar.views.run_page import RunPage


def document_of(page: RunPage) -> dict[str, Any]:
    """The document of a page."""
    view, run = page.view, page.view.record
    clocks = [measurement.clock for measurement in view.measured]
    progress = asdict(view.progress)
    del progress["knobs"]
    found = {
        "kind": "run",
        "name": run.name,
        "trainee": str(run.kind),
        "state": str(run.state),
        "alive": view.is_alive,
        "created": run.created,
        "ended": run.ended,
        "seed": run.seed,
        "parent": run.parent,
        "parent_snapshot": run.parent_snapshot,
        "goal": "maximize" if view.best is not None and view.best.is_highest else "minimize",
        "progress": progress,
        "knobs": [
            {
                "name": knob.name,
                "value": _text_or_value(knob.value),
                "choices": None if knob.choices is None else list(knob.choices),
                "low": knob.low,
                "high": knob.high,
                "scale": knob.scale,
                "effective": knob.is_effective,
            }
            for knob in page.knobs
        ],
        "epochs": {
            "epoch": [clock.epoch for clock in clocks],
            "step": [clock.step for clock in clocks],
            "take": [clock.take for clock in clocks],
            "undone": list(page.undone),
            "values": _columns([measurement.values for measurement in view.measured]),
        },
        "smoothed": {"train": page.train, "validation": page.validation},
        "score": view.curves.score,
        "layers": [asdict(layer) for layer in view.layers],
        "inside": page.inside or None,
        "best": best_part(view.best),
        "diary": [
            {
                "number": entry.number,
                "at": entry.written,
                "step": entry.clock.step,
                "epoch": entry.clock.epoch,
                "take": entry.clock.take,
                "kind": entry.kind,
                "who": entry.who,
                "text": entry.text,
                "routine": is_routine(entry),
            }
            for entry in view.diary
        ],
        "snapshots": [
            {
                "number": snapshot.number,
                "epoch": snapshot.clock.epoch,
                "step": snapshot.clock.step,
                "take": snapshot.clock.take,
                "bytes": snapshot.size,
                "loss": snapshot.loss,
                "state": snapshot.state,
                "reason": snapshot.reason,
            }
            for snapshot in page.snapshots
            if snapshot.state != "removed"  # a long run has thousands of those
        ],
        "removed_snapshots": sum(snapshot.state == "removed" for snapshot in page.snapshots),
        "family": _family(page.family),
    }
    plain: dict[str, Any] = finite(found)
    return plain


def finite(value: Any) -> Any:
    """Plain data in which numbers that are not finite are None, and tuples lists."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): finite(one) for name, one in value.items()}
    return [finite(one) for one in value] if isinstance(value, list | tuple) else value


def _columns(rows: list[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The numbers of the rows as columns by name."""
    names = dict.fromkeys(name for row in rows for name, value in row.items() if _is_number(value))
    return {name: [row[name] if _is_number(row.get(name)) else None for row in rows] for name in names}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text_or_value(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def best_part(best: Best | None) -> dict[str, Any] | None:
    """The best epoch, and what makes it the best; None where nothing was measured."""
    if best is None:
        return None
    return {
        "step": best.step,
        "by": best.by,
        "value": best.value,
        "epoch": best.point.epoch,
        "point": asdict(best.point),
    }


def _family(family: Family) -> list[dict[str, Any]]:
    return [
        {
            "name": member.record.name,
            "parent": member.record.parent,
            "snapshot": member.record.parent_snapshot,
            "state": str(member.record.state),
            "best": best_part(member.shown),
        }
        for member in family.members
    ]
