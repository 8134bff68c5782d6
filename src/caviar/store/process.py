"""Identity of this process, and the state of another one of this machine, without any clock.

A process is named by the machine's name, its boot, the table of processes it is in (a container has its own), its
number and the tick at which it started, for numbers are given again. Without /proc nothing is concluded, and only
patience finds a dead process.
"""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_PROC = Path("/proc")
_GONE = ("Z", "X")  # a zombie has ended: only its exit status is still to be read
_STOPPED = ("T", "t")  # by a signal or a debugger


def identity() -> dict[str, Any]:
    """This process, as plain data: host, boot, pids, pid, started, user."""
    pid = os.getpid()
    return {**_machine(), "pid": pid, "started": _look(pid)[1], "user": user()}


def is_gone(other: Mapping[str, Any]) -> bool:
    """True where the process ``other`` is certainly over; False where this machine cannot know."""
    return is_near(other) and _look(int(other["pid"]))[1] != str(other["started"])


def is_running(other: Mapping[str, Any]) -> bool:
    """True where the process ``other`` certainly goes on; False where it is stopped or this machine cannot know."""
    if not is_near(other):
        return False
    state, started = _look(int(other["pid"]))
    return started == str(other["started"]) and state not in _STOPPED


def is_near(other: Mapping[str, Any]) -> bool:
    """True where the process ``other`` can be seen from here."""
    here = _machine()
    return bool(here["boot"] and other.get("started")) and all(other.get(key) == here[key] for key in here)


def _machine() -> dict[str, str]:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        pids = os.readlink(_PROC / "self/ns/pid")
    except OSError:
        boot, pids = "", ""
    return {"host": socket.gethostname(), "boot": boot, "pids": pids}


def _look(pid: int) -> tuple[str, str]:
    """State of process ``pid`` in a letter, and the tick since boot at which it started; both empty if it ended."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return "", ""
    fields = stat.rpartition(")")[2].split()  # the name before it may hold spaces and brackets
    return ("", "") if fields[0] in _GONE else (fields[0], fields[19])


def person() -> str:
    """The name in diaries of the person who acts: CAVIAR_WHO, or the user. The dashboard sets it for its commands."""
    return os.environ.get("CAVIAR_WHO") or user()


def user() -> str:
    """The name of the person who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        return str(os.getuid())
