"""A report on drift in the terminal, and as one HTML page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from caviar.report.text import counted, visible
from caviar.views.drift import DriftView, TestRow

_STYLE = """
<style>
table { border-collapse: collapse; margin: .6em 0 1.6em; font-size: .95em }
th, td { padding: .25em .8em; text-align: left; border-bottom: 1px solid #e4e4e4 }
thead th { border-bottom: 2px solid #999 }
div.wide { overflow-x: auto }
p.verdict { background: #fff3cd; border-left: .3em solid #e0a800; padding: .5em .8em }
p.same { background: #d9f2e3; border-left-color: #009e73 }
</style>
"""
_SHOWN = 12  # tests, classes and columns in the terminal; the JSON and the page have all


def as_text(view: DriftView) -> Group:
    """The report for a terminal; notes and what cannot be known are printed beside it."""
    return Group(*_parts(view))


def _parts(view: DriftView) -> Iterator[RenderableType]:
    report = view.report
    style = "bold yellow" if report.changed else "bold green"
    rows = f": {counted(report.rows, 'row')} beside {report.old_rows:,} of training"
    yield Text.assemble((view.headline, style), rows)
    for reason in view.reasons:
        yield Text(f"- {visible(reason)}")
    if view.tests:
        yield Text("")
        yield plain_table(["changed", "in", "effect", "p, adjusted"], [_cells(test) for test in view.tests[:_SHOWN]])
        if len(view.tests) > _SHOWN:
            yield Text(f"and {len(view.tests) - _SHOWN:,} more (--json has all)", style="dim")
    if report.two_sample is not None and report.together is not None and report.together.changed:
        used = ", ".join(f"{visible(name)} {fall:.3f}" for name, fall in report.two_sample.columns[:5])
        yield Text(f"\nit used, by the fall of AUC without it: {used}")
    if report.classes:
        yield Text("")
        yield plain_table(
            ["class", "trained", "predicted then", "predicted now", "if only the mix changed"], _classes(view)
        )
    if report.layers:
        yield Text("")
        yield plain_table(["layer", "mean moved by", "at most", "spread", "by chance"], _layers(view))


def _cells(test: TestRow) -> list[str]:
    return [visible(test.subject), test.sign, f"{test.effect:.3f} {test.measure}", _probability(test.p_adjusted)]


def _probability(p: float) -> str:
    return f"{p:.2g}" if p > 1e-100 else "below 1e-100"


def _classes(view: DriftView) -> list[list[str]]:
    rows = []
    for one in view.report.classes[:_SHOWN]:
        estimate = "unknown"
        if one.estimated is not None and one.low is not None and one.high is not None:
            estimate = f"{one.estimated:.1%} ({one.low:.1%} to {one.high:.1%})"
        shares = [f"{share:.1%}" for share in (one.trained, one.predicted_then, one.predicted_now)]
        rows.append([visible(str(one.label)), *shares, estimate])
    return rows


def _layers(view: DriftView) -> list[list[str]]:
    rows = []
    for one in view.report.layers:
        moved = f"{one.shift:.3f} deviations", f"{one.largest:.2f}"
        rows.append([str(one.layer), *moved, f"{one.spread:.2f}", f"{one.by_chance:.3f}"])
    return rows


def plain_table(heads: list[str], rows: list[list[str]]) -> Table:
    """A table without lines, for a terminal."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for head in heads:
        table.add_column(head)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def as_html(view: DriftView, title: str) -> str:
    """The page: the verdict at the top, then every test, the classes, the layers, and the notes."""
    report = view.report
    tests = [
        [test.name, test.test, f"{test.statistic:.4g}", f"{test.effect:.3f}", _probability(test.p_adjusted),
         "yes" if test.changed else ""]
        for test in report.tests
    ]  # fmt: skip
    parts = [
        "<h2>Tests</h2>",
        html_table(["of", "test", "statistic", "effect", "p, adjusted", "changed"], tests),
    ]
    if report.classes:
        heads = ["class", "trained", "predicted then", "predicted now", "if only the mix changed"]
        parts += ["<h2>Classes</h2>", html_table(heads, _classes(view))]
    if report.layers:
        heads = ["layer", "mean moved by", "at most", "spread", "by chance"]
        parts += ["<h2>Inputs of the hidden layers</h2>", html_table(heads, _layers(view))]
    if report.notes:
        parts += ["<h2>Notes</h2>", bullets(report.notes)]
    parts += ["<h2>Unknown</h2>", bullets(report.unknown)]
    return html_page(title, view.headline, not report.changed, view.reasons, parts)


def html_page(title: str, headline: str, is_good: bool, reasons: Sequence[str], parts: Sequence[str]) -> str:
    """A page with a verdict at its top; ``parts`` are HTML."""
    verdict = "verdict same" if is_good else "verdict"
    head = f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{_text(title)}</title>{_STYLE}</head>"
    top = f"<h1>{_text(title)}</h1><p class='{verdict}'><b>{_text(headline)}</b></p>{bullets(reasons)}"
    body = top + "".join(parts)
    return f"{head}<body style='font-family:sans-serif;max-width:75em;margin:2em auto'>{body}</body></html>"


def html_table(heads: list[str], rows: list[list[str]]) -> str:
    """A table that scrolls where it is wide."""
    head = "".join(f"<th>{_text(one)}</th>" for one in heads)
    body = "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<div class='wide'><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def bullets(sentences: Sequence[str]) -> str:
    """A list of sentences."""
    return f"<ul>{''.join(f'<li>{_text(one)}</li>' for one in sentences)}</ul>"


def _text(text: str) -> str:
    return escape(visible(text))
