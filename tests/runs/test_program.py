"""Runs of programs: real processes, which speak through the client or by themselves, and what goes wrong."""

from __future__ import annotations

import json
import math
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import caviar.clients
from caviar.cli.main import run as command_line
from caviar.errors import ConfigError, NoAnswer, StoreError
from caviar.protocol.goal import LARGER
from caviar.records import DiaryEntry, Intervention, InterventionState, RunKind, RunMeasurement, RunSpec, RunState
from caviar.runs import client, loop
from caviar.runs.configs import read_config
from caviar.runs.events import Begun, EpochDone, Event, Noted, Progress, RunEnded
from caviar.runs.program import ProgramSetup
from caviar.runs.replay import replay
from caviar.store import Store
from caviar.store.runs import Runs
from tests.waiting import LIMIT, until

CLIENT = f"import sys; sys.path.insert(0, {str(Path(caviar.clients.__file__).parent)!r})\n"

# w goes down the slope of w * w / 2 by w -= rate * w, a step a tenth of what a mini-batch would take
BOWL = (
    CLIENT
    + """
import json, os, time, caviar_client
for trial in caviar_client.trials():
    w = [8.0]
    def save(path):
        with open(path, "w") as file:
            json.dump(w, file)
    def load(path):
        with open(path) as file:
            w[:] = json.load(file)
    if trial.config.get("saves", True):
        trial.on_save(save)
        trial.on_restore(load)
    for epoch in trial.epochs():
        for step in range(1, 4):
            w[0] -= trial.knobs["learning_rate"] * w[0]
            MIDDLE
            trial.step(step, loss=w[0] ** 2 / 2)
        time.sleep(trial.config.get("seconds", 0.0))
        END
        trial.report(epoch, -abs(w[0]), loss=w[0] ** 2 / 2, w=w[0])
"""
)

RAW = """
import json, os, sys, time
def say(**message):
    print(json.dumps(message), flush=True)
    return None if message["type"] in ("saved", "restored", "done", "failed") else json.loads(sys.stdin.readline())
trial = json.loads(sys.stdin.readline())
BODY
"""


def bowl(middle: str = "pass", end: str = "pass") -> str:
    return BOWL.replace("MIDDLE", middle).replace("END", end)


class Ledger:
    """The runs of a store that is opened for one question: nothing is held open while other processes come and go."""

    def __init__(self, store: str) -> None:
        self.store = store

    def __getattr__(self, name: str) -> Any:
        def ask(*arguments: Any) -> Any:
            with Store.open(self.store, create=False) as opened:
                return getattr(Runs(opened), name)(*arguments)

        return ask

    @property
    def folder(self) -> Path:
        with Store.open(self.store, create=False) as opened:
            return Runs(opened).folder


class Pond:
    """A folder with a program and a store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = str(folder / "caviar.db")
        self.runs = Ledger(self.store)

    def command(self, program: str) -> str:
        (self.folder / "train.py").write_text(program)
        return f"{shlex.quote(sys.executable)} {shlex.quote(str(self.folder / 'train.py'))}"

    def begin(
        self,
        program: str,
        config: dict[str, Any] | None = None,
        seed: int = 0,
        ended: Callable[[], bool] = lambda: False,
        **changes: Any,
    ) -> Iterator[Event]:
        asked = {"epochs": 6, "snapshot_seconds": 0.0, **changes}
        spec = RunSpec(kind=RunKind.PROGRAM, command=self.command(program), **{"goal": "maximize", **asked})
        return loop.begin(spec, config or {"learning_rate": 0.1}, seed, "net", self.store, ended)

    def run_one(self, program: str, config: dict[str, Any] | None = None, **changes: Any) -> Seen:
        return self.follow(self.begin(program, config, **changes))

    def follow(self, events: Iterator[Event], on_epoch: Callable[[EpochDone, Any], None] | None = None) -> Seen:
        seen, ask = Seen(), None
        for event in events:
            if isinstance(event, Begun):
                ask = event.ask
            elif isinstance(event, EpochDone):
                seen.epochs.append(event.measurement)
                if on_epoch is not None:
                    on_epoch(event, ask)
            elif isinstance(event, Noted):
                seen.notes.append(event.entry)
            elif isinstance(event, RunEnded):
                seen.summary = dict(event.summary)
        return seen

    def kinds(self, name: str = "net") -> list[str]:
        return [entry.kind for entry in self.runs.diary(name) if entry.kind != "snapshot"]


class Seen:
    def __init__(self) -> None:
        self.epochs: list[RunMeasurement] = []
        self.notes: list[DiaryEntry] = []
        self.summary: dict[str, Any] = {}

    def w(self) -> dict[int, float]:
        return {m.clock.epoch: float(m.values["w"]) for m in self.epochs}


@pytest.fixture
def pond(tmp_path: Path) -> Pond:
    return Pond(tmp_path)


def after(epochs: int, rate: float, w: float = 8.0) -> float:
    """The oracle: the bowl's weight after so many epochs of three steps."""
    return w * (1 - rate) ** (3 * epochs)


