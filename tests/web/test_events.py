"""Streams of events of a real server: nothing is sent twice, and whatever happens to the store, the stream goes on."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import sqlalchemy as sa

from caviar.errors import StoreAway, StoreError
from caviar.records import Trial, TrialState
from caviar.store import Store
from caviar.store.doctor import delete
from caviar.store.schema import META, VERSION
from caviar.web import hub, watched
from caviar.web.watched import Subject, Watched
from tests.postgresql_server import PASSWORD, database, restarting
from tests.store.sample import STUDY
from tests.waiting import until
from tests.web.served import Served, serving

PATIENCE = 60.0  # seconds, on a loaded machine


class Event(NamedTuple):
    name: str
    data: dict[str, Any]
    cursor: str


class Stream:
    """The events of one client, in the order in which they came."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines

    def __next__(self) -> Event:
        """The next event."""
        name, data, cursor = "", "", ""
        for line in self._lines:
            kind, _, value = line.partition(": ")
            if kind == "event":
                name = value
            elif kind == "data":
                data = value
            elif kind == "id":
                cursor = value
            elif not line and name:
                return Event(name, json.loads(data), cursor)
        raise StopIteration

    def changes(self, **wanted: Any) -> Event:
        """The next changes whose members are as ``wanted``."""
        while True:
            event = next(self)
            if event.name == "changes" and all(event.data.get(key) == value for key, value in wanted.items()):
                return event


@contextmanager
def events(of: Served, path: str, after: str | None = None, last: str | None = None) -> Iterator[Stream]:
    headers = {"authorization": f"Bearer {of.keys.token}"} | ({} if last is None else {"last-event-id": last})
    parameters = {} if after is None else {"after": after}
    address = f"http://127.0.0.1:{of.port}/api/{path}"
    with httpx.stream("GET", address, params=parameters, headers=headers, timeout=PATIENCE) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Stream(answer.iter_lines())


def document(of: Served, path: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {of.keys.token}"}
    return httpx.get(f"http://127.0.0.1:{of.port}/api/{path}", headers=headers, timeout=PATIENCE)


def trial(number: int, score: float | None = None) -> Trial:
    state = TrialState.RUNNING if score is None else TrialState.FINISHED
    return Trial(number=number, repeat=0, config={"learning_rate": 0.1}, state=state, epochs=0, score=score)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "caviar.db") as opened:
        opened.create_study(STUDY, [trial(0, 0.5), trial(1)])
        yield opened


@pytest.fixture
def of(store: Store) -> Iterator[Served]:
    with serving(store.url) as running:
        yield running


def test_only_what_is_new_is_sent(store: Store, of: Served) -> None:
    whole = document(of, "studies/flowers").json()
    assert whole["trials"]["number"] == [0, 1]
    with events(of, "studies/flowers/events", after=whole["cursor"]) as stream:
        store.write("flowers", [trial(1, 0.75), trial(2)])
        news = next(stream)
        assert news.name == "changes"
        assert news.data == {
            "trials": {"number": [1, 2], "state": ["finished", "running"], "score": [0.75, None], "errors": {}}
        }
        store.write("flowers", [trial(2, 0.25)])
        assert next(stream).data["trials"]["number"] == [2]


def test_one_that_comes_back_gets_nothing_twice(store: Store, of: Served) -> None:
    whole = document(of, "studies/flowers").json()
    with events(of, "studies/flowers/events", after=whole["cursor"]) as stream:
        store.write("flowers", [trial(1, 0.75)])
        seen = next(stream)
    store.write("flowers", [trial(2)])
    # A browser sends the last cursor in a header, and its address still has the first one.
    with events(of, "studies/flowers/events", after=whole["cursor"], last=seen.cursor) as stream:
        assert next(stream).data["trials"]["number"] == [2]


@pytest.mark.parametrize("cursor", ["", "nonsense", "abc-7", "-", "\N{SUPERSCRIPT TWO}", "9" * 4000])
def test_a_cursor_of_another_server_gets_all(of: Served, cursor: str) -> None:
    with events(of, "studies/flowers/events", after=cursor) as stream:
        assert next(stream).data["trials"]["number"] == [0, 1]


def test_the_list_of_studies_follows(store: Store, of: Served) -> None:
    with events(of, "events?studies=1") as stream:
        assert next(stream).data["studies"] == [{"name": "flowers"}]
        store.create_study(replace(STUDY, name="digits"))
        assert next(stream).data == {"studies": [{"name": "flowers"}, {"name": "digits"}]}


