"""A small process that ends what our programs have started, where we are killed before we can.

The system kills a program together with us (see process.py), but not the program's own children, such as the workers
that load data. Each program leads a group of processes. The minder reads the numbers of the groups from a pipe, and
where that closes, because we have ended in whatever way, it kills the groups that are left.
"""

from __future__ import annotations

import atexit
import subprocess
import threading
from contextlib import suppress

_SCRIPT = """
groups=" "
while read -r sign group; do
    case $sign in
        +) groups="$groups$group " ;;
        -) groups="${groups%% $group *} ${groups#* $group }" ;;
    esac
done
for group in $groups; do kill -KILL "-$group"; done
"""


class Minder:
    """The process, started at the first group."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def mind(self, group: int) -> None:
        """Kill ``group`` when this process ends."""
        with self._lock:
            if self._process is None:
                self._start()
            self._say("+", group)

    def forget(self, group: int) -> None:
        """Leave ``group`` alone: it has ended, and its number may become another's."""
        with self._lock:
            self._say("-", group)

    def close(self) -> None:
        """End all that is left."""
        with self._lock:
            if self._process is not None and self._process.stdin is not None:
                with suppress(OSError):
                    self._process.stdin.close()
                self._process.wait()
                self._process = None

    def _start(self) -> None:
        with suppress(OSError):  # without it, training goes on as well
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _SCRIPT],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                cwd="/",
                start_new_session=True,  # the end of our terminal is not its own
            )

    def _say(self, sign: str, group: int) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.write(f"{sign} {group}\n".encode())


MINDER = Minder()
atexit.register(MINDER.close)