class Beside:
    """A run in a thread of this process, with interventions from outside, through the store."""

    def __init__(self, pond: Pond, program: str, config: dict[str, Any], **changes: Any) -> None:
        self.pond = pond
        self.seen = Seen()
        self.error: BaseException | None = None
        self.end = threading.Event()
        self.events = pond.begin(program, config, ended=self.end.is_set, **changes)
        self.thread = threading.Thread(target=self._run)

    def __enter__(self) -> Beside:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end.set()
        self.thread.join()

    def _run(self) -> None:
        try:
            self.seen = self.pond.follow(self.events)
        except BaseException as error:
            self.error = error

    def ask(self, kind: str, wait: float = LIMIT, **arguments: Any) -> Intervention:
        return client.intervene("net", kind, arguments, self.pond.store, who="anna", because="the test", wait=wait)

    def until(self, true: Callable[[], bool]) -> None:
        until(true, lambda: self.error)

    def until_epoch(self, epoch: int) -> None:
        def there() -> bool:
            runs = self.pond.runs
            return "net" in [run.name for run in runs.all()] and any(
                m.clock.epoch >= epoch for m in runs.measurements("net")
            )

        self.until(Path(self.pond.store).exists)
        self.until(there)


def test_names_decide_the_goal_where_nobody_gives_it(tmp_path):
    (tmp_path / "train.py").write_text("for trial in trials():\n    trial.report(1, val_loss)\n")
    asked = RunSpec(kind=RunKind.PROGRAM, command="python3 train.py", folder=str(tmp_path))
    setup = ProgramSetup(asked, {"lr": 0.1}, 0)
    assert setup.spec.goal == "minimize"
    assert "'val_loss'" in setup.warnings[0]
    given = ProgramSetup(replace(asked, goal="maximize"), {"lr": 0.1}, 0)
    assert (given.spec.goal, given.warnings) == ("maximize", ())
    (tmp_path / "train.py").write_text("")
    unknown = ProgramSetup(asked, {"lr": 0.1}, 0)
    assert (unknown.spec.goal, unknown.warnings) == ("maximize", (LARGER,))
    with pytest.raises(ConfigError, match="maximize or minimize"):
        ProgramSetup(replace(asked, goal="best"), {"lr": 0.1}, 0)
    assert RunSpec.from_record("program", {"command": "python3 train.py"}).goal == "maximize"


def test_a_program_is_run_and_everything_is_written_down(pond: Pond):
    seen = pond.run_one(bowl(), seed=7)
    assert seen.w() == pytest.approx({epoch: after(epoch, 0.1) for epoch in range(1, 7)})
    assert seen.summary["score"] == pytest.approx(-after(6, 0.1))
    assert (seen.summary["epochs"], seen.summary["stopped"], seen.summary["rollbacks"]) == (6, None, 0)
    assert json.loads(json.dumps(seen.summary)) == seen.summary
    run = pond.runs.run("net")
    assert (run.kind, run.state, run.seed, run.config) == ("program", RunState.FINISHED, 7, {"learning_rate": 0.1})
    assert run.progress["knobs"] == {"learning_rate": 0.1}
    assert next(s.clock.epoch for s in pond.runs.snapshots("net")) == 0  # as soon as it reported anything
    assert [s.clock.epoch for s in pond.runs.snapshots("net")][-1] == 6
    assert pond.kinds() == ["begun", "end"]


def test_the_seed_and_the_folder_reach_the_program(pond: Pond):
    notes_seed = 'from pathlib import Path; Path(trial.folder, "seed").write_text(str(trial.seed))'
    summary = pond.run_one(bowl(end=notes_seed), seed=2**32 - 1, epochs=1).summary
    assert Path(summary["folder"], "seed").read_text() == str(2**32 - 1)


