"""A study or a run as a notebook shows it: a few facts and a small picture, all in one piece of HTML.

The picture is an inline SVG: it needs no script and no network. Texts are escaped. Colours take those of the notebook,
light or dark.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from caviar.records import TrialState
from caviar.records.metrics import metric_name, smaller_is_better
from caviar.report.text import config_text, counted, duration, number, visible
from caviar.views.run import RunView
from caviar.views.study_page import StudyPage

Point = tuple[float, float]

_WIDTH, _HEIGHT = 420, 96
_MOST = 400  # points: as many as the picture is wide
_SHARE = 0.05  # of the worst scores, which would squeeze all others
_STYLE = "font-family:sans-serif;font-size:13px;line-height:1.5;max-width:60em"
_FAINT = "opacity:0.65"


def study_html(page: StudyPage) -> str:
    """Study, best, counts, and the scores of its trials."""
    study, at = page.view.head.record, page.running
    result = study.result
    counts = ", ".join(f"{page.view.outcomes[s]:,} {s.replace('_', ' ')}" for s in TrialState if page.view.outcomes[s])
    state = str(study.state) if at.is_running or study.state != "running" else "its process has ended"
    rows = [
        ("state", f"{state}, {duration(at.seconds)}"),
        ("trials", f"{len(page.own):,}: {counts}" if counts else "none yet"),
    ]
    best = next((trial for trial in page.view.trials if page.chosen[:1] == (trial.number,)), None)
    best = best if best is not None else at.progress.best
    if best is not None and best.score is not None:
        score = f"{metric_name(study.metric)} {number(best.score)} in the search"
        if result is not None and study.metric in (result.best.validation or {}):
            score += f", {number((result.best.validation or {})[study.metric])} when trained again"
        if result is not None and study.metric in (result.test or {}):
            score += f", {number((result.test or {})[study.metric])} on the sealed test"
        rows += [
            ("best", f"trial {best.number}: {score}"),
            ("config", config_text(page.view.head.searched(best.config))),
        ]
    scores = [(float(one.number), one.score) for one in page.own if one.score is not None and math.isfinite(one.score)]
    so_far = [
        (float(one.number), score)
        for one, score in zip(page.own, page.ranked.best_so_far, strict=True)
        if score is not None
    ]
    smaller = smaller_is_better(study.metric)
    caption = f"{metric_name(study.metric)} of every trial, and the best so far"
    return _page(f"study {study.name}", rows, _picture([], scores, so_far, smaller), caption if scores else "")


def run_html(view: RunView) -> str:
    """Run, epoch, best, knobs, and the losses."""
    progress = view.progress
    of = f" of {progress.epochs}" if progress.epochs else ""
    epoch = f"epoch {progress.epoch}{of}, " if progress.epoch or of else ""
    rows = [("state", f"{view.state}, {epoch}{counted(progress.step, 'step')}")]
    if view.best is not None:
        where = f"epoch {view.best.point.epoch}" if view.best.point.epoch else f"step {view.best.step}"
        rows.append(("best", f"{metric_name(view.best.by)} {number(view.best.value)} at {where}"))
    if view.knobs:
        rows.append(("knobs", config_text(dict(view.knobs))))
    if view.diary:
        rows.append(("last", view.diary[-1].text[:200]))
    train = _finite(view.curves.train)
    validation = _finite(view.curves.validation)
    caption = "loss in training (thin) and on validation" if validation else "loss"
    return _page(
        f"run {view.record.name}", rows, _picture(train, [], validation, True), caption if train or validation else ""
    )


def _finite(values: Sequence[float]) -> list[Point]:
    return [(float(at), value) for at, value in enumerate(values) if math.isfinite(value)]


def _page(title: str, rows: Sequence[tuple[str, str]], picture: str, caption: str) -> str:
    lines = "".join(
        f"<tr><td style='{_FAINT};padding:0 1em 0 0;text-align:left;vertical-align:top'>{escape(name)}</td>"
        f"<td style='text-align:left;overflow-wrap:anywhere'>{escape(visible(text))}</td></tr>"
        for name, text in rows
    )
    below = f"<div style='{_FAINT}'>{escape(caption)}</div>" if picture and caption else ""
    heading = f"<strong>{escape(visible(title))}</strong>"
    table = f"<table style='margin:0.3em 0;font-size:inherit'>{lines}</table>"
    return f"<div style='{_STYLE}'>{heading}{table}{picture}{below}</div>"


def _picture(thin: Sequence[Point], dots: Sequence[Point], line: Sequence[Point], smaller: bool) -> str:
    """An SVG of a thin line, dots and a line on the same axes; empty where there is nothing to draw."""
    every = [*thin, *dots, *line]
    if len(every) < 2:
        return ""
    across, up = [x for x, _ in every], sorted(y for _, y in every)
    cut = int(_SHARE * len(up))
    low, high = (up[0], up[-1 - cut]) if smaller else (up[cut], up[-1])
    left, right = min(across), max(across)

    def place(point: Point) -> str:
        x = (point[0] - left) / (right - left) if right > left else 0.5
        y = min(max((point[1] - low) / (high - low), 0.0), 1.0) if high > low else 0.5
        return f"{6 + x * (_WIDTH - 60):.1f},{6 + (1 - y) * (_HEIGHT - 12):.1f}"

    marks = "".join("<circle cx='{}' cy='{}' r='1.6'/>".format(*place(point).split(",")) for point in _thinned(dots))
    parts = [f"<g fill='#56B4E9' fill-opacity='0.7'>{marks}</g>"] if marks else []
    for points, colour, width in ((thin, "#56B4E9", 1), (line, "#D55E00", 1.8)):
        if points:
            path = " ".join(place(point) for point in _thinned(points))
            parts.append(f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='{width}'/>")
    text = f"x='{_WIDTH - 48}' font-size='11' fill='currentColor' fill-opacity='0.7'"
    parts.append(f"<text {text} y='12'>{number(high)}</text><text {text} y='{_HEIGHT - 4}'>{number(low)}</text>")
    size = f"width='{_WIDTH}' height='{_HEIGHT}' viewBox='0 0 {_WIDTH} {_HEIGHT}'"
    return f"<svg {size} style='max-width:100%' role='img'>{''.join(parts)}</svg>"


def _thinned(points: Sequence[Point]) -> Sequence[Point]:
    """All of ``points``, or every second, or every third, and the last."""
    step = -(-len(points) // _MOST) or 1
    return [*points[:-1:step], *points[-1:]]
