"""A real browser for the tests: the system's Chromium, driven by playwright.

Playwright's own browsers are not downloaded. A page that is opened here is watched: a console error, an error of a
script, a request that failed and a violation of the page's Content-Security-Policy all fail the test.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, ViewportSize, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_PLACES = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)

PATIENCE = 120_000
"""Milliseconds that an expected sight may take: far more than a loaded machine needs."""


def programs() -> str:
    """The path of the browser."""
    named = os.environ.get("CAVIAR_CHROMIUM")
    found = [named] if named else [path for path in map(shutil.which, _NAMES) if path]
    found += [place for place in _PLACES if Path(place).exists()]
    if not found:
        raise RuntimeError("the tests need Chromium, and found none: run .ci/services")
    return found[0]


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser without a window. Root may not use its sandbox."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=programs(), args=arguments)
        yield opened
        opened.close()


class Troubles:
    """Everything that went wrong on the pages of one context; ``expected`` are texts of troubles that a test causes."""

    def __init__(self, context: BrowserContext) -> None:
        self.expected: list[str] = []
        self._found: list[str] = []
        context.on("console", self._said)
        context.on("weberror", lambda error: self._found.append(f"page error: {error.error}"))
        context.on("requestfailed", self._failed)
        context.on("response", lambda r: self._found.append(f"{r.status} {r.url}") if r.status >= 400 else None)

    def check(self) -> None:
        """Fail for each trouble that was not expected."""
        left = [trouble for trouble in self._found if not any(text in trouble for text in self.expected)]
        assert not left, "the browser complained:\n" + "\n".join(left)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._found.append(f"console {message.type}: {message.text} ({message.location['url']})")

    def _failed(self, request: Request) -> None:
        # What a page that one leaves was still waiting for.
        by_leaving = request.resource_type in ("eventsource", "fetch") or request.url.endswith("/icon.svg")
        if by_leaving and request.failure in ("net::ERR_ABORTED", None):  # the icon is asked for once a page is loaded
            return
        self._found.append(f"request failed: {request.failure} {request.url}")


@contextmanager
def watched(
    opened: Browser, width: int = 1400, height: int = 900, dark: bool = False
) -> Iterator[tuple[Page, Troubles]]:
    """A fresh page with cookies of its own, and its troubles, which are checked in the end."""
    size: ViewportSize = {"width": width, "height": height}
    context = opened.new_context(viewport=size, color_scheme="dark" if dark else "light")
    context.set_default_timeout(PATIENCE)
    troubles = Troubles(context)
    try:
        yield context.new_page(), troubles
        troubles.check()
    finally:
        context.close()
