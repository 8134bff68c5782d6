"""The screenshots of docs/dashboard.md: a study of the digits and a run on them, really trained, in a real browser.

    python -m docs.screenshots

It takes a minute and a half, and needs Chromium (.ci/services installs it).
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import Browser

import caviar
from caviar.data import samples
from caviar.store import Store
from tests.browser.chromium import browser, watched
from tests.browser.dashboards import Dashboard, all_drawn, dashboard
from tests.browser.stores import write_run

FOLDER = Path(__file__).parent / "dashboard"

SHOTS = {
    "study": ("#/study/digits", "#answer", 1280, 1000, False),
    "search": ("#/study/digits", "#slices", 1280, 1000, False),
    "run": ("#/run/night", ".title", 1280, 1000, False),
    "phone": ("#/run/night", "#run_knobs", 400, 800, True),
}
"""Of each picture: the page, the part of it that is at the top, width, height, and whether it is dark."""


def shoot(with_browser: Browser, shown: Dashboard, name: str) -> None:
    """Take picture ``name``."""
    path, top, width, height, dark = SHOTS[name]
    with watched(with_browser, width=width, height=height, dark=dark) as (page, _):
        shown.sign_in(page)
        shown.open(page, path)
        all_drawn(page)
        page.locator(top).first.evaluate("(part) => scrollTo(0, part.getBoundingClientRect().top + scrollY - 110)")
        page.mouse.move(0, 0)
        page.wait_for_timeout(500)  # the scrolling has ended
        page.screenshot(path=FOLDER / f"{name}.png")


def main() -> None:
    """Train, and take all pictures."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        table, path = folder / "digits.csv", folder / "caviar.db"
        samples.write_csv(samples.digits(), table)
        target = samples.digits().target_name
        caviar.tune(table, target=target, seconds=60, seed=1, study="digits", store=path)
        with Store.open(path) as store:
            write_run(store, folder, "night", samples.digits(), epochs=40)
        with dashboard(f"sqlite:///{path}", "--allow-writes") as shown, browser() as with_browser:
            for name in SHOTS:
                shoot(with_browser, shown, name)


if __name__ == "__main__":
    main()
