"""The guard of the dashboard: each promise of its security, by the request that would break it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from caviar.store import Store
from caviar.web.app import Dashboard
from caviar.web.login import FIELD, PATH
from tests.web import served

JSON = {"content-type": "application/json"}
ACT = "/api/studies/flowers/stop"


class Acts:
    """An act that notes when it is done."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def __call__(self, name: str, arguments: object) -> str:
        self.done.append(name)
        return f"{name} stops"


@pytest.fixture
def acts() -> Acts:
    return Acts()


@pytest.fixture
def of(tmp_path: Path, acts: Acts) -> Dashboard:
    url = str(tmp_path / "caviar.db")
    Store.open(url).close()
    return served.dashboard(url, {("study", "stop"): acts})


@pytest.fixture
def stranger(of: Dashboard) -> Iterator[TestClient]:
    with served.client(of) as opened:
        yield opened


@pytest.fixture
def browser(of: Dashboard) -> Iterator[TestClient]:
    with served.known(of) as opened:
        yield opened


@pytest.mark.parametrize("path", ["/", "/bundle/main.js", "/api/studies", "/api/events?studies=1", "/nothing", PATH])
def test_without_the_token_every_address_answers_403(stranger: TestClient, path: str) -> None:
    answer = stranger.get(path)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert "/api/" in path or f'name="{FIELD}"' in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "STRANGE"])
def test_without_the_token_nothing_is_done(stranger: TestClient, acts: Acts, method: str) -> None:
    answer = stranger.request(method, ACT, json={}, headers={"origin": "http://127.0.0.1"})
    assert answer.status_code == 403
    assert acts.done == []


@pytest.mark.parametrize("token", ["", "x", "\N{GREEK SMALL LETTER ALPHA}" * 43, "A" * 43])
def test_a_wrong_token_is_refused(stranger: TestClient, token: str) -> None:
    for answer in (
        stranger.get("/", params={FIELD: token}),
        stranger.get("/api/studies", params={FIELD: token}),
        stranger.get("/api/studies", headers={"authorization": f"Bearer {token.encode().hex()}"}),
        stranger.post(PATH, data={FIELD: token}),
    ):
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


def test_a_wrong_token_is_refused_to_a_browser_with_a_session_too(browser: TestClient) -> None:
    assert browser.get("/api/studies", params={FIELD: "wrong"}).status_code == 403


