"""The documents as pages of the dashboard: all of them are there, and no link leads to nothing."""

from __future__ import annotations

import html
import posixpath
import re
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urljoin

import pytest
from starlette.testclient import TestClient

from caviar.store import Store
from caviar.web import docs
from tests.web import served

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))


class Links(HTMLParser):
    """The addresses that a page leads to or shows, and the names in it that an address can end with."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.to: list[str] = []
        self.ids: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        given = dict(attrs)
        self.to += [given[name] for name in ("href", "src") if name in given]
        self.ids |= {given["id"]} if "id" in given else set()


@pytest.fixture
def page(tmp_path: Path):
    with Store.open(tmp_path / "caviar.db") as store, served.known(served.dashboard(store.url)) as opened:
        yield opened


@pytest.mark.parametrize("path", PAGES)
def test_every_document_is_a_page_and_its_links_lead_somewhere(page: TestClient, path: str):
    answer = page.get(f"/docs/{path}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    heading = (DOCS / path).read_text().splitlines()[0].removeprefix("# ")
    assert f"<title>{heading.replace('`', '')}: Caviar</title>" in html.unescape(answer.text)
    for link in Links(answer.text).to:
        address, part = urldefrag(urljoin(f"/docs/{path}", link))
        if address.startswith("http"):
            continue
        found = page.get(address)
        assert found.status_code == 200, link
        assert not part or part.startswith("/") or part in Links(found.text).ids, link


def test_what_the_help_names_is_there():
    named = set()
    for script in resources.files("caviar.report").joinpath("bundle").iterdir():
        if script.name.endswith(".js"):
            named |= set(re.findall(r'document: "([^"]+)"', script.read_text()))
    assert len(named) > 5
    assert all(posixpath.relpath(path, "docs") in PAGES for path in named)


def test_markup_in_a_document_stays_text():
    page = docs._page("# A <b>title</b>\n\n<script>1</script> [x](javascript:1)\n\n| a |\n|---|\n| <i> |\n", "../")
    assert "<title>A &lt;b&gt;title&lt;/b&gt;: Caviar</title>" in page
    assert "<script" not in page
    assert 'href="javascript' not in page
    assert "<td>&lt;i&gt;</td>" in page


def test_it_asks_for_the_token_and_nothing_else_leads_out(tmp_path: Path):
    with Store.open(tmp_path / "caviar.db") as store:
        app, hub = served.dashboard(store.url).application()
        stranger = TestClient(app, base_url="http://127.0.0.1")
        assert stranger.get("/docs/search.md").text == stranger.get("/").text  # the login page
        hub.close()
        with served.known(served.dashboard(store.url)) as known:
            for path in ("", "%2e%2e%2fpyproject.toml", "..%2f..%2fpyproject.toml", "nothing.md", "frameworks"):
                answer = known.get(f"/docs/{path}", headers={"accept": "text/html"})
                assert answer.status_code == 404, path
                assert "There is no such page" in answer.text
