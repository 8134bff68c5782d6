"""Ctrl-C and SIGTERM: the first asks for an end in good order, the second ends at once."""

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
    """Whether a signal has asked for the end, and which."""

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
    """Within this, signals are noted first and obeyed at once the second time."""
    noted = Ending()
    before = {number: signal.signal(number, noted) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
