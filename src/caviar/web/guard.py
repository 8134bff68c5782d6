"""The guard of the dashboard: every request passes it, and it writes a line on each that it refuses.

In this order: the Host must be ours; the request must not come from a page of somebody else; it needs the token or the
session; what writes must be allowed, from our own page or with the token in a header, and JSON. The token never stands
in the log: neither the query of an address nor a header is written there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, urlencode

from caviar.files import dumps
from caviar.records.names import visible
from caviar.web.hosts import Hosts
from caviar.web.keys import Keys
from caviar.web.login import FIELD, MOST_BYTES, PATH, POLICY, login_page

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOG = logging.getLogger("caviar.web")

API = "/api/"
_READS = ("GET", "HEAD")
_FORM_SECONDS = 10.0  # for a form to arrive
_POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
# A form sends its Origin only where its page may say where it came from, if only to its own server.
_OF_LOGIN = {"content-security-policy": POLICY, "referrer-policy": "same-origin"}


@dataclass(frozen=True)
class Refusal:
    """A request that is not answered: the status, and the two lines for whoever sent it."""

    status: int
    rule: str
    way_out: str
    login: bool = False
    """True where the token is what is missing."""


_NO_TOKEN = Refusal(
    403,
    "this dashboard needs its token",
    "open the address that caviar dashboard has printed, or send the token as Authorization: Bearer TOKEN",
    login=True,
)
_WRONG_TOKEN = Refusal(
    403, "that is not the token of this dashboard", "each start of caviar dashboard prints a new one", login=True
)


@dataclass(frozen=True)
class Guard:
    """The ASGI application ``app`` behind the guard."""

    app: App
    keys: Keys
    hosts: Hosts
    writes: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            return
        request = _Request(scope)
        found = self._refusal(request)
        if found is not None:
            await _refuse(request, found, send)
        elif request.path == PATH:
            await self._log_in(request, receive, send)
        elif (token := request.token) is not None and not request.is_api:
            await self._exchange(request, token, send)
        else:
            await self.app(scope, receive, _with_headers(send))

    def _refusal(self, request: _Request) -> Refusal | None:
        """The reason why ``request`` is not let through, if there is one."""
        header = request.headers
        if not self.hosts.allow(header.get("host", "")):
            return Refusal(
                403,
                f"this dashboard is not at {visible(header.get('host', ''))[:100]!r}",
                "open the address that caviar dashboard has printed",
            )
        if request.is_foreign:
            return Refusal(403, "the request comes from a page of somebody else", "open the dashboard's own address")
        if request.path == PATH:
            return None if request.method == "POST" else _NO_TOKEN
        if not self._is_known(request):
            return _NO_TOKEN if request.token is None and request.bearer is None else _WRONG_TOKEN
        if request.method in _READS:
            return None
        return self._refusal_to_write(request)

    def _is_known(self, request: _Request) -> bool:
        """True for a request with the token, or with the session that was given for it."""
        for given in (request.bearer, request.token):
            if given is not None:
                return self.keys.is_token(given)
        return self.keys.has_session(request.headers.get("cookie", ""))

    def _refusal_to_write(self, request: _Request) -> Refusal | None:
        if request.method != "POST" or not request.is_api:
            return Refusal(405, f"{request.method} is no method of this address", "use GET, or POST below /api/")
        if "origin" not in request.headers and request.bearer is None:
            return Refusal(
                403,
                "the request does not say which page sends it",
                "send the token as Authorization: Bearer TOKEN",
            )
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return Refusal(415, "what is sent must be JSON", "send Content-Type: application/json")
        if not self.writes:
            return Refusal(403, "this dashboard only looks", "start it with caviar dashboard --allow-writes")
        return None

    async def _log_in(self, request: _Request, receive: Receive, send: Send) -> None:
        try:
            body = await asyncio.wait_for(_body(receive), _FORM_SECONDS)
        except TimeoutError:
            body = b""
        sent = parse_qs(body.decode("utf-8", "replace")).get(FIELD, [""])[0].strip()
        if not self.keys.is_token(sent):
            await _refuse(request, _WRONG_TOKEN, send)
            return
        await _answer(send, 303, b"", {"location": "/", "set-cookie": self.keys.set_cookie})

    async def _exchange(self, request: _Request, token: str, send: Send) -> None:
        """Give the session for the token of an address, and lead to the same address without it.

        A browser that was led here by a link of another page sends no strict cookie before the next page of ours: that
        page loads itself again.
        """
        rest = [(name, value) for name, value in parse_qsl(request.query) if name != FIELD]
        clean = "/" + request.path.lstrip("/") + (f"?{urlencode(rest)}" if rest else "")
        headers = {"set-cookie": self.keys.set_cookie}
        if request.headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
            await _answer(send, 303, b"", {"location": _quoted(clean), **headers})
        else:
            headers |= {"refresh": f"0; url={_quoted(clean)}", "content-type": "text/plain; charset=utf-8"}
            await _answer(send, 200, b"one moment", headers)


class _Request:
    """The parts of a request that the guard looks at."""

    def __init__(self, scope: Scope) -> None:
        self.method = str(scope["method"])
        self.path = str(scope["path"])
        self.query = bytes(scope["query_string"]).decode("latin-1")
        self.headers: dict[str, str] = {
            bytes(name).decode("latin-1").lower(): bytes(value).decode("latin-1") for name, value in scope["headers"]
        }
        self.client = str((scope.get("client") or ("?",))[0])

    @property
    def is_api(self) -> bool:
        return self.path.startswith(API)

    @property
    def token(self) -> str | None:
        """The token in the address, if there is one."""
        return parse_qs(self.query, keep_blank_values=True).get(FIELD, [None])[0]

    @property
    def bearer(self) -> str | None:
        """The token in a header, which no page of somebody else can send."""
        kind, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if kind.lower() == "bearer" else None

    @property
    def is_foreign(self) -> bool:
        """True where a page of another origin sent it; a link there may lead to our pages."""
        origin, host = self.headers.get("origin"), self.headers.get("host", "")
        if origin is not None and origin.lower() not in (f"http://{host.lower()}", f"https://{host.lower()}"):
            return True
        if self.headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
            return False
        is_link = self.headers.get("sec-fetch-mode") == "navigate" and self.method in _READS
        return not (is_link and self.headers.get("sec-fetch-dest") == "document" and not self.is_api)


async def _refuse(request: _Request, found: Refusal, send: Send) -> None:
    LOG.warning(
        "refused %s %s from %s: %s",
        visible(request.method)[:20],
        visible(request.path)[:200],
        request.client,
        found.rule,
    )
    if found.login and not request.is_api:
        said = found.rule if found is _WRONG_TOKEN else ""
        body = login_page(said)
        await _answer(send, found.status, body, {"content-type": "text/html; charset=utf-8", **_OF_LOGIN})
        return
    body = dumps({"rule": found.rule, "way_out": found.way_out}).encode()
    await _answer(send, found.status, body, {"content-type": "application/json"})


async def _answer(send: Send, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    """Send a whole answer, and end the connection of one that refuses: what it still sends is not read."""
    full = {**_HEADERS, "content-length": str(len(body)), **headers}
    if status >= 400:
        full["connection"] = "close"
    await send({"type": "http.response.start", "status": status, "headers": _raw(full)})
    await send({"type": "http.response.body", "body": body})


def _with_headers(send: Send) -> Send:
    """``send`` that adds the headers of every answer, where the answer has none of that name."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {bytes(name).lower() for name, _ in message.get("headers", [])}
            more = [(name, value) for name, value in _raw(_HEADERS) if name not in own]
            message = {**message, "headers": [*message.get("headers", []), *more]}
        await send(message)

    return sending


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


def _quoted(address: str) -> str:
    """An address for a header: no letter of it can end the header."""
    return quote(address, safe="/?&=%")


async def _body(receive: Receive) -> bytes:
    """The beginning of a form, as long as a token can be."""
    body = b""
    while len(body) <= MOST_BYTES:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] != "http.request" or not message.get("more_body", False):
            break
    return body[:MOST_BYTES]
