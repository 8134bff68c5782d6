"""Single columns that give the target away.

Notation
    k      rows that are looked at, drawn from the training rows; the same for every column
    v, y   a column's values and the targets of these rows (k,), in the order of v
    s      score of a column: how well its rows predict one another

A rule with one column: the prediction for a row is made of rows near it, itself left out. That is cross-validated,
needs no training, takes straight and crooked relations alike, and costs one sort.

    numbers, classes   the class of the nearest row in the order of v
    numbers, numbers   the mean rank of y of the _SIDE nearest rows on either side
    text               the most frequent class, or the mean rank, among the rows of the same text; rows without such are
                       left out, and where they are more than half the score is 0

Missing values are equal to one another, and larger than all. Rows with equal values are in random order. s is the
balanced accuracy, the mean over classes of the share that is right; or the R2 of ranks, which rank correlation squared
is for straight relations.

A column of s above GIVEN_AWAY gets a note and stays: it may be what the user wants to predict from. Real features do
not come near: the best of scikit-learn's tables has 0.91, the petals of iris.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from caviar import randomness
from caviar.data.columns import Floats, codes, is_date, is_number, is_text, option, shown
from caviar.data.deal import Indices

if TYPE_CHECKING:
    import pandas as pd

GIVEN_AWAY = 0.97
ENOUGH = 20  # rows; of fewer, some column always tells them apart

_ROWS = 4_000
_CELLS = 1 << 20  # of columns that are sorted at once
_SIDE = 4  # rows


def leaks(
    frame: pd.DataFrame,
    columns: Sequence[str],
    target: pd.Series[Any],
    rows: Indices,
    regression: bool,
    seed: int,
    time: str | None = None,
    sets: Indices | None = None,
) -> tuple[str, ...]:
    """A note on those ``columns`` of ``frame`` (m, n) that alone give ``target`` (m,) away, on training ``rows``.

    The column of the ``time`` is left out: it is known when predicting. Of copies, rows of one of the ``sets`` (m,),
    only the first is looked at: by a copy of itself any row would be predicted well.
    """
    if sets is not None:
        rows = rows[np.unique(sets[rows], return_index=True)[1]]
    columns = [name for name in columns if name != time]
    found = column_scores(frame, columns, target, rows, regression, seed)
    given = sorted((name for name in found if found[name] > GIVEN_AWAY), key=lambda name: -found[name])
    if not given:
        return ()
    kind = "R2 of ranks" if regression else "balanced accuracy"
    columns = ", ".join(f"{shown(name)} ({kind} {found[name]:.3f})" for name in given[:5])
    more = f" and {len(given) - 5} more" if len(given) > 5 else ""
    gives, it_is, it = ("gives", "it is", "it") if len(given) == 1 else ("give", "they are", "them")
    return (
        f"{columns}{more} alone {gives} {shown(target.name)} away; if {it_is} not known when predicting, leave {it} "
        f"out: {option('ignore', given)}",
    )


def column_scores(
    frame: pd.DataFrame, columns: Sequence[str], target: pd.Series[Any], rows: Indices, regression: bool, seed: int
) -> dict[str, float]:
    """The score of each of ``columns`` as a rule for ``target`` (m,) on these ``rows``; see the head of this file."""
    import pandas as pd

    n, positions = len(columns), frame.columns.get_indexer(pd.Index(columns))
    if len(rows) < ENOUGH or not n:
        return {}
    key = randomness.stream_key(seed, randomness.Purpose.LEAKS)
    rows = rows[np.argsort(randomness.raw(key, (0, 0, 0, 0), len(rows)), kind="stable")[:_ROWS]]
    labels = target.iloc[rows].to_numpy()
    y = codes(labels)
    if not y.any():
        return {}
    ranks = _ranks(labels.astype(np.float64)) if regression else None
    scores = np.empty(n)
    dtypes = frame.dtypes.tolist()
    text = np.array([is_text(dtypes[position]) for position in positions], dtype=bool)
    numbers = np.flatnonzero(~text)
    step = max(1, _CELLS // len(rows))
    for start in range(0, len(numbers), step):
        some = numbers[start : start + step]
        values = _numbers(frame.iloc[rows, positions[some]])
        scores[some] = _of_classes(values, y) if ranks is None else _of_numbers(values, ranks)
    for one in np.flatnonzero(text).tolist():
        words = codes(frame.iloc[:, positions[one]].iloc[rows].to_numpy())
        scores[one] = _of_text(words, y, ranks)
    return dict(zip(columns, scores.tolist(), strict=True))


def _of_classes(values: Floats, y: Indices) -> Floats:
    """The balanced accuracy (n,) of the nearest row's class, for columns of ``values`` (n, k)."""
    order = np.argsort(values, axis=1, kind="stable")
    v, labels = np.take_along_axis(values, order, axis=1), y[order]
    with np.errstate(invalid="ignore"):
        gaps = np.diff(v, axis=1)  # (n, k - 1)
    gaps[np.isnan(gaps)] = 0.0  # between two missing values
    before = np.pad(gaps, ((0, 0), (1, 0)), constant_values=np.inf)
    after = np.pad(gaps, ((0, 0), (0, 1)), constant_values=np.inf)
    right = np.where(
        before <= after,
        np.roll(labels, 1, axis=1) == labels,
        np.roll(labels, -1, axis=1) == labels,
    )
    counts = np.bincount(y)
    weights = 1.0 / (np.count_nonzero(counts) * np.maximum(counts, 1.0))
    scores: Floats = (right * weights[labels]).sum(axis=1)
    return scores


