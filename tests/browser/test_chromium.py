"""The watch over pages sees each kind of trouble; the tests of the real pages rely on it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chromium import watched

TROUBLES = {
    "console error: mistake": "console.error('mistake')",
    "page error": "null.field",
    "request failed": "fetch('/away').catch(() => {})",
    "404": "fetch('/missing')",
    "Content Security Policy": "document.body.setAttribute('style', 'color: red')",
    "Content-Security-Policy": "document.body.append(Object.assign(document.createElement('script'), {text: '1'}))",
}


@pytest.mark.parametrize("trouble", ["", *TROUBLES])
def test_a_trouble_on_a_page_fails_its_test(browser: Browser, trouble: str):
    done = "document.querySelector('p').textContent = 'done'"
    script = f"setTimeout(() => {{ {done} }}, 100); {TROUBLES.get(trouble, '')}"
    policy = {"content-security-policy": "default-src 'self'"}

    def visit() -> None:
        with watched(browser) as (page, _):
            page.route("**/away", lambda route: route.abort())
            page.route("**/missing", lambda route: route.fulfill(status=404))
            page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
            page.route("**/script.js", lambda route: route.fulfill(body=script, content_type="text/javascript"))
            body = "<!doctype html><p></p><script src='/script.js'></script>"
            page.route("**/page", lambda route: route.fulfill(body=body, content_type="text/html", headers=policy))
            page.goto("http://caviar.test/page")
            expect(page.locator("p")).to_have_text("done")

    if not trouble:
        visit()
    else:
        with pytest.raises(AssertionError, match="the browser complained") as failure:
            visit()
        assert trouble.casefold().replace("-", " ") in str(failure.value).casefold().replace("-", " ")
