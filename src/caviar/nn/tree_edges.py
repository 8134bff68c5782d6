"""The edges of a small decision tree on one input: where the target changes along it.

Notation
    m, d     rows; numbers of the target: the number itself, an indicator of each class, or a bit of each of several
    x        (m,) the input in rising order
    s        (m + 1, d) sums of the target over the rows before each
    a, b     the first row of a leaf, and the one after its last
    gain     |s_p - s_a|^2 / (p - a) + |s_b - s_p|^2 / (b - p) - |s_b - s_a|^2 / (b - a), of a cut before row p: by how
             much it lowers the squared error of the leaves' means, or m times their Gini impurity

The leaf whose best cut gains the most is cut next. This is scikit-learn's tree with ``max_leaf_nodes``, for one input:
a table of a budget of two seconds has no time to import it. The tests compare the two.

Source: Breiman, Friedman, Olshen and Stone, Classification and regression trees, 1984, sections 4.3 and 8.3.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_APART = np.float32(1e-7)  # values that are closer together are not cut apart


def tree_edges(x: npt.NDArray[np.float32], y: npt.NDArray[Any], leaves: int, smallest: int) -> Floats:
    """The cuts of the tree with ``leaves`` at most, each of ``smallest`` rows or more, in rising order.

    x: (m,) the input. y: (m,) classes from 0 on, or float numbers, or (m, K) the bits of several targets.
    """
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    t = y if y.ndim == 2 else y[:, None] if y.dtype.kind == "f" else _indicators(y)  # (m, d)
    s = np.vstack([np.zeros((1, t.shape[1])), t])
    np.cumsum(s, axis=0, out=s)
    cuttable = np.concatenate([[False], x[1:] > x[:-1] + _APART])  # (m,) a cut before the row parts two values
    cuts: list[int] = []
    waiting: list[tuple[float, int, int, int]] = []  # (-gain, a, p, b), the largest gain first

    def consider(a: int, b: int) -> None:
        p, gain = _best_cut(s, cuttable, a, b, smallest)
        if p and np.any(y[a:b].min(axis=0) < y[a:b].max(axis=0)):
            heappush(waiting, (-gain, a, p, b))

    consider(0, len(x))
    while waiting and len(cuts) < leaves - 1:
        _, a, p, b = heappop(waiting)
        cuts.append(p)
        consider(a, p)
        consider(p, b)
    at = np.sort(np.array(cuts, dtype=np.int64))
    between = x[at - 1].astype(np.float64) / 2 + x[at].astype(np.float64) / 2
    return np.where(between == x[at], x[at - 1], between)


def _indicators(y: npt.NDArray[Any]) -> Floats:
    """(m, d): 1 in the class of each row of ``y`` (m,), else 0."""
    found = np.zeros((len(y), int(y.max()) + 1))
    found[np.arange(len(y)), y] = 1.0
    return found


def _best_cut(s: Floats, cuttable: npt.NDArray[np.bool_], a: int, b: int, smallest: int) -> tuple[int, float]:
    """The row before which the leaf of rows ``a`` to ``b`` is best cut, and the gain; 0 where it cannot be cut."""
    p = a + smallest + np.flatnonzero(cuttable[a + smallest : b - smallest + 1])
    whole = s[b] - s[a]
    if not len(p):
        return 0, 0.0
    left = s[p] - s[a]  # (cuts, d)
    right = whole - left
    parts = np.einsum("pd,pd->p", left, left) / (p - a) + np.einsum("pd,pd->p", right, right) / (b - p)
    best = int(parts.argmax())
    return int(p[best]), float(parts[best] - whole @ whole / (b - a))
