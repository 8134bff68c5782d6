"""The parser from a flat config to the architecture and the optimisation of a dense network."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import Any

import numpy as np

from caviar.data.examples import Examples
from caviar.errors import ConfigError, did_you_mean
from caviar.learners.dense.inputs import encoding_of
from caviar.nn.architecture import Architecture, Optimisation, check_name, check_whole, refuse
from caviar.records import Config

SHAPES = ("constant", "halving")
NO_LAYERS = "none"
"""The text of ``hidden_units`` for a network without hidden layers, as "128-64" is that of one with two."""

SEVERAL = "sigmoids"
"""The output of a network for several targets."""
_FOLLOWS_TARGET = "leave output out: it follows"

_MOST_LAYERS = 1000

_NO_HYPERPARAMETERS = ("n_in", "n_out", "hidden_units", "learned")
_ARCHITECTURE = tuple(f.name for f in fields(Architecture) if f.name not in _NO_HYPERPARAMETERS)
_OPTIMISATION = tuple(f.name for f in fields(Optimisation))
HYPERPARAMETERS = (*_OPTIMISATION, "hidden_units", "layers", "shape", *_ARCHITECTURE)
"""Every hyperparameter that a config may give."""

_FOR_CLASSES, _FOR_NUMBERS = ("label_smoothing", "class_weights"), ("loss", "huber_delta", "quantile")
_OFF = {f.name: f.default for f in fields(Optimisation)}

_HIDDEN_UNITS, _LAYERS = 64, 2  # where a config is silent: deep enough to be a deep network, small enough to be quick
_FOLLOWS = {  # "he" is right for those that are relu above 0; selu is made for "lecun"
    "tanh": "xavier",
    "sigmoid": "xavier",
    "identity": "lecun",
    "selu": "lecun",
}


def from_config(
    config: Config, n_in: int, n_out: int, rows: Examples | None = None, several: bool = False
) -> tuple[Architecture, Optimisation]:
    """The network that ``config`` describes, for ``n_in`` features and ``n_out`` classes, or 1 for regression.

    With ``several``, ``n_out`` are the targets, each of two classes; the output is "sigmoids", which nothing else has.

    An encoding of the numbers and texts is learned from the training ``rows``, where they are given.

    There are ``layers`` hidden layers of ``hidden_units`` each, or, where ``shape`` is "halving", each half as wide as
    the one below it, down to 2. ``hidden_units`` may also list every layer's width, as numbers or as text that a
    Choice can hold: "128-64-32", or "none" for no hidden layer; ``layers`` is then left out, or their number.

    Where the config names no initialiser it is "xavier" under tanh and sigmoid, "lecun" under identity and selu, else
    "he". The output is "softmax" unless the config asks for "sigmoid" (two classes), and "linear" for regression, where
    label_smoothing and class_weights have no meaning; for classes loss, huber_delta and quantile have none.

    Raises ConfigError for an unknown hyperparameter, and for a value that no network can be built from.
    """
    plain = {name: _plain(value) for name, value in config.items()}
    for name in plain:
        if name not in HYPERPARAMETERS:
            raise ConfigError(
                f"{name!r} is not a hyperparameter of a dense network", did_you_mean(name, HYPERPARAMETERS)
            )
    shape: dict[str, Any] = {name: plain[name] for name in _ARCHITECTURE if name in plain}
    if "initialiser" not in shape and isinstance(shape.get("activation"), str):
        shape["initialiser"] = _FOLLOWS.get(shape["activation"], "he")
    if several:
        shape["output"] = _check_several(shape.get("output"))
    elif "output" not in shape and n_out == 1:
        shape["output"] = "linear"
    elif shape.get("output") == SEVERAL:
        raise ConfigError(
            f"output = {SEVERAL} is for several targets, and there is one", "leave output out: it follows"
        )
    training: dict[str, Any] = {name: plain[name] for name in _OPTIMISATION if name in plain}
    architecture = Architecture(n_in, n_out, hidden_units=_widths(plain), **shape)
    if rows is not None and (architecture.encoding != "standard" or rows.codes):
        learned = encoding_of(rows, architecture.encoding, architecture.bins)
        architecture = replace(architecture, learned=learned)
    optimisation = Optimisation(**training)
    if architecture.batch_norm and architecture.hidden_units and optimisation.batch_size == 1:
        raise ConfigError(
            "batch_size must be at least 2 with batch norm, got 1: one example has no variance",
            "give a larger batch_size, or batch_norm = false",
        )
    others = _FOR_CLASSES if architecture.regression else _FOR_NUMBERS
    use, target = ("classes", "a number") if architecture.regression else ("numbers", "a class")
    for name in others:
        if getattr(optimisation, name) != _OFF[name]:
            raise ConfigError(
                f"{name} is for {use}, and the target is {target}, got {getattr(optimisation, name)!r}",
                f"leave {name} out",
            )
    return architecture, optimisation


def _check_several(output: object) -> str:
    """The output for several targets. Raises ConfigError for another."""
    if output not in (None, SEVERAL):
        raise ConfigError(
            f"output must be {SEVERAL} for several targets, got {output!r}", "leave output out: it follows"
        )
    return SEVERAL


def _plain(value: Any) -> Any:
    """``value`` without NumPy's scalars, which come from spaces and tables; a list's too."""
    if isinstance(value, list | tuple):
        return tuple(_plain(each) for each in value)
    return value.item() if isinstance(value, np.generic) else value


def _widths(plain: dict[str, Any]) -> tuple[int, ...]:
    """The width of every hidden layer, from ``hidden_units``, ``layers`` and ``shape``."""
    units, layers = plain.get("hidden_units", _HIDDEN_UNITS), plain.get("layers")
    shape = plain.get("shape", "constant")
    check_name("shape", shape, SHAPES)
    if "layers" in plain:
        check_whole("layers", layers, least=0, example=_LAYERS, most=_MOST_LAYERS)
    if units == NO_LAYERS:
        units = ()
    elif isinstance(units, str):
        if not re.fullmatch("[0-9]{1,10}(-[0-9]{1,10})*", units):
            refuse("hidden_units", "a width, or the widths of all layers", units, '"128-64-32"')
        units = tuple(int(width) for width in units.split("-"))
    if not isinstance(units, tuple):
        check_whole("hidden_units", units, least=1, example=_HIDDEN_UNITS)
        count = _LAYERS if layers is None else layers
        return tuple(max(units // 2**i, 2) if shape == "halving" else units for i in range(count))
    if layers not in (None, len(units)) or len(units) > _MOST_LAYERS:
        raise ConfigError(
            f"layers must be the {len(units)} of hidden_units, at most {_MOST_LAYERS}, got {layers}",
            "leave layers out where hidden_units lists the widths",
        )
    if shape != "constant":
        raise ConfigError(
            f"shape must be constant where hidden_units lists the widths, got {shape!r}", "leave shape out"
        )
    return units
