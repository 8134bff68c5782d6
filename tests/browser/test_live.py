"""Pages follow a study and a run that another process really trains, and each act on them does what it says."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import caviar.clients
from caviar.records import RunState, StudyState
from caviar.store import Store
from caviar.store.runs import Runs, is_running
from tests.browser.chromium import watched
from tests.browser.dashboards import CAVIAR, dashboard
from tests.waiting import until

PROGRAM = f"""
import sys; sys.path.insert(0, {str(Path(caviar.clients.__file__).parent)!r})
import caviar_client, json, time
for trial in caviar_client.trials():
    w = [8.0]
    def save(path):
        with open(path, "w") as file:
            json.dump(w, file)
    def load(path):
        with open(path) as file:
            w[:] = json.load(file)
    trial.on_save(save)
    trial.on_restore(load)
    for epoch in trial.epochs():
        w[0] -= trial.config["learning_rate"] * w[0]
        time.sleep(0.1)
        trial.report(epoch, -abs(w[0]), loss=w[0] ** 2)
"""
SPACE = """
[learning_rate]
scale = "log"
low = 1e-4
high = 0.1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "train.py").write_text(PROGRAM)
    (tmp_path / "space.toml").write_text(SPACE)
    (tmp_path / "config.toml").write_text("learning_rate = 0.001\n")
    return tmp_path


@pytest.fixture
def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'caviar.db'}"


