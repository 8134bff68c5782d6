"""The open store of the contract tests; tests/conftest.py has the URLs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from caviar.store import Store


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    with Store.open(store_url) as opened:
        yield opened
