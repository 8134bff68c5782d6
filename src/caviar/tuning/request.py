"""What a person asks of ``tune``, and what of it the store keeps so that it can be asked again."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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


def _path(given: Any) -> str | None:
    """The absolute path of a file; None for what is none."""
    return str(Path(given).absolute()) if isinstance(given, str | os.PathLike) else None
