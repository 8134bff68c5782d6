"""Configs: points of a space."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from caviar.scale_rules import Value, as_value

__all__ = ["Config", "Value", "as_argument", "as_config", "as_number"]

Config = Mapping[str, Value]
"""One point of a space: the name of every hyperparameter that applies, and its value."""


def as_number(value: Value) -> float:
    """A hyperparameter that is a number, or the text of one, as a float; NaN for None and for a tuple."""
    return math.nan if value is None or isinstance(value, tuple) else float(value)


def as_argument(value: Value) -> str:
    """A value as an argument of a command: true, false, None, a number, text; a tuple as JSON, [64, 64]."""
    if isinstance(value, tuple):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def as_config(record: Mapping[str, Any]) -> dict[str, Any]:
    """The config that JSON has as ``record``, with its tuples, which JSON makes lists of."""
    return {name: as_value(value) for name, value in record.items()}
