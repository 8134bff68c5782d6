"""The contract of a run, the same for a network, a program and a loop of the user's own."""

from __future__ import annotations

import math
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from caviar.errors import ConfigError, SnapshotError, StoreError
from caviar.records import InterventionState, RunKind, RunState
from tests.runs.kinds import KINDS, RATE, SICK, Life

DONE, REFUSED, WAITING = InterventionState.DONE, InterventionState.REFUSED, InterventionState.WAITING


@pytest.fixture(params=KINDS)
def life(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Life]:
    """A run of each kind; a new kind adds itself to KINDS."""
    made = Life(KINDS[request.param](tmp_path))
    yield made
    made.kill()


def test_a_rollback_says_who_and_why(life: Life):
    life.begin().until_snapshots(1)
    back = life.do("rollback", "it went wrong", snapshot=1)
    assert (back.state, back.outcome) == (DONE, "snapshot 1")
    (entry,) = life.diary("rollback")
    assert (entry.who, entry.facts) == ("anna", {"snapshot": 1, "because": "it went wrong"})
    assert "back to snapshot 1" in entry.text
    assert "because it went wrong" in entry.text
    life.until_trained()
    assert life.diary("rollback")[0].clock.take == 1


@pytest.mark.parametrize("numbered", [True, False])
def test_a_rollback_to_a_damaged_snapshot_is_refused_and_nothing_else_is_done(life: Life, numbered: bool):
    life.begin().until_snapshots(1)
    if numbered:
        taken = int(life.do("snapshot").outcome.removeprefix("snapshot "))
        before = [life.snapshots()[taken - 1]]
        arguments = {"snapshot": taken}
    else:
        life.do("pause")  # no newer one is taken
        before, arguments = life.snapshots("kept"), {}
    for snapshot in before:
        life.damage(snapshot)
    if not numbered and life.trained.kind is RunKind.LOOP:
        number = life.ask("rollback", "try", **arguments)
        life.do("resume")  # a loop goes back in run.wants_rollback, which it cannot ask while it is paused
        life.until(lambda: life.outcome(number).state is not WAITING)
        refused = life.outcome(number)
    else:
        refused = life.do("rollback", "try", **arguments)
    assert refused.state is REFUSED
    assert "is damaged" in refused.outcome
    assert life.diary("rollback") == []
    (entry,) = life.diary("refused")
    assert entry.who == "anna"
    assert "because try" in entry.text
    damaged = [s.number for s in life.snapshots("damaged")]
    assert damaged in ([s.number for s in before], [before[-1].number])
    if numbered or life.trained.kind is RunKind.LOOP:
        life.until_trained()


def test_a_snapshot_is_done_once_it_is_saved(life: Life):
    life.begin().until_snapshots(1)
    done = life.do("snapshot", "before I try something")
    taken = life.snapshots()[int(done.outcome.removeprefix("snapshot ")) - 1]
    assert (done.state, taken.reason) == (DONE, "asked for")
    assert life.is_whole(taken)
    entry = next(e for e in life.diary("snapshot") if e.facts["snapshot"] == taken.number)
    assert entry.who == "anna"
    assert "because before I try something" in entry.text


def test_a_snapshot_of_a_loop_waits_until_the_loop_saves(tmp_path: Path):
    life = Life(KINDS["loop"](tmp_path))
    life.trained.saves = False
    life.begin()
    try:
        life.until(life.exists)
        number = life.ask("snapshot")
        assert life.do("turn", learning_rate=0.02).state is DONE  # what came later was looked at
        life.until_trained()
        assert life.outcome(number).state is WAITING
        assert life.snapshots() == []
        life.trained.saves = True
        life.until(lambda: life.outcome(number).state is DONE)
        assert [s.reason for s in life.snapshots()[:1]] == ["asked for"]
    finally:
        life.kill()


def test_a_rollback_and_a_turn_after_it_come_one_after_the_other(life: Life):
    life.begin().until_snapshots(1)
    life.do("pause")
    rollback, turn = life.ask("rollback", snapshot=1), life.ask("turn", learning_rate=0.03)
    life.do("resume")
    life.until(lambda: life.outcome(turn).state is not WAITING)
    assert (life.outcome(rollback).state, life.outcome(turn).state) == (DONE, DONE)
    assert [e.kind for e in life.diary("rollback", "turn")] == ["rollback", "turn"]
    life.until(lambda: life.rate() == 0.03)


def test_pausing_twice_is_one_entry(life: Life):
    life.begin().until_snapshots(1)
    assert life.do("pause", "lunch").state is DONE
    assert life.do("pause", "lunch still", who="bob").outcome == "nothing to do: it was already so"
    assert [(e.who, e.text) for e in life.diary("pause")] == [("anna", "paused, because lunch")]
    measured = life.measured()
    life.until_beats(2)
    assert life.measured() <= measured + 1  # a loop's last second is written down after it
    life.do("resume", "back")
    life.until_trained()
    assert [(e.who, e.text) for e in life.diary("resume")] == [("anna", "resumed, because back")]


def test_paused_killed_and_taken_up_again_it_is_paused(life: Life):
    kind, folder = life.trained.kind.value, str(life.trained.folder)
    command = [sys.executable, "-m", "tests.runs.kinds", kind, folder]
    with subprocess.Popen([*command, "begin"], cwd=Path(__file__).parents[2]) as process:
        life.until_snapshots(1)
        assert life.do("pause").state is DONE
        process.send_signal(signal.SIGKILL)
    life.take_up()
    life.until(lambda: life.diary("resumed"))
    if life.trained.kind is not RunKind.LOOP:  # a loop measures each second, and has just come
        life.until(lambda: life.is_paused())
        measured = life.measured()
        life.until_beats(2)
        assert life.measured() == measured
    life.until(lambda: life.is_paused())
    assert life.do("resume").state is DONE
    life.until_trained()
    assert len(life.diary("pause")) == 1


