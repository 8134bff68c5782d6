"""What a person asks of ``tune``, and what of it the store keeps so that it can be asked again."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from caviar.errors import ConfigError, did_you_mean
from caviar.scheduling.strategy import STOPPINGS, Stopping
from caviar.space import Space

DEFAULT_SECONDS = 60.0
DEFAULT_SEARCH = "coarse_to_fine"

PREFERENCES = ("score", "small", "fast")
"""What a winner is chosen for, among networks that are nearly as good as the best."""

_PATHS = ("data", "labels", "test", "test_labels")
_KEPT = ("target", "task", "stopping", "prefer", "ensemble", "engine")


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a person asks of ``tune``, by the names of its arguments; ``started`` is when the budget began to count."""

    data: Any
    target: str | None = None
    labels: str | os.PathLike[str] | None = None
    test: Any = None
    test_labels: str | os.PathLike[str] | None = None
    seconds: float | None = None
    trials: int | None = None
    seed: int = 0
    task: str | None = None
    metric: str | None = None
    space: Space | str | os.PathLike[str] | None = None
    search: str = DEFAULT_SEARCH
    stopping: str = "halving"
    prefer: str = "score"
    ensemble: bool = False
    study: str | None = None
    store: str | os.PathLike[str] = "caviar.db"
    threads: int | None = None
    out: str | os.PathLike[str] | None = None
    engine: str = "native"
    started: float = field(default_factory=time.monotonic)

    def record(self) -> dict[str, Any]:
        """What the store keeps: plain data. Paths are absolute; data that was no file is None."""
        paths = {name: _path(getattr(self, name)) for name in (*_PATHS, "out")}
        return {name: getattr(self, name) for name in _KEPT} | paths


def from_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a Request that ``record`` kept."""
    return {name: record.get(name) for name in (*_PATHS, "out", *_KEPT) if record.get(name) is not None}


def check_budget(seconds: float | None, trials: int | None) -> float | None:
    """The seconds of a budget, DEFAULT_SECONDS where neither is given. Raises ConfigError."""
    if seconds is not None and not 0 < seconds < float("inf"):
        raise ConfigError(f"a budget of seconds must be above 0, got {seconds}", "give it some: --seconds 60")
    if trials is not None and trials < 1:
        raise ConfigError(f"a budget of trials must be at least 1, got {trials}", "give it some: --trials 500")
    return DEFAULT_SECONDS if seconds is None and trials is None else seconds


def check_seed(seed: int) -> None:
    """ConfigError unless ``seed`` is a study's."""
    if not 0 <= seed < 2**63:
        raise ConfigError(f"a seed must be a whole number from 0 to 2**63 - 1, got {seed}", "use --seed 0, say")


def stopping_named(name: str) -> Stopping:
    """The stopping rule ``name``. Raises ConfigError."""
    rule = next((rule for rule in STOPPINGS if rule == name), None)
    if rule is None:
        raise ConfigError(f"there is no stopping rule {name!r}", did_you_mean(name, STOPPINGS))
    return rule


def _path(given: Any) -> str | None:
    """The absolute path of a file; None for what is none."""
    return str(Path(given).absolute()) if isinstance(given, str | os.PathLike) else None
