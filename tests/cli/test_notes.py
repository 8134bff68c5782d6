"""Notes on the data wherever a person or a script may look for them: screens, JSON, the store, the page, the diary."""

from __future__ import annotations

import json
import os
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from caviar.cli.main import run
from caviar.cli.notes import in_commands
from tests.cli.test_commands import SPACE

NOTE = "every row has a text of its own"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table that has something to note: a column of names."""
    path = tmp_path_factory.mktemp("noted")
    rng = np.random.default_rng(0)
    a = rng.normal(size=120).round(3)
    names = [f"passenger number {i * 7919 % 120}" for i in range(120)]
    pd.DataFrame({"a": a, "name": names, "y": np.where(a > 0, "up", "down")}).to_csv(path / "trips.csv", index=False)
    (path / "small.toml").write_text(SPACE)
    return path


@pytest.fixture(scope="module")
def said(folder: Path) -> tuple[str, dict[str, object]]:
    """The tuned study: all that was said to people, and the JSON."""
    before = Path.cwd()
    os.chdir(folder)
    capture = pytest.MonkeyPatch()
    try:
        import io
        import sys

        out, err = io.StringIO(), io.StringIO()
        capture.setattr(sys, "stdout", out)
        capture.setattr(sys, "stderr", err)
        assert run(["tune", "trips.csv", "--target", "y", "--trials", "4", "--space", "small.toml", "--json"]) == 0
    finally:
        capture.undo()
        os.chdir(before)
    return err.getvalue(), json.loads(out.getvalue())


def flat(text: str) -> str:
    return " ".join(text.split())


def test_a_note_stands_at_the_beginning_in_the_summary_and_in_the_json(said):
    text, result = said
    [note] = [note for note in result["notes"] if "'name'" in note]
    beginning, _, summary = flat(text).partition("sealed test")
    assert flat(note) in beginning
    assert flat(note) in summary


@pytest.mark.parametrize(
    ("command", "notes"),
    [
        (["explain", "trips"], lambda found: found["notes"]),
        (["watch", "trips"], lambda found: found["notes"]),
        (["watch", "trips"], lambda found: found["result"]["notes"]),
        (["studies"], lambda found: found["studies"][0]["notes"]),
    ],
)
def test_a_note_is_in_the_store_for_every_other_command(folder, said, monkeypatch, capsys, command, notes):
    monkeypatch.chdir(folder)
    assert run([*command, "--json"]) == 0
    assert notes(json.loads(capsys.readouterr().out)) == said[1]["notes"]


def test_people_see_it_too(folder, said, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    for command in (["explain", "trips", "--html", "trips.html"], ["watch", "trips"]):
        assert run(command) == 0
        assert flat(said[1]["notes"][0]) in flat(capsys.readouterr().out)
    assert "'name'" in unescape((folder / "trips.html").read_text())
    assert run(["studies"]) == 0
    assert " notes " in capsys.readouterr().out


def test_notes_of_a_run_are_in_its_diary_and_its_json(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    assert run(["babysit", "trips.csv", "--target", "y", "--epochs", "1", "--name", "nursed", "--json"]) == 0
    captured = capsys.readouterr()
    [note] = [note for note in json.loads(captured.out)["notes"] if "'name'" in note]
    assert flat(captured.err).count(flat(note)) == 2  # before and after
    assert run(["diary", "nursed", "--json"]) == 0
    diary = json.loads(capsys.readouterr().out)["diary"]
    assert [entry["text"] for entry in diary if entry["kind"] == "note" and "'name'" in entry["text"]] == [note]
    assert run(["diary", "nursed", "--html", "nursed.html"]) == 0
    assert json.dumps(note) in (folder / "nursed.html").read_text()


def test_an_argument_in_backquotes_becomes_an_option_of_tune():
    notes = in_commands(['left out: `ignore=["my id"]`', "no option: `colour=1`", "plain"])
    assert notes == ("left out: --ignore 'my id'", "no option: `colour=1`", "plain")
