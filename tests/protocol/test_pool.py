"""The pool against real programs: honest ones, and every way of being bad."""

from __future__ import annotations

import os
import signal
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

import caviar
from caviar.errors import ConfigError
from caviar.protocol import messages as protocol
from caviar.protocol.command import Objective, Silent, Speaking
from caviar.protocol.pool import Crashed, Finished, Pool, Reported, Snapshot

SPACE = caviar.Space(x=caviar.Linear(0, 1))
PATIENCE = 60.0  # seconds: no test takes as long, whatever else the machine does

HEAD = """
import json, os, signal, sys, time
def hear():
    return json.loads(sys.stdin.readline())
def say(type, **fields):
    print(json.dumps(dict(fields, type=type)), flush=True)
"""


@pytest.fixture
def program(tmp_path: Path):
    """A command that runs the Python text given."""

    def write(text: str) -> Speaking:
        path = tmp_path / f"program{len(list(tmp_path.iterdir()))}.py"
        path.write_text(HEAD + textwrap.dedent(text))
        return Speaking(f"{sys.executable} {path}")

    return write


def trial(number: int, epochs: int = 3, **config) -> dict:
    return protocol.trial(number, config, 11 + number, epochs, "/nonexistent/of-the-trial")


def events(pool: Pool, until=(Finished, Crashed)) -> list:
    """The events until one of ``until``, with "go on" as the answer to every report."""
    found = []
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        event = pool.take(timeout=0.1)
        if event is None:
            continue
        found.append(event)
        if isinstance(event, until):
            return found
        if isinstance(event, Reported):
            pool.answer(event.number, protocol.go_on())
    raise AssertionError(f"nothing more happened after {found}")


def crash(pool: Pool) -> Crashed:
    last = events(pool)[-1]
    assert isinstance(last, Crashed), last
    return last


HONEST = """
while True:
    trial = hear()
    if trial["type"] == "end":
        break
    say("epoch", epoch=1, score=trial["config"].get("x", 0), values={"pid": os.getpid()})
    stopped = hear()["type"] == "stop"
    say("done", more=True)
"""


def test_a_process_is_started_once_and_serves_many(program):
    with Pool(program(HONEST), [{}]) as pool:
        pids = set()
        for number in range(5):
            pool.give(trial(number, x=number / 10))
            assert pool.room == 0
            reported, finished = events(pool)
            assert (reported.number, reported.measured.score) == (number, number / 10)
            assert finished == Finished(number, None)
            pids.add(reported.measured.values["pid"])
            assert pool.room == 1
        assert len(pids) == 1


def test_a_trial_that_a_dying_process_was_given_gets_another_one(program, tmp_path: Path):
    """A process may be ending while it still says that it takes more."""
    text = f"""
    import pathlib
    first = not pathlib.Path({str(tmp_path / "been")!r}).exists()
    pathlib.Path({str(tmp_path / "been")!r}).touch()
    trial = hear()
    say("failed", kind="diverged", why="overflow", more=True)
    if first:
        hear()
        sys.exit(1)
    """
    with Pool(program(text), [{}]) as pool:
        for number in (1, 2):
            pool.give(trial(number))
            assert crash(pool) == Crashed(number, "diverged", "overflow")


def test_nothing_outlives_the_pool(program):
    with Pool(program("trial = hear()\nsay('step', step=os.getpid())\ntime.sleep(1000)"), [{}]) as pool:
        pool.give(trial(0))
        (reported,) = events(pool, Reported)
    with pytest.raises(ProcessLookupError):
        os.kill(reported.measured.step, 0)


