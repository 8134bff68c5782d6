"""The whole dashboard, from its arguments to its end."""

from __future__ import annotations

import threading
import webbrowser
from collections.abc import Callable

from caviar.web.app import Dashboard, Documents
from caviar.web.hosts import Hosts, is_loopback
from caviar.web.keys import Keys
from caviar.web.server import Server, listening


def serve(
    store: str,
    documents: Documents,
    host: str,
    port: int | None,
    ready: Callable[[str], None],
    browser: bool = False,
) -> None:
    """Show the store at ``store`` until a signal asks for the end.

    ``ready`` gets the address with the token once the server listens. ``browser`` opens a page there.
    """
    socket = listening(host, port)
    keys = Keys(socket.getsockname()[1])
    dashboard = Dashboard(store, documents, keys, Hosts.of(host))
    app, hub = dashboard.application()
    address = f"http://{_shown(host)}:{keys.port}/?token={keys.token}"
    ready(address)
    if browser and is_loopback(host):
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    try:
        Server(app, hub.close).run(sockets=[socket])
    finally:
        hub.close()


def _shown(host: str) -> str:
    """``host`` in an address that can be opened here."""
    if host in ("", "0.0.0.0", "::"):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
