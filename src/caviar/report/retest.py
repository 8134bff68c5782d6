"""A test of an old answer in the terminal, and as one HTML page with the verdict at its top."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from caviar.records.metrics import metric_name
from caviar.records.result import StudyResult
from caviar.report.drift import bullets, html_page, html_table, plain_table
from caviar.report.text import config_text, number, visible
from caviar.views.retest import Compared, RetestRow, RetestView

_STYLES = {"keep": "bold green", "unclear": "bold"}


def as_text(view: RetestView) -> Group:
    """The verdict for a terminal, and what it is made of."""
    return Group(*_parts(view))


def _parts(view: RetestView) -> Iterator[RenderableType]:
    found = view.retest
    style = _STYLES.get(found.verdict, "bold yellow")
    yield Text.assemble(("verdict: ", "dim"), (view.headline, style))
    yield Text(visible(found.why))
    if view.compared:
        yield Text("")
        yield plain_table(["", "beside", metric_name(found.metric), "better by", "95 %", "rows"], _rows(view))
    for title, sentences in _sections(view):
        if sentences:
            yield Text(f"\n{title}", style="bold")
            yield from (Text(f"- {visible(one)}") for one in sentences)


def _rows(view: RetestView) -> list[list[str]]:
    return [_cells(one) for one in view.compared]


def _cells(one: Compared) -> list[str]:
    d = one.difference
    scores = f"{number(d.score)} beside {number(d.other)}"
    return [one.one, one.other, scores, f"{d.mean:+.4f}", f"{d.low:+.4f} to {d.high:+.4f}", f"{d.rows:,}"]


def _sections(view: RetestView) -> list[tuple[str, Sequence[str]]]:
    environment = view.retest.environment
    return [
        ("Changed in the environment", environment.changed),
        ("The same as then", environment.same),
        ("Not known", environment.unknown),
        ("The data", view.drift),
        ("Notes", view.retest.notes),
    ]


def retests_table(rows: Sequence[RetestRow]) -> Table | Text:
    """The list of tests of an answer."""
    if not rows:
        return Text("no test yet")
    cells = [[row.study, row.created[:16].replace("T", " "), row.headline or row.state, row.why] for row in rows]
    return plain_table(["study", "created", "verdict", "why"], cells)


def as_html(view: RetestView, title: str) -> str:
    """The page."""
    found = view.retest
    parts = [html_table(["", "beside", metric_name(found.metric), "better by", "95 %", "rows"], _rows(view))]
    parts = [f"<h2>Compared on the same rows</h2>{parts[0]}"] if view.compared else []
    for name, answer in (("The old configs", found.retrained), ("The best recipe of today", found.new)):
        configs = [[f"{one['share']:.0%}", config_text(one["config"])] for one in answer.get("configs") or ()]
        if configs:
            parts.append(f"<h2>{name}</h2>{html_table(['share', 'config'], configs)}")
    parts += [f"<h2>{name}</h2>{bullets(tuple(said))}" for name, said in _sections(view) if said]
    return html_page(title, view.headline, found.verdict == "keep", [found.why], parts)


def plain(result: StudyResult) -> dict[str, Any]:
    """The object of ``caviar retest``."""
    found = result.retest
    assert found is not None
    record = found.to_record()
    difference = record["differences"].get(found.difference) if found.difference is not None else None
    unknown = {"changed": False if found.environment.facts.get("data", {}).get("same") else None}
    drift = unknown | {"columns": [], "outputs": None} if found.drift is None else found.drift["drift"]
    names = ("verdict", "why", "metric", "old", "retrained", "new")
    return {
        **{name: record[name] for name in names},
        "difference": difference,
        "differences": record["differences"],
        "needed": record["needed"],
        "environment": record["environment"],
        "drift": drift,
        "of": found.of,
        "study": result.study,
        "store": result.store,
        "model": result.model,
        "notes": list(found.notes),
    }


def rows(study: str, found: Sequence[RetestRow]) -> dict[str, Any]:
    """The object of ``caviar retests``."""
    return {"study": study, "retests": [asdict(row) for row in found]}
