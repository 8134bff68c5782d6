"""Acts of the pages: each does its work, stands with the study or run, and is refused in the words of the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import caviar
from caviar.cli.dashboard import in_words
from caviar.cli.main import run
from caviar.errors import StoreError
from caviar.records import InterventionState, StudyState
from caviar.store import Store
from caviar.store.process import user
from caviar.store.runs import Runs
from caviar.web import detached
from caviar.web.acts import acts_on
from caviar.web.app import Dashboard
from caviar.web.detached import Commands
from caviar.web.documents import documents
from caviar.web.hosts import Hosts
from caviar.web.keys import Keys
from tests.store.sample import RUN
from tests.waiting import LIMIT, until
from tests.web import served

RATES = caviar.Space(learning_rate=caviar.Log(1e-3, 1))
STORE = "caviar.db"
PROGRAM = "import sys, time; time.sleep(float(sys.argv[2])); print('score', sys.argv[1])"


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def page() -> Iterator[TestClient]:
    commands = Commands(STORE, patience=LIMIT)
    keys, hosts = Keys(80), Hosts.of("127.0.0.1")
    of = Dashboard(
        STORE, documents(in_words), keys, hosts, acts_on(commands), in_words, commands.shown, every=served.EVERY
    )
    with served.known(of) as opened:
        opened.headers["origin"] = "http://127.0.0.1"
        yield opened


@pytest.fixture
def flowers() -> str:
    """A study that is finished: two trials of a function."""
    caviar.tune(lambda trial: 0.5, RATES, trials=2, study="flowers", processes=1, epochs=1, progress=False, store=STORE)
    return "flowers"


@pytest.fixture
def night() -> str:
    """A run of a network that no process trains."""
    with Store.open(STORE) as store:
        runs = Runs(store)
        runs.create(RUN)
        runs.leases.leave(runs.leases.join(RUN.name))
    return RUN.name


def act(page: TestClient, path: str, **arguments: Any) -> Any:
    return page.post(f"/api/{path}", json=arguments)


# Each of these is refused by the page in the words in which the terminal refuses it.
SAME = [
    ("studies/flowers/stop", {}, ["stop", "flowers"]),
    ("studies/nothing/stop", {}, None),
    ("studies/flowers/extend", {"seconds": 5}, ["extend", "flowers", "--seconds", "5"]),
    ("studies/flowers/extend", {"trials": 5}, ["extend", "flowers", "--trials", "5"]),
    ("studies/flowers/extend", {}, ["extend", "flowers"]),
    ("studies/flowers/extend", {"trials": 0}, ["extend", "flowers", "--trials", "0"]),
    ("studies/flowrs/enqueue", {"config": {"learning_rate": "0.1"}}, ["enqueue", "flowrs", "learning_rate=0.1"]),
    ("studies/flowers/enqueue", {"config": {"learning_rate": "3"}}, ["enqueue", "flowers", "learning_rate=3"]),
    ("studies/flowers/enqueue", {"config": {"momentum": "0.9"}}, ["enqueue", "flowers", "momentum=0.9"]),
    ("studies/flowers/resume", {}, ["resume", "flowers"]),
    ("runs/net/turn", {"changes": {"learning_rate": "-1"}}, ["turn", "net", "learning_rate=-1"]),
    ("runs/net/turn", {"changes": {"lerning_rate": "0.1"}}, ["turn", "net", "lerning_rate=0.1"]),
    ("runs/nothing/pause", {}, ["pause", "nothing"]),
    ("runs/net/rollback", {"snapshot": 7}, ["rollback", "net", "--snapshot", "7"]),
    ("runs/net/branch", {"snapshot": 7}, ["branch", "net", "--snapshot", "7"]),
    ("runs/nothing/continue", {}, None),
]


@pytest.mark.parametrize(("path", "arguments", "command"), SAME)
def test_what_is_refused_is_refused_in_the_words_of_the_terminal(
    page: TestClient,
    flowers: str,
    night: str,
    capsys: pytest.CaptureFixture[str],
    path: str,
    arguments: dict[str, Any],
    command: list[str] | None,
) -> None:
    answer = act(page, path, **arguments)
    assert answer.status_code == 409, answer.text
    found = answer.json()
    capsys.readouterr()
    if command is not None:
        assert run(command) == 2
        assert capsys.readouterr().err.splitlines()[-2:] == [found["rule"], found["way_out"]]
    with Store.open(STORE) as store:
        assert store.spec("flowers").interventions == ()
        assert Runs(store).interventions("net") == []


ODD: list[tuple[str, Any]] = [
    ("studies/flowers/enqueue", {"config": "x"}),
    ("studies/flowers/enqueue", {"config": {}}),
    ("studies/flowers/extend", {"seconds": "60"}),
    ("studies/flowers/extend", {"seconds": True}),
    ("studies/flowers/stop", {"force": True}),
    ("runs/net/turn", {"changes": {}}),
    ("runs/net/turn", {}),
    ("runs/net/snapshot", {"because": 7}),
]


@pytest.mark.parametrize(("path", "arguments"), ODD)
def test_odd_arguments_are_refused(page: TestClient, flowers: str, night: str, path: str, arguments: Any) -> None:
    answer = act(page, path, **arguments)
    assert answer.status_code == 409
    assert answer.json().keys() == {"rule", "way_out"}


@pytest.mark.parametrize("body", ["", "[]", "7", "{", '"' * 70_000, "[" * 60_000, "\xff"])
def test_a_body_that_is_no_object_is_refused(page: TestClient, flowers: str, body: str) -> None:
    answer = page.post(
        "/api/studies/flowers/stop", content=body.encode("latin-1"), headers={"content-type": "application/json"}
    )
    assert answer.status_code == (409 if body == "" else 413 if len(body) > 65_536 else 400)


@pytest.mark.parametrize(
    "path", ["studies/flowers/drop", "runs/net/resume", "trials/flowers/stop", "studies/flowers/pause"]
)
def test_there_are_no_other_acts(page: TestClient, path: str) -> None:
    assert act(page, path).status_code == 404


def test_an_enqueued_config_stands_with_the_study(page: TestClient, flowers: str) -> None:
    answer = act(page, "studies/flowers/enqueue", config={"learning_rate": "0.25"}, because="  it looks good\x1b[31m")
    assert answer.json()["said"].startswith("learning_rate 0.25 is tried first")
    with Store.open(STORE) as store:
        spec = store.spec("flowers")
    assert spec.first == ({"learning_rate": 0.25},)
    [asked] = spec.interventions
    assert asked.who == f"{user()} (dashboard)"
    assert "\x1b" not in asked.because
    assert page.get("/api/studies/flowers").json()["interventions"][0]["kind"] == "enqueue"


def test_an_intervention_stands_with_the_run(page: TestClient, night: str) -> None:
    answer = act(page, "runs/net/turn", changes={"learning_rate": "0.05"}, because="plateau")
    assert "waits until a process trains the run" in answer.json()["said"]
    with Store.open(STORE) as store:
        [asked] = Runs(store).interventions("net")
    assert (asked.kind, asked.arguments, asked.because) == ("turn", {"learning_rate": 0.05}, "plateau")
    assert asked.who == f"{user()} (dashboard)"
    assert asked.state is InterventionState.WAITING


def test_a_study_that_rests_goes_on_in_a_process_of_its_own(page: TestClient) -> None:
    """It is resumed, extended and stopped from the page; then it has its answer, and its output can be read."""
    Path("p.py").write_text(PROGRAM)
    Path("space.toml").write_text(RATES.to_toml())
    command = f"{sys.executable} p.py {{learning_rate}} 0.05"
    given = ["--command", command, "--score", r"score (\S+)", "--goal", "maximize", "--space", "space.toml"]
    assert run(["tune", *given, "--trials", "2", "--study", "slow", "--processes", "1", "--quiet"]) == 0
    assert page.get("/api/studies/slow/log").json() == {"log": None}
    assert page.get("/api/nothing/slow/log").status_code == 404
    answer = act(page, "studies/slow/resume", trials=100_000, because="too few")
    assert answer.status_code == 200, answer.text
    assert "trains in process" in answer.json()["said"]
    with Store.open(STORE) as store:
        assert store.spec("slow").trials == 100_002
    refused = act(page, "studies/slow/resume").json()
    assert refused["rule"] == "study 'slow' is running"
    said = act(page, "studies/slow/extend", trials=7, because="more").json()
    until(lambda: _states("slow")[:2] == [InterventionState.DONE] * 2)
    with Store.open(STORE) as store:
        assert store.spec("slow").trials == 100_009
    assert said["said"] in ("7 trials more", "it waits until the study looks at its store, between two tasks")
    assert act(page, "studies/slow/stop", because="enough").status_code == 200
    until(lambda: _ended("slow"))
    with Store.open(STORE) as store:
        study = store.study("slow")
        assert study.state is StudyState.FINISHED
        asked = [(one.kind, one.because) for one in study.spec.interventions]
        assert asked == [("resume", "too few"), ("extend", "more"), ("stop", "enough")]
        assert study.spec.interventions[0].arguments == {"trials": 100_000}
        assert {one.who for one in study.spec.interventions} == {f"{user()} (dashboard)"}
    assert "slow" in page.get("/api/studies/slow/log").json()["log"]


TALKS = """
import os, sys, time
while sys.argv[1] == "first" and not os.path.exists("enough"):
    print("talk", flush=True)
    time.sleep(0.01)