def test_children_of_a_process_end_with_it(program):
    text = """
    import subprocess
    trial = hear()
    child = subprocess.Popen(["sleep", "1000"])
    say("step", step=child.pid)
    hear()
    os.kill(os.getpid(), signal.SIGKILL)
    """
    with Pool(program(text), [{}]) as pool:
        pool.give(trial(0))
        reported, crashed = events(pool)
        assert isinstance(crashed, Crashed)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and Path(f"/proc/{reported.measured.step}").exists():
        if "Z" in Path(f"/proc/{reported.measured.step}/stat").read_text().split()[2]:
            break  # dead, and its new parent has not looked yet
        time.sleep(0.05)
    else:
        assert not Path(f"/proc/{reported.measured.step}").exists()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
        ("sys.exit(3)", "exit status 3"),
        ("sys.exit(0)", "exit status 0"),
        ("raise RuntimeError('no GPU here')", "no GPU here"),
        ("print('{\"type\": ')", "not a message"),
        ("say('epoch', epoch='one')", "not a message"),
        ("say('lunch')", "lunch"),
        ("say('epoch', epoch=2); hear(); say('epoch', epoch=2); hear()", "epochs rise"),
        ("sys.stdout.write('{' + 'x' * 3_000_000); sys.stdout.flush(); time.sleep(1000)", "1,048,576 bytes"),
        ("say('failed', why='the data is gone', kind='error')", "the data is gone"),
        ("time.sleep(1000)", "silent for more than"),
        ("say('epoch', epoch=1, score=1)\nhear()\ntime.sleep(1000)", "silent for more than"),
        ("for step in range(10_000): say('step', step=step)", "waited for no answer"),
    ],
)
def test_a_bad_program_is_one_failed_trial(program, text, why):
    timeout = 1.0 if "silent" in why else None
    with Pool(program("trial = hear()\n" + text), [{}], timeout) as pool:
        pool.give(trial(7))
        crashed = crash(pool)
        assert crashed.number == 7
        assert crashed.kind == "error"
        assert why in crashed.why
        assert pool.room == 1


def test_the_place_of_a_dead_process_is_good_for_another(program):
    text = """
    trial = hear()
    if trial["trial"] == 0:
        os.abort()
    say("done", score=5)
    """
    with Pool(program(text), [{}]) as pool:
        pool.give(trial(0))
        assert "SIGABRT" in crash(pool).why
        pool.give(trial(1))
        assert events(pool)[-1] == Finished(1, 5.0)


def test_output_that_is_no_message_does_no_harm_and_is_shown_on_the_day_of_failure(program):
    text = """
    trial = hear()
    print("loading")
    sys.stdout.write("no end of line here: ")
    sys.stdout.flush()
    print("", flush=True)
    say("epoch", epoch=1, score=1)
    hear()
    sys.stderr.write("warning: cold\\n")
    sys.stderr.flush()
    sys.exit(1)
    """
    with Pool(program(text), [{}]) as pool:
        pool.give(trial(0))
        reported, crashed = events(pool)
        assert reported.measured.score == 1.0
        assert {"loading", "warning: cold"} <= set(crashed.why.splitlines())


def test_output_after_a_stop_is_ignored(program):
    text = """
    trial = hear()
    for epoch in range(1, 100):
        say("epoch", epoch=epoch, score=1)
        if epoch > 20 and hear()["type"] == "stop":
            break
    say("done", score=99)
    """
    with Pool(program(text), [{}]) as pool:
        pool.give(trial(0))
        events(pool, Reported)
        pool.answer(0, protocol.stop("poor"))
        assert events(pool) == [Finished(0, None, stopped=True)]


def test_one_that_does_not_stop_is_ended(program, monkeypatch):
    monkeypatch.setattr("caviar.protocol.pool._STOPPING", 0.5)
    text = """
    trial = hear()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    say("epoch", epoch=1, score=1)
    time.sleep(1000)
    """
    with Pool(program(text), [{}]) as pool:
        pool.give(trial(0))
        events(pool, Reported)
        pool.answer(0, protocol.stop("poor"))
        assert events(pool) == [Finished(0, None, stopped=True)]
        pool.give(trial(1))
        assert events(pool, Reported)[-1].number == 1


def test_several_at_once_and_each_finds_its_environment(program):
    text = """
    trial = hear()
    assert os.environ["CAVIAR_PROTOCOL"] == "1"
    say("epoch", epoch=1, score=float(os.environ["CUDA_VISIBLE_DEVICES"]))
    hear()
    say("done")
    """
    with Pool(program(text), [{"CUDA_VISIBLE_DEVICES": str(gpu)} for gpu in range(3)]) as pool:
        for number in range(3):
            pool.give(trial(number))
        assert pool.room == 0
        found = {event.measured.score for event in (events(pool, Reported)[-1] for _ in range(3))}
        assert found == {0.0, 1.0, 2.0}


