"""A report on drift as text and as a page, with names that are not to be believed."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from caviar.analysis.drift_report import Change, ClassShare, Drift, LayerShift
from caviar.report.drift import as_html, as_text
from caviar.views.drift import drift_view

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e"


def report() -> Drift:
    changes = tuple(Change(f"{HOSTILE}{k}", "values", 0.5, 0.5, 0.0, 0.0) for k in range(20))
    return Drift(
        rows=300,
        old_rows=1_000,
        outputs=Change(HOSTILE, "outputs", 0.3, 0.3, 1e-5, 2e-5),
        columns=changes,
        classes=(ClassShare(HOSTILE, 0.5, 0.5, 0.2, 0.1, 0.05, 0.2), ClassShare("b", 0.5, 0.5, 0.8)),
        layers=(LayerShift(1, 0.5, 2.0, 1.1, 0.04),),
        detectable=0.1,
        notes=(HOSTILE,),
        unknown=("without labels",),
    )


def test_text_shows_the_first_tests_and_no_control_character() -> None:
    file = StringIO()
    Console(file=file, width=200).print(as_text(drift_view(report())))
    text = file.getvalue()
    assert "something has changed: 300 rows beside 1,000 of training" in text
    assert "9 more" in text
    assert "10.0% (5.0% to 20.0%)" in text
    assert "unknown" in text
    assert "below 1e-100" in text
    assert not {"\x1b", "\u202e"} & set(text)


def test_the_page_has_all_and_runs_nothing() -> None:
    page = as_html(drift_view(report()), HOSTILE)
    assert page.count("alert(1)&lt;/script&gt;") >= 22
    assert "<script" not in page
    assert "\x1b" not in page
    assert "http" not in page
