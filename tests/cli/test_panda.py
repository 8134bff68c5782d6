"""The panda's commands as a person types them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import caviar
from caviar.cli.keys import Keys
from caviar.cli.main import run
from caviar.data import samples
from caviar.errors import ConfigError
from caviar.records import Clock, RunKind, RunMeasurement
from caviar.views.run import run_view_of
from tests.views.records import run_of

CONFIG = "hidden_units = 8\nlayers = 1\nbatch_size = 16\nlearning_rate = 0.01\n"


@pytest.fixture(scope="module")
def nursed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which wine was nursed for five epochs."""
    folder = tmp_path_factory.mktemp("nursed")
    samples.write_csv(samples.wine(), folder / "wine.csv")
    (folder / "config.toml").write_text(CONFIG)
    before = Path.cwd()
    os.chdir(folder)
    try:
        assert run([*BABYSIT, "--name", "wine", "--quiet"]) == 0
    finally:
        os.chdir(before)
    return folder


BABYSIT = [
    "babysit",
    "wine.csv",
    "--target",
    str(samples.wine().target_name),
    "--config",
    "config.toml",
    "--epochs",
    "5",
]


@pytest.fixture
def here(nursed: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(nursed)
    return nursed


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> dict:
    capsys.readouterr()
    assert run(list(arguments)) == status
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    return json.loads(out)


def test_babysit_prints_its_promise_as_json_and_saves_a_model(here: Path, capsys):
    summary = printed(capsys, *BABYSIT, "--name", "again", "--json")
    assert {"run", "epochs", "validation", "test", "interventions", "rollbacks", "model"} <= set(summary)
    assert (summary["run"], summary["epochs"], summary["interventions"], summary["rollbacks"]) == ("again", 5, 0, 0)
    assert Path(summary["model"]).exists()
    capsys.readouterr()
    assert run(["predict", summary["model"], "wine.csv"]) == 0
    assert capsys.readouterr().out.count("\n") == 179


def test_a_balanced_network_keeps_honest_probabilities_and_a_branch_is_balanced_too(here: Path, capsys):
    rng = np.random.default_rng(0)
    ill = rng.random(600) < 0.1
    x = rng.normal(size=(600, 2)) + 1.2 * ill[:, None]
    table = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": np.where(ill, "ill", "healthy"), "z": x[:, 0]})
    table.to_csv("ill.csv", index=False)
    balanced = ["babysit", "ill.csv", "--config", "config.toml", "--epochs", "4", "--balance", "--ignore"]
    summary = printed(capsys, *balanced, "z", "--target", "y", "--name", "ill", "--json")
    model = caviar.load("ill.caviar")
    assert model.facts["config"]["class_weights"] == "balanced"
    p = model.predict_proba(table)
    assert p[:, 1].mean() == pytest.approx(0.1, abs=0.05)
    assert (model.predict(table) == "ill").mean() > 0.15 > (p[:, 1] > 0.5).mean()
    assert summary["test"]["log_loss"] < 0.4
    assert summary["validation"]["log_loss"] < 0.4
    assert any("--balance" in note for note in summary["notes"])
    (here / "none.toml").write_text(CONFIG + 'class_weights = "none"\n')
    for mistake in (
        [*balanced, "y", "--target", "z", "--name", "no"],
        [*balanced, "z", "--target", "y", "--name", "no", "--config", "none.toml"],
        ["babysit", "--command", "true", "--balance"],
    ):
        assert run(mistake) == 2
        said = capsys.readouterr().err
        assert len(said.splitlines()) == 2
        assert "--balance" in said


def test_in_a_pipe_there_is_a_line_an_epoch(here: Path, capsys):
    assert run([*BABYSIT, "--name", "piped"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("piped | epoch")]
    assert len(lines) == 5
    assert lines[4].startswith("piped | epoch 5 of 5 | train loss ")


def test_replay_agrees_and_says_so_in_its_status(here: Path, capsys):
    summary = printed(capsys, "replay", "wine", "--json")
    assert summary["same_bits"] is True
    assert {"run", "epochs", "validation", "test", "interventions", "rollbacks", "model"} <= set(summary)


def test_a_replay_on_another_machine_may_differ_and_exits_1(here: Path, capsys, monkeypatch: pytest.MonkeyPatch):
    """Another instruction set stands for another machine: it rounds otherwise."""
    from caviar.learners.dense.layout import instruction_sets

    if len(instruction_sets()) < 2:
        pytest.skip("this processor has one instruction set")
    monkeypatch.setenv("CAVIAR_INSTRUCTION_SET", instruction_sets()[0])
    assert printed(capsys, "replay", "wine", "--json", status=1)["same_bits"] is False


def test_branch_tree_diary_and_watch(here: Path, capsys):
    branch = printed(capsys, "branch", "wine", "--at", "3", "learning_rate=0.05", "--name", "wine-b", "--json")
    assert (branch["epochs"], branch["interventions"]) == (5, 1)
    tree = printed(capsys, "tree", "wine-b", "--json")
    assert [(one["run"], one["parent"]) for one in tree["runs"]] == [("wine", None), ("wine-b", "wine")]
    assert tree["runs"][0]["best"]["epoch"] == 5
    diary = printed(capsys, "diary", "wine-b", "--json")["diary"]
    assert [entry["kind"] for entry in diary][:3] == ["branched", "snapshot", "turn"]
    assert diary[2]["facts"]["turned"]["learning_rate"] == [0.01, 0.05]
    seen = printed(capsys, "watch", "wine", "--json")
    assert [epoch["epoch"] for epoch in seen["epochs"]] == [1, 2, 3, 4, 5]
    assert run(["tree", "wine"]) == 0
    assert run(["diary", "wine-b"]) == 0
    assert run(["watch", "wine"]) == 0
    shown = capsys.readouterr().out
    assert "wine-b from snapshot 4: finished" in shown
    assert "learning_rate from 0.01 to 0.05" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["turn", "wine", "learning_rate=-1"], "learning_rate must be a number from 1e-09 to 10000, got -1"),
        (["turn", "wine", "l2=0.1"], "run 'wine' is finished and takes no interventions"),
        (["turn", "wnie", "l2=0.1"], "did you mean 'wine'"),
        (["turn", "wine", "lerning_rate=1"], "did you mean 'learning_rate'"),
        (["pause", "wine"], "is finished"),
        (["resume", "wine"], "run 'wine' is finished"),
        (["rollback", "wine", "--to", "99"], "no snapshot of epoch 99"),
        (["branch", "wine", "--at", "3", "learning_rate=-2"], "learning_rate must be"),
        (["branch", "wine", "--at", "3", "--epochs", "2"], "of its 2 epochs in all none is left"),
        (["branch", "wine", "--at", "3", "momentum=0.5"], "momentum has no effect under optimizer adam"),
        (["replay", "nobody"], "the store has no run 'nobody'"),
        ([*BABYSIT, "--name", "wine"], "has a run 'wine' already"),
        ([*BABYSIT, "--from", "x"], "got both"),
        ([*BABYSIT, "--epochs", "0"], "epochs must be at least 1"),
        ([*BABYSIT, "--disk", "nan"], "--disk must be"),
        (["plan", "wine.csv", "--target", "x", "--seconds", "-1"], "above 0"),
        (["lr-find", "wine.csv", "--target", "x"], ""),
    ],
)
def test_mistakes_get_two_lines_and_status_2(here: Path, capsys, arguments, said: str):
    capsys.readouterr()
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert captured.err.count("\n") == 2


