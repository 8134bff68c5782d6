"""caviar_client.py in real programs, under every Python of this machine, with caviar played by the test."""

from __future__ import annotations

import json
import math
import os
import subprocess
import textwrap
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.clients.played import CLIENTS, LONG, Played, interpreters

Start = Callable[..., Played]


@cache
def version(python: str) -> str:
    code = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(params=interpreters(), ids=version)
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """Starts a program, given as text, under one of the Pythons; warnings are errors there."""

    def begin(text: str, **environment: str) -> Played:
        (tmp_path / "train.py").write_text("# -*- coding: utf-8 -*-\n" + textwrap.dedent(text), encoding="utf-8")
        return Played([request.param, "-W", "error", "train.py"], tmp_path, environment)

    return begin


PLAIN = """
    import caviar_client

    for trial in caviar_client.trials():
        for epoch in trial.epochs():
            trial.report(epoch, trial.config["learning_rate"] * epoch, train_loss=1.0 / epoch)
"""


def test_trials_are_trained_one_after_the_other_in_one_process(start: Start) -> None:
    with start(PLAIN) as caviar:
        for number in range(2):
            caviar.trial(number, epochs=2, learning_rate=0.5)
            for epoch in (1, 2):
                said = caviar.hear()
                assert said == {
                    "type": "epoch",
                    "epoch": epoch,
                    "score": 0.5 * epoch,
                    "values": {"train_loss": 1.0 / epoch},
                    "saves": False,
                }
                caviar.say("go_on", later="a field of a later version")
            assert caviar.hear() == {"type": "done", "more": True}
        caviar.say("end")
        assert caviar.ended() == 0
        assert caviar.written() == ""


def test_a_stopped_trial_ends_and_the_next_begins(start: Start) -> None:
    with start(PLAIN) as caviar:
        caviar.trial(0, epochs=5, learning_rate=1)
        caviar.hear()
        caviar.say("stop", why="poor")
        assert caviar.hear()["type"] == "done"
        caviar.trial(1, epochs=1, learning_rate=1)
        assert caviar.hear()["epoch"] == 1


def test_what_a_program_does_after_a_stop_goes_nowhere(start: Start) -> None:
    program = """
        import caviar_client

        for trial in caviar_client.trials():
            for epoch in range(1, trial.last_epoch + 1):
                print(trial.report(epoch, 0.5))
                print(trial.step(1, loss=1))
            trial.done(0.75)
            trial.done(0.25)
            print(trial.report(9, 0.5))
    """
    with start(program) as caviar:
        caviar.trial(epochs=2)
        caviar.hear()
        caviar.say("stop", why="poor")
        assert caviar.hear() == {"type": "done", "score": 0.75, "more": True}
        caviar.say("end")
        assert caviar.ended() == 0
        assert caviar.written().split() == ["False"] * 5


def test_the_trial_that_a_program_sees(start: Start) -> None:
    program = """
        import json, os, sys
        import caviar_client

        for trial in caviar_client.trials():
            native = all(type(name) is str for name in trial.config) and type(trial.config["optimizer"]) is str
            there = os.path.isdir(os.path.join("folders", str(trial.number)))
            made = os.path.isdir(trial.folder) and trial.folder == trial.folder
            seen = [trial.number, trial.config, trial.seed, trial.last_epoch, native, there, made]
            sys.stderr.write(json.dumps(seen, sort_keys=True))
            assert trial.config["text"] == u"caf\\xe9 \\u9c7c"
            assert trial.knobs == trial.config and trial.knobs is not trial.config
            assert trial.Stopped is caviar_client.TrialStopped
    """
    config = {"learning_rate": 0.1, "layers": 2, "optimizer": "adam", "nesterov": True, "text": "café 鱼"}
    with start(program) as caviar:
        caviar.trial(12, epochs=27, **config)
        assert caviar.hear()["type"] == "done"
        caviar.close()
        assert caviar.ended() == 0
        assert json.loads(caviar.written()) == [12, config, 4000000012, 27, True, False, True]


NETWORK = """
    import json
    import caviar_client

    for trial in caviar_client.trials():
        state = {"w": 0}

        def save(path):
            with open(path, "w") as file:
                json.dump(state, file)

        def restore(path):
            print("back")
            with open(path) as file:
                state.update(json.load(file))

        trial.on_save(save)
        trial.on_restore(restore)
        for epoch in trial.epochs():
            for step in range(3):
                state["w"] += 1
                if not trial.step(step, w=state["w"]):
                    break
            trial.report(epoch, state["w"])
"""  # w counts the mini-batches, so that each of them that was not undone can be seen in it


