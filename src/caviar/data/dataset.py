"""What a study trains on: arrays for the engines, with the test part sealed.

pandas is imported only where a table is prepared: engines that only need ``Examples`` do not pay for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from caviar.errors import DataError, SealBroken

if TYPE_CHECKING:
    import pandas as pd

    from caviar.data.preprocessing import Preprocessing
    from caviar.data.table import Table


@dataclass(frozen=True, eq=False)
class Examples:
    """Inputs ``x`` (m, n) float32, C-contiguous; ``y`` (m,) int32 classes, or float32 numbers for regression."""

    x: npt.NDArray[np.float32]
    y: npt.NDArray[np.int32] | npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: npt.NDArray[np.int64]) -> Examples:
        """The examples at ``rows`` (k,), in that order."""
        return Examples(self.x[rows], self.y[rows])


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
        """The test part. Raises SealBroken the second time: a score that was chosen by is no test score."""
        try:
            return self._take()
        except IndexError:
            raise SealBroken(
                f"the test part ({self.rows} rows) may be used once, and it has been",
                "compare on the validation part; for another test, split fresh data",
            ) from None

    def __repr__(self) -> str:
        return f"Sealed({self.rows} rows)"


@dataclass(frozen=True, eq=False)
class Dataset:
    """Three parts of a table and what was learned of the first.

    ``facts`` is the ``data`` object of a result: task, rows, features, classes (None for regression), train,
    validation, test, sha256.
    """

    name: str
    train: Examples
    validation: Examples
    test: Sealed | None
    preprocessing: Preprocessing
    facts: Mapping[str, int | str | None]
    warnings: tuple[str, ...] = ()

    def train_and_validation(self) -> Examples:
        """Both parts together, for a network whose config is chosen: more rows make it better."""
        parts = (self.train, self.validation)
        return Examples(np.concatenate([part.x for part in parts]), np.concatenate([part.y for part in parts]))


def prepare(table: Table, seed: int, test: Table | None = None, task: str | None = None) -> Dataset:
    """Split, learn on the training rows, and apply.

    ``task`` is "classification" or "regression"; None decides from the column (see labels.task_of).

    ``seed`` decides the split: 60 % training, 20 % validation, 20 % test; or, where ``test`` is given, 80 % and
    20 %, and the whole of ``test`` is the test part. Classes are in every part in proportion, and so are the tenths
    of a numeric target (see split.py). Raises DataError, and ConfigError for an unknown task.
    """
    from caviar.data.digest import digest
    from caviar.data.labels import target_numbers, task_of
    from caviar.data.preprocessing import learn
    from caviar.data.split import split, split_numbers

    labels = _labels(table)
    task = task_of(labels, task)
    if task == "regression":
        parts = split_numbers(target_numbers(labels), seed, test=test is None)
    else:
        parts = split(labels.to_numpy(), seed, test=test is None)
    preprocessing = learn(table.frame.iloc[parts.train], labels.iloc[parts.train], task == "regression")

    def examples(frame: pd.DataFrame, target: pd.Series[Any]) -> Examples:
        return Examples(preprocessing.apply(frame), preprocessing.encode(target))

    if test is None:
        sealed = Sealed(examples(table.frame.iloc[parts.test], labels.iloc[parts.test]))
    else:
        sealed = Sealed(_in_file(test, examples))
    train, validation = (
        examples(table.frame.iloc[rows], labels.iloc[rows]) for rows in (parts.train, parts.validation)
    )
    facts: dict[str, int | str | None] = {
        "task": task,
        "rows": len(train) + len(validation) + sealed.rows,
        "features": preprocessing.n_features,
        "classes": len(preprocessing.classes) or None,
        "train": len(train),
        "validation": len(validation),
        "test": sealed.rows,
        "sha256": digest(table, test),
    }
    warnings = (*table.warnings, *parts.warnings, *preprocessing.warnings)
    return Dataset(table.name, train, validation, sealed, preprocessing, facts, warnings)


def _labels(table: Table) -> pd.Series[Any]:
    if table.target is None:
        raise DataError("the table must have labels, got features only", "name the column of the labels with --target")
    return table.target


def _in_file(test: Table, examples: Callable[[pd.DataFrame, pd.Series[Any]], Examples]) -> Examples:
    """The examples of a test file; an error in it says which file it is in."""
    try:
        return examples(test.frame, _labels(test))
    except DataError as error:
        raise DataError(f"in the test file {test.name}: {error.rule}", error.way_out) from error
