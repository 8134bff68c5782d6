"""The pages of studies as plain JSON data: what the dashboard's server sends, and what a report in one file has in it.

Columns, not rows; numbers have the digits that a picture shows, and those that are not finite are null. Texts are as
they are, for the page shows them as text only. A study of 10,000 trials is about 3 MB.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np

from caviar.analysis.importance import Importance
from caviar.records import Intervention, Study, StudySpec, StudyState, TrialState
from caviar.records.metrics import smaller_is_better
from caviar.records.result import StudyResult
from caviar.report.columns import places, rounded, short, trial_columns, value_of
from caviar.report.explain import proposed_command, verdict
from caviar.report.run_document import best_part, finite
from caviar.report.worth import worth_lines
from caviar.search.eras import RESPACE
from caviar.space import Space
from caviar.views.axes import kind_of, ticks
from caviar.views.curves import CurvesPicture
from caviar.views.pictures import Comparison
from caviar.views.retest import retest_view
from caviar.views.run import RunView
from caviar.views.study import BoxView, Finals, Running, StudyHead
from caviar.views.study_page import StorePage, StudyItem, StudyPage, TrialPage, differences
from caviar.views.worth import Worth


def studies_document(page: StorePage) -> dict[str, Any]:
    """The studies and runs of a store."""
    return {
        "store": page.store,
        "studies": [_item(item) for item in page.studies],
        "runs": [_run(run) for run in page.runs],
    }


def study_document(page: StudyPage) -> dict[str, Any]:
    """A study with its pictures."""
    view, study = page.view, page.view.head.record
    at = page.running
    return {
        "kind": "study",
        "name": study.name,
        "study_kind": str(study.spec.kind),
        **_facts(study, at),
        "phase": at.progress.phase if at.is_running else "",
        "note": at.progress.note if at.is_running else "",
        "helpers": at.progress.helpers if at.is_running else 0,
        "seed": str(study.seed),  # 64 bits are more than the numbers of a browser hold
        "store": page.store,
        "notes": list(view.head.notes),
        "counts": {str(state): view.outcomes[state] for state in TrialState if view.outcomes[state]},
        "epochs_trained": view.epochs,
        "repeats_best": study.spec.repeats > 0,
        "whole_training": view.whole_training,
        "early_ends": view.early_ends,
        "hyperparameters": [_hyperparameter(view.space, name) for name in view.space],
        "trials": trial_columns(page),
        "repeats": _repeats(page),
        "chosen": list(page.chosen),
        "curves": _curves(page.curves),
        "rungs": [
            {
                "epochs": rung.epochs,
                "reached": rung.reached,
                "stopped": len(rung.stopped),
                "ended": rung.ended,
                "went_on": rung.went_on,
                "rule": rung.rule,
                "saved_epochs": rung.saved_epochs,
            }
            for rung in page.rungs
        ],
        "boxes": _boxes(view.boxes),
        "remarks": list(view.remarks),
        "importance": [{**_importance(row), "tier": view.space[row.name].tier} for row in view.importance],
        "finals": _finals(view.finals),
        "retest": _retest(study),
        "retests": [asdict(row) for row in page.retests],
        "answer": None if study.result is None else _answer(study.result, view.worth),
        "advice": list(view.advice),
        "proposed": proposed_command(view),
        "spaces": [asdict(one) for one in view.history],
        "interventions": [_asked(each) for each in study.spec.interventions],
    }


def _retest(study: Study) -> dict[str, Any] | None:
    """The verdict of a study that tests an old answer again."""
    if study.result is None or study.result.retest is None:
        return None
    view = retest_view(study.name, study.result.retest)
    found: dict[str, Any] = finite(
        {
            "headline": view.headline,
            "verdict": view.retest.verdict,
            "why": view.retest.why,
            "of": view.retest.of,
            "compared": [
                {
                    "one": row.one,
                    "other": row.other,
                    "decides": row.decides,
                    "score": row.difference.score,
                    "beside": row.difference.other,
                    "mean": row.difference.mean,
                    "low": row.difference.low,
                    "high": row.difference.high,
                    "rows": row.difference.rows,
                }
                for row in view.compared
            ],
            "changed": list(view.retest.environment.changed),
            "unknown": list(view.retest.environment.unknown),
            "drift": list(view.drift),
            "notes": list(view.retest.notes),
        }
    )
    return found


def trial_document(page: TrialPage) -> dict[str, Any]:
    """A trial: its config and what differs from the best one's, its curve, its error, its log."""
    trial, points = page.trial, page.points
    found: dict[str, Any] = finite(
        {
            "trial": trial.number,
            "config": trial.config,
            "best": page.best,
            "differs": differences(trial.config, page.best_config),
            "curve": {
                "epochs": points[:, 0].astype(np.int64).tolist(),
                "scores": rounded(points[:, 1].tolist()),
                "losses": rounded(points[:, 2].tolist()) if np.isfinite(points[:, 2]).any() else [],
                "train_losses": rounded(points[:, 3].tolist()) if np.isfinite(points[:, 3]).any() else [],
            },
            "state": str(trial.state),
            "epochs": trial.epochs,
            "score": trial.score,
            "loss": trial.validation_loss,
            "origin": trial.origin,
            "error": trial.error,
            "attributes": trial.attributes,
            "log": page.log,
            "repeats": [
                {"repeat": one.repeat, "state": str(one.state), "epochs": one.epochs, "score": one.score}
                for one in page.repeats
            ],
        }
    )
    return found


