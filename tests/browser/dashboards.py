"""A real dashboard, in a process of its own, and stores for it to show."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.chromium import PATIENCE

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
    """``caviar dashboard`` on ``store``, ended by a signal that no shell ignores for it."""
    command = [CAVIAR, "dashboard", "--store", store, "--port", "0", "--no-browser", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), address
        yield Dashboard(address)
    finally:
        process.terminate()
        said = process.stdout.read()
        assert process.wait(60) == 128 + signal.SIGTERM, said
        process.stdout.close()


_DRAWN = """
async (limit) => {
  const hasDrawn = (canvas) => {
    if (!canvas.width || !canvas.height) return false;
    const copy = new OffscreenCanvas(canvas.width, canvas.height);
    const context = copy.getContext('2d', { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    return context.getImageData(0, 0, copy.width, copy.height).data.some((value, i) => i % 4 === 3 && value);
  };
  const pictures = () => [...document.querySelectorAll('main canvas')];
  for (let k = 0; k < pictures().length; k++) {
    const began = performance.now();
    while (!hasDrawn(pictures()[k])) {
      pictures()[k].scrollIntoView({ block: 'center' });
      if (performance.now() - began > limit) throw new Error(`picture ${k} stays empty`);
      await new Promise(requestAnimationFrame);
    }
  }
  return pictures().length;
}
"""


def all_drawn(page: Page) -> int:
    """Wait until every picture of the page has been drawn; their number."""
    expect(page.get_by_text("Reading the")).to_have_count(0)
    expect(page.locator("main canvas").first).to_be_attached()
    return int(page.evaluate(_DRAWN, PATIENCE))


def fits(page: Page) -> bool:
    """True where nothing sticks out to the right."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
