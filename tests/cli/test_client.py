"""caviar client, as a person types it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import caviar.clients
from caviar.cli.main import run

FILES = Path(caviar.clients.__file__).parent


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_client_is_written_and_works(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["client", "python"]) == 0
    assert [path.name for path in here.iterdir()] == ["caviar_client.py"]
    assert capsys.readouterr().out == "caviar_client.py: written\n"
    (here / "train.py").write_text("import caviar_client\nfor trial in caviar_client.trials(): trial.report(1, 0.5)\n")
    said = subprocess.run(
        [sys.executable, "train.py"], env={"CAVIAR_TRY": "{}"}, capture_output=True, text=True, check=True
    )
    assert "score 0.5" in said.stdout


@pytest.mark.parametrize("name", caviar.clients.CLIENTS)
def test_every_client_has_its_files_and_they_stand_alone(
    name: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["client", name, "--out", "deep/er", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["files"] == printed["written"] == [f"deep/er/{file}" for file in caviar.clients.CLIENTS[name]]
    for file in printed["files"]:
        text = Path(file).read_text()
        assert text == (FILES / Path(file).name).read_text()
        assert not re.search(r"^\s*(import|from)\s+caviar\b", text, re.MULTILINE)
    assert run(["client", name, "--out", "deep/er", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["written"] == []


def test_every_file_belongs_to_a_client() -> None:
    known = {file for files in caviar.clients.CLIENTS.values() for file in files}
    there = {path.name for path in FILES.iterdir() if path.is_file() and path.suffix != ".pyc"}
    assert there == known | {"__init__.py"}


def test_another_file_of_that_name_stays(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "caviar_torch.py").write_text("mine")
    assert run(["client", "torch"]) == 2
    assert (here / "caviar_torch.py").read_text() == "mine"
    assert not (here / "caviar_client.py").exists()
    assert len(capsys.readouterr().err.splitlines()) == 2


@pytest.mark.parametrize("wrong", [["pyton"], ["python", "--out", "file"], ["python", "--out", "/proc/x"]])
def test_mistakes_get_two_lines(wrong: list[str], here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "file").write_text("")
    assert run(["client", *wrong]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 2
    assert wrong != ["pyton"] or "'python'" in captured.err


def test_without_a_name_they_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["client"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(caviar.clients.CLIENTS)
    assert run(["client", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["clients"]["java"] == ["CaviarClient.java"]
