"""Which process this is, and whether another one of this machine is still there, without any clock.

A process is named by the machine's name, its boot, the table of processes it is in (a container has its own), its
number and the tick at which it started, for numbers are given again. Where the system does not tell (no /proc),
nothing is concluded, and only patience finds a dead worker.
"""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_PROC = Path("/proc")
_GONE = ("Z", "X")  # a zombie has ended: it waits only to be asked how


def identity() -> dict[str, Any]:
    """This process, as plain data: host, boot, pids, pid, started, user."""
    pid = os.getpid()
    return {**_machine(), "pid": pid, "started": _started(pid), "user": _user()}


def is_gone(other: Mapping[str, Any]) -> bool:
    """Whether the process ``other`` is certainly over; False where this machine cannot know."""
    here = _machine()
    if not here["boot"] or not other.get("started") or any(other.get(key) != here[key] for key in here):
        return False
    return _started(int(other["pid"])) != other["started"]


def _machine() -> dict[str, str]:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        pids = os.readlink(_PROC / "self/ns/pid")
    except OSError:
        boot, pids = "", ""
    return {"host": socket.gethostname(), "boot": boot, "pids": pids}


def _started(pid: int) -> str:
    """The tick since boot at which process ``pid`` started; empty if it has ended."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()  # the name before it may hold spaces and brackets
    return "" if fields[0] in _GONE else fields[19]


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        return str(os.getuid())
