"""Small problems that every engine is tried on."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from caviar.data.examples import Examples
from caviar.label_sets import packed, unpacked
from caviar.learners.contract import Keys, State
from caviar.learners.dense.contract import DenseTraining, Engine
from caviar.nn.architecture import Architecture, Optimisation, parameter_shapes, statistics_shapes
from caviar.nn.encoding import learn


def examples(rows: int, columns: int, classes: int, seed: int = 0) -> Examples:
    """Gaussian clouds, one a class, that overlap."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(classes, columns))
    y = random.integers(0, classes, rows)
    x = centres[y] + random.normal(size=(rows, columns))
    return Examples(np.ascontiguousarray(x, dtype=np.float32), y.astype(np.int32))


def numbers(rows: int, columns: int, seed: int = 0) -> Examples:
    """A curved function of a few columns with some noise, of mean about 0 and variance about 1."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, columns))
    y = 0.6 * x[:, 0] + 0.5 * np.sin(2 * x[:, 1]) + 0.4 * (x[:, 2] ** 2 - 1) + 0.3 * random.normal(size=rows)
    return Examples(np.ascontiguousarray(x, dtype=np.float32), y.astype(np.float32))


def label_sets(rows: int, columns: int, targets: int, seed: int = 0) -> Examples:
    """Several targets, each a half-space with some noise; the later ones are rarer."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, columns))
    z = x @ np.random.default_rng(98).normal(size=(columns, targets)) - 0.3 * np.arange(targets)
    bits = z + random.normal(size=z.shape) > 0
    return Examples(np.ascontiguousarray(x, dtype=np.float32), packed(bits), targets=targets)


def examples_for(architecture: Architecture, rows: int, seed: int = 0) -> Examples:
    """Clouds or a curve, as the network predicts classes or numbers, or half-spaces for several targets."""
    if architecture.several:
        return label_sets(rows, architecture.n_in, architecture.n_out, seed)
    if architecture.regression:
        return numbers(rows, architecture.n_in, seed)
    return examples(rows, architecture.n_in, architecture.n_out, seed)


def bits(state: State) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in state.items()}


def trained(architecture: Architecture, seed: int, steps: int) -> dict[str, Any]:
    """Arrays such as ``steps`` steps of training may leave."""
    rng = np.random.default_rng(seed)
    arrays = {name: rng.normal(size=shape) for name, shape in parameter_shapes(architecture).items()}
    share = 1 - architecture.batch_norm_momentum**steps  # of the statistics that are not the zeros of the start
    for name, shape in statistics_shapes(architecture).items():
        arrays[name] = share * (rng.gamma(2.0, size=shape) if name.endswith("variance") else rng.normal(size=shape))
    return arrays


def start(
    engine: Engine,
    architecture: Architecture,
    optimisation: Optimisation,
    rows: int = 150,
    seed: int = 7,
    trial: int = 3,
    state=None,
) -> DenseTraining:
    training = examples_for(architecture, rows, seed=1)
    validation = examples_for(architecture, 70, seed=2)
    return engine.start(architecture, optimisation, training, validation, Keys.of(seed, trial), state)


def encoded(architecture: Architecture, codes: tuple[tuple[int, int], ...] = ()) -> Architecture:
    """With the encoding of its examples."""
    rows = examples_for(architecture, 300, seed=5)
    y = unpacked(rows.y, rows.targets) if rows.targets else rows.y
    return replace(architecture, learned=learn(architecture.encoding, architecture.bins, rows.x, y, codes))


_NETWORKS = {
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
    "elu": Architecture(20, 3, (18, 9), activation="elu"),
    "gelu with dropout": Architecture(20, 3, (32, 16), activation="gelu", dropout=0.2),
    "gelu without batch norm": Architecture(20, 3, (33,), activation="gelu", batch_norm=False),
    "silu": Architecture(20, 3, (24, 12), activation="silu"),
    "silu and elu's odd widths, no batch norm": Architecture(7, 3, (5, 17), activation="silu", batch_norm=False),
    # One layer: below a second one batch norm would take every shift away again, so that beta has the true gradient 0
    # and Adam would follow the sign of rounding.
    "identity": Architecture(12, 4, (9,), activation="identity", initialiser="lecun"),
    "dropout of inputs too": Architecture(21, 3, (32,), dropout=0.3, input_dropout=0.2),
    "softmax regression with dropout of inputs": Architecture(20, 3, (), input_dropout=0.4),
    "three widths": Architecture(20, 3, (40, 20, 10), activation="leaky_relu"),
    "one score for two classes": Architecture(20, 2, (32, 16), output="sigmoid"),
    "logistic regression": Architecture(20, 2, (), output="sigmoid"),
    "regression": Architecture(13, 1, (32, 16), output="linear"),
    "regression with gelu, dropout, no batch norm": Architecture(
        13, 1, (24,), activation="gelu", batch_norm=False, dropout=0.1, output="linear"
    ),
    "linear regression": Architecture(10, 1, (), output="linear"),
    "exact statistics": Architecture(20, 3, (32, 24), batch_norm_statistics="exact"),
    "robust numbers": encoded(Architecture(20, 3, (32, 24), encoding="robust")),
    "texts": encoded(Architecture(20, 3, (32, 24)), ((2, 5), (19, 40))),
    "a number by texts and numbers": encoded(Architecture(13, 1, (17,), output="linear", encoding="robust"), ((4, 9),)),
    "numbers in bins": encoded(Architecture(13, 3, (32,), encoding="quantile_bins", bins=5)),
    "a number by numbers in a tree's bins": encoded(
        Architecture(13, 1, (17,), activation="tanh", batch_norm=False, output="linear", encoding="tree_bins", bins=3)
    ),
}