def test_turn_pause_snapshot_rollback_and_stop_from_another_terminal(pond: Pond):
    config = {"learning_rate": 0.01, "seconds": 0.05, "note": "plain", "deep": True}
    with Beside(pond, bowl(), config, epochs=100_000) as run:
        run.until_epoch(2)
        assert run.ask("snapshot").state is InterventionState.DONE
        taken = [s for s in pond.runs.snapshots("net") if s.reason == "asked for"][-1]
        assert run.ask("turn", learning_rate=0.02).state is InterventionState.DONE
        assert run.ask("turn", deep="false", note=3).state is InterventionState.DONE
        assert run.ask("pause").state is InterventionState.DONE
        still = pond.runs.measurements("net")
        assert run.ask("snapshot", wait=0.5).state is InterventionState.WAITING  # it would let the program train on
        assert pond.runs.measurements("net") == still
        assert run.ask("turn", learning_rate=0.03).state is InterventionState.DONE
        assert run.ask("resume").state is InterventionState.DONE
        last = still[-1].clock.epoch
        run.until_epoch(last + 2)
        back = run.ask("rollback", snapshot=taken.number)
        assert (back.state, back.outcome) == (InterventionState.DONE, f"snapshot {taken.number}")
        run.until(lambda: any(m.clock.take == 1 for m in pond.runs.measurements("net")))
        assert run.ask("stop").state is InterventionState.DONE
        run.thread.join()
    record = pond.runs
    assert record.run("net").state is RunState.STOPPED
    diary = record.diary("net")
    kinds = [entry.kind for entry in diary if entry.kind != "snapshot"]
    assert kinds == ["begun", "turn", "turn", "pause", "turn", "resume", "rollback", "stop", "end"]
    assert list(record.folder.glob("*/program/*.file")) == []
    assert [e.facts["turned"] for e in diary if e.kind == "turn"] == [
        {"learning_rate": [0.01, 0.02]},
        {"deep": [True, False], "note": ["plain", "3"]},
        {"learning_rate": [0.02, 0.03]},
    ]
    assert [one.state for one in record.interventions("net")] == [InterventionState.DONE] * 9
    measured = record.measurements("net")
    first = next(m for m in measured if m.clock.take == 1)
    before = next(m for m in measured if m.clock.epoch == taken.clock.epoch)
    assert first.clock.epoch == taken.clock.epoch + 1
    assert first.values["learning_rate"] == 0.01  # the knobs are what they were then
    if taken.clock.step == before.clock.step:
        assert first.values["w"] == pytest.approx(before.values["w"] * 0.99**3)
    faster = [m for m in measured if m.clock.take == 0 and m.values["learning_rate"] == 0.03]
    assert faster[-1].values["w"] == pytest.approx(faster[-2].values["w"] * 0.97**3)


def test_interventions_of_one_moment_are_applied_in_turn(pond: Pond):
    """A rollback, and what was asked for after it: the snapshot is of what it went back to, or later."""

    def on_epoch(event: EpochDone, ask: Any) -> None:
        if event.measurement.clock.epoch == 4 and event.measurement.clock.take == 0:
            ask("turn", {"learning_rate": 0.5}, "lost with the rollback")
            ask("rollback", {"snapshot": first_of(2)}, "")
            ask("snapshot", {}, "")
            ask("turn", {"learning_rate": 0.2}, "")

    def first_of(epoch: int) -> int:
        return next(s.number for s in pond.runs.snapshots("net") if s.clock.epoch == epoch)

    seen = pond.follow(pond.begin(bowl(end="time.sleep(0.15)")), on_epoch)
    again = [m for m in seen.epochs if m.clock.take == 1]
    assert [m.clock.epoch for m in again] == [3, 4, 5, 6]
    assert all(m.values["learning_rate"] == 0.2 for m in again)
    assert again[0].values["w"] == pytest.approx(after(2, 0.1) * 0.8**3)
    asked = [s for s in pond.runs.snapshots("net") if s.reason == "asked for"]
    assert [s.clock.take for s in asked] == [1]
    assert all(one.state is InterventionState.DONE for one in pond.runs.interventions("net"))


