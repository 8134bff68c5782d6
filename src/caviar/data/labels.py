"""What can be a label: text, a truth value or a whole number; a column of labels has few different ones.

Numbers with fractions, or with nearly as many values as rows, are something to estimate and not to classify:
regression, which Caviar cannot do yet, and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from caviar.data.columns import as_text, index, is_number, plain, shown
from caviar.errors import DataError, did_you_mean

Label = str | int | bool

FEWEST_ROWS = 5  # a label with fewer rows than this, on average, does not look like a class ...
MANY = 20  # ... once there are more labels than this
_REGRESSION = "caviar cannot do regression yet: choose another target, or group the values into a few classes"


def tidy_labels(target: pd.Series[Any]) -> pd.Series[Any]:
    """The labels as bool, int64 or text; whole numbers in a float column become integers.

    Raises DataError for a missing label and for what cannot be a label.
    """
    name = shown(target.name)
    absent = np.flatnonzero(target.isna())
    if len(absent):
        raise DataError(
            f"every row must have a label, but {len(absent)} of {len(target)} rows have none in {name}, "
            f"the first is row {int(absent[0]) + 1}",
            "fill the labels in, or remove these rows (caviar predict can guess them afterwards)",
        )
    labels = plain(target)
    if labels is None:
        raise DataError(f"labels must be text, integers or booleans, got {target.dtype} in {name}", "convert them")
    if not is_number(labels.dtype) or labels.dtype == np.bool_:
        return labels
    values = labels.to_numpy()
    fraction = np.flatnonzero((values != np.floor(values)) | (np.abs(values) >= 2.0**63))
    if len(fraction):
        row = int(fraction[0])
        raise DataError(
            f"a label must be text or a whole number, but row {row + 1} of {name} is {values[row]:g}: "
            f"this looks like regression",
            _REGRESSION,
        )
    return labels.astype(np.int64)


def check_classes(target: pd.Series[Any]) -> None:
    """Raise DataError unless tidy labels make a problem of classification: two classes or more, and not too many."""
    name, m, distinct = shown(target.name), len(target), target.nunique()
    if distinct == 1:
        raise DataError(
            f"there must be two classes or more, but every row of {name} is {shown(target.tolist()[0])}",
            "choose another target column, or add rows of another class",
        )
    if distinct > MANY and m < FEWEST_ROWS * distinct:
        rule = f"labels must be few, but {name} has {distinct} different values in {m} rows: this looks like"
        if not is_number(target.dtype):
            raise DataError(f"{rule} names or free text, not classes", "choose another target column")
        raise DataError(f"{rule} regression", _REGRESSION)


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
