"""Train one network on arrays: the smallest thing that caviar does, and what everything larger is made of."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from caviar.data.alignment import check_aligned
from caviar.data.columns import row_blocks
from caviar.data.examples import Examples
from caviar.data.table import as_array
from caviar.errors import CaviarWarning, DataError
from caviar.learners.contract import Keys, TrainingData, never, score_names
from caviar.learners.dense.early_stopping import train_with_patience
from caviar.learners.dense.learner import DenseLearner
from caviar.learners.model import Model
from caviar.ranges import check_ranges
from caviar.records import Config

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Fit:
    """A trained network and how it got there.

    ``history`` has a row an epoch: train_loss, validation_loss, validation_accuracy (of numbers: validation_r2),
    learning_rate, seconds. ``model`` is the network after ``best_epoch``: with patience the one of the smallest
    validation loss, else the last.
    """

    history: pd.DataFrame
    model: Model
    best_epoch: int


def train(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    config: Config,
    *,
    epochs: int,
    seed: int = 0,
    validation: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    patience: int | None = None,
    engine: str = "native",
) -> Fit:
    """Train a dense network with ``config`` for ``epochs`` epochs.

    x: float32 (m, n), taken as it is (normalise it first). y: (m,), integer labels from 0 on, or floats, which make it
    regression by squared error: the model then predicts numbers in the units of y, which is taken as it is too
    (standardise it where its variance is far from 1: a mean squared error above 1000 counts as a divergence). config:
    hyperparameters by name, the rest keep their defaults (dense.config). validation: (x, y) scored after every epoch.
    patience: stop when that many epochs brought no smaller validation loss, and go back to the best one. engine:
    "native" or "reference". The same seed gives the same bits. A network that diverges ends there, with NaN, infinity
    or a huge loss in the last row of its history.

    Raises ConfigError or DataError.
    """
    import pandas as pd

    check_ranges({"epochs": epochs, "seed": seed, "patience": patience})
    regression = as_array(y, "y").dtype.kind == "f"
    training = _examples(x, y, "x", "y", regression)
    if validation is not None:
        pair = tuple(validation)
        if len(pair) != 2:
            raise DataError(f"`validation` is a pair (x, y), got {len(pair)} things", "write `validation=(x, y)`")
        held_out = _examples(*pair, "validation's x", "validation's y", regression)
        if held_out.x.shape[1] != training.x.shape[1]:
            raise DataError(
                f"validation has {held_out.x.shape[1]} columns and x has {training.x.shape[1]}",
                "give both the same columns",
            )
    else:
        held_out = Examples(training.x[:0], training.y[:0])
    n_out = 1 if regression else max(int(training.y.max()), int(held_out.y.max(initial=0)), 1) + 1
    learner, data = DenseLearner(engine), TrainingData(training, held_out, n_out)
    learner.parameters(config, data)  # raises for too many, before memory is asked for
    start = partial(learner.start, config, data, Keys.of(seed))
    network = start()
    if patience is None:
        _, done = network.train(epochs, never())
        best_epoch = network.epoch
    else:
        _, done, best, best_epoch = train_with_patience(network, epochs, patience, never())
        network = start(best)
    score = score_names(n_out)[0]
    history = pd.DataFrame(
        {
            "train_loss": [epoch.train_loss for epoch in done],
            "validation_loss": [epoch.validation.loss for epoch in done],
            f"validation_{score}": [epoch.validation.scores[score] for epoch in done],
            "learning_rate": [epoch.learning_rate for epoch in done],
            "seconds": [epoch.seconds for epoch in done],
        },
        index=pd.RangeIndex(1, len(done) + 1, name="epoch"),
    )
    return Fit(history, Model(network.predictor(), None, {"config": dict(config)}), best_epoch)


def _examples(x: npt.ArrayLike, y: npt.ArrayLike, x_name: str, y_name: str, regression: bool) -> Examples:
    for note in check_aligned(x, y, x_name, y_name):
        warnings.warn(note, CaviarWarning, stacklevel=4)  # through ``checked`` to the call of ``caviar.train``
    given = as_array(x, x_name)
    if given.dtype.kind == "c":
        raise DataError(f"{x_name} must hold real numbers, got {given.dtype}", "give both parts as columns")
    with np.errstate(over="ignore"):  # too large for float32: refused below
        features = np.ascontiguousarray(as_array(given, x_name, np.float32))
    targets = as_array(y, y_name)
    if features.ndim != 2 or len(features) < 2:
        raise DataError(f"{x_name} must have the shape (m, n) with m >= 2, got {features.shape}", "reshape it")
    if targets.ndim != 1 or len(targets) != len(features):
        raise DataError(
            f"{y_name} must have the shape ({len(features)},), got {targets.shape}", f"one target a row of {x_name}"
        )
    for rows in row_blocks(*features.shape):
        wrong_cells = np.argwhere(~np.isfinite(features[rows]))
        if len(wrong_cells):
            row, column = rows.start + int(wrong_cells[0, 0]), int(wrong_cells[0, 1])
            raise DataError(
                f"{x_name} must hold finite float32 numbers, got {given[row, column]} in row {row}, column {column}",
                "fill it in, or leave such rows out (caviar.tune fills missing values in by itself)",
            )
    if regression:
        if targets.dtype.kind not in "iuf":
            raise DataError(f"{y_name} must hold numbers as y does, got {targets.dtype}", "give numbers")
        with np.errstate(over="ignore"):
            numbers = np.ascontiguousarray(targets, dtype=np.float32)
        wrong = np.flatnonzero(~np.isfinite(numbers))
        if len(wrong):
            raise DataError(
                f"{y_name} must hold finite float32 numbers, got {targets[wrong[0]]} in row {wrong[0]}",
                "leave such rows out",
            )
        return Examples(features, numbers)
    whole = targets.dtype.kind in "iub"
    if not whole or targets.min() < 0 or targets.max() >= 2**31 - 1:  # one more is no int32
        got = f"{targets.dtype} from {targets.min()} to {targets.max()}" if whole else f"{targets.dtype}"
        raise DataError(
            f"{y_name} must hold integers from 0 to 2**31 - 2, got {got}",
            "number the classes, or give y as floats for regression",
        )
    return Examples(features, np.ascontiguousarray(targets, dtype=np.int32))
