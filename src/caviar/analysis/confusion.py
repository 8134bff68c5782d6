"""Confusion: which class was taken for which."""

from __future__ import annotations

import numpy as np

from caviar.learners.contract import Floats
from caviar.learners.scoring import Targets
from caviar.records.result import Confusion, Mistaken

_MATRIX = 100  # classes; of more, the pairs alone are kept
_PAIRS = 1_000


def confusion(outputs: Floats, y: Targets, classes: tuple[str | int | bool, ...]) -> Confusion:
    """The confusion of the predictions in ``outputs`` (m, C) for rows with the true classes ``y`` (m,)."""
    width = len(classes)
    counts = np.bincount(y.astype(np.int64) * width + outputs.argmax(axis=1), minlength=width * width)
    matrix = counts.reshape(width, width)  # a row a true class, a column a predicted one
    wrong = matrix - np.diag(np.diag(matrix))
    order = np.argsort(-wrong, axis=None, kind="stable")[:_PAIRS]
    pairs = [divmod(int(k), width) for k in order if wrong.flat[k]]
    return Confusion(
        classes=list(classes),
        rows=matrix.sum(axis=1).tolist(),
        right=np.diag(matrix).tolist(),
        pairs=[Mistaken(classes[a], classes[b], int(wrong[a, b])) for a, b in pairs],
        matrix=matrix.tolist() if width <= _MATRIX else None,
    )
