"""The reference of a model: sketches of the rows that it was made from, to compare new rows with. No row is kept.

    columns     of the rows for training and validation (data/column_sketches.py)
    labels      of the same rows: counts of the classes, or a sketch of the numbers
    outputs     of the sealed rows, which no network has seen: the network is surer of rows that it learned from
    confusion   of the sealed rows: counts by predicted and by true class
    errors      of the sealed rows, for regression: absolute errors in the target's units
    layers      of the sealed rows: mean and deviation of what each hidden unit gets before its activation

The statistics of batch norm are such means and deviations, over mini-batches of training. Folded into the weights they
scale and shift what a unit gets, and a shift in deviations stays the shift that it was before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from caviar.data.column_sketches import ColumnSketches
from caviar.data.dataset import Dataset
from caviar.data.examples import Examples
from caviar.data.sketches import NumberSketch, most_values, number_sketch, plain, sketch_numbers
from caviar.learners.contract import Floats, Predictor
from caviar.learners.dense.predictor import DensePredictor

MOST_CLASSES = 50
"""Classes whose confusion is kept, at most, and whose probabilities: the most frequent ones."""

_ROWS = 20_000  # sealed rows that are looked at
_ROWS_OF_LAYERS = 2_000
_UNITS = 256  # of a layer, the first ones
_DIGITS = 6


@dataclass(frozen=True, eq=False)
class Layer:
    """``mean`` and ``deviation`` (k,) of what the first k units of a hidden layer get, over so many ``rows``."""

    rows: int
    mean: Floats
    deviation: Floats


@dataclass(frozen=True, eq=False)
class Outputs:
    """Sketches of a model's outputs over some rows: of each class in ``classes`` by its place, or of the number.

    ``predicted`` counts the rows by predicted class; it is empty for regression.
    """

    rows: int
    classes: tuple[int, ...]
    sketches: tuple[NumberSketch, ...]
    predicted: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Reference:
    """See the head of this file. ``labels`` are counts by class, or a sketch of numbers."""

    columns: ColumnSketches
    labels: tuple[int, ...] | NumberSketch
    outputs: Outputs
    confusion: npt.NDArray[np.int64] | None
    right: int | None
    errors: NumberSketch | None
    layers: tuple[Layer, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for a model file."""
        outputs = self.outputs
        return {
            "columns": self.columns.to_dict(),
            "labels": plain(self.labels) if isinstance(self.labels, NumberSketch) else list(self.labels),
            "outputs": {
                "rows": outputs.rows,
                "classes": list(outputs.classes),
                "sketches": [plain(one) for one in outputs.sketches],
                "predicted": list(outputs.predicted),
            },
            "confusion": None if self.confusion is None else self.confusion.tolist(),
            "right": self.right,
            "errors": None if self.errors is None else plain(self.errors),
            "layers": [
                {"rows": layer.rows, "mean": _rounded(layer.mean), "deviation": _rounded(layer.deviation)}
                for layer in self.layers
            ],
        }

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Reference:
        """The inverse of ``to_dict``. Raises ValueError, TypeError or KeyError for what it cannot have written."""
        labels, outputs, confusion = data["labels"], data["outputs"], data["confusion"]
        found = Reference(
            ColumnSketches.from_dict(data["columns"]),
            tuple(map(int, labels)) if isinstance(labels, list) else number_sketch(labels),
            Outputs(
                int(outputs["rows"]),
                tuple(map(int, outputs["classes"])),
                tuple(map(number_sketch, outputs["sketches"])),
                tuple(map(int, outputs["predicted"])),
            ),
            None if confusion is None else np.array(confusion, dtype=np.int64),
            None if data["right"] is None else int(data["right"]),
            None if data["errors"] is None else number_sketch(data["errors"]),
            tuple(
                Layer(int(layer["rows"]), np.array(layer["mean"], dtype=float), np.array(layer["deviation"], float))
                for layer in data["layers"]
            ),
        )
        found._check()
        return found

    @property
    def n_out(self) -> int:
        """Classes, or 1 for a number."""
        return len(self.labels) if isinstance(self.labels, tuple) else 1

    def _check(self) -> None:
        """Raise ValueError where parts do not fit one another."""
        outputs, classes = self.outputs, self.n_out if isinstance(self.labels, tuple) else 0
        if len(outputs.sketches) != max(len(outputs.classes), 1) or bool(classes) != bool(outputs.classes):
            raise ValueError("a sketch of outputs is missing")
        if not all(0 <= k < classes for k in outputs.classes) or len(outputs.predicted) != classes:
            raise ValueError("the outputs are of other classes")
        if self.confusion is not None and self.confusion.shape != (classes, classes):
            raise ValueError("the confusion is of other classes")
        if any(layer.rows < 1 or layer.mean.shape != layer.deviation.shape for layer in self.layers):
            raise ValueError("a layer is damaged")


def reference_of(
    dataset: Dataset, sealed: Examples, outputs: Callable[[npt.NDArray[Any]], Floats], network: Predictor
) -> Reference | None:
    """The reference of a model of ``dataset`` with such ``outputs`` for inputs; its ``sealed`` rows have been opened.

    ``network`` is the one whose layers are looked at. None for a dataset that has no sketches, and of several
    targets, whose label sets are no classes to count.
    """
    if dataset.sketches is None or dataset.preprocessing.targets:
        return None
    columns, learned = dataset.sketches(), dataset.preprocessing
    y = np.concatenate([dataset.train.y, dataset.validation.y])
    few, _ = sealed.split(_ROWS)  # the rows of a test part are in random order
    x = few.x
    said, layers = outputs(x), layers_of(network, x)
    if learned.regression:
        labels = sketch_numbers(learned.decode(y))
        errors = sketch_numbers(np.abs(learned.decode(said[:, 0]) - learned.decode(few.y)))
        return Reference(columns, labels, outputs_of_rows(said), None, None, errors, layers)
    classes, true = said.shape[1], few.y.astype(np.int64)
    predicted = said.argmax(axis=1)
    confusion = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(confusion, (predicted, true), 1)
    counts = np.bincount(y.astype(np.int64), minlength=classes)
    frequent = np.sort(np.argsort(-counts, kind="stable")[:MOST_CLASSES])
    return Reference(
        columns=columns,
        labels=tuple(counts.tolist()),
        outputs=outputs_of_rows(said, tuple(frequent.tolist())),
        confusion=confusion if classes <= MOST_CLASSES else None,
        right=int((predicted == true).sum()),
        errors=None,
        layers=layers,
    )


def outputs_of_rows(said: Floats, classes: tuple[int, ...] = ()) -> Outputs:
    """The sketches of outputs (m, n_out): of these ``classes``, or of the number."""
    chosen = list(classes) if classes else [0]
    most = most_values(len(chosen))
    counts = np.bincount(said.argmax(axis=1), minlength=said.shape[1]).tolist() if classes else []
    sketches = tuple(sketch_numbers(said[:, k], most) for k in chosen)
    return Outputs(len(said), classes, sketches, tuple(counts))


def layers_of(network: Predictor, x: npt.NDArray[Any]) -> tuple[Layer, ...]:
    """The hidden layers of a dense network over some of the rows ``x`` (m, n_in); none of another kind of network."""
    if not isinstance(network, DensePredictor):
        return ()
    x = x[:_ROWS_OF_LAYERS]
    return tuple(
        Layer(len(x), z[:, :_UNITS].mean(axis=0), z[:, :_UNITS].std(axis=0)) for z in network.before_activations(x)
    )


def _rounded(numbers: Floats) -> list[float]:
    return [float(f"{one:.{_DIGITS}g}") for one in numbers.tolist()]
