"""All that is watched at the moment, and the bounds of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial

from caviar.errors import UserMistake
from caviar.store import Store
from caviar.web.changes import Document
from caviar.web.watched import EVERY, Subject, Watched

MOST_SUBJECTS = 32
"""Studies and runs that are watched at once: each has a thread and a connection to the store."""

MOST_STREAMS = 256
"""Streams of events that are open at once."""

Reads = Mapping[str, Callable[[Store, str], Document]]
"""The function that makes the document of each kind of subject, from the open store and a name."""


class Crowded(UserMistake):
    """More is open than the dashboard serves at once."""


class Hub:
    """The subjects that clients look at, each with the one thread that looks at the store for all of them."""

    def __init__(self, store: str, reads: Reads, every: float = EVERY) -> None:
        self._store = store
        self._reads = reads
        self._every = every
        self._watched: dict[Subject, Watched] = {}
        self._lock = threading.Lock()
        self._streams = 0
        self.closed = False
        """True once the server ends."""

    def watched(self, subject: Subject) -> Watched:
        """The watch of ``subject``, begun where there is none. Raises Crowded."""
        with self._lock:
            found = self._watched.get(subject)
            if found is not None and not found.is_over:
                return found
            self._watched = {each: watched for each, watched in self._watched.items() if not watched.is_over}
            if len(self._watched) >= MOST_SUBJECTS:
                raise Crowded(
                    f"{MOST_SUBJECTS} studies and runs are looked at already", "close some pages, and try again"
                )
            read = partial(_read, self._reads[subject.kind], subject.name)
            made = self._watched[subject] = Watched(subject, self._store, read, self._every)
            made.start()
            return made

    def poke(self, *subjects: Subject) -> None:
        """Have these looked at at once, where anybody looks at them: something was written just now."""
        with self._lock:
            found = [self._watched[subject] for subject in subjects if subject in self._watched]
        for watched in found:
            watched.poke()

    def open_stream(self) -> None:
        """Count one more of the streams that may be open. Raises Crowded."""
        with self._lock:
            if self._streams >= MOST_STREAMS:
                raise Crowded(f"{MOST_STREAMS} pages are open already", "close some of them, and try again")
            self._streams += 1

    def close_stream(self) -> None:
        """Count one less."""
        with self._lock:
            self._streams -= 1

    def close(self) -> None:
        """Let all threads and streams end."""
        self.closed = True
        with self._lock:
            found = list(self._watched.values())
        for watched in found:
            watched.close()


def _read(read: Callable[[Store, str], Document], name: str, store: Store) -> Document:
    return read(store, name)