def test_a_study_that_is_deleted_is_gone(store: Store, of: Served) -> None:
    with events(of, "studies/flowers/events") as stream:
        next(stream)
        delete(store, "study", "flowers")
        assert next(stream).name == "gone"
        assert list(stream._lines) == []
    answer = document(of, "studies/flowers")
    assert answer.status_code == 404
    assert "flowers" in answer.json()["rule"]


def test_a_study_that_never_was_is_404_with_a_suggestion(of: Served) -> None:
    answer = document(of, "studies/flowrs")
    assert answer.status_code == 404
    assert answer.json() == {"rule": "the store has no study 'flowrs'", "way_out": "did you mean 'flowers'?"}


def test_a_store_that_is_moved_away_is_trouble_until_it_is_back(store: Store, of: Served, tmp_path: Path) -> None:
    path = tmp_path / "caviar.db"
    store.close()
    with events(of, "studies/flowers/events") as stream:
        next(stream)
        path.rename(tmp_path / "away.db")
        trouble = next(stream)
        assert trouble.name == "trouble"
        assert "moved or deleted" in trouble.data["rule"]
        assert document(of, "studies/flowers").status_code == 503
        assert document(of, "studies/flowers/trials/0").status_code in (404, 503)
        (tmp_path / "away.db").rename(path)
        assert next(stream).name == "back"
        with Store.open(path) as again:
            again.write("flowers", [trial(1, 0.9)])
        assert stream.changes().data["trials"]["number"] == [1]


def test_a_moment_without_the_store_is_no_trouble(store: Store, tmp_path: Path) -> None:
    looks: list[int] = []

    def read(opened: Store) -> dict[str, Any]:
        looks.append(1)
        if len(looks) in (1, 3):
            raise StoreAway("its log went with the process that ended", "wait")
        return {"name": "flowers", "looks": len(looks)}

    watched = Watched(Subject("study", "flowers"), str(tmp_path / "caviar.db"), read, every=0.01)
    watched.start()
    try:
        assert json.loads(watched.document())["looks"] == 2
        store.write("flowers", [trial(7)])
        until(lambda: len(looks) >= 4)
        assert not any(name == "trouble" for name, _ in watched.news(None, reported=False)[1])
    finally:
        watched.close()


def test_a_copy_in_the_place_of_the_store_is_read_on(store: Store, of: Served, tmp_path: Path) -> None:
    path = tmp_path / "caviar.db"
    store.close()
    with events(of, "studies/flowers/events") as stream:
        next(stream)
        shutil.copy(path, tmp_path / "copy.db")
        with Store.open(tmp_path / "copy.db") as copied:
            copied.write("flowers", [trial(1, 0.9)])
        (tmp_path / "copy.db").replace(path)
        seen = [next(stream).name]
        while "changes" not in seen:
            seen.append(next(stream).name)
        assert seen in (["changes"], ["trouble", "back", "changes"])  # where a slow machine needs a while for it


def test_a_file_of_something_else_in_its_place_is_trouble(store: Store, of: Served, tmp_path: Path) -> None:
    store.close()
    with events(of, "studies/flowers/events") as stream:
        next(stream)
        (tmp_path / "other").write_text("not a database\n" * 100)
        (tmp_path / "other").replace(tmp_path / "caviar.db")
        assert next(stream).name == "trouble"


def test_a_store_of_a_newer_version_is_trouble(store: Store, of: Served) -> None:
    with events(of, "studies/flowers/events") as stream:
        next(stream)
        with store.transactions.writing() as connection:
            connection.execute(META.update().values(schema_version=VERSION + 1))
        trouble = next(stream)
        assert trouble.name == "trouble"
        assert "upgrade caviar" in trouble.data["way_out"]
        with store.transactions.writing() as connection:
            connection.execute(META.update().values(schema_version=VERSION))
        assert next(stream).name == "back"


