"""caviar drift: exit statuses, the one JSON object, the page, and two lines for a mistake."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from caviar.cli.main import run
from tests.analysis.drifting import model, rows


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    model().save("made.caviar")
    rows(300, 1).to_csv("same.csv", index=False)
    rows(300, 2).assign(b=7.5).drop(columns="y").to_csv("moved.csv", index=False)
    return tmp_path


def test_exit_0_without_and_3_with_a_change(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["drift", "made.caviar", "same.csv"]) == 0
    assert "no change was found: 300 rows beside" in capsys.readouterr().out
    assert run(["drift", "made.caviar", "moved.csv", "--html", "drift.html"]) == 3
    out = capsys.readouterr().out
    assert "something has changed" in out
    assert "its values" in out
    assert "without labels nobody can know" in out
    assert "--old FILE" in out  # an option as the command line has it
    page = (here / "drift.html").read_text()
    assert "something has changed" in page
    assert "<td>b</td>" in page


def test_json_is_one_object_with_the_keys_that_are_promised(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["drift", "made.caviar", "moved.csv", "--json"]) == 3
    printed = json.loads(capsys.readouterr().out)
    assert printed["changed"] is printed["drift"]["changed"] is True
    first = printed["drift"]["columns"][0]
    assert {"name", "statistic", "effect", "p_adjusted"} <= set(first)
    assert first["name"] == "b"
    assert {"statistic", "effect", "p_adjusted"} <= set(printed["drift"]["outputs"])
    assert run(["drift", "made.caviar", "same.csv", "--json", "--labels"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["drift"]["changed"] is False
    assert printed["drift"]["score"]["rows"] == 300


def test_labels_that_the_model_does_not_know_are_named_with_their_rows(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = rows(300, 1)
    frame.assign(y=["perhaps"] * 150 + frame["y"].tolist()[150:]).to_csv("classes.csv", index=False)
    for more in ([], ["--labels"]):
        assert run(["drift", "made.caviar", "classes.csv", *more]) == 3
        out = " ".join(capsys.readouterr().out.split())
        assert "150 rows have a label that the model does not know and cannot answer: 'perhaps' (150)" in out
        assert "on the other 150 labelled rows its accuracy is" in out
    frame.assign(y=frame["a"]).to_csv("numbers.csv", index=False)
    assert run(["drift", "made.caviar", "numbers.csv"]) == 2
    assert "--no-labels" in capsys.readouterr().err.splitlines()[1]
    assert run(["drift", "made.caviar", "numbers.csv", "--no-labels"]) == 0


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        (["made.caviar", "absent.csv"], "absent.csv"),
        (["absent.caviar", "same.csv"], "absent.caviar"),
        (["made.caviar", "moved.csv", "--labels"], "no row has a label"),
        (["made.caviar", "same.csv", "--ignore", "bb"], "no column 'bb'"),
        (["made.caviar", "same.csv", "--html", "same.csv"], "would be lost"),
    ],
)
def test_a_mistake_gets_two_lines(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], rule: str
) -> None:
    before = {path: path.read_bytes() for path in here.iterdir()}
    assert run(["drift", *arguments]) == 2
    err = capsys.readouterr().err
    assert rule in err.splitlines()[0]
    assert len(err.splitlines()) == 2
    assert {path: path.read_bytes() for path in here.iterdir()} == before
