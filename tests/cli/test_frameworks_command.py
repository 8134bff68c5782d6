"""`caviar frameworks` as a person types it; nothing is timed here (tests/frameworks/test_timing.py does)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from caviar.cli.main import run
from caviar.frameworks import timing
from caviar.frameworks.timing import Found, Speed, Timing


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Which rows were to be timed, where PyTorch and Keras on JAX are there; a canned answer for each."""
    monkeypatch.chdir(tmp_path)
    rows: list[str] = []
    there = [
        Found("keras-jax", "keras", "Keras on JAX", "keras 3", "p"),
        Found("pytorch", "pytorch", "PyTorch", "t", "p"),
    ]

    def measure(found: list[Found], *_: Any) -> Iterator[Timing]:
        rows.extend(one.row for one in found)
        yield Timing(Found("caviar", "caviar", "ours", "1", "p"), 0.3, 0.2, 0.9, (Speed("small", 9, 9, 1, 1, 1),))
        yield from (Timing(one, 1.0, 0.5, 0.9, (Speed("small", 3, 9, 3, 2, 4),)) for one in found)

    monkeypatch.setattr(timing, "environments", lambda folder: there[:1] if folder == Path("envs") else [])
    monkeypatch.setattr(timing, "here", lambda facts, found: there[1:])
    monkeypatch.setattr(timing, "measure", measure)
    monkeypatch.delenv("CAVIAR_FRAMEWORKS", raising=False)
    return rows


def test_all_that_are_there(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["frameworks", "--environments", "envs", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert asked == ["keras-jax", "pytorch"]
    assert [row["name"] for row in said["frameworks"][:3]] == ["caviar", "keras-jax", "pytorch"]


def test_the_folder_of_make_frameworks(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(["frameworks"]) == 0
    assert asked == ["pytorch"]
    monkeypatch.setenv("CAVIAR_FRAMEWORKS", "envs")
    assert run(["frameworks", "keras-jax"]) == 0
    assert asked == ["pytorch", "keras-jax"]


def test_a_page(asked: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["frameworks", "--html", "page.html"]) == 0
    assert "PyTorch" in (tmp_path / "page.html").read_text()
    assert "written to page.html" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["pytorhc"],
            "'pytorhc' is not on this machine\n"
            "make frameworks NAME=pytorhc sets it up, if it can be; did you mean 'pytorch'?",
        ),
        (["--html", "nowhere/page.html"], "nowhere/page.html cannot be written"),
    ],
)
def test_mistakes_get_two_lines_and_nothing_is_timed(
    arguments: list[str], said: str, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["frameworks", *arguments]) == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith(said)
    assert len(complaint.splitlines()) == 2
    assert asked == []


def test_without_our_own_figures_there_is_no_answer(monkeypatch: pytest.MonkeyPatch, asked: list[str]) -> None:
    own = Timing(Found("caviar", "caviar", "ours", "1", "p"), failure="no engine")
    monkeypatch.setattr(timing, "measure", lambda *_: iter([own]))
    assert run(["frameworks"]) == 1
