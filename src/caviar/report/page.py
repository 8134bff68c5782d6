"""The account of a study as one HTML page that needs nothing else: its words, then every trial on its scales."""

from __future__ import annotations

from html import escape
from io import StringIO
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console

from caviar.records import Trial
from caviar.report.answer_page import answer_html
from caviar.report.drawing import as_part
from caviar.report.explain import as_text
from caviar.report.text import value_text
from caviar.views.study import StudyView, trial_map

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def as_html(view: StudyView) -> str:
    """The page."""
    console = Console(record=True, width=110, file=StringIO())
    result = view.head.record.result
    answer = "" if result is None else answer_html(result, view.worth)
    console.print(as_text(view, answer=not answer))
    words = "\n".join(line.rstrip() for line in console.export_text(styles=False).splitlines())
    pictures = as_part(figure(view))
    name = escape(view.head.record.name)
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{name}</title></head>"
        f"<body style='font-family:sans-serif;max-width:75em;margin:2em auto'><h1>{name}</h1>"
        f"{answer}<h2>How it was found</h2><pre style='white-space:pre-wrap'>{escape(words)}</pre>"
        f"{pictures}</body></html>"
    )


def figure(view: StudyView) -> Figure:
    """Every trial on each hyperparameter's scale, in the order of trials, with the boxes drawn behind them."""
    from plotly.graph_objects import Scatter
    from plotly.subplots import make_subplots

    places = trial_map(view)
    drawn: Figure = make_subplots(
        rows=len(places.axes) + 1,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.3 / (len(places.axes) + 1),
        subplot_titles=["best so far", *(escape(axis.name) for axis in places.axes)],
    )
    best = Scatter(x=places.numbers, y=places.best_so_far, mode="lines", line={"color": "#0072B2"}, showlegend=False)
    drawn.add_trace(best, 1, 1)
    for row, axis in enumerate(places.axes, start=2):
        for each, first, end in places.spans:
            if axis.name in each.bands:
                low, high = each.bands[axis.name]
                drawn.add_shape(
                    type="rect", x0=first, x1=max(end, first + 1), y0=low, y1=high,
                    fillcolor="#E69F00", opacity=0.18, line_width=0, layer="below", row=row, col=1,
                )  # fmt: skip
        trials = Scatter(
            x=places.numbers,
            y=np.round(axis.u, 4),
            mode="markers",
            marker={"size": 4, "color": np.round(places.ranks, 3), "colorscale": "Viridis", "opacity": 0.7},
            text=[escape(_label(view, trial, axis.name)) for trial in view.trials],
            hoverinfo="text",
            showlegend=False,
        )
        drawn.add_trace(trials, row, 1)
        texts = [escape(value_text(value)) for _, value in axis.ticks]
        drawn.update_yaxes(
            tickvals=[place for place, _ in axis.ticks], ticktext=texts, range=[-0.02, 1.02], row=row, col=1
        )
    drawn.update_xaxes(title_text="trial", row=len(places.axes) + 1, col=1)
    drawn.update_layout(
        height=230 * (len(places.axes) + 1),
        template="plotly_white",
        title="Every trial on its scales (yellow: better scores), and the boxes that the search drew from",
    )
    return drawn


def _label(view: StudyView, trial: Trial, name: str) -> str:
    value = value_text(trial.config[name]) if name in trial.config else ""
    score = "none" if trial.score is None else f"{trial.score:.4f}"
    return f"trial {trial.number}: {name} {value}, {view.head.record.metric} {score}"
