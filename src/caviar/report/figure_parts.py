"""Parts of the figures of a study: marks of trials, axes, ranges, titles. Colours and marks stand here for all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from caviar.errors import ConfigError, did_you_mean
from caviar.records import Standing, TrialState
from caviar.records.metrics import metric_name, smaller_is_better
from caviar.report.text import duration, value_text, visible
from caviar.views.pictures import Lane
from caviar.views.study import Axis
from caviar.views.study_page import StudyPage

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Numbers = npt.NDArray[np.float64]
Ends = tuple[float, float] | None

BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#8A8A8A",
)  # fmt: skip
STATES = {
    TrialState.FINISHED: (BLUE, "circle"),
    TrialState.STOPPED: (GREY, "circle-open"),
    TrialState.RUNNING: (GREEN, "diamond"),
    TrialState.INTERRUPTED: (ORANGE, "square-open"),
    TrialState.DIVERGED: (RED, "x"),
    TrialState.FAILED: (PURPLE, "x"),
    TrialState.OUT_OF_MEMORY: (PURPLE, "triangle-up"),
    TrialState.INFEASIBLE: (SKY, "triangle-down"),
}
"""A colour and a mark a state."""

COLUMNS = 3
"""Small plots side by side."""

_MANY = 2_000  # points from which the browser draws them by its graphics card
_MINUTES, _HOURS = 180.0, 10_800.0  # seconds from which an axis of time counts in these
_SHARE = 0.02  # of the worst scores, which would squeeze all others


def score_points(figure: Figure, page: StudyPage, trials: Sequence[Standing], x: Sequence[float], column: int) -> None:
    """A mark a trial, by its state; one without a score stands at the edge where the worst are."""
    worst = worst_edge(page)
    for state, (colour, symbol) in STATES.items():
        mine = [at for at, trial in enumerate(trials) if trial.state is state]
        if not mine:
            continue
        scores = scores_of([trials[at] for at in mine])
        marker = {"color": colour, "symbol": symbol, "size": 6, "opacity": 0.75}
        name = state_name(state)
        figure.add_trace(
            points_kind(page.own)(
                x=[x[at] for at in mine], y=np.where(np.isfinite(scores), scores, worst), mode="markers", marker=marker,
                name=name, legendgroup=name, showlegend=column == 1, customdata=[trials[at].number for at in mine],
                text=[score_text(score) for score in scores],
                hovertemplate="trial %{customdata}: %{text}<extra></extra>",
            ),
            1, column,
        )  # fmt: skip


def best_line(figure: Figure, x: Sequence[float], best: Sequence[float], column: int) -> None:
    """The steps of the best score so far."""
    from plotly.graph_objects import Scatter

    line = {"color": "#222222", "width": 1.5, "shape": "hv"}
    kept = [at for at in range(len(best)) if at == 0 or at == len(best) - 1 or best[at] != best[at - 1]]
    figure.add_trace(
        Scatter(
            x=[x[at] for at in kept], y=[best[at] for at in kept], mode="lines", line=line, name="best so far",
            legendgroup="best so far", showlegend=column == 1, hovertemplate="best so far: %{y}<extra></extra>",
        ),
        1, column,
    )  # fmt: skip


def best_so_far(page: StudyPage, trials: Sequence[Standing]) -> list[float]:
    """The best score of ``trials`` until each."""
    ranks = {trial.number: rank for trial, rank in zip(page.own, page.ranked.ranks, strict=True)}
    best, so_far, score = [], -1.0, math.nan
    for trial in trials:
        if trial.score is not None and math.isfinite(trial.score) and ranks[trial.number] > so_far:
            so_far, score = ranks[trial.number], trial.score
        best.append(score)
    return best


def small_plots(axes: Sequence[Axis], page: StudyPage) -> Figure:
    """Small plots, three side by side, one a hyperparameter."""
    from plotly.subplots import make_subplots

    rows = max(-(-len(axes) // COLUMNS), 1)
    tiers = [page.view.space[axis.name].tier for axis in axes]
    titles = [
        f"{named(axis.name)}{'' if tier is None else f' (tier {tier})'}" for axis, tier in zip(axes, tiers, strict=True)
    ]
    spacing = {"horizontal_spacing": 0.05, "vertical_spacing": min(0.36 / rows, 0.2)}
    figure: Figure = make_subplots(rows, COLUMNS, subplot_titles=titles, **spacing)
    figure.update_layout(height=130 + 230 * rows)
    return figure


def by_tier(page: StudyPage) -> list[Axis]:
    """The axes, those of the first tier first."""
    return sorted(page.axes, key=lambda axis: page.view.space[axis.name].tier or math.inf)


def axis_named(page: StudyPage, name: str) -> Axis:
    """The axis of hyperparameter ``name``. Raises ConfigError if none of that name was searched."""
    found = {axis.name: axis for axis in page.axes}
    if name not in found:
        raise ConfigError(f"the study searched no hyperparameter {name!r:.60}", did_you_mean(str(name), found))
    return found[name]


def ticks_of(axis: Axis) -> dict[str, Any]:
    """The ticks of a hyperparameter's own scale, in u."""
    texts = [named(tick_text(value), 14) for _, value in axis.ticks]
    return {
        "tickvals": [place for place, _ in axis.ticks],
        "ticktext": texts,
        "range": [-0.04, 1.04],
        "zeroline": False,
    }


