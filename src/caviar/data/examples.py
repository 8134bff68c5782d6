"""Examples that learners train on and are scored on, of any shape; and the seal of the test part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from caviar.errors import SealBroken


@dataclass(frozen=True, eq=False)
class Examples:
    """Inputs ``x`` (m, ...) float32, C-contiguous; ``y`` (m,) int32 classes, or float32 numbers for regression.

    Where there are several ``targets``, so many, ``y`` are label sets (see label_sets).

    An example has any shape: a row of a table, an image (height, width, channels), a series. ``codes`` are the inputs
    that stand for a text, its place by frequency, each with the count of places (see text_columns.py).
    """

    x: npt.NDArray[np.float32]
    y: npt.NDArray[np.int32] | npt.NDArray[np.float32]
    codes: tuple[tuple[int, int], ...] = ()
    targets: int = 0

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: npt.NDArray[np.int64]) -> Examples:
        """The examples at ``rows`` (k,), in that order."""
        return self._with(self.x[rows], self.y[rows])

    def split(self, rows: int) -> tuple[Examples, Examples]:
        """The first ``rows`` examples and the others, as views."""
        parts = (slice(None, rows), slice(rows, None))
        first, others = (self._with(self.x[part], self.y[part]) for part in parts)
        return first, others

    def _with(self, x: npt.NDArray[np.float32], y: npt.NDArray[Any]) -> Examples:
        """Other rows of the same kind."""
        return replace(self, x=x, y=y)


class Sealed:
    """The test part, which can be opened once.

    No attribute leads to the rows: they live in a closure, and copies of the seal share it.
    """

    __slots__ = ("_take", "rows")

    def __init__(self, examples: Examples) -> None:
        kept = [examples]

        def take() -> Examples:  # a function and not kept.pop, whose __self__ is the list
            return kept.pop()

        self._take: Callable[[], Examples] = take
        self.rows = len(examples)

    def open(self) -> Examples:
        """The test part. Raises SealBroken the second time: a score used to choose a model is no test score."""
        try:
            return self._take()
        except IndexError:
            raise SealBroken(
                f"the test part ({self.rows} rows) may be used once, and it has been",
                "compare on the validation part; for another test, split fresh data",
            ) from None

    def __repr__(self) -> str:
        return f"Sealed({self.rows} rows)"