_RECIPES = {
    "adam": Optimisation("adam", learning_rate=0.01, batch_size=32, l2=1e-3),
    "momentum": Optimisation("momentum", learning_rate=0.1, batch_size=48, l2=1e-2),
    "rmsprop": Optimisation("rmsprop", learning_rate=0.003, batch_size=20),
    "sgd": Optimisation("sgd", learning_rate=0.1, batch_size=150),
    "nesterov, clipped": Optimisation("nesterov", learning_rate=0.1, batch_size=48, l2=1e-2, clip_norm=0.3),
    "adamw, cosine by the step, warm-up": Optimisation(
        "adamw",
        learning_rate=0.01,
        batch_size=32,
        l2=1e-3,
        weight_decay=0.1,
        decay="cosine",
        decay_rate=0.05,
        decay_by="step",
        warmup_steps=13,
    ),
    "smoothed and balanced": Optimisation(
        "momentum", learning_rate=0.1, batch_size=48, label_smoothing=0.1, class_weights="balanced"
    ),
}

# Parts that touch little else: not with every recipe and network, which would take a minute.
_NETWORKS_OF_PARTS = {
    "parametric mish": Architecture(20, 3, (24, 12), activation="mish", dropout=0.1, parametric_activation=True),
    "parametric sigmoid without batch norm": Architecture(
        7, 3, (5, 17), activation="sigmoid", initialiser="xavier", batch_norm=False, parametric_activation=True
    ),
    "mish": Architecture(20, 3, (24, 12), activation="mish", dropout=0.1),
    "mish without batch norm": Architecture(7, 3, (5, 17), activation="mish", batch_norm=False),
    "selu": Architecture(20, 3, (18, 9), activation="selu", initialiser="lecun"),
    "selu without batch norm": Architecture(7, 3, (5, 17), activation="selu", initialiser="lecun", batch_norm=False),
    "several targets": Architecture(20, 3, (32, 24), dropout=0.1, output="sigmoids"),
    "more targets than a strip, no layer": Architecture(20, 19, (), output="sigmoids"),
    "several targets in a tree's bins, texts": encoded(
        Architecture(13, 4, (17,), batch_norm=False, output="sigmoids", encoding="tree_bins", bins=3), ((2, 5),)
    ),
    "numbers over many bins": encoded(
        Architecture(13, 3, (33, 17), batch_norm=False, encoding="quantile_bins", bins=16)
    ),
    "a number by texts and many bins": encoded(
        Architecture(13, 1, (17,), batch_norm=False, output="linear", encoding="quantile_bins", bins=16), ((4, 9),)
    ),
    "many bins, scaled inputs, exact statistics": encoded(
        Architecture(9, 3, (20,), encoding="quantile_bins", bins=12, batch_norm_statistics="exact", input_scaling=True)
    ),
    "many bins, dropout of inputs": encoded(
        Architecture(13, 3, (32,), encoding="quantile_bins", bins=16, input_dropout=0.2, dropout=0.1)
    ),
    "scaled inputs": Architecture(
        21, 3, (32, 24), activation="silu", dropout=0.1, input_dropout=0.2, input_scaling=True
    ),
    "scaled inputs of linear regression": Architecture(10, 1, (), output="linear", input_scaling=True),
    "scaled inputs and exact statistics": Architecture(
        20, 2, (17,), output="sigmoid", batch_norm_statistics="exact", input_scaling=True
    ),
}

_RECIPES_OF_PARTS = {
    "huber": Optimisation("momentum", learning_rate=0.1, batch_size=48, loss="huber", huber_delta=0.5),
    "pinball": Optimisation("momentum", learning_rate=0.1, batch_size=48, loss="pinball", quantile=0.8),
    "averaged": Optimisation("adam", learning_rate=0.01, batch_size=32, averaging=0.9),
    "schedule-free, warm-up": Optimisation(
        "schedule_free",
        learning_rate=0.01,
        epsilon=1e-4,  # without a first moment the sign of a gradient that is almost 0 is a whole step, and rounding
        batch_size=32,
        l2=1e-3,
        weight_decay=0.1,
        clip_norm=0.5,
        decay_by="step",
        warmup_steps=13,
    ),
}

NETWORKS = _NETWORKS | _NETWORKS_OF_PARTS
RECIPES = _RECIPES | _RECIPES_OF_PARTS

PAIRS = [
    *product(_NETWORKS, _RECIPES),
    *product(_NETWORKS_OF_PARTS, ["momentum", "adamw, cosine by the step, warm-up", "averaged"]),
    *product(_NETWORKS_OF_PARTS, ["schedule-free, warm-up"]),
    *product(["default", "exact statistics"], ["averaged"]),
    *product(["default", "exact statistics", "tanh with dropout"], ["schedule-free, warm-up"]),
    *product(["several targets", "more targets than a strip, no layer"], ["smoothed and balanced"]),
    *product(["regression", "linear regression"], _RECIPES_OF_PARTS),
]
"""The networks and recipes on which engines are compared."""
