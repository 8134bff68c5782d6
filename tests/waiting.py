"""Waiting for another thread or process."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from typing import Any

LIMIT = 600.0
"""Seconds after which a test that waits has failed: far more than a loaded machine needs."""


def until(true: Callable[[], Any], failed: Callable[[], BaseException | None] = lambda: None) -> None:
    """Wait for ``true``; raise TimeoutError after LIMIT, and AssertionError once ``failed`` gives an error."""
    end = time.monotonic() + LIMIT
    while not true():
        if (error := failed()) is not None:
            raise AssertionError(f"it ended before this came true: {inspect.getsource(true).strip()}") from error
        if time.monotonic() > end:
            raise TimeoutError(f"this did not come true in {LIMIT:.0f} s: {inspect.getsource(true).strip()}")
        time.sleep(0.02)
