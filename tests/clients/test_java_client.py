"""CaviarClient.java in real programs, with caviar played by the test. It is compiled as Java 8, warnings are errors."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from tests.clients.played import CLIENTS, LONG, Played

HERE = Path(__file__).parent
EXAMPLE = HERE.parent.parent / "examples" / "java" / "SoftmaxNetwork.java"
Start = Callable[..., Played]


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the compiled programs."""
    if shutil.which("java") is None or shutil.which("javac") is None:
        pytest.fail("the Java client's tests need java and javac: apt-get install default-jdk-headless")
    folder = tmp_path_factory.mktemp("classes")
    sources = [str(CLIENTS / "CaviarClient.java"), str(HERE / "Behaviour.java"), str(EXAMPLE)]
    options = ["--release", "8", "-Xlint:all,-options", "-Werror", "-encoding", "US-ASCII", "-d", str(folder)]
    done = subprocess.run(["javac", *options, *sources], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def command(classes: Path, *program: str) -> list[str]:
    """One thread to compile and one to collect: these programs are short."""
    return ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", str(classes), *program]


@pytest.fixture
def start(classes: Path, tmp_path: Path) -> Start:
    """Starts a program, by its class and arguments."""

    def begin(*program: str, **environment: str) -> Played:
        return Played(command(classes, *program), tmp_path, environment)

    return begin


def test_trials_one_after_the_other_and_a_stop(start: Start) -> None:
    with start("Behaviour", "loop") as caviar:
        caviar.trial(0, epochs=2, then="plain")
        said = caviar.hear()
        assert said == {"type": "epoch", "epoch": 1, "score": 0.5, "values": {}, "saves": False}
        caviar.say("go_on", later={"a field": ["of a later version"]})
        assert caviar.hear()["epoch"] == 2
        caviar.say("go_on")
        assert caviar.hear() == {"type": "done", "score": 0.25, "more": True}
        caviar.trial(1, epochs=3, then="plain")
        caviar.hear()
        caviar.say("stop", why="poor")
        assert caviar.hear() == {"type": "done", "score": 0.25, "more": True}
        caviar.say("end")
        assert caviar.ended() == 0
        assert caviar.written().split() == ["true", "true", "false", "false", "false"]


def test_the_trial_that_a_program_sees(start: Start) -> None:
    with start("Behaviour", "loop") as caviar:
        text = 'café 鱼 🐟\n"\\'
        more = {"tiny": 1e-300, "none": None, "list": [1, [], {}]}
        caviar.trial(12, epochs=27, then="see", rate=0.125, layers=2, nesterov=True, text=text, **more)
        assert caviar.hear()["score"] == 1


@pytest.mark.parametrize(
    ("calls", "rule"),
    [
        ([[0, 0.5]], "from 1 on"),
        ([[3, 1], [3, 2]], "epoch 3 is not after epoch 3"),
        ([[5, 1], [3, 2]], "epoch 3 is not after epoch 5"),  # a count of errors that falls, in the epoch's place
        ([[90, 1]], "after the last epoch of the trial, lastEpoch() = 27"),
        (None, "the score counts like an epoch"),
    ],
)
def test_a_score_in_the_place_of_the_epoch(start: Start, calls: list[list[float]] | None, rule: str) -> None:
    with start("Behaviour", "loop") as caviar:
        caviar.trial(epochs=27, then="knows" if calls is None else "calls", calls=calls)
        for _ in (calls or [])[1:]:
            caviar.hear()
            caviar.say("go_on")
        failed = caviar.hear()
        assert failed["type"] == "failed"
        assert rule in failed["why"]
        assert "the order is report(epoch, score)" in failed["why"]


def test_epochs_that_skip_and_go_past_the_last(start: Start) -> None:
    with start("Behaviour", "loop") as caviar:
        caviar.trial(epochs=27, then="calls", calls=[[10, 1], [20, 2], [30, 3]])
        for epoch in (10, 20, 30):
            assert caviar.hear()["epoch"] == epoch
            caviar.say("go_on")
        assert caviar.hear()["type"] == "done"


def test_numbers(start: Start) -> None:
    with start("Behaviour", "loop") as caviar:
        caviar.trial(epochs=5, then="numbers")
        said = []
        for _ in range(5):
            message = caviar.hear()
            assert repr(message["values"]) == repr({"loss": message["score"], "count": 3.0})
            said.append(message["score"])
            caviar.say("go_on")
        assert math.isnan(said[0])
        assert said[1:] == [math.inf, -math.inf, 1e-300, 12345678.5]


def test_prints_are_no_messages(start: Start) -> None:
    with start("Behaviour", "loop") as caviar:
        caviar.trial(then="print")
        assert caviar.hear()["epoch"] == 1
        assert caviar.written().splitlines() == ['{"printed": 1}', "nothing to read"]


def test_knobs(start: Start) -> None:
    with start("Behaviour", "loop") as caviar:
        caviar.trial(then="knobs", rate=1)
        assert caviar.hear()["score"] == 1
        caviar.say("go_on", knobs={"rate": 0.5})
        assert caviar.hear()["score"] == 0.5
        assert caviar.written() == "{rate=0.5}\n"


@pytest.mark.parametrize("leaves", [True, False])
def test_a_rollback_within_an_epoch_loses_that_epoch_and_nothing_else(
    start: Start, tmp_path: Path, leaves: bool
) -> None:
    snapshot = {"epoch": 1, "path": str(tmp_path / "1.snapshot")}
    with start("Behaviour", "loop") as caviar:

        def epoch() -> tuple[int, float]:
            while (said := caviar.hear())["type"] == "step":
                caviar.say("go_on")
            assert said["saves"] is True
            return said["epoch"], said["score"]

        caviar.trial(then="steps", leaves=leaves)
        assert epoch() == (1, 3)
        caviar.say("go_on", save=snapshot["path"])
        assert caviar.hear() == {"type": "saved"}
        assert caviar.hear() == {"type": "step", "step": 0, "values": {"w": 4}, "saves": True}
        caviar.say("go_on", restore=snapshot)
        assert caviar.hear() == {"type": "restored"}
        assert epoch() == (2, 6)
        caviar.say("go_on", save=str(tmp_path / "nowhere" / "2.snapshot"))
        cannot = caviar.hear()
        assert (cannot["type"], "nowhere" in cannot["why"]) == ("cannot", True)
        assert epoch() == (3, 9)


def test_steps_are_reported_some_ten_a_second(start: Start) -> None:
    with start("Behaviour", "loop") as caviar:
        begun = time.monotonic()
        caviar.trial(then="half a second")
        steps = 0
        while (said := caviar.hear())["type"] == "step":
            steps += 1
            caviar.say("go_on")
        assert 1 <= steps <= 10 * (time.monotonic() - begun) + 1
        assert said["score"] >= 1000


def test_run(start: Start) -> None:
    with start("Behaviour", "run") as caviar:
        caviar.trial(0, then="score")
        caviar.hear()
        caviar.say("go_on")
        assert caviar.hear() == {"type": "done", "score": 0.75, "more": True}
        caviar.trial(1, then="score")
        caviar.hear()
        caviar.say("stop", why="poor")
        assert caviar.hear() == {"type": "done", "more": True}
        for then, kind, said in (
            ("memory", "out_of_memory", "Java heap space"),
            ("gpu", "out_of_memory", "CUDA"),
            ("error", "error", 'café "quoted"'),
        ):
            caviar.trial(2, then=then)
            failed = caviar.hear()
            assert (failed["type"], failed["kind"], failed["more"]) == ("failed", kind, True)
            assert said in failed["why"]
            assert "Behaviour.train" in failed["why"]
        caviar.trial(3, then="none")
        caviar.hear()
        caviar.say("go_on")
        assert caviar.hear() == {"type": "done", "more": True}
        caviar.close()
        assert caviar.ended() == 0


def test_an_exception_that_is_not_caught_is_reported_and_ends_the_process(start: Start) -> None:
    with start("Behaviour", "loop") as caviar:
        caviar.trial(then="throw")
        failed = caviar.hear()
        assert (failed["type"], failed["kind"]) == ("failed", "error")
        assert "not caught" in failed["why"]
        assert caviar.ended() == 1
        assert 'Exception in thread "main" Behaviour$Strange: not caught' in caviar.written()


@pytest.mark.parametrize("amid", [False, True])
def test_caviar_gone(start: Start, amid: bool) -> None:
    with start("Behaviour", "loop") as caviar:
        if amid:
            caviar.trial(then="knobs", rate=1)
            caviar.hear()
        caviar.say_line(b'{"type": "tri')
        caviar.close()
        assert caviar.ended() == int(amid)
        assert caviar.written() == ""


@pytest.mark.parametrize("line", [b'{"type": "what"}\n', b"[1]\n", b"hello\n", b'{"a": 1\n', b'{"type": "\\q"}\n'])
def test_what_caviar_never_says_ends_the_program_with_two_lines(start: Start, line: bytes) -> None:
    with start("Behaviour", "loop") as caviar:
        caviar.say_line(line)
        assert caviar.ended() == 2
        assert len(caviar.written().splitlines()) == 2


def test_another_version_of_the_protocol(start: Start) -> None:
    with start("Behaviour", "loop", CAVIAR_PROTOCOL="2") as caviar:
        assert caviar.ended() == 2
        assert "caviar client java" in caviar.written().splitlines()[1]


def test_without_caviar(classes: Path, tmp_path: Path) -> None:
    def alone(**given: str) -> subprocess.CompletedProcess[str]:
        base = {name: value for name, value in os.environ.items() if not name.startswith("CAVIAR")}
        program = command(classes, "Behaviour", "loop")
        return subprocess.run(program, env=base | given, cwd=tmp_path, capture_output=True, text=True, timeout=LONG)

    said = alone()
    assert (said.returncode, said.stdout, len(said.stderr.splitlines())) == (2, "", 2)
    tried = alone(CAVIAR_TRY='{"then": "plain"}', CAVIAR_TRY_EPOCHS="2")
    assert tried.returncode == 0
    assert [json.loads(line)["type"] for line in tried.stdout.splitlines()] == ["epoch", "epoch", "done"]
    wrong = alone(CAVIAR_TRY="0.5")
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (2, 2)


def test_the_example_learns_and_a_rollback_repeats_the_same_numbers(start: Start, tmp_path: Path) -> None:
    x, y = load_digits(return_X_y=True)
    np.savetxt(tmp_path / "digits.csv", np.column_stack([x / 16, y]), delimiter=",", fmt="%.6g")
    config = {"learning_rate": 0.1, "momentum": 0.9, "hidden_units": 32, "batch_size": 32}
    snapshot = {"epoch": 2, "path": str(tmp_path / "2.snapshot")}
    with start("SoftmaxNetwork", "digits.csv") as caviar:

        def trained(since: int) -> dict[int, tuple[float, float]]:
            caviar.trial(0, epochs=5, start=snapshot if since == 2 else None, **config)
            said = {}
            for epoch in range(since + 1, 6):
                message = caviar.hear()
                assert (message["epoch"], message["saves"]) == (epoch, True)
                said[epoch] = message["score"], message["values"]["train_loss"]
                caviar.say("go_on", **({"save": snapshot["path"]} if epoch == 2 else {}))
                assert epoch != 2 or caviar.hear() == {"type": "saved"}
            assert caviar.hear()["type"] == "done"
            return said

        whole = trained(0)
        assert whole[5][0] > 0.93
        assert trained(2) == {epoch: whole[epoch] for epoch in (3, 4, 5)}


def test_the_example_without_its_table_ends_before_any_trial(start: Start) -> None:
    with start("SoftmaxNetwork", "digits.csv") as caviar:
        assert caviar.ended() == 1
        assert "NoSuchFileException" in caviar.written()
