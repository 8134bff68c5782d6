"""The addresses of the dashboard: its pages, documents as JSON, streams of events, and acts."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from caviar.errors import CaviarError, StoreAway
from caviar.store import Store
from caviar.web.bundle import INDEX, Bundle
from caviar.web.changes import Document
from caviar.web.docs import Docs, no_such_page
from caviar.web.events import EventStream
from caviar.web.guard import Guard
from caviar.web.hosts import Hosts
from caviar.web.hub import Crowded, Hub, Reads
from caviar.web.keys import Keys
from caviar.web.watched import EVERY, Subject, Watched, json_bytes

LOG = logging.getLogger("caviar.web")

MOST_BODY = 1 << 16
"""Bytes of what a page may send."""

STUDIES = Subject("studies")
_KINDS = {"studies": "study", "runs": "run"}

Act = Callable[[str, Mapping[str, Any]], str]
"""An act on a study or run, by its name and arguments; the sentence that says what was done."""


@dataclass(frozen=True)
class Documents:
    """The functions that make documents from an open store."""

    watched: Reads
    """Of "studies", "study" and "run", by a name."""
    trial: Callable[[Store, str, int], Document]
    """Of one trial of a study."""
    comparison: Callable[[Store, str, str], Document]
    """Of two studies."""


@dataclass(frozen=True)
class Dashboard:
    """The dashboard of the store at ``url``; ``acts`` has the acts that are allowed, by kind and name."""

    url: str
    documents: Documents
    keys: Keys
    hosts: Hosts
    acts: Mapping[tuple[str, str], Act] = field(default_factory=dict)
    words: Callable[[str, str], str] = lambda act, text: text
    """Text of an error of an act in the words of the command of that name."""
    printed: Callable[[str, str], str | None] = lambda kind, name: None
    """The output of the last command that was started on a study or run, if one was."""
    bundle: Bundle = field(default_factory=Bundle)
    docs: Bundle = field(default_factory=Docs)
    every: float = EVERY

    def application(self) -> tuple[ASGIApp, Hub]:
        """The application behind its guard, and what it watches: to be closed when the server ends."""
        reads = {kind: partial(self._with_writes, read) for kind, read in self.documents.watched.items()}
        hub = Hub(self.url, reads, self.every)
        routes = _Routes(self, hub)
        app = Starlette(
            routes=[
                Route("/", routes.page),
                Route("/bundle/{path:path}", routes.file),
                Route("/docs/{path:path}", routes.document),
                Route("/api/studies", routes.studies),
                Route("/api/events", routes.studies_events),
                Route("/api/compare", routes.comparison),
                Route("/api/studies/{name}", routes.study),
                Route("/api/studies/{name}/trials/{number}", routes.trial),
                Route("/api/studies/{name}/events", routes.study_events),
                Route("/api/runs/{name}", routes.run),
                Route("/api/runs/{name}/events", routes.run_events),
                Route("/api/{kind}/{name}/log", routes.log),
                Route("/api/{kind}/{name}/{act}", routes.act, methods=["POST"]),
            ],
            exception_handlers={
                CaviarError: _refused,
                HTTPException: _no_such,
                Exception: _failed,
            },
        )
        return Guard(_Quoted(app), self.keys, self.hosts, writes=bool(self.acts)), hub

    def _with_writes(self, read: Callable[[Store, str], Document], store: Store, name: str) -> Document:
        return {**read(store, name), "writes": bool(self.acts)}


class _Quoted:
    """``app`` with addresses as they were sent, so that a name may have any letter in it, a slash too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = scope.get("raw_path")
        await self._app({**scope, "path": raw.decode("latin-1")} if raw else scope, receive, send)


