"""A run in the terminal: its live screen, a line for a log, its diary, its family, and its end."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from caviar.records import DiaryEntry, RunMeasurement, StudyResult
from caviar.records.metrics import metric_name
from caviar.report.bars import bar
from caviar.report.curves import chart
from caviar.report.text import beside_text, config_text, counted, duration, megabytes, number, score_text, visible
from caviar.report.worth import worth_lines
from caviar.views.run import LOGGED, Best, Family, Layer, Member, Point, RunView, is_routine, number_of, point
from caviar.views.worth import worth_of

_BAR, _LEAST_BAR = 30, 10
_TWO_CURVES, _LEAST_CURVE = 72, 24  # letters of a screen for two curves side by side, and of a curve
_SETTLED = 0.05  # standard deviations that a running mean goes between two epochs
_KEYS = (
    "[b]+[/] [b]-[/] learning rate  [b]p[/] pause  [b]s[/] snapshot  "
    "[b]b[/] back  [b]:[/] turn a knob  [b]q[/] stop  [b]?[/] explain"
)
_EXPLAINED = {
    "+ -": "turn the learning rate up or down, by half",
    "p": "pause, and go on",
    "s": "save a snapshot: a state that can be gone back to",
    "b": "go back to the best epoch, or to the newest good snapshot (asks once more)",
    ":": "turn any knob, and say why: learning_rate=0.003 because plateau",
    "q": "stop for good: score the network and save the model (asks once more)",
    "?": "close this",
    "Ctrl-C": "interrupt, everything saved; caviar resume goes on",
}
_STYLES = {"turn": "bold", "rollback": "bold red", "warning": "yellow", "refused": "yellow", "advice": "cyan"}
_MEASURE = Console(width=80)  # for wrapping, which needs one
_OF_A_NETWORK = {"train_loss", "validation_loss", "learning_rate", "inside"}


def screen(
    view: RunView,
    width: int = 100,
    height: int = 40,
    typed: str | None = None,
    said: str = "",
    keys: bool = False,
    explained: bool = False,
) -> Group:
    """The live display; ``typed`` is a command in the making, ``said`` the answer to the last one or a question.

    ``keys`` shows the keys of the keyboard, ``explained`` what each of them does.
    """
    tall = 6 if height < 36 else 9
    parts: list[Any] = [_head(view, width), _curves(view, width, tall), _numbers(view)]
    if view.layers:
        parts.append(_layers(view.layers))
    parts.append(_diary_tail(view.diary, 5 if height < 36 else 8, width))
    if typed is not None:
        parts.append(Text(f": {typed}▏", style="bold"))
    elif said:
        parts.append(Text(said, style="yellow"))
    elif explained:
        parts.append(_explanation())
    elif keys:
        parts.append(Text.from_markup(_KEYS, style="dim"))
    return Group(*(Padding(part, (0, 0, 1, 0), expand=False) for part in parts))


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
            what = Text(visible(entry.text), style=_STYLES.get(entry.kind, ""))
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
    grid.add_column()
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
    grid.add_row("run", Text(f"{summary['run']} in {summary['store']}"))
    if summary.get("snapshots"):
        grid.add_row("snapshots", Text(snapshots_text(summary)))
    if summary.get("model"):
        grid.add_row("model", Text(_model(summary)))
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
    names = ("data", "baseline", "confusion", "columns", "undefined")
    metric = "r2" if "r2" in (summary.get("validation") or summary.get("test") or {}) else "accuracy"
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


def best_text(best: Best) -> str:
    """The best epoch, by what it is the best, and its score."""
    place = f"epoch {best.point.epoch}" if best.point.epoch else f"step {best.step:,}"
    why = f"the {'highest' if best.is_highest else 'lowest'} {metric_name(best.by)}, {number(best.value)}"
    if best.point.metric in (None, best.by):
        return f"{place}, {why}"
    return f"{place}, {why} ({metric_name(best.point.metric or '')} {_score(best.point)})"


def _explanation() -> Table:
    grid = Table.grid(padding=(0, 2))
    for key, meaning in _EXPLAINED.items():
        grid.add_row(Text(key, style="bold"), Text(meaning))
    return grid


def _head(view: RunView, width: int) -> Text:
    """The run's name, its state, how far it is, and a bar on its own line where it does not fit."""
    progress = view.progress
    style = "bold green" if view.state == "running" else "bold yellow"
    start = Text.assemble((view.record.name, "bold"), "  ", (view.state, style))
    cells = [f"epoch {progress.epoch}" if progress.epoch or not progress.step else f"step {progress.step:,}"]
    if progress.epochs is not None:
        cells = [f"epoch {progress.epoch} of {progress.epochs}"]
    if progress.pace:
        digits = 0 if progress.pace >= 10 or progress.unit == "rows" else 1
        cells.append(f"{progress.pace:,.{digits}f} {progress.unit} a second")
    if progress.seconds_left is not None:
        cells.append(f"{duration(progress.seconds_left)} left")
    rest = "  ".join(cells)
    if progress.epochs is None:
        return Text.assemble(start, "  ", rest)
    room = width - start.cell_len - len(rest) - 4
    drawn = bar(progress.done, progress.epochs, min(_BAR, room if room >= _LEAST_BAR else max(width - 1, 1)))
    if room >= _LEAST_BAR:
        return Text.assemble(start, "  ", drawn, "  ", rest)
    return Text.assemble(start, "  ", rest, "\n", drawn)