def test_a_turn_is_written_down_with_before_and_after(life: Life):
    life.begin().until_snapshots(1)
    assert life.do("turn", "a plateau", learning_rate=0.02).state is DONE
    (entry,) = life.diary("turn")
    assert entry.facts == {"turned": {"learning_rate": [RATE, 0.02]}, "because": "a plateau"}
    assert (entry.who, entry.text) == ("anna", "learning_rate from 0.01 to 0.02, because a plateau")
    life.until(lambda: life.rate() == 0.02)


def test_mistakes_are_refused_before_anything_is_written(life: Life):
    life.begin().until_snapshots(1)
    for arguments in ({"no_such_knob": 1.0}, {"learning_rate": -1.0}, {"learning_rate": "fast"}, {}):
        with pytest.raises(ConfigError):
            life.ask("turn", **arguments)
    with pytest.raises(SnapshotError, match="there is no snapshot 1000000"):
        life.ask("rollback", snapshot=10**6)
    with pytest.raises(ConfigError, match="did you mean 'pause'"):
        life.ask("pausse")
    assert life.in_runs(lambda runs: runs.interventions("net")) == []


def test_a_stop_ends_it_and_later_interventions_are_refused(life: Life):
    life.begin().until_snapshots(1)
    life.do("pause")
    stop, late = life.ask("stop", "enough"), None
    with suppress(StoreError):  # it may have ended by now
        late = life.ask("turn", learning_rate=0.5)
    life.join()
    assert life.run.state is RunState.STOPPED
    assert next(e.text for e in life.diary("stop", "end")) == "stopped, because enough"
    assert life.outcome(stop).state is DONE
    assert late is None or life.outcome(late).state is REFUSED
    for kind in ("turn", "pause", "rollback"):
        with pytest.raises(StoreError, match="is stopped and takes no"):
            life.ask(kind, **({"learning_rate": 0.1} if kind == "turn" else {}))


def test_after_a_kill_it_goes_on_at_its_newest_snapshot_with_its_knobs(life: Life):
    life.begin().until_snapshots(2)
    life.do("turn", learning_rate=0.02)
    life.kill()
    newest = life.snapshots("kept")[-1]
    life.take_up()
    life.until(lambda: any("snapshot" in e.facts for e in life.diary("resumed")))
    entry = next(e for e in life.diary("resumed") if "snapshot" in e.facts)
    assert entry.facts["snapshot"] == newest.number
    assert (entry.clock.step, entry.clock.epoch) == (newest.clock.step, newest.clock.epoch)
    life.until(lambda: life.rate() == 0.02)
    ticks = [e.clock.tick for e in life.diary()]
    assert ticks == sorted(ticks)


def test_after_a_kill_a_damaged_newest_snapshot_is_named_and_the_one_before_taken(life: Life):
    life.begin().until_snapshots(3)
    life.kill()
    *_, before, newest = life.snapshots("kept")
    life.damage(newest)
    life.take_up()
    life.until(lambda: any("snapshot" in e.facts for e in life.diary("resumed")))
    assert [e.facts["snapshot"] for e in life.diary("warning")] == [newest.number]
    assert next(e for e in life.diary("resumed") if "snapshot" in e.facts).facts["snapshot"] == before.number
    assert [s.number for s in life.snapshots("damaged")] == [newest.number]


def test_snapshots_stay_within_the_disk_budget(life: Life):
    life.begin().until_snapshots(1)
    size = life.snapshots()[0].size
    life.kill()
    life.begin("small", disk_bytes=int(3.6 * size))
    life.until(lambda: life.exists() and len(life.snapshots("removed")) >= 2)
    with pytest.raises(SnapshotError, match="was removed, to stay within the disk budget"):
        life.ask("rollback", snapshot=life.snapshots("removed")[0].number)
    life.kill()
    kept = life.snapshots("kept")
    assert sum(s.size for s in kept) <= 3.6 * size
    files = life.path(kept[0]).parent.glob("*.safetensors")
    assert sorted(p.name for p in files) == sorted(s.path for s in kept)


def test_the_nurse_goes_back_from_a_nan_with_half_of_the_rate(life: Life):
    life.begin().until_snapshots(1)
    life.do("turn", learning_rate=SICK)
    life.until(lambda: [e for e in life.diary("turn") if e.who == "nurse"])
    back = life.diary("rollback")[0]
    assert back.who == "nurse"
    assert "because diverged" in back.text or "because exploding" in back.text
    (halved, *_) = [e for e in life.diary("turn") if e.who == "nurse"]
    was, is_now = halved.facts["turned"]["learning_rate"]
    assert (was, is_now) == (RATE, pytest.approx(RATE / 2))
    life.until(lambda: life.rate() == pytest.approx(RATE / 2))
    life.until_trained()
    losses = [m.values.get("train_loss", m.values.get("loss")) for m in life.in_runs(lambda r: r.measurements("net"))]
    assert math.isfinite(losses[-1])


def test_another_process_may_not_take_it_meanwhile(life: Life):
    life.begin().until_snapshots(1)
    with pytest.raises(StoreError, match="process"):
        life.trained.train("net", True, lambda: False)
