"""A verdict in words, in the terminal and as a page."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

from rich.console import Console

from caviar.records.retest import Retest
from caviar.report.retest import as_html, as_text
from caviar.views.retest import HEADLINES, retest_view
from tests.browser.test_retests import BAD, VERDICT


def text_of(found: Retest) -> str:
    out = StringIO()
    Console(file=out, width=200).print(as_text(retest_view("again", found)))
    return out.getvalue()


def test_every_verdict_has_words_and_the_comparison_that_decides_is_marked():
    view = retest_view("again", VERDICT)
    assert view.headline == HEADLINES["retune"] == "retune it"
    assert [one.decides for one in view.compared] == [False, False, True]
    assert view.drift == ("1 column differs from training: " + BAD,)
    assert set(HEADLINES) == {"keep", "retrain", "retune", "unclear"}


def test_the_screen_has_the_verdict_first_and_shows_no_control_characters():
    said = text_of(VERDICT)
    assert said.splitlines()[0] == "verdict: retune it"
    assert "0.95 beside 0.9" in said
    assert "+0.0310 to +0.0690" in said
    assert "\u202e" not in said
    bare = replace(VERDICT, differences={}, difference=None, drift=None)
    assert "beside" not in text_of(bare).replace(bare.why, "")


def test_the_page_has_one_verdict_at_its_top_and_no_code_of_others():
    page = as_html(retest_view("again", VERDICT), f"{BAD}, tested again")
    assert "<img" not in page
    assert page.count("<p class='verdict'>") == 1
    assert page.index("retune it") < page.index("<h2>")
    assert "verdict same" in as_html(retest_view("again", replace(VERDICT, verdict="keep")), "old")


def test_it_comes_back_from_plain_data():
    assert Retest.from_record(VERDICT.to_record()) == VERDICT
