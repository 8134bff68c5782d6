"""A process of a study, for tests that kill it: leads one, takes it up again, or helps with it.

``python -m tests.child lead STORE DATA TRIALS [--threads J] [--helpers N] [--crash NAME:N:WHEN]`` and so on. It says
"begun" once it works, then "tasks N" (a helper) or "progress" now and then, and "ended" when all is done. A crash
point is made here, in the child, by wrapping a function: the product has none.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import wraps
from pathlib import Path
from typing import Any

import caviar
from caviar.errors import CaviarError, StoreLost
from caviar.store import Store
from caviar.store.delivery import STORE_PATIENCE
from caviar.study.events import Begun, Progress
from caviar.study.resume import take_up
from caviar.study.spec import Request
from caviar.study.tune import follow

STUDY = "mine"
SPACE = caviar.Space(
    learning_rate=caviar.Log(1e-3, 1, tier=1),
    batch_size=caviar.PowerOfTwo(16, 64),
    hidden_units=caviar.Integer(4, 16, log=True),
    layers=caviar.Integer(1, 2),
    dropout=caviar.Choice([0.0, 0.2]),
)


def start(
    what: str, store: str | Path, data: Path, *options: str | int, within: Sequence[str] = ()
) -> subprocess.Popen[str]:
    """A child that does ``what``: lead, resume or help; ``within`` are words before its command."""
    command = [*within, sys.executable, "-m", "tests.child", what, str(store), str(data), *map(str, options)]
    folder = Path(__file__).parent.parent
    environment = os.environ | {"PYTHONPATH": str(folder)}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=data.parent, env=environment
    )


def until(child: subprocess.Popen[str], said: Callable[[str], bool] | str) -> str:
    """Read what the child says until a line that is, or fulfils, ``said``; that line."""
    assert child.stdout is not None
    for line in child.stdout:
        if line.strip() == said or (callable(said) and said(line.strip())):
            return line.strip()
    raise AssertionError(f"the child ended without saying it: {child.communicate()[1]}")


def end(child: subprocess.Popen[str], timeout: float = 120) -> tuple[int, str, str]:
    """The child's exit status, stdout and stderr, once it has ended."""
    said, complained = child.communicate(timeout=timeout)
    return child.returncode, said, complained


def freeze(child: subprocess.Popen[str], store: Path) -> None:
    """Stop the child where it is, but not while it holds SQLite's lock, with which it would stop everyone."""
    while True:
        stop(child)
        try:
            with closing(sqlite3.connect(store, timeout=1, isolation_level=None)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
            return
        except sqlite3.OperationalError:  # by the child, or by another one: then it was for nothing, and does no harm
            child.send_signal(signal.SIGCONT)
            time.sleep(0.05)


def stop(child: subprocess.Popen[Any]) -> None:
    """Stop the child, and wait until it stands: on a busy machine a thread may end its system call, and get a lock."""
    child.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)


def _say(what: str) -> None:
    print(what, flush=True)


def _crash(point: str) -> None:
    """Kill this process at the n-th call of a function, before or after it: "caviar.store.Store.write:3:after"."""
    name, n, when = point.split(":")
    module, of_class, function = name.rsplit(".", 2)
    owner = getattr(importlib.import_module(module), of_class)
    wrapped, calls = getattr(owner, function), 0

    @wraps(wrapped)
    def deadly(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == int(n) and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = wrapped(*arguments, **named)
        if calls == int(n):
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(owner, function, deadly)


def _lead(events: Any, store: str, helpers: int) -> None:
    for event in events:
        if isinstance(event, Begun):
            _say("begun")
            while helpers and _helpers(store) < helpers:
                time.sleep(0.05)
        elif isinstance(event, Progress):
            _say(f"progress {event.phase} {sum(event.counts.values())} {event.helpers}")
    _say("ended")


def _helpers(store: str) -> int:
    with Store.open(store) as opened:
        return sum(worker.is_helper for worker in opened.leases.of(STUDY))


def _help(store: str, threads: int, room: int, patience: float) -> None:
    from caviar.study.helping import work

    begun = False
    for helping in work(STUDY, store=store, threads=threads, room=room, store_patience=patience):
        if not begun:
            _say("begun")
        begun = True
        _say(f"tasks {helping.tasks} {helping.over}".strip())
    _say("ended")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["lead", "resume", "help"])
    parser.add_argument("store")
    parser.add_argument("data")
    parser.add_argument("--trials", type=int)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--helpers", type=int, default=0)
    parser.add_argument("--crash", action="append", default=[])
    parser.add_argument("--save-all", action="store_true", help="every network and result saved at once, however quick")
    parser.add_argument("--out")
    parser.add_argument("--preset")
    parser.add_argument("--patience", type=float)
    parser.add_argument("--store-patience", type=float, default=STORE_PATIENCE)
    parser.add_argument("--host", help="the name that the machine seems to have")
    parser.add_argument("--room", type=int, default=1 << 29)
    given = parser.parse_args()
    if given.save_all:
        from caviar.executors import parked
        from caviar.study import outbox

        parked.SAVED_FROM = outbox.WRITE_EVERY = 0.0
    if given.patience is not None:
        for module in ("caviar.study.resume", "caviar.study.tune"):
            importlib.import_module(module).PATIENCE = given.patience  # type: ignore[attr-defined]
    if given.host is not None:
        socket.gethostname = lambda: given.host
    for point in given.crash:
        _crash(point)
    try:
        if given.what == "help":
            _help(given.store, given.threads, given.room, given.store_patience)
            return
        if given.what == "resume":
            events = take_up(
                STUDY,
                store=given.store,
                trials=given.trials,
                threads=given.threads,
                store_patience=given.store_patience,
            )
        else:
            request = Request(
                data=given.data,
                target="cultivar",
                trials=given.trials,
                space=SPACE,
                store=given.store,
                study=STUDY,
                threads=given.threads,
                out=given.out,
                preset=given.preset,
                store_patience=given.store_patience,
            )
            events = follow(request)
        _lead(events, given.store, given.helpers)
    except CaviarError as error:
        print(error, file=sys.stderr)
        sys.exit(1 if isinstance(error, StoreLost) else 2)


if __name__ == "__main__":
    main()
