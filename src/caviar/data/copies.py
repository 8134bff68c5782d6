"""Rows with the same features: copies of one another go to one part together, or one is tested that was trained on.

Notation
    m        rows
    sets     the rows that are equal to one another; a row without a copy is a set of its own
    pairs    of equal rows: a set of c rows has c (c - 1) / 2

Rows are compared as the network sees them: numbers as float64, a missing value equal to another, identifiers left out.
Labels do not count: a row may have been copied with another one.

Equal rows are not always copies. Where columns have few different values, rows meet by chance, as people do who are of
one sex, class and age; rows to come will meet those of training, too, and keeping equal rows together would test on
combinations that training never saw. So two cases are told apart: if the columns were independent, chance alone would
give p_1 p_2 ... m (m - 1) / 2 pairs, where p_j is the share of equal pairs in column j. Columns depend on one another,
and the true number is larger; but where it is more than BY_CHANCE times as large, rows were copied.

For categories (text, and numbers of FEW values at most) p_j is counted in all rows, and a column that another one
determines, as a city its number, is not counted again. For other numbers it is counted among different rows, since the
copies themselves would pass for chance. Where equal rows are less than a tenth of all, they stay together anyway: that
does no harm. Where they are too many to be dealt out, they cannot.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from caviar.data.columns import codes, is_date, is_number, is_text, row_blocks
from caviar.data.deal import Indices
from caviar.randomness import UInt64

if TYPE_CHECKING:
    import pandas as pd

BY_CHANCE = 30.0
FEW = 20  # numbers in a column of categories; and sets, to be dealt out to parts
FEW_ROWS = 0.1  # of all rows that are equal to an earlier one
LARGEST_SHARE = 0.2  # of the rows in one set, to be dealt out

_FIRST = 4  # columns that are hashed first, then twice as many more, and so on
_MOST = 2_000  # rows that the chance is worked out from
_HOPELESS = -60.0  # the log of a chance that no table is long enough for
_CELLS = 1 << 18  # hashed at once: 2 MiB, which a cache holds


class Copies(NamedTuple):
    """The set (m,) of every row, numbered from 0, or None where no row has a copy to be kept together with.

    ``equal`` counts the rows that are equal to an earlier one, ``first`` is the first of these, and ``relabelled``
    counts those whose label is not that of the first row of their set. ``apart`` is the reason why copies are not kept
    together, where there is one.
    """

    sets: Indices | None = None
    equal: int = 0
    first: int = 0
    relabelled: int = 0
    apart: str = ""

    def notes(self, in_time: bool = False) -> tuple[str, ...]:
        """A sentence on the copies, where there are any, and on what is done with them; or, ``in_time``, is not."""
        if not self.equal:
            return ()
        where = f"the first is row {self.first + 1}" if self.equal > 1 else f"row {self.first + 1}"
        if self.relabelled:
            where += f"; {self.relabelled:,} with another label"
        if in_time:
            done = "only their times decide on their parts"
        elif self.sets is None:
            done = f"{self.apart}, so duplicates may be in two parts"
        else:
            done = "duplicates stay in one part, so that none is tested on that was trained on"
        rows = f"{self.equal:,} rows are duplicates of earlier ones" if self.equal > 1 else "1 row is a duplicate"
        return (f"{rows} in all features ({where}): {done}",)


def copies(frame: pd.DataFrame, columns: Sequence[str], target: pd.Series[Any]) -> Copies:
    """The copies among the rows of ``frame`` (m, n), by these ``columns``; ``target`` (m,) are their labels."""
    kinds = dict(zip(frame.columns, frame.dtypes, strict=True))
    cheap_first = sorted(columns, key=lambda name: not is_number(kinds[name]))
    found, done = np.zeros(len(frame), dtype=np.uint64), 0
    while done < len(columns):  # mostly a few columns tell all rows apart
        some = cheap_first[done : 2 * done + _FIRST]
        found += row_hashes(frame, some, columns)
        done += len(some)
        ordered = np.sort(found)
        if not (ordered[1:] == ordered[:-1]).any():
            return Copies()
    _, first, sets, counts = np.unique(found, return_index=True, return_inverse=True, return_counts=True)
    sets = sets.astype(np.int64)
    later = np.ones(len(found), dtype=bool)
    later[first] = False
    pairs = float((counts * (counts - 1.0)).sum() / 2)
    m, equal, apart = len(found), int(later.sum()), ""
    if len(counts) < FEW or counts.max() > LARGEST_SHARE * m:
        apart = "these are too many to be kept together"
    elif equal > FEW_ROWS * m and pairs <= BY_CHANCE * math.exp(_log_chance(frame, columns, first)) * m * (m - 1) / 2:
        apart = "with so few different values in each column that may be chance"
    labels = codes(target.to_numpy())
    return Copies(
        sets=None if apart else sets,
        equal=equal,
        first=int(np.flatnonzero(later)[0]),
        relabelled=int((labels != labels[first][sets]).sum()),
        apart=apart,
    )


def shared_rows(frame: pd.DataFrame, other: pd.DataFrame, columns: Sequence[str]) -> int:
    """The number of rows of ``frame`` that are rows of ``other``, too, by these ``columns``."""
    return int(np.isin(row_hashes(frame, columns), row_hashes(other, columns)).sum())


def row_hashes(frame: pd.DataFrame, columns: Sequence[str], of: Sequence[str] | None = None) -> UInt64:
    """64 bits (m,) for the cells of every row: equal for equal rows, and for others by an accident of 1 in 2**64.

    The hash of the columns ``of``, by default the same, is the sum of those of its parts.
    """
    import pandas as pd

    positions = frame.columns.get_indexer(pd.Index(columns))
    every_salt = np.random.Philox(key=np.array([0, 0], dtype=np.uint64)).random_raw(len(of or columns))
    salts = every_salt[pd.Index(of or columns).get_indexer(pd.Index(columns))]
    found = np.zeros(len(frame), dtype=np.uint64)
    dtypes = frame.dtypes.tolist()
    text = np.array([not is_number(dtypes[i]) for i in positions])
    numbers = positions[~text]
    every = len(numbers) == frame.shape[1]
    for rows in row_blocks(len(frame), max(len(numbers), 1), _CELLS):
        block = frame.iloc[rows] if every else frame.iloc[rows, numbers]
        x = np.array(block.to_numpy(np.float64), order="C") + 0.0  # no negative zero
        x[np.isnan(x)] = np.nan  # one NaN
        found[rows] += _mixed(x.view(np.uint64) ^ salts[~text]).sum(axis=1)
    for position, salt in zip(positions[text], salts[text], strict=True):
        column = frame.iloc[:, position]
        if is_date(column.dtype):
            found += _mixed(column.to_numpy("datetime64[us]").view(np.uint64) ^ salt)
            continue
        places, texts = pd.factorize(column)
        hashed = pd.util.hash_array(np.array([*texts.astype(str), ""], dtype=object), categorize=False)
        hashed[-1] ^= np.uint64(1)  # missing is no text
        found += _mixed(hashed[places] ^ salt)
    return found


def _mixed(x: UInt64) -> UInt64:
    """Every bit of ``x`` spread over all (Steele, Lea and Flood, Fast splittable pseudorandom generators, 2014)."""
    x ^= x >> np.uint64(30)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return x


def _log_chance(frame: pd.DataFrame, columns: Sequence[str], different: Indices) -> float:
    """The log of the chance that two rows are equal, if the columns were independent; ``different`` are rows (k,)."""
    import pandas as pd

    every, once = _sample(np.arange(len(frame))), _sample(np.sort(different))
    chance, categories = 0.0, list[Indices]()
    for position in frame.columns.get_indexer(pd.Index(columns)).tolist():
        column = frame.iloc[:, position]
        values = codes(column.iloc[every].to_numpy())
        if is_text(column.dtype) or values.max() < FEW:
            if any(_determines(other, values) for other in categories):
                continue
            categories.append(values)
        else:
            values = codes(column.iloc[once].to_numpy())
        counts = np.bincount(values)
        equal = float((counts * (counts - 1.0)).sum()) / 2
        chance += math.log(max(equal, 0.5) / (len(values) * (len(values) - 1) / 2))
        if chance < _HOPELESS:
            break
    return chance


def _sample(rows: Indices) -> Indices:
    """Up to _MOST of ``rows``, evenly spaced."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, _MOST).astype(np.int64))]


def _determines(one: Indices, other: Indices) -> bool:
    """True where equal values in ``one`` column (k,) have equal values in the ``other`` (k,)."""
    both = one * (int(other.max(initial=0)) + 1) + other
    return len(np.unique(both)) == len(np.unique(one))