print("the rule", "the way out", sep=chr(10))
sys.exit(2)
"""


def test_two_commands_on_one_run_have_an_output_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first goes on while the second is refused, and what the page says is the refusal of the second."""
    Store.open(STORE).close()
    monkeypatch.setattr(detached, "_PROGRAM", TALKS)
    commands = Commands(STORE, patience=LIMIT)
    commands.start("run", "night", ["first"], lambda store: True)
    until(lambda: "talk" in (commands.shown("run", "night") or ""))
    with pytest.raises(StoreError) as refused:
        commands.start("run", "night", ["second"])
    assert (refused.value.rule, refused.value.way_out) == ("the rule", "the way out")
    assert commands.shown("run", "night") == "the rule\nthe way out\n"
    Path("enough").touch()


def _states(study: str) -> list[InterventionState]:
    with Store.open(STORE) as store:
        return [each.state for each in store.spec(study).interventions]


def _ended(study: str) -> bool:
    with Store.open(STORE) as store:
        return not store.leases.living(study)


def test_the_log_has_no_letter_of_a_name_in_its_path(tmp_path: Path) -> None:
    Store.open(STORE).close()
    log = Commands(STORE)._log("study", "../../etc/passwd")
    assert log.parent == tmp_path / "caviar.db.logs"
    assert "passwd" not in log.name
