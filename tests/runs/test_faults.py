"""Faults around a run: kills, flipped bits, full disks, two owners, interventions that wait."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from caviar.errors import ConfigError, Fenced, SnapshotError, StoreError
from caviar.records import InterventionState, RunState
from caviar.runs import client, loop
from caviar.runs.replay import replay
from caviar.runs.snapshots import snapshot_numbered
from caviar.store import Store, states
from caviar.store.runs import Runs
from caviar.store.snapshots import StateFiles
from tests.runs.conftest import Pond
from tests.waiting import LIMIT, until

CHILD = """
import sys
from caviar.records import RunKind, RunSpec
from caviar.runs import loop
from tests.runs.conftest import CONFIG
config = {**CONFIG, "hidden_units": 256, "layers": 3}
spec = RunSpec(kind=RunKind.NETWORK, data=sys.argv[1], target=sys.argv[2], epochs=int(sys.argv[4]))
for event in loop.begin(spec, config, name="wine", store=sys.argv[3]):
    if isinstance(event, loop.EpochDone):
        print(event.measurement.clock.epoch, flush=True)
"""


def child(pond: Pond, epochs: int) -> subprocess.Popen[str]:
    spec = pond.spec()
    arguments = [spec.data, str(spec.target), pond.store, str(epochs)]
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, *arguments], stdout=subprocess.PIPE, text=True, cwd=root, stderr=subprocess.STDOUT
    )


def read_until(process: subprocess.Popen[str], epoch: int) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        assert line.strip().isdigit(), line + process.stdout.read()
        if int(line) >= epoch:
            return


def test_a_killed_trainer_s_run_goes_on_and_applies_the_interventions_that_waited(pond: Pond):
    """SIGKILL, an intervention in a dead run, resume: only the epoch under way is lost, the replay agrees."""
    with child(pond, 100_000) as process:
        read_until(process, 3)
        with pytest.raises(StoreError, match="is running: process"):
            next(iter(loop.resume("wine", pond.store)))
        process.send_signal(signal.SIGKILL)
    asked = client.intervene("wine", "turn", {"l2": 0.25}, pond.store, because="while it was dead")
    assert asked.state is InterventionState.WAITING
    with pytest.raises(ConfigError, match="learning_rate must be"):
        client.intervene("wine", "turn", {"learning_rate": -1.0}, pond.store)
    client.intervene("wine", "stop", {}, pond.store, wait=0)
    seen = pond.runs().measurements("wine")
    done = pond.follow(loop.resume("wine", pond.store)).summary
    asked = pond.runs().interventions("wine")
    assert [o.state for o in asked] == [InterventionState.DONE, InterventionState.DONE]
    assert 3 <= done["epochs"] <= seen[-1].clock.epoch
    diary = pond.runs().diary("wine")
    assert [e.kind for e in diary if e.kind != "snapshot"] == ["resumed", "turn", "stop", "end"]
    *_, end = replay("wine", pond.store)
    assert end.summary["same_bits"]


def test_what_was_turned_after_the_last_snapshot_is_turned_again_after_a_kill(pond: Pond):
    killed = [False]

    def on_epoch(event, ask):
        if event.measurement.clock.epoch == 3:
            ask("turn", {"learning_rate": 0.2}, "the last word")

    events = pond.begin(epochs=6, ended=lambda: killed[0])
    ask = None
    for event in events:
        if isinstance(event, loop.Begun):
            ask = event.ask
        elif isinstance(event, loop.EpochDone):
            on_epoch(event, ask)
        elif isinstance(event, loop.Noted) and event.entry.kind == "turn":
            break  # here the power goes: what the generator's end would write is undone below
    events.close()
    with Store.open(pond.store) as store, store.transactions.writing() as connection:
        connection.exec_driver_sql("UPDATE runs SET state = 'running'")
        connection.exec_driver_sql("DELETE FROM run_snapshots WHERE epoch > 3 OR reason = 'interrupted'")
    pond.follow(loop.resume("wine", pond.store))
    measured = {m.clock.epoch: m.values["learning_rate"] for m in pond.runs().measurements("wine")}
    assert measured[6] == 0.2
    *_, end = replay("wine", pond.store)
    assert end.summary["same_bits"]


def test_a_run_that_was_rolled_back_and_then_killed_goes_on_where_it_had_gone_back_to(pond: Pond):
    def hand(event, ask):
        if event.measurement.clock.epoch == 4 and event.measurement.clock.take == 0:
            ask("rollback", {"snapshot": 2}, "the test")
            ask("turn", {"learning_rate": 0.05}, "the test")

    whole = pond.run_one(hand, name="whole").summary
    ask, events = None, pond.begin()
    for event in events:
        if isinstance(event, loop.Begun):
            ask = event.ask
        elif isinstance(event, loop.EpochDone):
            hand(event, ask)
        elif isinstance(event, loop.Noted) and event.entry.kind == "turn":
            break
    events.close()
    with Store.open(pond.store) as store, store.transactions.writing() as connection:
        connection.exec_driver_sql("UPDATE runs SET state = 'running'")
    again = pond.follow(loop.resume("wine", pond.store)).summary
    assert again["bits"] == whole["bits"]
    *_, end = replay("wine", pond.store)
    assert end.summary["same_bits"]


def test_a_frozen_owner_that_was_taken_for_dead_is_fenced_when_it_wakes(pond: Pond):
    events = pond.begin(epochs=500)
    for event in events:
        if isinstance(event, loop.EpochDone):
            break
    elsewhere = {"host": "pond", "boot": "b", "pids": "p", "pid": 7, "started": "1", "user": "anna", "since": "now"}
    with Store.open(pond.store) as store:
        runs = Runs(store)
        import json

        with store.transactions.writing() as connection:  # as if it ran on another machine
            connection.exec_driver_sql("UPDATE leases SET identity = ?", (json.dumps(elsewhere),))
        waited: list[float] = []
        lease = runs.leases.take("wine", 5.0, clock=lambda: sum(waited), sleep=waited.append)
        assert sum(waited) >= 5.0
        with pytest.raises(Fenced, match="was declared lost, or has left run 'wine'"):
            for _ in events:
                pass
        runs.close(lease, RunState.INTERRUPTED, None)


def test_an_owner_elsewhere_that_beats_is_alive(pond: Pond):
    pond.run_one(epochs=1)
    with Store.open(pond.store) as store:
        runs = Runs(store)
        with store.transactions.writing() as connection:
            connection.exec_driver_sql("""UPDATE leases SET state = 'held', identity = '{"host": "x", "pid": 1}'""")

        def beat(_: float) -> None:
            with store.transactions.writing() as connection:
                connection.exec_driver_sql("UPDATE leases SET beats = beats + 1")

        with pytest.raises(StoreError, match="is running: process 1 of"):
            runs.leases.take("wine", sleep=beat)


def test_a_flipped_bit_in_a_snapshot_is_named_and_the_one_before_is_taken(pond: Pond):
    asked = [False]
    events = pond.begin(epochs=5, ended=lambda: asked[0])

    def until_interrupted() -> None:
        for event in events:
            asked[0] = asked[0] or (isinstance(event, loop.EpochDone) and event.measurement.clock.epoch == 3)

    with pytest.raises(KeyboardInterrupt):
        until_interrupted()
    runs = pond.runs()
    newest = [s for s in runs.snapshots("wine") if s.state == "kept"][-1]
    path = runs.files("wine").folder / newest.path
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    pond.follow(loop.resume("wine", pond.store))
    warnings = [e for e in pond.runs().diary("wine") if e.kind == "warning"]
    assert [e.facts["snapshot"] for e in warnings] == [newest.number]
    assert "is damaged" in warnings[0].text
    states = {s.number: s.state for s in pond.runs().snapshots("wine")}
    assert states[newest.number] == "damaged"
    with pytest.raises(SnapshotError, match="is damaged"):
        snapshot_numbered(pond.runs().snapshots("wine"), newest.number)
    *_, end = replay("wine", pond.store)
    assert end.summary["same_bits"]


def test_no_flipped_bit_and_no_cut_goes_unseen(tmp_path: Path):
    state = {"weights": np.arange(12.0).reshape(3, 4), "step": 7, "text": "🐼"}
    content = states.pack(state)
    kept = StateFiles(tmp_path)
    saved = kept.write("1", content)
    assert kept.read(saved, "snapshot 1")["text"] == "🐼"
    stream = random.Random(0)
    for _ in range(200):
        broken = bytearray(content)
        broken[stream.randrange(len(broken))] ^= 1 << stream.randrange(8)
        (tmp_path / saved.path).write_bytes(broken)
        with pytest.raises(SnapshotError, match="is damaged"):
            kept.read(saved, "snapshot 1")
    for length in range(len(content)):
        (tmp_path / saved.path).write_bytes(content[:length])
        with pytest.raises(SnapshotError, match="another size"):
            kept.read(saved, "snapshot 1")
        with pytest.raises(SnapshotError):
            states.unpack(content[:length])


def test_a_full_disk_in_mid_snapshot_is_a_warning_and_the_run_goes_on(pond: Pond, monkeypatch: pytest.MonkeyPatch):
    """The write fails half way, at the fourth snapshot and the fifth: what was there before is whole."""
    real, calls = os.fsync, [0]

    def fsync(descriptor: int) -> None:
        if os.readlink(f"/proc/self/fd/{descriptor}").endswith(".unfinished"):
            calls[0] += 1
            if calls[0] in (4, 5):
                raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr("caviar.files.os.fsync", fsync)
    pond.run_one()
    kept = [s for s in pond.runs().snapshots("wine") if s.state == "kept"]
    assert [s.clock.epoch for s in kept] == [0, 1, 2, 5, 6]
    warnings = [e.text for e in pond.runs().diary("wine") if e.kind == "warning"]
    assert len(warnings) == 2
    assert "No space left on device" in warnings[0]
    assert "make room" in warnings[0]
    folder = pond.runs().files("wine").folder
    assert len(list(folder.iterdir())) == 5
    for s in kept:
        pond.runs().load("wine", s)


def test_a_state_file_that_would_run_code_is_only_refused(tmp_path: Path):
    import pickle

    class Evil:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "ran"),))

    for content in (pickle.dumps(Evil()), b"", b"\xff" * 64, (1 << 62).to_bytes(8, "little") + b"{}"):
        with pytest.raises(SnapshotError):
            states.unpack(content)
    assert not (tmp_path / "ran").exists()


def test_interventions_in_runs_that_are_over_or_not_there(pond: Pond):
    pond.run_one(epochs=1)
    with pytest.raises(StoreError, match="is finished and takes no interventions"):
        client.intervene("wine", "turn", {"l2": 0.1}, pond.store)
    with pytest.raises(StoreError, match="did you mean 'wine'"):
        client.intervene("wien", "turn", {"l2": 0.1}, pond.store)
    with pytest.raises(ConfigError, match="did you mean 'pause'"):
        client.intervene("wine", "pausse", {}, pond.store)
    with pytest.raises(StoreError, match="there is no snapshot 99"):
        client.intervene("wine", "rollback", {"snapshot": 99}, pond.store)


def test_an_intervention_from_elsewhere_is_applied_while_it_trains(pond: Pond):
    process = child(pond, 100_000)
    try:
        read_until(process, 2)
        asked = client.intervene("wine", "turn", {"learning_rate": 0.05}, pond.store, because="to see", wait=LIMIT)
        assert asked.state is InterventionState.DONE
        refused = client.intervene("wine", "rollback", {"snapshot": 1}, pond.store, wait=LIMIT)
        assert refused.state is InterventionState.DONE
        client.intervene("wine", "pause", {}, pond.store, wait=LIMIT)
        first = pond.runs().measurements("wine")
        beats = pond.runs().run("wine").owner.beats
        until(lambda: pond.runs().run("wine").owner.beats >= beats + 2)  # its process goes round, and trains nothing
        assert pond.runs().measurements("wine") == first
        client.intervene("wine", "resume", {}, pond.store, wait=LIMIT)
        client.intervene("wine", "stop", {}, pond.store, wait=LIMIT)
        assert process.wait(timeout=LIMIT) == 0
    finally:
        process.kill()
        process.stdout.close()
    *_, end = replay("wine", pond.store)
    assert end.summary["same_bits"]