def _curves(view: RunView, width: int, tall: int) -> Table:
    """Losses and the score, side by side, or under one another where that is narrow."""
    curves = view.curves
    grid = Table.grid(padding=(0, 2))
    losses = any(map(math.isfinite, (*curves.train, *curves.validation)))  # a program may report none
    side_by_side = width >= _TWO_CURVES
    half = max((width - 6) // 2 if side_by_side else width - 2, _LEAST_CURVE)
    if len(view.line) < 2 or not (losses or curves.score):
        picture = chart([(view.progress.losses, "blue")], half, tall)
        grid.add_row(Group(Text("loss of the mini-batches, smoothed"), picture))
        return grid
    pictures: list[Any] = []
    if losses:
        title = Text.assemble("loss: ", ("training", "blue"), ", ", ("validation", "magenta"))
        if not any(map(math.isfinite, curves.validation)):
            title = Text("loss")
        series = [(curves.train, "blue"), (curves.validation, "magenta")]
        pictures.append(Group(title, chart(series, half, tall, log=True)))
    if curves.score is not None:
        picture = chart([(curves.scores, "green")], half, tall)
        pictures.append(Group(Text(metric_name(curves.score)), picture))
    if side_by_side:
        grid.add_row(*pictures)
    else:
        for each in pictures:
            grid.add_row(each)
    return grid


def _numbers(view: RunView) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column()
    if view.last is not None:
        place = f"epoch {view.last.epoch}" if view.last.epoch else f"step {view.line[-1].clock.step:,}"
        grid.add_row(place, Text(_epoch(view, view.last)))
    if view.best is not None:
        grid.add_row("best", Text(best_text(view.best)))
    if view.knobs:
        grid.add_row("knobs", Text(config_text(view.knobs)))
    if view.progress.snapshots:
        grid.add_row("snapshots", Text(snapshots_text(asdict(view.progress))))
    return grid


def snapshots_text(facts: Mapping[str, Any]) -> str:
    """The number of snapshots, their size and their folder: 12, 3.4 MB in /home/anna/caviar.db.runs/1."""
    size = facts["snapshot_bytes"]
    return f"{facts['snapshots']:,}, {megabytes(size)} in {visible(facts['snapshot_folder'])}"


def _epoch(view: RunView, last: Point) -> str:
    """The numbers of the last epoch."""
    values = view.line[-1].values
    names = ["train_loss", "validation_loss"]
    if "inside" not in values:
        rates = ("learning_rate", view.progress.rate_knob)
        names = [name for name in values if name not in ("seconds", LOGGED, *rates, last.metric)]
    shown = [f"{metric_name(visible(name))} {number(number_of(values.get(name)))}" for name in names]
    if last.metric is not None:
        shown.append(f"{metric_name(last.metric)} {_score(last)}")
    return ", ".join(shown)


def _layers(layers: Sequence[Layer]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    saturated = any(layer.saturated for layer in layers)
    ill = "saturated" if saturated else "dead relus"
    for header in ("layer", "gradient norm", "update / weight", "activation spread", ill, "batch norm"):
        table.add_column(header, justify="right")
    for i, layer in enumerate(layers, start=1):
        share = layer.saturated if saturated else layer.dead
        cells: list[Any] = ["output", "", ""]
        if layer.drift is not None:
            drift = f"{'settled' if layer.drift < _SETTLED else 'drifting'} {layer.drift:.2f}"
            cells = [str(i), Text(f"{share:.0%}", style="yellow" if share > 0.5 else ""), drift]
        table.add_row(
            cells[0],
            f"{layer.gradient_norm:.2e}",
            Text(f"{layer.update_to_weight:.1e}", style="yellow" if layer.update_to_weight > 0.1 else ""),
            f"{layer.activation_std:.3f}",
            *cells[1:],
        )
    return table


def _diary_tail(diary: Sequence[DiaryEntry], most: int, width: int) -> Text:
    """The newest entries, whole, as far as ``most`` lines hold them; the newest in any case."""
    lines: list[Text] = []
    for entry in reversed([entry for entry in diary if not is_routine(entry)]):
        shown = list(Text(entry_line(entry), style=_STYLES.get(entry.kind, "dim")).wrap(_MEASURE, max(width - 2, 20)))
        if lines and len(lines) + len(shown) > most:
            break
        lines = [*shown, *lines]
    return Text("\n").join(lines) if lines else Text("the diary is empty", style="dim")


def _member(member: Member, asked: str) -> Text:
    run = member.record
    found = "nothing measured" if member.shown is None else f"best {best_text(member.shown)}"
    origin = f" from snapshot {run.parent_snapshot}" if run.parent is not None else ""
    return Text.assemble((run.name, "bold" if run.name == asked else ""), f"{origin}: {run.state}; {found}")


def _score(point: Point) -> str:
    """Four digits after the point; of a program's own score, whose size is unknown, four that matter."""
    return number(point.score) if point.metric == "score" else f"{point.score:.4f}"
