"""A run in the terminal: its live screen, a line for a log, its diary, its family, and its end."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from caviar.records import DiaryEntry, RunMeasurement, RunState, StudyResult
from caviar.records.metrics import metric_name
from caviar.report.text import beside_text, bytes_text, counted, number, score_text, visible
from caviar.report.worth import worth_lines
from caviar.views.run import LOGGED, Best, Family, Member, Point, RunView, is_routine, number_of, point
from caviar.views.worth import worth_of

STYLES = {"turn": "bold", "rollback": "bold red", "warning": "yellow", "refused": "yellow", "advice": "cyan"}
_OF_A_NETWORK = {"train_loss", "validation_loss", "learning_rate", "inside"}


def epoch_line(name: str, measurement: RunMeasurement, epochs: int | None = None) -> str:
    """An epoch as one line for a log; programs and loops name their numbers as they like."""
    values, clock, main = measurement.values, measurement.clock, point(measurement)
    of = f"epoch {clock.epoch} of {epochs}" if epochs is not None else f"epoch {clock.epoch}, step {clock.step:,}"
    if epochs is None and not clock.epoch:  # a loop of the user's counts its steps
        of = f"step {clock.step:,}"
    if main.metric is None or not set(values) >= _OF_A_NETWORK:
        numbers = {k: v for k, v in values.items() if isinstance(v, int | float) and k not in ("seconds", LOGGED)}
        shown = ", ".join(f"{visible(key)} {number(value)}" for key, value in numbers.items())
    else:
        shown = (
            f"train loss {number(values['train_loss'])} | "
            f"validation loss {number(main.loss)}, {metric_name(main.metric)} {main.score:.4f} | "
            f"learning rate {number(values['learning_rate'])}"
        )
    seconds = number_of(values.get("seconds"))
    return f"{name} | {of} | {shown}" + (f" | {seconds:.2f} s" if math.isfinite(seconds) else "")


def entry_line(entry: DiaryEntry) -> str:
    """A diary entry as one line."""
    who = f"{entry.who}: " if entry.who not in ("", "caviar") else ""
    place = f"epoch {entry.clock.epoch}, " if entry.clock.epoch else ""
    return visible(f"{place}step {entry.clock.step:,} | {entry.kind} | {who}{entry.text}")


def diary_table(view: RunView, everything: bool) -> Group:
    """The diary. Snapshots at epochs' ends are left out unless ``everything`` is asked for."""
    run = view.record
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("when", "epoch", "step", "who", "what"):
        grid.add_column(name, justify="right" if name in ("epoch", "step") else "left", no_wrap=name != "what")
    for entry in view.diary:
        if everything or not is_routine(entry):
            when = entry.written[:19].replace("T", " ")
            what = Text(visible(entry.text), style=STYLES.get(entry.kind, ""))
            grid.add_row(when, str(entry.clock.epoch), f"{entry.clock.step:,}", Text(visible(entry.who)), what)
    head = f": {run.kind}, {run.state}, seed {run.seed}, begun {run.created[:19]}"
    return Group(Text.assemble((run.name, "bold"), head), grid)


def family_tree(family: Family) -> Tree:
    """The tree of a family, each run with its best epoch."""
    first, *others = family.members
    tree = Tree(_member(first, family.asked))
    places = {first.record.name: tree}
    for member in others:  # parents come before their branches
        places[member.record.name] = places[member.record.parent or ""].add(_member(member, family.asked))
    return tree


def ended(summary: Mapping[str, Any]) -> Group:
    """The end of a run, from the object of ``caviar babysit --json``: its scores, its epochs, and where it is.

    A network has scores by part of the data; a program reported values, and some of its mini-batches only.
    """
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column(overflow="fold")
    is_network, reported = "values" not in summary, dict(summary.get("values", {}))
    if summary.get("score") is not None:
        reported = {"score": summary["score"], **reported}
    for title, line in _scores(summary):
        grid.add_row(title, line)
    if reported:
        shown = ", ".join(f"{metric_name(visible(name))} {number(value)}" for name, value in reported.items())
        grid.add_row("reported", Text(shown))
    done = counted(summary["epochs"], "epoch")
    if summary["steps"] or is_network:
        steps = counted(summary["steps"], "mini-batch", "mini-batches")
        done += f", {steps}" if is_network else f", at least {steps}"
    turns, rollbacks = counted(summary["interventions"], "turn"), counted(summary["rollbacks"], "rollback")
    grid.add_row("trained", f"{done}, {turns} of knobs, {rollbacks}")
    if summary.get("stopped"):
        grid.add_row("stopped", Text(visible(summary["stopped"])))
    grid.add_row("run", Text(visible(f"{summary['run']} in {summary['store']}")))
    if summary.get("snapshots"):
        grid.add_row("snapshots", Text(snapshots_text(summary)))
    if summary.get("model"):
        grid.add_row("model", Text(visible(_model(summary))))
    doubts = worth_of(_result(summary)).doubts if is_network else ()
    for i, note in enumerate(note for note in summary.get("notes", ()) if note not in doubts):
        grid.add_row("notes" if i == 0 else "", Text(visible(note)))
    return Group(Padding(grid, (1, 0, 0, 0), expand=False))


