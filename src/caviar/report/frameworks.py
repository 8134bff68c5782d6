"""Frameworks beside one another: measurements and known facts, as a table, as data, and as a page with bars.

The columns are what the course chooses by: ease of programming and deployment, running speed, true openness.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from caviar.frameworks.facts import Facts, Statement
from caviar.frameworks.timing import NETWORKS, Timing
from caviar.machine import processor, processors
from caviar.report.drawing import as_part
from caviar.report.text import counted

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

ABSENT = "not timed here"
_MEASURED = ("lines", "import, s", "first step, s", *(f"{network.name}, steps/s" for network in NETWORKS))


@dataclass(frozen=True)
class Line:
    """One framework: its facts, and its measurements if it is on this machine."""

    facts: Facts
    timing: Timing | None

    @property
    def title(self) -> str:
        """Its name for people, with the back end where it has several."""
        return self.facts.title if self.timing is None else self.timing.found.title


def compared(facts: Mapping[str, Facts], timings: Sequence[Timing]) -> list[Line]:
    """All frameworks: those that were measured by their speed on the small network, then the others."""
    measured = [Line(facts[timing.found.name], timing) for timing in timings]
    measured.sort(key=lambda line: -_rate(line, NETWORKS[0].name))
    there = {line.facts.name for line in measured}
    return [*measured, *(Line(known, None) for known in facts.values() if known.name not in there)]


def _rate(line: Line, network: str) -> float:
    """Steps a second; 0 where they were not measured."""
    speeds = () if line.timing is None else line.timing.speeds
    return next((speed.theirs for speed in speeds if speed.network == network), 0.0)


def machine() -> str:
    """The processor that the figures were measured on, of which one core was used."""
    return f"{processor()}, {counted(processors(), 'core')}, of which one was used"


def as_json(lines: Sequence[Line]) -> dict[str, Any]:
    """Everything as plain data; rates in steps a second, ratios ours to theirs, times in seconds."""
    return {
        "machine": machine(),
        "networks": {network.name: {"widths": network.widths, "batch": network.batch} for network in NETWORKS},
        "frameworks": [_row(line) for line in lines],
    }


def _row(line: Line) -> dict[str, Any]:
    timing, facts = line.timing, line.facts
    entries = {name: getattr(facts, name) for name in ("licence", "governance", "release", "deploy")}
    return {
        "name": facts.name if timing is None else timing.found.row,
        "title": line.title,
        "version": None if timing is None else timing.found.version,
        "lines": facts.lines,
        "import_seconds": timing and timing.import_seconds,
        "first_step_seconds": timing and timing.first_step_seconds,
        "accuracy": timing and timing.accuracy,
        "speeds": [] if timing is None else [asdict(speed) for speed in timing.speeds],
        "failure": ABSENT if timing is None else timing.failure or None,
        **{name: entry and {"says": entry[0], "source": entry[1]} for name, entry in entries.items()},
    }


def measured_cells(line: Line) -> list[str]:
    """The line's cells under ``_MEASURED``: ease of writing, and speed."""
    timing = line.timing
    speeds = {} if timing is None else {speed.network: speed for speed in timing.speeds}
    cells = ["-" if line.facts.lines is None else str(line.facts.lines)]
    for seconds in (timing and timing.import_seconds, timing and timing.first_step_seconds):
        cells.append("-" if seconds is None else f"{seconds:.2f}")
    for network in NETWORKS:
        speed = speeds.get(network.name)
        if speed is None:
            cells.append("-")
        else:
            ratio = "" if line.facts.name == "caviar" else f" (1/{speed.ratio:.3g})"
            cells.append(f"{speed.theirs:,.0f}{ratio}")
    return cells


def known_cells(line: Line) -> list[str]:
    """Its openness, and the forms that it can be deployed in."""
    return [
        _says(entry) for entry in (line.facts.licence, line.facts.governance, line.facts.release, line.facts.deploy)
    ]


def _says(statement: Statement | None) -> str:
    return "unknown" if statement is None else statement[0]


def as_text(lines: Sequence[Line]) -> Group:
    """Two tables for a terminal, and the failures."""
    speed = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    speed.add_column("framework", overflow="fold")
    for heading in _MEASURED:
        speed.add_column(heading, justify="right")
    known = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("framework", "licence", "governed by", "last release", "can be deployed as"):
        known.add_column(heading, overflow="fold")
    for line in lines:
        if line.timing is not None:
            speed.add_row(Text(line.title), *measured_cells(line))
        known.add_row(Text(line.title), *map(Text, known_cells(line)))
    notes = [Text(f"{line.title}: {line.timing.failure}") for line in lines if line.timing and line.timing.failure]
    absent = [line.title for line in lines if line.timing is None]
    if absent:
        notes.append(Text(f"{ABSENT}: {', '.join(absent)}; make frameworks sets up those that are not there"))
    return Group(
        Text("How easy to program, and how fast", style="bold"),
        speed,
        Text(legend(), style="dim"),
        Text("\nHow open, and how to deploy", style="bold"),
        known,
        *notes,
    )