def test_the_token_in_the_address_is_exchanged_for_a_strict_cookie(stranger: TestClient, of: Dashboard) -> None:
    answer = stranger.get("/", params={FIELD: of.keys.token, "theme": "dark"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/?theme=dark"
    cookie = answer.headers["set-cookie"]
    assert of.keys.token not in cookie
    assert {part.strip() for part in cookie.split(";")[1:]} == {"HttpOnly", "SameSite=Strict", "Path=/"}
    assert stranger.get("/api/studies").status_code == 200


def test_a_link_on_another_page_is_exchanged_by_a_page_of_ours(stranger: TestClient, of: Dashboard) -> None:
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    answer = stranger.get("/", params={FIELD: of.keys.token}, headers=link)
    assert answer.status_code == 200
    assert answer.headers["refresh"] == "0; url=/"
    assert of.keys.session in answer.headers["set-cookie"]


def test_the_exchange_leads_to_no_other_server(stranger: TestClient, of: Dashboard) -> None:
    for path in ("//evil.example/x", "/\\evil.example", "/a%0d%0aSet-Cookie:x=y"):
        answer = stranger.get(f"http://127.0.0.1{path}?{FIELD}={of.keys.token}")
        location = answer.headers["location"]
        assert location.startswith("/")
        assert location[1:2] not in ("/", "\\")
        assert "\r" not in location


def test_the_token_can_be_typed(stranger: TestClient, of: Dashboard) -> None:
    answer = stranger.post(PATH, data={FIELD: f" {of.keys.token} "}, headers={"origin": "http://127.0.0.1"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert stranger.get("/api/studies").status_code == 200


def test_a_program_sends_the_token_in_the_address_or_in_a_header(stranger: TestClient, of: Dashboard) -> None:
    for answer in (
        stranger.get("/api/studies", params={FIELD: of.keys.token}),
        stranger.get("/api/studies", headers={"authorization": f"Bearer {of.keys.token}"}),
    ):
        assert answer.status_code == 200
        assert answer.json()["studies"] == []


def test_a_session_of_another_port_is_none(stranger: TestClient, of: Dashboard) -> None:
    stranger.cookies.set("caviar-dashboard-81", of.keys.session)
    stranger.cookies.set(of.keys.cookie_name, "x" * len(of.keys.session))
    assert stranger.get("/api/studies").status_code == 403


@pytest.mark.parametrize("cookies", ["=", ";;;", 'a="', "\xff=\xff", "caviar-dashboard-80"])
def test_strange_cookies_are_no_session(stranger: TestClient, cookies: str) -> None:
    assert stranger.get("/api/studies", headers={"cookie": cookies.encode("latin-1")}).status_code == 403


REBOUND = [
    "evil.example",
    "127.0.0.1.evil.example",
    "127.0.0.1@evil.example",
    "",
    "localhost:80:80",
    "[::1",
    "10.0.0.7",
]


@pytest.mark.parametrize("host", REBOUND)
def test_another_name_of_ours_is_refused(browser: TestClient, acts: Acts, of: Dashboard, host: str) -> None:
    answer = browser.get("/api/studies", headers={"host": host})
    assert answer.status_code == 403
    assert "not at" in answer.json()["rule"]
    by_program = {"host": host, "authorization": f"Bearer {of.keys.token}", **JSON}
    assert browser.post(ACT, content="{}", headers=by_program).status_code == 403
    assert acts.done == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:9000", "[::1]:80", "127.0.0.1:1"])
def test_our_own_names_are_answered_on_any_port(browser: TestClient, host: str) -> None:
    assert browser.get("/api/studies", headers={"host": host}).status_code == 200


FOREIGN = [
    {"origin": "http://evil.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:3000"},
    {"origin": "http://localhost"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"},
    {"origin": "http://127.0.0.1", "sec-fetch-site": "cross-site"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_page_of_somebody_else_does_and_reads_nothing(
    browser: TestClient, acts: Acts, headers: dict[str, str]
) -> None:
    assert browser.post(ACT, json={}, headers=headers).status_code == 403
    assert browser.get("/api/studies", headers=headers).status_code == 403
    assert acts.done == []


def test_a_page_of_somebody_else_may_link_to_our_pages_alone(browser: TestClient) -> None:
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert browser.get("/", headers=link).status_code == 200
    assert browser.get("/api/studies", headers=link).status_code == 403
    assert browser.get("/", headers=link | {"sec-fetch-dest": "iframe"}).status_code == 403


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", ""]
)
def test_a_form_does_nothing(browser: TestClient, acts: Acts, kind: str) -> None:
    answer = browser.post(ACT, content=b"{}", headers={"origin": "http://127.0.0.1", "content-type": kind})
    assert answer.status_code == 415
    assert acts.done == []


def test_a_browser_that_does_not_say_where_it_is_does_nothing(browser: TestClient, acts: Acts) -> None:
    assert browser.post(ACT, json={}).status_code == 403
    assert acts.done == []


def test_our_own_page_acts_and_so_does_a_program(browser: TestClient, of: Dashboard, acts: Acts) -> None:
    answer = browser.post(ACT, json={}, headers={"origin": "http://127.0.0.1", "sec-fetch-site": "same-origin"})
    assert answer.json() == {"said": "flowers stops"}
    assert browser.post(ACT, json={}, headers={"authorization": f"Bearer {of.keys.token}"}).status_code == 200
    assert acts.done == ["flowers", "flowers"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(browser: TestClient, acts: Acts, method: str) -> None:
    assert browser.request(method, ACT, headers={"origin": "http://127.0.0.1"}).status_code == 405
    assert browser.get(ACT).status_code in (404, 405)
    assert acts.done == []


def test_a_dashboard_that_only_looks_refuses_every_act(of: Dashboard) -> None:
    with served.known(served.dashboard(of.url)) as looking:
        for path in (ACT, "/api/runs/night/turn", "/api/studies/flowers/nothing"):
            answer = looking.post(path, json={}, headers={"origin": "http://127.0.0.1"})
            assert answer.status_code == 403
            assert "--allow-writes" in answer.json()["way_out"]
        assert looking.get("/api/studies").json()["writes"] is False


POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"


@pytest.mark.parametrize("path", ["/", "/bundle/main.js", "/bundle/nothing.js", "/api/studies", "/api/studies/nothing"])
def test_every_answer_has_the_headers(browser: TestClient, path: str) -> None:
    headers = browser.get(path).headers
    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert not [name for name in headers if name.startswith("access-control")]


def test_the_login_page_has_no_script_and_a_policy_of_its_own(stranger: TestClient) -> None:
    answer = stranger.get("/")
    assert "<script" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"  # with no-referrer its form would send Origin: null


TRAVERSALS = [
    "/bundle/../__init__.py",
    "/bundle/..%2f__init__.py",
    "/bundle/%2e%2e/__init__.py",
    "/bundle/vendor/../../page.py",
    "/bundle//etc/passwd",
    "/bundle/%2fetc%2fpasswd",
    "/bundle/..\\page.py",
    "/bundle/main.js%00.css",
    "/bundle/",
    "/bundle/vendor",
    "/bundle/main.js/",
]


@pytest.mark.parametrize("path", TRAVERSALS)
def test_no_path_leads_out_of_the_bundle(browser: TestClient, path: str) -> None:
    answer = browser.get(f"http://127.0.0.1{path}")
    assert answer.status_code in (400, 404)
    assert "root:" not in answer.text


def test_each_refusal_is_one_line_and_the_token_is_in_none(
    stranger: TestClient, of: Dashboard, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    refused = [
        lambda: stranger.get("/api/studies%1b[31m%0aforged"),
        lambda: stranger.get("/", params={FIELD: "wrong"}),
        lambda: stranger.post(PATH, data={FIELD: "wrong"}),
        lambda: stranger.get("/", params={FIELD: of.keys.token}, headers={"host": "evil.example"}),
        lambda: stranger.post(f"{ACT}?{FIELD}={of.keys.token}", headers={"origin": "http://evil.example"}),
    ]
    for ask in refused:
        before = len(_lines(caplog))
        assert ask().status_code == 403
        assert len(_lines(caplog)) == before + 1
    stranger.get("/", params={FIELD: of.keys.token})
    stranger.get("/api/studies", params={FIELD: of.keys.token})
    said = "\n".join(_lines(caplog))
    assert of.keys.token not in said
    assert of.keys.session not in said
    assert "\x1b" not in said
    assert said.count("\n") == len(refused) - 1
    assert of.keys.token not in repr(of)


def _lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines of our own log; httpx, the client of the test, has one too."""
    return [record.getMessage() for record in caplog.records if record.name.startswith(("caviar", "uvicorn"))]
