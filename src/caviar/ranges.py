"""The ranges of the numbers that are given as arguments and as options of commands: one table for both.

A name means the same wherever it is given. What is narrower in one place is checked there besides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from caviar.errors import ConfigError
from caviar.machine import processors

_CENTURY = 100 * 365.25 * 86400  # seconds


class Range(NamedTuple):
    """The numbers from ``least`` to ``most``; ``above``: ``least`` is not one of them."""

    least: float
    most: float
    way_out: str
    above: bool = False


RANGES: Mapping[str, Range] = {
    "seconds": Range(0, _CENTURY, "give it some: `seconds=60`", above=True),
    "trials": Range(1, 10**12, "give it some: `trials=500`"),
    "seed": Range(0, 2**63 - 1, "give it one: `seed=0`"),
    "epochs": Range(1, 10**9, "give it a few: `epochs=27`"),
    "patience": Range(1, 10**9, "leave it out to train all epochs"),
    "threads": Range(1, 10_000, ""),
    "processes": Range(1, 10_000, ""),
    "repeats": Range(0, 10_000, "give `repeats=3`"),
    "trial_timeout": Range(0, _CENTURY, "give it some: `trial_timeout=600`", above=True),
    "snapshot_seconds": Range(0, _CENTURY, "leave it out"),
    "store_patience": Range(0, _CENTURY, "give it some: `store_patience=600`"),
    "disk": Range(0, 10**12, "leave it out for 2048 megabytes", above=True),
    "disk_bytes": Range(1, 2**63 - 1, "leave it out for 2 GiB"),
    "low": Range(0, 1e6, "leave it out for 1e-6", above=True),
    "high": Range(0, 1e6, "leave it out for 10", above=True),
    "steps": Range(1, 10**6, "leave it out for 200"),
    "best": Range(0, 10**12, "leave it out"),
    "n": Range(1, 10**6, "ask for a few: `n=10`"),
    "coverage": Range(0, 0.9999, "give a share of the rows: `coverage=0.9`", above=True),
    "turns": Range(1, 10**6, "leave it out"),
    "snapshot": Range(1, 10**12, "leave it out"),
    "epoch": Range(1, 2**31 - 1, "count epochs from 1"),  # what databases can count
    "step": Range(0, 2**53, "count steps from 0"),  # what floats can count
}
"""The range of each argument that is a number, by its name."""


def check_range(name: str, value: Any) -> None:
    """Raise ConfigError unless the number ``value`` is in the range of the argument ``name``; None is none."""
    if value is None or name not in RANGES:
        return
    known = RANGES[name]
    way_out = known.way_out or f"this machine has {processors()}"
    if not isinstance(value, int) and not math.isfinite(value):
        raise ConfigError(f"`{name}` must be a finite number, got {brief(value)}", way_out)
    if value < known.least or (known.above and value == known.least):
        least = f"above {known.least}" if known.above else f"at least {known.least}"
        raise ConfigError(f"`{name}` must be {least}, got {brief(value)}", way_out)
    if value > known.most:
        raise ConfigError(f"`{name}` must be at most {known.most:,}, got {brief(value)}", way_out)


def check_ranges(given: Mapping[str, Any]) -> None:
    """Raise ConfigError for the first number of ``given`` that is not in the range of its name."""
    for name, value in given.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            check_range(name, value)


def brief(value: Any) -> str:
    """``value`` for a message: on one line, and short; Python itself does not write a number of 5,000 digits."""
    try:
        return f"{' '.join(repr(value).split()):.60}"
    except Exception:  # of whatever object it is
        return f"an object of type {type(value).__name__}" if not isinstance(value, int) else "a number of many digits"