def test_plan_names_the_way_with_its_numbers(here: Path, capsys):
    target = str(samples.wine().target_name)
    many = printed(capsys, "plan", "wine.csv", "--target", target, "--seconds", "6000", "--json")
    assert many["way"] == "caviar"
    assert many["trials"] > 100
    assert [one["name"] for one in many["timed"]] == ["small", "middle", "large"]
    few = printed(capsys, "plan", "wine.csv", "--target", target, "--seconds", "0.001", "--json")
    assert few["way"] == "panda"


def test_lr_find_suggests_a_rate_and_draws_it(here: Path, capsys):
    target = str(samples.wine().target_name)
    found = printed(capsys, "lr-find", "wine.csv", "--target", target, "--out", "rates.html", "--json")
    assert 1e-5 < found["suggested"] <= found["largest"] * 3 < 10
    assert "plotly" in (here / "rates.html").read_text().lower()
    assert len(found["rates"]) == len(found["losses"]) == len(found["smoothed"])


def test_ctrl_c_saves_and_resume_goes_on(here: Path, capsys):
    code = "import sys; from caviar.cli.main import run; sys.exit(run(sys.argv[1:]))"
    long = [*BABYSIT[:-1], "1000000", "--name", "long", "--store", "long.db"]
    with subprocess.Popen([sys.executable, "-c", code, *long], stdout=subprocess.PIPE, text=True, cwd=here) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "epoch 3 of" in line:
                break
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert process.returncode == 130
    assert ": caviar resume long --store long.db\n" in rest
    from caviar.runs.client import intervene

    intervene("long", "stop", {}, "long.db", wait=0)
    assert run(["resume", "long", "--store", "long.db", "--seconds", "60"]) == 2
    assert capsys.readouterr().err == "--seconds is for studies, and 'long' is a run\nleave out --seconds\n"
    summary = printed(capsys, "resume", "long", "--store", "long.db", "--json")
    assert summary["epochs"] >= 3
    assert printed(capsys, "replay", "long", "--store", "long.db", "--json")["same_bits"] is True


