"""A colleague's account of a study: what was tried, where the search went and why, what mattered, who won and how.

Notation
    u     unit coordinate of a hyperparameter on its scale, 0 to 1
    box   the part of the space that a round drew from (records.Box)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from io import StringIO
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from caviar.analysis.edges import edges
from caviar.analysis.importance import ENOUGH, Importance, importances
from caviar.records import Box, Study, Trial, TrialState
from caviar.records.ranking import WORST, rank_key_of, smaller_is_better
from caviar.report.text import NO_LUCK, config_text, metric_name, number
from caviar.search.searches import told_before
from caviar.space import Space

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_BAR = 40
_BEST = 20  # trials that the advice on edges looks at
_BOXES = 12  # as many as a screen holds; the HTML has all


@dataclass(frozen=True)
class Repeated:
    """A finalist: its score when it was chosen, and those when it was trained again, None where it diverged."""

    trial: int
    epochs: int
    when_chosen: float
    scores: tuple[float | None, ...]
    parameters: int | None = None

    @property
    def mean(self) -> float | None:
        """The mean of the repeats, None where one of them diverged."""
        scores = [score for score in self.scores if score is not None]
        return float(np.mean(scores)) if len(scores) == len(self.scores) else None


@dataclass(frozen=True)
class Account:
    """Everything that `explain` tells, as facts."""

    study: Study
    space: Space
    trials: tuple[Trial, ...]  # repeats left out
    boxes: tuple[Box, ...]
    reached: tuple[tuple[int, int], ...]  # (rung's epochs, trials that got there)
    importance: tuple[Importance, ...]
    finalists: tuple[Repeated, ...]
    winner: int | None
    advice: tuple[str, ...]


def account(study: Study, trials: Sequence[Trial], boxes: Sequence[Box]) -> Account:
    """The facts of a study, from what the store has of it."""
    space = Space.from_dict(study.space)
    own = [trial for trial in trials if trial.repeat == 0]
    scored = [t for t in own if rank_key_of(study.metric, t) > WORST]
    ranked = sorted(scored, key=lambda t: (rank_key_of(study.metric, t), -t.number), reverse=True)
    best = [trial.config for trial in ranked[:_BEST]]
    return Account(
        study,
        space,
        tuple(own),
        tuple(boxes),
        tuple((epoch, sum(trial.epochs >= epoch for trial in own)) for epoch in study.budget["rungs"]),
        tuple(_importances(study, space, own)),
        tuple(_finalists(study, trials)),
        None if not study.result else int(study.result["best"]["trial"]),
        tuple(edges(space, best)),
    )


def _importances(study: Study, space: Space, trials: Sequence[Trial]) -> list[Importance]:
    """What mattered for how far a trial got, and among those that got as far, for its score.

    Only draws from the whole space are asked, where there are enough: a box is where the search thought good values
    to be, and draws from it would show its own opinion.
    """
    begun = [trial for trial in trials if trial.epochs or trial.state is TrialState.DIVERGED]
    everywhere = [trial for trial in begun if not trial.origin.startswith("box")]
    asked = everywhere if len(everywhere) >= ENOUGH else begun
    merits = []
    for trial in asked:
        found = rank_key_of(study.metric, trial)
        rungs = sum(trial.epochs >= epoch for epoch in study.budget["rungs"])
        merits.append((float(rungs), *found) if found > WORST else (-1.0, 0.0, 0.0))
    return importances(space, [trial.config for trial in asked], merits, seed=study.seed % 2**32)


def _finalists(study: Study, trials: Sequence[Trial]) -> list[Repeated]:
    """The finalists, the best mean first: as the answer has them, or as the store does while there is none."""
    if study.result and "finalists" in study.result:
        return [
            Repeated(f["trial"], f["epochs"], _known(f["when_chosen"]), tuple(f["scores"]), f["parameters"])
            for f in study.result["finalists"]
        ]
    repeats: dict[int, list[float | None]] = {}
    for trial in trials:
        if trial.repeat and trial.state is TrialState.FINISHED and trial.score is not None:
            repeats.setdefault(trial.number, []).append(trial.score)
    own = {trial.number: trial for trial in trials if trial.repeat == 0}
    finalists = [
        Repeated(n, own[n].epochs, _known(own[n].score), tuple(scores[: study.budget["repeats"]]))
        for n, scores in repeats.items()
    ]
    return sorted(finalists, key=lambda f: _known(f.mean), reverse=not smaller_is_better(study.metric))


def _known(score: float | None) -> float:
    return math.nan if score is None else score


def as_json(told: Account) -> dict[str, Any]:
    """The account as plain data."""
    return {
        "study": told.study.name,
        "trials": len(told.trials),
        "reached": [{"epochs": epoch, "trials": count} for epoch, count in told.reached],
        "boxes": [
            {"box": box.number, "first_trial": box.first_trial, "ranges": dict(box.ranges), "reason": box.reason}
            for box in told.boxes
        ],
        "importance": [row._asdict() for row in told.importance],
        "finalists": [
            {"trial": f.trial, "epochs": f.epochs, "when_chosen": f.when_chosen, "scores": f.scores, "mean": f.mean}
            for f in told.finalists
        ],
        "winner": told.winner,
        "advice": list(told.advice),
    }


def as_text(told: Account) -> Group:
    """The account for a terminal."""
    parts: list[Any] = []
    for heading, body in (
        ("What was tried", _tried(told)),
        ("Where the search went", _went(told)),
        ("What mattered", _mattered(told)),
        ("The finals", _finals(told)),
        ("Advice", [Text(f"  {line}") for line in told.advice]),
    ):
        if body:
            parts += [Text(f"\n{heading}", style="bold"), *body]
    return Group(*parts)


def _tried(told: Account) -> list[Any]:
    study = told.study
    epochs = sum(trial.epochs for trial in told.trials)
    full = study.budget["rungs"][-1]
    lines = [
        f"{len(told.trials):,} configs of {len(told.space.searched)} hyperparameters" + _on(study),
        f"All epochs together cost as much as {epochs / full:,.0f} full trainings of {full} epochs. " + _ladder(told),
    ]
    diverged = [trial for trial in told.trials if trial.state is TrialState.DIVERGED]
    if diverged:
        rates = [float(t.config["learning_rate"]) for t in diverged if "learning_rate" in t.config]
        where = f", none below a learning rate of {number(min(rates))}" if rates else ""
        lines.append(f"{len(diverged):,} diverged{where}.")
    return [Padding(Text(line), (0, 0, 0, 2)) for line in lines]


def _on(study: Study) -> str:
    data = study.data
    if "train" not in data:
        return ", trained by code of your own."
    decided = f"{metric_name(study.metric)} on {data['validation']:,} other rows decided"
    return f", on {data['train']:,} rows; {decided}."


def _ladder(told: Account) -> str:
    steps = [f"{count:,} got to {epoch}" for epoch, count in told.reached if count]
    return f"Of them {', '.join(steps)} epochs; the others were stopped." if steps else ""


def _went(told: Account) -> list[Any]:
    if not told.boxes:
        why = " Too few trials have finished the last rung to zoom." if told.study.search == "coarse_to_fine" else ""
        line = f"The search was {told.study.search}: every draw from the whole space.{why}"
        for cost in told_before(told.study.search, told.space, len(told.trials)):
            line += f" {cost[0].upper()}{cost[1:]}."
        return [Padding(Text(line), (0, 0, 0, 2))]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("  from trial", "box", "why"):
        table.add_column(Text(heading), justify="left" if heading == "why" else "right", overflow="fold")
    shown = told.boxes if len(told.boxes) <= _BOXES else (*told.boxes[: _BOXES // 2], *told.boxes[-_BOXES // 2 :])
    for i, box in enumerate(shown):
        if len(told.boxes) > _BOXES and i == _BOXES // 2:
            table.add_row("...", "", f"{len(told.boxes) - _BOXES} more")
        table.add_row(f"{box.first_trial:,}", str(box.number), Text(box.reason))
    told_of: list[Any] = [table]
    last = [box for box in told.boxes if box.first_trial == told.boxes[-1].first_trial]
    for box in last:
        which = "The last box" if len(last) == 1 else "One of the last two boxes"
        told_of += [Text(f"\n  {which}, {box.number}, on the whole of each scale:"), _ranges(told, box)]
    return told_of


def _ranges(told: Account, box: Box) -> Table:
    """A box by hyperparameter, drawn and in numbers."""
    ranges = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name, (low, high) in _bands(told, box).items():
        first, end = math.floor(low * _BAR), max(math.ceil(high * _BAR), math.floor(low * _BAR) + 1)
        bar = Text("·" * first, style="dim") + Text("━" * (end - first), style="bold")
        bar += Text("·" * (_BAR - end), style="dim")
        ranges.add_row(f"  {name}", bar, _range_text(box.ranges[name]))
    for name, given in box.ranges.items():
        if "weights" in given:
            ranges.add_row(f"  {name}", "", _range_text(given))
    return ranges


def _range_text(given: Mapping[str, Any]) -> str:
    if "weights" in given:
        return ", ".join(f"{value} {share:.0%}" for value, share in given["weights"].items())
    return f"{_value(given['low'])} to {_value(given['high'])}"


def _value(value: Any) -> str:
    return number(value) if isinstance(value, float) else str(value)


def _bands(told: Account, box: Box) -> dict[str, tuple[float, float]]:
    """The box in unit coordinates, for hyperparameters that have a range there."""
    bands = {}
    for name, given in box.ranges.items():
        if name in told.space and "low" in given:
            ends = told.space[name].to_unit([given["low"], given["high"]])
            bands[name] = (float(min(ends)), float(max(ends)))
    return bands


def _mattered(told: Account) -> list[Any]:
    if not told.importance:
        return []
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("  hyperparameter", "importance", "", "the course's tier"):
        table.add_column(Text(heading), justify="right" if heading == "the course's tier" else "left")
    most = max(max(row.high for row in told.importance), 1e-9)
    for row in sorted(told.importance, key=lambda row: -row.importance):
        length = max(round(_BAR / 2 * row.importance / most), 0)
        measured = f"{row.importance:.2f} ({row.low:.2f} to {row.high:.2f})"
        tier = told.space[row.name].tier
        table.add_row(f"  {row.name}", "█" * length, measured, "" if tier is None else str(tier))
    note = (
        "By how much a random forest predicts worse (R2) how far a draw from the whole space got, and its score there, "
        "with one of them shuffled; in brackets 90 % of its repeats."
    )
    return [table, Padding(Text(note, style="dim"), (0, 0, 0, 2))]


def _finals(told: Account) -> list[Any]:
    if not told.finalists:
        return []
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("  trial", "when chosen", "trained again, mean", "each time"):
        table.add_column(Text(heading), justify="left" if heading == "each time" else "right")
    for finalist in told.finalists:
        table.add_row(
            f"{finalist.trial}{' *' if finalist.trial == told.winner else '  '}",
            f"{finalist.when_chosen:.4f}",
            "diverged" if finalist.mean is None else f"{finalist.mean:.4f}",
            " ".join("diverged" if score is None else f"{score:.4f}" for score in finalist.scores),
        )
    return [table, *(Padding(Text(line), (0, 0, 0, 2)) for line in _verdict(told))]


def _verdict(told: Account) -> list[str]:
    won = next((f for f in told.finalists if f.trial == told.winner), None)
    if won is None:
        return []
    config = next(trial.config for trial in told.trials if trial.number == won.trial)
    said = [_why(told, won), f"Config: {config_text(config)}"]
    if won.mean is not None:
        gap = (won.when_chosen - won.mean) * (-1 if smaller_is_better(told.study.metric) else 1)
        luck = f"{'flattered it' if gap > 0 else 'was modest'} by {abs(gap):.4f}"
        said.insert(1, f"The score that it was chosen by {luck if abs(gap) >= NO_LUCK else 'had no luck in it'}.")
    return said


def _why(told: Account, won: Repeated) -> str:
    """What decided between the winner and the best mean."""
    best = told.finalists[0]
    if won is best:
        return f"Trial {won.trial} won by its mean."
    smaller = ""
    if won.parameters is not None and best.parameters is not None and won.parameters < best.parameters:
        smaller = f" ({won.parameters:,} parameters against {best.parameters:,})"
    prefer = told.study.budget.get("request", {}).get("prefer", "score")
    if prefer == "score":
        why = f"by less than the noise of the repeats, and {won.trial} is the simpler network{smaller}"
    elif prefer == "small":
        why = f"{won.trial} is within a hundredth of it and the smallest network that is{smaller}"
    else:
        why = f"{won.trial} is within a hundredth of it and the quickest network that is"
    return f"Trial {won.trial} won: {best.trial} has the better mean, but {why}."


def as_html(told: Account) -> str:
    """The account as one page that needs nothing else: its words, then its pictures."""
    from rich.console import Console

    console = Console(record=True, width=110, file=StringIO())
    console.print(as_text(told))
    words = console.export_text(styles=False)
    pictures = figure(told).to_html(full_html=False, include_plotlyjs=True)
    name = escape(told.study.name)
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{name}</title></head>"
        f"<body style='font-family:sans-serif;max-width:75em;margin:2em auto'><h1>{name}</h1>"
        f"<pre style='white-space:pre-wrap'>{escape(words)}</pre>{pictures}</body></html>"
    )


def figure(told: Account) -> Figure:
    """Every trial on each hyperparameter's scale, in the order of trials, with the boxes drawn behind them."""
    from plotly.graph_objects import Scatter
    from plotly.subplots import make_subplots

    names = list(told.space.searched)
    merits = [rank_key_of(told.study.metric, trial) for trial in told.trials]
    order = {m: rank for rank, m in enumerate(sorted(set(merits)))}
    rank = np.array([order[m] / max(len(order) - 1, 1) for m in merits])
    points = told.space.to_unit([trial.config for trial in told.trials])
    drawn: Figure = make_subplots(
        rows=len(names) + 1,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.3 / (len(names) + 1),
        subplot_titles=["best so far", *names],
    )
    numbers = [trial.number for trial in told.trials]
    best, so_far = [], WORST
    for m in merits:
        so_far = max(so_far, m)
        best.append(abs(so_far[0]) if so_far > WORST else None)
    drawn.add_trace(Scatter(x=numbers, y=best, mode="lines", line={"color": "#0072B2"}, showlegend=False), 1, 1)
    starts = [*sorted({box.first_trial for box in told.boxes}), numbers[-1] if numbers else 0]
    ends = dict(pairwise(starts))  # two boxes may have been open at once
    for row, name in enumerate(names, start=2):
        for box in told.boxes:
            end = ends[box.first_trial]
            band = _bands(told, box).get(name)
            if band:
                drawn.add_shape(
                    type="rect", x0=box.first_trial, x1=max(end, box.first_trial + 1), y0=band[0], y1=band[1],
                    fillcolor="#E69F00", opacity=0.18, line_width=0, layer="below", row=row, col=1,
                )  # fmt: skip
        values = [_value(trial.config[name]) if name in trial.config else "" for trial in told.trials]
        drawn.add_trace(
            Scatter(
                x=numbers,
                y=points[:, row - 2],
                mode="markers",
                marker={"size": 4, "color": rank, "colorscale": "Viridis", "opacity": 0.7},
                text=[
                    f"trial {trial.number}: {name} {value}, {told.study.metric} {_score(trial)}"
                    for trial, value in zip(told.trials, values, strict=True)
                ],
                hoverinfo="text",
                showlegend=False,
            ),
            row,
            1,
        )
        ticks = _ticks(told.space, name)
        drawn.update_yaxes(tickvals=list(ticks), ticktext=list(ticks.values()), range=[-0.02, 1.02], row=row, col=1)
    drawn.update_xaxes(title_text="trial", row=len(names) + 1, col=1)
    drawn.update_layout(
        height=230 * (len(names) + 1),
        template="plotly_white",
        title="Every trial on its scales (yellow: better scores), and the boxes that the search drew from",
    )
    return drawn


def _score(trial: Trial) -> str:
    return "none" if trial.score is None else f"{trial.score:.4f}"


def _ticks(space: Space, name: str) -> dict[float, str]:
    """A few places on a scale, and the values there."""
    values = space[name].from_unit([0.0, 0.25, 0.5, 0.75, 1.0]).tolist()
    places = np.asarray(space[name].to_unit(values)).tolist()
    return {place: _value(value) for place, value in zip(places, values, strict=True)}