def test_a_rollback_within_an_epoch_begins_the_epoch_anew(pond: Pond):
    """Told at a step; the raw program has no help with what it lost."""
    body = """
state, epoch = {"n": 0, "log": []}, 0
while epoch < trial["epochs"]:
    lost = False
    for step in range(1, 4):
        time.sleep(0.3)
        state["n"] += 1
        answer = say(type="step", step=3 * epoch + step, values={"loss": 1.0 / state["n"]}, saves=True)
        if "save" in answer:
            open(answer["save"], "w").write(json.dumps(state["n"]))
            say(type="saved")
        if "restore" in answer:
            epoch, state["n"] = answer["restore"]["epoch"], json.loads(open(answer["restore"]["path"]).read())
            say(type="restored")
            lost = True
            break
    if not lost:
        epoch += 1
        answer = say(type="epoch", epoch=epoch, values={"n": state["n"]}, saves=True)
        if "save" in answer:
            open(answer["save"], "w").write(json.dumps(state["n"]))
            say(type="saved")
        if answer["type"] == "stop":
            break
say(type="done")
"""
    asked = []

    def events() -> Iterator[Event]:
        for event in pond.begin(RAW.replace("BODY", body), {"lr": 1}, epochs=3):
            yield event
            if isinstance(event, Progress) and event.facts["step"] in (7, 8) and not asked:
                two = next(s for s in pond.runs.snapshots("net") if s.clock.epoch == 1)
                asked.append(pond.runs.intervene("net", "rollback", {"snapshot": two.number}, "anna", ""))

    seen = pond.follow(events())
    assert [(m.clock.take, m.clock.epoch, m.values["n"]) for m in seen.epochs] == [
        (0, 1, 3.0),
        (0, 2, 6.0),
        (1, 2, 6.0),
        (1, 3, 9.0),
    ]
    assert seen.epochs[-1].clock.step == 9
    assert seen.epochs[-1].clock.tick > 9
    assert seen.summary["score"] is None


def test_one_that_does_not_restore_is_not_believed(pond: Pond):
    body = """
for epoch in range(1, 9):
    answer = say(type="epoch", epoch=epoch, score=1.0, saves=True)
    if "save" in answer:
        open(answer["save"], "w").close()
        say(type="saved")
"""

    def on_epoch(event: EpochDone, ask: Any) -> None:
        if event.measurement.clock.epoch == 2:
            ask("rollback", {}, "")

    with pytest.raises(NoAnswer, match="without saying restored"):
        pond.follow(pond.begin(RAW.replace("BODY", body)), on_epoch)


def test_what_diverges_is_led_back_with_half_of_the_rate(pond: Pond):
    """At 2.5 every step throws w further out: exploding, and again, until the rate is one that comes down."""
    seen = pond.run_one(bowl(middle="time.sleep(0.1)"), {"learning_rate": 2.5, "saves": True}, epochs=8)
    rates = [m.values["learning_rate"] for m in seen.epochs]
    assert rates[-1] < 2
    assert abs(seen.w()[8]) < 8
    kinds = [entry.kind for entry in seen.notes if entry.who == "nurse"]
    assert kinds[:2] == ["rollback", "turn"]
    assert seen.summary["rollbacks"] == sum(kind == "rollback" for kind in kinds) > 0


NAN = 'if epoch == 3 and trial.knobs["learning_rate"] > 0.05: w[0] = float("nan")'


def test_a_nan_leads_back_to_the_last_good_snapshot(pond: Pond):
    seen = pond.run_one(bowl(end=NAN))
    back, turn = [entry for entry in seen.notes if entry.who == "nurse"]
    assert (back.kind, back.clock.epoch, turn.facts["turned"]) == ("rollback", 2, {"learning_rate": [0.1, 0.05]})
    assert "diverged" in back.text
    assert seen.w()[6] == pytest.approx(after(4, 0.05, after(2, 0.1)))
    damaged = pond.runs.measurements("net")[2]
    assert math.isnan(damaged.values["w"])
    assert seen.summary["rollbacks"] == 1


def test_a_program_that_says_that_it_diverged_is_started_again(pond: Pond):
    raises = 'if epoch == 3 and trial.knobs["learning_rate"] > 0.05: raise FloatingPointError("overflow")'
    seen = pond.run_one(bowl(end=raises))
    assert [entry.kind for entry in seen.notes if entry.kind != "snapshot"] == ["failed", "rollback", "turn"]
    assert seen.w()[6] == pytest.approx(after(4, 0.05, after(2, 0.1)))


def test_where_nothing_is_saved_the_nurse_can_only_end_it(pond: Pond):
    seen = pond.run_one(bowl(end=NAN), {"learning_rate": 0.1, "saves": False})
    assert pond.runs.run("net").state is RunState.STOPPED
    assert "no snapshot to go back to" in seen.summary["stopped"]
    assert pond.runs.snapshots("net") == []


def test_and_of_what_explodes_she_says_so(pond: Pond):
    body = """
for epoch in range(1, 5):
    say(type="epoch", epoch=epoch, values={"loss": [1.0, 0.5, 50.0, 60.0][epoch - 1]})
say(type="done")
"""
    seen = pond.run_one(RAW.replace("BODY", body), {"learning_rate": 0.1}, epochs=4)
    said = [entry for entry in seen.notes if entry.who == "nurse"]
    assert [entry.kind for entry in said] == ["advice"]
    assert "there is no snapshot to go back to" in said[0].text
    assert pond.runs.run("net").state is RunState.FINISHED


