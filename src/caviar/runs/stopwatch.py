"""A stopwatch of training: a pause is no time of an epoch."""

from __future__ import annotations

import time


class Stopwatch:
    """Seconds of training; it stands still from ``rest`` to ``go_on``."""

    def __init__(self) -> None:
        self._rested = 0.0
        self._rests_since: float | None = None

    def now(self) -> float:
        """Seconds since some moment, without the rests."""
        return (time.perf_counter() if self._rests_since is None else self._rests_since) - self._rested

    def rest(self) -> None:
        """Stand still."""
        if self._rests_since is None:
            self._rests_since = time.perf_counter()

    def go_on(self) -> None:
        """Go on from where it stands."""
        if self._rests_since is not None:
            self._rested += time.perf_counter() - self._rests_since
            self._rests_since = None
