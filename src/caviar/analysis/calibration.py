"""The calibration of a model's probabilities, and its effect on rows that the networks have not seen.

Notation
    p (k, n, C)    probabilities that k networks of one config gave n rows;  y (n,)  the true classes
    cells          rows of p that are one row of the table: its several targets, 1 where there is one target
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from caviar.learners.contract import Floats
from caviar.learners.temperature import temperature_of, tempered
from caviar.nn.metrics import calibration_error, log_loss
from caviar.records.result import Calibration

_SMALLEST = 1e-15  # as in log_loss


def calibration(p: Floats, y: npt.NDArray[np.integer], cells: int = 1) -> Calibration:
    """The temperature for ``p`` and its effect; 1 where it lowers the log loss by no more than its standard error.

    The standard error is over the table's n / cells rows, however many networks have predicted each of them.
    """
    k, all_cells, classes = p.shape
    n = all_cells // cells
    before, every = p.reshape(k * all_cells, classes), np.tile(y.astype(np.int64), k)
    temperature = temperature_of(before, every, n)
    after = tempered(before, temperature)
    gain = (_losses(before, every) - _losses(after, every)).reshape(k, n, cells).mean(axis=(0, 2))
    error = float(gain.std(ddof=1)) / math.sqrt(n) if n > 1 else math.inf
    if not float(gain.mean()) > error:
        temperature, after = 1.0, before
    return Calibration(
        temperature=temperature,
        rows=n,
        log_loss=log_loss(after, every),
        log_loss_before=log_loss(before, every),
        calibration_error=calibration_error(after, every),
        calibration_error_before=calibration_error(before, every),
    )


def _losses(p: Floats, y: npt.NDArray[np.integer]) -> Floats:
    """The log loss of every row."""
    losses: Floats = -np.log(np.maximum(p[np.arange(len(y)), y], _SMALLEST))
    return losses
