"""A table in memory: features, and labels where there are any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from caviar.data.columns import check_finite, listed, printable, shown, tidy
from caviar.data.dates import order_in
from caviar.data.forms import PLAIN_FORMS, Forms
from caviar.data.recognition import recognise
from caviar.data.sentinels import note_on_sentinels
from caviar.data.several import TargetColumn, several_of, unlabelled_rows
from caviar.data.several import check_names as check_targets
from caviar.data.several import names_of as targets_of
from caviar.data.targets import note_on_unlabelled, target_of, unlabelled
from caviar.data.total_row import note_on_total
from caviar.errors import DataError, NoTarget, did_you_mean
from caviar.records import BY_ITSELF, Reading

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Table:
    """Features and labels, row by row.

    ``frame`` has a column a feature: numbers, booleans or text (see columns.py); ``target`` the labels as bool, int64
    or text, None where there are none; ``values`` are the numbers that labels of text stand for; ``name`` is safe in a
    path, a study or a terminal; ``warnings`` say what was met while reading; ``forms`` the way in which it is written;
    ``test`` is the test part that came with it, where there is one. ``columns`` are the names of all features that were
    given, those to ignore too; ``group`` and ``time`` the columns that decide on parts, whatever they hold, where they
    are named and there. ``bare``: columns of numbers without the unit that they had in an earlier table. Where there
    are ``several`` targets, the labels are label sets of these columns.
    """

    frame: pd.DataFrame
    target: pd.Series[Any] | None
    name: str
    target_name: str | None
    warnings: tuple[str, ...] = ()
    test: Table | None = None
    values: pd.Series[Any] | None = None
    forms: Forms = PLAIN_FORMS
    columns: tuple[str, ...] = ()
    group: pd.Series[Any] | None = None
    time: pd.Series[Any] | None = None
    bare: tuple[str, ...] = ()
    several: tuple[TargetColumn, ...] = ()

    @property
    def numbers(self) -> pd.Series[Any] | None:
        """The target as numbers where it stands for such, else its labels."""
        return self.target if self.values is None else self.values


def clean_name(text: str) -> str:
    """``text`` with letters, digits, ``_``, ``-`` and ``.`` only, neither hidden nor empty, at most 60 long."""
    kept = "".join(c if c.isalnum() or c in "_-." else "_" for c in text[:60])
    return kept.strip("._-") or "data"


def table(
    frame: pd.DataFrame,
    target: pd.Series[Any] | pd.DataFrame | None,
    name: str,
    reading: Reading = BY_ITSELF,
    known: Forms | None = None,
    several: Sequence[TargetColumn] = (),
) -> Table:
    """A checked Table; ``frame`` must have proper names (see ``named``).

    ``target``: a column of labels, or a frame of several. ``known``: the forms of an earlier table, which this one must
    have too; ``several``: its targets, where it has several. Raises DataError.
    """
    import pandas as pd

    if not len(frame):
        raise DataError("a table must have rows, got only a header", "add the rows")
    if not frame.shape[1]:
        raise DataError("a table must have at least one column besides the labels, got none", "add the features")
    if target is not None and len(target) != len(frame):
        raise DataError(
            f"there must be one label a row, got {len(frame)} rows and {len(target)} labels",
            "give the labels that belong to these rows (a CSV file of labels starts with a header)",
        )
    label = [] if target is None else [*map(str, target.columns if isinstance(target, pd.DataFrame) else [target.name])]
    dates = [order_in(entry, list(frame.columns))[0] for entry in reading.date]
    for argument, columns in (("number", reading.number), ("text", reading.text), ("date", dates)):
        check_columns(argument, [column for column in columns if column not in label], list(frame.columns))
    if set(frame.columns) <= set(reading.ignore):
        raise DataError(f"`ignore` leaves no feature, of {len(frame.columns)}", "ignore fewer columns")
    unread = [name for name in reading.ignore if name in frame.columns and name != reading.time]
    used = frame.drop(columns=unread)
    features, left_out = tidy(used)
    if not features.shape[1]:
        raise DataError(f"a table must have numbers or text, got only {listed(list(used.columns))}", "convert them")
    categorical = [str(n) for n, dtype in used.dtypes.items() if isinstance(dtype, pd.CategoricalDtype)]
    found = recognise(features, reading, categorical, known)
    check_finite(found.frame)
    times = found.frame if reading.time in found.frame.columns else frame
    made = Table(
        found.frame.drop(columns=reading.time) if reading.time in reading.ignore else found.frame,
        None,
        clean_name(name),
        None,
        (*left_out, *found.notes),
        forms=found.forms,
        columns=tuple(frame.columns),
        group=frame[reading.group] if reading.group in frame.columns else None,
        time=times[reading.time] if reading.time in times.columns else None,
        bare=found.bare,
    )
    if target is None:
        return made
    if reading.skip_unlabelled:
        of_several = isinstance(target, pd.DataFrame)
        absent = (unlabelled_rows if of_several else unlabelled)(target, reading, found.decimal)  # type: ignore[arg-type]
        if absent.any() and not absent.all():
            note = note_on_unlabelled(", ".join(label), absent)
            made = replace(_rows(made, ~absent), warnings=(*made.warnings, note))
            target = target[~absent].reset_index(drop=True)
    made = replace(made, warnings=(*made.warnings, *_oddities(made.frame, known is None)))
    if isinstance(target, pd.DataFrame):
        sets = several_of(target, reading, found.decimal, several)
        return replace(
            made,
            target=sets.sets,
            target_name=str(sets.sets.name),
            warnings=(*made.warnings, *sets.notes),
            several=sets.columns,
        )
    labels = target_of(target, reading, found.decimal, None if known is None else known.target)
    of_target = {str(labels.labels.name): labels.labels if labels.values is None else labels.values}
    return replace(
        made,
        target=labels.labels,
        target_name=str(labels.labels.name),
        warnings=(*made.warnings, *labels.notes, *(note_on_sentinels(of_target) if known is None else ())),
        values=labels.values,
        forms=replace(found.forms, target=labels.notation),
    )


def _rows(whole: Table, kept: npt.NDArray[np.bool_]) -> Table:
    """The table with some of its rows, before it has labels."""
    group, time = (None if c is None else c[kept].reset_index(drop=True) for c in (whole.group, whole.time))
    return replace(whole, frame=whole.frame[kept].reset_index(drop=True), group=group, time=time)


def _oddities(frame: pd.DataFrame, sentinels: bool) -> tuple[str, ...]:
    """Notes on what a table of examples has and may not mean: a row of totals, numbers that stand for missing ones."""
    numbers = {str(name): frame[name] for name in frame.columns} if sentinels else {}
    return (*note_on_total(frame), *note_on_sentinels(numbers))


def named(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its columns' names as text and its rows counted from 0.

    Raises DataError for a duplicate or an empty name.
    """
    names = [str(c).strip() for c in frame.columns]
    check_names(names)
    return _native(frame.set_axis(names, axis=1).reset_index(drop=True))


