"""The mix of classes among new rows, estimated without their labels: black box shift estimation.

Notation
    C        classes
    J (C, C)   J_ij: share of the sealed rows that is predicted as i and is j
    mu (C,)  share of the new rows that is predicted as i
    p, q     shares (C,) of the classes, then and now
    w        q / p

Where only the mix of classes has changed, and the rows of a class look as they did, the network's mistakes are those
that it made then, and mu = J w. So w = J^-1 mu, and q = w p. Shares below 0 are set to 0, and the others add up to 1.
Whether that is so cannot be seen without labels; where it is not, q is wrong.

The interval of q is that of 95 % of resamples: of the sealed rows, and of the new ones.

Source: Lipton, Wang and Smola, Detecting and correcting for label shift with black box predictors, 2018.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from caviar.data.columns import Floats

_RESAMPLES = 400
_FEWEST = 5  # sealed rows of a class, below which nothing is known of how it is predicted
_SINGULAR = 0.05  # the least singular value of the shares by true class: below it classes are not told apart


class Mix(NamedTuple):
    """The shares (C,) of the classes ``now``, with the ends of their intervals."""

    now: Floats
    low: Floats
    high: Floats


def mix_of_classes(
    confusion: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64], stream: np.random.Generator
) -> Mix | str:
    """The mix of classes of new rows with so many ``predicted`` (C,) of each, or why it cannot be estimated.

    ``confusion`` (C, C) counts the sealed rows by predicted and by true class.
    """
    true = confusion.sum(axis=0)
    if true.min() < _FEWEST:
        return f"a class has fewer than {_FEWEST} rows in the sealed test part"
    if np.linalg.svd(confusion / true, compute_uv=False).min() < _SINGULAR:
        return "the network hardly tells two of the classes apart"
    now = _solved(confusion, predicted)
    size, m = int(confusion.sum()), int(predicted.sum())
    drawn = stream.multinomial(size, (confusion / size).ravel(), size=_RESAMPLES).reshape(-1, *confusion.shape)
    counts = stream.multinomial(m, predicted / m, size=_RESAMPLES)
    found = np.array([_solved(a, b) for a, b in zip(drawn, counts, strict=True) if a.sum(axis=0).min() > 0])
    low, high = np.percentile(found, [2.5, 97.5], axis=0)
    return Mix(now, np.minimum(low, now), np.maximum(high, now))


def _solved(confusion: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64]) -> Floats:
    """q from the counts, see above."""
    joint = confusion / confusion.sum()
    w = np.linalg.lstsq(joint, predicted / predicted.sum(), rcond=None)[0]
    q = np.maximum(w, 0.0) * joint.sum(axis=0)
    return np.asarray(q / max(q.sum(), 1e-300))
