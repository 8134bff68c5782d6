"""Every page with data, with none, and with one trial; test_many.py has many trials."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from caviar.records import TrialState
from caviar.store import Store
from caviar.store.runs import Runs
from caviar.views.study_page import comparison_of
from tests.browser.chromium import watched
from tests.browser.dashboards import Dashboard, all_drawn, dashboard, fits
from tests.browser.stores import write_run
from tests.many_trials import write_study

WRONG = [("#/study/smell", "small"), ("#/run/nigth", "night"), ("#/x/y/z", "no such")]
PAGES = {  # addresses, and words that no other page has
    "studies": ("#/", "1 run"),
    "study": ("#/study/small", "Parallel coordinates"),
    "study of one trial": ("#/study/one", "Parallel coordinates"),
    "study without trials": ("#/study/empty", "No trial yet"),
    "trial": ("#/study/small/trial/7", "Trial 7"),
    "comparison": ("#/compare/small/one", "What mattered in each"),
    "run": ("#/run/night", "Inside of the layers"),
    "help": ("#/help", "How to read the pictures"),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path = tmp_path_factory.mktemp("pages")
    with Store.open(path / "caviar.db") as opened:
        write_study(opened, "small", trials=120, epochs=27)
        write_study(opened, "one", trials=1, epochs=9)
        write_study(opened, "empty", trials=0)
        write_run(opened, path, "night")
        yield opened


@pytest.fixture(scope="module")
def shown(store: Store) -> Iterator[Dashboard]:
    with dashboard(store.url) as running:
        yield running


def test_the_list_has_every_study_and_run(page: Page, store: Store):
    for name, counts in store.trial_counts().items():
        row = page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))
        expect(row).to_contain_text(f"{sum(counts.values()):,}")
        best = store.study(name).result
        expect(row).to_contain_text("none yet" if best is None else f"{best.best.validation['accuracy']:.4f}")
    page.get_by_role("link", name="night", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("night")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Studies")


@pytest.mark.parametrize("name", ["small", "one"])
def test_a_study_shows_what_the_store_has(page: Page, shown: Dashboard, store: Store, name: str):
    shown.open(page, f"#/study/{name}")
    assert all_drawn(page) >= 5
    trials = [trial for trial in store.trials(name) if not trial.repeat]
    result = store.study(name).result
    assert result is not None
    expect(page.locator(".facts").first).to_contain_text(f"{len(trials):,}")
    expect(page.locator(".facts").first).to_contain_text(f"{result.best.test['accuracy']:.4f}")
    expect(page.locator("#rungs")).to_contain_text(f"{len(trials):,} trial")
    for value in result.best.config.values():
        text = value if isinstance(value, str) else f"{value:.4g}"
        expect(page.locator("#answer")).to_contain_text(text[:6])


def test_help_leads_to_the_document(page: Page, shown: Dashboard):
    shown.open(page, "#/study/small")
    page.locator("#importance").get_by_role("link", name="More on this picture").click()
    page.locator("#help-importance").get_by_role("link", name="docs/hyperparameters.md").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Hyperparameters of a table's network")
    page.wait_for_load_state()  # what a page that one leaves was still waiting for has failed
    page.get_by_role("link", name="Studies", exact=True).click()
    expect(page.get_by_role("link", name="small", exact=True)).to_be_visible()


def test_a_trial_has_its_config_and_its_curve(page: Page, shown: Dashboard, store: Store):
    shown.open(page, "#/study/small/trial/7")
    trial = next(trial for trial in store.trials("small") if trial.number == 7)
    detail = page.get_by_role("dialog", name="Trial 7")
    assert trial.state is TrialState.STOPPED
    expect(detail).to_contain_text(f"Stopped at the rung of {trial.epochs} epoch")
    expect(detail).to_contain_text(str(trial.state).replace("_", " "))
    expect(detail).to_contain_text(f"{trial.config['learning_rate']:.4g}"[:5])
    expect(detail.locator("canvas").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(detail).to_have_count(0)
    expect(page).to_have_url(f"{shown.base}#/study/small")


def test_a_run_shows_what_the_store_has(page: Page, shown: Dashboard, store: Store):
    shown.open(page, "#/run/night")
    assert all_drawn(page) >= 4
    expect(page.locator("#run_curves .key")).to_contain_text("undone by a rollback")
    diary = page.locator("#run_diary")
    for entry in Runs(store).diary("night"):
        if entry.kind in ("turn", "rollback"):
            expect(diary).to_contain_text(entry.text)
    page.get_by_role("searchbox", name="Find in the diary").fill("too slowly")
    expect(diary.get_by_role("listitem")).to_have_count(1)
    kept = [snapshot for snapshot in Runs(store).snapshots("night") if snapshot.state == "kept"]
    expect(page.get_by_role("heading", name=f"{len(kept)} snapshots")).to_be_visible()


def test_two_studies_stand_side_by_side(page: Page, shown: Dashboard, store: Store):
    shown.open(page, "#/compare/small/one")
    assert all_drawn(page) >= 1
    expect(page.get_by_role("heading", level=1)).to_have_text("small beside one")
    mattered = comparison_of(store, ["small", "one"]).studies[0].importance
    rows = page.locator("#mattered tbody tr")
    expect(rows.locator("th")).to_have_text([row.name for row in mattered])
    expect(rows.first.locator("td").nth(1)).to_contain_text(f"{mattered[0].importance:.2f}")
    expect(rows.first.locator("td").nth(2)).to_have_text("too few trials")


def test_a_study_without_trials_says_so(page: Page, shown: Dashboard):
    shown.open(page, "#/study/empty")
    expect(page.get_by_role("heading", name="No trial yet")).to_be_visible()


def test_a_page_that_is_not_there_names_the_way_out_and_waits_for_it(browser: Browser, shown: Dashboard, store: Store):
    with watched(browser) as (page, troubles):
        troubles.expected += ["404"]
        shown.sign_in(page)
        for path, said in WRONG:
            shown.open(page, path)
            expect(page.locator("main")).to_contain_text(said)
        shown.open(page, "#/study/later")
        expect(page.locator("main")).to_contain_text("the store has no study 'later'")
        write_study(store, "later", trials=1, epochs=9)  # it begins
        expect(page.locator("main")).to_contain_text("Parallel coordinates")
        expect(page.get_by_role("alert")).to_have_count(0)


def test_every_page_fits_a_phone(browser: Browser, shown: Dashboard):
    with watched(browser, width=400, dark=True) as (page, _):
        shown.sign_in(page)
        for path, said in PAGES.values():
            shown.open(page, path)
            expect(page.locator("main")).to_contain_text(said)
            expect(page.get_by_text("Reading the")).to_have_count(0)
            assert fits(page), path


def test_without_the_right_to_write_nothing_can_be_changed(page: Page, shown: Dashboard):
    for path in ("#/study/small", "#/run/night"):
        shown.open(page, path)
        expect(page.locator("main canvas").first).to_be_attached()
        for act in ("Stop", "Pause", "Resume", "Enqueue a config", "Turn", "Go back", "Branch", "Snapshot"):
            expect(page.get_by_role("button", name=act, exact=True)).to_have_count(0)


def test_a_keyboard_is_enough(page: Page, shown: Dashboard):
    expect(page.get_by_role("link", name="one", exact=True)).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the contents")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    link = page.get_by_role("link", name="small", exact=True)
    for _ in range(30):
        page.keyboard.press("Tab")
        if link.evaluate("(element) => element === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{shown.base}#/study/small")


def test_a_postgresql_store_has_the_same_pages(
    browser: Browser, postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)  # where the files of such a store are
    with Store.open(postgresql_url) as store:
        write_study(store, "small", trials=60, epochs=9)
        write_study(store, "one", trials=1, epochs=9)
        write_study(store, "empty", trials=0)
        write_run(store, tmp_path, "night", epochs=3, url=postgresql_url)
        with dashboard(postgresql_url, "--allow-writes") as shown, watched(browser) as (page, _):
            shown.sign_in(page)
            for title, (path, said) in PAGES.items():
                shown.open(page, path)
                expect(page.locator("main")).to_contain_text(said)
                if title not in ("studies", "study without trials", "help"):
                    assert all_drawn(page) >= 1
                expect(page.get_by_text("Reading the")).to_have_count(0)
                expect(page.get_by_role("alert")).to_have_count(0)

            shown.open(page, "#/study/small")  # it acts there, and follows
            page.get_by_role("button", name="Enqueue a config").click()
            form = page.get_by_role("form", name="Enqueue a config")
            form.get_by_label("learning_rate").fill("0.0123")
            form.get_by_label("Reason").fill("a guess")
            form.get_by_role("button", name="Enqueue", exact=True).click()
            expect(form).to_have_count(0)  # it is done, and says so
            expect(page.locator(".acts").get_by_role("status")).to_contain_text("learning_rate 0.0123")
            page.get_by_role("button", name="Enqueue a config").click()
            expect(form.get_by_label("Reason")).to_have_value("")
            form.get_by_role("button", name="Close").click()
            expect(page.get_by_role("region", name="Asked of this study")).to_contain_text("learning_rate 0.0123")
            assert store.spec("small").interventions[-1].arguments["config"]["learning_rate"] == 0.0123
            shown.open(page, "#/")
            expect(page.get_by_role("link", name="one", exact=True)).to_be_visible()
            write_study(store, "late", trials=1, epochs=3)
            expect(page.get_by_role("link", name="late", exact=True)).to_be_visible()


def test_an_address_of_nothing_says_so(page: Page, shown: Dashboard):
    shown.open(page, "#/study/small/trial/999")
    expect(page.get_by_role("dialog", name="Trial 999")).to_contain_text("The study has no trial 999")
    shown.open(page, "#/study/empty/trial/0")
    expect(page.get_by_role("dialog", name="Trial 0")).to_contain_text("The study has no trial 0")
    shown.open(page, "#/nothing")
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    expect(page).to_have_title("No such page: Caviar")


def test_an_empty_store_says_how_to_begin(browser: Browser, tmp_path: Path):
    with Store.open(tmp_path / "caviar.db"):
        pass
    with dashboard(f"sqlite:///{tmp_path / 'caviar.db'}") as empty, watched(browser) as (page, _):
        empty.sign_in(page)
        expect(page.locator("main")).to_contain_text("caviar tune")
