"""The whole dashboard, from its arguments to its end."""

from __future__ import annotations

import signal
import threading
import webbrowser
from collections.abc import Callable

from caviar.web.acts import acts_on
from caviar.web.app import Dashboard
from caviar.web.detached import Commands
from caviar.web.documents import documents
from caviar.web.hosts import Hosts, is_loopback
from caviar.web.keys import Keys
from caviar.web.server import Server, listening


def serve(
    store: str,
    host: str,
    port: int | None,
    writes: bool,
    ready: Callable[[str], None],
    words: Callable[[str, str], str],
    browser: bool = False,
) -> int:
    """Show the store at ``store`` until a signal asks for the end; the number of that signal.

    ``writes`` lets pages act, and ``words`` puts an error of an act into the words of its command. ``ready`` gets the
    address with the token once the server listens. ``browser`` opens a page there.
    """
    socket = listening(host, port)
    keys = Keys(socket.getsockname()[1])
    commands = Commands(store)
    acts = acts_on(commands) if writes else {}
    dashboard = Dashboard(store, documents(words), keys, Hosts.of(host), acts, words, commands.shown)
    app, hub = dashboard.application()
    address = f"http://{_shown(host)}:{keys.port}/?token={keys.token}"
    ready(address)
    threading.Thread(target=_warm_up, daemon=True).start()
    if browser and is_loopback(host):
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    server = Server(app, hub.close)
    try:
        server.run(sockets=[socket])
    finally:
        hub.close()
    return server.ended_by or signal.SIGINT


def _warm_up() -> None:
    """Load what the first page of a study needs, while the browser is on its way."""
    import sklearn.ensemble  # noqa: F401


def _shown(host: str) -> str:
    """``host`` in an address that can be opened here."""
    if host in ("", "0.0.0.0", "::"):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
