"""The report in one file, opened from disk by a browser without a network."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

import caviar
from caviar.cli.main import run
from caviar.records import Box, Measurement, Study, StudyKind, StudySpec, StudyState, TableSpec, Trial, TrialState
from caviar.records.result import (
    Baseline,
    BestTrial,
    Column,
    Confusion,
    Finalist,
    Lead,
    Mistaken,
    StudyResult,
    TargetScores,
)
from caviar.store import Store
from tests.browser.chromium import watched

BAD = "<img src=x onerror=alert(1)></script>\u202eabc"
SPACE = caviar.Space(
    learning_rate=caviar.Log(1e-4, 1, tier=1),
    optimizer=caviar.Choice(["adam", "momentum"], tier=2),
    l2=caviar.Log(1e-6, 1e-2),
)
BOX = Box(1, 60, {"learning_rate": {"low": 4e-3, "high": 6e-2}}, "the best 5 of 40 lie here")


def result_of(best: Trial) -> StudyResult:
    """An answer with everything that an answer may have; its labels and columns are hostile."""
    scores = {"accuracy": 0.99, "accuracy_low": 0.97, "accuracy_high": 1.0, "balanced_accuracy": 0.58, "mcc": 0.2}
    lead = Lead(metric="accuracy", by=0.0, low=0.0, high=0.01)
    majority = Baseline(
        method="majority class",
        always=BAD,
        rows=2400,
        scores={"accuracy": 0.99},
        validation={"accuracy": 0.98},
        lead=lead,
    )
    return StudyResult(
        metric="accuracy",
        study="flowers",
        data={"test": 600},
        best=BestTrial(
            trial=best.number, config=best.config, validation={"accuracy": 0.98, "log_loss": 0.1}, test=scores
        ),
        baseline={"majority": majority},
        confusion=Confusion(
            classes=[BAD, "ok"],
            rows=[6, 594],
            right=[1, 590],
            pairs=[Mistaken(BAD, "ok", 5)],
            matrix=[[1, 5], [4, 590]],
        ),
        columns=[Column("amount", "number", 0.02), Column(BAD, "text", -0.001), Column("far", "number", None)],
        targets=[
            TargetScores(column=BAD, labels=["no", BAD], rows=5, accuracy=0.9, majority=0.8, f1=None, log_loss=0.3)
        ],
        undefined={"validation": {}, "test": {"roc_auc": "all rows are of one class"}},
        finalists=[
            Finalist(best.number, 3, 90, best.score, [0.9, 0.92, 0.91]),
            Finalist(7, 3, 120, 0.9, [0.8, 0.9, 0.85]),
        ],
        notes=["'id' was left out (`keep=[\"id\"]` uses it)"],
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a study of 300 trials, in which the learning rate alone matters."""
    folder = tmp_path_factory.mktemp("report")
    trials: list[Trial] = []
    measured: list[Any] = []
    for number, config in enumerate(SPACE.sample(300, seed=2)):
        score = 1 - 0.2 * abs(math.log10(config["learning_rate"]) + 2)
        state, epochs = (TrialState.FINISHED, 3) if number % 3 == 0 else (TrialState.STOPPED, 1)
        error = BAD if number == 5 else None
        trials.append(Trial(number, config, state, epochs, score, 1 - score, error=error, origin=BAD))
        measured += [
            (number, 0, Measurement(epoch, 0.5, 1 - score, score, score * epoch / 3, 0.1, 0.01))
            for epoch in range(1, epochs + 1)
        ]
    best = max(trials, key=lambda trial: (trial.epochs, trial.score))
    study = Study(
        name="flowers",
        seed=1,
        metric="accuracy",
        search="coarse_to_fine",
        space=SPACE.to_dict(),
        spec=StudySpec(kind=StudyKind.TABLE, trials=300, rungs=(1, 3), repeats=3, table=TableSpec()),
        data={"rows": 3000, "features": 3, "classes": 2, "train": 2400, "validation": 600, "test": 600},
        environment={},
        state=StudyState.FINISHED,
        created="2026-11-21T00:00:00+00:00",
        ended="2026-11-21T00:01:00+00:00",
        result=result_of(best),
    )
    at = {(trial.number, 0): (1_795_219_200.0 + trial.number, 1_795_219_202.5 + trial.number) for trial in trials}
    with Store.open(folder / "c.db") as store:
        store.create_study(study)
        store.write("flowers", trials, measured, boxes=[BOX], at=at)
        store.create_study(replace(study, name=BAD, result=None, state=StudyState.INTERRUPTED))
    for name, file in (("flowers", "flowers.html"), (BAD, "bad.html")):
        assert run(["explain", name, "--store", str(folder / "c.db"), "--html", str(folder / file)]) == 0
    return folder


@pytest.fixture
def page(browser: Browser, report: Path) -> Iterator[Page]:
    with watched(browser) as (opened, _):
        opened.context.set_offline(True)
        opened.goto((report / "flowers.html").as_uri())
        yield opened


