"""Networks between two tasks. Those that took long to train are on the disk as well.

A network of a few seconds is sooner trained again, to the same bits, than saved and read back. One that took longer
loses no more than its current rung when the process is killed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, Protocol

from caviar.errors import StoreAway, StoreError
from caviar.learners.contract import State, Training
from caviar.records import TrialKey
from caviar.store import Snapshots
from caviar.store.delivery import Delivery

SAVED_FROM = 2.0  # seconds of training since the last snapshot
ROOM = 2 << 30  # bytes of a study's snapshots


class StateStore(Protocol):
    """Keeps states of trials between tasks, and across the death of the process."""

    trouble: StoreError | None
    """Why nothing is saved any more: training goes on without."""

    def is_due(self, key: TrialKey, seconds: float) -> bool:
        """True for a trial that took ``seconds`` so far and should be saved now."""
        ...

    def save(self, key: TrialKey, epoch: int, state: Mapping[str, Any], seconds: float) -> None:
        """Put a state on the disk; where that fails ``trouble`` says why."""
        ...

    def saved(self, key: TrialKey, at_most_epoch: int) -> State | None:
        """Read the latest whole state, not after that epoch; None without one.

        Raises SnapshotAbsent where it is away, and to begin again would come to other bits.
        """
        ...

    def discard(self, key: TrialKey) -> None:
        """Remove all states of a trial."""
        ...


class SavedStates:
    """A StateStore on the disk, within ``room`` bytes a study."""

    def __init__(
        self,
        snapshots: Snapshots,
        study: str,
        worst_first: Callable[[list[int]], list[int]],
        delivery: Delivery | None = None,
        room: int = ROOM,
        same_bits: bool = True,
    ) -> None:
        """``worst_first`` ranks trials: the snapshots of the worst make room.

        Nothing is saved while the store of ``delivery`` is away. ``same_bits``: a trial that begins again comes to the
        same bits, so it may where its snapshots are away.
        """
        self.trouble: StoreError | None = None
        self._same_bits = same_bits
        self._snapshots = snapshots
        self._study = study
        self._worst_first = worst_first
        self._delivery = delivery
        self._room = room
        self._epochs = {saved.number: saved.epoch for saved in snapshots.of_study(study) if saved.repeat == 0}
        self._seconds: dict[int, float] = {}  # of training at the last snapshot
        self._bytes = snapshots.bytes(study)

    def is_due(self, key: TrialKey, seconds: float) -> bool:
        """See StateStore; repeats are short and have none."""
        trial, repeat = key
        return not repeat and self.trouble is None and seconds - self._seconds.get(trial, 0.0) >= SAVED_FROM

    def save(self, key: TrialKey, epoch: int, state: Mapping[str, Any], seconds: float) -> None:
        """See StateStore."""
        trial, _ = key
        self._seconds[trial] = seconds
        if self._epochs.get(trial, 0) >= epoch or (self._delivery is not None and self._delivery.is_away):
            return
        try:
            with self._briefly():
                self._bytes += self._snapshots.save(self._study, trial, 0, epoch, state).size
                self._epochs[trial] = epoch
                self._make_room()
        except StoreAway:
            pass  # the next one may find it again
        except StoreError as trouble:
            self.trouble = trouble

    def saved(self, key: TrialKey, at_most_epoch: int) -> State | None:
        """See StateStore."""
        trial, repeat = key
        if repeat or trial not in self._epochs:
            return None

        def load() -> tuple[int, Any] | None:
            return self._snapshots.load(self._study, trial, 0, at_most_epoch, pass_absent=self._same_bits)

        if self._delivery is not None and not self._same_bits:
            found = self._delivery.need(load)
        else:
            try:
                found = load()
            except StoreAway:
                return None
        return None if found is None else found[1]

    def discard(self, key: TrialKey) -> None:
        """See StateStore."""
        trial, repeat = key
        if not repeat and self._epochs.pop(trial, None) is not None:
            with suppress(StoreAway), self._briefly():  # the room is counted anew with the next one
                self._snapshots.remove(self._study, trial, 0)

    def _briefly(self) -> AbstractContextManager[None]:
        return nullcontext() if self._delivery is None else self._delivery.briefly()

    def _make_room(self) -> None:
        if self._bytes > self._room:
            order = [(trial, 0) for trial in self._worst_first(list(self._epochs))]
            for trial, _ in self._snapshots.keep_within(self._study, self._room, order):
                self._epochs.pop(trial, None)
            self._bytes = self._snapshots.bytes(self._study)


class Nothing:
    """A StateStore that saves nothing: for finals, which are short, and for helpers, whose owner has the snapshots."""

    trouble: StoreError | None = None

    def is_due(self, key: TrialKey, seconds: float) -> bool:
        """Never."""
        return False

    def save(self, key: TrialKey, epoch: int, state: Mapping[str, Any], seconds: float) -> None:
        """Save nothing."""

    def saved(self, key: TrialKey, at_most_epoch: int) -> State | None:
        """There is none."""
        return None

    def discard(self, key: TrialKey) -> None:
        """There is none."""


class ParkedTrainings:
    """Networks in memory, by trial and repeat; with ``most_bytes`` those used last stay longest."""

    def __init__(self, most_bytes: int | None = None) -> None:
        self._most_bytes = most_bytes
        self._parked: dict[TrialKey, tuple[Training, int]] = {}
        self._bytes = 0

    def __contains__(self, key: object) -> bool:
        return key in self._parked

    def put(self, key: TrialKey, training: Training, n_bytes: int) -> None:
        """Park a network of about ``n_bytes`` bytes."""
        self.take(key)
        self._parked[key] = training, n_bytes
        self._bytes += n_bytes
        while self._most_bytes is not None and self._bytes > self._most_bytes:
            self.take(next(iter(self._parked)))

    def get(self, key: TrialKey) -> Training | None:
        """Look at a network, which stays parked."""
        return self._parked.get(key, (None, 0))[0]

    def take(self, key: TrialKey) -> Training | None:
        """Take a network out; None where it is not here."""
        found = self._parked.pop(key, None)
        if found is None:
            return None
        self._bytes -= found[1]
        return found[0]

    def take_all(self) -> dict[TrialKey, Training]:
        """Take all networks out."""
        return {key: training for key in list(self._parked) if (training := self.take(key)) is not None}
