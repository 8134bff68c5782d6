"""A study that runs is stopped and extended from outside: to the same bits as one that was asked for so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import caviar
from caviar.cli.main import run
from caviar.errors import UserMistake
from caviar.records import InterventionState, StudyState, TrialState
from caviar.store import Store
from caviar.study import tune
from caviar.study.client import intervene
from caviar.study.events import Event, Progress, TunedProgram, TunedStudy
from caviar.study.spec import ProgramRequest, Request

RATES = caviar.Space(learning_rate=caviar.Log(1e-3, 1))
STORE = "caviar.db"


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("caviar.study.interventions.LOOK_EVERY", 0.0)
    monkeypatch.setattr("caviar.study.ledger.SHOW_EVERY", 0.0)
    monkeypatch.setattr("caviar.study.loop._MOMENT", 0.001)  # else 300 trials may be through before it looks


@pytest.fixture(scope="module")
def data() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3)).astype(np.float32)
    return x, (x.sum(axis=1) > 0).astype(int)


def objective(trial: Any) -> float:
    return -abs(trial.config["learning_rate"] - 0.3)


def a_table(data: Any, name: str, trials: int) -> Request:
    x, y = data
    return Request(data=(x, y), space=RATES, trials=trials, study=name, seed=3, store=STORE, threads=2, preset="single")


def a_program(name: str, trials: int, **more: Any) -> ProgramRequest:
    return ProgramRequest(objective=objective, space=RATES, trials=trials, study=name, processes=1, epochs=3, **more)


def followed(events: Iterator[Event], act: Callable[[], object], at: int) -> Event:
    """The last of ``events``; ``act`` is called at the first progress of which ``at`` trials have begun."""
    done = False
    last: Event | None = None
    for last in events:
        if not done and isinstance(last, Progress) and last.phase == "search" and sum(last.counts.values()) >= at:
            done = True
            act()
    assert done
    assert last is not None
    return last


def ask(name: str, kind: str, **arguments: Any) -> Callable[[], object]:
    return lambda: intervene(name, kind, arguments, STORE, "enough", "ada", wait=0.0)


def frame(name: str) -> Any:
    with Store.open(STORE) as store:
        found = store.trials_frame(name).drop(columns=["began", "ended"])
    return found.query("repeat == 0").reset_index(drop=True)


def test_a_table_that_is_stopped_has_an_answer_and_goes_on_to_the_same_bits(data: Any) -> None:
    answer = followed(tune.follow(a_table(data, "s", 300)), ask("s", "stop"), at=3)
    assert isinstance(answer, TunedStudy)
    with Store.open(STORE) as store:
        study = store.study("s")
    assert study.state is StudyState.FINISHED
    assert study.result is not None
    [asked] = study.spec.interventions
    assert (asked.who, asked.because, asked.state) == ("ada", "enough", InterventionState.DONE)
    assert "trained again" in asked.outcome
    stopped = frame("s")
    assert len(stopped) < 300
    caviar.resume("s", data=data, store=STORE, threads=2, progress=False)  # the rest of its budget
    caviar.tune(
        data, space=RATES, trials=300, study="whole", seed=3, store=STORE, threads=2, preset="single", progress=False
    )
    assert frame("s").equals(frame("whole"))


def test_a_second_stop_ends_it_at_once_with_everything_saved(data: Any) -> None:
    def both() -> None:
        ask("s", "stop")()
        ask("s", "stop")()

    with pytest.raises(KeyboardInterrupt):
        followed(tune.follow(a_table(data, "s", 300)), both, at=3)
    with Store.open(STORE) as store:
        study = store.study("s")
        assert study.state is StudyState.INTERRUPTED
        assert not store.leases.living("s")
    caviar.resume("s", data=data, store=STORE, trials=300, threads=2, progress=False)
    assert len(frame("s")) == 300


@pytest.mark.parametrize("kind", ["table", "function"])
def test_an_extended_study_is_one_that_began_with_as_much(
    data: Any, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("caviar.study.interventions.LOOK_EVERY", 1e9)  # only the last look sees it
    if kind == "table":
        followed(tune.follow(a_table(data, "s", 200)), ask("s", "extend", trials=40), at=1)
        caviar.tune(
            data,
            space=RATES,
            trials=240,
            study="whole",
            seed=3,
            store=STORE,
            threads=2,
            preset="single",
            progress=False,
        )
    else:
        followed(tune.follow(a_program("s", 6, store=STORE)), ask("s", "extend", trials=5), at=1)
        given = {"processes": 1, "epochs": 3, "progress": False, "store": STORE}
        caviar.tune(objective, RATES, trials=11, study="whole", **given)
    assert frame("s").equals(frame("whole"))
    with Store.open(STORE) as store:
        assert store.study("s").spec.trials == store.study("whole").spec.trials


def test_a_function_that_is_stopped_has_an_answer() -> None:
    answer = followed(tune.follow(a_program("s", 10_000, store=STORE)), ask("s", "stop"), at=3)
    assert isinstance(answer, TunedProgram)
    with Store.open(STORE) as store:
        assert store.study("s").state is StudyState.FINISHED


def test_seconds_are_added_to_what_is_left(data: Any) -> None:
    left: list[float] = []
    x, y = data
    events = tune.follow(Request(data=(x, y), space=RATES, seconds=3000.0, study="s", store=STORE, threads=1))
    for event in events:
        if isinstance(event, Progress) and not left:
            ask("s", "extend", seconds=500.0)()
            left.append(0.0)
        elif isinstance(event, Progress) and left == [0.0]:
            with Store.open(STORE) as store:
                if store.spec("s").interventions[0].state is InterventionState.DONE:
                    assert store.spec("s").seconds == 3500.0
                    left.append(1.0)
                    ask("s", "stop")()
    assert left == [0.0, 1.0]


def test_one_that_is_asked_has_no_more_trials_and_calls_those_there_are_off() -> None:
    with caviar.open_study("s", RATES, goal="maximize", store=STORE) as study:
        first, second = study.ask(2)
        assert study.report(first, 1, 0.5)
        with pytest.raises(UserMistake, match="no budget"):
            intervene("s", "extend", {"trials": 3}, STORE)
        assert intervene("s", "stop", {}, STORE, wait=0.0).state is InterventionState.WAITING
        assert not study.report(second, 1, 0.7)
        study.tell(second, 0.7)
        assert study.ask(3) == []
    with Store.open(STORE) as store:
        assert store.study("s").spec.was_stopped
    with caviar.open_study("s", RATES, goal="maximize", store=STORE) as study:
        assert len(study.ask()) == 1


MISTAKES: list[tuple[list[str], str]] = [
    (["stop", "s"], "study 's' is not running"),
    (["extend", "s", "--trials", "3"], "study 's' is not running"),
    (["extend", "s"], "a study is given more of one: --seconds or --trials"),
    (["extend", "s", "--trials", "3", "--seconds", "3"], "a study is given more of one"),
    (["extend", "s", "--seconds", "3"], "the budget of study 's' is trials, got --seconds"),
    (["extend", "s", "--trials", "0"], "--trials must be"),
    (["extend", "t", "--trials", "3"], "the store has no study 't'"),
    (["stop", "t"], "no study or run"),
]


def test_mistakes_are_refused_before_anything_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    caviar.tune(objective, RATES, trials=2, study="s", processes=1, epochs=1, progress=False, store=STORE)
    for arguments, said in MISTAKES:
        assert run(arguments) == 2, arguments
        rule, way_out = capsys.readouterr().err.splitlines()
        assert said in rule
        assert way_out
    with Store.open(STORE) as store:
        assert store.spec("s").interventions == ()
        assert [trial.state for trial in store.trials("s")] == [TrialState.FINISHED] * 2


def test_the_command_is_written_down_with_who_asked(capsys: pytest.CaptureFixture[str]) -> None:
    said: list[int] = []

    def more() -> None:
        said.append(run(["extend", "s", "--trials", "2", "--because", "why not", "--json"]))

    # The study does not look while the command waits in its thread: so the command says that it waits.
    followed(tune.follow(a_program("s", 4, store=STORE)), more, at=1)
    assert said == [0]
    assert '"kind": "extend"' in capsys.readouterr().out
    with Store.open(STORE) as store:
        assert len([trial for trial in store.trials("s") if not trial.repeat]) == 6
        assert isinstance(store.spec("s").interventions[0].who, str)