def test_it_has_the_whole_answer_and_runs_nothing_that_is_in_it(page: Page):
    answer = page.locator("#answer")
    for details in answer.locator("summary").all():
        details.click()
    for words in ("0.9900", "95 %: 0.9700 to 1.0000", "no better than always saying", "balanced accuracy", "MCC"):
        expect(answer).to_contain_text(words)
    expect(answer).to_contain_text("ROC AUC: all rows are of one class")
    cells = answer.locator("table.confusion td")
    assert [cell.inner_text() for cell in cells.all()] == ["1", "5", "17 %", "4", "590", "99 %"]
    expect(answer.locator("table.targets th[scope=row]")).to_contain_text([BAD[:20]])
    cells = answer.locator("table.targets td")
    assert [cell.inner_text() for cell in cells.all()][1:] == ["5", "0.9000", "0.8000", "not defined", "0.3000"]
    expect(answer.locator("table.importance th[scope=row]")).to_have_text(["amount", BAD])
    expect(answer).to_contain_text("2 columns of 3 measured alone")
    expect(page.locator("#notes")).to_contain_text("--keep id")
    assert page.locator("main img").count() == 0
    assert page.locator("main").inner_text().count("onerror") >= 4


def test_the_finals_show_what_luck_was_worth(page: Page):
    finals = page.locator("#finals")
    expect(finals).to_contain_text("in the search, 0.9100 when trained again")
    finals.locator("canvas").hover(position={"x": 300, "y": 24})
    expect(page.get_by_role("tooltip")).to_contain_text("the winner")
    expect(page.get_by_role("tooltip")).to_contain_text("each time: 0.9000, 0.9200, 0.9100")


def test_who_was_stopped_is_shown_in_the_table(page: Page):
    rungs = page.locator("#rungs")
    expect(rungs).to_contain_text("Stopping saved 400 epochs")
    rungs.get_by_role("button", name="200 stopped").click()
    expect(page.locator("#trials h2")).to_have_text("200 of 300 trials")


def test_a_range_on_an_axis_chooses_trials_on_the_whole_page(page: Page):
    axis = page.get_by_role("slider", name="learning_rate")
    axis.scroll_into_view_if_needed()
    box = axis.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 13, box["y"] + 14)
    page.mouse.down()
    page.mouse.move(box["x"] + 13, box["y"] + 14 + 312 / 4, steps=4)
    page.mouse.up()
    chosen = sum(config["learning_rate"] >= 0.1 for config in SPACE.sample(300, seed=2))
    expect(page.locator(".meant")).to_contain_text(f"{chosen} trials of 300 chosen")
    expect(page.locator("#trials h2")).to_have_text(f"{chosen} of 300 trials")
    axis.focus()
    page.keyboard.press("Delete")
    expect(page.locator("#trials h2")).to_have_text("300 trials")
    page.keyboard.press("ArrowDown")  # the lower half of the scale
    below = sum(config["learning_rate"] <= 0.01 for config in SPACE.sample(300, seed=2))
    expect(page.locator("#trials h2")).to_have_text(f"{below} of 300 trials")


def test_the_table_is_filtered_sorted_and_walked_by_keys(page: Page):
    configs = SPACE.sample(300, seed=2)
    page.get_by_label("Filter the trials").fill("optimizer=adam learning_rate<0.001")
    mine = [n for n, config in enumerate(configs) if config["optimizer"] == "adam" and config["learning_rate"] < 1e-3]
    expect(page.locator("#trials h2")).to_have_text(f"{len(mine)} of 300 trials")
    page.get_by_role("button", name="learning_rate").click()
    first = min(mine, key=lambda n: configs[n]["learning_rate"])
    expect(page.locator("#trials tbody tr").first.locator("th")).to_have_text(str(first))
    grid = page.get_by_role("region", name="Trials. Arrow keys move, Enter opens a trial.")
    grid.focus()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    last = max(mine, key=lambda n: configs[n]["learning_rate"])
    panel = page.get_by_role("dialog", name=f"Trial {last}")
    expect(panel).to_be_focused()
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    expect(grid).to_be_focused()


def test_a_trial_stands_beside_the_best(page: Page, report: Path):
    page.goto(f"{(report / 'flowers.html').as_uri()}#/study/flowers/trial/5")
    panel = page.get_by_role("dialog", name="Trial 5")
    expect(panel.locator("pre")).to_have_text(BAD)
    expect(panel).to_contain_text("unlike the best")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("dialog", name="Trial 6")).to_be_visible()


@pytest.mark.parametrize(("width", "dark"), [(400, True), (800, False)])
def test_a_study_with_a_hostile_name_and_no_trial_has_a_page_on_a_phone(
    browser: Browser, report: Path, width: int, dark: bool
):
    with watched(browser, width=width, dark=dark) as (page, _):
        page.goto((report / "bad.html").as_uri())
        expect(page.locator("h1")).to_have_text(BAD)
        expect(page.locator("main")).to_contain_text("No trial has begun in this study.")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.goto((report / "flowers.html").as_uri())
        expect(page.locator("#trials tbody tr").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
