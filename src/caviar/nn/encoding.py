"""The encoding of numbers before the first layer: robust scaling, or a spread over bins.

Notation
    m, n     rows; inputs as they came
    x        (m, n) the inputs, standardised;  x_j one of them (m,)
    q        (3,) the quartiles of x_j over the training rows
    b        (T + 1,) the edges of T bins of x_j, in rising order

robust       f((x_j - q_2) / (q_3 - q_1)) with f(u) = u / sqrt(1 + (u / 3)^2), which bends what lies far out towards
             +-3. Where the quartiles are equal, twice the distance from the median over the range.
bins         piecewise-linear: T numbers e_1 .. e_T, e_t = (x_j - b_{t-1}) / (b_t - b_{t-1}), cut to [0, 1]; but e_1 is
             not cut below and e_T not above, where both go on in a line. The first layer can then bend what it makes
             of a number at every edge.

The edges are quantiles of the training rows, or those of a small decision tree on x_j alone that predicts the target:
it has its edges where the target changes. An input with two values or fewer stays as it is: a category, or a constant.
An input that stands for a text becomes some numbers of that text, whatever the kind (see text_statistics.py).

Sources: Gorishniy, Rubachev and Babenko, On embeddings for numerical features in tabular deep learning, 2022, section
3.2 (bins, by quantiles and by trees); Holzmueller, Grinsztajn and Steinwart, Better by default: strong pre-tuned MLPs
and boosted trees on tabular data, 2024, section 3 (robust scaling and smooth clipping).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from caviar.errors import ConfigError
from caviar.nn.text_statistics import MOST_CLASSES, TextTable, learn_table, of_training
from caviar.nn.tree_edges import tree_edges

ENCODINGS = ("standard", "robust", "quantile_bins", "tree_bins")
CLIPPED_AT = 3.0
MOST_INPUTS = 1024
"""Inputs of the first layer: where bins would make more of them, every number gets fewer."""

_TREE_ROWS = 10_000  # of which the edges of a tree are learned: more change little
_STEEPEST = 1e6  # a factor of robust scaling: numbers that are closer together differ by rounding
_SMALLEST_LEAF = 16  # rows of a tree's leaf: an edge that fewer ask for is noise


@dataclass(frozen=True)
class Encoding:
    """The learned encoding of n inputs; without ``columns`` they stay as they are.

    ``columns`` has of each input: nothing where it stays as it is; the median and the factor of robust scaling; or the
    edges of its bins, three or more. ``texts`` are the tables of the inputs that stand for texts.
    """

    columns: tuple[tuple[float, ...], ...] = ()
    texts: tuple[TextTable, ...] = ()

    def __post_init__(self) -> None:
        for j, numbers in enumerate(self.columns):
            rises = len(numbers) < 3 or bool((np.diff(np.array(numbers, dtype=np.float32)) > 0).all())
            if len(numbers) == 1 or (len(numbers) == 2 and not 0 < numbers[1] < math.inf) or not rises:
                raise ConfigError(
                    f"an encoding must have rising edges or a factor above 0, got {numbers} for column {j}",
                    "learn it again",
                )

    def __bool__(self) -> bool:
        """False where all inputs stay as they are."""
        return bool(self.columns or self.texts)

    def width(self, n_in: int) -> int:
        """Inputs of the first layer, for ``n_in`` inputs that came."""
        return (self._of_columns if self.columns else n_in) + sum(table.width - 1 for table in self.texts)

    def runs(self, n_in: int) -> Iterator[tuple[int, int, TextTable | tuple[float, ...] | None]]:
        """Runs of the ``n_in`` inputs, each with its first and the one after its last, and what is made of it.

        That is None for inputs that stay as they are; every other is a run of its own.
        """
        begun = 0
        for j, how in self._changed:
            if j > begun:
                yield begun, j, None
            yield j, j + 1, how
            begun = j + 1
        if n_in > begun:
            yield begun, n_in, None

    @cached_property
    def _changed(self) -> tuple[tuple[int, TextTable | tuple[float, ...]], ...]:
        """The inputs that do not stay as they are, in order."""
        found: dict[int, TextTable | tuple[float, ...]] = {j: how for j, how in enumerate(self.columns) if len(how) > 1}
        return tuple(
            sorted((found | {table.column: table for table in self.texts}).items(), key=lambda entry: entry[0])
        )

    @cached_property
    def _of_columns(self) -> int:
        """Inputs of the first layer that the columns make, if each text made one."""
        return sum(max(len(numbers) - 1, 1) for numbers in self.columns)


AS_THEY_ARE = Encoding()


class Columns(Protocol):
    """Inputs (m, n) that are looked at a column at a time, by ``x[:, j]``: an array, or what is not kept as one."""

    @property
    def shape(self) -> tuple[int, ...]: ...  # noqa: D102 - (m, n)
    def __getitem__(self, at: tuple[slice, int], /) -> npt.NDArray[Any]: ...


def encode(encoding: Encoding, x: npt.NDArray[Any], texts: npt.NDArray[Any] | None = None) -> npt.NDArray[Any]:
    """``x`` (m, n) encoded: (m, encoding.width(n)), of the same type; ``x`` itself where there is nothing to do.

    ``texts`` (m, k) are the numbers of all texts beside each other, those of ``texts_of`` without it.
    """
    if not encoding:
        return x
    texts = texts_of(encoding, x) if texts is None else texts
    out = np.empty((len(x), encoding.width(x.shape[1])), dtype=x.dtype)
    at, text = 0, 0
    for first, last, how in encoding.runs(x.shape[1]):
        if how is None:
            width = last - first
            out[:, at : at + width] = x[:, first:last]
        elif isinstance(how, TextTable):
            width = how.width
            out[:, at : at + width] = texts[:, text : text + width]
            text += width
        elif len(how) == 2:
            width, (median, scale) = 1, how
            out[:, at] = _smoothly_clipped((x[:, first] - median) * scale)
        else:
            edges = np.array(how, dtype=x.dtype)  # (T + 1,)
            width = len(edges) - 1
            e = (x[:, first] - edges[:-1, None]) / (edges[1:] - edges[:-1])[:, None]  # (T, m): long rows are quicker
            np.maximum(e[1:], 0.0, out=e[1:])
            np.minimum(e[:-1], 1.0, out=e[:-1])
            out[:, at : at + width] = e.T
        at += width
    return out


def texts_of(encoding: Encoding, x: Columns, y: npt.NDArray[Any] | None = None) -> npt.NDArray[Any]:
    """The numbers (m, k) of all texts of the rows ``x`` (m, n), in the order of their columns, of the same type.

    With targets ``y`` they are the rows that the encoding was learned from, and none sees its own.
    """
    columns = [
        table.look_up(x[:, table.column]) if y is None else of_training(table, x[:, table.column], y)
        for table in sorted(encoding.texts, key=lambda table: table.column)
    ]
    return np.ascontiguousarray(np.concatenate(columns, axis=1)) if columns else np.empty((x.shape[0], 0), np.float32)


def learn(kind: str, bins: int, x: Columns, y: npt.NDArray[Any], codes: tuple[tuple[int, int], ...] = ()) -> Encoding:
    """The encoding of ``kind`` for inputs like ``x`` (m, n) with targets ``y`` (m,), those of the training rows.

    ``codes`` are the inputs that stand for texts, each with the count of its codes. y is (m, K) where there are K
    targets: their bits (see label_sets).
    """
    if not x.shape[0]:
        return AS_THEY_ARE
    each = min(MOST_CLASSES, MOST_INPUTS // max(len(codes), 1))
    texts = tuple(learn_table(j, count, x[:, j], y, each) for j, count in codes)
    if kind == "standard":
        return Encoding((), texts)
    of_text = {table.column for table in texts}
    many = [j for j in range(x.shape[1]) if j not in of_text and _is_number(x[:, j])]
    if kind == "robust":
        columns = {j: _robust(x[:, j]) for j in many}
    else:
        plain = x.shape[1] - len(many) + sum(table.width - 1 for table in texts)
        room = MOST_INPUTS - plain
        bins = min(bins, room // max(len(many), 1))
        edges = _quantiles if kind == "quantile_bins" else _leaves
        columns = {j: edges(x[:, j], y, bins) if bins >= 2 else () for j in many}
    return Encoding(tuple(columns.get(j, ()) for j in range(x.shape[1])) if any(columns.values()) else (), texts)


def _is_number(x: npt.NDArray[Any]) -> bool:
    """True for an input (m,) with three values or more."""
    low, high = x.min(), x.max()
    return bool(np.isfinite(low) and np.isfinite(high)) and not ((x == low) | (x == high)).all()


def _smoothly_clipped(u: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """f(u) = u / sqrt(1 + (u / 3)^2)."""
    return u / np.sqrt(1 + (u / CLIPPED_AT) ** 2)


def _robust(x: npt.NDArray[Any]) -> tuple[float, ...]:
    """The median of an input, and the factor that its distance is multiplied by."""
    q = np.quantile(x.astype(np.float64), [0.25, 0.5, 0.75])
    spread = q[2] - q[0]
    scale = 1 / spread if spread > 0 else 2 / (float(x.max()) - float(x.min()))
    return (float(q[1]), float(scale)) if scale < _STEEPEST else ()


def _quantiles(x: npt.NDArray[Any], y: npt.NDArray[Any], bins: int) -> tuple[float, ...]:
    """The edges of ``bins`` bins with equally many rows each; fewer where values repeat."""
    return _rising(np.quantile(x, np.linspace(0, 1, bins + 1)).astype(np.float64))


def _leaves(x: npt.NDArray[Any], y: npt.NDArray[Any], bins: int) -> tuple[float, ...]:
    """The edges of the leaves of a tree that predicts ``y`` (m,) from this input alone."""
    step = max(1, len(x) // _TREE_ROWS)  # evenly: the rows of a part are in no order
    some, target = x[::step].astype(np.float32, copy=False), y[::step]
    inner = tree_edges(some, target, bins, min(_SMALLEST_LEAF, max(len(some) // 4, 1)))
    return _rising(np.concatenate([[x.min()], inner, [x.max()]]).astype(np.float64))


def _rising(edges: npt.NDArray[np.float64]) -> tuple[float, ...]:
    """``edges`` without those that repeat in float32; none where fewer than two bins are left."""
    edges = np.unique(edges.astype(np.float32)).astype(np.float64)
    return tuple(edges.tolist()) if len(edges) > 2 else ()
