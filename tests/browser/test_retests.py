"""The verdict on the page of a re-test, and the list of re-tests on the page of the old study."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from caviar.records.retest import Difference, Environment, Retest, RetestSpec
from caviar.store import Store
from tests.browser.dashboards import Dashboard, dashboard, fits
from tests.many_trials import write_study

BAD = "<img src=x onerror=alert(1)></script>\u202eabc"
BETTER = Difference(
    mean=0.05,
    low=0.031,
    high=0.069,
    margin=0.01,
    rows=1234,
    by_rows=0.02,
    by_luck=0.0,
    by_old=0.0,
    score=0.95,
    other=0.9,
)
VERDICT = Retest(
    of="old",
    model=None,
    verdict="retune",
    why=f"another config is better: {BAD}",
    metric="accuracy",
    old={},
    retrained={},
    new={},
    differences={"weights": BETTER, "configs": BETTER, "both": BETTER},
    difference="both",
    environment=Environment(changed=(f"NumPy: 1 then, {BAD} now",), unknown=("the bits of the old model",)),
    drift={
        "rows": 9,
        "old_rows": 8,
        "changed": True,
        "drift": {
            "columns": [{"name": BAD, "changed": True}],
            "outputs": None,
            "labels": [],
            "score": None,
        },
    },
    notes=("a note of the test",),
)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    folder: Path = tmp_path_factory.mktemp("retests")
    with Store.open(folder / "caviar.db") as store:
        for name in ("old", "again", "waiting"):
            write_study(store, name, trials=12, epochs=9)
        old = store.study("old")
        assert old.result is not None
        tested = replace(old.spec, retest=RetestSpec(of="old"))
        for name, result in (("again-2", replace(old.result, retest=VERDICT)), ("again-3", None)):
            store.create_study(replace(old, name=name, spec=tested, result=result))
            store.write(name, store.trials("old"), [])
        with dashboard(store.url) as running:
            yield running


def test_the_old_study_lists_its_tests_and_leads_to_them(page: Page, shown: Dashboard):
    shown.open(page, "#/study/old")
    lines = page.locator("#retests li")
    expect(lines).to_have_count(2)
    expect(lines.nth(0)).to_contain_text("retune it")
    expect(lines.nth(0)).to_contain_text(BAD.replace("\u202e", "\u202e"))
    expect(lines.nth(1)).to_contain_text("again-3")
    lines.nth(0).get_by_role("link").click()
    expect(page.locator("#verdict")).to_contain_text("retune it")
    expect(page.locator("#retests")).to_have_count(0)


def test_the_page_of_a_test_has_the_verdict_and_its_reasons_before_the_answer(page: Page, shown: Dashboard):
    shown.open(page, "#/study/again-2")
    card = page.locator("#verdict")
    rows = card.locator("tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(2)).to_have_class("main")
    for words in ("0.9500 beside 0.9000", "0.0310 to 0.0690", "1,234"):
        expect(rows.nth(2)).to_contain_text(words)
    for words in ("NumPy: 1 then", "the bits of the old model", "1 column differs from training", "a note of the test"):
        expect(card).to_contain_text(words)
    assert page.locator("main section").first.get_attribute("id") == "verdict"
    card.get_by_role("link", name="old").click()
    expect(page.locator("#retests")).to_be_visible()
    page.set_viewport_size({"width": 380, "height": 800})
    assert fits(page)


def test_a_study_that_was_never_tested_again_has_neither(page: Page, shown: Dashboard):
    shown.open(page, "#/study/waiting")
    expect(page.locator("#answer")).to_be_visible()
    expect(page.locator("#retests, #verdict")).to_have_count(0)
