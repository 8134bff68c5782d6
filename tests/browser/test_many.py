"""A study of 10,000 trials of up to 1,000 epochs: nothing is left out, and nothing is slow enough to give up."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect

from caviar.cli.main import run
from caviar.records import TrialState
from caviar.store import Store
from tests.browser.chromium import watched
from tests.browser.dashboards import all_drawn, dashboard, fits
from tests.many_trials import write_study


def test_ten_thousand_trials(browser: Browser, tmp_path: Path):
    with Store.open(tmp_path / "caviar.db") as store:
        write_study(store, "many")
        counts = store.trial_counts()["many"]
        failed = next(trial for trial in store.trials("many") if trial.state is TrialState.FAILED)
    with dashboard(f"sqlite:///{tmp_path / 'caviar.db'}") as running, watched(browser) as (page, _):
        running.sign_in(page)
        page.get_by_role("link", name="many", exact=True).click()
        expect(page.locator(".facts").first).to_contain_text("10,000")
        assert all_drawn(page) >= 10

        page.get_by_role("searchbox", name="Filter the trials").fill("state:diverged")
        expect(page.get_by_role("status")).to_contain_text(f"{counts[TrialState.DIVERGED]:,} trials of 10,000 chosen")
        page.get_by_role("button", name="Show all").click()
        expect(page.get_by_text("chosen; the others are faded")).to_have_count(0)

        running.open(page, f"#/study/many/trial/{failed.number}")
        expect(page.get_by_role("dialog")).to_contain_text(failed.error or "")
        page.keyboard.press("Escape")

        page.set_viewport_size({"width": 400, "height": 800})
        assert fits(page)

    # The report draws as many as can be seen, and says so.
    assert run(["explain", "many", "--store", str(tmp_path / "caviar.db"), "--html", str(tmp_path / "many.html")]) == 0
    assert (tmp_path / "many.html").stat().st_size < 1_500_000
    with watched(browser) as (page, _):
        page.goto((tmp_path / "many.html").as_uri())
        expect(page.locator("main")).to_contain_text("have 5,000 of 10,000 trials")
        expect(page.locator(".facts").first).to_contain_text("10,000")
        expect(page.locator("#rungs")).to_contain_text("10,000 trials")
        expect(page.locator("#trials h2")).to_have_text("5,000 of 10,000 trials")
        assert all_drawn(page) >= 10
