"""`make frameworks`: an environment is made once, a row that cannot be run says why, and the tables are whole."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import environments, frameworks, machine
from benchmarks.environments import CannotBeSetUp, Row, interpreter, read, ready, rows, set_up

# Plays an interpreter: `-m venv FOLDER` copies it to where a venv has its python; all that it is asked is written down.
FAKE_PYTHON = """#!/bin/sh
echo "$@" >> {log}
case "$*" in
"-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
*platform*) echo 3.7.16 ;;
*broken*) echo "no such package" >&2; exit 1 ;;
esac
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The calls of fake interpreters, pyenv's 3.7.9 and 3.7.16. Environments go to a fresh folder."""
    written = tmp_path / "log"
    for version in ("3.7.9", "3.7.16", "3.7-dev", "3.70.1"):
        binary = tmp_path / "pyenv" / "versions" / version / "bin" / "python"
        binary.parent.mkdir(parents=True)
        binary.write_text(FAKE_PYTHON.format(log=written))
        binary.chmod(0o755)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("CAVIAR_FRAMEWORKS", str(tmp_path / "environments"))
    return written


@pytest.fixture
def row(tmp_path: Path) -> Row:
    return Row(
        "old", tmp_path, "Old", "3.7", "24.0", ("old==1.0", "numpy==1.21.6"), variables=(("AT", "{environment}"),)
    )


def test_the_setup_files_are_sound() -> None:
    found = {row.name: row for row in rows()}
    assert {"keras-jax", "keras-tensorflow", "keras-torch", "theano", "caffe", "dl4j"} <= set(found)
    for row in found.values():
        assert row.title
        assert row.cannot or row.framework
        assert row.cannot or row.python or row.command != Row.command
        assert row.cannot or not row.python or (row.folder / "train.py").exists()
        assert all(requirement.count("==") == 1 for requirement in row.requirements)
    assert found["keras-jax"].framework == "keras 3.15.1"
    assert "lasagne" not in " ".join(found["theano"].requirements).lower()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('title = "A"\nrequirements = ["torch"]', "torch needs a version: torch==..."),
        ('title = "A"\nrequirement = ["torch==1"]', "requirement is no key"),
    ],
)
def test_a_setup_file_with_a_mistake(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "setup.toml").write_text(text)
    with pytest.raises(ValueError, match=said):
        read(tmp_path / "setup.toml")


def test_the_newest_interpreter_of_a_version(log: Path) -> None:
    assert interpreter("3.7").parents[1].name == "3.7.16"
    with pytest.raises(CannotBeSetUp, match=r"it needs Python 3\.6, which is not on this machine"):
        interpreter("3.6")


def test_an_environment_is_made_once(log: Path, row: Row) -> None:
    assert ready(row) is None
    made = set_up(row)
    asked = log.read_text().splitlines()
    assert asked[0] == f"-m venv {made.folder}"
    assert asked[1].endswith(" pip==24.0")
    assert asked[2].endswith(" old==1.0 numpy==1.21.6")
    assert (made.python, made.framework) == ("3.7.16", "old 1.0")
    assert made.variables == {"AT": made.folder}
    assert made.process_variables["AT"] == made.folder
    assert set_up(replace(row, title="Another title")) == made == ready(row)
    assert log.read_text().splitlines() == asked
    assert set_up(replace(row, requirements=("old==1.1",))).framework == "old 1.1"
    assert ready(row) is None


def test_what_cannot_be_set_up_says_why(log: Path, row: Row) -> None:
    with pytest.raises(CannotBeSetUp, match="there is no package"):
        set_up(replace(row, cannot="there is no package"))
    with pytest.raises(CannotBeSetUp, match="python failed: no such package"):
        set_up(replace(row, requirements=("broken==1",)))
    with pytest.raises(CannotBeSetUp, match="false failed"):
        set_up(replace(row, commands=(("false", ""),)))
    with pytest.raises(CannotBeSetUp, match=r"^no way there$"):
        set_up(replace(row, commands=(("true", ""), ("false", "no way there"))))
    with pytest.raises(CannotBeSetUp, match="no-such-program is not on this machine"):
        set_up(replace(row, commands=(("no-such-program", ""),)))
    assert ready(row) is None  # nothing half made is taken for whole


def test_a_row_that_cannot_be_run_is_a_line_of_the_table(log: Path, row: Row) -> None:
    line = frameworks.seen(replace(row, cannot="there is no package"))
    assert line["why_not"] == "there is no package"
    assert set(line) == set(frameworks._COLUMNS)
    table = frameworks.rows_table(
        [{**{k: str(v) for k, v in line.items()}, "machine": "m", "commit": "c", "date": "d"}]
    )
    assert "| Old | old 1.0 |  | - | - | - | - | - | - | - |" in table
    assert "- **Old**: there is no package." in table
    assert table.endswith("Measured on: m, d.")


def test_tables_go_between_their_markers() -> None:
    page = "before\n<!-- a -->\nold\n<!-- end of a -->\nafter\n"
    once = frameworks.between(page, "a", "new")
    assert once == "before\n<!-- a -->\nnew\n<!-- end of a -->\nafter\n"
    assert frameworks.between(once, "a", "new") == once
    with pytest.raises(ValueError, match="needs one line <!-- b -->"):
        frameworks.between(page, "b", "new")
    assert frameworks.markdown(("x", "y"), [("a|b", "c")]) == "| x | y |\n| --- | --- |\n| a/b | c |"


def test_the_page_is_of_todays_results_and_facts(tmp_path: Path) -> None:
    copy = tmp_path / "frameworks.md"
    copy.write_text(frameworks.PAGE.read_text())
    frameworks.write_page(copy)
    assert copy.read_text() == frameworks.PAGE.read_text(), "python -m benchmarks.frameworks --only pages"


def test_every_row_has_its_last_result() -> None:
    seen = {line["row"]: line for line in machine.read("frameworks")}
    assert set(seen) == {row.name for row in rows()}
    for line in seen.values():
        assert line["why_not"] or (line["turned"], line["rolled_back"]) == ("yes", "yes")


@pytest.mark.parametrize("name", ["pytorch", "keras-torch"])
def test_a_row_is_tuned_and_nursed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the environment of the tests, which has both."""
    monkeypatch.setenv("CAVIAR_FRAMEWORKS", str(tmp_path))
    monkeypatch.setattr(frameworks, "TRIALS", 5)
    monkeypatch.setattr(frameworks, "EPOCHS", 3)
    frameworks.write_digits()
    row = next(row for row in rows() if row.name == name)
    here = tmp_path / name
    (here / "bin").mkdir(parents=True)
    (here / "bin" / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (here / "bin" / "python").chmod(0o755)
    made = environments.Environment(
        name, row.title, row.framework, "3", str(here), dict(row.variables), 0.0, 0, environments._digest(row)
    )
    (here / "ready.json").write_text(json.dumps(vars(made)))
    line = frameworks.seen(row)
    assert line["why_not"] == ""
    assert line["accuracy"] > 0.93
    assert line["stopped"] >= 1
    assert line["finished"] + line["stopped"] + line["diverged"] == frameworks.TRIALS
    assert (line["turned"], line["rolled_back"]) == ("yes", "yes")
