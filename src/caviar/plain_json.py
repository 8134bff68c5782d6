"""JSON that every reader can read (RFC 8259), whatever numbers are in it.

JSON has no NaN and no infinity, and Python writes them as bare words that other readers refuse. Here they become the
strings "NaN", "Infinity" and "-Infinity"; reading leaves those strings as they are, for a class may be called NaN.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """``value`` as dicts with text keys, lists, text, numbers, booleans and None; NumPy's types become Python's."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def dumps(value: Any, indent: int | None = None) -> str:
    """One JSON text of ``value``, in ASCII, so that no terminal or database alters it."""
    return json.dumps(plain(value), allow_nan=False, indent=indent)


def loads(text: str | bytes) -> Any:
    """What ``text`` holds.

    Raises ValueError for anything that is not RFC 8259 JSON, the bare words NaN and Infinity and a nesting deeper
    than Python's stack included.
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON")
