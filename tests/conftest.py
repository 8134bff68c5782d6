"""Hypothesis, and a PostgreSQL server.

Hypothesis runs without its clock, for these tests are about numbers and the machine may be busy. Its examples follow
from the test's own code, so that the gate says the same of the same code every time; `pytest
--hypothesis-profile=explore` tries others.
"""

import gc
from collections.abc import Generator, Iterator
from pathlib import Path

import cloudpickle
import pytest
from hypothesis import settings

from tests.postgresql_server import database, empty, server

settings.register_profile("explore", deadline=None)
settings.register_profile("gate", deadline=None, derandomize=True)
settings.load_profile("gate")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect the tests without searches for garbage, which would walk through thousands of them again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.fixture(scope="module", autouse=True)
def functions_go_by_value(request: pytest.FixtureRequest) -> Iterator[None]:
    """The processes that a test's functions go to need not import all that the test imports: that takes a second."""
    cloudpickle.register_pickle_by_value(request.module)
    yield
    cloudpickle.unregister_pickle_by_value(request.module)


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
    """The database, emptied."""
    empty(postgresql_database)
    return postgresql_database


@pytest.fixture(params=["sqlite", "postgresql", "memory"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store of each back end; another one adds its name to the parameters and its URL here.

    Tests that open a store twice are for persistent ones only: see tests/store/backends.py.
    """
    monkeypatch.chdir(tmp_path)
    if request.param == "memory":
        return "memory://"
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'caviar.db'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url
