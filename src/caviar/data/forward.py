"""Rows in time: the past predicts the future.

A network is trained on the earliest rows, chosen by later ones, and tested on the latest. Rows of one time are never
in two parts. Folds go forward too: each is predicted from all rows before it (scikit-learn's TimeSeriesSplit).

Notation
    m      rows
    times  the place (m,) of every row's time among all different times, from 0
    T      different times
    ends   rows (T,) up to and including each time
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from caviar.data.columns import is_text, option, shown
from caviar.data.dates import ORDERS, moment
from caviar.data.deal import Indices
from caviar.data.split import SHARE, Split
from caviar.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

_SAMPLE = 200  # different texts that are looked at for dates


def times_of(column: pd.Series[Any]) -> pd.Series[Any]:
    """The times of a column of numbers or dates, as they are compared. Raises DataError for any other, or a gap."""
    name = shown(column.name)
    absent = np.flatnonzero(column.isna())
    if len(absent):
        raise DataError(
            f"every row must have a time, but {len(absent):,} of {len(column):,} rows have none in {name}, "
            f"the first is row {int(absent[0]) + 1}",
            "fill the times in, or remove these rows",
        )
    text = is_text(column.dtype) or column.dtype == np.bool_
    dates = text and any(moment(cell, order) for cell in column.astype(str).unique()[:_SAMPLE] for order in ORDERS)
    if column.nunique() == 1 and (dates or not text):
        raise DataError(
            f"`time` must name a column of different times, but every row of {name} has {shown(column.tolist()[0])}",
            "name another, or leave `time` out",
        )
    if text:
        says = f"; or say that it holds dates, and what is none is missing: {option('date', [column.name])}"
        raise DataError(
            f"`time` must name a column of numbers or dates, but row 1 of {name} is {shown(column.tolist()[0])}",
            f"write all of it in one way, such as 2024-01-31{says if dates else ', or as numbers'}",
        )
    return column


def places_in_time(times: pd.Series[Any]) -> Indices:
    """The place (m,) of every row's time among the different ones."""
    import pandas as pd

    places, _ = pd.factorize(times, sort=True)
    return places.astype(np.int64)


def split_in_time(times: Indices, test: bool = True) -> Split:
    """The latest rows, about 20 %, for the ``test`` if there is one; those before for validation, about as many.

    Raises DataError for fewer different times than parts.
    """
    parts = 3 if test else 2
    ends = np.cumsum(np.bincount(times))
    if len(ends) < parts:
        raise DataError(
            f"a split into {parts} parts in time needs {parts} different times, got {len(ends)}",
            "choose another column, or leave out `time`",
        )
    wanted = math.ceil(round(SHARE * len(times), 9))
    test_from = _cut(ends, len(times) - wanted, 2, len(ends) - 1) if test else len(ends)
    validation_from = _cut(ends, int(ends[test_from - 1]) - wanted, 1, test_from - 1)
    return Split(
        train=np.flatnonzero(times < validation_from),
        validation=np.flatnonzero((times >= validation_from) & (times < test_from)),
        test=np.flatnonzero(times >= test_from),
    )


def forward_folds(times: Indices, k: int) -> list[tuple[Indices, Indices]]:
    """Up to ``k`` pairs of rows, (earlier, those to predict), that go forward in time; fewer for fewer times.

    The folds are as large as 1 / (k + 1) of the rows, and those before the first are for training alone.
    """
    places = np.unique(times, return_inverse=True)[1]
    ends = np.cumsum(np.bincount(places))
    m, last = len(times), len(ends)
    cuts = [_cut(ends, m - (k - fold) * (m // (k + 1)), 1, last - 1) for fold in range(k)]
    borders = [*sorted(set(cuts)), last]
    pairs = [
        (np.flatnonzero(places < start), np.flatnonzero((places >= start) & (places < end)))
        for start, end in pairwise(borders)
    ]
    return [pair for pair in pairs if len(pair[0]) > 1] or pairs[-1:]  # a single row is no training


def _cut(ends: npt.NDArray[Any], rows: int, lowest: int, highest: int) -> int:
    """The time, between two others, before which there are nearest to so many ``rows``."""
    before = ends[lowest - 1 : highest]
    return lowest + int(np.argmin(np.abs(before - rows)))
