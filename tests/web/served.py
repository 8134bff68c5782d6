"""A dashboard of a store, in this process or on a free port, for tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from starlette.testclient import TestClient

from caviar.store import Store
from caviar.web.app import Act, Dashboard, Documents
from caviar.web.hosts import Hosts
from caviar.web.keys import Keys
from caviar.web.server import Server, listening

EVERY = 0.05
"""Seconds between two looks at the store."""


def studies(store: Store, name: str) -> dict[str, Any]:
    return {"store": store.url, "studies": [{"name": study.name} for study in store.studies()], "runs": []}


def study(store: Store, name: str) -> dict[str, Any]:
    record = store.study(name)
    trials = store.trials(name)
    return {
        "kind": "study",
        "name": name,
        "state": str(record.state),
        "trials": {
            "number": [trial.number for trial in trials],
            "state": [str(trial.state) for trial in trials],
            "score": [trial.score for trial in trials],
            "errors": {str(trial.number): trial.error for trial in trials if trial.error},
        },
    }


def trial(store: Store, name: str, number: int) -> dict[str, Any]:
    return {"trial": number, "config": store.trials(name)[number].config}


def comparison(store: Store, first: str, second: str) -> dict[str, Any]:
    return {"studies": [study(store, first), study(store, second)]}


STAND_INS = Documents({"studies": studies, "study": study, "run": studies}, trial, comparison)


def dashboard(
    url: str,
    acts: Mapping[tuple[str, str], Act] | None = None,
    documents: Documents = STAND_INS,
    port: int = 80,
    every: float = EVERY,
) -> Dashboard:
    return Dashboard(url, documents, Keys(port), Hosts.of("127.0.0.1"), acts or {}, every=every)


@contextmanager
def client(of: Dashboard) -> Iterator[TestClient]:
    """A client without the token, of a server in this process. It follows no redirects."""
    app, hub = of.application()
    try:
        yield TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
    finally:
        hub.close()


@contextmanager
def known(of: Dashboard) -> Iterator[TestClient]:
    """The same with the session of a browser."""
    with client(of) as opened:
        opened.cookies.set(of.keys.cookie_name, of.keys.session)
        yield opened


@dataclass(frozen=True)
class Served:
    """A dashboard on a port."""

    port: int
    keys: Keys

    @property
    def address(self) -> str:
        """The address that the command would print."""
        return f"http://127.0.0.1:{self.port}/?token={self.keys.token}"


@contextmanager
def serving(
    url: str,
    acts: Mapping[tuple[str, str], Act] | None = None,
    documents: Documents = STAND_INS,
    every: float = EVERY,
) -> Iterator[Served]:
    """A real server on a free port, in a thread."""
    socket = listening("127.0.0.1", 0)
    port = socket.getsockname()[1]
    of = dashboard(url, acts, documents, port, every)
    app, hub = of.application()
    server = Server(app, hub.close)
    thread = threading.Thread(target=server.run, args=([socket],), daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield Served(port, of.keys)
    finally:
        hub.close()
        server.should_exit = True
        thread.join()
