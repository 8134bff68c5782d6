"""The worth of an answer in the terminal: baselines, rare classes, mistakes and columns, a line each."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from caviar.analysis.doubts import percent
from caviar.records.metrics import metric_name
from caviar.records.result import Calibration, Column, TargetScores
from caviar.report.text import counted, score_number, visible
from caviar.views.worth import BaselineView, Imbalance, Worth

_PAIRS, _COLUMNS, _TARGETS = 3, 5, 6  # as many as a line holds; the JSON and the page have all

_BESIDE = {
    "better": "better than the network",
    "equal": "as good as the network",
    "near": "nearly as good as the network",
    "worse": "",
    None: "",
}


def worth_lines(metric: str, worth: Worth) -> Iterator[tuple[str, Text]]:
    """Titles and lines; empty titles go on with the one before."""
    if worth.positive is not None:
        yield "", Text(f"{metric_name(metric)} is of {shown(worth.positive)}, the rarer of the two classes")
    for i, baseline in enumerate(worth.baselines):
        yield "baseline" if i == 0 else "", Text(baseline_text(metric, baseline))
    if worth.imbalance is not None:
        yield "imbalance", Text(imbalance_text(worth.imbalance), style="yellow")
    if worth.mistakes:
        yield "mistakes", Text(mistakes_text(worth))
    for i, target in enumerate(worth.targets[:_TARGETS]):
        yield "targets" if i == 0 else "", Text(target_text(target))
    if len(worth.targets) > _TARGETS:
        yield "", Text(f"{counted(len(worth.targets) - _TARGETS, 'other target')}, in the JSON and the page")
    if worth.calibration is not None:
        yield "calibration", Text(calibration_text(worth.calibration))
    if worth.columns:
        yield "columns", Text(columns_text(metric, worth))
    elif worth.unmeasured:
        yield "columns", Text(f"there was no time to shuffle any of the {worth.unmeasured:,} columns alone")


def baseline_text(metric: str, baseline: BaselineView) -> str:
    """A baseline and its score where the network has its own."""
    name = visible(baseline.what)
    if baseline.test is None:
        return f"{name}: {metric_name(metric)} not defined"
    text = f"{name}: {metric_name(metric)} {score_number(metric, baseline.test)}"
    if baseline.validation is not None:
        text += f" (validation {score_number(metric, baseline.validation)})"
    beside = _BESIDE[baseline.beside]
    return f"{text}, {beside}" if beside else text


def imbalance_text(imbalance: Imbalance) -> str:
    """The two numbers that a rare class does not disappear in."""
    found = f"{imbalance.right:,} of {counted(imbalance.rows, 'row')} of {shown(imbalance.rarest)} found"
    balanced = "" if imbalance.balanced_accuracy is None else f"balanced accuracy {imbalance.balanced_accuracy:.4f}, "
    return f"{percent(imbalance.share)} of the sealed rows are {shown(imbalance.majority)}: {balanced}{found}"


def mistakes_text(worth: Worth) -> str:
    """The most frequent mistakes."""
    pairs = [
        f"{shown(pair.true)} taken for {shown(pair.predicted)}: {pair.rows:,} of {counted(rows, 'time')}"
        for pair, rows in worth.mistakes[:_PAIRS]
    ]
    more = len(worth.mistakes) - len(pairs)
    return "; ".join(pairs) + (f"; {counted(more, 'other pair')}" if more else "")


def target_text(target: TargetScores) -> str:
    """The accuracy of one of several targets, beside that of its more frequent label."""
    f1 = "" if target.f1 is None else f", F1 {target.f1:.4f}"
    share = f"{counted(target.rows, 'row')} {shown(target.labels[1])}"
    always = f"always the same label {target.majority:.4f}"
    return f"{visible(target.column)}: accuracy {target.accuracy:.4f} ({always}){f1}, {share}"


def calibration_text(found: Calibration) -> str:
    """The effect of the temperature."""
    error = f"calibration error {found.calibration_error_before:.4f} before, {found.calibration_error:.4f} after"
    loss = f"log loss {found.log_loss_before:.4f} before, {found.log_loss:.4f} after"
    rows = counted(found.rows, "row")
    return f"probabilities at temperature {found.temperature:.3g}: {error}; {loss}, on {rows} not trained on"


def columns_text(metric: str, worth: Worth) -> str:
    """The columns that matter most."""
    useful = [column for column in worth.columns if column.importance is not None and column.importance > 0]
    bounded = bounded_text(worth)
    if not useful:
        return f"no column matters: {metric_name(metric)} loses nothing when one is shuffled{bounded}"
    listed = ", ".join(f"{visible(column.name)} {importance_text(metric, column)}" for column in useful[:_COLUMNS])
    return f"{listed}: what {metric_name(metric)} loses when a column is shuffled{bounded}"


def bounded_text(worth: Worth) -> str:
    """Empty, or that there was no time for every column."""
    if not worth.unmeasured:
        return ""
    return f"; {counted(len(worth.columns), 'column')} of {len(worth.columns) + worth.unmeasured:,} measured alone"


def importance_text(metric: str, column: Column) -> str:
    """The importance of a column in the units of the metric."""
    assert column.importance is not None
    return score_number(metric, column.importance, 3)


def shown(label: object) -> str:
    """A class as people see it in a sentence."""
    return visible(repr(label))
