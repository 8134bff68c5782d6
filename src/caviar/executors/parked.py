"""Networks that wait for a decision or for a thread; those that took long to train lie on the disk as well.

A network of a few seconds is sooner trained again, to the same bits, than saved and read back. One that took longer
loses no more than the rung it is on when the process is killed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from caviar.errors import StoreError
from caviar.learners.contract import State, Training

if TYPE_CHECKING:
    from caviar.store import Snapshots

SAVED_FROM = 2.0  # seconds of training
ROOM = 2 << 30  # bytes of a study's snapshots


class ParkedTrainings:
    """The networks of one study between two pieces of work, by trial number."""

    def __init__(self, snapshots: Snapshots, study: str, room: int = ROOM) -> None:
        self.trouble: StoreError | None = None
        """Why nothing is saved any more: the study goes on without."""
        self._snapshots = snapshots
        self._study = study
        self._room = room
        self._here: dict[int, Training] = {}
        self._saved = {saved.number: saved.epoch for saved in snapshots.of_study(study) if saved.repeat == 0}
        self._bytes = snapshots.bytes(study)

    def put(self, number: int, training: Training, seconds: float) -> None:
        """Keep a network that took ``seconds`` to train so far."""
        self._here[number] = training
        if seconds >= SAVED_FROM and self.trouble is None and self._saved.get(number, 0) < training.epoch:
            self.save(number, training.epoch, training.state())

    def save(self, number: int, epoch: int, state: State) -> None:
        """Put the ``state`` of a network on the disk; where that cannot be, ``trouble`` says why."""
        try:
            saved = self._snapshots.save(self._study, number, 0, epoch, state)
        except StoreError as trouble:
            self.trouble = trouble
            return
        self._saved[number] = epoch
        self._bytes += saved.size

    def __contains__(self, number: object) -> bool:
        return number in self._here

    def take(self, number: int) -> Training:
        """The network, which is then no longer here."""
        return self._here.pop(number)

    def here(self) -> Mapping[int, Training]:
        """Those that are waiting now."""
        return self._here

    def saved(self, number: int, at_most_epoch: int) -> State | None:
        """The latest state on the disk, not after that epoch; None if there is none that is whole."""
        if number not in self._saved:
            return None
        found = self._snapshots.load(self._study, number, 0, at_most_epoch)
        return None if found is None else found[1]

    def discard(self, number: int) -> Training | None:
        """The trial is over: nothing of it is kept; its network, if it is here."""
        if self._saved.pop(number, None) is not None:
            self._snapshots.remove(self._study, number, 0)
        return self._here.pop(number, None)

    def make_room(self, worst_first: Callable[[list[int]], list[int]]) -> None:
        """Remove snapshots, those of the worst trials first, until the rest fits the room."""
        if self._bytes > self._room:
            order = [(number, 0) for number in worst_first(list(self._saved))]
            for number, _ in self._snapshots.keep_within(self._study, self._room, order):
                self._saved.pop(number, None)
            self._bytes = self._snapshots.bytes(self._study)
