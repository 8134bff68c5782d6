"""The pictures of a study as figures of plotly, for notebooks: ``study.plot``.

Colours differ for colour-blind readers (Okabe and Ito, 2008; viridis), and states differ by their marks too. An axis is
logarithmic where the scale that it shows is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from caviar.records.metrics import metric_name, smaller_is_better
from caviar.report.figure_parts import (
    BLUE,
    COLUMNS,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    STATES,
    Ends,
    axis_named,
    best_line,
    best_so_far,
    by_rank,
    by_tier,
    ends_of,
    ends_of_scores,
    labels,
    laid_out,
    named,
    points_kind,
    score_axis,
    score_points,
    score_range,
    scores_of,
    small_plots,
    smoothed,
    state_name,
    tick_text,
    ticks_of,
    titled,
    unit_of_time,
    when,
)
from caviar.report.text import counted
from caviar.views.pictures import Comparison, Improvement
from caviar.views.study_page import StudyPage

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_LONG = 20  # epochs from which their axis is logarithmic, as rungs are: most trials are stopped at the first of them
_CROWD = 1_000  # dots that would hide what is below them
_RUNGS = 3  # from which they are the ticks of that axis
_GRID, _REACH = 41, 0.07  # of a contour: its points a side, and how far a trial counts, as a part of the scale


def history(page: StudyPage) -> Figure:
    """The score of every trial and the best so far, against trials and against time."""
    from plotly.subplots import make_subplots

    timed = [(trial, lane) for trial, lane in zip(page.own, page.lanes, strict=True) if lane.ended is not None]
    figure = make_subplots(1, 2 if timed else 1, shared_yaxes=True, horizontal_spacing=0.03)
    score_points(figure, page, page.own, [trial.number for trial in page.own], 1)
    best = [math.nan if score is None else score for score in page.ranked.best_so_far]
    best_line(figure, [trial.number for trial in page.own], best, 1)
    figure.update_xaxes(title_text="trial", row=1, col=1)
    if timed:
        unit, per = unit_of_time(max(lane.ended or 0.0 for _, lane in timed))
        timed.sort(key=lambda one: one[1].ended or 0.0)
        trials, times = [trial for trial, _ in timed], [(lane.ended or 0.0) / per for _, lane in timed]
        score_points(figure, page, trials, times, 2)
        best_line(figure, times, best_so_far(page, trials), 2)
        figure.update_xaxes(title_text=f"{unit} since the study began", row=1, col=2)
    score_axis(figure, page)
    return titled(figure, page, "every trial, and the best so far")


def curves(page: StudyPage) -> Figure:
    """The scores of all trials by epoch as a density, and the finalists and the best as lines."""
    from plotly.graph_objects import Figure, Heatmap, Scatter

    picture, figure = page.curves, Figure()
    if picture.density:
        counts = np.asarray(picture.density, dtype=np.float64).T
        figure.add_trace(
            Heatmap(
                x=picture.epochs, y=picture.scores, z=np.where(counts > 0, np.log10(np.maximum(counts, 1)), np.nan),
                customdata=counts, colorscale=[[0, "#E8EEF4"], [1, "#40566B"]],
                hovertemplate="%{customdata} trials here<extra></extra>", showscale=False,
            )
        )  # fmt: skip
    best = page.chosen[0] if page.chosen else None
    seen: set[str] = set()
    for line in sorted(picture.lines, key=lambda line: (line.trial == best, line.chosen)):
        colour, width, group = (BLUE, 1.0, "other trials")
        if line.chosen:
            colour, width, group = (RED, 2.5, "the best") if line.trial == best else (ORANGE, 1.5, "finalists")
        figure.add_trace(
            Scatter(
                x=line.epochs, y=line.scores, mode="lines" if len(line.epochs) > 1 else "markers",
                line={"color": colour, "width": width}, marker={"color": colour, "size": 5},
                opacity=1.0 if line.chosen else 0.5, name=group, legendgroup=group, showlegend=group not in seen,
                hovertemplate=f"trial {line.trial}: %{{y}} after %{{x}} epochs<extra></extra>",
            )
        )  # fmt: skip
        seen.add(group)
    score_axis(figure, page, is_log=picture.is_log, ends=_ends_of_curves(page))
    last = max((epoch for line in picture.lines for epoch in line.epochs), default=1)
    figure.update_xaxes(title_text="epoch")
    if last >= _LONG:
        places = [rung.epochs for rung in page.rungs]
        places = places if len(places) >= _RUNGS else [f * 10**k for k in range(7) for f in (1, 2, 5)]
        figure.update_xaxes(type="log", tickvals=places)
    darker = "Darker where more trials are." if picture.density else ""
    return titled(figure, page, f"learning curves of {counted(picture.of, 'trial')}", darker)


def rungs(page: StudyPage) -> Figure:
    """Trials at each rung that went on, were stopped, finished, or ended otherwise, and what stopping saved."""
    from plotly.graph_objects import Bar, Figure

    figure = Figure()
    names = [counted(rung.epochs, "epoch") for rung in page.rungs]
    others = [rung.reached - rung.went_on - len(rung.stopped) - rung.ended for rung in page.rungs]
    for title, colour, numbers in (
        ("went on", BLUE, [rung.went_on for rung in page.rungs]),
        ("stopped", GREY, [len(rung.stopped) for rung in page.rungs]),
        ("finished", GREEN, [rung.ended for rung in page.rungs]),
        ("wait, or ended otherwise", ORANGE, others),
    ):
        hover = f"%{{x:,}} trials {title} (%{{y}})<extra></extra>"
        figure.add_trace(Bar(y=names, x=numbers, name=title, orientation="h", marker_color=colour, hovertemplate=hover))
    for name, rung in zip(names, page.rungs, strict=True):
        if rung.saved_epochs:
            text = f"{rung.saved_epochs:,} epochs saved"
            figure.add_annotation(x=rung.reached, y=name, text=text, showarrow=False, xanchor="left", xshift=6)
    most = max((rung.reached for rung in page.rungs), default=1)
    figure.update_xaxes(title_text="trials", range=[0, 1.25 * most])
    figure.update_yaxes(title_text="rung", autorange="reversed")
    figure.update_layout(barmode="stack", height=160 + 44 * max(len(names), 2))
    rule = page.rungs[0].rule if len(page.rungs) > 1 else "this study compares no trials on the way"
    return titled(figure, page, "trials at each rung", f"{rule[0].upper()}{rule[1:]}.")


def slices(page: StudyPage) -> Figure:
    """The score against each hyperparameter, on its own scale, by tier."""
    axes = by_tier(page)
    figure = small_plots(axes, page)
    for at, axis in enumerate(axes):
        row, column = at // COLUMNS + 1, at % COLUMNS + 1
        marker = by_rank(page.ranked.ranks, 4)
        figure.add_trace(
            points_kind(page.own)(
                x=axis.u, y=scores_of(page.own), mode="markers", marker=marker, showlegend=False,
                text=labels(page, axis), hovertemplate="%{text}<extra></extra>",
            ),
            row, column,
        )  # fmt: skip
        figure.update_xaxes(**ticks_of(axis), row=row, col=column)
        if column == 1:
            score_axis(figure, page, row=row, col=column)
        else:
            score_axis(figure, page, title=False, row=row, col=column)
    return titled(figure, page, "the score against each hyperparameter", "Yellow dots are better trials.")


def parallel(page: StudyPage) -> Figure:
    """A line a trial through its value on every scale; drag along an axis to choose lines."""
    from plotly.graph_objects import Figure, Parcoords

    axes = by_tier(page)
    scores, ranks = scores_of(page.own), np.asarray(page.ranked.ranks, dtype=np.float64)
    whole = np.isfinite(scores)
    dimensions: list[dict[str, Any]] = [
        {
            "label": named(axis.name),
            "values": np.where(np.isnan(axis.u), -0.08, axis.u)[whole],
            "range": [-0.08, 1.0],
            "tickvals": [*([-0.08] if np.isnan(axis.u).any() else []), *(place for place, _ in axis.ticks)],
            "ticktext": [
                *(["does not apply"] if np.isnan(axis.u).any() else []),
                *(named(tick_text(value)) for _, value in axis.ticks),
            ],
        }
        for axis in axes
    ]
    metric = page.view.head.record.metric
    low, high = score_range(page) or (0.0, 1.0)
    dimensions.append({"label": metric_name(metric), "values": np.clip(scores[whole], low, high), "range": [low, high]})
    rising = np.argsort(ranks[whole], kind="stable")  # the best are drawn last
    for dimension in dimensions:
        dimension["values"] = dimension["values"][rising]
    line = {"color": ranks[whole][rising], "colorscale": "Viridis", "cmin": 0, "cmax": 1}
    figure = Figure(Parcoords(dimensions=dimensions, line=line, labelangle=-25, labelside="bottom"))
    figure.update_layout(height=520, width=max(900, 95 * len(dimensions)))
    figure = titled(
        figure, page, "a line a trial", "Yellow lines are better trials. Drag along an axis to choose some."
    )
    figure.update_layout(margin={"l": 70, "r": 60, "b": 110})
    return figure


def contour(page: StudyPage, a: str, b: str) -> Figure:
    """The score over two hyperparameters: a smooth mean of the trials nearby, and the trials."""
    from plotly.graph_objects import Contour, Figure

    first, second = axis_named(page, a), axis_named(page, b)
    scores = scores_of(page.own)
    known = np.isfinite(scores) & np.isfinite(first.u) & np.isfinite(second.u)
    low, high = score_range(page) or (0.0, 1.0)
    z = np.clip(scores, low, high)
    figure = Figure()
    if known.sum() >= 3:
        grid = np.linspace(0.0, 1.0, _GRID)
        surface = smoothed(first.u[known], second.u[known], z[known], grid, _REACH)
        metric = page.view.head.record.metric
        figure.add_trace(
            Contour(
                x=grid, y=grid, z=surface, colorscale="Viridis", reversescale=smaller_is_better(metric), ncontours=14,
                line={"width": 0.5}, colorbar={"title": {"text": metric_name(metric)}}, hoverinfo="skip",
            )
        )  # fmt: skip
    many = known.sum() > _CROWD
    texts = [label for label, is_known in zip(labels(page, first, second), known, strict=True) if is_known]
    figure.add_trace(
        points_kind(page.own)(
            x=first.u[known], y=second.u[known], mode="markers", text=texts, showlegend=False,
            marker={"size": 3 if many else 6, "color": z[known], "colorscale": "Viridis", "cmin": low, "cmax": high,
                    "reversescale": smaller_is_better(page.view.head.record.metric),
                    "line": {"color": "white", "width": 0.3 if many else 1}},
            hovertemplate="%{text}<extra></extra>",
        )
    )  # fmt: skip
    figure.update_xaxes(title_text=named(a), **ticks_of(first))
    figure.update_yaxes(title_text=named(b), **ticks_of(second))
    figure.update_layout(height=560, width=700)
    return titled(figure, page, "mean score of the trials nearby", "A dot is a trial.")


def importance(page: StudyPage) -> Figure:
    """The loss of predictions when a hyperparameter is shuffled, with intervals of 90 %."""
    from plotly.graph_objects import Bar, Figure

    rows = list(page.view.importance)
    tiers = [page.view.space[row.name].tier for row in rows]
    names = [
        f"{named(row.name)}{'' if tier is None else f' (tier {tier})'}" for row, tier in zip(rows, tiers, strict=True)
    ]
    values = np.array([row.importance for row in rows])
    error = {
        "type": "data", "symmetric": False, "color": "#333333", "thickness": 1.2,
        "array": np.array([row.high for row in rows]) - values, "arrayminus": values - [row.low for row in rows],
    }  # fmt: skip
    figure = Figure(Bar(y=names, x=values, orientation="h", marker_color=SKY, error_x=error, hoverinfo="x+y"))
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(title_text="fall of R2 when it is shuffled")
    figure.update_layout(height=140 + 26 * max(len(rows), 3))
    below = "How much worse results are predicted when it is shuffled, with an interval of 90 %."
    below = below if rows else "Too few trials have been compared to say."
    return titled(figure, page, "importance of hyperparameters", below)


def boxes(page: StudyPage) -> Figure:
    """Every trial on each scale, in the sequence of trials, and the boxes that the search drew from."""
    from plotly.subplots import make_subplots

    axes = by_tier(page)
    titles = [named(axis.name) for axis in axes]
    n = max(len(axes), 1)
    figure = make_subplots(n, 1, shared_xaxes=True, vertical_spacing=0.25 / n, subplot_titles=titles)
    numbers = [trial.number for trial in page.own]
    ends = dict(zip(starts := sorted({each.box.first_trial for each in page.view.boxes}), starts[1:], strict=False))
    last = (numbers[-1] if numbers else 0) + 1
    for row, axis in enumerate(axes, start=1):
        for each in page.view.boxes:
            if axis.name in each.bands:
                low, high = each.bands[axis.name]
                first = each.box.first_trial
                figure.add_shape(
                    type="rect", x0=first, x1=max(ends.get(first, last), first + 1), y0=low, y1=high,
                    fillcolor=ORANGE, opacity=0.22, line_width=0, layer="below", row=row, col=1,
                )  # fmt: skip
        figure.add_trace(
            points_kind(page.own)(
                x=numbers, y=axis.u, mode="markers", marker=by_rank(page.ranked.ranks, 4), showlegend=False,
                text=labels(page, axis), hovertemplate="%{text}<extra></extra>",
            ),
            row, 1,
        )  # fmt: skip
        figure.update_yaxes(**ticks_of(axis), row=row, col=1)
    figure.update_xaxes(title_text="trial", row=n, col=1)
    figure.update_layout(height=110 + 170 * n)
    drawn = "Orange: the ranges that the search drew from. " if page.view.boxes else ""
    return titled(figure, page, "every trial on its scales", f"{drawn}Yellow dots are better trials.")


def timeline(page: StudyPage) -> Figure:
    """The time of each trial in a lane, by its state."""
    from plotly.graph_objects import Figure, Scattergl

    known = [*zip(page.own, page.lanes, strict=True), *page.repeats]
    known = [(trial, lane) for trial, lane in known if lane.began is not None]
    now = max((lane.ended or lane.began or 0.0 for _, lane in known), default=1.0)
    now = max(now, page.running.age) if page.running.is_running else now
    unit, per = unit_of_time(now)
    figure = Figure()
    for state, (colour, _) in STATES.items():
        mine = [(trial, lane) for trial, lane in known if trial.state is state]
        if mine:
            figure.add_trace(
                Scattergl(
                    x=[x for _, lane in mine for x in (*ends_of(lane, now / per, per), None)],
                    y=[y for _, lane in mine for y in (lane.slot, lane.slot, None)],
                    text=[when(trial, lane) for trial, lane in mine for _ in range(3)], mode="lines",
                    line={"color": colour, "width": 7}, name=state_name(state), connectgaps=False,
                    hovertemplate="%{text}<extra></extra>",
                )
            )  # fmt: skip
    lanes = 1 + max((lane.slot or 0 for _, lane in known), default=0)
    figure.update_xaxes(title_text=f"{unit} since the study began", rangemode="tozero")
    figure.update_yaxes(title_text="lane", range=[lanes - 0.5, -0.5], dtick=max(1, lanes // 10), zeroline=False)
    figure.update_layout(height=max(240, min(150 + 16 * lanes, 900)))
    waits = "A trial that waits for its comparison keeps its lane."
    return titled(figure, page, "when each trial ran, from its beginning to its end", waits)


def compare(view: Comparison) -> Figure:
    """The best score so far of studies, against trials and against time."""
    from plotly.graph_objects import Scatter
    from plotly.subplots import make_subplots

    timed = all(side.over_time or not side.improvements for side in view.studies)
    figure = make_subplots(1, 2 if timed else 1, shared_yaxes=True, horizontal_spacing=0.03)
    unit, per = unit_of_time(max((side.seconds or 0.0 for side in view.studies), default=0.0))
    colours = (BLUE, RED, GREEN, ORANGE, PURPLE, SKY)
    for at, side in enumerate(view.studies):
        steps, style = side.improvements, {"color": colours[at % len(colours)], "width": 2, "shape": "hv"}
        line = style | {"dash": "solid" if at == 0 else "dash"}
        name = named(side.study.name)
        x = [step.trial for step in steps] + [side.trials - 1] * bool(steps)
        hover = f"{name}: %{{y}}<extra></extra>"
        shown = {"mode": "lines", "line": line, "name": name, "hovertemplate": hover}
        figure.add_trace(Scatter(x=x, y=_held(steps), **shown), 1, 1)
        if timed:
            timely = side.over_time
            ends = [(step.seconds or 0.0) / per for step in timely] + [(side.seconds or 0.0) / per] * bool(timely)
            figure.add_trace(Scatter(x=ends, y=_held(timely), showlegend=False, **shown), 1, 2)
    metric = view.studies[0].study.metric
    figure.update_xaxes(title_text="trial", row=1, col=1)
    if timed:
        figure.update_xaxes(title_text=f"{unit} since the study began", row=1, col=2)
    figure.update_yaxes(title_text=f"best {metric_name(metric)} so far", row=1, col=1)
    names = " and ".join(named(side.study.name) for side in view.studies)
    return laid_out(figure, f"{names}: the best so far", view.doubt)


def _held(steps: Sequence[Improvement]) -> list[float]:
    """The scores of ``steps``, and the last once more, for it stays the best until the end."""
    return [step.best for step in (*steps, *steps[-1:])]


def _ends_of_curves(page: StudyPage) -> Ends:
    """The range of the scores of curves, which begin where no trial ends; None where there are none."""
    picture = page.curves
    if picture.scores:
        return picture.scores[0], picture.scores[-1]
    return ends_of_scores(page, np.array([score for line in picture.lines for score in line.scores]))


PICTURES: dict[str, Callable[..., Figure]] = {
    made.__name__: made for made in (history, curves, rungs, slices, parallel, contour, importance, boxes, timeline)
}
"""The pictures of one study, by the names that ``study.plot`` has for them."""
