"""Sentences of a report on drift: what was met in new rows, and what cannot be known of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from caviar.analysis.two_samples import distance
from caviar.analysis.units import Unit, other_unit, swapped
from caviar.data.column_sketches import ColumnSketches, numbers_of
from caviar.data.columns import listed, shown
from caviar.data.date_columns import ISO, read_dates
from caviar.data.preprocessing import Preprocessing
from caviar.data.strange_cells import Notes, far_outside, never_seen
from caviar.learners.drift_reference import Reference

if TYPE_CHECKING:
    import pandas as pd

    from caviar.analysis.drift_report import Drift

_FALL = 0.05  # of accuracy, that labelled rows are to show
_POWER = (1.959963984540054 + 0.8416212335729143) ** 2  # a test at 5 % that finds it four times in five
_FAR = 0.3  # distance of a column that is worth a look for another column's numbers


def on_cells(met: Notes) -> Iterator[str]:
    """Notes on texts that training did not have, and on numbers far outside of training's."""
    yield from filter(None, (never_seen(met.unknown), far_outside(met.outside)))


def joined(read: Sequence[str], found: Iterable[str]) -> tuple[str, ...]:
    """All notes, less those from reading that are on the unit of a column of which one is ``found``."""
    found = tuple(found)
    units = [note.partition(" has ")[0] for note in found if note.endswith("look at its unit")]
    return (*(note for note in read if note.partition(" has ")[0] not in units), *found)


def on_columns(known: ColumnSketches, frame: pd.DataFrame, learned: Preprocessing, names: set[str]) -> Iterator[str]:
    """Notes on new columns, on units, on columns that were swapped, on dates."""
    beside = [name for name in frame.columns if name not in (*learned.columns, *learned.target_columns)]
    if beside:
        which = "1 new column" if len(beside) == 1 else f"{len(beside)} new columns"
        yield f"{which}, which training did not have and the network does not see: {listed(beside)}"
    present = [name for name in known.numbers if name in names]
    columns = numbers_of(frame, learned, present)
    x = {name: columns[:, j] for j, name in enumerate(present)}
    far = [name for name in present if distance(known.numbers[name], x[name]) >= _FAR]
    pairs = swapped(known.numbers, x, far)
    for a, b in pairs:
        yield f"{shown(a)} has the numbers that {shown(b)} had in training, and the other way round: were they swapped?"
    for name in (name for name in far if name not in {one for pair in pairs for one in pair}):
        unit = other_unit(known.numbers[name], x[name])
        if unit is not None:
            yield _on_unit(name, unit, float(np.nanmedian(x[name])), known.numbers[name].quantile(0.5))
    for date in learned.dates:
        if date.name in known.dates and date.name in names:
            days = read_dates(frame[date.name], learned.forms.dates.get(date.name, ISO))
            days = days.dropna()
            if len(days):
                first, last = (str(day)[:10] for day in (days.min(), days.max()))
                then = " to ".join(known.dates[date.name])
                yield f"{shown(date.name)} runs from {first} to {last}, in training {then}; dates count as no change"


def _on_unit(name: str, unit: Unit, middle: float, then: float) -> str:
    if unit.degrees:
        by = f"as in degrees {unit.degrees}"
    elif unit.factor > 1:
        by = f"about {unit.factor:,.6g} times as large"
    else:
        by = f"about {1 / unit.factor:,.6g} times as small"
    return f"{shown(name)} has {middle:.6g} in the middle, and had {then:.6g} in training, {by}: look at its unit"


def all_unknown(report: Drift, reference: Reference | None, has_old: bool) -> tuple[str, ...]:
    """Sentences on what the rows that were given cannot show."""
    found = [*report.unknown]
    if reference is None:
        found.append(
            "the outputs were not compared: the model keeps none for rows that it had not seen; tune again to have them"
        )
    if report.score is None:
        labels = "labels that the model knows" if report.new_labels else "labels"
        found.append(
            f"without {labels} nobody can know whether the answers have become worse: the same rows may have other "
            f"labels today, and a change of the columns may do no harm{_rows_needed(reference)}"
        )
        if any(share.estimated is not None for share in report.classes):
            found.append(
                "the estimated shares of classes hold only if the rows of each class look as they did; that cannot be "
                "seen without labels"
            )
    if not has_old:
        found.append(
            "the model keeps no rows, so that columns were compared one by one and in pairs; "
            "with the rows of training (`old=FILE`) a network tries to tell old rows from new ones"
        )
    found.append(
        f"a column that changed by less than {report.detectable:.2f} of its rows may go unseen with "
        f"{report.rows:,} new rows"
    )
    return tuple(found)


def _rows_needed(reference: Reference | None) -> str:
    """The labelled rows that show a fall of the accuracy, by the normal approximation."""
    if reference is None or reference.right is None or not reference.outputs.rows:
        return ""
    then = reference.right / reference.outputs.rows
    now = max(then - _FALL, 0.0)
    rows = math.ceil(_POWER * (now * (1 - now)) / _FALL**2) if then > _FALL else 0
    return f"; about {max(rows, 30):,} labelled rows would show a fall of accuracy from {then:.2f} to {now:.2f}"
