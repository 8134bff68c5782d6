"""The data of a study: a table becomes examples in three parts, the test part sealed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from caviar.data.digest import digest
from caviar.data.examples import Examples, Sealed
from caviar.data.labels import noted_task, target_numbers
from caviar.data.preprocessing import Preprocessing, learn
from caviar.data.split import Split, split, split_numbers
from caviar.data.table import Table
from caviar.errors import DataError
from caviar.records import BY_ITSELF, Reading

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Dataset:
    """Three parts of a table, and the preprocessing learned from the first; ``sha256`` is that of the table."""

    name: str
    train: Examples
    validation: Examples
    test: Sealed
    preprocessing: Preprocessing
    sha256: str
    warnings: tuple[str, ...] = ()

    @property
    def facts(self) -> dict[str, int | str | None]:
        """The ``data`` object of a result: task, counts of rows, features and classes (None for regression), sha256."""
        parts = {"train": len(self.train), "validation": len(self.validation), "test": self.test.rows}
        return {
            "task": "regression" if self.preprocessing.regression else "classification",
            "rows": sum(parts.values()),
            "features": self.preprocessing.n_features,
            "classes": len(self.preprocessing.classes) or None,
            **parts,
            "sha256": self.sha256,
        }

    def train_and_validation(self) -> Examples:
        """Both parts together, for a network whose config is chosen: more rows make it better."""
        parts = (self.train, self.validation)
        return Examples(np.concatenate([part.x for part in parts]), np.concatenate([part.y for part in parts]))


def prepare(
    table: Table, seed: int, test: Table | None = None, task: str | None = None, reading: Reading = BY_ITSELF
) -> Dataset:
    """Split, learn on the training rows, and apply.

    ``task`` is "classification" or "regression"; None decides from the column (see labels.task_of).

    ``seed`` decides the split: 60 % training, 20 % validation, 20 % test; or, where ``test`` is given or came with the
    table, 80 % and 20 %, and the whole of ``test`` is the test part. Classes are in every part in
    proportion, and so are the tenths of a numeric target (see split.py). Raises DataError, and ConfigError for an
    unknown task.
    """
    task, chosen = noted_task(_numbers(table), task)
    notes = (*table.warnings, *chosen)
    if table.test is not None and test is not None:
        notes = (*notes, f"the test part in {table.name} is not used, for there is another: {test.name}")
    test = test if test is not None else table.test
    labels = target_for(table, task)
    parts = parts_of(labels, task, seed, test is None)
    forms = table.forms
    preprocessing = learn(table.frame.iloc[parts.train], labels.iloc[parts.train], task == "regression", forms)

    def examples(frame: pd.DataFrame, target: pd.Series[Any]) -> Examples:
        return Examples(preprocessing.apply(frame), preprocessing.encode(target))

    if test is None:
        sealed = Sealed(examples(table.frame.iloc[parts.test], labels.iloc[parts.test]))
    else:
        sealed = Sealed(_in_file(test, task, examples))
    train, validation = (
        examples(table.frame.iloc[rows], labels.iloc[rows]) for rows in (parts.train, parts.validation)
    )
    warnings = (*notes, *parts.warnings, *preprocessing.warnings)
    return Dataset(table.name, train, validation, sealed, preprocessing, digest(table, test), warnings)


def parts_of(labels: pd.Series[Any], task: str, seed: int, test: bool) -> Split:
    """The rows of every part, for the classes or the numbers in ``labels`` (m,)."""
    if task == "regression":
        return split_numbers(target_numbers(labels), seed, test)
    return split(labels.to_numpy(), seed, test)


def target_for(table: Table, task: str) -> pd.Series[Any]:
    """The target of a table for a ``task``: its labels as they came, or the numbers that they stand for."""
    found = _numbers(table) if task == "regression" else table.target
    assert found is not None
    return found


def _numbers(table: Table) -> pd.Series[Any]:
    """The target as numbers where it stands for such. Raises DataError for a table without one."""
    if table.numbers is None:
        raise DataError("the table must have labels, got features only", "name the column of the labels: `target=...`")
    return table.numbers


def _in_file(test: Table, task: str, examples: Callable[[pd.DataFrame, pd.Series[Any]], Examples]) -> Examples:
    """The examples of a test file; an error in it names the file."""
    try:
        _numbers(test)
        return examples(test.frame, target_for(test, task))
    except DataError as error:
        raise DataError(f"in the test file {test.name}: {error.rule}", error.way_out) from error