def epoch_of(caviar: Played) -> tuple[int, float]:
    """The next epoch that is told, and its score; the steps within it are answered."""
    while (said := caviar.hear())["type"] == "step":
        caviar.say("go_on")
    assert said["type"] == "epoch"
    assert said["saves"] is True
    return said["epoch"], said["score"]


def test_an_epoch_that_is_a_score_fails_the_trial_with_the_right_order(start: Start) -> None:
    with start(PLAIN.replace('epoch, trial.config["learning_rate"] * epoch', "20.7 / epoch, epoch")) as caviar:
        caviar.trial(learning_rate=1)
        failed = caviar.hear()
        assert failed["type"] == "failed"
        assert "the epoch must be a whole number" in failed["why"]
        assert "trial.report(epoch=1, score=20.7)" in failed["why"]
        assert caviar.ended() == 1


def test_save_restore_and_a_rollback_in_the_middle(start: Start, tmp_path: Path) -> None:
    snapshot = tmp_path / "2.snapshot é"
    with start(NETWORK) as caviar:
        caviar.trial(epochs=4)
        assert epoch_of(caviar) == (1, 3)
        caviar.say("go_on")
        assert epoch_of(caviar) == (2, 6)
        caviar.say("go_on", save=str(snapshot))
        assert caviar.hear() == {"type": "saved"}
        assert json.loads(snapshot.read_text()) == {"w": 6}
        assert epoch_of(caviar) == (3, 9)
        caviar.say("go_on")
        assert epoch_of(caviar) == (4, 12)
        caviar.say("go_on", restore={"epoch": 2, "path": str(snapshot)})
        assert caviar.hear() == {"type": "restored"}
        assert epoch_of(caviar) == (3, 9)
        caviar.say("go_on")
        assert epoch_of(caviar) == (4, 12)
        caviar.say("go_on")
        assert caviar.hear()["type"] == "done"
        assert caviar.written().split() == ["back"]
        caviar.trial(1, epochs=4, start={"epoch": 2, "path": str(snapshot)})
        assert epoch_of(caviar) == (3, 9)
        assert caviar.written().split() == ["back"] * 2


@pytest.mark.parametrize("leaves", [True, False])
def test_a_rollback_within_an_epoch_loses_that_epoch_and_nothing_else(
    start: Start, tmp_path: Path, leaves: bool
) -> None:
    """Also in a program that trains the rest of the epoch all the same: it is undone once more."""
    snapshot = tmp_path / "1.snapshot"
    program = NETWORK if leaves else NETWORK.replace("break", "pass")
    every_step = "import caviar_client\n    caviar_client._STEP_SECONDS = 0"
    with start(program.replace("import caviar_client", every_step)) as caviar:
        caviar.trial(epochs=3)
        assert epoch_of(caviar) == (1, 3)
        caviar.say("go_on", save=str(snapshot))
        assert caviar.hear() == {"type": "saved"}
        assert epoch_of(caviar) == (2, 6)
        caviar.say("go_on")
        for step in (0, 1):  # of epoch 3
            assert caviar.hear()["step"] == step
            caviar.say("go_on", **({"restore": {"epoch": 1, "path": str(snapshot)}} if step == 1 else {}))
        assert caviar.hear() == {"type": "restored"}
        if not leaves:
            assert caviar.hear()["step"] == 2
            caviar.say("go_on")
        assert epoch_of(caviar) == (2, 6)
        caviar.say("go_on")
        assert epoch_of(caviar) == (3, 9)


def test_order_of_what_is_asked(start: Start, tmp_path: Path) -> None:
    old, new = tmp_path / "1", tmp_path / "2"
    program = NETWORK.replace("trial.on_save", "trial.on_knobs(lambda changed: save('knobs'))\n        trial.on_save")
    with start(program) as caviar:
        caviar.trial(epochs=3)
        assert epoch_of(caviar) == (1, 3)
        caviar.say("go_on", save=str(old))
        caviar.hear()
        assert epoch_of(caviar) == (2, 6)
        caviar.say("go_on", knobs={"rate": 1}, restore={"epoch": 1, "path": str(old)}, save=str(new))
        assert [caviar.hear()["type"] for _ in range(2)] == ["saved", "restored"]
        assert epoch_of(caviar) == (2, 6)
        assert [json.loads((tmp_path / name).read_text())["w"] for name in ("1", "2", "knobs")] == [3, 6, 3]


