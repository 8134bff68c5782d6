"""Facts on the worth of an answer, for people: baselines beside the score, rare classes, mistakes, columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from caviar.analysis.doubts import IMBALANCED, always, doubts
from caviar.records.result import Baseline, Calibration, Column, Label, Mistaken, StudyResult, TargetScores

Beside = Literal["better", "equal", "near", "worse"]


@dataclass(frozen=True)
class BaselineView:
    """A baseline in words with its scores in the study's metric, None where that is not defined.

    ``beside`` compares it with the network: "near" is worse by less than chance may do.
    """

    what: str
    test: float | None
    validation: float | None
    beside: Beside | None


@dataclass(frozen=True)
class Imbalance:
    """The ``share`` of the most frequent class, and the ``right`` ones among the ``rows`` of the ``rarest``."""

    majority: Label
    share: float
    balanced_accuracy: float | None
    rarest: Label
    rows: int
    right: int


@dataclass(frozen=True)
class Worth:
    """All of it for one answer. ``doubts`` are among the result's notes; ``columns`` are those that were measured.

    ``unmeasured`` counts the columns that there was no time to shuffle alone. ``positive`` is the class that the metric
    is about, None where it is about all. ``calibration`` is there where it changed the probabilities. ``targets`` are
    several, in the order of their columns.
    """

    doubts: tuple[str, ...] = ()
    baselines: tuple[BaselineView, ...] = ()
    imbalance: Imbalance | None = None
    mistakes: tuple[tuple[Mistaken, int], ...] = ()  # with the rows of the true class
    columns: tuple[Column, ...] = ()
    unmeasured: int = 0
    positive: Label | None = None
    calibration: Calibration | None = None
    targets: tuple[TargetScores, ...] = ()


def worth_of(result: StudyResult) -> Worth:
    """The worth of ``result``; empty for studies of other people's code, and of earlier versions."""
    columns = [column for column in result.columns or () if column.importance is not None]
    baseline, test = result.baseline or {}, result.test or {}
    undefined = (result.undefined or {}).get("test", {})
    return Worth(
        doubts=doubts(result.metric, test, baseline, undefined) if "majority" in baseline else (),
        baselines=tuple(_baseline(one, result.metric) for one in baseline.values()),
        imbalance=_imbalance(result),
        mistakes=tuple(_mistakes(result)),
        columns=tuple(columns),
        unmeasured=len(result.columns or ()) - len(columns),
        positive=result.positive if result.metric == "average_precision" else None,
        calibration=result.calibration if result.calibration and result.calibration.temperature != 1.0 else None,
        targets=tuple(result.targets or ()),
    )


def _baseline(one: Baseline, metric: str) -> BaselineView:
    beside: Beside | None = None
    if one.lead is not None:
        beside = "better" if one.lead.by < 0 else "equal" if one.lead.by == 0 else "worse"
        beside = "near" if beside == "worse" and one.lead.low <= 0 else beside
    what = always(one) if one.always is not None else one.method
    return BaselineView(what, one.scores.get(metric), one.validation.get(metric), beside)


def _imbalance(result: StudyResult) -> Imbalance | None:
    found = result.confusion
    total = 0 if found is None else sum(found.rows)
    if found is None or not total or max(found.rows) <= IMBALANCED * total:
        return None
    most = max(range(len(found.rows)), key=lambda k: found.rows[k])
    rarest = min((k for k, rows in enumerate(found.rows) if rows), key=lambda k: found.rows[k])
    balanced = (result.test or {}).get("balanced_accuracy")
    share = found.rows[most] / total
    return Imbalance(
        found.classes[most], share, balanced, found.classes[rarest], found.rows[rarest], found.right[rarest]
    )


def _mistakes(result: StudyResult) -> Sequence[tuple[Mistaken, int]]:
    found = result.confusion
    if found is None:
        return []
    rows = dict(zip(map(repr, found.classes), found.rows, strict=True))
    return [(pair, rows[repr(pair.true)]) for pair in found.pairs]
