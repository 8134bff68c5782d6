"""Clients that mean no good, on sockets: connections are bounded, and who sends or reads nothing is let go."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from caviar.errors import ConfigError
from caviar.store import Store
from caviar.web import server
from caviar.web.app import Documents
from caviar.web.server import listening
from tests.waiting import LIMIT, until
from tests.web import served
from tests.web.served import Served, serving

LARGE = 1 << 22


@pytest.fixture
def url(tmp_path: Path) -> str:
    path = str(tmp_path / "caviar.db")
    Store.open(path).close()
    return path


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.Protocol, "look_seconds", 0.1)


def always_new(store: Store, name: str) -> dict[str, Any]:
    return {"studies": [], "text": os.urandom(LARGE // 2).hex()}


def connect(of: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", of.port), timeout=LIMIT)


def ask(of: Served, path: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{of.port}", f"Authorization: Bearer {of.keys.token}"]
    return "\r\n".join([*lines, "", ""]).encode()


def closed(connection: socket.socket) -> bool:
    """True once the other side has closed the connection; what it sent before is read."""
    try:
        while connection.recv(1 << 20):
            pass
    except ConnectionResetError:
        pass
    return True


def is_served(of: Served) -> bool:
    headers = {"authorization": f"Bearer {of.keys.token}"}
    try:
        answer = httpx.get(f"http://127.0.0.1:{of.port}/api/studies", headers=headers, timeout=LIMIT)
    except httpx.HTTPError:
        return False
    return answer.status_code == 200


def test_connections_are_bounded_and_one_too_many_is_refused_in_words(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 8)
    with serving(url) as of, ExitStack() as opened:
        connections = [opened.enter_context(connect(of)) for _ in range(8)]
        for one in connections:  # an answer says that the server has it
            one.sendall(ask(of, "/api/events"))
            assert one.recv(12) == b"HTTP/1.1 200"
        for _ in range(50):
            with connect(of) as one_too_many:
                one_too_many.sendall(ask(of, "/api/studies"))
                answer = b""
                while part := one_too_many.recv(1 << 16):
                    answer += part
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert b"too many connections" in answer
        for one in connections:
            one.close()
        until(lambda: is_served(of))


def test_a_client_that_never_reads_is_let_go_and_others_are_served(url: str, quick: None) -> None:
    documents = Documents({"studies": always_new}, served.trial, served.comparison)
    with serving(url, documents=documents, every=0.01) as of, socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.settimeout(LIMIT)
        deaf.connect(("127.0.0.1", of.port))
        deaf.sendall(ask(of, "/api/events"))
        with Store.open(url) as store:
            until(lambda: _wrote(store) and _is_let_go(of, deaf))
        assert closed(deaf)
        assert is_served(of)


def _wrote(store: Store) -> bool:
    with store.transactions.writing() as connection:
        connection.exec_driver_sql("UPDATE meta SET identity = identity")
    return True


def _is_let_go(of: Served, deaf: socket.socket) -> bool:
    """True once the server has aborted the connection: then the client's has an error to fetch, or an end."""
    deaf.setblocking(False)
    try:
        deaf.send(b"\r\n")
        return False
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        deaf.settimeout(LIMIT)


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "])
def test_one_that_asks_for_nothing_is_let_go(url: str, quick: None, sent: bytes) -> None:
    with serving(url) as of, connect(of) as idle:
        idle.sendall(sent)
        assert closed(idle)


def test_a_stream_that_is_silent_stays(url: str, quick: None) -> None:
    with serving(url) as of, connect(of) as stream, connect(of) as idle:
        stream.sendall(ask(of, "/api/events"))
        assert stream.recv(12) == b"HTTP/1.1 200"
        assert closed(idle)
        assert closed_by_look(of)
        stream.setblocking(False)
        try:
            while stream.recv(1 << 16):
                pass
            raise AssertionError("it was closed")
        except BlockingIOError:
            pass


def closed_by_look(of: Served) -> bool:
    """True once a connection that came later was closed for its silence."""
    with connect(of) as later:
        return closed(later)


GARBAGE = [
    b"\0" * 100,
    b"GET / HTTP/9\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 20_000,
    b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_is_refused(url: str, garbage: bytes) -> None:
    with serving(url) as of:
        with connect(of) as one:
            try:
                one.sendall(garbage)
                answer = one.recv(1 << 16)
            except ConnectionError:
                answer = b""
        assert answer[:12] in (b"", b"HTTP/1.1 400", b"HTTP/1.1 403")
        assert is_served(of)


def test_a_usual_port_that_is_taken_makes_way_for_any() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        with pytest.raises(ConfigError):
            listening("127.0.0.1", taken)
        before, server.DEFAULT_PORT = server.DEFAULT_PORT, taken
        try:
            with listening("127.0.0.1", None) as found:
                assert found.getsockname()[1] not in (0, taken)
        finally:
            server.DEFAULT_PORT = before