def test_no_nurse_is_no_rollback(pond: Pond):
    seen = pond.run_one(bowl(end=NAN), nurse="no")
    assert math.isnan(seen.w()[6])
    assert "no nurse is there" in next(entry for entry in seen.notes if entry.kind == "advice").text
    assert seen.summary["rollbacks"] == 0


def test_a_branch_is_a_second_process_that_begins_at_the_snapshot(pond: Pond):
    pond.run_one(bowl())
    three = client.branch_point("net", 3, None, pond.store)
    events = loop.branch("net", three, {"learning_rate": 0.2}, pond.store, "net-b", epochs=5, who="anna")
    seen = pond.follow(events)
    assert seen.w() == pytest.approx({4: after(1, 0.2, after(3, 0.1)), 5: after(2, 0.2, after(3, 0.1))})
    assert [(run.name, run.parent) for run in pond.runs.all()] == [("net", None), ("net-b", "net")]
    assert pond.kinds("net-b") == ["branched", "turn", "end"]
    assert pond.kinds("net")[-1] == "branch"
    of_branch = client.branch_point("net-b", 3, None, pond.store)  # its own copy: the parent's may be cleaned up
    again = pond.follow(loop.branch("net-b", of_branch, {}, pond.store, "net-c", epochs=4))
    assert again.w() == pytest.approx({4: after(4, 0.1)})
    with pytest.raises(ConfigError, match="no knob 'depth'"):
        pond.follow(loop.branch("net", three, {"depth": 1}, pond.store, "net-d"))
    assert all(run.name != "net-d" for run in pond.runs.all())


def test_a_replay_is_refused_in_two_lines(pond: Pond):
    pond.run_one(bowl(), epochs=1)
    with pytest.raises(StoreError, match="cannot promise the bits"):
        next(iter(replay("net", pond.store)))


# --- what goes wrong ---


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (bowl(end="if epoch == 3 and not AGAIN: os._exit(7)"), "ended with exit status 7"),
        (bowl(end="if epoch == 3 and not AGAIN: os.kill(os.getpid(), 9)"), "SIGKILL"),
        (bowl(end="if epoch == 3 and not AGAIN: time.sleep(1000)"), "silent for more than 2 s"),
        (bowl(end="if epoch == 3 and not AGAIN: raise ValueError('odd')"), "ValueError: odd"),
        (bowl(end="if epoch == 3 and not AGAIN: raise MemoryError"), "ran out of memory"),
        (bowl(end="if epoch == 3 and not AGAIN: os.write(trial._line._output, b'{oh\\n')"), "not a message"),
        (bowl(end="if epoch == 3 and not AGAIN: os.write(trial._line._output, b'x' * (1 << 21))"), "more than"),
        (bowl(end="if epoch == 3 and not AGAIN: os.write(trial._line._output, b'{}\\n' * 5000)"), "not a message"),
    ],
    ids=["exits", "killed", "hangs", "raises", "memory", "malformed", "long", "flood"],
)
def test_whatever_becomes_of_its_process_the_run_is_taken_up_again(pond: Pond, program: str, said: str):
    flag = str(pond.folder / "again")
    program = program.replace("AGAIN", f"os.path.exists({flag!r})")
    notes: list[DiaryEntry] = []

    def events() -> Iterator[Event]:
        for event in pond.begin(program, trial_timeout=2.0 if "silent" in said else 600.0):
            if isinstance(event, Noted):
                notes.append(event.entry)
            yield event

    with pytest.raises(NoAnswer) as failure:
        pond.follow(events())
    assert said in failure.value.rule
    assert "caviar resume net" in failure.value.way_out
    assert "\n" not in failure.value.rule + failure.value.way_out
    assert pond.runs.run("net").state is RunState.INTERRUPTED
    assert said.replace("ran out of memory", "memory") in pond.runs.diary("net")[-1].text
    assert pond.kinds() == ["begun", "failed"]
    Path(flag).touch()
    seen = pond.follow(loop.resume("net", pond.store))
    assert seen.w() == pytest.approx({epoch: after(epoch, 0.1) for epoch in range(3, 7)})
    assert pond.runs.run("net").state is RunState.FINISHED
    clocks = [m.clock for m in pond.runs.measurements("net")]
    assert [c.tick for c in clocks] == sorted({c.tick for c in clocks})
    assert clocks[-1].take == 1