def compare_document(view: Comparison) -> dict[str, Any]:
    """Studies side by side."""
    found: dict[str, Any] = finite(
        {
            "kind": "compare",
            "doubt": view.doubt,
            "studies": [
                {
                    "name": side.study.name,
                    "kind": str(side.study.spec.kind),
                    "state": str(side.study.state),
                    "metric": side.study.metric,
                    "goal": _goal(side.study.metric),
                    "search": side.study.search,
                    "created": side.study.created,
                    "trials": side.trials,
                    "seconds": side.seconds,
                    "worked": side.worked,
                    "best": side.best,
                    "validation": None if side.study.result is None else side.study.result.validation,
                    "test": None if side.study.result is None else side.study.result.test,
                    "history": {
                        "trial": [step.trial for step in side.improvements],
                        "best": rounded(step.best for step in side.improvements),
                    },
                    "over_time": {
                        "seconds": rounded((step.seconds for step in side.over_time), 7),
                        "best": rounded(step.best for step in side.over_time),
                    },
                    "importance": [_importance(row) for row in side.importance],
                }
                for side in view.studies
            ],
            "hyperparameters": [
                {"name": name, "values": [side.config.get(name) for side in view.studies]} for name in view.names
            ],
        }
    )
    return found


def _facts(study: Study, at: Running) -> dict[str, Any]:
    """The facts of a study that its page has, and the list."""
    ended = study.state is not StudyState.RUNNING
    return {
        "state": str(study.state),
        "alive": at.is_running,
        "metric": study.metric,
        "goal": _goal(study.metric),
        "created": study.created,
        "ended": study.ended if ended else None,
        "worked": round(at.seconds, 3),
        "age": None if ended else round(at.age, 1),
        "search": study.search,
        "budget": {"seconds": _whole_budget(study.spec), "trials": study.spec.trials},
        "data": _table(at.head),
    }


def _whole_budget(spec: StudySpec) -> float | None:
    """The seconds that all commands together may work on a study: a resume gives more."""
    return None if spec.seconds is None else round(spec.spent + spec.seconds, 3)


def _asked(one: Intervention) -> dict[str, Any]:
    return {
        "number": one.number,
        "kind": one.kind,
        "arguments": {} if one.kind == RESPACE else dict(one.arguments),  # its outcome says what changed
        "who": one.who,
        "because": one.because,
        "written": one.written,
        "state": str(one.state),
        "outcome": one.outcome,
    }


def _goal(metric: str) -> str:
    return "minimize" if smaller_is_better(metric) else "maximize"


def _table(facts: StudyHead) -> dict[str, int] | None:
    return None if facts.table is None else asdict(facts.table)


def _item(item: StudyItem) -> dict[str, Any]:
    study, counts = item.row.head.record, item.row.counts
    found: dict[str, Any] = finite(
        {
            "name": study.name,
            "kind": str(study.spec.kind),
            **_facts(study, item.running),
            "best": item.best,
            "trials": {str(state): n for state, n in counts.items() if n},
            "started": sum(counts.values()),
        }
    )
    return found


def _run(view: RunView) -> dict[str, Any]:
    run = view.record
    found: dict[str, Any] = finite(
        {
            "name": run.name,
            "trainee": str(run.kind),
            "state": str(run.state),
            "alive": view.is_alive,
            "parent": run.parent,
            "epoch": view.progress.epoch,
            "epochs": view.progress.epochs,
            "best": best_part(view.best),
            "created": run.created,
        }
    )
    return found