class _Routes:
    """The answer of each address."""

    def __init__(self, dashboard: Dashboard, hub: Hub) -> None:
        self._dashboard = dashboard
        self._hub = hub

    # --- pages ---

    def page(self, request: Request) -> Response:
        return self._file(request, self._dashboard.bundle, INDEX)

    def file(self, request: Request) -> Response:
        return self._file(request, self._dashboard.bundle, _given(request, "path"))

    def document(self, request: Request) -> Response:
        return self._file(request, self._dashboard.docs, _given(request, "path"))

    def _file(self, request: Request, files: Bundle, path: str) -> Response:
        found = files.file(path)
        if found is None:
            raise HTTPException(404)
        data, kind, tag = found
        headers = {"etag": tag, "cache-control": "no-cache", "content-type": kind}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(data, headers=headers)

    # --- documents ---

    def studies(self, request: Request) -> Response:
        return _document(self._hub.watched(STUDIES))

    def study(self, request: Request) -> Response:
        return _document(self._hub.watched(Subject("study", _given(request, "name"))))

    def run(self, request: Request) -> Response:
        return _document(self._hub.watched(Subject("run", _given(request, "name"))))

    def trial(self, request: Request) -> Response:
        number = _given(request, "number")
        if not (number.isascii() and number.isdigit() and len(number) < 13):
            raise HTTPException(404)
        read = self._dashboard.documents.trial
        return self._once(lambda store: read(store, _given(request, "name"), int(number)))

    def comparison(self, request: Request) -> Response:
        names = request.query_params.getlist("study")
        if len(names) != 2:
            raise HTTPException(404)
        read = self._dashboard.documents.comparison
        return self._once(lambda store: read(store, names[0], names[1]))

    def _once(self, read: Callable[[Store], Document]) -> Response:
        with Store.open(self._dashboard.url, read_only=True) as store:
            return _json(json_bytes(read(store)))

    # --- events ---

    async def studies_events(self, request: Request) -> Response:
        return self._events(request, STUDIES)

    async def study_events(self, request: Request) -> Response:
        return self._events(request, Subject("study", _given(request, "name")))

    async def run_events(self, request: Request) -> Response:
        return self._events(request, Subject("run", _given(request, "name")))

    def _events(self, request: Request, subject: Subject) -> Response:
        cursor = request.headers.get("last-event-id") or request.query_params.get("after")
        watched = self._hub.watched(subject)
        self._hub.open_stream()
        return EventStream(self._hub, watched, cursor)

    # --- acts ---

    def log(self, request: Request) -> Response:
        kind = _KINDS.get(_given(request, "kind"))
        if kind is None:
            raise HTTPException(404)
        return _json(json_bytes({"log": self._dashboard.printed(kind, _given(request, "name"))}))

    async def act(self, request: Request) -> Response:
        kind = _KINDS.get(_given(request, "kind"), "")
        act = self._dashboard.acts.get((kind, _given(request, "act")))
        if act is None:
            raise HTTPException(404)
        arguments, name = await _arguments(request), _given(request, "name")
        try:
            said = await run_in_threadpool(act, name, arguments)
        except CaviarError as error:
            rule, way_out = (
                self._dashboard.words(_given(request, "act"), text) for text in (error.rule, error.way_out)
            )
            return _json(json_bytes({"rule": rule, "way_out": way_out}), 409)
        self._hub.poke(Subject(kind, name), STUDIES)
        return _json(json_bytes({"said": said}))


def _given(request: Request, name: str) -> str:
    """A part of the address."""
    return unquote(str(request.path_params[name]), errors="replace")


def _document(watched: Watched) -> Response:
    try:
        return _json(watched.document())
    except StoreAway:
        raise
    except CaviarError as error:
        return _json(_two_lines(error), 404 if watched.is_gone else 503)


async def _arguments(request: Request) -> Mapping[str, Any]:
    """The JSON object that was sent; nothing where nothing was."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BODY:
            raise HTTPException(413)
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise HTTPException(400) from None
    if not isinstance(found, dict):
        raise HTTPException(400)
    return found


def _json(body: bytes, status: int = 200) -> Response:
    headers = {"retry-after": "5", "connection": "close"} if status == 503 else {}  # room for others
    return Response(body, status, headers, media_type="application/json")


def _two_lines(error: CaviarError) -> bytes:
    return json_bytes({"rule": error.rule, "way_out": error.way_out})


_PLAIN = {
    400: ("what was sent is no JSON object", "send one: {}"),
    404: ("there is nothing at this address", "begin at the first page: /"),
    405: ("this address cannot be asked in that way", "use GET, or POST for acts"),
    413: ("what was sent is too long", f"send at most {MOST_BODY} bytes"),
}


async def _no_such(request: Request, error: Exception) -> Response:
    """Answer an address that is none."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    if status == 404 and "text/html" in request.headers.get("accept", ""):  # a person asks, and not a page
        return Response(no_such_page(), 404, media_type="text/html")
    rule, way_out = _PLAIN.get(status, _PLAIN[404])
    return _json(json_bytes({"rule": rule, "way_out": way_out}), status)


async def _refused(request: Request, error: Exception) -> Response:
    """Answer what the store, or the bounds of the dashboard, refuse."""
    assert isinstance(error, CaviarError)
    return _json(_two_lines(error), 503 if isinstance(error, StoreAway | Crowded) else 404)


async def _failed(request: Request, error: Exception) -> Response:
    """Answer where the dashboard itself is at fault: the log has the traceback."""
    return _json(
        json_bytes({"rule": "the dashboard failed here", "way_out": "its log, in the terminal, says more"}), 500
    )
