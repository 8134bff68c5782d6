"""A stream of server-sent events for one client: what is new of a subject since the client's cursor.

Nothing is kept for a client but its cursor. One that reads slowly gets fewer and larger events; while its connection
takes no more, nothing is made for it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import anyio.to_thread
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from caviar.web.hub import Hub
from caviar.web.watched import Watched

BEAT_SECONDS = 15.0
"""Seconds of silence after which a comment is sent: so it is noticed when a client is gone."""

_RETRY = b"retry: 2000\n\n"
_BEAT = b": still here\n\n"
_HEADERS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")]


class EventStream(Response):
    """The answer: the events of ``watched`` after ``cursor``. It is one of the streams of ``hub``: see open_stream."""

    def __init__(self, hub: Hub, watched: Watched, cursor: str | None) -> None:
        super().__init__()
        self._hub = hub
        self._watched = watched
        self._cursor = cursor
        self._reported = False  # of trouble

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until the client leaves, the subject is gone, or the server ends."""
        news = asyncio.Event()
        loop = asyncio.get_running_loop()

        def listener() -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(news.set)

        self._watched.listen(listener)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            tasks = {loop.create_task(self._send(send, news)), loop.create_task(_left(receive))}
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            for task in done:
                task.result()
        finally:
            self._watched.leave(listener)
            self._hub.close_stream()

    async def _send(self, send: Send, news: asyncio.Event) -> None:
        async def write(text: bytes, more: bool = True) -> None:
            await send({"type": "http.response.body", "body": text, "more_body": more})

        await write(_RETRY)
        while not self._hub.closed:
            news.clear()
            over = self._watched.is_over
            cursor, events = await anyio.to_thread.run_sync(self._watched.news, self._cursor, self._reported)
            for event, data in events:
                await write(_event(event, data, cursor if event == "changes" else ""))
                self._reported = event == "trouble"
            self._cursor = cursor
            if over or any(event == "gone" for event, _ in events):
                break
            try:
                await asyncio.wait_for(news.wait(), BEAT_SECONDS)
            except TimeoutError:
                await write(_BEAT)
        await write(b"", more=False)


def _event(event: str, data: bytes, cursor: str) -> bytes:
    head = f"id: {cursor}\n" if cursor else ""
    return f"{head}event: {event}\ndata: ".encode() + data + b"\n\n"


async def _left(receive: Any) -> None:
    """Wait until the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
