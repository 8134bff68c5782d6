"""The stores that faults happen to."""

from __future__ import annotations

from pathlib import Path

import pytest

from caviar.store import Store
from tests.store.sample import STUDY


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store of either kind, with a study."""
    made: str = f"{tmp_path}/caviar.db" if request.param == "sqlite" else request.getfixturevalue("postgresql_url")
    with Store.open(made) as store:
        store.create_study(STUDY)
    return made
