"""Faults of a store on PostgreSQL alone: addresses, passwords, a server that is away, other tools' tables."""

from __future__ import annotations

import builtins
import threading
import traceback
from typing import Any

import pytest
import sqlalchemy as sa

from caviar.errors import StoreError
from caviar.records import Trial, TrialState
from caviar.store import Store
from caviar.store.backends import postgresql
from tests.postgresql_server import PASSWORD, database, plain
from tests.store.sample import CONFIG, STUDY, measurement


def refused(url: str, create: bool = True) -> StoreError:
    """The error of opening ``url``: two lines, and no password in any part of it."""
    with pytest.raises(StoreError) as error:
        Store.open(url, create=create)
    assert len(str(error.value).splitlines()) == 2
    assert str(error.value).replace("\n", "").isprintable()
    shown = "".join(traceback.format_exception(error.value))
    assert "s3cret" not in shown.replace(f'"{url}"', "").replace(f"'{url}'", "")
    return error.value


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://anna:s3cret@/db?host=/nowhere", "cannot be reached"),
        ("postgresql+psycopg://anna:s3cret@127.0.0.1:1/db", "cannot be reached"),
        ("postgresql://anna:s3cret@no-such-host.invalid/db", "cannot be reached"),
        ("postgresql://anna:s3cret@host:port/db", "cannot be read"),
        ("postgresql://anna:x/s3cret@host.invalid/db", "cannot be reached"),
        ("postgresql://anna:x@s3cret@host/db", "special letter in its password"),
        ("postgresql://anna:***@host/db", r"\*\*\* in the place of its password"),
        ("postgresql://host/db?password=***", r"\*\*\* in the place of its password"),
        ("postgresql://anna:s3cret@host", "names no database"),
        ("postgresql://anna:s3cret@host/", "names no database"),
        ("postgresql://anna:s3cret@host/db?nonsense=1", "cannot be reached"),
        ("postgresql+asyncpg://anna:s3cret@host/db", "of kind 'postgresql.asyncpg'"),
    ],
)
def test_an_address_that_leads_nowhere(url: str, says: str) -> None:
    error = refused(url)
    with pytest.raises(StoreError, match=says):
        raise error


def test_a_wrong_password_or_database_is_named_and_not_shown(postgresql_url: str) -> None:
    wrong = postgresql_url.replace("s3cret", "s3cret-not")
    assert "password authentication failed" in refused(wrong).rule
    assert "does not exist" in refused(postgresql_url.replace("/test_", "/nothing_")).rule


def test_a_password_is_neither_shown_nor_kept(postgresql_url: str) -> None:
    with Store.open(postgresql_url) as store:
        assert PASSWORD not in f"{store.url} {store!r} {store.database!r} {vars(store)}"
        assert "caviar:***@" in store.url
        store.create_study(STUDY)
        with store.transactions.reading() as connection:
            kept = connection.exec_driver_sql("SELECT s::text FROM studies s").scalar()
        assert "s3cret" not in str(kept)
    in_query = postgresql_url.replace(":s3cret%2F%40%3A%25@", "@") + "&password=s3cret%2F%40%3A%25"
    with Store.open(in_query, create=False) as store:
        assert "s3cret" not in store.url
        assert "password=***" in store.url


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without_psycopg(name: str, *rest: Any) -> Any:
        if name.split(".")[0] == "psycopg":
            raise ImportError(name)
        return original(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_psycopg)
    error = refused("postgresql://anna:s3cret@host/db")
    assert error.way_out == "pip install 'caviar-tuner[postgresql]'"


def test_there_is_no_store_until_one_is_made(postgresql_url: str) -> None:
    assert "there is no store" in refused(postgresql_url, create=False).rule
    Store.open(postgresql_url).close()
    Store.open(postgresql_url, create=False).close()