def _native(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its numbers in this machine's byte order; FITS and NetCDF files have the other one."""
    foreign = {dtype for dtype in set(frame.dtypes) if isinstance(dtype, np.dtype) and not dtype.isnative}
    if not foreign:
        return frame
    return frame.astype({n: d.newbyteorder("=") for n, d in frame.dtypes.items() if d in foreign})


def check_names(names: Sequence[str]) -> None:
    """Raise DataError for an empty or a duplicate column name."""
    if "" in names:
        raise DataError(
            f"every column must have a name, but column {names.index('') + 1} of {len(names)} has none",
            "name it in the header; if it only numbers the rows, leave it out (pandas: to_csv(..., index=False))",
        )
    name, count = Counter(names).most_common(1)[0] if names else ("", 0)
    if count > 1:
        where = [i + 1 for i, n in enumerate(names) if n == name]
        raise DataError(
            f"column names must differ, but {shown(name)} is the name of columns {', '.join(map(str, where[:5]))}",
            "rename all but one",
        )


def part(frame: pd.DataFrame, target: str | Sequence[str] | None) -> tuple[pd.DataFrame, pd.Series[Any] | pd.DataFrame]:
    """Features and labels of a frame, whose column ``target`` has the labels; of several a frame. Raises DataError."""
    names = [printable(c) for c in frame.columns]
    if target is None:
        shortened = ", ".join(names[-8:]) if len(names) <= 8 else "..., " + ", ".join(names[-8:])
        raise DataError("a target is needed: the column that holds the labels", f"`target=...`, one of: {shortened}")
    several = targets_of(target)
    if len(several) > 1:
        check_targets(several, list(frame.columns))
        return frame.drop(columns=several), frame[several]
    target = several[0]
    if target not in frame.columns:
        raise NoTarget(
            f"the target must be a column, got {shown(target)}", did_you_mean(printable(target), names), target
        )
    return frame.drop(columns=target), frame[target]


@contextmanager
def in_test_file(name: str) -> Iterator[None]:
    """Let an error in a test file name it."""
    try:
        yield
    except DataError as error:
        column = (error.name,) if isinstance(error, NoTarget) else ()
        raise type(error)(f"in the test file {name}: {error.rule}", error.way_out, *column) from error


def check_columns(argument: str, columns: Sequence[str], known: Sequence[str], target: str | None = None) -> None:
    """Raise DataError for the first of ``columns``, which ``argument`` names, that is not among the ``known``."""
    for column in columns:
        if column not in known:
            raise DataError(
                f"`{argument}` must name columns of features, got {shown(column)}"
                + (", the target" if column == target else ""),
                did_you_mean(printable(column), map(printable, known)),
            )


def as_array(values: Any, name: str, dtype: npt.DTypeLike | None = None) -> npt.NDArray[Any]:
    """``values`` as an array in this machine's byte order; what a mask hides is missing.

    Raises DataError for rows of different lengths, a sparse matrix, or what is no ``dtype``.
    """
    if hasattr(values, "toarray") and not hasattr(values, "__array__"):
        raise DataError(f"{name} must be an array, got a sparse {type(values).__name__}", "give x.toarray()")
    if isinstance(values, np.ma.MaskedArray):
        hidden, values = (
            np.ma.getmaskarray(values),
            values.data.astype(float if values.dtype.kind in "biuf" else object),
        )
        values[hidden] = np.nan
    try:
        array = np.asarray(values, dtype=dtype)
    except (ValueError, TypeError, OverflowError) as error:
        raise DataError(f"{name} must be an array: {shown(str(error), 160)}", "give every row as many cells") from error
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def as_frame(x: Any, names: Sequence[str] | None = None) -> pd.DataFrame:
    """Features as a frame: a DataFrame, or an array (m,), (m, n) or (m, ...) of images, which are flattened.

    An array is not copied; its columns are called ``names``, or x0, x1, ... Raises DataError.
    """
    import pandas as pd

    if isinstance(x, pd.DataFrame):
        return named(x)
    array = as_array(x, "features")
    if array.ndim == 0 or array.dtype.kind not in "biufUSO":
        raise DataError(
            f"features must be an array of numbers or text with a row an example, "
            f"got shape {array.shape} of {array.dtype}",
            "give an array (m, n)",
        )
    if array.dtype.kind in "US":
        array = array.astype(object)
    flat = array.reshape(len(array), -1) if array.size else array.reshape(len(array), 0)
    n = flat.shape[1]
    columns = list(names) if names is not None else [f"x{i}" for i in range(n)]
    if len(columns) != n:
        raise DataError(f"there must be {len(columns)} features, as in training, got {n}", "give the same features")
    frame = pd.DataFrame(flat, columns=columns, copy=False)
    return frame.infer_objects() if array.dtype.kind == "O" else frame


def as_labels(y: Any, name: str = "label") -> pd.Series[Any]:
    """Labels (m,) or (m, 1) as a Series. Raises DataError."""
    import pandas as pd

    if isinstance(y, pd.DataFrame) and y.shape[1] == 1:
        y = y.iloc[:, 0]
    if isinstance(y, pd.Series):
        y = y.reset_index(drop=True).rename(name if y.name is None else str(y.name))
        return _native(y.to_frame()).iloc[:, 0]
    array = as_array(y, "labels")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or array.dtype.kind not in "biufUSO":
        raise DataError(
            f"labels must be one value a row, got shape {array.shape} of {array.dtype}",
            "give an array (m,), of one-hot labels y.argmax(axis=1); or name several targets: `target=[...]`",
        )
    return pd.Series(array.astype(object) if array.dtype.kind in "US" else array, name=name)


def as_several(y: Any, names: Sequence[str]) -> pd.DataFrame:
    """Labels (m, K) of several targets as a frame with these ``names``. Raises DataError."""
    import pandas as pd

    frame = y if isinstance(y, pd.DataFrame) else pd.DataFrame(_of_two_dimensions(as_array(y, "labels"), len(names)))
    if frame.shape[1] != len(names):
        raise _shape_of_several(frame.shape, len(names))
    check_targets(names, names)
    return _native(frame.set_axis(list(names), axis=1).reset_index(drop=True).infer_objects())


def _of_two_dimensions(array: npt.NDArray[Any], targets: int) -> npt.NDArray[Any]:
    if array.ndim != 2:
        raise _shape_of_several(array.shape, targets)
    return array.astype(object) if array.dtype.kind in "US" else array


def _shape_of_several(shape: tuple[int, ...], targets: int) -> DataError:
    return DataError(
        f"there must be a column of labels for each of {targets} targets, got shape {shape}",
        f"give labels of the shape (m, {targets})",
    )