def test_keys_become_interventions_and_mistakes_are_shown():
    given = []

    def give(kind, arguments, because):
        if arguments.get("learning_rate", 1) < 0:
            raise ConfigError("no", "yes")
        given.append((kind, arguments, because))

    keys = Keys(enabled=False)
    keys.press("p")  # nobody is there yet
    keys.ask, keys.rate, keys.run = give, 0.1, run_of(kind=RunKind.LOOP)
    for key in "p+-ppsbg:l2=0.5 because why not\n:oops\x1b:x\x7f\nqq":
        keys.press(key)
    assert [kind for kind, _, _ in given] == [
        "pause",
        "turn",
        "turn",
        "resume",
        "pause",
        "snapshot",
        "rollback",
        "turn",
        "stop",
    ]
    assert given[1][1]["learning_rate"] == pytest.approx(0.15)
    assert given[7] == ("turn", {"l2": 0.5}, "why not")
    for key in ":learning_rate=-1\n":
        keys.press(key)
    assert keys.said == "no (yes)"


def test_keys_that_undo_or_end_ask_once_more_and_say_what_they_do():
    given: list[tuple[str, Any]] = []
    keys = Keys(enabled=False)
    keys.ask, keys.run = lambda kind, arguments, because: given.append((kind, arguments)), run_of()
    keys.press("q")
    assert "Stop for good?" in keys.said
    keys.press("x")
    assert (keys.said, given) == ("", [])
    keys.press("b")
    assert keys.said == "Go back? g: to the newest good snapshot. Any other key: no."  # nothing was measured yet
    keys.press("b")
    assert given == []
    epochs = [RunMeasurement(Clock(i, i, i), {"validation_loss": loss}) for i, loss in enumerate((3, 1, 2), start=1)]
    keys.saw(run_view_of(run_of(), epochs, []))
    keys.press("b")
    assert "b: to the best, epoch 2, the lowest validation loss, 1." in keys.said
    for key in "bbgb\x1bqbqq":
        keys.press(key)
    assert given == [("rollback", {"to": "best"}), ("rollback", {}), ("stop", {})]


def test_a_pause_from_another_terminal_is_seen_by_the_key():
    given: list[str] = []
    keys = Keys(enabled=False)
    keys.ask, keys.run = lambda kind, arguments, because: given.append(kind), run_of()
    keys.stands(paused=True)
    keys.press("p")
    keys.stands(paused=True)  # not yet applied
    keys.press("p")
    assert given == ["resume", "pause"]


def test_the_keys_are_explained_on_request():
    keys = Keys(enabled=False)
    keys.ask, keys.run = lambda *_: None, run_of()
    keys.press("?")
    assert keys.explained
    keys.press("?")
    assert not keys.explained
