"""A report on drift as sentences and rows, from the tests of analysis/drift.py; every screen shows these."""

from __future__ import annotations

from dataclasses import dataclass

from caviar.analysis.drift_report import LEVEL, Change, Drift, Score
from caviar.data.columns import shown

SIGNS = {
    "values": "its values",
    "missing": "its missing cells",
    "relations": "its relations to other columns",
    "outputs": "the model's outputs",
    "labels": "the mix of labels",
    "errors": "the model's errors",
    "rows": "old rows told from new ones by a network",
}
"""The words for each kind of test."""


@dataclass(frozen=True)
class TestRow:
    """A test in words: the ``subject``, the ``sign`` that was looked at, the test's ``effect`` and what it ``is``."""

    subject: str
    sign: str
    effect: float
    measure: str
    p_adjusted: float
    changed: bool


@dataclass(frozen=True)
class DriftView:
    """The report: a ``headline``, ``reasons`` for it, the ``tests`` that say so first, and the facts behind them."""

    headline: str
    reasons: tuple[str, ...]
    tests: tuple[TestRow, ...]
    unchanged: int
    report: Drift


def drift_view(report: Drift) -> DriftView:
    """The view of ``report``."""
    tests = tuple(_row(test, bool(report.classes)) for test in report.tests)
    return DriftView(
        headline="something has changed" if report.changed else "no change was found",
        reasons=tuple(_reasons(report)),
        tests=tuple(test for test in tests if test.changed),
        unchanged=sum(not test.changed for test in tests),
        report=report,
    )


_MEASURES = {
    "missing": "of the rows, the change of a share",
    "errors": "of the rows, the change of a share",
    "relations": "half of the change of a rank correlation",
    "rows": "2 AUC - 1",
}


def _row(test: Change, of_classes: bool) -> TestRow:
    measure = _MEASURES.get(test.test)
    if measure is None:
        measure = "KS distance" if test.statistic == test.effect else "Cramér's V"
    subject = f"class {test.name}" if of_classes and test.test == "outputs" else test.name
    return TestRow(subject, SIGNS[test.test], test.effect, measure, test.p_adjusted, test.changed)


def _reasons(report: Drift) -> list[str]:
    """The verdict family by family, the outputs first."""
    found = []
    columns = {one.name for one in report.columns}
    changed = {one.name for one in report.columns if one.changed}
    if report.outputs is not None:
        if report.outputs.changed:
            found.append("the model's outputs are distributed otherwise than for rows that it had not seen in training")
        elif changed:
            found.append("the model's outputs are distributed as before, so that the change may not matter to it")
    if columns:
        found.append(f"{len(changed):,} of {len(columns):,} columns differ from training")
    if report.new_labels:
        found.append(_of_new_labels(report))
    for test in report.labels:
        if test.changed:
            found.append("the mix of labels has changed" if test.test == "labels" else _of_score(report))
    if report.together is not None and report.two_sample is not None:
        two = report.two_sample
        verb = "tells" if report.together.changed else "cannot tell"
        found.append(
            f"a network {verb} old rows from new ones: AUC {two.auc:.3f} ({two.low:.3f} to {two.high:.3f}) "
            f"on {two.rows:,} rows that it had not seen"
        )
    if not report.changed:
        found.append(f"where nothing has changed, {LEVEL:.0%} of such reports say otherwise, at most")
    return found


def _of_new_labels(report: Drift) -> str:
    """The labels that the model does not know, with their rows."""
    rows, most = sum(one.rows for one in report.new_labels), 5
    named = ", ".join(f"{shown(one.label)} ({one.rows:,})" for one in report.new_labels[:most])
    more = f" and {len(report.new_labels) - most:,} more" if len(report.new_labels) > most else ""
    have = "1 row has a label" if rows == 1 else f"{rows:,} rows have a label"
    score = report.score
    rest = "" if score is None else f"; on the other {score.rows:,} labelled rows {_now_and_then(score)}"
    return f"{have} that the model does not know and cannot answer: {named}{more}{rest}"


def _now_and_then(score: Score) -> str:
    return f"its {score.metric} is {score.now:.4g}, and was {score.then:.4g}"


def _of_score(report: Drift) -> str:
    score = report.score
    if score is None:
        return "the model's errors have changed"
    return f"the model's {score.metric} is {score.now:.4g} on labelled new rows, and was {score.then:.4g}"
