"""The network of an owner's machine is cut, another machine takes its study over, and the network comes back.

The owner is in a network namespace of its own, with a cable to the server whose packets the system drops once its end
here is down. It needs root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from caviar.data import samples
from caviar.records import LeaseState
from caviar.store import Store
from tests import child
from tests.cut_cable import Cable
from tests.faults.invariants import check_over
from tests.study.test_tune import recorded

SPACE = f"caviar{os.getpid()}"
NEAR, FAR = f"near{os.getpid()}", f"far{os.getpid()}"
SERVER, OWNER = (f"10.213.{os.getpid() % 250}.{end}" for end in (1, 2))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0 or shutil.which("ip") is None, reason="only root may make a network"),
]


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


@pytest.fixture
def network() -> Iterator[None]:
    """A network of two machines: this one, at SERVER, and the namespace SPACE, at OWNER."""
    ip("netns", "add", SPACE)
    try:
        ip("link", "add", NEAR, "type", "veth", "peer", "name", FAR, "netns", SPACE)
        ip("addr", "add", f"{SERVER}/30", "dev", NEAR)
        ip("link", "set", NEAR, "up")
        ip("-n", SPACE, "addr", "add", f"{OWNER}/30", "dev", FAR)
        ip("-n", SPACE, "link", "set", FAR, "up")
        ip("-n", SPACE, "link", "set", "lo", "up")
        yield
    finally:
        ip("netns", "del", SPACE)


def test_an_owner_that_is_cut_off_is_refused_when_its_network_is_back(
    network: None, postgresql_url: str, tmp_path: Path
) -> None:
    data = samples.write_csv(samples.wine(), tmp_path / "wine.csv")
    options = ("--trials", 60, "--save-all")
    assert child.end(child.start("lead", tmp_path / "whole.db", data, *options))[0] == 0
    with Store.open(postgresql_url), Cable(postgresql_url, SERVER) as cable:
        within = ("ip", "netns", "exec", SPACE)
        first = child.start("lead", cable.url, data, *options, "--host", "elsewhere", within=within)
        try:
            child.until(first, lambda line: line.startswith("progress") and int(line.split()[2]) > 5)
            ip("link", "set", NEAR, "down")
            second = child.start("resume", postgresql_url, data, *options, "--patience", 3)
            try:
                child.until(second, "begun")  # it saw no sign of life of the first
                ip("link", "set", NEAR, "up")
                status, _, said = child.end(first, timeout=300)
                assert (status, len(said.splitlines())) == (2, 2), said
                assert "this process was declared lost" in said
                assert child.end(second, timeout=300)[::2] == (0, "")
            finally:
                second.kill()
        finally:
            first.kill()
    check_over(postgresql_url, child.STUDY)
    assert recorded(postgresql_url, child.STUDY) == recorded(tmp_path / "whole.db", child.STUDY)
    with Store.open(postgresql_url) as store:
        assert [lease.state for lease in store.leases.of(child.STUDY)] == [LeaseState.LOST, LeaseState.LEFT]