def score_axis(
    figure: Figure, page: StudyPage, is_log: bool = False, title: bool = True, ends: Ends = None, **where: int
) -> None:
    """The axis of scores between ``ends``, by default without the worst ones that would squeeze the others."""
    ends = ends or score_range(page)
    if is_log:
        figure.update_yaxes(type="log", **where)
    elif ends is not None:
        room = 0.06 * (ends[1] - ends[0])
        figure.update_yaxes(range=[ends[0] - room, ends[1] + room], **where)
    if title:
        where = where or {"col": 1} if has_grid(figure) else where
        figure.update_yaxes(title_text=metric_name(page.view.head.record.metric), **where)


def has_grid(figure: Figure) -> bool:
    """True for a figure of several plots."""
    return getattr(figure, "_grid_ref", None) is not None


def score_range(page: StudyPage) -> Ends:
    """The best score of a trial and one that few are worse than; None where no trial has a score."""
    return ends_of_scores(page, scores_of(page.own))


def ends_of_scores(page: StudyPage, scores: Numbers) -> Ends:
    """The best of ``scores`` and one that few are worse than; None where none is finite."""
    scores = scores[np.isfinite(scores)]
    if not len(scores):
        return None
    smaller = smaller_is_better(page.view.head.record.metric)
    low, high = np.quantile(scores, [0.0, 1 - _SHARE] if smaller else [_SHARE, 1.0])
    return (float(low), float(high)) if low < high else (float(low) - 0.5, float(high) + 0.5)


def worst_edge(page: StudyPage) -> float:
    """The end of the range of scores at which the worst are."""
    low, high = score_range(page) or (0.0, 1.0)
    return high if smaller_is_better(page.view.head.record.metric) else low


def scores_of(trials: Sequence[Standing]) -> Numbers:
    """The scores, NaN where there is none."""
    found = np.array([math.nan if trial.score is None else trial.score for trial in trials], dtype=np.float64)
    return np.where(np.isfinite(found), found, math.nan)


def smoothed(x: Numbers, y: Numbers, z: Numbers, grid: Numbers, reach: float) -> Numbers:
    """Means of ``z`` (n,) around the points of a grid (rows: y), weighted by a bell; NaN far from all trials."""
    across = np.exp(-(((grid[:, None] - x) / reach) ** 2) / 2)  # (grid, n)
    up = np.exp(-(((grid[:, None] - y) / reach) ** 2) / 2)
    weights = up @ across.T
    means = (up * z) @ across.T / np.maximum(weights, 1e-300)
    return np.where(weights > 0.05, means, math.nan)


