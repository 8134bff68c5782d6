"""A connection to PostgreSQL that does not wait for ever: one that is silent for too long is closed.

A server that hangs, or a firewall that has forgotten a connection, says nothing: whoever waits in a read would wait for
hours. The operating system ends only what it knows to be cut. So every wait for an answer is limited here. What was
given up may have been written: see Delivery.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from functools import cache
from typing import Any, ClassVar
from weakref import WeakSet

_INTERVAL = 0.1  # seconds between two looks at the clock, and at signals


class _Silent(Exception):
    """The server has not answered in time."""


@cache
def attentive() -> Any:
    """The class of such connections, one of psycopg's, which not every installation has."""
    import psycopg
    from psycopg import waiting

    class Attentive(psycopg.Connection[Any]):
        """``silence`` is the number of seconds for which it waits for the next word of the server."""

        silence = 60.0
        open: ClassVar[WeakSet[Any]] = WeakSet()

        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            Attentive.open.add(self)

        def wait(self, gen: Any, *_: Any, **__: Any) -> Any:
            """See psycopg; where it waits in vain, or is interrupted, the connection is closed."""
            try:
                return waiting.wait(_limited(gen, self), self.pgconn.socket, interval=_INTERVAL)
            except _Silent:
                self.pgconn.finish()
                raise psycopg.OperationalError(
                    f"the server has not answered for {max(self.silence, _INTERVAL):g} s: the connection was given up"
                ) from None
            except psycopg.Error:
                raise
            except BaseException:  # Ctrl-C: nobody knows now whether it was done
                self.pgconn.finish()
                raise

    return Attentive


def _limited(steps: Any, connection: Any) -> Generator[Any, Any, Any]:
    """The ``steps`` of a wait of ``connection``; _Silent where nothing comes for too long."""
    heard = time.monotonic()
    try:
        wanted = next(steps)
        while True:
            ready = yield wanted
            if ready:
                heard = time.monotonic()
            elif time.monotonic() - heard > connection.silence:
                raise _Silent
            wanted = steps.send(ready)
    except StopIteration as end:
        return end.value
