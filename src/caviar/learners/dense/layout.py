"""A network's architecture as the settings of the native engine's trial, and the instruction set it runs on.

CAVIAR_INSTRUCTION_SET chooses a level that is not the processor's best ("scalar", "x86-64-v2", ...).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from caviar.data.examples import OneHot, cells_of
from caviar.errors import ConfigError, did_you_mean
from caviar.learners.dense import _native
from caviar.nn import parametric
from caviar.nn.architecture import Architecture, parameter_shapes
from caviar.nn.encoding import CLIPPED_AT, Encoding

# The numbers of the enums Activation and Output in native/network.h.
_ACTIVATIONS = ("identity", "relu", "leaky_relu", "tanh", "sigmoid", "elu", "gelu", "silu", "mish", "selu")
_OUTPUTS = ("softmax", "sigmoid", "linear", "sigmoids")
MOST_HIDDEN_LAYERS = 63  # max_layers - 1 in native/network.h
_BY_ENTRIES = 8.0
"""Inputs for each entry of a row from which on products by entries are the quicker (native/entries.h)."""
_NO_TRAINING: dict[str, Any] = {
    **dict.fromkeys(("first_moment", "second_moment", "bias_correction", "nesterov", "schedule_free"), False),
    **dict.fromkeys(("beta1", "beta2", "epsilon", "l2", "weight_decay", "clip_norm", "averaging"), 0.0),
    **{"input_scaling_rate": 1.0, "label_smoothing": 0.0, "class_weights": []},
    **{"loss": 0, "huber_delta": 1.0, "quantile": 0.5, "batch_size": 1, "keys": [0, 0, 0, 0]},
}
_SHARE = 0.1
"""A guess: the share of rows in which an input that stays as it is is not 0. Most stand for one of many texts."""


def instruction_sets() -> list[str]:
    """The levels that this processor runs, slowest first."""
    return list(_native.levels())


def instruction_set() -> str:
    """The level that is chosen. Raises ConfigError for one that this processor does not run."""
    known = instruction_sets()
    chosen = os.environ.get("CAVIAR_INSTRUCTION_SET", known[-1])
    if chosen not in known:
        raise ConfigError(
            f"CAVIAR_INSTRUCTION_SET names {chosen!r}, which this processor does not run", did_you_mean(chosen, known)
        )
    return chosen


def layout(architecture: Architecture, shares: Sequence[float] | None = None, one_hot: OneHot = ()) -> dict[str, Any]:
    """The settings of a trial that are of its ``architecture``.

    ``one_hot`` are the runs of inputs that one cell of its rows stands for.

    ``shares`` (n_in,) are those of the rows in which each input is not 0: they decide which way of computing is the
    quicker. Without them they are guessed. What is computed differs by rounding alone.
    """
    columns, texts = _columns(architecture.learned, architecture.n_in)
    by_entries = _BY_ENTRIES * _entries(columns, texts, shares) <= architecture.inputs
    categories = list[int]()
    if one_hot:
        columns, texts, categories = _in_cells(columns, texts, one_hot, architecture.n_in)
    return {
        "widths": [architecture.inputs, *architecture.hidden_units, architecture.output_width],
        "activation": _ACTIVATIONS.index(architecture.activation),
        "output": _OUTPUTS.index(architecture.output),
        "batch_norm": architecture.batch_norm and bool(architecture.hidden_units),
        "batch_norm_momentum": architecture.batch_norm_momentum,
        "batch_norm_epsilon": architecture.batch_norm_epsilon,
        "exact_statistics": architecture.batch_norm_statistics == "exact",
        "dropout": architecture.dropout,
        "input_dropout": architecture.input_dropout,
        "input_scaling": architecture.input_scaling,
        "parametric_activation": architecture.parametric_activation,
        "parametric_rate": parametric.RATE,
        "columns": columns,
        "texts": texts,
        "categories": categories,
        "bent_at": CLIPPED_AT,
        "by_entries": by_entries,
    }


def predicting_trial(architecture: Architecture, weights: Mapping[str, npt.NDArray[np.float32]]) -> _native.Trial:
    """A trial for predictions alone: of an ``architecture`` without batch norm, with these ``weights`` by name."""
    still = replace(architecture, dropout=0.0, input_dropout=0.0)
    trial = _native.Trial({**layout(still), **_NO_TRAINING}, instruction_set())
    trial.start([weights[name] for name in parameter_shapes(still)])
    return trial


def _columns(learned: Encoding, n_in: int) -> tuple[list[list[float]], list[int]]:
    """Of each column the numbers that the engine encodes it by, and how many come for its text; empty without any."""
    if not learned:
        return [], []
    columns = [list(numbers) for numbers in learned.columns] or [[] for _ in range(n_in)]
    bent = [[numbers[0], 1 / numbers[1]] if len(numbers) == 2 else numbers for numbers in columns]
    widths = {table.column: table.width for table in learned.texts}
    return bent, [widths.get(j, 0) for j in range(n_in)]


def _in_cells(
    columns: list[list[float]], texts: list[int], one_hot: OneHot, n_in: int
) -> tuple[list[list[float]], list[int], list[int]]:
    """``columns`` and ``texts`` of the cells that stand for the inputs, and how many categories each stands for."""
    columns, texts = columns or [[] for _ in range(n_in)], texts or [0] * n_in
    n = dict(one_hot)
    kept = [
        j
        for first, last, _, run in cells_of(one_hot, n_in - sum(n.values()) + len(n))
        for j in range(first, first + 1 if run else last)
    ]
    return [columns[j] for j in kept], [texts[j] for j in kept], [n.get(j, 0) for j in kept]


def _entries(columns: list[list[float]], texts: list[int], shares: Sequence[float] | None) -> float:
    """Entries of a row: one for each input that is not 0, and one for a number spread over bins."""
    if not columns:
        return sum(shares) if shares is not None else float("inf")
    plain = shares if shares is not None else [_SHARE] * len(columns)
    each = (width or (1 if numbers else share) for numbers, width, share in zip(columns, texts, plain, strict=True))
    return float(sum(each))
