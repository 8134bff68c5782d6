"""The way of results to the store: in order, each exactly once, also where the store is away for minutes.

A process that trains owns a Delivery for its lease. A thread of its own does all transactions but those of snapshots,
so that training does not wait for a database that is locked, full, restarted or behind a cable that was cut. It also
beats while nothing is to be written. What cannot be written waits, and is tried again after a pause that doubles. A
transaction whose end is unknown, because the connection broke in it, is looked up by the lease's count of beats: it
counts every transaction.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from caviar.errors import Fenced, StoreAway, StoreLost
from caviar.records import Lease, LeaseState
from caviar.records.names import visible
from caviar.store import waiting
from caviar.store.database import Database
from caviar.store.lease import Leases, give_up
from caviar.store.waiting import Batch, Waiting

STORE_PATIENCE = 300.0
"""Seconds for which training goes on without its store, if nobody says otherwise."""

_BEAT_EVERY = 2.0  # seconds between signs of life where nothing is written: an epoch may take hours
_GRACE = 3.0  # seconds that a caller waits for its transaction before it goes on without
_LOCK = 1.0  # seconds that a transaction waits for the lock of another process, before it is tried again
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 3.0  # seconds between two attempts; others take a lease for lost after ten
_LEAST = 1.0  # seconds in which what waits is to be delivered at the end, however long the store was away

T = TypeVar("T")
Otherwise = TypeVar("Otherwise")


@dataclass(slots=True)
class _Question:
    """A transaction with an answer. One that ``stays`` is asked again until it is answered."""

    ask: Callable[[], Any]
    stays: bool
    answer: Any = None
    error: BaseException | None = None
    is_over: bool = False
    is_answered: bool = False
    was_tried: bool = False


@dataclass(slots=True)
class _Away:
    """The time since when the store cannot be reached, and why."""

    why: StoreAway | None
    since: float = field(default_factory=time.monotonic)
    clock: str = field(default_factory=lambda: time.strftime("%H:%M"))


class Delivery:
    """Writes to the store for one lease; every method is for any thread but its own."""

    def __init__(
        self, leases: Leases, lease: Lease, write: Callable[..., None], patience: float = STORE_PATIENCE
    ) -> None:
        """``write`` does one transaction in the name of ``lease``, with the arguments that ``self.write`` is given."""
        self._leases = leases
        self.lease = lease
        """All is written in its name."""
        self._write = write
        self.patience = patience
        """Seconds without the store after which a write raises StoreLost."""
        self._transactions = leases.subjects.transactions
        self._kept = waiting.KeptFile(waiting.places(self._transactions.database), lease.token)
        self._waiting = Waiting()
        self._head: Batch | None = None  # under way
        self._unsure = False  # True where the head may have been written
        self._beats: int | None = None  # of the lease in the store; None while unknown
        self._least = 0  # beats with the last batch that the store has: where there are fewer, it is an older copy
        self._changes = self._transactions.database.changes
        self._torn = False  # True where a transaction of a broken connection may beat late
        self._questions: deque[_Question] = deque()
        self._away: _Away | None = None
        self._pause = _FIRST_PAUSE
        self._error: BaseException | None = None
        self._ended = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    # --- for those who train ---

    @property
    def note(self) -> str:
        """A sentence for people while the store is away; empty while it is there."""
        with self._changed:
            if self._away is None:
                return ""
            n = self._results()
            held = "" if not n else f", {n:,} result{' waits' if n == 1 else 's wait'}"
            return f"the store cannot be reached since {self._away.clock}: trying again{held}"

    @property
    def is_away(self) -> bool:
        """True while the store cannot be reached."""
        return self._away is not None

    def briefly(self) -> AbstractContextManager[None]:
        """Let transactions of the calling thread wait no longer for a lock than those of this one."""
        return self._transactions.waiting_at_most(_LOCK)

    @property
    def is_behind(self) -> bool:
        """True while something waits to be written."""
        return self._head is not None or bool(self._waiting)

    def beat(self) -> None:
        """Begin to give signs of life, and raise what went wrong since the last call."""
        with self._entered():
            self._check()

    def write(self, **batch: Any) -> None:
        """Write ``batch``, one transaction, as soon as the store can be reached.

        Returns when it is written, or when it waits. Raises Fenced, or another StoreError of a transaction before, and
        StoreLost when the patience is over.
        """
        with self._entered():
            was_behind = self.is_behind
            self._waiting.add(batch)
            self._changed.notify_all()
            if not was_behind and self._away is None and not self._wait(lambda: not self.is_behind, _GRACE):
                self._does_not_answer()
            self._check()

    def ask(self, question: Callable[[], T], otherwise: Otherwise) -> T | Otherwise:
        """The answer of ``question``, one transaction; ``otherwise`` while the store is away or does not answer."""
        with self._entered():
            self._check()
            if self._away is not None:
                return otherwise
            asked = _Question(question, stays=False)
            self._put(asked)
            if not self._wait(lambda: asked.is_over, _GRACE):
                asked.is_over = True
                self._does_not_answer()
            self._check()
        if asked.error is not None:
            raise asked.error
        return asked.answer if asked.is_answered else otherwise

    def need(self, question: Callable[[], T]) -> T:
        """The answer of ``question``, whenever the store can be reached. StoreLost when the patience is over."""
        asked = _Question(question, stays=True)
        with self._entered():
            self._put(asked)
            while not asked.is_over:
                self._check()
                self._changed.wait(0.2)
        if asked.error is not None:
            raise asked.error
        answer: T = asked.answer
        return answer

    def close(self, last: Callable[[], None], hurry: Callable[[], bool] = lambda: False) -> None:
        """Write what waits, do ``last``, a transaction, and end. In a ``hurry`` a store that is away is not waited for.

        Raises StoreLost where the store could not be reached; what waited is kept in a file then, which the next owner
        of the study or run takes up.
        """
        asked = _Question(last, stays=True)
        with self._entered():
            if self._ended:
                self._check()
                return
            self._put(asked)
            if not hurry():
                away = 0.0 if self._away is None else time.monotonic() - self._away.since
                most = max(self.patience - away, _LEAST)
                self._wait(lambda: asked.is_over or hurry(), most, also_away=False)
            if hurry() and self._wait(lambda: asked.is_over or self._away is not None, _GRACE):
                self._wait(lambda: asked.is_over, _LEAST, also_away=False)
            self._ended = True
            self._changed.notify_all()
        _let_end(self._thread, self._transactions.database, hurry())
        if self._error is not None:
            raise self._error
        with self._changed:
            if not asked.is_over:
                give_up(self.lease)
                self._error = self._lost()
                self._waiting.close()
                raise self._error
            self._kept.remove()
        if asked.error is not None:
            raise asked.error

    @contextmanager
    def _entered(self) -> Iterator[None]:
        """The lock, with the thread at work; StoreError in a fork, which has no such thread and none of its locks."""
        self._transactions.check_process()
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="caviar-heart", daemon=True)
                self._thread.start()
            yield

    # --- with the lock held ---

    def _put(self, question: _Question) -> None:
        self._questions.append(question)
        self._changed.notify_all()

    def _wait(self, done: Callable[[], bool], seconds: float, also_away: bool = True) -> bool:
        """Wait until ``done``; also until the store is known to be away, which is no silence."""

        def over() -> bool:
            return done() or self._error is not None or (also_away and self._away is not None)

        return self._changed.wait_for(over, min(seconds, threading.TIMEOUT_MAX))

    def _does_not_answer(self) -> None:
        self._away = self._away or _Away(None)

    def _check(self) -> None:
        """Raise what went wrong, and StoreLost when the patience is over."""
        if self._error is not None:
            raise self._error
        if self._away is not None and time.monotonic() - self._away.since > self.patience:
            raise self._lost()

    def _results(self) -> int:
        return self._waiting.results + (0 if self._head is None else waiting.results_in(self._head))

    def _lost(self) -> StoreLost:
        """The error when the patience is over; what waits is kept in a file, and named."""
        with self._changed:
            kept: Path | StoreAway | None
            try:
                kept = self._keep()
            except StoreAway as error:
                kept = error
            return _lost(self._leases, self.lease, self._away, self._results(), kept)

    def _keep(self) -> Path | None:
        beats = self._beats if self._unsure else None
        head = {"kind": self._leases.subjects.kind, "fence": self.lease.fence, "beats": beats, "least": self._least}
        lines = [] if self._head is None else [waiting.line_of(self._head)]
        return self._kept.write(head, [*lines, *self._waiting.lines()])

    # --- in the thread ---

    def _run(self) -> None:
        with self._transactions.waiting_at_most(_LOCK):
            while self._is_wanted():
                try:
                    self._turn()
                except StoreAway as away:
                    self._went_away(away)
                except BaseException as error:  # those who train raise it
                    with self._changed:
                        self._error = error
                        for asked in self._questions:
                            asked.error, asked.is_over = error, True
                        self._changed.notify_all()
                    return
                else:
                    self._is_back()

    def _is_wanted(self) -> bool:
        """Wait until there is something to do; False where there is nothing any more."""
        with self._changed:
            pause, over = _BEAT_EVERY, lambda: self._ended or self.is_behind or bool(self._questions)
            if self._away is not None and self._pause > _FIRST_PAUSE:
                pause, over = self._pause, lambda: self._ended
            self._changed.wait_for(over, pause)
            return not (self._ended or self._transactions.closed.is_set())

    def _turn(self) -> None:
        """Do one transaction: write what waits, or else ask what is asked, or else give a sign of life."""
        with self._changed:
            if self._head is None and self._waiting and not self._ended:
                self._head = self._waiting.take()
            head = self._head
            asked = None if head is not None or not self._questions else self._questions[0]
        self._check_copy()
        if asked is not None:
            self._answer(asked)
            return
        if head is None:
            before, self._beats = self._beats, None
            self._leases.beat(self.lease)
            self._beats = None if before is None else before + 1
            return
        if self._beats is None:
            self._beats, self._torn = _beats(self._leases, self.lease, settled=self._torn), False
        # Where the connection broke in it, it may be written already.
        if not (self._unsure and _beats(self._leases, self.lease, settled=True) == self._beats + 1):
            with self._changed:
                if self._ended:
                    return  # it is in the file
                self._unsure = True
            self._write(**head)
        with self._changed:
            self._head, self._unsure, self._beats = None, False, self._beats + 1
            self._least = self._beats
            if not self._ended:  # else the file has the rest, and the count of beats
                self._kept.remove()

    def _check_copy(self) -> None:
        if (changes := self._transactions.database.changes) != self._changes:
            beats = _beats_of_copy(self._leases, self.lease, self._least)
            if not self._unsure or beats != (self._beats or 0) + 1:
                self._beats = beats  # signs of life may be lost
            self._changes = changes

    def _answer(self, asked: _Question) -> None:
        self._beats = None  # a question may be a beat too
        try:
            if not asked.is_over:
                asked.answer = asked.ask()
                asked.is_answered = True
        except StoreAway:
            asked.was_tried = True
            if not asked.stays:
                self._drop(asked)
            raise
        except Fenced as error:
            # Where the connection broke in it, the lease may be left already.
            if not (asked.was_tried and _stored(self._leases, self.lease).state is LeaseState.LEFT):
                asked.error = error
        except BaseException as error:
            asked.error = error
        self._drop(asked)

    def _drop(self, asked: _Question) -> None:
        with self._changed:
            asked.is_over = True
            self._questions.remove(asked)
            self._changed.notify_all()

    def _went_away(self, away: StoreAway) -> None:
        if away.reconnect:
            self._transactions.database.disconnect()
        self._torn = True
        with self._changed:
            self._away = self._away or _Away(None)
            self._away.why = away
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            for asked in [asked for asked in self._questions if not asked.stays]:
                asked.is_over = True
                self._questions.remove(asked)
            self._changed.notify_all()

    def _is_back(self) -> None:
        with self._changed:
            self._away, self._pause = None, _FIRST_PAUSE
            self._changed.notify_all()


def _lost(leases: Leases, lease: Lease, away: _Away | None, n: int, kept: Path | StoreAway | None) -> StoreLost:
    """The error of a process that gave up; its ``n`` results are ``kept`` in a file, or that is why they could not."""
    kind, name, why = leases.subjects.kind, visible(lease.name), None if away is None else away.why
    since = "" if away is None else f" since {away.clock}"
    because = "" if why is None else f" ({why.rule})"
    url = leases.subjects.transactions.database.url
    rule = f"the store {url} cannot be reached{since}, and this process gave up{because}"
    way_out = f"{kind} {name!r} goes on from what the store has: caviar resume {name}"
    if lease.is_helper:
        way_out = f"study {name!r} goes on without this helper; to help again: caviar work {name}"
    first = "" if why is None else f"{why.way_out}; "
    if isinstance(kept, StoreAway):
        return StoreLost(rule, f"{first}{kept.rule}; {way_out}")
    if kept is not None:
        results = "1 result is" if n == 1 else f"{n:,} results are"
        way_out = f"{results} kept in {str(kept)!r}, and caviar resume {name} takes up what is there"
    return StoreLost(rule, first + way_out)


def _let_end(thread: threading.Thread | None, database: Database, hurry: bool) -> None:
    """Let the last attempt, which is under way, get through; where it does not, it is broken off."""
    if thread is None:
        return
    thread.join(_LOCK / 2 if hurry else 2 * _LOCK)
    if thread.is_alive():
        database.disconnect()
        thread.join(_LOCK / 4)


def _stored(leases: Leases, lease: Lease) -> Lease:
    """``lease`` as the store has it."""
    return next((one for one in leases.of(lease.name) if one.fence == lease.fence), replace(lease, beats=-1))


def _beats(leases: Leases, lease: Lease, settled: bool) -> int:
    """The beats in the store; once no transaction of a broken connection is under way there any more if ``settled``."""
    if settled:
        with leases.subjects.writing(lease.name):
            pass
    return _stored(leases, lease).beats


def _beats_of_copy(leases: Leases, lease: Lease, least: int) -> int:
    """The beats in a copy that took the store's place; StoreAway where a batch is not in it that was written."""
    subjects, name = leases.subjects, lease.name
    beats = _stored(leases, lease).beats if name in subjects.names() else -1
    if beats < least:
        raise StoreAway(
            f"an older copy took the place of the store {subjects.transactions.database.url} while it was in use: it "
            f"lacks what was written to {subjects.kind} {visible(name)!r} since",
            "put the store's own file back, if it is still somewhere",
        )
    return beats
