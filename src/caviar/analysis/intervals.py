"""Intervals of 95 %: of a share, of a mean of few repeats, of any metric on rows.

Sources: Wilson, Probable inference, the law of succession, 1927; Student, The probable error of a mean, 1908;
Efron, Bootstrap methods, 1979; Bickel, Götze and van Zwet, Resampling fewer than n observations, 1997.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from caviar.learners.contract import Floats
from caviar.randomness import UInt64, generator

Z = 1.959963984540054  # the 97.5 % point of the normal distribution
_T = (12.706204736174694, 4.302652729749462, 3.182446305283708, 2.776445105197793)
"""The same of Student's t with 1, 2, 3 and 4 degrees of freedom: SciPy, the tests' oracle, takes longer to import than
many a study to conclude."""
_RESAMPLES, _FEWEST = 1000, 200
_DRAWN = 2_000  # rows of a resample, at most
_WORK = 2e6  # rows times outputs that all resamples have: some tenths of a second


def of_share(right: int, rows: int) -> tuple[float, float]:
    """The interval of a share, Wilson's."""
    z2 = Z * Z
    share = right / rows
    centre = (share + z2 / (2 * rows)) / (1 + z2 / rows)
    half = Z / (1 + z2 / rows) * math.sqrt(share * (1 - share) / rows + z2 / (4 * rows * rows))
    return max(centre - half, 0.0), min(centre + half, 1.0)


def student(n: int) -> float:
    """The 97.5 % point of Student's t of ``n`` scores, from 2 to 5."""
    return _T[n - 2]


def of_mean(scores: Sequence[float]) -> tuple[float, float] | None:
    """The interval of the mean of 2 to 5 ``scores``, Student's; None for one."""
    if len(scores) < 2:
        return None
    half = student(len(scores)) * float(np.std(scores, ddof=1)) / math.sqrt(len(scores))
    mean = float(np.mean(scores))
    return mean - half, mean + half


def of_metric(
    metric: Callable[[npt.NDArray[np.intp]], Floats],
    rows: int,
    width: int,
    key: UInt64,
    sets: npt.NDArray[np.integer] | None = None,
) -> tuple[Floats, Floats]:
    """The lower and the upper ends (k,) of the intervals of k numbers, such as scores: percentiles over resamples.

    metric: the numbers (k,) on the rows of the given indices; those that are NaN on a resample are left out of it.
    width: numbers that are predicted a row. sets (rows,): rows of one number are drawn together, where they are not
    independent of one another.

    Of many rows fewer are drawn, and the percentiles' distance from the whole shrinks by the root of their share.
    """
    drawn = min(rows, _DRAWN)
    resamples = int(min(max(_WORK / (drawn * width), _FEWEST), _RESAMPLES))
    stream = generator(key)
    whole = metric(np.arange(rows))
    members: list[npt.NDArray[np.intp]] = []
    if sets is not None:
        members = np.split(np.argsort(sets, kind="stable"), np.cumsum(np.unique(sets, return_counts=True)[1])[:-1])

    def draw() -> npt.NDArray[np.intp]:
        if not members:
            return stream.integers(rows, size=drawn)
        chosen = stream.integers(len(members), size=max(round(len(members) * drawn / rows), 1))
        return np.concatenate([members[i] for i in chosen])

    found = np.array([metric(draw()) for _ in range(resamples)])  # (resamples, k)
    ends = np.full((len(whole), 2), np.nan)
    for j in range(len(whole)):
        sound = found[np.isfinite(found[:, j]), j]
        if len(sound) and np.isfinite(whole[j]):
            ends[j] = whole[j] + (np.percentile(sound, [2.5, 97.5]) - whole[j]) * math.sqrt(drawn / rows)
    return ends[:, 0], ends[:, 1]
