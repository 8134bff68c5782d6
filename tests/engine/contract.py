"""Small problems that every engine is tried on."""

from __future__ import annotations

import numpy as np

from caviar.data.dataset import Examples
from caviar.engine.contract import Engine, Keys, Training
from caviar.nn.config import Architecture, Optimisation


def examples(rows: int, columns: int, classes: int, seed: int = 0) -> Examples:
    """Gaussian clouds, one a class, that overlap."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(classes, columns))
    y = random.integers(0, classes, rows)
    x = centres[y] + random.normal(size=(rows, columns))
    return Examples(np.ascontiguousarray(x, dtype=np.float32), y.astype(np.int32))


def start(
    engine: Engine,
    architecture: Architecture,
    optimisation: Optimisation,
    rows: int = 150,
    seed: int = 7,
    trial: int = 3,
    state=None,
) -> Training:
    training = examples(rows, architecture.n_in, architecture.n_out, seed=1)
    validation = examples(70, architecture.n_in, architecture.n_out, seed=2)
    return engine.start(architecture, optimisation, training, validation, Keys.of(seed, trial), state)


NETWORKS = {
    "default": Architecture(20, 3, (32, 24)),
    "without batch norm": Architecture(20, 3, (32, 24), batch_norm=False),
    "tanh with dropout": Architecture(11, 4, (17,), activation="tanh", initialiser="xavier", dropout=0.3),
    "sigmoid, odd widths": Architecture(5, 2, (7, 19, 3), activation="sigmoid", initialiser="xavier"),
    "leaky relu with dropout, no batch norm": Architecture(
        33, 5, (16, 16), activation="leaky_relu", batch_norm=False, dropout=0.5
    ),
    "softmax regression": Architecture(20, 3, ()),
    "many classes": Architecture(9, 40, (48,)),
    "wide enough for more than one piece of the inner dimension": Architecture(300, 3, (290,)),
}

RECIPES = {
    "adam": Optimisation("adam", learning_rate=0.01, batch_size=32, l2=1e-3),
    "momentum": Optimisation("momentum", learning_rate=0.1, batch_size=48, l2=1e-2),
    "rmsprop": Optimisation("rmsprop", learning_rate=0.003, batch_size=20),
    "sgd": Optimisation("sgd", learning_rate=0.1, batch_size=150),
}
