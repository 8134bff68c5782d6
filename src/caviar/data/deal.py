"""Sets of rows dealt out to parts, whole: the rows of a group, or the copies of a row.

Notation
    m, K, C, P   rows, sets, classes, parts
    codes        class of every row (m,), 0 to C - 1
    sets         set of every row (m,), 0 to K - 1
    v            rows of every class in a set (C,); sets with the same v are of one kind
    n            rows of every class in all (C,)
    lack         rows of every class that a part is still to get (P, C): at first its share of n

Kinds are dealt from the largest to the smallest, as a crate is packed; inside a kind the seed decides the order of the
sets. A set goes where it makes the squared distances to the shares, each class by its n, smallest: to the part whose
v . lack / n is largest (scikit-learn's StratifiedGroupKFold compares standard deviations instead). Of a kind with many
sets each part gets its share of the lack at once, and only the rest is dealt set by set. So with many small sets every
class is in every part in proportion, and with few large ones as nearly as they allow.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from caviar import randomness
from caviar.randomness import UInt64

Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class _Counts:
    """The rows of every class in every set, without the zeros: entry e says that ``sets[e]`` has ``rows[e]``."""

    def __init__(self, codes: Indices, sets: Indices) -> None:
        self.n_classes, self.n_sets = int(codes.max()) + 1, int(sets.max()) + 1
        pairs, rows = np.unique(sets.astype(np.int64) * self.n_classes + codes, return_counts=True)
        self.sets, self.classes = np.divmod(pairs, self.n_classes)
        self.rows = rows.astype(np.int64)
        self.starts = np.searchsorted(self.sets, np.arange(self.n_sets + 1))  # of every set's entries
        self.sizes = np.add.reduceat(self.rows, self.starts[:-1])

    def of(self, one: int) -> tuple[Indices, Indices]:
        """The classes in a set, and their rows."""
        entries = slice(self.starts[one], self.starts[one + 1])
        return self.classes[entries], self.rows[entries]

    def by_class(self, chosen: npt.NDArray[np.bool_]) -> Floats:
        """The rows (C,) of every class in the ``chosen`` sets (K,)."""
        rows = self.rows * chosen[self.sets].astype(np.float64)
        return np.bincount(self.classes, rows, minlength=self.n_classes).astype(np.float64)

    def kinds(self) -> UInt64:
        """A number (K,) for every set: the same for sets of the same rows of every class."""
        salt = np.random.Philox(key=np.array([0, 0], dtype=np.uint64)).random_raw(self.n_classes)
        return np.add.reduceat(salt[self.classes] * self.rows.astype(np.uint64), self.starts[:-1])


def deal(codes: Indices, sets: Indices, shares: Sequence[float], key: UInt64) -> Indices:
    """The part (K,) of every set, so that each part has its share of every class as nearly as whole sets allow."""
    counts = _Counts(codes, sets)
    return _dealt(counts, np.array(shares), key, np.full(counts.n_sets, -1))


def deal_with_training(codes: Indices, sets: Indices, shares: Sequence[float], key: UInt64) -> tuple[Indices, Indices]:
    """``deal``, with training as the last part; and the classes that are in too few sets to be in every part.

    All sets of such a class are for training, and training has every class.
    """
    counts, training = _Counts(codes, sets), len(shares) - 1
    small = np.bincount(counts.classes, minlength=counts.n_classes) <= training
    known = np.full(counts.n_sets, -1)
    known[counts.sets[small[counts.classes]]] = training
    part = _dealt(counts, np.array(shares), key, known)
    for absent in np.flatnonzero(counts.by_class(part == training) == 0):
        with_it = counts.sets[counts.classes == absent]
        part[with_it[np.argmin(counts.sizes[with_it])]] = training
    return part, np.flatnonzero(small)


def _dealt(counts: _Counts, shares: Floats, key: UInt64, known: Indices) -> Indices:
    """The part (K,) of every set; ``known`` are those that are dealt already, else -1."""
    part = known.astype(np.int64)
    n = np.maximum(counts.by_class(np.ones(counts.n_sets, dtype=bool)), 1.0)
    lack = np.outer(shares, n)
    for already in np.unique(part[part >= 0]):
        lack[already] -= counts.by_class(part == already)
    order = np.argsort(randomness.raw(key, (0, 0, 0, 0), counts.n_sets), kind="stable")
    order = order[part[order] < 0]
    _, kind, many = np.unique(counts.kinds()[order], return_inverse=True, return_counts=True)
    order = order[np.argsort(kind, kind="stable")]  # kind by kind, shuffled inside
    ends = np.cumsum(many)
    sizes = counts.sizes[order[ends - many]] if len(order) else ends
    for k in np.argsort(-sizes, kind="stable").tolist():
        one_by_one = order[ends[k] - many[k] : ends[k]]
        classes, rows = counts.of(int(one_by_one[0]))
        weights = rows / n[classes]
        if many[k] > len(shares):
            wanted = np.maximum(_sums(lack[:, classes] * weights), 0.0)
            at_once = np.floor(many[k] * wanted / max(float(wanted.sum()), 1e-300)).astype(np.int64)
            dealt, one_by_one = np.split(one_by_one, [int(at_once.sum())])
            part[dealt] = np.repeat(np.arange(len(shares)), at_once)
            lack[:, classes] -= np.outer(at_once, rows)
        for one in one_by_one.tolist():
            nearness = _sums(lack[:, classes] * weights)
            best = int(np.argmax(np.where(nearness == nearness.max(), _sums(lack), -np.inf)))  # of equals, the emptiest
            part[one] = best
            lack[best, classes] -= rows
    for empty in np.flatnonzero(np.bincount(part, minlength=len(shares)) == 0):
        fullest = int(np.argmax(np.bincount(part)))
        given = np.flatnonzero((part == fullest) & (known < 0))
        if len(given) and np.count_nonzero(part == fullest) > 1:
            part[given[np.argmin(counts.sizes[given])]] = empty
    return part


def _sums(x: Floats) -> Floats:
    """The sums of the rows of ``x``, from left to right: the same bits on every machine, as no dot product has."""
    sums: Floats = np.cumsum(x, axis=1)[:, -1]
    return sums
