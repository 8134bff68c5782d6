"""An answer that could not be printed can be shown again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from caviar.cli.main import run
from tests.cli.test_commands import SPACE, fresh, target, tuned  # noqa: F401  (fixtures)

MAIN = "from caviar.cli.main import main; main()"
TUNE = ["tune", "wine.csv", "--trials", "3", "--space", "small.toml"]


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("name", ["study", "run"])
def test_the_answer_is_shown_as_it_was_printed(name: str, capsys: pytest.CaptureFixture[str]):
    command = {
        "study": [*TUNE, "--target", target(), "--study", "mine", "--json"],
        "run": ["babysit", "wine.csv", "--target", target(), "--epochs", "2", "--name", "mine", "--json"],
    }[name]
    assert run(command) == 0
    first = capsys.readouterr()
    assert run(["show", "mine", "--json"]) == 0
    again = capsys.readouterr()
    one, other = json.loads(first.out), json.loads(again.out)
    assert Path(other.pop("model")) == Path(one.pop("model")).absolute()
    assert other == one
    assert "accuracy" in again.err
    for line in again.err.replace(f"{Path.cwd()}/", "").splitlines():
        assert line.rstrip() in first.err.replace(f"{Path.cwd()}/", "")
    assert run(["show", "mine"]) == 0
    assert "next:" in capsys.readouterr().out


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("output", [">&-", "> /dev/full", "2>&- >&-"])
def test_an_output_that_is_closed_or_full_loses_no_answer(output: str, capsys: pytest.CaptureFixture[str]):
    arguments = " ".join([*TUNE, "--target", target(), "--study", "mine", "--json"])
    shell = f"{sys.executable} -c '{MAIN}' {arguments} {output}"
    done = subprocess.run(shell, shell=True, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert Path("mine.caviar").exists()
    assert run(["show", "mine"]) == 0
    assert "sealed test" in capsys.readouterr().out


@pytest.mark.usefixtures("fresh")
def test_without_an_answer_it_says_so(capsys: pytest.CaptureFixture[str]):
    Path("absurd.toml").write_text('[learning_rate]\nscale = "log"\nlow = 1e28\nhigh = 1e30\n')
    assert run(["tune", "wine.csv", "--target", target(), "--trials", "3", "--space", "absurd.toml", "-q"]) == 1
    capsys.readouterr()
    assert run(["show", "wine"]) == 1
    rule, way_out = capsys.readouterr().err.splitlines()
    assert "no answer" in rule
    assert way_out == "caviar resume wine"
