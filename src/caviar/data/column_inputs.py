"""Which inputs of a network come from which column of the table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from caviar.data.preprocessing import Preprocessing


@dataclass(frozen=True, eq=False)
class ColumnInputs:
    """The ``inputs`` (k,) of a network that come from one column, of ``kind`` number, text or date."""

    name: str
    kind: str
    inputs: npt.NDArray[np.intp]


def column_inputs(learned: Preprocessing) -> tuple[ColumnInputs, ...]:
    """The inputs of each column that the network sees, in the order of the table; constant ones are left out."""
    found = {
        name: ColumnInputs(name, "number", np.array([i]))
        for i, (name, deviation) in enumerate(zip(learned.numbers, learned.deviation, strict=True))
        if deviation > 0
    }
    start = len(learned.numbers)
    for kind, columns in (("text", learned.texts), ("date", learned.dates)):
        for column in columns:
            found[column.name] = ColumnInputs(column.name, kind, np.arange(start, start + column.width))
            start += column.width
    return tuple(found[name] for name in learned.columns if name in found)