def _of_numbers(values: Floats, y: Floats) -> Floats:
    """The R2 (n,) of the mean of the nearest rows' ``y``, for columns of ``values`` (n, k)."""
    order = np.argsort(values, axis=1, kind="stable")
    near = y[order]
    k = len(y)
    side = min(_SIDE, (k - 1) // 2)
    sums = np.pad(np.cumsum(near, axis=1), ((0, 0), (1, 0)))  # (n, k + 1)
    places = np.arange(k)
    low, high = np.maximum(places - side, 0), np.minimum(places + side + 1, k)
    predicted = (sums[:, high] - sums[:, low] - near) / (high - low - 1)
    error = ((near - predicted) ** 2).sum(axis=1)
    scores: Floats = 1.0 - error / ((y - y.mean()) ** 2).sum()
    return scores


def _numbers(frame: pd.DataFrame) -> Floats:
    """The values (n, k) to sort by, the missing ones infinite."""
    if not all(map(is_number, set(frame.dtypes))):
        dates = {name: frame[name].to_numpy("datetime64[us]") for name, dtype in frame.dtypes.items() if is_date(dtype)}
        frame = frame.assign(
            **{str(name): np.where(np.isnat(times), np.nan, times.astype(np.int64)) for name, times in dates.items()}
        )
    found: Floats = np.array(frame.to_numpy(np.float64).T, order="C")
    found[np.isnan(found)] = np.inf
    return found


def _of_text(words: Indices, y: Indices, ranks: Floats | None) -> float:
    """The score of a column of ``words`` (k,), for classes ``y`` (k,) or the ``ranks`` of numbers."""
    together = np.bincount(words)[words]
    known = together > 1  # besides the row itself
    if 2 * np.count_nonzero(known) < len(words):
        return 0.0
    if ranks is not None:
        means = (np.bincount(words, ranks)[words] - ranks)[known] / (together - 1)[known]
        return float(1.0 - ((ranks[known] - means) ** 2).sum() / ((ranks[known] - ranks[known].mean()) ** 2).sum())
    classes = int(y.max()) + 1
    counts = np.bincount(words * classes + y, minlength=(int(words.max()) + 1) * classes).reshape(-1, classes)
    others = counts[words[known]]  # (known, classes)
    others[np.arange(len(others)), y[known]] -= 1
    right = others.argmax(axis=1) == y[known]
    total = np.bincount(y[known], minlength=classes)
    shares = np.bincount(y[known], right, minlength=classes)[total > 0] / total[total > 0]
    return float(shares.mean())


def _ranks(y: Floats) -> Floats:
    """The mean rank (k,) of every value among all."""
    _, place, counts = np.unique(y, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[place]
