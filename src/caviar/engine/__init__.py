"""How a network learns. The contract is in contract.py; ``engine_named`` finds an engine by its name."""

from __future__ import annotations

from caviar.engine.contract import Engine
from caviar.errors import ConfigError, did_you_mean

ENGINES = ("native", "reference")


def engine_named(name: str) -> Engine:
    """The engine called ``name``, "native" (C++, float32) or "reference" (nn/, float64); ConfigError for another."""
    if name == "native":
        from caviar.engine.native import NativeEngine

        return NativeEngine()
    if name == "reference":
        from caviar.engine.reference import ReferenceEngine

        return ReferenceEngine()
    raise ConfigError(f"there is no engine {name!r}", did_you_mean(name, ENGINES))