def test_a_program_that_is_done_early_is_finished(pond: Pond):
    seen = pond.run_one(bowl(end="if epoch == 3: trial.done(5.0); break"))
    assert (seen.summary["epochs"], seen.summary["score"]) == (2, 5.0)
    assert pond.runs.run("net").state is RunState.FINISHED
    assert "by its own word" in pond.runs.diary("net")[-1].text


def test_a_program_that_ends_without_a_word_at_its_end_is_not_finished(pond: Pond):
    body = 'say(type="epoch", epoch=1, score=1.0)'
    with pytest.raises(NoAnswer, match="exit status 0 before the trial was done"):
        pond.run_one(RAW.replace("BODY", body), epochs=1)
    assert pond.runs.run("net").state is RunState.INTERRUPTED


def test_one_that_goes_on_for_ever_is_stopped_after_its_epochs(pond: Pond):
    body = """
epoch = 0
while True:
    epoch += 1
    if say(type="epoch", epoch=epoch, score=1.0)["type"] == "stop":
        break
say(type="done")
"""
    seen = pond.run_one(RAW.replace("BODY", body), epochs=3)
    assert [m.clock.epoch for m in seen.epochs] == [1, 2, 3]
    assert pond.runs.run("net").state is RunState.FINISHED


def test_a_save_that_fails_is_a_warning_and_it_trains_on(pond: Pond):
    seen = pond.run_one(bowl().replace("json.dump(w, file)", 'raise OSError("disk full")'))
    assert [m.clock.epoch for m in seen.epochs] == [1, 2, 3, 4, 5, 6]
    warnings = [entry.text for entry in seen.notes if entry.kind == "warning"]
    assert "the program could not save: OSError: disk full" in warnings[0]
    assert pond.runs.snapshots("net") == []


def test_said_saved_and_there_is_no_file(pond: Pond):
    seen = pond.run_one(bowl().replace("json.dump(w, file)", "pass; os.unlink(path)"), epochs=2)
    assert "its file cannot be read" in next(entry.text for entry in seen.notes if entry.kind == "warning")


def test_a_snapshot_that_cannot_be_restored_ends_the_process_and_not_the_run(pond: Pond):
    program = bowl().replace("w[:] = json.load(file)", 'raise ValueError("other version")')

    def on_epoch(event: EpochDone, ask: Any) -> None:
        if event.measurement.clock.epoch == 2:
            ask("rollback", {}, "")

    with pytest.raises(NoAnswer, match="other version"):
        pond.follow(pond.begin(program), on_epoch)
    assert pond.runs.run("net").state is RunState.INTERRUPTED


def test_a_flipped_bit_is_found_and_the_snapshot_before_is_taken(pond: Pond):
    with pytest.raises(NoAnswer):
        pond.run_one(bowl(end="if epoch == 4: time.sleep(0.2); os._exit(1)"))
    runs = pond.runs
    newest = runs.snapshots("net")[-1]
    path = runs.files("net").folder / newest.path
    content = bytearray(path.read_bytes())
    content[-1] ^= 4
    path.write_bytes(content)
    pond.command(bowl())
    seen = pond.follow(loop.resume("net", pond.store))
    assert seen.w()[6] == pytest.approx(after(6, 0.1))
    states = {s.number: s.state for s in pond.runs.snapshots("net")}
    assert states[newest.number] == "damaged"
    assert "warning" in pond.kinds()


def test_snapshots_stay_within_the_disk_budget(pond: Pond):
    program = bowl(end="time.sleep(0.2)").replace("json.dump(w, file)", 'json.dump(w, file); file.write(" " * 10_000)')
    pond.run_one(program, disk_bytes=25_000, epochs=8)
    runs = pond.runs
    kept = [s for s in runs.snapshots("net") if s.state == "kept"]
    removed = [s for s in runs.snapshots("net") if s.state == "removed"]
    assert len(kept) == 2
    assert len(removed) >= 2
    folder = runs.files("net").folder
    assert {path.name for path in folder.glob("*.safetensors")} == {s.path for s in kept}