def _hyperparameter(space: Space, name: str) -> dict[str, Any]:
    scale = space[name]
    choices = getattr(scale, "choices", None)
    return {
        "name": name,
        "scale": kind_of(scale),
        "tier": scale.tier,
        "choices": None if choices is None else [value_of(choice) for choice in choices],
        "ticks": [[round(place, 4), _tick_text(value)] for place, value in ticks(scale)],
        "searched": name in space.searched,
    }


def _tick_text(value: Any) -> str:
    """A value beside an axis."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else short(str(value), 40)


def _repeats(page: StudyPage) -> dict[str, Any]:
    """Columns of the repeats, which are in lanes of the timeline too."""
    return {
        "trial": [one.number for one, _ in page.repeats],
        "repeat": [one.repeat for one, _ in page.repeats],
        "state": [str(one.state) for one, _ in page.repeats],
        "score": rounded(one.score for one, _ in page.repeats),
        "began": rounded((lane.began for _, lane in page.repeats), 7),
        "ended": rounded((lane.ended for _, lane in page.repeats), 7),
        "slot": [lane.slot for _, lane in page.repeats],
    }


def _curves(picture: CurvesPicture) -> dict[str, Any]:
    """The curves: edges of the density's cells, its rows, and lines."""
    return {
        "epochs": list(picture.epochs),
        "scores": rounded(picture.scores),
        "density": [list(row) for row in picture.density],
        "lines": [
            {
                "trial": line.trial,
                "chosen": line.chosen,
                "epochs": list(line.epochs),
                "scores": rounded(line.scores, 5),
                "losses": rounded(line.losses, 5),
            }
            for line in picture.lines
        ],
        "of": picture.of,
        "scale": "log" if picture.is_log else "linear",
    }


def _boxes(boxes: Sequence[BoxView]) -> list[dict[str, Any]]:
    """The boxes, each until the trial before the next began."""
    firsts = sorted({each.box.first_trial for each in boxes})
    following = dict(pairwise(firsts))
    return [
        {
            "number": each.box.number,
            "first": each.box.first_trial,
            "last": following[each.box.first_trial] - 1 if each.box.first_trial in following else None,
            "reason": each.box.reason,
            "bands": {name: places(band) for name, band in each.bands.items()},
            "ranges": {name: _range(given) for name, given in each.box.ranges.items()},
        }
        for each in boxes
    ]


def _range(given: Mapping[str, Any]) -> str:
    if "weights" in given:
        return ", ".join(f"{value} {share:.0%}" for value, share in given["weights"].items())
    return f"{value_of(given['low'])} to {value_of(given['high'])}"


def _importance(row: Importance) -> dict[str, Any]:
    return {"name": row.name, **{name: round(getattr(row, name), 4) for name in ("importance", "low", "high")}}


def _finals(finals: Finals) -> dict[str, Any]:
    found: dict[str, Any] = finite(
        {
            "finalists": [
                {
                    "trial": one.trial,
                    "when_chosen": one.when_chosen,
                    "epochs": finals.epochs.get(one.trial),
                    "mean": one.mean,
                    "scores": one.scores,
                    "parameters": one.parameters,
                }
                for one in finals.finalists
            ],
            "winner": None if finals.winner is None else finals.winner.trial,
            "decision": finals.decision,
            "verdict": verdict(finals),
        }
    )
    return found


def _answer(result: StudyResult, worth: Worth) -> dict[str, Any]:
    """The answer and its worth, with all that the record has of them."""
    record, best = result.to_record(), result.best
    lines = [(title, line.plain) for title, line in worth_lines(result.metric, worth)]
    names = ("baseline", "confusion", "undefined", "ensemble", "calibration", "front", "targets")
    found: dict[str, Any] = finite(
        {
            "trial": best.trial,
            "config": best.config,
            "validation": result.validation,
            "test": result.test,
            "alone": {"validation": best.validation, "test": best.test} if result.ensemble is not None else None,
            "score": best.score,
            "repeated": record["best"].get("repeated"),
            "parameters": best.parameters,
            "folder": best.folder,
            "attributes": best.attributes,
            "positive": result.positive,
            "model": result.model,
            "doubts": worth.doubts,
            "columns": [asdict(column) for column in result.columns or ()],
            "spent": result.spent or {},
            "sentences": [f"{title}: {line}" if title else line for title, line in lines],
            "baselines": [asdict(one) for one in worth.baselines],
            **{name: record.get(name) for name in names},
        }
    )
    return found