def test_tables_of_another_tool_are_left_alone(postgresql_url: str) -> None:
    import psycopg

    with psycopg.connect(plain(postgresql_url)) as connection:
        connection.execute("CREATE TABLE studies (study_id int); CREATE TABLE meta (x int)")
    with Store.open(postgresql_url) as store:
        store.create_study(STUDY)
    with psycopg.connect(plain(postgresql_url)) as connection:
        assert connection.execute("SELECT count(*) FROM public.studies").fetchone() == (0,)
        connection.execute("DROP SCHEMA caviar CASCADE; CREATE SCHEMA caviar; CREATE TABLE caviar.meta (x int)")
    assert "not a store of caviar's" in refused(postgresql_url).rule


def test_an_encoding_that_loses_letters_is_refused(postgresql_server: str) -> None:
    assert "encoding is not UTF8" in refused(database(postgresql_server, "latin", "LATIN1")).rule


def test_a_user_without_rights_is_refused(postgresql_server: str) -> None:
    import psycopg

    url = database(postgresql_server, "closed")
    with psycopg.connect(plain(postgresql_server, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE anna LOGIN PASSWORD '{PASSWORD}'")
    error = refused(url.replace("caviar:", "anna:"))
    assert "permission denied" in error.rule
    assert "the right to create" in error.way_out


def test_a_lock_that_stays_is_named(postgresql_url: str) -> None:
    with Store.open(postgresql_url) as store, Store.open(postgresql_url) as other:
        store.create_study(STUDY)
        with (
            other.subjects.writing("flowers"),
            store.transactions.waiting_at_most(0.2),
            pytest.raises(StoreError, match=r"keeps the store .* locked"),
        ):
            store.write("flowers", [Trial(0, CONFIG, TrialState.RUNNING)])
        store.write("flowers", [Trial(0, CONFIG, TrialState.RUNNING)])


def test_writers_to_two_studies_do_not_wait_for_each_other(postgresql_url: str) -> None:
    with Store.open(postgresql_url) as store, Store.open(postgresql_url) as other:
        store.create_study(STUDY)
        other.create_study(STUDY.__class__(**{f: getattr(STUDY, f) for f in STUDY.__slots__} | {"name": "b"}))
        with other.subjects.writing("b"):
            store.write("flowers", [Trial(0, CONFIG, TrialState.RUNNING)])


def test_a_client_that_freezes_in_a_transaction_does_not_hold_the_others_for_ever(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(postgresql_url) as store:
        store.create_study(STUDY)
        monkeypatch.setattr(postgresql, "FROZEN_SECONDS", 2.0)  # of the one that freezes alone: a busy machine is slow
        frozen = Store.open(postgresql_url)

        def freeze() -> None:
            with frozen.subjects.writing("flowers") as (connection, _):
                connection.exec_driver_sql("UPDATE studies SET metric = 'lost'")
                held.set()
                written.wait()

        held, written = threading.Event(), threading.Event()
        said: list[BaseException] = []

        def run() -> None:
            try:
                freeze()
            except StoreError as error:
                said.append(error)
            finally:
                held.set()

        thread = threading.Thread(target=run)
        thread.start()
        held.wait()
        try:
            store.write("flowers", [Trial(0, CONFIG, TrialState.RUNNING)])
        finally:
            written.set()
            thread.join()
        assert len(said) == 1
        assert store.study("flowers").metric == "accuracy"
        frozen.write("flowers", [Trial(1, CONFIG, TrialState.RUNNING)])  # a fresh connection
        frozen.close()


def test_a_connection_that_the_server_dropped_is_opened_again(postgresql_url: str) -> None:
    with Store.open(postgresql_url) as store:
        store.create_study(STUDY)
        with pytest.raises(StoreError, match="cannot be reached"):
            write_while_dropped(store, postgresql_url)
        store.write("flowers", [Trial(0, CONFIG, TrialState.RUNNING)], [(0, 0, measurement(1))])
        kill_all(postgresql_url)
        assert store.study("flowers") == STUDY


def kill_all(url: str) -> None:
    import psycopg

    with psycopg.connect(plain(url), autocommit=True) as connection:
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        connection.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {others}")


def write_while_dropped(store: Store, url: str) -> None:
    with store.subjects.writing("flowers") as (connection, _):
        kill_all(url)
        connection.execute(sa.text("UPDATE studies SET metric = 'lost'"))
