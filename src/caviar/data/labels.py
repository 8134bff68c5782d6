"""Labels: text, truth values or whole numbers; a column of labels has few different ones.

Numbers with fractions, and whole ones that are many, such as counts, ages and prices, are something to estimate and not
to classify: regression. ``task_of`` decides, unless the user does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from caviar.data.columns import LARGEST, Floats, as_text, index, is_number, plain, shown, values_of
from caviar.data.numerals import PLAIN, Notation, meaning_of
from caviar.errors import ConfigError, DataError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

Label = str | int | bool

FEW = 10  # different whole numbers: classes
MANY = 20  # more of them are numbers to estimate, but for the ranks of classes that are all about as frequent
FEWEST_ROWS = 5  # of a class: on average up to MANY, and of each beyond
EVEN = 4  # times the rarest of many classes is the most frequent one, at most
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
    _check_size(values, target.name)
    return labels.astype(np.float64 if _fractions(values).any() else np.int64)


def _check_size(values: npt.NDArray[Any], name: object) -> None:
    """Raise DataError for the first number that is infinite or absurdly large."""
    large = np.flatnonzero(np.abs(values.astype(np.float64)) > LARGEST)
    if len(large):
        row = int(large[0])
        raise DataError(
            f"a target must be finite and at most {LARGEST:g} in size, "
            f"but row {row + 1} of {shown(name)} is {values[row]:g}",
            "correct it, or remove the row",
        )


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

    None decides from the column: numbers are regression, unless they are ``few_classes``; all else is classification.
    Raises ConfigError for an unknown task.
    """
    check_task(task)
    number = is_number(target.dtype) and target.dtype != np.bool_
    found = task or ("regression" if number and not few_classes(target.to_numpy()) else "classification")
    if found == "regression":
        _check_numbers(target)
    else:
        distinct = target.nunique()
        _check_classes(target, not number and distinct > MANY and len(target) < FEWEST_ROWS * distinct)
    return found


def few_classes(values: npt.NDArray[Any]) -> bool:
    """True for whole numbers (m,) that look like classes.

    Up to FEW different ones do. Up to MANY do with FEWEST_ROWS rows each, on average. Beyond, they do where they are 0
    or 1 to their number without a gap, each with FEWEST_ROWS rows, and none is much rarer than another: letters of the
    alphabet look like that, counts and ages have rare values.
    """
    if _fractions(values).any():
        return False
    different, counts = np.unique(values, return_counts=True)
    k = len(different)
    if k <= FEW:
        return True
    if k <= MANY:
        return len(values) >= FEWEST_ROWS * k
    ranks = different[0] in (0, 1) and different[-1] - different[0] == k - 1
    return bool(ranks and counts.min() >= FEWEST_ROWS and counts.max() <= EVEN * counts.min())


def noted_task(target: pd.Series[Any], task: str | None = None) -> tuple[str, tuple[str, ...]]:
    """``task_of``, and a note where it chose: what it saw, and how to have it otherwise.

    Only whole numbers can be either; two of them are classes to everyone.
    """
    found, distinct = task_of(target, task), target.nunique()
    if task is not None or not is_number(target.dtype) or target.dtype.kind == "b" or distinct <= 2:
        return found, ()
    has = f"the target {shown(target.name)} has {distinct:,} different whole numbers"
    if found == "classification":
        return found, (f'{has}, each taken as a class; `task="regression"` estimates the number',)
    if target.dtype.kind == "f":
        return found, ()
    return found, (f'{has}, so it is estimated as a number; `task="classification"` takes classes',)


def target_numbers(target: pd.Series[Any], notation: Notation = PLAIN) -> Floats:
    """The numbers (m,) of a regression's target, text read in its ``notation``.

    Raises DataError for text that is no number, and for what ``tidy_labels`` refuses.
    """
    labels = tidy_labels(target)
    if is_number(labels.dtype):
        return labels.to_numpy(np.float64)
    values, misfit = values_of(labels, notation)
    gaps = np.flatnonzero(np.isnan(values))
    row = misfit if misfit is not None else int(gaps[0]) if len(gaps) else None
    if row is not None:
        raise DataError(
            f"the target of regression must be numbers, but row {row + 1} of {shown(target.name)} is "
            f"{shown(labels.iloc[row])}",
            'correct it or remove the row; choose another target column; or `task="classification"`',
        )
    _check_size(values, target.name)
    return values


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
    labels, codes = positions(target, classes)
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
    return codes


def positions(target: pd.Series[Any], classes: Sequence[Label]) -> tuple[pd.Series[Any], npt.NDArray[np.int32]]:
    """The labels (m,), tidy, and the position of each in ``classes``, -1 where it is not among them.

    Text finds numbers and truth values, and they find text, by what it means: 1 finds "01", "TRUE" finds True.
    """
    import pandas as pd

    labels = tidy_labels(target)
    place, each = pd.factorize(labels)  # (m,) of every row among the different labels
    different = pd.Series(each)
    codes = index(classes).get_indexer(index(different))
    if isinstance(classes[0], str) == is_number(labels.dtype):
        meanings = [meaning(c) for c in classes]
        if len({*meanings}) == len(classes):
            codes = index(meanings).get_indexer(index(meaning(label) for label in different.tolist()))
        elif is_number(labels.dtype):
            codes = index(classes).get_indexer(index(as_text(different)))
    return labels, np.append(codes, -1)[place].astype(np.int32)


def meaning(label: Label) -> float | str:
    """The number that a label stands for, true and false being 1 and 0; text that stands for none."""
    return meaning_of(label) if isinstance(label, str) else float(label)
