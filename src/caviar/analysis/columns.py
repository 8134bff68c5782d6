"""Importance of a table's columns: by how much the score falls where a column is shuffled over rows not trained on.

Notation
    fall    the score of the network less that with the shuffled column, above 0 where the column helped
    part    a network and rows that it has not seen: a fold of the finals, or the validation part
    block   columns that are shuffled together

The work is bounded by counts. Where there are more columns than shuffles to spend, blocks of them are shuffled
together; the block with the largest fall a column is split in two, again and again, until the work is done. So a column
that matters is found among thousands that do not, and where all matter alike some of them are measured nevertheless.
Columns that were never shuffled alone have no importance of their own.

Source: Breiman, Random forests, 2001.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from caviar.data.column_inputs import ColumnInputs
from caviar.data.examples import Examples
from caviar.learners.contract import Predictor
from caviar.learners.scoring import Scoring, outputs_of
from caviar.randomness import UInt64, generator
from caviar.records.metrics import smaller_is_better

_SHUFFLES = 3  # of a column in each part, the mean of which is taken
_ROWS = 2_000  # of all parts together, at most
_FEWEST_ROWS = 300
_WORK = 3e9  # multiplications of all predictions: some tenths of a second
_CALLS = 3_000  # predictions


@dataclass(frozen=True, eq=False)
class Part:
    """A network, and rows that it has not seen."""

    predictor: Predictor
    rows: Examples


def importances(
    columns: Sequence[ColumnInputs],
    parts: Sequence[Part],
    parameters: int,
    scoring: Scoring,
    metric: str,
    key: UInt64,
    share: float = 1.0,
) -> dict[str, float]:
    """The importance of each of ``columns`` that there was work for, by name, in the units of ``metric``.

    parameters: of a network, which is what a prediction of one row costs. share: that of the usual work.
    """
    parts = [part for part in parts if scoring.undefined(metric, part.rows.y) is None]
    if not parts or not columns:
        return {}
    stream = generator(key)
    sign = -1.0 if smaller_is_better(metric) else 1.0
    calls, rows = _CALLS * share / len(parts), min(sum(len(part.rows) for part in parts), _ROWS)

    def affordable(rows: int) -> float:
        """The predictions of every part that can be made with so many rows in all."""
        return min(calls, _WORK * share / (rows * parameters))

    while affordable(rows) < len(columns) and rows > _FEWEST_ROWS:
        rows = max(rows // 2, _FEWEST_ROWS)
    shuffles = int(min(max(affordable(rows) // len(columns), 1), _SHUFFLES))
    drawn = [_drawn(part, max(rows // len(parts), 1), stream) for part in parts]
    drawn = [part for part in drawn if scoring.undefined(metric, part.rows.y) is None]
    weights = np.array([len(part.rows) for part in drawn], dtype=np.float64)
    whole = [_score(part, part.rows.x, scoring, metric) for part in drawn]

    def fall(block: Sequence[ColumnInputs]) -> float:
        inputs = np.concatenate([column.inputs for column in block])
        falls = []
        for part, score in zip(drawn, whole, strict=True):
            shuffled = [_score(part, _shuffled(part, inputs, stream), scoring, metric) for _ in range(shuffles)]
            falls.append(sign * (score - float(np.mean(shuffled))))
        return float(np.average(falls, weights=weights))

    if not drawn:
        return {}
    return _by_blocks(columns, fall, max(int(affordable(rows) / shuffles), 2))


def _by_blocks(
    columns: Sequence[ColumnInputs], fall: Callable[[Sequence[ColumnInputs]], float], most: int
) -> dict[str, float]:
    """The fall of each column alone, as far as ``most`` falls reach."""
    begun = len(columns) if len(columns) <= most else max(most // 4, 1)
    edges = [len(columns) * i // begun for i in range(begun + 1)]
    blocks: list[tuple[float, int, int]] = []  # (-fall a column, first, end), the largest first
    found: dict[str, float] = {}

    def measure(first: int, end: int) -> None:
        measured = fall(columns[first:end])
        if end - first == 1:
            found[columns[first].name] = measured
        else:
            heapq.heappush(blocks, (-measured / (end - first) if math.isfinite(measured) else math.inf, first, end))

    for first, end in pairwise(edges):
        measure(first, end)
    left = most - begun
    while blocks and left >= 2:
        _, first, end = heapq.heappop(blocks)
        middle = (first + end) // 2
        measure(first, middle)
        measure(middle, end)
        left -= 2
    return found


def _drawn(part: Part, rows: int, stream: np.random.Generator) -> Part:
    """``part`` with ``rows`` of its rows, drawn by chance."""
    if len(part.rows) <= rows:
        return part
    return Part(part.predictor, part.rows.take(np.sort(stream.permutation(len(part.rows))[:rows])))


def _shuffled(part: Part, inputs: npt.NDArray[np.intp], stream: np.random.Generator) -> npt.NDArray[np.float32]:
    """The rows with some ``inputs`` of another row each, together as they stand there."""
    x = part.rows.x.reshape(len(part.rows), -1).copy()
    x[:, inputs] = x[stream.permutation(len(x))][:, inputs]
    return x.reshape(len(x), *part.rows.shape)


def _score(part: Part, x: npt.NDArray[np.float32], scoring: Scoring, metric: str) -> float:
    return scoring.score(metric, outputs_of(part.predictor, x), part.rows.y)
