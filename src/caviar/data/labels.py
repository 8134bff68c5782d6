"""Labels: text, truth values or whole numbers; a column of labels has few different ones.

Numbers with fractions, or whole ones that are many and mostly different, are something to estimate and not to
classify: regression. ``task_of`` decides, unless the user does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from caviar.data.columns import LARGEST, Floats, as_text, index, is_number, plain, shown
from caviar.errors import ConfigError, DataError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

Label = str | int | bool

FEWEST_ROWS = 5  # a label with fewer rows than this, on average, does not look like a class ...
MANY = 20  # ... once there are more labels than this
TASKS = ("classification", "regression")


def tidy_labels(target: pd.Series[Any]) -> pd.Series[Any]:
    """The labels as bool, int64 or text, or float64 where they are numbers with fractions; whole numbers become int64.

    Raises DataError for a missing label, an infinite or absurdly large number, and for what cannot be a label.
    """
    name = shown(target.name)
    absent = np.flatnonzero(target.isna())
    if len(absent):
        raise DataError(
            f"every row must have a label, but {len(absent)} of {len(target)} rows have none in {name}, "
            f"the first is row {int(absent[0]) + 1}",
            "fill the labels in, or remove these rows (caviar predict can fill them in afterwards)",
        )
    labels = plain(target)
    if labels is None:
        raise DataError(f"labels must be text, integers or booleans, got {target.dtype} in {name}", "convert them")
    if not is_number(labels.dtype) or labels.dtype == np.bool_:
        return labels
    values = labels.to_numpy()
    large = np.flatnonzero(np.abs(values.astype(np.float64)) > LARGEST)
    if len(large):
        row = int(large[0])
        raise DataError(
            f"a target must be finite and at most {LARGEST:g} in size, but row {row + 1} of {name} is {values[row]:g}",
            "correct it, or remove the row",
        )
    return labels.astype(np.float64 if _fractions(values).any() else np.int64)


def _fractions(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which numbers cannot be labels: those that are not whole, or beyond 64 bits."""
    found: npt.NDArray[np.bool_] = (values != np.floor(values)) | (np.abs(values.astype(np.float64)) >= 2.0**63)
    return found


def check_task(task: str | None) -> None:
    """ConfigError unless ``task`` is one of TASKS, or None: the column decides."""
    if task is not None and task not in TASKS:
        raise ConfigError(f"there is no task {task!r}", did_you_mean(task, TASKS))


def task_of(target: pd.Series[Any], task: str | None = None) -> str:
    """The task of tidy labels, "classification" or "regression"; DataError where they can be neither.

    None decides from the column: numbers with fractions are regression, and so are whole numbers of more than MANY
    different values with fewer than FEWEST_ROWS rows each, on average; all else is classification. Raises
    ConfigError for an unknown task.
    """
    check_task(task)
    number = is_number(target.dtype) and target.dtype != np.bool_
    distinct = target.nunique()
    many = distinct > MANY and len(target) < FEWEST_ROWS * distinct
    found = task or ("regression" if number and (target.dtype.kind == "f" or many) else "classification")
    if found == "regression":
        _check_numbers(target)
    else:
        _check_classes(target, many and not number)
    return found


def target_numbers(target: pd.Series[Any]) -> Floats:
    """The numbers (m,) of a regression's target; DataError for text, and for what ``tidy_labels`` refuses."""
    labels = tidy_labels(target)
    if not is_number(labels.dtype):
        raise DataError(
            f"the target of regression must be numbers, but row 1 of {shown(target.name)} is "
            f"{shown(labels.tolist()[0])}",
            'choose another target column, or `task="classification"`',
        )
    return labels.to_numpy(np.float64)


def _check_numbers(target: pd.Series[Any]) -> None:
    values = target_numbers(target)
    if values.min() == values.max():
        raise DataError(
            f"the target of regression must differ between rows, but every row of {shown(target.name)} "
            f"is {values[0]:g}",
            "choose another target column",
        )


def _check_classes(target: pd.Series[Any], free_text: bool) -> None:
    """Two classes or more, and neither names nor fractions."""
    name, m, distinct = shown(target.name), len(target), target.nunique()
    if is_number(target.dtype) and target.dtype.kind == "f":
        row = int(np.flatnonzero(_fractions(target.to_numpy()))[0])
        raise DataError(
            f"a label must be text or a whole number, but row {row + 1} of {name} is {target.tolist()[row]:g}",
            'this is a target for `task="regression"`; or group the values into a few classes',
        )
    if distinct == 1:
        raise DataError(
            f"there must be two classes or more, but every row of {name} is {shown(target.tolist()[0])}",
            "choose another target column, or add rows of another class",
        )
    if free_text:
        raise DataError(
            f"labels must be few, but {name} has {distinct} different values in {m} rows: "
            "this looks like names or free text, not classes",
            "choose another target column",
        )


def classes_of(target: pd.Series[Any]) -> tuple[Label, ...]:
    """The different labels in order, as Python values."""
    return tuple(sorted(set(target.tolist())))


def encode_labels(target: pd.Series[Any], classes: Sequence[Label]) -> npt.NDArray[np.int32]:
    """The position (m,) of every label in ``classes``; DataError for a label that is not among them."""
    labels = tidy_labels(target)
    if isinstance(classes[0], str) and is_number(labels.dtype):
        labels = as_text(labels)
    codes = index(classes).get_indexer(index(labels))
    unknown = np.flatnonzero(codes < 0)
    if len(unknown):
        row = int(unknown[0])
        label = labels.tolist()[row]
        way_out = did_you_mean(label[:60], [str(c)[:60] for c in classes]) if isinstance(label, str) else "correct it"
        raise DataError(
            f"every label must be one of the {len(classes)} classes seen in training, "
            f"but row {row + 1} of {shown(target.name)} is {shown(label)} ({len(unknown)} such rows)",
            way_out,
        )
    return codes.astype(np.int32)
