"""Signals that end a command: Ctrl-C, SIGTERM, and SIGHUP of a terminal that is closed.

The first one ends the work in good order, the second at once. While data are read there is nothing to save, and the
first is enough. Python runs a handler between two steps of its own: a thread ends the process where compiled code, such
as a reader of tables, does not return for seconds. From when there is something to save, nothing is cut off like that.
"""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PATIENCE = 4.0  # seconds until Python must have run the handler
_SHOW_CURSOR = b"\x1b[?25h\n"


def end_at_once(number: int, frame: FrameType | None) -> None:
    """The handler while there is nothing to save: a traceback of imports would say nothing to anybody."""
    os._exit(128 + number)


def hear_interrupts() -> None:
    """Let Ctrl-C be KeyboardInterrupt again: a command begins."""
    if signal.getsignal(signal.SIGINT) is end_at_once:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class Ended(BaseException):
    """A signal ended the command in good order; ``status`` is its exit status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Ending:
    """A signal that asked for the end, if one has, and its exit status."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.status = 130
        self.saves = False
        """True from when there is something to save."""
        self.terminal = _Terminal()

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """The signal handler."""
        if number == signal.SIGHUP:
            self.terminal.is_gone()
        if self.asked.is_set() or not self.saves:
            self.asked.set()
            raise Ended(128 + number)
        self.status = 128 + number
        self.asked.set()


class _Terminal:
    """The terminal, as it was before anything was drawn."""

    def __init__(self) -> None:
        self._descriptors = [descriptor for descriptor in (0, 1, 2) if os.isatty(descriptor)]
        self._input: list[Any] | None = None
        if 0 in self._descriptors:
            import termios

            with suppress(termios.error):
                self._input = termios.tcgetattr(0)

    def is_gone(self) -> None:
        """Read and write nothing any more where the terminal was: each such try would be an error."""
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in self._descriptors:
            os.dup2(nothing, descriptor)
        os.close(nothing)

    def restore(self) -> None:
        """Let it echo and show its cursor again."""
        if self._input is not None:
            import termios

            with suppress(termios.error):
                termios.tcsetattr(0, termios.TCSANOW, self._input)
        for descriptor in self._descriptors:
            if descriptor:
                with suppress(OSError):
                    os.write(descriptor, _SHOW_CURSOR)
                return


def terminal_is_gone() -> bool:
    """True where input or output is a terminal that was closed."""
    import termios

    for descriptor in (0, 1, 2):
        try:
            termios.tcgetattr(descriptor)
        except termios.error as error:  # of what is no terminal it is ENOTTY
            if error.args[0] == errno.EIO:
                return True
    return False


@contextmanager
def ending() -> Iterator[Ending]:
    """Within this, the first signal asks for a good end, the second ends at once. What nohup ignores stays ignored."""
    noted = Ending()
    heard = [number for number in _SIGNALS if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, noted) for number in heard}
    source, sink = os.pipe()
    os.set_blocking(sink, False)
    woken_before = signal.set_wakeup_fd(sink, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(source, noted, frozenset(heard)), daemon=True).start()
    try:
        yield noted
    finally:
        signal.set_wakeup_fd(woken_before)
        os.close(sink)
        for number, handler in before.items():
            signal.signal(number, handler)


def _watch(source: int, noted: Ending, heard: frozenset[int]) -> None:
    """End the process for a signal that is not handled in time while data are read; it arrives at ``source``."""
    while number := os.read(source, 1):
        if number[0] in heard and not noted.saves and not noted.asked.wait(_PATIENCE):
            noted.terminal.restore()
            os._exit(128 + number[0])
    os.close(source)