def test_knobs(start: Start) -> None:
    program = """
        import json, sys
        import caviar_client

        for trial in caviar_client.trials():
            def show(changed):
                sys.stderr.write(json.dumps([changed, trial.knobs], sort_keys=True) + "\\n")

            trial.on_knobs(show)
            for epoch in trial.epochs():
                trial.report(epoch, trial.knobs["rate"], config=trial.config["rate"])
    """
    with start(program) as caviar:
        caviar.trial(rate=1, other=2)
        assert caviar.hear()["score"] == 1
        caviar.say("go_on", knobs={"rate": 0.5})
        said = caviar.hear()
        assert (said["score"], said["values"]) == (0.5, {"config": 1})
        caviar.say("go_on", knobs={})
        caviar.hear()
        assert json.loads(caviar.written()) == [{"rate": 0.5}, {"rate": 0.5, "other": 2}]


def test_scores_that_are_not_finite_and_numbers_of_other_types(start: Start) -> None:
    program = """
        from fractions import Fraction
        import caviar_client

        class Scalar(object):  # what NumPy's scalars and tensors of one number are
            def __float__(self):
                return 0.5

        for trial in caviar_client.trials():
            scores = [float("nan"), float("inf"), -float("inf"), 1, Scalar(), Fraction(1, 4)]
            for epoch, score in enumerate(scores, 1):
                trial.report(epoch, score, loss=score, left_out=None)
            trial.report(7)
    """
    with start(program) as caviar:
        caviar.trial(epochs=7)
        said = []
        for _ in range(6):
            message = caviar.hear()
            assert repr(message["values"]) == repr({"loss": message["score"]})
            said.append(message["score"])
            caviar.say("go_on")
        assert math.isnan(said[0])
        assert said[1:] == [math.inf, -math.inf, 1.0, 0.5, 0.25]
        assert "score" not in caviar.hear()


def test_prints_are_no_messages(start: Start) -> None:
    """Not of Python, not of what writes to the descriptor as C does, not of a child; nor does a child read for us."""
    program = """
        print('{"type": "before the import it is a program\\'s own fault"}'.replace("{", "("))
        import caviar_client
        import os, subprocess, sys

        print('{"of": "Python"}')
        for trial in caviar_client.trials():
            sys.stdout.write('{"of": "sys.stdout"}\\n')
            sys.stdout.flush()
            os.write(1, b'{"of": "C"}\\n')
            assert subprocess.call(["sh", "-c", "echo '{child}'; cat"]) == 0
            trial.report(1, 0.5)
            print('{"printed": "before the message"}')
            trial.report(2, 0.5)
    """
    with start(program) as caviar:
        caviar.trial(epochs=2)
        caviar.say_line(b"")
        first = caviar.hear_line()
        if not first.startswith(b"{"):
            first = caviar.hear_line()
        assert json.loads(first)["epoch"] == 1
        caviar.say("go_on")
        assert caviar.hear()["epoch"] == 2
        assert "before the message" in caviar.written()  # flushed, so that nothing is lost if the program is killed
        caviar.say("go_on")
        assert caviar.hear()["type"] == "done"
        caviar.say("end")
        assert caviar.ended() == 0
        for said in ("Python", "sys.stdout", "C", "child"):
            assert said in caviar.written()


def test_steps_are_reported_some_ten_a_second(start: Start) -> None:
    program = """
        import caviar_client

        clock = [0.0]
        caviar_client._now = lambda: clock[0]
        for trial in caviar_client.trials():
            for epoch in trial.epochs():
                for step in range(1, 65):
                    clock[0] += 1.0 / 64
                    assert trial.step(step, loss=0.5)
                trial.report(epoch, step)
    """
    with start(program) as caviar:
        caviar.trial(epochs=1)
        said = caviar.hear()
        assert said == {"type": "step", "step": 1, "values": {"loss": 0.5}, "saves": False}
        caviar.say("go_on")
        steps = 1
        while (said := caviar.hear())["type"] == "step":
            steps += 1
            caviar.say("go_on")
        assert steps == 10  # of a second, each the first after 0.1 s: 1, 8, 15, ... 64
        assert said["score"] == 64