def test_a_store_that_is_locked_is_trouble_until_it_is_free(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("caviar.store.backends.sqlite.LOOK_SECONDS", 0.1)
    store.close()
    other = sqlite3.connect(tmp_path / "caviar.db", isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")  # such a one lets nobody read, even with a log
    other.execute("BEGIN EXCLUSIVE")
    with serving(store.url) as of, events(of, "studies/flowers/events") as stream:
        trouble = next(stream)
        assert trouble.name == "trouble"
        assert "locked" in trouble.data["rule"]
        assert document(of, "studies/flowers").status_code == 503
        other.execute("ROLLBACK")
        other.close()
        assert next(stream).name == "back"
        assert next(stream).data["trials"]["number"] == [0, 1]


def test_nothing_is_written_to_the_store(store: Store, tmp_path: Path) -> None:
    watched = Watched(Subject("study", "flowers"), str(tmp_path / "caviar.db"), _writes, every=0.01)
    watched.start()
    with pytest.raises(Exception, match="cannot be written"):
        watched.document()
    watched.close()
    assert store.study("flowers").state == "running"


def _writes(opened: Store) -> dict[str, Any]:
    with opened.transactions.database.writing() as connection:
        connection.execute(sa.text("UPDATE studies SET state = 'finished'"))
    return {}


def test_clients_share_one_reader(store: Store, of: Served) -> None:
    with events(of, "studies/flowers/events") as first, events(of, "studies/flowers/events") as second:
        assert next(first) == next(second)
        names = [thread.name for thread in threading.enumerate()]
        assert names.count("watch study flowers") == 1


def test_after_an_act_looks_come_one_after_the_other(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The outcome of an act is written by and by; before, the next look was as far away as the last one was long."""
    monkeypatch.setattr(watched, "_SHARE", 1e-9)  # after a look that took any time there is no other
    monkeypatch.setattr(watched, "_HURRY", PATIENCE)
    looks: list[None] = []

    def read(opened: Store) -> dict[str, Any]:
        looks.append(None)
        return {"kind": "study", "looks": sum(range(100_000)) + len(looks)}

    watch = Watched(Subject("study", "flowers"), store.url, read, 0.01)
    watch.listen(lambda: None)
    watch.start()
    until(lambda: len(looks) == 1)
    for number in range(3):
        store.write("flowers", [Trial(number, {"x": 0.5}, TrialState.FINISHED)])
        if not number:
            watch.poke()
        until(lambda number=number: len(looks) >= number + 2)
    watch.close()


def test_a_reader_ends_when_nobody_looks(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caviar.web.watched._LINGER", 0.05)
    with serving(store.url) as of:
        with events(of, "studies/flowers/events") as stream:
            next(stream)
        until(lambda: "watch study flowers" not in [thread.name for thread in threading.enumerate()])
        assert document(of, "studies/flowers").json()["trials"]["number"] == [0, 1]


def test_streams_are_bounded_and_the_refusal_is_clear(
    store: Store, of: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "MOST_STREAMS", 2)
    with events(of, "studies/flowers/events") as first, events(of, "events"):
        next(first)
        answer = document(of, "studies/flowers/events")
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert "pages are open already" in answer.json()["rule"]
        assert document(of, "studies").status_code == 200  # others are served
    until(lambda: _opens(of))


def _opens(of: Served) -> bool:
    headers = {"authorization": f"Bearer {of.keys.token}"}
    with httpx.stream("GET", f"http://127.0.0.1:{of.port}/api/events", headers=headers, timeout=PATIENCE) as answer:
        return answer.status_code == 200


def test_subjects_are_bounded(store: Store, of: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "MOST_SUBJECTS", 1)
    with events(of, "studies/flowers/events") as stream:
        next(stream)
        answer = document(of, "studies")
        assert answer.status_code == 503
        assert "looked at already" in answer.json()["rule"]


def _connect(of: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", of.port), timeout=PATIENCE)


def test_a_server_that_restarts_is_trouble_until_it_is_back() -> None:
    with restarting() as running:
        url = database(running.url, "watched")
        with Store.open(url) as store:
            store.create_study(STUDY, [trial(0)])
        with serving(url) as of, events(of, "studies/flowers/events") as stream:
            assert next(stream).data["trials"]["number"] == [0]
            running.stop()
            trouble = next(stream)
            assert trouble.name == "trouble"
            assert "cannot be reached" in trouble.data["rule"]
            assert PASSWORD not in str(trouble.data)
            running.start()
            assert next(stream).name == "back"
            with Store.open(url) as store:
                store.write("flowers", [trial(0, 0.5), trial(1)])
            seen = next(stream)
            assert seen.data["trials"]["score"][0] == 0.5


def test_a_database_on_a_server_is_read_and_never_written(postgresql_url: str) -> None:
    with Store.open(postgresql_url) as store:
        store.create_study(STUDY, [trial(0)])
        with serving(postgresql_url) as of, events(of, "studies/flowers/events") as stream:
            assert next(stream).data["trials"]["number"] == [0]
            store.write("flowers", [trial(1)])
            assert next(stream).data["trials"]["number"] == [1]
        with (
            Store.open(postgresql_url, read_only=True) as looking,
            pytest.raises(StoreError, match="cannot be written"),
        ):
            looking.enqueue("flowers", {"learning_rate": 0.5})
        assert store.spec("flowers").first == ()
