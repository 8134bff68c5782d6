"""The epochs of a run, and the best of them at any time, without looking at all of them after each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, overload

Values = Mapping[str, Any]
"""Measured values of an epoch, by name."""

Loss = Callable[[Values], float]
"""A number by which epochs are compared; the smaller is the better, and NaN is none."""


def train_loss(values: Values) -> float:
    """The loss of an epoch's mini-batches."""
    return float(values["train_loss"])


def validation_loss(values: Values) -> float:
    """The loss on the validation part."""
    return float(values["validation_loss"])


class Epochs(Sequence[Values]):
    """Epochs, oldest first; they come and go at the end alone."""

    def __init__(self, epochs: Iterable[Values] = ()) -> None:
        self._epochs = list(epochs)
        self._best: dict[Loss, list[int]] = {}  # the place of the best of the first 1, 2, ... epochs

    @overload
    def __getitem__(self, place: int) -> Values: ...
    @overload
    def __getitem__(self, place: slice) -> list[Values]: ...
    def __getitem__(self, place: int | slice) -> Values | list[Values]:
        return self._epochs[place]

    def __len__(self) -> int:
        return len(self._epochs)

    def append(self, values: Values) -> None:
        """Add an epoch."""
        self._epochs.append(values)

    def pop(self) -> None:
        """Remove the last epoch."""
        self._epochs.pop()
        for best in self._best.values():
            del best[len(self._epochs) :]

    def best(self, loss: Loss, first: int | None = None) -> int | None:
        """Index of the best of the first ``first`` epochs, of all by default; None where none was measured.

        Of equals it is the first.
        """
        best = self._best.setdefault(loss, [])
        for place in range(len(best), len(self._epochs)):
            before = best[-1] if best else place
            best.append(place if _number(loss, self[place]) < _number(loss, self[before]) else before)
        until = len(self._epochs) if first is None else first
        return best[until - 1] if until and math.isfinite(_number(loss, self[best[until - 1]])) else None

    def lowest(self, loss: Loss, first: int | None = None) -> float:
        """Loss of the best of the first ``first`` epochs, of all by default; infinity where none was measured."""
        place = self.best(loss, first)
        return math.inf if place is None else loss(self[place])


def _number(loss: Loss, values: Values) -> float:
    """A loss that can be compared."""
    found = loss(values)
    return found if math.isfinite(found) else math.inf