RUN = """
    import caviar_client

    class OutOfMemoryError(RuntimeError):
        "As torch.cuda's."

    def within(trial):
        trial.report(1, 0.5)
        return trial.config["then"]

    def train(trial):
        if "error" in trial.config:
            raise eval(trial.config["error"])
        try:
            then = within(trial)
        except Exception:
            raise AssertionError("a stop is no Exception")
        return then

    caviar_client.run(train)
"""


def test_run_gives_the_score_that_the_function_returns(start: Start) -> None:
    with start(RUN) as caviar:
        caviar.trial(0, then=0.75)
        caviar.hear()
        caviar.say("go_on")
        assert caviar.hear() == {"type": "done", "score": 0.75, "more": True}
        caviar.trial(1, then=None)
        caviar.hear()
        caviar.say("go_on")
        assert caviar.hear() == {"type": "done", "more": True}
        caviar.trial(2, then=0.75)
        caviar.hear()
        caviar.say("stop", why="poor")
        assert caviar.hear() == {"type": "done", "more": True}
        caviar.trial(3, then=[1, 2])
        caviar.hear()
        caviar.say("go_on")
        failed = caviar.hear()
        assert (failed["type"], failed["kind"], failed["more"]) == ("failed", "error", True)
        assert "TypeError" in failed["why"]
        caviar.say("end")
        assert caviar.ended() == 0


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("ValueError(u'caf\\xe9')", "error"),
        ("MemoryError()", "out_of_memory"),
        ("OutOfMemoryError('CUDA')", "out_of_memory"),
        ("RuntimeError('[enforce fail] DefaultCPUAllocator: can\\'t allocate memory: you tried')", "out_of_memory"),
        ("RuntimeError('RESOURCE_EXHAUSTED: Out of memory while trying to allocate')", "out_of_memory"),
        ("FloatingPointError('overflow')", "diverged"),
        ("RuntimeError('mind the memory')", "error"),
    ],
)
def test_run_reports_an_exception_and_goes_on(start: Start, error: str, kind: str) -> None:
    with start(RUN) as caviar:
        caviar.trial(0, error=error)
        failed = caviar.hear()
        assert (failed["type"], failed["kind"], failed["more"]) == ("failed", kind, True)
        assert "Traceback" in failed["why"]
        assert error.split("(")[0] in failed["why"]
        caviar.trial(1, then=1)
        assert caviar.hear()["epoch"] == 1


def test_an_exception_in_the_loop_is_reported_and_ends_the_process(start: Start) -> None:
    program = """
        import caviar_client

        for trial in caviar_client.trials():
            raise MemoryError("no room")
    """
    with start(program) as caviar:
        caviar.trial()
        failed = caviar.hear()
        assert (failed["type"], failed["kind"], failed["more"]) == ("failed", "out_of_memory", False)
        assert "no room" in failed["why"]
        assert caviar.ended() == 1
        assert "MemoryError: no room" in caviar.written()  # and as Python shows it, as ever


def test_a_fork_of_the_program_that_fails_is_not_the_trial(start: Start) -> None:
    program = """
        import os
        import caviar_client

        for trial in caviar_client.trials():
            child = os.fork()
            if child == 0:
                raise ValueError("in the child")
            trial.report(1, float(os.waitpid(child, 0)[1] != 0))
    """
    with start(program) as caviar:
        caviar.trial()
        assert caviar.hear()["score"] == 1.0


def test_a_save_that_fails_is_reported_and_the_trial_goes_on(start: Start, tmp_path: Path) -> None:
    with start(NETWORK) as caviar:
        caviar.trial(epochs=2)
        epoch_of(caviar)
        caviar.say("go_on", save=str(tmp_path / "nowhere" / "1.snapshot"))
        cannot = caviar.hear()
        assert cannot["type"] == "cannot"
        assert "nowhere" in cannot["why"]
        assert epoch_of(caviar) == (2, 6)


@pytest.mark.parametrize("at", ["start", "rollback"])
def test_a_restore_that_fails_fails_the_trial(start: Start, tmp_path: Path, at: str) -> None:
    snapshot = {"epoch": 1, "path": str(tmp_path / "nowhere")}
    with start(NETWORK) as caviar:
        caviar.trial(epochs=3, start=snapshot if at == "start" else None)
        if at == "rollback":
            epoch_of(caviar)
            caviar.say("go_on")
            epoch_of(caviar)
            caviar.say("go_on", restore=snapshot)
        failed = caviar.hear()
        assert (failed["type"], failed["kind"]) == ("failed", "error")
        assert "nowhere" in failed["why"]
        assert caviar.ended() == 1