def by_rank(ranks: Sequence[float], size: int) -> dict[str, Any]:
    """Marks coloured by rank, the best yellow."""
    colours = np.round(np.asarray(ranks, dtype=np.float64), 3)
    return {"size": size, "color": colours, "colorscale": "Viridis", "cmin": 0, "cmax": 1, "opacity": 0.8}


def points_kind(trials: Sequence[Standing]) -> Any:
    """The kind of scatter that is quick for so many trials."""
    from plotly.graph_objects import Scatter, Scattergl

    return Scattergl if len(trials) > _MANY else Scatter


def labels(page: StudyPage, *axes: Axis) -> list[str]:
    """A text a trial: its values on ``axes``, and its score."""
    metric = metric_name(page.view.head.record.metric)
    texts = []
    for trial, standing in zip(page.view.trials, page.own, strict=True):
        values = [
            f"{named(axis.name)} {named(value_text(trial.config.get(axis.name, 'does not apply')))}" for axis in axes
        ]
        texts.append(f"trial {trial.number}: {', '.join(values)}, {metric} {score_text(standing.score)}")
    return texts


def ends_of(lane: Lane, now: float, per: float) -> tuple[float, float]:
    """The ends of a lane, in units of ``per`` seconds; ``now`` for one that runs."""
    began = (lane.began or 0.0) / per
    return began, now if lane.ended is None else lane.ended / per


def when(trial: Standing, lane: Lane) -> str:
    """A trial in its lane, in words."""
    took = "" if lane.ended is None or lane.began is None else f", {duration(lane.ended - lane.began)}"
    repeat = f", repeat {trial.repeat}" if trial.repeat else ""
    return f"trial {trial.number}{repeat}: {state_name(trial.state)}{took}"


def unit_of_time(seconds: float) -> tuple[str, float]:
    """The unit of an axis of time, and its seconds."""
    return ("seconds", 1.0) if seconds < _MINUTES else ("minutes", 60.0) if seconds < _HOURS else ("hours", 3600.0)


def state_name(state: TrialState) -> str:
    """A state in words."""
    return str(state).replace("_", " ")


def score_text(score: float | None) -> str:
    """A score in words."""
    return "no score" if score is None or not math.isfinite(score) else f"{score:.4g}"


def tick_text(value: Any) -> str:
    """A value beside an axis."""
    return f"{value:.6g}" if isinstance(value, float) else value_text(value)


def named(text: str, longest: int = 40) -> str:
    """A name or a value as text: plotly takes a few tags of HTML for what they say."""
    shown = visible(text)
    return escape(shown if len(shown) <= longest else f"{shown[: longest - 1]}…")


def titled(figure: Figure, page: StudyPage, what: str, below: str = "") -> Figure:
    """``figure`` with a title that begins with the study's name."""
    return laid_out(figure, f"{named(page.view.head.record.name)}: {what}", below)


def laid_out(figure: Figure, title: str, below: str = "") -> Figure:
    """``figure`` with its title, the line ``below`` it, and the legend under these."""
    text = f"{title}<br><span style='font-size:12px'>{escape(below)}</span>" if below else title
    height = figure.layout.height or 450
    legend = 62 if below else 42  # pixels from the top
    figure.update_layout(
        template="plotly_white",
        height=height,
        title={
            "text": text,
            "font": {"size": 16},
            "x": 0.012,
            "xanchor": "left",
            "y": 1 - 14 / height,
            "yanchor": "top",
        },
        legend={"orientation": "h", "yref": "container", "y": 1 - legend / height, "yanchor": "top", "x": 0},
        margin={"l": 70, "r": 30, "t": legend + 44, "b": 60},
        hoverlabel={"align": "left"},
    )
    return figure
