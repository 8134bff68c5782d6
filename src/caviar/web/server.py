"""The web server: it listens, and ends on Ctrl-C at once, whoever is connected.

Connections are bounded. One that sends no request, or reads nothing of an answer, is closed.
"""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from caviar.errors import ConfigError
from caviar.web.hosts import LOOPBACK
from caviar.web.hub import MOST_STREAMS

DEFAULT_PORT = 8420
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MOST_CONNECTIONS = 2 * MOST_STREAMS
_MOST_REFUSED = 128  # connections beyond these that get an answer
_BACKLOG = 64  # connections taken at once: as many files are opened before any of them can be refused
_LOOK_SECONDS = 10.0  # between two looks at a connection
_UNREAD_LOOKS = 3  # at a client that reads nothing, before it is closed
_IDLE_LOOKS = 1  # at one that asks for nothing, after the first
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\ncontent-type: text/plain\r\n\r\n"
_BUSY += b"This dashboard has too many connections. Close some pages, and try again.\n"


class Protocol(H11Protocol):
    """One connection, one of at most MOST_CONNECTIONS."""

    look_seconds = _LOOK_SECONDS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Refuse one too many; look at the others from time to time."""
        super().connection_made(transport)
        self._unread = self._unread_looks = self._idle_looks = 0
        self._timer: asyncio.TimerHandle | None = None
        self._seen: object = None
        over = len(self.connections) - MOST_CONNECTIONS
        self._is_refused = over > 0
        if over > _MOST_REFUSED:
            transport.abort()
            return
        self._timer = self.loop.call_later(self.look_seconds, self._look)

    def data_received(self, data: bytes) -> None:
        """Take what the client sends; one too many is refused only then, or its answer would be lost on its way."""
        if self._is_refused:
            self.transport.write(_BUSY)
            self.transport.close()
            return
        super().data_received(data)

    def _look(self) -> None:
        """Close a connection whose client sends no request, or reads nothing."""
        unread = self.transport.get_write_buffer_size()
        self._unread_looks = self._unread_looks + 1 if unread and unread >= self._unread else 0
        is_idle = not unread and (self.cycle is None or self.cycle.response_complete)
        self._idle_looks = self._idle_looks + 1 if is_idle and self._seen is self.cycle else 0
        self._unread, self._seen = unread, self.cycle
        if self._unread_looks >= _UNREAD_LOOKS or self._idle_looks >= _IDLE_LOOKS:
            self.transport.abort()
            return
        self._timer = self.loop.call_later(self.look_seconds, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)


class Server(uvicorn.Server):
    """A server that calls ``ending`` when a signal asks for the end; ``ended_by`` is that signal then."""

    def __init__(self, app: ASGIApp, ending: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=Protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                backlog=_BACKLOG,
                timeout_keep_alive=5,
                timeout_graceful_shutdown=2,
            )
        )
        self._ending = ending
        self.ended_by: int | None = None

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Hear the signals that end a command while it serves; what nohup ignores stays ignored."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        heard = [number for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
        before = {number: signal.signal(number, self.handle_exit) for number in heard}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """End: streams first, for they would never end by themselves."""
        self.ended_by = sig
        self._ending()
        super().handle_exit(sig, frame)


def listening(host: str, port: int | None) -> socket.socket:
    """A socket that listens on ``host`` and ``port``; None: the usual port, or any where that is taken. ConfigError."""
    try:
        found = socket.getaddrinfo(host or None, port or 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise ConfigError(
            f"`host` must be a name or an address of this machine, got {host!r}", f"leave it out for {LOOPBACK}"
        ) from None
    family, kind, protocol, _, address = found[0]
    ports = [port] if port is not None else [DEFAULT_PORT, 0]
    for i, each in enumerate(ports):
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((address[0], each, *address[2:]))
            made.listen(128)
        except OSError as error:
            made.close()
            if i + 1 < len(ports):
                continue
            raise _unusable(host, each, error) from None
        made.set_inheritable(False)
        return made
    raise AssertionError  # there is a last port


def _unusable(host: str, port: int, error: OSError) -> ConfigError:
    if error.errno == errno.EADDRINUSE:
        return ConfigError(f"`port` {port} is taken by another program", "leave it out for a free one, or give another")
    if error.errno == errno.EACCES:
        return ConfigError(f"`port` {port} is for the system's own programs", "give one above 1023, or leave it out")
    return ConfigError(
        f"`host` must be a name or an address of this machine, got {host!r} ({error.strerror})",
        f"leave it out for {LOOPBACK}",
    )