def test_a_program_that_cannot_go_back_is_not_asked_to(start: Start) -> None:
    program = """
        import caviar_client

        for trial in caviar_client.trials():
            trial.on_save(print_path)
            trial.report(1, 0)                      # no on_restore
            trial.on_restore(print_path)
            trial.report(2, 0)                      # no epochs(): a range cannot go back
            for epoch in trial.epochs():
                trial.report(epoch, 0)
    """.replace("print_path", "lambda path: None")
    with start(program) as caviar:
        caviar.trial(epochs=3)
        for saves in (False, False, True):
            assert caviar.hear()["saves"] is saves
            caviar.say("go_on")


@pytest.mark.parametrize("torn", [b"", b'{"type": "trial", "tri'])
def test_caviar_gone_between_trials(start: Start, torn: bytes) -> None:
    with start(PLAIN) as caviar:
        caviar.say_line(torn)
        caviar.close()
        assert caviar.ended() == 0
        assert caviar.written() == ""


def test_caviar_gone_in_the_midst_of_a_trial(start: Start) -> None:
    with start(PLAIN) as caviar:
        caviar.trial(learning_rate=1)
        caviar.hear()
        caviar.close()
        assert caviar.ended() == 1
        assert caviar.written() == ""


def test_caviar_gone_while_the_program_trains(start: Start, tmp_path: Path) -> None:
    """Nobody reads any more: the report finds a broken pipe."""
    program = PLAIN.replace("trial.report(", "import os; os.close(os.open('wait', os.O_RDONLY)); trial.report(")
    os.mkfifo(tmp_path / "wait")
    with start(program) as caviar:
        caviar.trial(learning_rate=1)
        assert caviar.process.stdout is not None
        caviar.process.stdout.close()
        os.close(os.open(tmp_path / "wait", os.O_WRONLY))  # both wait here for each other
        assert caviar.process.wait(LONG) == 1
        assert caviar.written() == ""


@pytest.mark.parametrize("line", [b'{"type": "what"}\n', b"[1]\n", b"hello\n", b'{"trial": 1}\n', b"\xff\n"])
@pytest.mark.parametrize("amid", [False, True])
def test_what_caviar_never_says_ends_the_program_with_two_lines(start: Start, line: bytes, amid: bool) -> None:
    with start(PLAIN) as caviar:
        if amid:
            caviar.trial(learning_rate=1)
            caviar.hear()
        caviar.say_line(line)
        assert caviar.ended() == 2
        assert len(caviar.written().splitlines()) == 2


def test_another_version_of_the_protocol(start: Start) -> None:
    with start(PLAIN, CAVIAR_PROTOCOL="2") as caviar:
        assert caviar.ended() == 2
        assert "caviar client python" in caviar.written().splitlines()[1]


def alone(python: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "train.py").write_text(textwrap.dedent(PLAIN))
    base = {name: value for name, value in os.environ.items() if not name.startswith("CAVIAR")}
    return subprocess.run(
        [python, "-W", "error", "train.py"],
        env={**base, "PYTHONPATH": str(CLIENTS), "PYTHONDONTWRITEBYTECODE": "1", **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=LONG,
    )


@pytest.mark.parametrize("python", interpreters(), ids=version)
def test_without_caviar(python: str, tmp_path: Path) -> None:
    said = alone(python, tmp_path)
    assert (said.returncode, said.stdout, len(said.stderr.splitlines())) == (2, "", 2)
    assert "CAVIAR_TRY=" in said.stderr
    tried = alone(python, tmp_path, CAVIAR_TRY='{"learning_rate": 0.5}', CAVIAR_TRY_EPOCHS="2")
    assert (tried.returncode, tried.stderr) == (0, "")
    assert tried.stdout.splitlines() == [
        "epoch: epoch 1, score 0.5, train_loss 1.0",
        "epoch: epoch 2, score 1.0, train_loss 0.5",
        "done: ",
    ]
    wrong = alone(python, tmp_path, CAVIAR_TRY="0.5")
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (2, 2)
