"""Examples that learners train on and are scored on, of any shape; and the seal of the test part.

A text has many inputs, of which one is 1 (see text_columns.py). Kept as they are, a hundred of them would take as much
memory as a hundred numbers; kept here is the number of the one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from caviar.errors import DataError, SealBroken

Floats = npt.NDArray[np.float32]
OneHot = tuple[tuple[int, int], ...]
"""Runs of inputs of which at most one is 1: the first of each, and how many they are. In order."""


@dataclass(frozen=True, eq=False)
class Examples:
    """Inputs ``x`` (m, ...) float32, C-contiguous; ``y`` (m,) int32 classes, or float32 numbers for regression.

    Where there are several ``targets``, so many, ``y`` are label sets (see label_sets).

    An example has any shape: a row of a table, an image (height, width, channels), a series. ``codes`` are the inputs
    that stand for a text, its place by frequency, each with the count of places (see text_columns.py).
    ``cells`` are what is kept: the inputs, but in place of each ``one_hot`` run one number, the place of its 1 in the
    run, or -1 where all are 0.
    """

    cells: Floats
    y: npt.NDArray[np.int32] | Floats
    codes: tuple[tuple[int, int], ...] = ()
    targets: int = 0
    one_hot: OneHot = ()

    def __len__(self) -> int:
        return len(self.y)

    @property
    def x(self) -> Floats:
        """The inputs; where there are ``one_hot`` runs, made anew at each call."""
        return inputs_of(self.cells, self.one_hot)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one example's inputs."""
        whole = self.cells.shape[1:]
        return (whole[0] + sum(n - 1 for _, n in self.one_hot),) if self.one_hot else whole

    @property
    def n_in(self) -> int:
        """The count of an example's inputs, whatever its shape is."""
        return math.prod(self.shape)

    @property
    def flat(self) -> Floats:
        """The cells of each example in a row (m, k), whatever its shape is."""
        return self.cells.reshape(len(self), math.prod(self.cells.shape[1:]))

    @property
    def columns(self) -> InputColumns:
        """The inputs, to look at one by one: all of them together may be large."""
        return InputColumns(self)

    def take(self, rows: npt.NDArray[np.int64]) -> Examples:
        """The examples at ``rows`` (k,), in that order."""
        return self._with(self.cells[rows], self.y[rows])

    def every(self, step: int) -> Examples:
        """The first of each ``step`` examples, as views."""
        return self._with(self.cells[::step], self.y[::step])

    def split(self, rows: int) -> tuple[Examples, Examples]:
        """The first ``rows`` examples and the others, as views."""
        parts = (slice(None, rows), slice(rows, None))
        first, others = (self._with(self.cells[part], self.y[part]) for part in parts)
        return first, others

    def kept_as(self, one_hot: OneHot) -> Examples:
        """The same examples with these ``one_hot`` runs. Raises DataError where more than one input of a run is 1."""
        if self.one_hot == one_hot:
            return self
        return replace(self, cells=cells_for(self.x, one_hot), one_hot=one_hot)

    def _with(self, cells: Floats, y: npt.NDArray[Any]) -> Examples:
        """Other rows of the same kind."""
        return replace(self, cells=cells, y=y)


@dataclass(frozen=True, eq=False)
class InputColumns:
    """The inputs of ``examples``: ``columns[:, j]`` is one of them (m,)."""

    examples: Examples

    @property
    def shape(self) -> tuple[int, int]:
        """The count of examples, and of their inputs."""
        return len(self.examples), self.examples.n_in

    def __getitem__(self, at: tuple[slice, int]) -> Floats:
        rows, j = at
        flat = self.examples.flat[rows]
        for first, last, cell, is_run in cells_of(self.examples.one_hot, flat.shape[1]):
            if first <= j < last:
                return (flat[:, cell] == j - first).astype(np.float32) if is_run else flat[:, cell + j - first]
        raise IndexError(f"there are {self.examples.n_in} inputs, and no input {j}")


def inputs_of(cells: Floats, one_hot: OneHot) -> Floats:
    """The inputs (m, n) of ``cells`` (m, k), as Examples has them; ``cells`` themselves without ``one_hot`` runs."""
    if not one_hot:
        return cells
    x = np.zeros((len(cells), cells.shape[1] + sum(n - 1 for _, n in one_hot)), dtype=np.float32)
    for first, last, at, is_run in cells_of(one_hot, cells.shape[1]):
        if is_run:
            code = cells[:, at].astype(np.intp)
            rows = np.flatnonzero(code >= 0)
            x[rows, first + code[rows]] = 1.0
        else:
            x[:, first:last] = cells[:, at : at + last - first]
    return x


def cells_for(x: Floats, one_hot: OneHot) -> Floats:
    """The inverse of ``inputs_of``. Raises DataError where a run of ``x`` (m, n) is not one 1 among zeros, or zeros."""
    cells = np.empty((len(x), x.shape[1] - sum(n - 1 for _, n in one_hot)), dtype=np.float32)
    for first, last, at, is_run in cells_of(one_hot, cells.shape[1]):
        run = x[:, first:last]
        if not is_run:
            cells[:, at : at + last - first] = run
            continue
        cells[:, at] = np.where(run.any(axis=1), run.argmax(axis=1), -1)
        if not (((run == 0) | (run == 1)).all() and (run.sum(axis=1) <= 1).all()):
            raise DataError(
                f"of the inputs {first} to {last - 1} at most one may be 1, and the others 0",
                "prepare the rows as those of training were",
            )
    return cells


def cells_of(one_hot: OneHot, k: int) -> Iterator[tuple[int, int, int, bool]]:
    """Runs of inputs that ``k`` cells of an example stand for: the first, the one after the last, the first cell.

    The last entry is True for a run that one cell stands for.
    """
    at = begun = 0
    for first, n in one_hot:
        if first > begun:
            yield begun, first, at, False
        at += first - begun
        yield first, first + n, at, True
        at, begun = at + 1, first + n
    if at < k:
        yield begun, begun + k - at, at, False


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
