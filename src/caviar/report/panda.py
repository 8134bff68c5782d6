"""A nursed run, as a screen for the terminal, a line for a log, a lab ledger and a family tree."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from caviar.records import DiaryEntry, Run, RunMeasurement
from caviar.report.curves import chart, smooth
from caviar.report.text import duration, metric_name, number

SMOOTHING = 0.6
"""beta of the curves of epochs: two or three epochs, enough to see a trend through the noise."""

_BAR = 30
_SETTLED = 0.05  # standard deviations that a running mean goes between two epochs
_KEYS = (
    "[b]+[/] [b]-[/] learning rate  [b]p[/] pause  [b]s[/] snapshot  "
    "[b]b[/] roll back  [b]:[/] turn a knob  [b]q[/] stop"
)


@dataclass(frozen=True)
class View:
    """What the screen shows: ``facts`` are the run's progress, ``typed`` what is typed, ``said`` the answer to it."""

    name: str
    facts: Mapping[str, Any]
    epochs: Sequence[RunMeasurement]
    diary: Sequence[DiaryEntry]
    state: str = "running"
    typed: str | None = None
    said: str = ""
    keys: bool = False


def screen(view: View, width: int = 100, height: int = 40) -> Group:
    """The live display."""
    line = present_line(view.epochs)
    half = max((width - 6) // 2, 24)
    tall = 6 if height < 36 else 9
    parts: list[Any] = [_head(view), _curves(line, view.facts, half, tall), _numbers(line, view.facts)]
    if line and line[-1].values.get("inside"):
        parts.append(_layers(line[-1].values["inside"]))
    parts.append(_diary_tail(view.diary, 5 if height < 36 else 8, width))
    if view.typed is not None:
        parts.append(Text(f": {view.typed}▏", style="bold"))
    elif view.said:
        parts.append(Text(view.said, style="yellow"))
    elif view.keys:
        parts.append(Text.from_markup(_KEYS, style="dim"))
    return Group(*(Padding(part, (0, 0, 1, 0)) for part in parts))


def present_line(epochs: Sequence[RunMeasurement]) -> list[RunMeasurement]:
    """The epochs that are in the network, without those that were gone back from."""
    line: list[RunMeasurement] = []
    for m in epochs:
        while line and line[-1].clock.epoch >= m.clock.epoch:
            line.pop()
        line.append(m)
    return line


def epoch_line(name: str, measurement: RunMeasurement, epochs: int) -> str:
    """An epoch as one line for a log."""
    v, score = measurement.values, _score(measurement.values)
    if score is None or not {"train_loss", "validation_loss", "learning_rate", "inside"} <= set(v):
        told = (f"{key} {number(value)}" for key, value in v.items() if key != "seconds")  # of somebody's program
        return f"{name} | epoch {measurement.clock.epoch} of {epochs} | {', '.join(told)} | {v['seconds']:.2f} s"
    return (
        f"{name} | epoch {measurement.clock.epoch} of {epochs} | train loss {number(v['train_loss'])} | "
        f"validation loss {number(v['validation_loss'])}, {metric_name(score)} {v[score]:.4f} | "
        f"learning rate {number(v['learning_rate'])} | {v['seconds']:.2f} s"
    )


def watched_line(name: str, measurement: RunMeasurement) -> str:
    """The same for whoever looks on, and for anyone's training loop, whose numbers have any names."""
    numbers = {k: v for k, v in measurement.values.items() if isinstance(v, int | float)}
    shown = ", ".join(f"{key} {number(value)}" for key, value in numbers.items())
    return f"{name} | epoch {measurement.clock.epoch}, step {measurement.clock.step:,} | {shown}"


def watched(run: Run, epochs: Sequence[RunMeasurement]) -> dict[str, Any]:
    """A run as it stands, as the JSON object of ``caviar watch --json``."""
    line = list(epochs) if run.kind == "loop" else present_line(epochs)
    return {
        "run": run.name,
        "state": str(run.state),
        "progress": run.progress,
        "epochs": [{"epoch": m.clock.epoch, "step": m.clock.step, **m.values} for m in line],
        "result": run.result,
    }


def entry_row(entry: DiaryEntry) -> dict[str, Any]:
    """A diary entry as plain data."""
    clock = entry.clock
    place = {"tick": clock.tick, "step": clock.step, "epoch": clock.epoch, "take": clock.take}
    plain = {"number": entry.number, "when": entry.written, "kind": entry.kind, "who": entry.who}
    return {**plain, **place, "text": entry.text, "facts": entry.facts}


def member_row(run: Run, epochs: Sequence[RunMeasurement]) -> dict[str, Any]:
    """A member of a family as plain data."""
    best = best_of(epochs, _goal(run))
    found = None
    if best is not None:
        found = {"epoch": best.clock.epoch, **{k: v for k, v in best.values.items() if k != "inside"}}
    return {
        "run": run.name,
        "parent": run.parent,
        "snapshot": run.parent_snapshot,
        "state": str(run.state),
        "best": found,
    }


def entry_line(entry: DiaryEntry) -> str:
    """A diary entry as one line."""
    who = f"{entry.who}: " if entry.who not in ("", "caviar") else ""
    return f"epoch {entry.clock.epoch}, step {entry.clock.step:,} | {entry.kind} | {who}{entry.text}"


def diary_table(run: Run, diary: Sequence[DiaryEntry], everything: bool) -> Group:
    """The lab ledger. Snapshots at epochs' ends are left out unless ``everything`` is asked for."""
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("when", "epoch", "step", "who", "what"):
        grid.add_column(name, justify="right" if name in ("epoch", "step") else "left", no_wrap=name != "what")
    for entry in diary:
        if everything or not (entry.kind == "snapshot" and entry.text.endswith(", epoch")):
            when = entry.written[:19].replace("T", " ")
            style = {"turn": "bold", "rollback": "bold red", "warning": "yellow", "advice": "cyan"}.get(entry.kind, "")
            what = Text(entry.text, style=style)
            grid.add_row(when, str(entry.clock.epoch), f"{entry.clock.step:,}", Text(entry.who), what)
    return Group(
        Text.assemble((run.name, "bold"), f": {run.kind}, {run.state}, seed {run.seed}, begun {run.created[:19]}"), grid
    )


def family(runs: Sequence[Run], epochs: Mapping[str, Sequence[RunMeasurement]], root: str) -> Tree:
    """The tree of runs under the first ancestor of ``root``, each with its best epoch."""
    by_name = {run.name: run for run in runs}
    first = by_name[root]
    while first.parent is not None:
        first = by_name[first.parent]
    tree = Tree(_member(first, epochs[first.name], root))
    _branches(tree, first.name, runs, epochs, root)
    return tree


def best_of(epochs: Sequence[RunMeasurement], goal: str = "") -> RunMeasurement | None:
    """The epoch of the smallest validation loss; of a program, which has a ``goal``, that of the best score."""

    def judged(measurement: RunMeasurement) -> float:
        if goal and "score" in measurement.values:
            score = _float(measurement.values["score"])
            return score if goal == "minimize" else -score
        return _loss(measurement)

    measured = [m for m in epochs if math.isfinite(judged(m))]
    return min(measured, key=judged) if measured else None


def raised(summary: Mapping[str, Any]) -> Group:
    """How a run ended."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column()
    for part in ("test", "validation"):
        if summary.get(part):
            scores = summary[part]
            shown = ", ".join(f"{metric_name(name)} {number(value)}" for name, value in scores.items())
            grid.add_row("sealed test" if part == "test" else part, Text(shown))
    done = f"{summary['epochs']} epochs"
    if "values" in summary:  # of somebody's program, which tells some of its mini-batches
        told = ({} if summary["score"] is None else {"score": summary["score"]}) | dict(summary["values"])
        grid.add_row("told", Text(", ".join(f"{name} {number(value)}" for name, value in told.items())))
        done += f", at least {summary['steps']:,} mini-batches" if summary["steps"] else ""
    else:
        done += f", {summary['steps']:,} mini-batches"
    grid.add_row("trained", f"{done}, {summary['interventions']} turns of knobs, {summary['rollbacks']} rollbacks")
    if summary.get("stopped"):
        grid.add_row("stopped", Text(str(summary["stopped"])))
    grid.add_row("run", Text(f"{summary['run']} in {summary['store']}"))
    if summary.get("model"):
        grid.add_row("model", Text(str(summary["model"])))
    return Group(Padding(grid, (1, 0, 0, 0)))


def _head(view: View) -> Table:
    facts = view.facts
    grid = Table.grid(padding=(0, 2))
    epoch, epochs = int(facts.get("epoch", 0)), int(facts.get("epochs", 1) or 1)
    rows = max(int(facts.get("rows", 1) or 1), 1)
    bar = ProgressBar(total=epochs, completed=epoch + int(facts.get("row", 0)) / rows, width=_BAR)
    left = float(facts.get("seconds_left", math.nan))
    state = "paused" if facts.get("paused") and view.state == "running" else view.state
    style = "bold green" if state == "running" else "bold yellow"
    pace, unit = float(facts.get("rows_per_second", 0) or 0), facts.get("unit", "rows")
    grid.add_row(
        Text(view.name, style="bold"),
        Text(state, style=style),
        bar,
        Text(f"epoch {epoch} of {epochs}"),
        Text(f"{pace:,.{0 if pace >= 10 or unit == 'rows' else 1}f} {unit} a second" if pace or unit == "rows" else ""),
        Text(f"{duration(left)} left" if math.isfinite(left) else ""),
    )
    return grid


def _curves(line: Sequence[RunMeasurement], facts: Mapping[str, Any], half: int, tall: int) -> Table:
    train = smooth([_float(m.values.get("train_loss", m.values.get("loss", math.nan))) for m in line], SMOOTHING)
    validation = smooth([float(m.values.get("validation_loss", math.nan)) for m in line], SMOOTHING)
    grid = Table.grid(padding=(0, 2))
    batches = [_float(v) for v in facts.get("curve", [])]
    score = _score(line[-1].values) if line else None
    scores = [float(m.values.get(score or "", math.nan)) for m in line]
    whole = any(map(math.isfinite, [*train, *validation]))  # a program may tell nothing of epochs, or nothing of losses
    if len(line) < 2 or not (whole or score):
        grid.add_row(_titled("loss of the mini-batches, smoothed", chart([(batches, "blue")], half, tall)))
        return grid
    scored = _titled(Text(metric_name(score or "")), chart([(scores, "green")], half, tall))
    if not whole:
        grid.add_row(scored)
        return grid
    losses = _titled(
        Text.assemble("loss: ", ("training", "blue"), ", ", ("validation", "magenta")),
        chart([(train, "blue"), (validation, "magenta")], half, tall, log=True),
    )
    grid.add_row(losses, *([scored] if score else []))
    return grid


def _titled(title: Any, picture: Text) -> Group:
    return Group(title if isinstance(title, Text) else Text(title), picture)


def _numbers(line: Sequence[RunMeasurement], facts: Mapping[str, Any]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column()
    if line:
        last, best, score = line[-1].values, best_of(line, str(facts.get("goal", ""))), _score(line[-1].values)
        names = [n for n in last if n not in ("inside", "seconds", "learning_rate", facts.get("rate_knob"), score)]
        if "inside" in last:
            names = ["train_loss", "validation_loss"]
        text = ", ".join(f"{metric_name(name)} {number(last[name])}" for name in names)
        if score is not None:
            text += f"{', ' if text else ''}{metric_name(score)} {_exact(score, last)}"
        if best is not None and score is not None and score in best.values:
            text += f"; best {_exact(score, best.values)} at epoch {best.clock.epoch}"
        grid.add_row(f"epoch {line[-1].clock.epoch}", Text(text))
    knobs = dict(facts.get("knobs", {}))
    if knobs:
        hidden = {"decay_by", "epsilon"} | {
            name for name in ("l2", "dropout", "input_dropout", "clip_norm") if not knobs.get(name)
        }
        if not knobs.get("decay_rate"):
            hidden |= {"decay", "decay_rate"}
        of = {"momentum": ("momentum", "nesterov"), "beta1": ("adam", "adamw"), "beta2": ("adam", "adamw", "rmsprop")}
        of["weight_decay"] = ("adamw",)
        hidden |= {name for name, optimizers in of.items() if knobs.get("optimizer") not in optimizers}
        if "unit" in facts:  # of somebody's program: what has an effect there is not for us to know
            hidden = set()
        shown = (f"{n} {number(v) if isinstance(v, float) else v}" for n, v in knobs.items() if n not in hidden)
        grid.add_row("knobs", Text(", ".join(shown)))
    return grid


def _layers(inside: Sequence[Mapping[str, float]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    saturated = any(layer["saturated"] for layer in inside)
    headers = [
        "layer",
        "gradient norm",
        "update / weight",
        "activation spread",
        "saturated" if saturated else "dead relus",
        "batch norm",
    ]
    for header in headers:
        table.add_column(header, justify="right")
    for i, layer in enumerate(inside, start=1):
        last = i == len(inside)
        drift = "" if last else f"{'settled' if layer['drift'] < _SETTLED else 'drifting'} {layer['drift']:.2f}"
        ill = layer["saturated"] if saturated else layer["dead"]
        table.add_row(
            "output" if last else str(i),
            f"{layer['gradient_norm']:.2e}",
            Text(f"{layer['update_to_weight']:.1e}", style="yellow" if layer["update_to_weight"] > 0.1 else ""),
            f"{layer['activation_std']:.3f}",
            "" if last else Text(f"{ill:.0%}", style="yellow" if ill > 0.5 else ""),
            drift,
        )
    return table


def _diary_tail(diary: Sequence[DiaryEntry], most: int, width: int) -> Text:
    shown = [e for e in diary if not (e.kind == "snapshot" and e.text.endswith(", epoch"))][-most:]
    style = {"turn": "bold", "rollback": "bold red", "warning": "yellow", "advice": "cyan", "refused": "yellow"}
    lines = Text("\n").join(Text(entry_line(e)[: width - 2], style=style.get(e.kind, "dim")) for e in shown)
    return lines if shown else Text("the diary is empty", style="dim")


def _member(run: Run, epochs: Sequence[RunMeasurement], root: str) -> Text:
    best = best_of(epochs, _goal(run))
    told = "nothing measured"
    if best is not None:
        score = _score(best.values)
        parts = [] if score is None else [f"{metric_name(score)} {_exact(score, best.values)}"]
        parts += [f"validation loss {number(_loss(best))}"] if math.isfinite(_loss(best)) else []
        told = f"{', '.join(parts)} at epoch {best.clock.epoch}"
    changed = f" from snapshot {run.parent_snapshot}" if run.parent is not None else ""
    return Text.assemble((run.name, "bold" if run.name == root else ""), f"{changed}: {run.state}; best {told}")


def _branches(
    tree: Tree, name: str, runs: Sequence[Run], epochs: Mapping[str, Sequence[RunMeasurement]], root: str
) -> None:
    for run in runs:
        if run.parent == name:
            _branches(tree.add(_member(run, epochs[run.name], root)), run.name, runs, epochs, root)


def _score(values: Mapping[str, Any]) -> str | None:
    return next((name for name in ("score", "accuracy", "r2", "validation_loss") if name in values), None)


def _exact(score: str, values: Mapping[str, Any]) -> str:
    """Four digits after the point; of a program's own score, whose size nobody knows, four that matter."""
    return number(values[score]) if score == "score" else f"{values[score]:.4f}"


def _goal(run: Run) -> str:
    """What a program's score is to be; empty for networks of ours and loops."""
    return str(run.request.get("goal", "")) if run.kind == "program" else ""


def _loss(measurement: RunMeasurement) -> float:
    values = measurement.values
    return _float(values.get("validation_loss", values.get("loss", math.nan)))


def _float(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
