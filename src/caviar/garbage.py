"""No search for garbage where none can be."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def no_collection() -> Iterator[None]:
    """No search for garbage while a million objects are made that are none: it would take longer than making them."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def setting_aside() -> Iterator[Callable[[], None]]:
    """Gives what sets aside all objects that there are when it is called: no search for garbage looks at them.

    At its end all are looked at again, so that nobody's garbage stays for good.
    """
    try:
        yield gc.freeze
    finally:
        gc.unfreeze()
