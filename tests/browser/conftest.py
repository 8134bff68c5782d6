"""One browser for the tests of a module: playwright's event loop must not outlive them."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import chromium

expect.set_options(timeout=chromium.PATIENCE)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser."""
    with chromium.browser() as opened:
        yield opened
