"""A real dashboard, in a process of its own, and stores for it to show."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.waiting import until

CAVIAR = str(Path(sys.executable).with_name("caviar"))


class Dashboard:
    """A running dashboard at ``address``, which has the token."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.base = address.partition("?")[0]

    def sign_in(self, page: Page) -> None:
        """Open the address with the token, which leaves a cookie."""
        page.goto(self.address)

    def open(self, page: Page, path: str) -> None:
        """Open the page at ``path``, such as "#/study/flowers", as one that is signed in."""
        page.goto(f"{self.base}{path}")


@contextmanager
def dashboard(store: str, *options: str) -> Iterator[Dashboard]:
    """``caviar dashboard`` on ``store``, ended by Ctrl-C."""
    command = [CAVIAR, "dashboard", "--store", store, "--port", "0", "--no-browser", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), address
        yield Dashboard(address)
    finally:
        process.send_signal(signal.SIGINT)
        said = process.stdout.read()
        assert process.wait(60) == 130, said
        process.stdout.close()


def has_drawn(canvas: Locator) -> bool:
    """True where a picture has anything in it."""
    return bool(
        canvas.evaluate(
            "(canvas) => { if (!canvas.width || !canvas.height) return false;"
            " const copy = new OffscreenCanvas(canvas.width, canvas.height);"
            " const context = copy.getContext('2d', { willReadFrequently: true }); context.drawImage(canvas, 0, 0);"
            " const { data } = context.getImageData(0, 0, copy.width, copy.height);"
            " return data.some((value, i) => i % 4 === 3 && value); }"
        )
    )


def all_drawn(page: Page) -> int:
    """Wait until every picture of the page has been drawn; their number."""
    expect(page.get_by_text("Reading the")).to_have_count(0)
    pictures = page.locator("main canvas")
    expect(pictures.first).to_be_attached()
    for at in range(pictures.count()):
        pictures.nth(at).scroll_into_view_if_needed()
        until(lambda: has_drawn(pictures.nth(at)))  # noqa: B023
    return pictures.count()


def fits(page: Page) -> bool:
    """True where nothing sticks out to the right."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
