"""Tables as CSV: as they are, or in a form that a spreadsheet takes for no formula."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO

import numpy.typing as npt

from caviar.errors import DataError
from caviar.files import put, reason
from caviar.records.names import cleaned

if TYPE_CHECKING:
    import pandas as pd

# A spreadsheet takes a cell that begins with one of these for a formula, and runs it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def predictions_frame(
    labels: Sequence[Any] | npt.NDArray[Any] | pd.DataFrame,
    probabilities: npt.NDArray[Any] | None,
    classes: Sequence[str | int | bool],
    interval: npt.NDArray[Any] | None = None,
) -> pd.DataFrame:
    """A column ``prediction``; p_<class> for each of ``probabilities`` (rows, classes), low and high of ``interval``
    (rows, 2).

    Of several targets, where ``labels`` are a frame, prediction_<target> and p_<target>.
    """
    import pandas as pd

    if isinstance(labels, pd.DataFrame):
        made = labels.add_prefix("prediction_")
        if probabilities is not None:
            chances = pd.DataFrame(probabilities, columns=[f"p_{name}" for name in labels.columns])
            made = pd.concat([made, chances], axis=1)
        return made
    columns: dict[str, Any] = {"prediction": labels}
    if probabilities is not None:
        columns |= {f"p_{name}": probabilities[:, i] for i, name in enumerate(classes)}
    if interval is not None:
        columns |= {"low": interval[:, 0], "high": interval[:, 1]}
    return pd.DataFrame(columns)


def write_csv(frame: pd.DataFrame, to: str | os.PathLike[str] | TextIO, *, for_spreadsheet: bool = False) -> None:
    """Write ``frame`` as CSV, every text as it is; ``for_spreadsheet``: text that would run as a formula gets an
    apostrophe before it. A terminal is shown what it would act on as an escape: a file and a pipe get it as it came.

    Raises DataError if the file cannot be written.
    """
    safe = frame.rename(columns=_harmless) if for_spreadsheet else frame
    if for_spreadsheet:
        for name in safe.columns:
            if safe[name].dtype.kind not in "biuf":
                safe[name] = safe[name].map(_harmless)
    if not isinstance(to, str | os.PathLike) and to.isatty():
        safe = _visible(safe)
    # Before Python 3.13 a carriage return alone is not quoted, and a reader takes it for the end of the row.
    returns = any("\r" in cell for cell in _text_cells(safe))
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL
    try:
        if isinstance(to, str | os.PathLike):  # whole or not at all
            put(Path(to), safe.to_csv(index=False, lineterminator="\n", quoting=quoting).encode())
        else:
            safe.to_csv(to, index=False, lineterminator="\n", quoting=quoting)
    except (OSError, ValueError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        where = to if isinstance(to, str | os.PathLike) else "the output"
        raise DataError(f"{where} cannot be written: {reason(error)}", "choose another file") from error


def _visible(frame: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    columns = {}
    for i, name in enumerate(frame.columns):
        column = frame.iloc[:, i]
        if column.dtype.kind not in "biufM":
            cells = [cleaned(cell) if isinstance(cell, str) else cell for cell in column]
            column = pd.Series(cells, index=frame.index, dtype=object)
        columns[i] = column.rename(cleaned(str(name)))
    return pd.concat(columns.values(), axis=1) if columns else frame


def _text_cells(frame: pd.DataFrame) -> Iterator[str]:
    yield from (str(name) for name in frame.columns)
    for name in frame.columns:
        if frame[name].dtype.kind not in "biuf":
            yield from (cell for cell in frame[name] if isinstance(cell, str))


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
