"""The live screen of a run: as much of it as the terminal holds, and what is shown is whole."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from caviar.records import DiaryEntry
from caviar.records.metrics import metric_name
from caviar.report.bars import bar
from caviar.report.curves import chart
from caviar.report.run import STYLES, best_text, entry_line, score_of, snapshots_text
from caviar.report.text import config_text, duration, number, visible
from caviar.views.run import LOGGED, Layer, Point, RunView, is_routine, number_of

_BAR, _LEAST_BAR = 30, 10
_TWO_CURVES, _LEAST_CURVE = 72, 24  # letters of a screen for two curves side by side, and of a curve
_WIDE_LAYERS = 90  # letters of a screen for the whole headings of the table of layers
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
_MEASURE = Console(width=80, force_terminal=True)  # for wrapping and counting lines, which need one


class _Size(NamedTuple):
    """A size of the screen: lines of a curve (0: none), True with the layers, lines of the diary and between parts."""

    curve: int
    layers: bool
    diary: int
    gap: int = 1


_SIZES = (
    _Size(9, True, 8),
    _Size(6, True, 5),
    _Size(6, False, 5),
    _Size(4, False, 4),
    _Size(4, False, 3, gap=0),
    _Size(0, False, 3, gap=0),
)


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
    for size in _SIZES:
        parts = list(_parts(view, width, size))
        if typed is not None:
            parts.append(Text(f": {typed}▏", style="bold"))
        elif said:
            parts.append(Text(said, style="yellow"))
        elif explained:
            parts.append(_explanation())
        elif keys:
            parts.append(Text.from_markup(_KEYS, style="dim"))
        drawn = Group(*(Padding(part, (0, 0, size.gap, 0), expand=False) for part in parts))
        if _lines(drawn, width) < height:
            break
    return drawn


def _parts(view: RunView, width: int, size: _Size) -> Iterator[RenderableType]:
    """The parts of a screen from top to bottom."""
    yield _head(view, width)
    if size.curve:
        yield _curves(view, width, size.curve)
    yield _numbers(view)
    if view.layers and size.layers:
        yield _layers(view.layers, width)
    yield _diary_tail(view.diary, size.diary, width)


def _lines(drawn: RenderableType, width: int) -> int:
    return len(_MEASURE.render_lines(drawn, _MEASURE.options.update(width=width)))


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
    grid.add_column(overflow="fold")
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


def _epoch(view: RunView, last: Point) -> str:
    """The numbers of the last epoch."""
    values = view.line[-1].values
    names = ["train_loss", "validation_loss"]
    if "inside" not in values:
        rates = ("learning_rate", view.progress.rate_knob)
        names = [name for name in values if name not in ("seconds", LOGGED, *rates, last.metric)]
    shown = [f"{metric_name(visible(name))} {number(number_of(values.get(name)))}" for name in names]
    if last.metric is not None:
        shown.append(f"{metric_name(last.metric)} {score_of(last)}")
    return ", ".join(shown)


def _layers(layers: Sequence[Layer], width: int) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    saturated = any(layer.saturated for layer in layers)
    ill = "saturated" if saturated else "dead relus"
    headers = ("layer", "gradient norm", "update / weight", "activation spread", ill, "batch norm")
    if width < _WIDE_LAYERS:
        headers = ("layer", "gradient", "update", "spread", ill.removesuffix(" relus"), "batch norm")
    for header in headers:
        table.add_column(header, justify="right", overflow="fold")
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
        shown = list(Text(entry_line(entry), style=STYLES.get(entry.kind, "dim")).wrap(_MEASURE, max(width - 2, 20)))
        if lines and len(lines) + len(shown) > most:
            break
        lines = [*shown, *lines]
    return Text("\n").join(lines) if lines else Text("the diary is empty", style="dim")


def _explanation() -> Table:
    grid = Table.grid(padding=(0, 2))
    for key, meaning in _EXPLAINED.items():
        grid.add_row(Text(key, style="bold"), Text(meaning))
    return grid
