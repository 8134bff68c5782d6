"""Names, reasons and errors that a careless page would act on stay text, on every page and in reports."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from caviar.records import Clock, DiaryEntry, Run, RunKind, RunMeasurement, RunSnapshot, RunSpec
from caviar.store import Store
from caviar.store.runs import Runs
from tests.browser.chromium import watched
from tests.browser.dashboards import Dashboard, dashboard, fits
from tests.many_trials import HOSTILE, LONG, write_study

KNOBS = {"<b>x</b>": 0.1, "</script>": 1, "\u202eknob": "<img/src/onerror>", "long": LONG}


def write_run(store: Store) -> None:
    """Write a program's run whose knobs, numbers and diary are hostile."""
    runs = Runs(store)
    run = Run("night", 0, RunSpec(kind=RunKind.PROGRAM, command="./train"), dict(KNOBS), {}, {}, "2026-11-21T00:00:00")
    runs.create(run)
    lease = runs.take("night")
    rows = [RunMeasurement(Clock(n, n, n), {HOSTILE[0]: n / 9, "loss": 1 / n, LONG: 1.0}) for n in range(1, 10)]
    texts = [*HOSTILE, LONG]
    diary = [DiaryEntry(0, "2026-11-21T00:00:00", "turn", text, Clock(3, 3, 3), text, {}) for text in texts]
    diary.append(DiaryEntry(0, "2026-11-21T00:00:00", "advice", "nurse", Clock(3, 3, 3), HOSTILE[1], {}))
    snapshot = RunSnapshot(1, Clock(3, 3, 3), HOSTILE[0], 0.1, "1.npz", "0", 10, "2026-11-21T00:00:00")
    runs.write(lease, rows, diary, snapshots=[snapshot], progress={"knobs": KNOBS, "unit": HOSTILE[0], "epoch": 9})
    runs.leases.leave(lease)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    url = f"sqlite:///{tmp_path_factory.mktemp('hostile') / 'caviar.db'}"
    with Store.open(url) as store:
        for name in (*HOSTILE, LONG):
            write_study(store, name, trials=12, epochs=9, hostile=True)
        write_study(store, "tame", trials=80, epochs=27, hostile=True)
        write_run(store)
    with dashboard(url, "--allow-writes") as running:
        yield running


def is_text(page: Page) -> None:
    """Fail where a name has become markup, or has run."""
    expect(page.get_by_text("Reading the")).to_have_count(0)
    assert page.locator("img, main script, main b").count() == 0
    assert "owned" not in page.title().replace(HOSTILE[0], "").replace(HOSTILE[1], "")
    assert len(page.locator("main").inner_text()) < 200_000
    assert fits(page)


def test_hostile_names_stay_text(browser: Browser, shown: Dashboard):
    with watched(browser) as (page, _):
        shown.sign_in(page)
        expect(page.get_by_role("link", name=HOSTILE[0], exact=True)).to_be_visible()
        is_text(page)
        for name in HOSTILE:
            page.get_by_role("link", name=name, exact=True).first.click()
            expect(page.get_by_role("heading", level=1)).to_have_text(name)
            is_text(page)
            page.go_back()
        shown.open(page, "#/run/night")
        expect(page.locator("#run_diary")).to_contain_text(HOSTILE[0])
        expect(page.locator("#run_knobs")).to_contain_text("<b>x</b>")
        is_text(page)


def test_hostile_trials_stay_text(browser: Browser, shown: Dashboard):
    with watched(browser, width=400) as (page, _):
        shown.sign_in(page)
        shown.open(page, "#/study/tame/trial/48")
        expect(page.get_by_role("dialog")).to_contain_text(HOSTILE[0])
        is_text(page)
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Enqueue a config").click()
        expect(page.get_by_role("form", name="Enqueue a config")).to_be_visible()
        is_text(page)


def test_a_name_of_a_megabyte_has_a_page_or_a_reason(browser: Browser, shown: Dashboard):
    with watched(browser) as (page, _):
        shown.sign_in(page)
        link = page.get_by_role("link").filter(has_text="xxxxxxxx")
        expect(link).to_have_count(1)
        link.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("xxxxxxxx")
        expect(page.get_by_role("alert")).to_contain_text("too long for the address of a page")
        is_text(page)
