"""The entry point of the `caviar` command, which hears Ctrl-C before it imports anything that takes a moment."""

from __future__ import annotations

import signal

from caviar.cli.signals import end_at_once


def main() -> None:
    """Run the command line of this process, and end it."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # what nohup ignores stays ignored
        signal.signal(signal.SIGINT, end_at_once)
    from caviar.cli.main import main as begin  # not before: it takes a moment

    begin()
