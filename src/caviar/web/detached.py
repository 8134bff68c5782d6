"""Commands that train, started by the dashboard: each in a process of its own, which goes on when the dashboard ends.

The output of the last command on a study or run is kept in a file beside the store, which the pages show.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from caviar.errors import StoreError
from caviar.files import make_private
from caviar.store import Store

PATIENCE = 15.0
"""Seconds for which a command may refuse to begin; one that has begun by then is left alone."""

_PROGRAM = "from caviar.cli.main import main; main()"
_MOST_SHOWN = 1 << 16  # bytes of a log
_LOOK_EVERY = 0.05


@dataclass(frozen=True)
class Commands:
    """Commands on the store at ``url``."""

    url: str
    patience: float = PATIENCE

    def start(
        self,
        kind: str,
        name: str,
        words: Sequence[str],
        has_begun: Callable[[Store], bool] = lambda store: False,
        who: str = "",
    ) -> str:
        """Start ``caviar`` with ``words``, about the study or run ``name``; a sentence about its process.

        ``who`` has it done, for the diary. The process is waited for until ``has_begun``, for the patience at most.
        Raises StoreError, in the words of the command, where it ends before that because something is wrong.
        """
        log = self._log(kind, name)
        make_private(log.parent)
        environment = {**os.environ, "CAVIAR_STORE": self.url, "NO_COLOR": "1"}
        if who:
            environment["CAVIAR_WHO"] = who
        # A file of its own: an earlier command on the same run may still write to the one that was there.
        output, path = tempfile.mkstemp(dir=log.parent)  # for this user alone
        try:
            process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, *words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
            )
        finally:
            os.close(output)
        threading.Thread(target=process.wait, daemon=True).start()  # or it would stay a zombie
        until = time.monotonic() + self.patience
        with open(path, "rb") as said, Store.open(self.url, read_only=True) as store:
            os.replace(path, log)
            while not (begun := has_begun(store)) and time.monotonic() < until:
                if process.poll() is not None:
                    self._check(process.returncode, said.read())
                    return "it is done already"
                time.sleep(_LOOK_EVERY)
        return f"it {'trains' if begun else 'begins'} in process {process.pid}, also when the dashboard ends"

    def shown(self, kind: str, name: str) -> str | None:
        """The end of what the last command on a study or run has printed; None where none was started."""
        log = self._log(kind, name)
        try:
            with log.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - _MOST_SHOWN))
                return file.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return None

    def _check(self, status: int, said: bytes) -> None:
        """Raise StoreError with the two lines of a command that ended with this ``status``, unless it did its work."""
        if status in (0, 1):  # 1: it ran, and the page shows that there is no answer
            return
        lines = said.decode("utf-8", "replace").rstrip().splitlines()
        rule, way_out = ("the command ended at once", f"its status was {status}", *lines)[-2:]
        raise StoreError(rule, way_out)

    def _log(self, kind: str, name: str) -> Path:
        """The file of the output; its name has no letter of a name that a person gave."""
        with Store.open(self.url, read_only=True) as store:
            folder = store.database.folder("logs").absolute()
        return folder / f"{kind}-{hashlib.sha256(name.encode()).hexdigest()[:24]}.log"
