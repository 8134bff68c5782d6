"""The account of a study, on one that was made by hand."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from urllib.parse import quote

import pytest
from rich.cells import cell_len
from rich.console import Console

import caviar
from caviar.cli.main import run
from caviar.records import Box, Study, StudyKind, StudySpec, StudyState, TableSpec, Trial, TrialState
from caviar.records.result import BestTrial, Finalist, StudyResult
from caviar.report import plain
from caviar.report.explain import as_text
from caviar.report.page import study_report
from caviar.store import Store
from caviar.views.study import study_view_of
from caviar.views.study_page import study_page

SPACE = caviar.Space(
    learning_rate=caviar.Log(1e-4, 1, tier=1),
    optimizer=caviar.Choice(["adam", "momentum"], tier=2),
    l2=caviar.Log(1e-6, 1e-2),
)
BOX = Box(
    1,
    60,
    {"learning_rate": {"low": 4e-3, "high": 6e-2}, "optimizer": {"weights": {"adam": 0.8, "momentum": 0.2}}},
    "the best 5 of 40 at the rung of 9 epochs lie here; learning_rate narrowed from 0.0001..1 to 0.004..0.06",
)


def made(name: str = "flowers"):
    """A study in which the learning rate alone matters, and the best lie near its upper end."""
    trials = []
    for number, config in enumerate(SPACE.sample(600, seed=2)):
        score = 1 - 0.2 * abs(math.log10(config["learning_rate"]) + 0.01)
        trials.append(Trial(number, config, TrialState.STOPPED, 1, score, 1 - score))
    best = max(trials, key=lambda t: t.score)
    for repeat, score in enumerate((0.9, 0.92, 0.94), start=1):
        trials.append(Trial(best.number, best.config, TrialState.FINISHED, 1, score, 0.1, repeat))
    study = Study(
        name=name,
        seed=1,
        metric="accuracy",
        search="coarse_to_fine",
        space=SPACE.to_dict(),
        spec=StudySpec(kind=StudyKind.TABLE, trials=600, rungs=(1, 3), repeats=3, table=TableSpec()),
        data={"train": 100, "validation": 50},
        environment={},
        state=StudyState.FINISHED,
        created="2026-11-21T00:00:00+00:00",
        result=StudyResult(metric="accuracy", best=BestTrial(trial=best.number)),
    )
    return study, trials, best


@pytest.fixture(scope="module")
def view():
    study, trials, _ = made()
    return study_view_of(study, trials, [BOX])


def text_of(view, width: int = 140) -> str:
    console = Console(record=True, width=width, file=StringIO())
    console.print(as_text(view))
    return console.export_text()


def test_what_mattered_is_what_was_made_to_matter(view):
    assert view.importance[0].name == "learning_rate"
    assert all(row.high < view.importance[0].low for row in view.importance[1:])


def test_the_account_has_the_way_the_winner_and_advice(view):
    text = text_of(view)
    best = view.finals.winner.trial
    for said in (
        "600 configs of 3 hyperparameters, on 100 rows; accuracy on 50 other rows decided.",
        BOX.reason,
        "adam 80%, momentum 20%",
        "0.004 to 0.06",
        f"Trial {best} won by its mean.",
        "learning_rate at the upper edge of its range (1): widen it",
    ):
        assert said in text
    assert f"{max(t.score for t in view.trials):.4f} in the search, 0.9200 when trained again." in text


def test_draws_from_a_box_say_nothing_of_what_mattered():
    """They come further than others, as they begin higher, and all have what the search believed in."""
    study, trials, _ = made()
    mine = [trial for trial in trials if trial.repeat == 0]
    drawn = [
        Trial(600 + n, {**t.config, "l2": 1e-3}, TrialState.STOPPED, 3, 0.5, 0.5, origin="box 1")
        for n, t in enumerate(mine)
    ]
    assert study_view_of(study, [*mine, *drawn], []).importance == study_view_of(study, mine, []).importance
    few = [t._replace(origin="box 1") for t in mine[10:]]
    assert study_view_of(study, [*mine[:10], *few], []).importance == study_view_of(study, mine, []).importance


def test_how_far_a_trial_got_counts_before_its_score():
    """A stopped trial may have scored more after one epoch than another after three; diverged is the worst."""
    study, trials, _ = made()
    lows = [t for t in trials if t.repeat == 0]

    def fared(trial: Trial) -> Trial:
        if trial.config["optimizer"] == "adam":
            return trial._replace(epochs=3, score=0.2)
        if trial.config["learning_rate"] > 0.3:
            return trial._replace(epochs=3, score=None, state=TrialState.DIVERGED)
        return trial._replace(epochs=1, score=0.9)

    view = study_view_of(study, [fared(trial) for trial in lows], [])
    assert view.importance[0].name == "optimizer"
    assert view.importance[0].low > 0.5


def finalist(trial: int, parameters: int, *scores: float | None):
    return Finalist(trial, 27, parameters, 0.95, list(scores))


@pytest.mark.parametrize(
    ("means", "said"),
    [
        ((0.95, 0.95), "Trial 4 won: 7 has the same mean, and 4 is the simpler network"),
        ((0.95001, 0.95002), "7 has the better mean, but by less than the noise of the repeats, and 4 is the simpler"),
    ],
)
def test_means_that_look_alike_have_more_digits_or_are_the_same(means: tuple[float, float], said: str):
    study, trials, _ = made()
    finalists = (finalist(7, 90, means[1]), finalist(4, 90, means[0]))
    result = StudyResult(metric="accuracy", best=BestTrial(trial=4), finalists=finalists)
    text = text_of(study_view_of(replace(study, result=result), trials, []))
    assert said in text
    assert means[0] == means[1] or (f"{means[0]:.5f}" in text and f"{means[1]:.5f}" in text)


@pytest.mark.parametrize(
    ("prefer", "why"),
    [
        ("score", "by less than the noise of the repeats, and 4 is the simpler network (90 parameters against 1,200)"),
        ("small", "4 is within a hundredth of it and the smallest network that is (90 parameters against 1,200)"),
        ("fast", "4 is within a hundredth of it and the quickest network that is"),
    ],
)
def test_the_finals_are_explained_as_they_were_decided(prefer: str, why: str):
    """By the repeats that all finalists have, which the answer keeps: the store may know more of one of them."""
    study, trials, _ = made()
    finalists = [finalist(7, 1200, 0.93, 0.92), finalist(4, 90, 0.92, 0.92), finalist(5, 90, 0.97, None)]
    result = StudyResult(metric="accuracy", best=BestTrial(trial=4), finalists=finalists)
    study = replace(study, result=result, spec=replace(study.spec, table=TableSpec(prefer=prefer)))
    view = study_view_of(study, [*trials, trials[7]._replace(repeat=3, state=TrialState.FINISHED, score=0.1)], [])
    text = " ".join(text_of(view).split())
    assert "7 0.9500 0.9250 0.9300 0.9200" in text
    assert "5 0.9500 diverged 0.9700 diverged" in text
    assert f"Trial 4 won: 7 has the better mean, but {why}." in text
    assert "0.9500 in the search, 0.9200 when trained again." in text
    assert plain.account(view)["finalists"][2]["mean"] is None
    finalists[1] = finalist(4, 90, 0.96, 0.94)  # as when it was chosen, but for the last bit
    assert "0.9500 in the search and when trained again." in " ".join(text_of(study_view_of(study, trials, [])).split())


def test_a_study_of_other_peoples_code_is_explained_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """There is no loss: what mattered, the advice and the best trials need none."""
    study, trials, _ = made()
    study = replace(study, metric="score", data={})
    view = study_view_of(study, [t._replace(validation_loss=None) for t in trials], [])
    assert view.importance[0].name == "learning_rate"
    assert view.importance[0].low > 0.5
    assert "learning_rate at the upper edge" in text_of(view)
    with Store.open(tmp_path / "c.db") as store:
        store.create_study(study)
        store.write("flowers", [t._replace(validation_loss=None) for t in trials])
    assert run(["trials", "flowers", "--best", "1", "--store", str(tmp_path / "c.db")]) == 0
    assert f"{max(t.score for t in view.trials):.4f}" in capsys.readouterr().out


def test_two_boxes_that_are_open_at_once_are_both_named(view):
    other = Box(2, 60, {"learning_rate": {"low": 2e-4, "high": 9e-4}}, "3 of the best 8 lie here")
    both = study_view_of(made()[0], made()[1], [BOX, other])
    text = text_of(both)
    assert "The last box" not in text
    assert "One of the last two boxes, 1, on the whole of each scale:" in text
    assert "One of the last two boxes, 2, on the whole of each scale:" in text
    assert "0.0002 to 0.0009" in text


def letters(text: str) -> Counter[str]:
    """The letters of ``text``, without those that draw a bar as long as there is room."""
    return Counter("".join(text.split()).translate({ord(drawn): None for drawn in "█━·"}))


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_no_width_cuts_the_account(view, width: int):
    text = text_of(view, width)
    assert max(map(cell_len, text.splitlines())) <= width
    assert letters(text) == letters(text_of(view, 10_000))
    for name in ("learning_rate", "optimizer", "l2"):
        assert any(line.startswith(f"  {name} ") for line in text.splitlines())
    assert "·━" in text  # the band of the learning rate, both of its ends
    assert "━·" in text


@pytest.mark.parametrize("width", [40, 60, 100])
def test_names_that_have_no_room_are_folded(width: int):
    study, trials, _ = made()
    long = "the_rate_at_which_it_learns_" * 3
    space = caviar.Space(**{long: SPACE["learning_rate"], "l2": SPACE["l2"]})
    trials = [t._replace(config={long: t.config["learning_rate"], "l2": t.config["l2"]}) for t in trials]
    box = Box(1, 60, {long: {"low": 4e-3, "high": 6e-2}}, "the best lie here")
    view = study_view_of(replace(study, space=space.to_dict()), trials, [box])
    assert letters(text_of(view, width)) == letters(text_of(view, 10_000))


def test_as_json_is_plain_data(view):
    found = json.loads(json.dumps(plain.account(view)))
    assert found["boxes"][0]["reason"] == BOX.reason
    assert found["finalists"][0]["mean"] == pytest.approx(0.92)
    assert found["reached"] == [{"epochs": 1, "trials": 600}, {"epochs": 3, "trials": 0}]


def page_of(study: Study, trials: list[Trial]) -> str:
    with Store.open(None) as memory:
        memory.create_study(study)
        memory.write(study.name, trials, boxes=[BOX])
        return study_report(study_page(memory, study.name))


def test_a_trial_takes_less_than_a_kilobyte_of_the_page():
    study, trials, _ = made()
    own = [trial for trial in trials if not trial.repeat]
    small, large = (len(page_of(study, own[:n])) for n in (100, 600))
    assert 0 < large - small < 500 * 200  # bytes a trial, of three hyperparameters
    assert large < 600_000


def test_the_page_loads_nothing_and_runs_no_script_but_its_own():
    """Hostile names are data in it; the hashes of the policy are those of what stands in the file."""
    elements: list[tuple[str, dict[str, str | None], list[str]]] = []

    class Elements(HTMLParser):
        def handle_starttag(self, tag, attributes):
            elements.append((tag, dict(attributes), []))

        def handle_endtag(self, tag):
            elements.append(("", {}, []))  # what comes now is in no script

        def handle_data(self, data):
            if elements:
                elements[-1][2].append(data)

    hostile = "</script><img src=x onerror=alert(1)><!--"
    study, trials, _ = made(hostile)
    trials = [trial._replace(origin=hostile, error=hostile) for trial in trials]
    Elements().feed(page_of(study, trials))
    expected = ("html", "head", "meta", "title", "style", "body", "div", "noscript", "script")
    assert {tag for tag, *_ in elements if tag} == set(expected)
    assert not {name for _, given, _ in elements for name in given} & {"src", "href", "style", "onerror"}
    (policy,) = [given["content"] for _, given, _ in elements if given.get("http-equiv") == "Content-Security-Policy"]
    data, *code = ("".join(text) for tag, _, text in elements if tag == "script")
    (style,) = ("".join(text) for tag, _, text in elements if tag == "style")
    shas = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (*code, style)]
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{shas[0]}' 'sha256-{shas[1]}'; style-src 'sha256-{shas[2]}'; "
        "base-uri 'none'; form-action 'none'"
    )
    document = json.loads(data)["documents"]["studies/" + quote(hostile, safe="!*'()")]
    assert document["name"] == hostile
    assert document["trials"]["errors"]["0"] == hostile


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    study, trials, _ = made()
    with Store.open(tmp_path / "c.db") as store:
        store.create_study(study)
        store.write("flowers", trials, boxes=[BOX])
    given = ["--store", str(tmp_path / "c.db")]
    assert run(["explain", "flowers", *given]) == 0
    assert "Where the search went" in capsys.readouterr().out
    assert run(["explain", "flowers", *given, "--json", "--html", str(tmp_path / "f.html")]) == 0
    out = capsys.readouterr()
    assert json.loads(out.out)["study"] == "flowers"
    assert "What mattered" in out.err
    assert 200_000 < (tmp_path / "f.html").stat().st_size < 600_000  # its scripts are in it: it needs no network
    assert run(["explain", "flower", *given]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2
    assert run(["explain", "flowers", *given, "--html", str(tmp_path / "no" / "f.html")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2