def test_turns_since_the_last_snapshot_are_turned_again(pond: Pond):
    """Killed after a turn that no snapshot holds: nothing is saved but the beginning."""
    asked = []

    def events() -> Iterator[Event]:
        for event in pond.begin(bowl(end="time.sleep(0.05)"), snapshot_seconds=1e6, epochs=12):
            if isinstance(event, EpochDone) and event.measurement.clock.epoch == 2:
                asked.append(pond.runs.intervene("net", "turn", {"learning_rate": 0.2}, "anna", ""))
            if isinstance(event, Noted) and event.entry.kind == "turn":
                return  # the power goes
            yield event

    pond.follow(events())
    assert asked
    with Store.open(pond.store) as store, store.transactions.writing() as connection:
        connection.exec_driver_sql("UPDATE runs SET state = 'running'")
    seen = pond.follow(loop.resume("net", pond.store))
    rates = {m.values["learning_rate"] for m in seen.epochs}
    assert rates == {0.2}
    assert [e.clock.epoch for e in seen.epochs][-1] == 12


# --- as a person types it ---

CALL = "import sys; from caviar.cli.main import run; sys.exit(run(sys.argv[1:]))"
TYPED = ["babysit", "--config", "config.toml", "--name", "net", "--goal", "maximize"]


def test_ctrl_c_saves_and_resume_goes_on(pond: Pond, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.chdir(pond.folder)
    (pond.folder / "config.toml").write_text("learning_rate = 0.001\nseconds = 0.05\n")
    command = pond.command(bowl())
    typed = [*TYPED, "--command", command, "--epochs", "1000000"]
    with subprocess.Popen([sys.executable, "-c", CALL, *typed], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("net | epoch 3 of"):
                break
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert process.returncode == 130
    assert "caviar resume net" in rest
    newest = pond.runs.snapshots("net")[-1]
    assert newest.reason == "interrupted"
    last = pond.runs.measurements("net")[-1]
    assert newest.clock.epoch == last.clock.epoch >= 3
    assert pond.kinds() == ["begun", "interrupted"]
    client.intervene("net", "turn", {"learning_rate": 0.5}, pond.store, wait=0)
    with subprocess.Popen(
        [sys.executable, "-c", CALL, "resume", "net", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        until(lambda: pond.runs.measurements("net")[-1].clock.epoch >= newest.clock.epoch + 2)
        client.intervene("net", "stop", {}, pond.store, wait=LIMIT)
        out, complained = process.communicate(timeout=LIMIT)
    assert process.returncode == 0, complained
    summary = json.loads(out)
    assert (summary["interventions"], summary["stopped"]) == (1, "asked for")
    assert [m.clock.take for m in pond.runs.measurements("net")][-1] == 1
    assert pond.runs.measurements("net")[-1].values["learning_rate"] == 0.5


def test_a_killed_caviar_takes_its_program_with_it_and_is_taken_up(pond: Pond):
    (pond.folder / "config.toml").write_text("learning_rate = 0.001\nseconds = 0.05\n")
    command = pond.command(bowl(end=f"open({str(pond.folder / 'pid')!r}, 'w').write(str(os.getpid()))"))
    typed = [*TYPED, "--command", command, "--epochs", "8"]
    typed += ["--snapshot-seconds", "0"]  # so that nothing begins within an epoch
    with subprocess.Popen(
        [sys.executable, "-c", CALL, *typed], stdout=subprocess.PIPE, text=True, cwd=pond.folder
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("net | epoch 3 of"):
                break
        process.kill()
    pid = int((pond.folder / "pid").read_text())
    until(lambda: not Path(f"/proc/{pid}").exists())
    seen = pond.follow(loop.resume("net", pond.store))
    assert seen.w()[8] == pytest.approx(after(8, 0.001))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["wine.csv", "--command", "true"], "DATA is for tables"),
        (["--command", "true", "--target", "y"], "--target is for tables"),
        (["--command", "true", "--score", "x=(.*)"], "do not speak to caviar"),
        (["--command", "true", "--nurse", "act"], "--nurse is for caviar's own"),
        (["wine.csv", "--trial-timeout", "3"], "--trial-timeout is for programs"),
        (["wine.csv", "--score", "x=(.*)"], "--score is for programs"),
        ([], "nothing to babysit"),
        (["--command", "no-such-program-here"], "there is no program 'no-such-program-here'"),
        (["--command", "true", "--epochs", "0"], "must be at least 1"),
        (["--command", "true", "--seed", "4294967296"], "must be a whole number from 0 to 2**32 - 1"),
        (["--command", "true", "--goal", "up"], "is maximize or minimize"),
        (["--command", "true", "--trial-timeout", "0"], "above 0"),
        (["--command", "true", "--config", "bad.toml"], "learning_rate must be"),
        (["--command", "true", "--config", "nan.toml"], "finite number"),
        (["--command", "true", "--config", "list.toml"], "a knob is a number"),
        (["--command", "true", "--config", "list.toml", "--from", "x"], "got both"),
        (["--command", "true", "--from", "nobody"], "nobody"),
    ],
)
def test_mistakes_get_two_lines_and_status_2(
    pond: Pond, monkeypatch: pytest.MonkeyPatch, capsys, typed: list[str], said: str
):
    monkeypatch.chdir(pond.folder)
    Path("bad.toml").write_text("learning_rate = -1")
    Path("nan.toml").write_text("width = nan")
    Path("list.toml").write_text("width = [1, 2]")
    with Store.open("caviar.db"):
        pass
    assert command_line(["babysit", *typed]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert captured.err.count("\n") == 2
    assert pond.runs.all() == []


def test_a_program_without_the_protocol_is_refused(pond: Pond, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.chdir(pond.folder)
    assert command_line(["babysit", "--command", "echo val_acc=0.5"]) == 1
    complained = capsys.readouterr().err
    assert "does it speak caviar's protocol" in complained
    assert "val_acc=0.5" in complained
    assert complained.count("\n") == 2


def test_the_best_of_a_study_is_what_it_begins_with(pond: Pond, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.chdir(pond.folder)
    Path("space.toml").write_text('[learning_rate]\nscale = "log"\nlow = 0.01\nhigh = 0.5\n')
    command = pond.command(bowl())
    asked = ["--space", "space.toml", "--trials", "4", "--epochs", "2", "--search", "random", "--processes", "1"]
    assert command_line(["tune", "--command", command, "--study", "wide", *asked, "--quiet"]) == 0
    config = read_config(None, "wide", "caviar.db", own=True)
    with Store.open("caviar.db") as store:
        trials = [trial for trial in store.trials("wide") if trial.score is not None]
    assert config == max(trials, key=lambda trial: (trial.epochs, trial.score)).config
    capsys.readouterr()
    assert command_line(["babysit", "--command", command, "--from", "wide", "--epochs", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["knobs"] == config
    with pytest.raises(ConfigError, match="tuned a program"):
        read_config(None, "wide", "caviar.db")


def test_the_screen_shows_the_reports_of_a_program(pond: Pond):
    from rich.console import Console

    from caviar.report.run import family_tree
    from caviar.report.run_screen import screen
    from caviar.views.run import family_view, run_view

    pond.run_one(bowl(), {"learning_rate": 0.1, "momentum": 0.5})
    console = Console(width=100, record=True, force_terminal=True)
    with Store.open(pond.store) as store:
        console.print(screen(run_view(store, "net"), 100, 40, keys=True))
        console.print(family_tree(family_view(store, "net")))
    text = console.export_text()
    for part in ("epoch 6 of 6", "loss 0.7", "score -1.2", "momentum 0.5", "the highest score, -1.2"):
        assert part in text
    assert max(map(len, text.splitlines())) <= 100


def test_an_end_that_nobody_saved_is_said(pond: Pond):
    with Beside(pond, bowl(), {"learning_rate": 0.1, "saves": False, "seconds": 0.1}, epochs=10**6) as run:
        run.until_epoch(1)
        run.end.set()
        run.thread.join()
    assert isinstance(run.error, KeyboardInterrupt)
    assert "it will begin again" in str(run.error)
    pond.command(bowl())
    asked = json.dumps(replace(pond.runs.run("net").spec, epochs=3).to_record())
    with Store.open(pond.store) as store, store.transactions.writing() as connection:
        connection.exec_driver_sql("UPDATE runs SET request = ?", (asked,))
    seen = pond.follow(loop.resume("net", pond.store))
    assert seen.w() == pytest.approx({epoch: after(epoch, 0.1) for epoch in (1, 2, 3)})


def test_the_keys_of_the_screen_turn_the_program_s_own_knobs(pond: Pond):
    from caviar.cli.keys import Keys

    pond.run_one(bowl(), {"lr": 0.1, "learning_rate_of_old": 1, "learning_rate": 0.1, "wide": False}, epochs=1)
    given = []
    keys = Keys(enabled=False)
    keys.ask = lambda kind, arguments, because: given.append((kind, arguments, because))
    keys.run, keys.rate, keys.rate_knob = pond.runs.run("net"), 0.1, "lr"
    for key in "+:wide=true because it may\n":
        keys.press(key)
    assert given[0] == ("turn", {"lr": pytest.approx(0.15)}, "")
    assert given[1] == ("turn", {"wide": "true"}, "it may")
    keys.rate = math.nan
    keys.press("-")
    assert len(given) == 2
    assert "no knob learning_rate" in keys.said
