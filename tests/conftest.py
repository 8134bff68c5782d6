"""Hypothesis without its clock, for these laws are about numbers and the machine may be busy; and a PostgreSQL server."""

import secrets
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.postgresql_server import database, server

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """One server for all tests of a process."""
    with server() as url:
        yield url


@pytest.fixture
def postgresql_url(postgresql_server: str) -> str:
    """A fresh database on it."""
    return database(postgresql_server, f"test_{secrets.token_hex(6)}")
