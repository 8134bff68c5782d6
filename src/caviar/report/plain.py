"""Views as the JSON objects that the commands print with ``--json``; docs and tests hold their keys."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

from caviar.records import DiaryEntry, RunKind, StudyResult, Trial
from caviar.views.health import Health
from caviar.views.run import Family, RunView
from caviar.views.study import Running, StudyRow, StudyView


def account(view: StudyView) -> dict[str, Any]:
    """The object of ``caviar explain``."""
    finals = view.finals
    result = view.head.record.result
    return {
        "study": view.head.record.name,
        "trials": len(view.trials),
        **({"spent": dict(result.spent)} if result is not None and result.spent else {}),
        "reached": [{"epochs": rung.epochs, "trials": len(rung.trials)} for rung in view.rungs],
        "boxes": [
            {
                "box": each.box.number,
                "first_trial": each.box.first_trial,
                "ranges": dict(each.box.ranges),
                "reason": each.box.reason,
            }
            for each in view.boxes
        ],
        "followed": [asdict(each) for each in view.followed],
        "importance": [row._asdict() for row in view.importance],
        "finalists": [
            {"trial": f.trial, "epochs": f.epochs, "when_chosen": f.when_chosen, "scores": f.scores, "mean": f.mean}
            for f in finals.finalists
        ],
        "winner": result.best.trial if result else view.best.number if view.best else None,
        **_answer(result),
        "advice": list(view.advice),
        "proposed": [one.change for one in view.proposed],
        "spaces": [asdict(one) for one in view.history],
        "outside": list(view.outside),
        "notes": list(view.head.notes),
    }


def _answer(result: StudyResult | None) -> dict[str, Any]:
    """The scores of a result and their worth, as far as it has them."""
    record = {} if result is None else result.to_record()
    names = ("best", "baseline", "confusion", "columns", "undefined", "calibration")
    several = {"targets": record["targets"]} if "targets" in record else {}
    return {name: record.get(name) for name in names} | several


def trials(study: str, shown: Sequence[Trial], outside: Collection[int] = ()) -> dict[str, Any]:
    """The object of ``caviar trials``; ``outside`` are the trials that do not lie in today's space."""
    return {"study": study, "trials": [_trial(trial) for trial in shown], "outside": sorted(outside)}


def _trial(trial: Trial) -> dict[str, Any]:
    return {
        "trial": trial.number,
        "repeat": trial.repeat,
        "state": str(trial.state),
        "epochs": trial.epochs,
        "score": trial.score,
        "validation_loss": trial.validation_loss,
        "origin": trial.origin,
        "error": trial.error,
        "attributes": dict(trial.attributes),
        "config": dict(trial.config),
    }


def studies(store: str, rows: Sequence[StudyRow]) -> dict[str, Any]:
    """The object of ``caviar studies``."""
    return {"store": store, "studies": [_study(row) for row in rows]}


def _study(row: StudyRow) -> dict[str, Any]:
    study = row.head.record
    return {
        "study": study.name,
        "state": str(study.state),
        "created": study.created,
        "ended": study.ended,
        "seed": study.seed,
        "metric": study.metric,
        "search": study.search,
        "budget": study.spec.to_record(),
        "data": dict(study.data),
        "trials": {str(state): n for state, n in row.counts.items()},
        "best": study.result and study.result.best.to_record(study.metric),
        "notes": list(row.head.notes),
    }


def running(view: Running) -> dict[str, Any]:
    """The object of ``caviar watch`` for a study."""
    study = view.head.record
    return {
        "study": study.name,
        "state": str(study.state),
        "progress": view.progress.to_record(),
        "rungs": list(view.head.rungs),
        "result": study.result and study.result.to_record(),
        "notes": list(view.head.notes),
    }


def run(view: RunView) -> dict[str, Any]:
    """The object of ``caviar watch`` for a run; a loop may measure several times in an epoch."""
    line = view.measured if view.record.kind is RunKind.LOOP else view.line
    return {
        "run": view.record.name,
        "state": str(view.record.state),
        "progress": view.record.progress,
        "epochs": [{"epoch": m.clock.epoch, "step": m.clock.step, **m.values} for m in line],
        "result": view.record.result,
    }


def diary(view: RunView) -> dict[str, Any]:
    """The object of ``caviar diary``."""
    record = view.record
    return {"run": record.name, "state": str(record.state), "diary": [_entry(entry) for entry in view.diary]}


def _entry(entry: DiaryEntry) -> dict[str, Any]:
    clock = entry.clock
    place = {"tick": clock.tick, "step": clock.step, "epoch": clock.epoch, "take": clock.take}
    plain = {"number": entry.number, "when": entry.written, "kind": entry.kind, "who": entry.who}
    return {**plain, **place, "text": entry.text, "facts": entry.facts}


def family(view: Family) -> dict[str, Any]:
    """The object of ``caviar tree``; the inside of layers is left out."""
    runs = []
    for member in view.members:
        run, best = member.record, None
        if member.best is not None:
            values = {name: value for name, value in member.best.values.items() if name != "inside"}
            best = {"epoch": member.best.clock.epoch, **values}
        facts = {"run": run.name, "parent": run.parent, "snapshot": run.parent_snapshot, "state": str(run.state)}
        runs.append({**facts, "best": best})
    return {"run": view.asked, "runs": runs}


def health(view: Health) -> dict[str, Any]:
    """The object of ``caviar doctor``."""
    store = None
    if view.store is not None:
        store = asdict(view.store)
        store["keepers"] = store.pop("owners")
    found = [
        {
            "study": one.study or None,
            "run": one.run or None,
            "what": one.what,
            "way_out": one.way_out,
            "kind": "damage" if one.is_damage else "warning",
            "mended": one.mended or None,
        }
        for one in view.found
    ]
    return {"machine": asdict(view.machine), "store": store, "found": found}
