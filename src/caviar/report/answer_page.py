"""The answer of a study as HTML: its scores beside the baselines, the confusion of classes, the columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from caviar.records.metrics import METRICS, metric_name
from caviar.records.result import Confusion, Scores, StudyResult
from caviar.report.text import number, score_number, visible
from caviar.report.worth import bounded_text, calibration_text, importance_text, shown
from caviar.views.worth import Worth

STYLE = """
<style>
table.answer { border-collapse: collapse; margin: .6em 0 1.6em; font-size: .95em }
table.answer th, table.answer td { padding: .25em .8em; text-align: right; border-bottom: 1px solid #e4e4e4 }
table.answer th:first-child, table.answer td:first-child { text-align: left }
table.answer th[colspan] { text-align: center }
table.answer thead th { border-bottom: 2px solid #999; vertical-align: bottom }
table.answer tr.main td { font-weight: 600 }
table.confusion { border-collapse: collapse; font-size: .85em; margin: .6em 0 1.6em }
table.confusion th, table.confusion td { padding: .2em .5em; text-align: right; min-width: 1.6em }
div.wide { overflow-x: auto }
p.doubt { background: #fff3cd; border-left: .3em solid #e0a800; padding: .5em .8em }
p.small { color: #555; font-size: .9em }
span.bar { display: inline-block; height: .8em; background: #0072B2; vertical-align: baseline }
</style>
"""


def answer_html(result: StudyResult, worth: Worth) -> str:
    """The fragment; empty for studies that have no test scores."""
    if not result.best.test:
        return ""
    return "".join(
        (
            STYLE,
            "<h2>The answer</h2>",
            *(f"<p class='doubt'>{_text(doubt)}</p>" for doubt in worth.doubts),
            _scores(result, worth),
            f"<p class='small'>{_text(calibration_text(worth.calibration))}.</p>" if worth.calibration else "",
            _confusion(result.confusion) if result.confusion is not None else "",
            _columns(result.metric, worth),
        )
    )


def _scores(result: StudyResult, worth: Worth) -> str:
    """A row a metric: the network on the sealed test and on validation, and the baselines on both."""
    baselines = [] if result.baseline is None else list(result.baseline.values())
    names = [one.what for one in worth.baselines]
    test, validation = result.best.test or {}, result.best.validation or {}
    parts = [test, *(one.scores for one in baselines), validation, *(one.validation for one in baselines)]
    each = ["network", *names]
    head = f"<th></th><th colspan='{len(each)}'>sealed test</th><th colspan='{len(each)}'>validation</th>"
    heads = "".join(f"<th>{_text(name)}</th>" for name in each * 2)
    undefined = (result.undefined or {}).get("test", {})
    rows = []
    for metric in METRICS:
        if metric not in {*test, *validation, *undefined}:
            continue
        cells = "".join(f"<td>{_cell(metric, scores)}</td>" for scores in parts)
        main = " class='main'" if metric == result.metric else ""
        about = f" of {shown(result.positive)}" if metric == "average_precision" and result.positive is not None else ""
        rows.append(f"<tr{main}><td>{_text(metric_name(metric) + about)}</td>{cells}</tr>")
    reasons = "".join(f"<p class='small'>{_text(metric_name(m))}: {_text(why)}.</p>" for m, why in undefined.items())
    table = f"<thead><tr>{head}</tr><tr><th></th>{heads}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return f"<div class='wide'><table class='answer'>{table}</table></div>{reasons}"


def _cell(metric: str, scores: Scores) -> str:
    if metric not in scores:
        return "not defined"
    value = score_number(metric, scores[metric])
    if f"{metric}_low" not in scores:
        return value
    low, high = (score_number(metric, scores[f"{metric}_{end}"], 3) for end in ("low", "high"))
    return f"{value}<br><small>{low} to {high}</small>"


def _confusion(found: Confusion) -> str:
    """A row a true class, a column a predicted one; of more than a hundred classes the pairs."""
    head = "<h2>Which class was taken for which</h2>"
    if found.matrix is None:
        rows = "".join(
            f"<tr><td>{_label(pair.true)}</td><td>{_label(pair.predicted)}</td><td>{pair.rows:,}</td></tr>"
            for pair in found.pairs
        )
        titles = "<thead><tr><th>class</th><th>taken for</th><th>rows</th></tr></thead>"
        return f"{head}<table class='answer'>{titles}<tbody>{rows}</tbody></table>"
    titles = "".join(f"<th>{_label(label)}</th>" for label in found.classes)
    rows = "".join(
        f"<tr><th>{_label(label)}</th>{''.join(_shaded(line, k))}<td>{_share(line, k)}</td></tr>"
        for k, (label, line) in enumerate(zip(found.classes, found.matrix, strict=True))
    )
    table = f"<thead><tr><th></th>{titles}<th>found</th></tr></thead><tbody>{rows}</tbody>"
    note = "<p class='small'>Rows of the sealed test part: a line a true class, a column a predicted class.</p>"
    return f"{head}{note}<div class='wide'><table class='confusion'>{table}</table></div>"


def _shaded(line: Sequence[int], own: int) -> Iterator[str]:
    """The cells of a true class, the darker the larger their share: right ones blue, mistakes orange."""
    total = max(sum(line), 1)
    for k, rows in enumerate(line):
        colour = "0,114,178" if k == own else "213,94,0"
        style = f" style='background:rgba({colour},{0.1 + 0.6 * rows / total:.2f})'" if rows else ""
        yield f"<td{style}>{f'{rows:,}' if rows else ''}</td>"


def _share(line: Sequence[int], own: int) -> str:
    return f"{line[own] / sum(line):.0%}" if sum(line) else "no row"


def _columns(metric: str, worth: Worth) -> str:
    if not worth.columns:
        return ""
    most = max(*(column.importance or 0.0 for column in worth.columns), 1e-9)
    rows = "".join(
        f"<tr><td>{_text(column.name)}</td><td>{_text(column.kind)}</td><td>{importance_text(metric, column)}</td>"
        f"<td style='text-align:left'><span class='bar' "
        f"style='width:{number(max(12 * (column.importance or 0.0) / most, 0.0))}em'></span></td></tr>"
        for column in worth.columns
    )
    note = f"How much worse {metric_name(metric)} gets on rows not trained on when the column is shuffled"
    titles = "<thead><tr><th>column</th><th>kind</th><th>importance</th><th></th></tr></thead>"
    return (
        f"<h2>Columns</h2><p class='small'>{_text(note + bounded_text(worth))}.</p>"
        f"<table class='answer'>{titles}<tbody>{rows}</tbody></table>"
    )


def _label(label: object) -> str:
    return escape(shown(label))


def _text(text: str) -> str:
    return escape(visible(text))
