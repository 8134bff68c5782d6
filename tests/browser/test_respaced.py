"""The page of a study whose space was changed: its history, the trials outside, and the change that is proposed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

import caviar
from caviar.study.respace import change_space
from tests.browser.dashboards import Dashboard, dashboard, fits

FIRST = caviar.Space(x=caviar.Log(1e-3, 1), m=caviar.Linear(0, 1))
SECOND = caviar.Space(x=caviar.Log(1e-4, 1), m=caviar.Linear(0, 0.5), k=caviar.Choice(["a", "b"]))
BAD = "<img src=x onerror=alert(1)></script>"


def train(store: str, space: caviar.Space, trials: int, low: float) -> None:
    first = [{"x": low * (1 + i / 100)} for i in range(12)]
    with caviar.open_study("wider", space, goal="minimize", store=store, first=first) as study:
        for trial in study.ask(trials):
            study.tell(trial, trial.config["x"])


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    path = str(tmp_path_factory.mktemp("respaced") / "caviar.db")
    train(path, FIRST, 20, 1e-3)
    change_space("wider", lambda now: SECOND, {"k": "a"}, path, because=BAD, who="ada")
    train(path, SECOND, 20, 1e-4)
    with dashboard(f"sqlite:///{path}") as running:
        yield running


def test_the_history_of_the_space_and_the_trials_outside_are_on_the_page(page: Page, shown: Dashboard) -> None:
    shown.open(page, "#/study/wider")
    card = page.locator("section, .card").filter(has=page.get_by_role("heading", name="The space", exact=True)).last
    expect(card).to_contain_text("from trial 20")
    expect(card).to_contain_text("x widened: 0.001 to 1 (log) before, 0.0001 to 1 (log) now")
    expect(card).to_contain_text("k was 'a' in the trials that lack it")
    expect(card).to_contain_text(f"ada, because {BAD}")
    expect(card).to_contain_text("of 40 trials lie outside of today's space")
    table = page.get_by_role("region", name="Trials. Arrow keys move, Enter opens a trial.")
    expect(table.get_by_role("columnheader", name="space")).to_be_visible()
    expect(table.get_by_role("cell", name="outside", exact=True).first).to_be_attached()
    assert fits(page)


def test_the_advice_has_the_command_that_follows_it(page: Page, shown: Dashboard) -> None:
    shown.open(page, "#/study/wider")
    expect(page.locator("body")).to_contain_text("To go on so: caviar respace wider x.low=1e-05")
