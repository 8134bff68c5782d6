"""How a network learns. The contract is in contract.py; ``engine_named`` finds an engine by its name."""

from __future__ import annotations

from caviar.errors import ConfigError, did_you_mean
from caviar.learners.contract import Engine

ENGINES = ("native", "reference")


def engine_named(name: str) -> Engine:
    """The engine called ``name``, "native" (C++, float32) or "reference" (nn/, float64); ConfigError for another."""
    if name == "native":
        from caviar.learners.dense.native import NativeEngine

        return NativeEngine()
    if name == "reference":
        from caviar.learners.dense.reference import ReferenceEngine

        return ReferenceEngine()
    raise ConfigError(f"there is no engine {name!r}", did_you_mean(name, ENGINES))
