"""The output of `caviar frameworks`: a table, JSON, and a page that holds whatever names it is given."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from io import StringIO

import pytest
from rich.console import Console

from caviar.files import dumps
from caviar.frameworks.facts import Facts, read_facts
from caviar.frameworks.timing import Found, Speed, Timing
from caviar.report.frameworks import Line, as_html, as_json, as_text, compared, figure

HOSTILE = "<img src=x onerror=alert(1)>"


def timed(name: str, small: float = 0.0, failure: str = "", title: str = "") -> Timing:
    found = Found(f"{name}-row", name, title or name, f"{name} 1.0", "python")
    speeds = (Speed("small", small, 40_000, 40_000 / small, 10, 60),) if small else ()
    return Timing(found, 1.25 if small else None, 0.5 if small else None, 0.95 if small else None, speeds, failure)


@pytest.fixture
def lines() -> list[Line]:
    own = Timing(
        Found("caviar", "caviar", "ours", "caviar 1", "python"), 0.3, 0.2, 0.97, (Speed("small", *[4e4] * 2, 1, 1, 1),)
    )
    slow, fast, none = timed("theano", 1000.0), timed("pytorch", 2000.0), timed("jax", failure=HOSTILE, title=HOSTILE)
    return compared(read_facts(), [own, slow, fast, none])


def text_of(lines: list[Line]) -> str:
    console = Console(file=StringIO(), width=200)
    console.print(as_text(lines))
    said: str = console.file.getvalue()  # type: ignore[attr-defined]
    return said


def test_the_fast_come_first_and_the_absent_last(lines: list[Line]) -> None:
    names = [line.facts.name for line in lines]
    assert names[:4] == ["caviar", "pytorch", "theano", "jax"]
    assert set(names) == set(read_facts())
    assert all(line.timing is None for line in lines[4:])


def test_the_text_has_what_was_measured(lines: list[Line]) -> None:
    said = text_of(lines)
    assert "2,000 (1/20)" in said
    assert "1,000 (1/40)" in said
    assert "40,000 " in said
    assert "not timed here: TensorFlow" in said
    assert HOSTILE in said  # a terminal does nothing with it
    row = next(line for line in said.splitlines() if line.startswith("pytorch"))
    assert row.split()[:4] == ["pytorch", str(read_facts()["pytorch"].lines), "1.25", "0.50"]


def test_the_json_is_json_and_whole(lines: list[Line]) -> None:
    entry = json.loads(dumps(as_json(lines)))
    by_name = {row["name"]: row for row in entry["frameworks"]}
    assert by_name["pytorch-row"]["speeds"][0]["theirs"] == 2000
    assert by_name["pytorch-row"]["licence"]["source"]
    assert by_name["jax-row"]["failure"] == HOSTILE
    assert by_name["jax-row"]["import_seconds"] is None
    assert by_name["dl4j"]["deploy"] is None
    assert by_name["dl4j"]["failure"] == "not timed here"
    assert entry["networks"]["small"] == {"widths": [64, 128, 10], "batch": 32}


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)


def test_the_page_shows_names_and_does_not_run_them(lines: list[Line]) -> None:
    page = as_html(lines)
    tags = Tags()
    tags.feed(page)
    assert "img" not in tags.seen
    assert tags.seen.count("tr") == 1 + len(lines)
    assert HOSTILE not in page


def test_bars_are_of_the_measured_only(lines: list[Line]) -> None:
    bars = figure(lines).data
    assert list(bars[0].x) == [None, 1000.0, 2000.0, 40_000.0]  # from below, the slowest first
    assert list(bars[0].y)[1:] == ["theano", "pytorch", "ours"]
    assert "<img" not in bars[0].y[0]


def test_a_framework_of_which_nothing_is_known() -> None:
    unknown = Facts("x", "X", None, None, None, None, None, None)
    said = text_of(compared({"x": unknown}, [timed("x", 100.0)]))
    assert said.count("unknown") == 4
