"""The children of a program end with us, however we end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from caviar.protocol.minder import Minder
from tests.waiting import until

LEADER = """
import time
from caviar.protocol.process import Program
program = Program(["/bin/sh", "-c", "sleep 600 & echo $!; wait"], {})
while not program.waiting_lines:
    for descriptor in program.open:
        program.read(descriptor)
    time.sleep(0.01)
print(int(program.next_line()), flush=True)
time.sleep(600)
"""


def lives(pid: int) -> bool:
    """True for a process that is neither gone nor waits to be noticed as gone."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_grandchildren_end_with_us(number: signal.Signals):
    with subprocess.Popen([sys.executable, "-c", LEADER], stdout=subprocess.PIPE, text=True) as leader:
        assert leader.stdout is not None
        grandchild = int(leader.stdout.readline())
        assert lives(grandchild)
        leader.send_signal(number)
    until(lambda: not lives(grandchild))


def test_a_group_that_is_forgotten_is_left_alone():
    sleepers = [subprocess.Popen(["sleep", "600"], start_new_session=True) for _ in range(4)]
    minder = Minder()
    for sleeper in sleepers:
        minder.mind(sleeper.pid)
    minder.forget(sleepers[1].pid)
    minder.forget(sleepers[3].pid)
    minder.close()
    try:
        assert [sleepers[i].wait() for i in (0, 2)] == [-signal.SIGKILL] * 2
        assert [sleepers[i].poll() for i in (1, 3)] == [None] * 2
    finally:
        for sleeper in sleepers:
            os.killpg(sleeper.pid, signal.SIGKILL) if sleeper.returncode is None else None
            sleeper.wait()
