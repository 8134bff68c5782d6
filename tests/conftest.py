"""Hypothesis without its clock, for these are about numbers and the machine may be busy; and a PostgreSQL server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.postgresql_server import database, empty, server

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """One server for all tests of a process."""
    with server() as url:
        yield url


@pytest.fixture(scope="session")
def postgresql_database(postgresql_server: str) -> str:
    """One database on it; making one takes longer than most tests."""
    return database(postgresql_server, "test_database")


@pytest.fixture
def postgresql_url(postgresql_database: str) -> str:
    """That database, emptied."""
    empty(postgresql_database)
    return postgresql_database


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store of each back end; another one adds its name to the parameters and its URL here."""
    monkeypatch.chdir(tmp_path)
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'caviar.db'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url