def legend() -> str:
    """The meaning of the measured columns."""
    networks = "; ".join(
        f"{network.name}: {'-'.join(map(str, network.widths))}, batch {network.batch}" for network in NETWORKS
    )
    return (
        f"Lines of the shortest program. {networks}; batch norm, relu, softmax, SGD with momentum. In brackets: the "
        f"share of our engine's speed, measured by turns. {machine()}."
    )


def as_html(lines: Sequence[Line]) -> str:
    """One page that needs nothing else: bars, then the tables, with sources as tooltips."""
    bars = as_part(figure(lines))
    head = "".join(
        f"<th>{escape(name)}</th>"
        for name in ("framework", *_MEASURED, "licence", "governed by", "last release", "can be deployed as")
    )
    body = "".join(_html_row(line) for line in lines)
    failures = "".join(
        f"<li>{escape(line.title)}: {escape(line.timing.failure)}</li>"
        for line in lines
        if line.timing is not None and line.timing.failure
    )
    cell = "padding:.3em .6em;text-align:left;border-bottom:1px solid #ddd;vertical-align:top"
    style = f"td,th{{{cell}}}table{{border-collapse:collapse}}"
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Which framework?</title>"
        f"<style>{style}</style></head><body style='font-family:sans-serif;max-width:90em;margin:2em auto'>"
        f"<h1>Which framework?</h1>{bars}<table><tr>{head}</tr>{body}</table><p>{escape(legend())}</p>"
        f"<ul>{failures}</ul></body></html>"
    )


def _html_row(line: Line) -> str:
    entries = (line.facts.licence, line.facts.governance, line.facts.release, line.facts.deploy)
    measured = "".join(f"<td>{escape(cell)}</td>" for cell in measured_cells(line))
    known = "".join(
        f"<td title='{escape('' if entry is None else entry[1], quote=True)}'>{escape(_says(entry))}</td>"
        for entry in entries
    )
    return f"<tr><td>{escape(line.title)}</td>{measured}{known}</tr>"


def figure(lines: Sequence[Line]) -> Figure:
    """Bars of the measurements: steps a second on both networks, lines, and seconds until the first step is done."""
    from plotly.graph_objects import Bar
    from plotly.subplots import make_subplots

    measured = [line for line in lines if line.timing is not None][::-1]  # plotly draws from below
    names = [escape(line.title) for line in measured]
    titles = [f"steps a second (log scale), {network.name}" for network in NETWORKS]
    drawn: Figure = make_subplots(
        rows=1,
        cols=len(titles) + 2,
        shared_yaxes=True,
        subplot_titles=[*titles, "seconds to the first step", "lines"],
        horizontal_spacing=0.03,
    )
    colours = ["#D55E00" if line.facts.name == "caviar" else "#0072B2" for line in measured]
    for column, network in enumerate(NETWORKS, start=1):
        rates = [_rate(line, network.name) or None for line in measured]
        drawn.add_trace(Bar(y=names, x=rates, orientation="h", marker_color=colours, showlegend=False), 1, column)
        decades = math.ceil(math.log10(max((rate for rate in rates if rate), default=10)))
        drawn.update_xaxes(type="log", dtick=1, range=[0, max(decades, 1)], row=1, col=column)
    column = len(NETWORKS) + 1
    timings = [line.timing for line in measured if line.timing is not None]
    parts = (("import", [t.import_seconds for t in timings], "#0072B2"),
             ("first step", [t.first_step_seconds for t in timings], "#E69F00"))  # fmt: skip
    for name, seconds, colour in parts:
        drawn.add_trace(Bar(y=names, x=seconds, orientation="h", marker_color=colour, name=name), 1, column)
    lines_of = [line.facts.lines for line in measured]
    drawn.add_trace(Bar(y=names, x=lines_of, orientation="h", marker_color=colours, showlegend=False), 1, column + 1)
    drawn.update_yaxes(tickmode="linear")  # every name, however low the picture
    drawn.update_layout(
        barmode="stack",
        template="plotly_white",
        height=240 + 30 * len(measured),
        legend={"orientation": "h", "y": -0.2},
    )
    return drawn
