"""A process is stopped (SIGSTOP), another takes over all that it has, and the first wakes up: every kind, at once."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa

from caviar.errors import StoreAway
from caviar.records import LeaseState, TrialState
from caviar.runs.replay import Replayed, replay
from caviar.store import Store
from caviar.store.run_tables import RUNS as RUN_ROWS
from caviar.store.runs import Runs
from caviar.store.schema import STUDIES as STUDY_ROWS
from caviar.study.tune import follow
from tests.child import stop, until
from tests.faults.every_kind import ASKED, RUNS, STUDIES, TRIALS, start, table_request, write_files
from tests.faults.invariants import check_over
from tests.study.test_tune import recorded

Start = Callable[[str, str, Path], subprocess.Popen[str]]


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path, store_of: str) -> str:
    made: str = f"{tmp_path}/caviar.db" if store_of == "sqlite" else request.getfixturevalue("postgresql_url")
    return made


@pytest.fixture
def processes() -> Iterator[Start]:
    """Start processes that are killed at the end."""
    with ExitStack() as stack:

        def begin(what: str, url: str, folder: Path) -> subprocess.Popen[str]:
            child = stack.enter_context(start(what, url, folder))
            stack.callback(child.kill)
            return child

        yield begin


def freeze(child: subprocess.Popen[str], url: str) -> None:
    """Stop the child where it is, but not in a transaction, with which it would stop everyone."""
    while True:
        stop(child)
        try:
            with (
                Store.open(url) as store,
                store.transactions.waiting_at_most(1.0),
                store.transactions.writing() as connection,
            ):
                for table in (STUDY_ROWS, RUN_ROWS):
                    connection.execute(sa.select(table.c.id).with_for_update())
            return
        except StoreAway:
            child.send_signal(signal.SIGCONT)
            time.sleep(0.05)


@pytest.mark.parametrize("store_of", ["sqlite", "postgresql"])
def test_a_frozen_process_is_refused_when_it_wakes_and_nothing_is_counted_twice(
    url: str, tmp_path: Path, processes: Start
) -> None:
    write_files(tmp_path)
    with Store.open(url):
        pass
    first = processes("begin", url, tmp_path)
    until(first, "begun")
    freeze(first, url)
    second = processes("resume", url, tmp_path)
    until(second, "begun")

    # The first wakes up while the second is at work: each of its studies and runs is refused, in words.
    first.send_signal(signal.SIGCONT)
    said, complained = first.communicate("\n", timeout=300)
    assert (first.returncode, complained) == (0, "")
    assert sorted(line.partition(": ")[0] for line in said.splitlines()) == sorted(
        f"{name} refused" for name in (*STUDIES, *RUNS)
    )
    assert all("this process was declared lost" in line for line in said.splitlines())

    # The second goes on to the end.
    said, complained = second.communicate("\n", timeout=300)
    assert (second.returncode, complained) == (0, "")
    assert sorted(said.splitlines()) == sorted(f"{name} ended" for name in (*STUDIES, *RUNS))
    check_over(url, "table")
    whole = f"{tmp_path}/whole.db"
    for _ in follow(table_request(whole, tmp_path)):
        pass
    assert recorded(url, "table") == recorded(whole, "table")
    with Store.open(url) as store:
        for name, count in (("table", TRIALS), ("function", 8), ("program", 8)):
            assert sorted(t.number for t in store.trials(name) if not t.repeat) == list(range(count))
        assert sum(t.state is TrialState.FINISHED for t in store.trials("asked")) == ASKED
        for name in STUDIES:
            keys = [(number, repeat, m.epoch) for number, repeat, m in store.measurements(name)]
            assert len(keys) == len(set(keys))
            assert [lease.state for lease in store.leases.of(name)] == [LeaseState.LOST, LeaseState.LEFT]
        runs = Runs(store)
        for name in RUNS:
            assert [entry.kind for entry in runs.diary(name)].count("end") == 1
            assert [lease.state for lease in runs.leases.of(name)] == [LeaseState.LOST, LeaseState.LEFT]
    (*_, end) = replay("network", url)
    assert isinstance(end, Replayed)
    assert end.summary["same_bits"]
