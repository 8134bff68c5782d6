"""The sketches of a table's columns, as a preprocessing reads them: of the rows of training, and of new rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from caviar.data.columns import numbers
from caviar.data.date_columns import ISO, read_dates
from caviar.data.preprocessing import Preprocessing
from caviar.data.relations import MOST, Relations, relations
from caviar.data.sketches import (
    NumberSketch,
    TextSketch,
    most_values,
    number_sketch,
    plain,
    sketch_numbers,
    text_sketch,
)
from caviar.randomness import Purpose, generator, stream_key

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    import pandas as pd

    from caviar.data.columns import Floats

_ROWS, _CELLS, _FEWEST_ROWS = 50_000, 1 << 21, 1_000  # of the rows that sketches are made of: some tenths of a second


@dataclass(frozen=True, eq=False)
class ColumnSketches:
    """Sketches of the columns that a network sees, over so many ``rows``, by name.

    ``dates`` have the first and the last day of each column of dates: later rows have later dates, so that their
    distribution is no fact to compare. ``relations`` are those of the first columns of numbers.
    """

    rows: int
    numbers: Mapping[str, NumberSketch]
    texts: Mapping[str, TextSketch]
    dates: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    relations: Relations | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for a model file."""
        return {
            "rows": self.rows,
            "numbers": {name: plain(sketch) for name, sketch in self.numbers.items()},
            "texts": {name: plain(sketch) for name, sketch in self.texts.items()},
            "dates": {name: list(days) for name, days in self.dates.items()},
            "relations": None if self.relations is None else self.relations.to_dict(),
        }

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> ColumnSketches:
        """The inverse of ``to_dict``. Raises ValueError for what it cannot have written."""
        related = data["relations"]
        return ColumnSketches(
            int(data["rows"]),
            {str(name): number_sketch(one) for name, one in data["numbers"].items()},
            {str(name): text_sketch(one) for name, one in data["texts"].items()},
            {str(name): (str(first), str(last)) for name, (first, last) in data["dates"].items()},
            None if related is None else Relations.from_dict(related),
        )


def sketched_later(
    frame: pd.DataFrame, rows: npt.NDArray[Any], learned: Preprocessing, seed: int
) -> Callable[[], ColumnSketches]:
    """The sketches of ``rows`` of ``frame``, made when they are asked for: training waits for none.

    Of many rows some tens of thousands are drawn, so that little memory is held until then.
    """
    columns = max(len(learned.columns), 1)
    most = int(min(_ROWS, max(_CELLS // columns, _FEWEST_ROWS)))
    if len(rows) > most:
        drawn = generator(stream_key(seed, Purpose.SKETCHES)).permutation(len(rows))[:most]
        rows = np.asarray(rows)[np.sort(drawn)]
    used = [*learned.numbers, *learned.text_columns, *(date.name for date in learned.dates)]
    return partial(sketch_columns, frame.iloc[rows][used], learned)


def sketch_columns(frame: pd.DataFrame, learned: Preprocessing) -> ColumnSketches:
    """The sketches of the rows of ``frame``, which has the columns of ``learned``.

    Columns that were constant in training are left out. Raises DataError, naming row and column, for a cell that cannot
    be read.
    """
    names = [name for name, mu in zip(learned.numbers, learned.deviation, strict=True) if mu > 0]
    x = numbers_of(frame, learned, names)
    most = most_values(len(names))
    found = {name: sketch_numbers(x[:, j], most) for j, name in enumerate(names)}
    related = names[:MOST]
    return ColumnSketches(
        rows=len(frame),
        numbers=found,
        texts=texts_of(frame, learned),
        dates=_days(frame, learned),
        relations=relations(found, related, x[:, : len(related)]) if len(related) > 1 else None,
    )


def numbers_of(frame: pd.DataFrame, learned: Preprocessing, names: list[str]) -> Floats:
    """The numbers (m, c) of the columns ``names`` in the notation of training, NaN where one is missing."""
    return numbers(frame, names, learned.forms.numbers).to_numpy(np.float64)


def texts_of(frame: pd.DataFrame, learned: Preprocessing) -> dict[str, TextSketch]:
    """The sketch of each column of text: counts of the categories that it has in ``learned``."""
    found = {}
    for text in learned.texts:
        out = np.empty((len(frame), text.cells), dtype=np.float32)
        missing, _ = text.apply(frame[text.name], out)
        codes = out[:, 0].astype(np.intp)
        counts = np.bincount(codes[codes >= 0], minlength=len(text.categories))[: len(text.categories)]
        found[text.name] = TextSketch(len(frame), missing, text.categories, tuple(counts.tolist()))
    return found


def _days(frame: pd.DataFrame, learned: Preprocessing) -> dict[str, tuple[str, str]]:
    """The first and the last day of each column of dates; none where all are missing."""
    found = {}
    for date in learned.dates:
        days = read_dates(frame[date.name], learned.forms.dates.get(date.name, ISO)).to_numpy(dtype="datetime64[us]")
        days = days[~np.isnat(days)]
        if len(days):
            first, last = (str(day.astype("datetime64[D]")) for day in (days.min(), days.max()))
            found[date.name] = first, last
    return found
