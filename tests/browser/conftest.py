"""One browser for the tests of a module: playwright's event loop must not outlive them."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import chromium
from tests.browser.dashboards import Dashboard

expect.set_options(timeout=chromium.PATIENCE)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser."""
    with chromium.browser() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser, shown: Dashboard) -> Iterator[Page]:
    """A page that has signed in to the dashboard ``shown`` of its module; any trouble in it fails the test."""
    with chromium.watched(browser) as (opened, _):
        shown.sign_in(opened)
        yield opened