@contextmanager
def training(folder: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """``caviar`` with these words and the program, in a process that is killed in the end if it still runs."""
    program = f"{shlex.quote(sys.executable)} {shlex.quote(str(folder / 'train.py'))}"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([CAVIAR, *words, "--command", program], cwd=folder, **quiet)  # type: ignore[call-overload]
    try:
        until((folder / "caviar.db").exists, lambda: RuntimeError("it ended") if process.poll() is not None else None)
        yield process
    finally:
        process.kill()
        process.wait()


def act(page: Page | Locator, title: str, button: str, **values: str) -> None:
    """Open a form, fill it in and send it. A form may go when its act is done: what the act does is for the test."""
    page.get_by_role("button", name=title, exact=True).first.click()
    form = page.get_by_role("form", name=title, exact=True)
    for label, value in values.items():
        form.get_by_label(label).fill(value)
    form.get_by_role("button", name=button, exact=True).click()


def test_a_running_program_is_followed_and_turned(browser: Browser, folder: Path, url: str):
    words = ("babysit", "--config", "config.toml", "--epochs", "100000", "--name", "ball", "--store", url)
    with (
        training(folder, *words) as process,
        dashboard(url, "--allow-writes") as shown,
        watched(browser) as (page, troubles),
        Store.open(url) as store,
    ):
        troubles.expected += ["409"]  # a knob is turned to a value that is none
        runs = Runs(store)
        shown.sign_in(page)
        page.get_by_role("link", name="ball", exact=True).click()
        expect(page.locator("#run_curves canvas").first).to_be_attached()
        drawn = int(page.locator(".standing dd").first.inner_text().split()[0].replace(",", ""))
        expect(page.locator(".standing dd").first).not_to_contain_text(f"{drawn} of")  # it follows

        page.get_by_label("New value of learning rate", exact=True).fill("0.02")
        page.get_by_label("Why, for the diary").fill("it is too slow")
        page.get_by_role("button", name="Turn", exact=True).click()
        expect(page.get_by_role("form", name="Turn knobs").get_by_role("status")).to_contain_text("done")
        expect(page.locator(".knob-value").first).to_have_text("0.02")
        expect(page.locator("#run_diary")).to_contain_text("learning_rate from 0.001 to 0.02, because it is too slow")
        turned = next(entry for entry in runs.diary("ball") if entry.kind == "turn")
        assert turned.who.endswith("(dashboard)")

        page.get_by_label("New value of learning rate", exact=True).fill("much")
        page.get_by_role("button", name="Turn", exact=True).click()
        expect(page.get_by_role("form", name="Turn knobs").get_by_role("alert")).to_contain_text("learning_rate")
        page.get_by_role("button", name="Leave as they are").click()

        act(page, "Snapshot", "Save a snapshot", Why="before I try something")
        until(lambda: any(snapshot.reason == "asked for" for snapshot in runs.snapshots("ball")))

        act(page, "Pause", "Pause")
        expect(page.locator(".title .state")).to_have_text("paused")
        assert (runs.run("ball").progress or {})["paused"]
        act(page, "Continue", "Continue")
        expect(page.locator(".title .state")).to_have_text("running")

        act(page.locator("#run_snapshots"), "Go back", "Go back", Why="to see it again")
        expect(page.locator("#run_diary")).to_contain_text("because to see it again")
        assert any(entry.kind == "rollback" for entry in runs.diary("ball"))

        act(
            page.locator("#run_snapshots"),
            "Branch",
            "Begin a branch",
            Name="ball-b",
            Knobs="learning_rate=0.05",
            Why="a second try",
        )
        expect(page.locator("#run_family")).to_contain_text("ball-b")
        branch = runs.run("ball-b")
        assert branch.parent == "ball"
        begun = next(entry for entry in runs.diary("ball") if entry.kind == "branch")
        assert begun.who.endswith("(dashboard)")
        assert begun.text.endswith(", because a second try")
        page.get_by_role("link", name="ball-b", exact=True).click()
        expect(page.locator(".knob-value").first).to_have_text("0.05")
        act(page, "Stop", "Stop for good")
        until(lambda: not is_running(runs.run("ball-b")))

        process.kill()
        process.wait()
        shown.open(page, "#/run/ball")
        act(page, "Continue", "Continue", Why="the lights were out")
        expect(page.locator("#run_diary")).to_contain_text("because its process ended; the lights were out")
        taken_up = next(entry for entry in runs.diary("ball") if entry.kind == "resumed")
        assert taken_up.who.endswith("(dashboard)")

        act(page, "Stop", "Stop for good", Why="seen enough")
        expect(page.locator(".title .state")).not_to_have_text("running")
        until(lambda: not is_running(runs.run("ball")))
        assert runs.run("ball").state is not RunState.RUNNING


def test_a_running_study_is_followed_and_steered(browser: Browser, folder: Path, url: str):
    words = ("tune", "--space", "space.toml", "--trials", "100000", "--epochs", "3", "--repeats", "0")
    with (
        training(folder, *words, "--study", "balls", "--store", url) as process,
        dashboard(url, "--allow-writes") as shown,
        watched(browser) as (page, _),
        Store.open(url) as store,
    ):
        shown.sign_in(page)
        page.get_by_role("link", name="balls", exact=True).click()
        expect(page.locator("#history canvas").first).to_be_attached()
        trials = page.locator(".outcomes").first
        before = trials.inner_text()
        expect(trials).not_to_have_text(before)  # it follows

        wished = "0.0321"
        act(page, "Enqueue a config", "Enqueue", learning_rate=wished)
        until(lambda: any(trial.origin == "enqueued" for trial in store.trials("balls")))
        number = next(trial.number for trial in store.trials("balls") if trial.origin == "enqueued")
        shown.open(page, f"#/study/balls/trial/{number}")
        expect(page.get_by_role("dialog")).to_contain_text(wished)
        page.keyboard.press("Escape")

        act(page, "Extend", "Give it more", Trials="7")
        until(lambda: store.study("balls").spec.trials == 100_007)

        act(page, "Stop", "Stop this study")
        expect(page.locator(".title .state")).to_have_text("finished")
        asked = page.get_by_role("region", name="Asked of this study").get_by_role("listitem")
        for words_of, place in ((f"enqueue learning_rate {wished}", 0), ("extend trials 7", 1), ("stop", 2)):
            expect(asked.nth(place)).to_contain_text(words_of)
            expect(asked.nth(place)).to_contain_text("(dashboard)")
        assert process.wait(120) == 0
        assert store.study("balls").result is not None
        tried = len(store.trials("balls"))

        act(page, "Resume", "Resume this study", Trials="2")
        until(lambda: len(store.trials("balls")) > tried)
        expect(asked.nth(3)).to_contain_text("(dashboard)")
        expect(asked.nth(3)).to_contain_text("resume trials 2")
        until(lambda: not store.leases.living("balls"))
        assert store.study("balls").state is StudyState.FINISHED
        expect(page.locator(".title .state")).to_have_text("finished")
        page.get_by_text("The output of the command that a page started last").click()
        expect(page.locator("#printed pre")).to_contain_text(f"{tried + 2} started")
