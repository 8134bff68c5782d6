"""A store that is locked, moved or newer while its page is open; a study that is deleted while it is watched."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from caviar.store import Store
from caviar.store.doctor import delete
from tests.browser.chromium import watched
from tests.browser.dashboards import dashboard
from tests.many_trials import write_study


def notice(page: Page, kind: str = "alert") -> str:
    """The first message of the page."""
    found = page.get_by_role(kind).first  # type: ignore[arg-type]
    expect(found).to_be_visible()
    return str(found.inner_text())


def test_a_page_survives_what_happens_to_its_store(browser: Browser, tmp_path: Path):
    path = tmp_path / "caviar.db"
    with Store.open(path) as store:
        for name in ("stays", "goes"):
            write_study(store, name, trials=30, epochs=9)
    with dashboard(f"sqlite:///{path}") as shown, watched(browser) as (page, troubles):
        troubles.expected += ["404", "503"]
        shown.sign_in(page)
        shown.open(page, "#/study/stays")
        expect(page.locator("#history canvas")).to_be_attached()

        # Another process holds the store's lock: reading goes on.
        with sqlite3.connect(path, isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            page.reload()
            expect(page.locator("#history canvas")).to_be_attached()
            expect(page.get_by_role("alert")).to_have_count(0)
            other.execute("ROLLBACK")
        other.close()

        # The store is moved away, and comes back.
        away = tmp_path / "away"
        away.mkdir()
        for file in tmp_path.glob("caviar.db*"):
            shutil.move(file, away / file.name)
        assert "caviar.db" in notice(page)
        expect(page.get_by_role("heading", level=1)).to_have_text("stays")  # what was there is still shown
        expect(page.locator("#history canvas")).to_be_attached()
        for file in away.iterdir():
            shutil.move(file, tmp_path / file.name)
        expect(page.get_by_role("alert")).to_have_count(0)

        # A newer version of Caviar takes it.
        with sqlite3.connect(path) as other:
            [version] = other.execute("SELECT schema_version FROM meta").fetchone()
            other.execute("UPDATE meta SET schema_version = 999")
        assert "has schema 999" in notice(page)
        with sqlite3.connect(path) as other:
            other.execute("UPDATE meta SET schema_version = ?", [version])
        other.close()
        expect(page.get_by_role("alert")).to_have_count(0)

        # The study that is watched is deleted.
        shown.open(page, "#/study/goes")
        expect(page.locator("#history canvas")).to_be_attached()
        with Store.open(path) as store:
            delete(store, "study", "goes")
        assert "This study was deleted." in notice(page)
        expect(page.locator("#history canvas")).to_be_attached()
        shown.open(page, "#/")
        expect(page.get_by_role("link", name="stays", exact=True)).to_be_visible()
        expect(page.get_by_role("link", name="goes", exact=True)).to_have_count(0)


def test_a_server_that_ends_is_said_on_the_page(browser: Browser, tmp_path: Path):
    path = tmp_path / "caviar.db"
    with Store.open(path) as store:
        write_study(store, "small", trials=30, epochs=9)
    with watched(browser) as (page, troubles):
        troubles.expected += ["ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_EMPTY_RESPONSE"]
        with dashboard(f"sqlite:///{path}") as shown:
            shown.sign_in(page)
            shown.open(page, "#/study/small")
            expect(page.locator("#history canvas")).to_be_attached()
        assert "The dashboard's server does not answer." in notice(page)
        expect(page.locator("#history canvas")).to_be_attached()