def _scores(summary: Mapping[str, Any]) -> Iterator[tuple[str, Text]]:
    """The scores of a network and what they are worth; of a program nothing."""
    if "values" in summary:
        return
    result = _result(summary)
    worth, metric = worth_of(result), result.metric
    for title, scores in (("sealed test", result.best.test), ("validation", result.best.validation)):
        if scores:
            yield title, Text(score_text(metric, scores, "95 %: ") + beside_text(metric, scores))
        if title == "sealed test":
            yield from (("", Text(visible(doubt), style="bold yellow")) for doubt in worth.doubts)
            if summary.get("test_scored_before"):
                yield "", Text(_seen(summary["test_scored_before"]), style="yellow")
    yield from worth_lines(metric, worth)


def _result(summary: Mapping[str, Any]) -> StudyResult:
    """The scores of a network's ``summary`` as those of a study."""
    names = ("data", "baseline", "confusion", "columns", "undefined", "targets")
    scores = summary.get("validation") or summary.get("test") or {}
    metric = next((name for name in ("r2", "hamming_accuracy") if name in scores), "accuracy")
    best = {"trial": 0, "validation": summary.get("validation"), "test": summary.get("test")}
    known = {name: summary[name] for name in names if summary.get(name) is not None}
    return StudyResult.from_record({"best": best, **known}, metric)


def _seen(times: int) -> str:
    """The warning beside a test score whose rows were scored before."""
    often = "once" if times == 1 else f"{times} times"
    return f"the test rows were scored {often} before in this store, so they are no longer unseen"


def _model(summary: Mapping[str, Any]) -> str:
    """The model's file, and which epoch's network it is."""
    epoch, last, best = summary.get("model_epoch"), summary.get("last", {}).get("epoch"), summary.get("best")
    if epoch is None:
        return str(summary["model"])
    which = "the last" if epoch == last else f"of {last}"
    if best is not None and epoch == best["epoch"]:
        which += " and" if epoch == last else ","
        which += f" the best by its {metric_name(best['by'])}, {number(best['value'])}"
    return f"{summary['model']}: the network of epoch {epoch}{',' if epoch == last else ''} {which}"


def state_text(view: RunView) -> Text:
    """The state of a run without an account of its end: a loop of the user's, or one whose process has ended."""
    progress = view.progress
    place = f"epoch {progress.epoch}" if progress.epoch else f"step {progress.step:,}"
    best = "" if view.best is None else f"; best: {best_text(view.best)}"
    kept = f"; snapshots: {snapshots_text(asdict(progress))}" if progress.snapshots else ""
    return Text(f"{view.record.name}: {view.state} at {place}{best}{kept}")


def best_text(best: Best) -> str:
    """The best epoch, by what it is the best, and its score."""
    place = f"epoch {best.point.epoch}" if best.point.epoch else f"step {best.step:,}"
    why = f"the {'highest' if best.is_highest else 'lowest'} {metric_name(best.by)}, {number(best.value)}"
    if best.point.metric in (None, best.by):
        return f"{place}, {why}"
    return f"{place}, {why} ({metric_name(best.point.metric or '')} {score_of(best.point)})"


def snapshots_text(facts: Mapping[str, Any]) -> str:
    """The number of snapshots, their size and their folder: 12, 3.4 MB in /home/anna/caviar.db.runs/1."""
    size = facts["snapshot_bytes"]
    return f"{facts['snapshots']:,}, {bytes_text(size)} in {visible(facts['snapshot_folder'])}"


def _member(member: Member, asked: str) -> Text:
    run = member.record
    found = "nothing measured" if member.shown is None else f"best {best_text(member.shown)}"
    origin = f" from snapshot {run.parent_snapshot}" if run.parent is not None else ""
    state = str(run.state) if member.is_alive or run.state is not RunState.RUNNING else "its process is gone"
    return Text.assemble((run.name, "bold" if run.name == asked else ""), f"{origin}: {state}; {found}")


def score_of(point: Point) -> str:
    """Four digits after the point; of a program's own score, whose size is unknown, four that matter."""
    return number(point.score) if point.metric == "score" else f"{point.score:.4f}"
