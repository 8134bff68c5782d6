"""caviar retest and caviar retests: exit status, JSON, the page, and mistakes in two lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import caviar
from caviar.analysis import intervals
from caviar.cli.main import run
from caviar.views.retest import HEADLINES
from tests.study.test_retest import SPACE, table

pytestmark = pytest.mark.filterwarnings("ignore::caviar.CaviarWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("retests")
    table(300, 1).to_csv(folder / "old.csv", index=False)
    table(300, 3, 1.2).to_csv(folder / "turned.csv", index=False)
    table(300, 3).drop(columns="y").to_csv(folder / "bare.csv", index=False)
    table(300, 3).assign(y=lambda rows: rows["y"].where(rows.index != 7)).to_csv(folder / "gaps.csv", index=False)
    words = ["babysit", str(folder / "old.csv"), "--target", "y", "--epochs", "1", "--name", "night", "--quiet"]
    assert run([*words, "--store", str(folder / "caviar.db"), "--out", str(folder)]) == 0
    given = {"trials": 3, "threads": 1, "space": SPACE, "study": "old", "progress": False}
    caviar.tune(folder / "old.csv", "y", store=folder / "caviar.db", out=folder, **given)
    return folder


@pytest.fixture(autouse=True)
def there(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(intervals, "_RESAMPLES", 200)


def test_the_verdict_as_json_and_as_a_page_and_status_3(capfd: pytest.CaptureFixture[str]):
    words = ["retest", "old", "--data", "turned.csv", "--trials", "2", "--json", "--html", "r.html", "--name", "then"]
    assert run(words) == 3
    out, err = capfd.readouterr()
    found = json.loads(out)
    assert found["verdict"] in ("retrain", "retune")
    assert {"mean", "low", "high"} <= set(found["difference"])
    assert found["difference"]["low"] > 0
    assert set(found["environment"]) >= {"changed"}
    assert set(found["drift"]) >= {"changed", "columns", "outputs"}
    assert (found["of"], found["study"], found["html"]) == ("old", "then", "r.html")
    assert found["old"]["score"] < found["new"]["score"]
    assert "verdict" in err
    page = Path("r.html").read_text()
    assert page.index("<b>retr" if found["verdict"] == "retrain" else "<b>retu") < page.index("<table>")
    assert found["why"] in page
    assert Path(found["model"]).exists()

    assert run(["retests", "old", "--json"]) == 0
    [row] = [row for row in json.loads(capfd.readouterr().out)["retests"] if row["study"] == "then"]
    assert (row["verdict"], row["why"]) == (found["verdict"], found["why"])
    assert run(["retests", "old"]) == 0
    assert "then" in capfd.readouterr().out
    for command in (["show", "then"], ["explain", "then"], ["export", "then"]):
        assert run(command) == 0
        shown = capfd.readouterr().out
        assert command[0] != "show" or "verdict" in shown


@pytest.mark.parametrize(("verdict", "status"), [("keep", 0), ("retune", 3), ("unclear", 1)])
def test_each_verdict_has_its_status_and_a_line_where_it_is_quiet_also_taken_up_again(
    verdict: str, status: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("caviar.study.retested.verdict", lambda found: (verdict, next(iter(found), None)))
    assert (
        run(["retest", "old", "--trials", "1", "--threads", "1", "--quiet", "--out", "models", "--name", verdict])
        == status
    )
    [line] = capfd.readouterr().out.splitlines()
    assert line.startswith(f"{verdict}: {HEADLINES[verdict]}: ")
    assert run(["resume", verdict, "--trials", "5", "--threads", "1", "--quiet", "--out", "models"]) == status


def test_too_little_time_says_so_in_the_words_of_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("caviar.study.retested.FEWEST_TRAININGS", 99)
    words = ["--trials", "1", "--threads", "1", "--name", "short", "--out", "models"]
    assert run(["retest", "old", *words]) == 1
    assert "about --seconds " in capfd.readouterr().out
    assert run(["retests", "old", "--json"]) == 0
    [row] = [row for row in json.loads(capfd.readouterr().out)["retests"] if row["study"] == "short"]
    assert "about --seconds " in row["why"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["retest", "odl"], "'old'"),
        (["retest", "old", "--data", "none.csv"], "there is no file"),
        (["retest", "old", "--data", "turned.csv", "--html", "turned.csv"], "would be lost"),
        (["retest", "none.caviar"], "none.caviar"),
        (["retest", "old", "--trials", "0"], "--trials"),
        (["retests", "odl"], "'old'"),
        (["retest", "old", "--data", "bare.csv"], "the data has no column 'y', which the old answer predicts"),
        (["retest", "old", "--data", "gaps.csv"], "fill the labels in, or leave these rows out of the file"),
        (["retest", "night.caviar"], "is the model of a run of caviar babysit"),
    ],
)
def test_a_mistake_gets_two_lines(words: list[str], says: str, capfd: pytest.CaptureFixture[str]):
    assert run(words) == 2
    err = capfd.readouterr().err
    assert len(err.splitlines()) == 2
    assert says in err