def test_save_restore_and_an_epoch_that_goes_back(program, tmp_path):
    text = """
    trial = hear()
    epoch = 0
    while epoch < 4:
        epoch += 1
        say("epoch", epoch=epoch, score=epoch, saves=True)
        answer = hear()
        if "save" in answer:
            open(answer["save"], "w").write(str(epoch))
            say("saved")
        if "restore" in answer:
            epoch = int(open(answer["restore"]["path"]).read())
            say("restored")
    say("done")
    """
    path = str(tmp_path / "1.snapshot")
    with Pool(program(text), [{}]) as pool:
        pool.give(trial(0))
        measured, went_back = [], False
        while True:
            event = pool.take(timeout=PATIENCE)
            if isinstance(event, Finished):
                break
            assert isinstance(event, Reported | Snapshot), event
            if isinstance(event, Snapshot):
                measured.append(event.did.what)
                continue
            measured.append(event.measured.epoch)
            back = event.measured.epoch == 3 and not went_back
            went_back |= back
            save = path if event.measured.epoch == 1 else None
            pool.answer(0, protocol.go_on(save=save, restore=(1, path) if back else None))
    assert measured == [1, "saved", 2, 3, "restored", 2, 3, 4]


def test_out_of_memory_is_reported_by_the_client():
    def objective(trial):
        if trial.config["x"] == 0:
            raise MemoryError
        return trial.config["x"]

    with Pool(Objective(objective), [{}]) as pool:
        pool.give(trial(0, x=0))
        assert crash(pool).kind == "out_of_memory"
        pool.give(trial(1, x=2))
        assert events(pool) == [Finished(1, 2.0)]


def test_a_kill_for_want_of_memory_is_found_in_the_counters_of_the_system(program, monkeypatch):
    """The system's counters cannot be moved by a test; that they moved is what is faked, the kill is real."""
    counts = iter([3, 4])
    monkeypatch.setattr("caviar.protocol.process._kills_for_memory", lambda: next(counts))
    with Pool(program("trial = hear()\nos.kill(os.getpid(), signal.SIGKILL)"), [{}]) as pool:
        pool.give(trial(0))
        assert crash(pool).kind == "out_of_memory"


def test_a_closure_a_lambda_and_a_function_of_this_module_are_objectives():
    offset = 10

    def closure(trial):
        return trial.config["x"] + offset

    for objective, score in [(closure, 11.0), (lambda trial: 2 * trial.config["x"], 2.0), (_module_level, 7.0)]:
        with Pool(Objective(objective), [{}]) as pool:
            pool.give(trial(0, x=1))
            assert events(pool) == [Finished(0, score)]


def _module_level(trial) -> float:
    print("a print does no harm")
    return 7.0


def test_an_objective_that_cannot_travel_is_a_users_mistake():
    lock = threading.Lock()
    with pytest.raises(ConfigError, match="cannot be taken"):
        Objective(lambda trial: lock.acquire())


