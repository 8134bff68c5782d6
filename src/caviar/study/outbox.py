"""The outbox of a study: what the store does not have yet, written a batch at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from caviar.records import (
    Box,
    Comparison,
    Measurement,
    StudyProgress,
    StudyResult,
    StudyState,
    Trial,
    TrialKey,
    TrialState,
)
from caviar.store import Store
from caviar.store.delivery import Delivery

WRITE_EVERY = 0.5  # seconds: the most that a kill can lose

_WITHOUT_END = (TrialState.RUNNING, TrialState.INTERRUPTED)


class Outbox:
    """Changes of one study on their way to the store."""

    def __init__(self, store: Store, delivery: Delivery, stored: Mapping[TrialKey, Trial]) -> None:
        """``delivery`` is the way to ``store``; ``stored`` are the trials that it has already."""
        self.progress: StudyProgress | None = None
        """The last one; it goes with the next batch."""
        self._store = store
        self._delivery = delivery
        self._stored = dict(stored)
        self._changed: dict[TrialKey, Trial] = {}
        self._measurements: list[tuple[int, int, Measurement]] = []
        self._comparisons: list[tuple[int, int, Comparison]] = []
        self._boxes: list[Box] = []
        self._times: dict[TrialKey, tuple[float | None, float | None]] = {}
        self._written = time.monotonic()

    def put(self, trial: Trial) -> None:
        """Write ``trial`` with the next batch, unless the store has it like that.

        One that was trained further before its study was broken off keeps that, until it is there again.
        """
        key = trial.number, trial.repeat
        stored = self._stored.get(key)
        if stored is not None and stored.epochs > trial.epochs and trial.state in _WITHOUT_END:
            trial = trial._replace(epochs=stored.epochs, score=stored.score, validation_loss=stored.validation_loss)
        if stored is not None and stored.state is trial.state and stored == trial:
            self._changed.pop(key, None)
            return
        before = self._changed.get(key, stored)
        if before is None:
            self._times[key] = (time.time(), None)
        if trial.state is not TrialState.RUNNING and (before is None or before.state is TrialState.RUNNING):
            self._times[key] = (self._times.get(key, (None, None))[0], time.time())
        self._changed[key] = trial

    def has(self, trial: Trial) -> None:
        """Take note that another process has written ``trial``."""
        self._stored[trial.number, trial.repeat] = trial

    def measured(self, key: TrialKey, measurements: Iterable[Measurement]) -> None:
        """Write ``measurements`` of a trial with the next batch."""
        self._measurements += [(*key, measurement) for measurement in measurements]

    def compared(self, key: TrialKey, comparison: Comparison) -> None:
        """Write a ``comparison`` of a trial with the next batch."""
        self._comparisons.append((*key, comparison))

    def opened(self, boxes: Sequence[Box]) -> None:
        """Write ``boxes`` with the next batch."""
        self._boxes += boxes

    def write(self) -> None:
        """Write what is new, in one transaction; a sign of life where there is nothing.

        Where the store cannot be reached it waits, see Delivery.
        """
        if self._changed or self._measurements or self._comparisons or self._boxes:
            batch = {
                "trials": list(self._changed.values()),
                "measurements": self._measurements,
                "boxes": self._boxes,
                "comparisons": self._comparisons,
                "progress": None if self.progress is None else self.progress.to_record(),
                "at": self._times,
            }
            self._times = {}
            self._stored |= self._changed
            self._changed, self._measurements, self._comparisons, self._boxes = {}, [], [], []
            self._delivery.write(**batch)  # last: what it raises does not say that it has not taken them
        else:
            self._delivery.beat()
        self._written = time.monotonic()

    def write_now_and_then(self) -> None:
        """Write if the last time was half a second ago."""
        if time.monotonic() - self._written >= WRITE_EVERY:
            self.write()

    def close(self, state: StudyState, result: StudyResult | None, hurry: Callable[[], bool] = lambda: False) -> None:
        """Write all that is left, and how the study ended. StoreLost where the store could not be reached."""
        lease = self._delivery.lease

        def finish() -> None:
            self._store.finish_study(lease.name, state, result, datetime.now(UTC).isoformat(), lease)
            self._store.leases.leave(lease)

        try:
            self.write()
        finally:
            self._delivery.close(finish, hurry)
