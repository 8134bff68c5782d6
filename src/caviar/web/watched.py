"""One study, one run or the list of all, as it is watched: a thread looks at the store, and all clients share it.

The store is read through a connection that cannot write. A look asks first whether anybody wrote at all, which costs
next to nothing, and reads only then. A thread takes a twentieth of a processor at most: where reading is slow, looks
are rarer. After the first look, for which somebody waits, training goes first on a busy machine.
"""

from __future__ import annotations

import json
import math
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from caviar.errors import CaviarError, StoreAway, StoreError
from caviar.store import Store
from caviar.store.runs import Runs
from caviar.web.changes import Document, Versions

EVERY = 1.0
"""Seconds between two looks."""

_SHARE = 0.05  # of a processor that a thread may take: three pages at 0.1 slowed a study by 2.2 %
_HURRY = 5.0  # seconds after an act in which looks are not spared: what it does is written by and by
_LINGER = 60.0  # seconds for which a subject is kept after its last client: one that comes back gets what is new
_NICE = 10  # of the threads that look: on a busy machine they get a tenth of what a training thread gets
_SOON, _PATIENCE = 0.1, 0.5  # seconds to the next try where a look found no store, and for which that is no trouble
_KEPT = 4  # answers that several clients may ask for

Cursor = tuple[str, int]
Read = Callable[[Store], Document]


@dataclass(frozen=True)
class Subject:
    """The thing that is watched: of kind "studies", "study" or "run", with its name."""

    kind: str
    name: str = ""


class Listener(Protocol):
    """A client that waits for news; called by other threads."""

    def __call__(self) -> None: ...  # noqa: D102 - described by the class


