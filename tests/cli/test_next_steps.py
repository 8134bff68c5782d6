"""Next steps: every command that ends well names commands, and these really run."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from caviar.cli.main import run
from tests.cli.test_commands import SPACE

TUNE = ["tune", "my trips.csv", "--target", "the class", "--trials", "2", "--space", "small.toml"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose names need quoting: a table, a space, and a study of them that is over."""
    path = tmp_path_factory.mktemp("it's next")
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=150).round(3), rng.normal(size=150).round(3)
    table = pd.DataFrame({"a": a, "b": b, "the class": np.where(a > 0, "up", "down")})
    table.to_csv(path / "my trips.csv", index=False)
    (path / "small.toml").write_text(SPACE)
    before = Path.cwd()
    os.chdir(path)
    try:
        assert run([*TUNE, "--study", "my study", "--store", "the store.db", "--quiet"]) == 0
    finally:
        os.chdir(before)
    return path


def steps(output: str) -> list[list[str]]:
    """The commands after ``next:``, as a shell would split them."""
    lines = output.splitlines()
    first = next((i for i, line in enumerate(lines) if line.startswith("next: ")), len(lines))
    return [shlex.split(line.removeprefix("next:")) for line in lines[first:]]


def said(capsys: pytest.CaptureFixture[str], *command: str) -> list[list[str]]:
    """The next steps of a command that ended well."""
    capsys.readouterr()
    assert run(command) == 0, capsys.readouterr().err
    captured = capsys.readouterr()
    return steps(captured.out) or steps(captured.err)


def test_the_next_steps_of_each_command_run_one_after_the_other(folder, monkeypatch, capsys):
    """From tune to predict, probabilities, explain, its page, trials, and back."""
    monkeypatch.chdir(folder)
    waiting = [["caviar", *TUNE, "--study", "its study", "--store", "the store.db"]]
    done = list[str]()
    while waiting:
        program, *command = waiting.pop()
        assert command[:1] != ["dashboard"]  # it would never end
        if program == "head":
            subprocess.run([program, *command], check=True, capture_output=True)
        elif shlex.join(command) not in done:
            done.append(shlex.join(command))
            waiting += said(capsys, *command)
    assert [command.partition(" ")[0] for command in done].count("predict") == 2
    assert {command.partition(" ")[0] for command in done} == {"tune", "predict", "explain", "trials"}
    assert all("the store.db" in command for command in done if not command.startswith("predict"))
    predictions = pd.read_csv("its study-predictions.csv")
    assert len(predictions) == 150
    assert list(pd.read_csv("probabilities.csv")) == ["prediction", "p_down", "p_up"]
    assert Path("its study.html").stat().st_size > 200_000


def test_the_next_steps_of_a_run_run(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    asked = ["babysit", "my trips.csv", "--target", "the class", "--epochs", "1", "--name", "my run"]
    predict, diary = said(capsys, *asked)
    assert predict[1] == "predict"
    assert run(predict[1:]) == 0
    [export] = said(capsys, *diary[1:])
    [again] = said(capsys, *export[1:])
    assert again == ["caviar", "diary", "my run"]
    assert run(["watch", "my run"]) == 0


def test_lr_find_goes_on_with_the_same_table(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    tune, babysit = said(capsys, "lr-find", "my trips.csv", "--target", "the class", "--ignore", "b", "--steps", "40")
    assert tune == ["caviar", "tune", "my trips.csv", "--target", "the class", "--ignore", "b", "--seconds", "60"]
    assert babysit == ["caviar", "babysit", "my trips.csv", "--target", "the class", "--ignore", "b"]
    assert run([*tune[1:-2], "--trials", "2", "--space", "small.toml", "--study", "after", "--quiet"]) == 0


def test_plan_names_a_command_for_the_same_table(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    [command] = said(capsys, "plan", "my trips.csv", "--target", "the class", "--text", "b", "--seconds", "9000")
    assert command == ["caviar", "tune", "my trips.csv", "--target", "the class", "--text", "b", "--seconds", "9000"]
    [command] = said(capsys, "plan", "my trips.csv", "--target", "a", "--task", "regression", "--seconds", "9000")
    assert command[3:7] == ["--target", "a", "--task", "regression"]
    [command] = said(capsys, "plan", "my trips.csv", "--target", "the class", "--seconds", "0.001")
    assert command == ["caviar", "babysit", "my trips.csv", "--target", "the class"]


def test_json_and_quiet_leave_stdout_alone(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    assert run([*TUNE, "--study", "a", "--json"]) == 0
    json.loads(capsys.readouterr().out)
    assert run([*TUNE, "--study", "b", "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert run(["predict", "a.caviar", "my trips.csv"]) == 0  # its data are on stdout
    captured = capsys.readouterr()
    assert "next:" not in captured.out
    assert "next: caviar predict a.caviar 'my trips.csv' --out predictions.csv" in captured.err


def test_people_at_a_terminal_are_led_to_the_dashboard(folder, monkeypatch):
    """And nobody else: a script that runs the next steps would wait for its end."""
    monkeypatch.chdir(folder)
    shown, hidden = os.openpty()
    command = [Path(sys.executable).with_name("caviar"), "show", "my study", "--store", "the store.db"]
    process = subprocess.Popen(command, stdout=hidden, stderr=hidden, stdin=hidden)
    os.close(hidden)
    said = b""
    with suppress(OSError), os.fdopen(shown, "rb", buffering=0) as terminal:  # an end of a terminal is an error
        while part := terminal.read(1 << 16):
            said += part
    assert process.wait() == 0
    last = steps(said.decode())[-1]
    assert last == ["caviar", "dashboard", "--store", "the store.db"]
    command = [*command[:1], *last[1:], "--port", "0", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        process.terminate()
        assert process.wait() in (128 + signal.SIGTERM, -signal.SIGTERM)  # it has only just begun


@pytest.mark.parametrize("columns", ["40", "200"])
def test_a_step_is_never_wrapped(folder, monkeypatch, columns):
    """In a terminal of any width: a wrapped command cannot be pasted."""
    done = subprocess.run(
        [Path(sys.executable).with_name("caviar"), "trials", "my study", "--store", "the store.db"],
        cwd=folder,
        env=os.environ | {"COLUMNS": columns},
        capture_output=True,
        text=True,
    )
    assert "next: caviar explain 'my study' --store 'the store.db'" in done.stdout.splitlines()


@pytest.mark.parametrize("quiet", [["--json"], []])
def test_every_listing_leads_on(folder, monkeypatch, capsys, quiet):
    monkeypatch.chdir(folder)
    for command in (["studies"], ["trials", "my study"], ["explain", "my study"]):
        given = [*command, "--store", "the store.db", *quiet]
        assert run(given) == 0
        out = capsys.readouterr().out
        assert ("next: caviar" in out) is not bool(quiet)