def test_a_program_that_knows_nothing(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(
        "import sys\nfor e in range(3):\n    print('noise', e)\n    print('acc=%.2f' % (float(sys.argv[1]) + e))\n"
    )
    command = Silent(f"{sys.executable} {script} {{x}}", r"acc=([0-9.]+)", SPACE)
    with Pool(command, [{}]) as pool:
        pool.give(trial(0, x=0.5))
        *reported, finished = events(pool)
        assert [(event.measured.epoch, event.measured.score) for event in reported] == [(1, 0.5), (2, 1.5), (3, 2.5)]
        assert finished == Finished(0, None)
        pool.give(trial(1, x="a"))
        assert "ValueError" in crash(pool).why


def test_one_that_knows_nothing_is_ended_when_it_is_stopped(tmp_path):
    script = tmp_path / "train.sh"
    script.write_text("while true; do echo loss 1.5; sleep 0.05; done")
    with Pool(Silent(f"sh {script} {{x}}", "loss ([0-9.]+)", SPACE), [{}]) as pool:
        pool.give(trial(0, x=1))
        events(pool, Reported)
        pool.answer(0, protocol.stop("poor"))
        assert events(pool) == [Finished(0, None, stopped=True)]


@pytest.mark.parametrize(
    ("ends", "outcome"),
    [
        ("exit 3", "failed"),
        ("kill -SEGV $$", "failed"),
        ("exit 0", "was done"),
        ("echo loss 1.4; exit 0", "stopped"),
        ("sleep 1000", "stopped"),
    ],
)
def test_one_that_ends_by_itself_at_its_stop_has_failed_or_was_done(tmp_path, ends, outcome):
    script = tmp_path / "train.sh"
    script.write_text(f"echo loss 1.5; while [ ! -e {tmp_path}/go ]; do sleep 0.02; done; echo Error: no disk; {ends}")
    now = [0.0]  # it stands still, so that the moment is as long as the program needs
    with Pool(Silent(f"sh {script} {{x}}", "loss ([0-9.]+)", SPACE), [{}], clock=lambda: now[0], moment=1.0) as pool:
        pool.give(trial(0, x=1))
        while not isinstance(pool.take(timeout=0.0), Reported):
            time.sleep(0.01)
        pool.answer(0, protocol.stop("poor"))
        assert pool.room == 1  # the next one can begin
        assert not pool.idle
        (tmp_path / "go").touch()
        if "1000" in ends:
            assert pool.take(timeout=0.0) is None
            now[0] = 2.0
        while (event := pool.take(timeout=0.0)) is None:
            time.sleep(0.01)
        assert pool.idle
        now[0] += 100.0  # for those that leave
    if outcome != "failed":
        assert event == Finished(0, None, stopped=outcome == "stopped")
    else:
        assert isinstance(event, Crashed)
        assert "Error: no disk" in event.why
        assert "before the trial was done" in event.why


@pytest.mark.parametrize(
    ("command", "score", "rule"),
    [
        ("sh {x} {y}", "(1)", "{y}, which is no hyperparameter"),
        ("sh train", "(1)", "does not use hyperparameter 'x'"),
        ("sh {x}", "1", "group"),
        ("sh {x}", "(", "regular expression"),
        ("", "(1)", "empty"),
        ("'sh {x}", "(1)", "cannot be read"),
        ("no-such-program {x}", "(1)", "there is no program"),
        ("X=1 sh {x}", "(1)", "env X=1 sh {x}"),
        ("sh {x} > log", "(1)", "has '>', and no shell reads it"),
        ("sh {x} 2>&1", "(1)", "has '2>&1', and no shell reads it"),
        ("sh {x} | tee log", "(1)", "sh -c 'sh {x} | tee log'"),
        ("cd x && sh {x}", "(1)", "has '&&', and no shell reads it"),
        ("sh {x}; sh {x}", "(1)", "has ';', and no shell reads it"),
    ],
)
def test_a_bad_command_is_a_users_mistake(command, score, rule):
    with pytest.raises(ConfigError) as mistake:
        Silent(command, score, SPACE)
    assert rule in str(mistake.value)


@pytest.mark.parametrize(
    "command", ["sh -c 'a > b | c; d' {x}", 'sh "<" {x}', "sh a\\>b {x}", "sh --url=http://h/?a=1&b=2 {x}"]
)
def test_what_a_shell_would_read_may_be_quoted(command):
    Silent(command, "(1)", SPACE)


def test_a_frozen_process_is_silent_and_so_ended(program):
    text = """
    trial = hear()
    say("step", step=os.getpid())
    hear()
    os.kill(os.getpid(), signal.SIGSTOP)
    """
    with Pool(program(text), [{}], 1.0) as pool:
        pool.give(trial(0))
        reported, crashed = events(pool)
        assert "silent" in crashed.why
    with pytest.raises(ProcessLookupError):
        os.kill(reported.measured.step, signal.SIGCONT)
