"""Every engine, for the tests that all of them must pass."""

from __future__ import annotations

import pytest

from caviar.learners.dense.contract import Engine
from caviar.learners.dense.layout import instruction_sets
from caviar.learners.dense.learner import ENGINES, engine_named


@pytest.fixture(params=[*(name for name in ENGINES if name != "native"), *instruction_sets()])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Every engine by its name; the native one by each of its instruction sets."""
    if request.param in ENGINES:
        return engine_named(request.param)
    monkeypatch.setenv("CAVIAR_INSTRUCTION_SET", request.param)
    return engine_named("native")
