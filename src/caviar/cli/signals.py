"""Ctrl-C and SIGTERM: the first signal ends the work in good order, the second at once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType


class Ended(BaseException):
    """A signal ended the command in good order; ``status`` is its exit status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Ending:
    """A signal that asked for the end, if one has, and its exit status."""

    def __init__(self) -> None:
        self.asked = Event()
        self.status = 130

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """The signal handler."""
        if self.asked.is_set():
            raise Ended(128 + number)
        self.status = 128 + number
        self.asked.set()


@contextmanager
def ending() -> Iterator[Ending]:
    """Within this, the first signal is noted, and the second ends the command at once."""
    noted = Ending()
    before = {number: signal.signal(number, noted) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
