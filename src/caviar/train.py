"""Train one network on arrays: the smallest thing that caviar does, and what everything larger is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from caviar.data.dataset import Examples
from caviar.engine import engine_named
from caviar.engine.contract import Keys, never
from caviar.errors import ConfigError, DataError
from caviar.model import Model, fold
from caviar.nn.config import from_config
from caviar.records import Config

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Fit:
    """A trained network and how it got there.

    ``history`` has a row an epoch: train_loss, validation_loss, validation_accuracy, learning_rate, seconds.
    """

    history: pd.DataFrame
    model: Model


def train(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    config: Config,
    *,
    epochs: int,
    seed: int = 0,
    validation: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    engine: str = "native",
) -> Fit:
    """Train a dense network with ``config`` for ``epochs`` epochs.

    x: float32 (m, n), taken as it is (normalise it first); y: integer labels (m,) from 0 on. config: hyperparameters by
    name, the rest keep their defaults (see nn.config). validation: (x, y) scored after every epoch. engine: "native" or
    "reference". The same seed gives the same bits. A network that diverges ends there, with NaN or infinity in the last
    row of its history.

    Raises ConfigError or DataError.
    """
    import pandas as pd

    if epochs < 1:
        raise ConfigError(f"epochs must be at least 1, got {epochs}", "give it a few: epochs=20")
    training = _examples(x, y, "x", "y")
    held_out = _examples(*validation, "validation's x", "validation's y") if validation is not None else None
    if held_out is None:
        held_out = Examples(np.empty((0, training.x.shape[1]), np.float32), np.empty(0, np.int32))
    elif held_out.x.shape[1] != training.x.shape[1]:
        raise DataError(
            f"validation has {held_out.x.shape[1]} columns and x has {training.x.shape[1]}",
            "give both the same columns",
        )
    classes = max(int(training.y.max()), int(held_out.y.max(initial=0)), 1) + 1
    architecture, optimisation = from_config(config, training.x.shape[1], classes)
    network = engine_named(engine).start(architecture, optimisation, training, held_out, Keys.of(seed))
    _, done = network.train(epochs, never())
    history = pd.DataFrame(
        {
            "train_loss": [epoch.train_loss for epoch in done],
            "validation_loss": [epoch.validation.loss for epoch in done],
            "validation_accuracy": [epoch.validation.scores["accuracy"] for epoch in done],
            "learning_rate": [epoch.learning_rate for epoch in done],
            "seconds": [epoch.seconds for epoch in done],
        },
        index=pd.RangeIndex(1, len(done) + 1, name="epoch"),
    )
    state = network.inference_state()
    weights = fold(architecture, state, int(state["step"]))
    return Fit(history, Model(architecture, weights, None, {"config": dict(config)}))


def _examples(x: npt.ArrayLike, y: npt.ArrayLike, x_name: str, y_name: str) -> Examples:
    features: npt.NDArray[Any] = np.ascontiguousarray(x, dtype=np.float32)
    labels = np.asarray(y)
    if features.ndim != 2 or len(features) < 2:
        raise DataError(f"{x_name} must have the shape (m, n) with m >= 2, got {features.shape}", "reshape it")
    if labels.ndim != 1 or len(labels) != len(features):
        raise DataError(
            f"{y_name} must have the shape ({len(features)},), got {labels.shape}", f"one label a row of {x_name}"
        )
    if labels.dtype.kind not in "iub" or labels.min() < 0:
        raise DataError(
            f"{y_name} must hold integers from 0 on, got {labels.dtype} from {labels.min()}", "number the classes"
        )
    return Examples(features, np.ascontiguousarray(labels, dtype=np.int32))