class Watched:
    """A subject with its thread, from ``start`` until nobody has asked for a while, or ``close``."""

    def __init__(self, subject: Subject, store: str, read: Read, every: float = EVERY) -> None:
        """``read`` makes the document from the open store at ``store``."""
        self.subject = subject
        self._url = store
        self._read = read
        self._every = every
        self._origin = secrets.token_hex(4)  # cursors of another watch say nothing of the versions of this one
        self._versions = Versions(subject.kind)
        self._stamp: str | None = None
        self._alive = False
        self._trouble: CaviarError | None = None
        self._gone: StoreError | None = None
        self._looked = threading.Event()
        self._wake = threading.Event()
        self._hurried = -math.inf
        self._closed = False
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()
        self._asked = time.monotonic()
        self._answers: dict[Any, bytes] = {}
        self._thread = threading.Thread(target=self._run, name=f"watch {subject.kind} {subject.name}", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """Look no more; listeners are called once more."""
        self._closed = True
        self._wake.set()

    def poke(self) -> None:
        """Look at once, and often for some seconds: something was written just now, and more of it will be."""
        self._hurried = time.monotonic()
        self._wake.set()

    @property
    def is_over(self) -> bool:
        """True where it looks no more, and is kept for nobody."""
        return self._closed

    @property
    def is_gone(self) -> bool:
        """True where the store has no such study or run."""
        return self._gone is not None

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` at every news, from another thread."""
        with self._lock:
            self._listeners.add(listener)

    def leave(self, listener: Listener) -> None:
        """Call it no more."""
        with self._lock:
            self._listeners.discard(listener)
            self._asked = time.monotonic()

    # --- what clients get ---

    def document(self) -> bytes:
        """The whole document of now as JSON, with its cursor. Raises the error that keeps it from being read."""
        self._looked.wait()
        with self._lock:
            self._asked = time.monotonic()
            if (error := self._gone or self._trouble) is not None:
                raise error
            return self._encoded("document", lambda: {**self._versions.document, "cursor": self._cursor()})

    def news(self, cursor: str | None, reported: bool) -> tuple[str, list[tuple[str, bytes]]]:
        """The cursor of now, and the events since ``cursor`` as (event, JSON); none before the first look.

        ``reported``: this client knows of the trouble that there was.
        """
        if not self._looked.is_set():
            return cursor or "", []
        with self._lock:
            if self._gone is not None:
                return self._cursor(), [("gone", b"{}")]
            if self._trouble is not None:
                said = {"rule": self._trouble.rule, "way_out": self._trouble.way_out}
                return cursor or "", [] if reported else [("trouble", json_bytes(said))]
            events = [("back", b"{}")] if reported else []
            after = self._version_of(cursor)
            if after < self._versions.version:
                events.append(("changes", self._encoded(after, lambda: self._versions.after(after))))
            return self._cursor(), events

    def _encoded(self, key: Any, make: Callable[[], Document]) -> bytes:
        """The JSON of an answer that other clients ask for too."""
        kept = (key, self._versions.version)
        if kept not in self._answers:
            while len(self._answers) >= _KEPT:
                self._answers.pop(next(iter(self._answers)))
            self._answers[kept] = json_bytes(make())
        return self._answers[kept]

    def _cursor(self) -> str:
        return f"{self._origin}-{self._versions.version}"

    def _version_of(self, cursor: str | None) -> int:
        """The version that a client has seen; 0 for none, or for one of another watch."""
        origin, _, version = (cursor or "").partition("-")
        if origin != self._origin or not (version.isascii() and version.isdigit()):
            return 0
        return min(int(version), self._versions.version)

    # --- the thread ---

    def _run(self) -> None:
        store: Store | None = None
        missed: float | None = None
        while not self._closed:
            began, tried = time.thread_time(), time.monotonic()
            try:
                if store is None:
                    store = Store.open(self._url, read_only=True)
                self._look(store)
                missed = None
            except CaviarError as error:
                missed = missed or tried
                if isinstance(error, StoreAway) and time.monotonic() - missed < _PATIENCE:
                    self._wake.wait(_SOON)  # a process that ends takes its log with it, in the middle of a look
                    self._wake.clear()
                    continue
                self._take_trouble(error)
            except Exception as error:  # a damaged row, say: the page shows that, and the others go on
                self._take_trouble(
                    StoreError(f"the store cannot be shown: {error!r:.300}", "caviar doctor looks at it")
                )
            worked = time.thread_time() - began
            if not self._looked.is_set():
                self._looked.set()
                self._call()
                _yield_to_training()  # not before: somebody waits for the first document
                worked = 0.0  # which also takes what is read once in a process
            if time.monotonic() - self._hurried < _HURRY:
                worked = 0.0
            self._wake.wait(max(self._every, worked / _SHARE))
            self._wake.clear()
            with self._lock:
                unwatched = not self._listeners and time.monotonic() - self._asked > _LINGER
            if unwatched or self._gone is not None:
                self._closed = True
        if store is not None:
            store.close()
        self._looked.set()
        self._call()

    def _look(self, store: Store) -> None:
        stamp = store.transactions.database.stamp()
        if self._trouble is None and stamp == self._stamp and self._alive == self._is_alive(store):
            return
        store.transactions.check_version()
        try:
            document = self._read(store)
        except StoreError as error:
            if isinstance(error, StoreAway) or self._is_there(store):
                raise
            with self._lock:
                self._gone = error
            self._call()
            return
        with self._lock:
            was_trouble, self._trouble = self._trouble is not None, None
            changed = self._versions.take(document)
        self._stamp, self._alive = stamp, self._is_alive(store)
        if changed or was_trouble:
            self._call()

    def _is_there(self, store: Store) -> bool:
        if self.subject.kind == "studies":
            return True
        subjects = store.subjects if self.subject.kind == "study" else Runs(store).subjects
        return self.subject.name in subjects.names()

    def _is_alive(self, store: Store) -> bool:
        """True where a process works on it: one that is killed writes nothing about that."""
        if self.subject.kind == "study":
            return bool(store.leases.living(self.subject.name))
        if self.subject.kind == "run":
            return bool(Runs(store).leases.living(self.subject.name))
        return False

    def _take_trouble(self, error: CaviarError) -> None:
        with self._lock:
            before = self._trouble
            self._trouble = error
        if before is None:
            self._call()

    def _call(self) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener()


def _yield_to_training() -> None:
    """Let this thread have what others leave of the processors; on Linux a thread can, elsewhere only a process."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


def json_bytes(value: Any) -> bytes:
    """JSON that every reader takes: a number that is none is null."""
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
    except ValueError:  # a number that is none, in a config of the user's
        return json_bytes(json.loads(json.dumps(value), parse_constant=lambda _: None))
