"""A cable between a test and a server that can be cut: what is sent then is taken, and goes nowhere."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Self


class Cable:
    """A port of this machine that leads to the socket of a PostgreSQL server: ``with Cable(url) as cable: ...``.

    While it is cut, connections stay open, and new ones are accepted, as behind a firewall that has forgotten them.
    """

    def __init__(self, url: str, host: str = "127.0.0.1") -> None:
        server, _, folder = url.partition("?host=")
        before, _, database = server.rpartition("/")
        self._to = f"{folder}/.s.PGSQL.5432"
        self._cut = threading.Event()
        self._watched: bytes | None = None
        self.broken = threading.Event()
        """Set where an answer was lost, see ``lose_answer``: until ``mend``, connections end at once."""
        self._sockets: list[socket.socket] = []
        self._listening = socket.create_server((host, 0))
        self.url = f"{before}{host}:{self._listening.getsockname()[1]}/{database}"
        """The address of a database by way of this cable."""

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._listening, *self._sockets):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def cut(self) -> None:
        """Let nothing through any more, neither on open connections nor on new ones."""
        self._cut.set()

    def mend(self) -> None:
        """Let new connections through; those that were cut stay dead."""
        self._cut = threading.Event()
        self.broken.clear()

    def lose_answer(self, statement: bytes) -> None:
        """Break a connection once the server has done the COMMIT of ``statement``, and before anybody hears of it."""
        self._watched = statement

    def _accept(self) -> None:
        while True:
            try:
                here, _ = self._listening.accept()
            except OSError:  # closed
                return
            self._sockets.append(here)
            if self.broken.is_set():
                here.close()
                continue
            cut = self._cut
            if cut.is_set():
                continue
            there = socket.socket(socket.AF_UNIX)
            there.connect(self._to)
            self._sockets.append(there)
            committing = threading.Event()
            for source, sink in ((here, there), (there, here)):
                arguments = (source, sink, cut, committing, sink is here)
                threading.Thread(target=self._forward, args=arguments, daemon=True).start()

    def _forward(
        self,
        source: socket.socket,
        sink: socket.socket,
        cut: threading.Event,
        committing: threading.Event,
        answers: bool,
    ) -> None:
        is_watched = False
        with suppress(OSError):
            while data := source.recv(65536):
                if cut.is_set():
                    continue
                if answers and committing.is_set():  # the server has done it
                    self.broken.set()
                    for end in (source, sink):
                        end.shutdown(socket.SHUT_RDWR)
                    return
                if not answers and self._watched is not None:
                    is_watched = is_watched or self._watched in data
                    if is_watched and b"COMMIT" in data:
                        self._watched = None
                        committing.set()
                sink.sendall(data)
            if not cut.is_set():
                sink.shutdown(socket.SHUT_WR)
