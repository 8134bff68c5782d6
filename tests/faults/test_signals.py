"""Fault 2: Ctrl-C and SIGTERM, once and twice, in the middle of slow epochs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.faults.invariants import acknowledged, check_over, check_whole

SECONDS = 5.0
SPACE = "[hidden_units]\nvalue = 512\n[layers]\nvalue = 3\n[learning_rate]\nvalue = 0.01\n[batch_size]\nvalue = 32\n"


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of which one epoch takes seconds."""
    folder = tmp_path_factory.mktemp("slow")
    random = np.random.default_rng(0)
    x = random.normal(size=(20_000, 64)).astype(np.float32)
    np.savez(folder / "slow.npz", x=x, y=(x[:, 0] > 0).astype(np.int64))
    (folder / "wide.toml").write_text(SPACE)
    return folder


def _cpu_seconds(pid: int) -> float:
    fields = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_the_middle_of_an_epoch(number, status, twice, slow, tmp_path):
    store = tmp_path / "caviar.db"
    arguments = ["tune", "slow.npz", "--target", "y", "--trials", "50", "--space", "wide.toml", "--study", "mine"]
    command = [sys.executable, "-c", "from caviar.cli.main import main; main()", *arguments, "--store", str(store)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=slow) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "| search |" in line:
                break
        before = acknowledged(store, "mine")
        spent = _cpu_seconds(process.pid)
        process.send_signal(number)
        if twice:
            process.send_signal(number)
        _, waited, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(waited)
        said = process.stdout.read()
    assert process.returncode == status
    # Of the processor's time, not the clock's: two threads that went on would use it up, however busy the machine is.
    assert usage.ru_utime + usage.ru_stime - spent < SECONDS
    check_whole(store, "mine", before)
    if not twice:
        assert "caviar resume mine" in said
        check_over(store, "mine", before)
