"""A study is given another space, at rest and while it runs: to the same bits, in every kind of study and search."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import caviar
from caviar.analysis.space_changes import with_changes
from caviar.cli.main import run
from caviar.errors import UserMistake
from caviar.records import InterventionState, StudySpec, Trial, TrialState
from caviar.scheduling.strategy import Strategy
from caviar.search.eras import eras_of, placed, values_of
from caviar.search.searches import search_named
from caviar.space import Space
from caviar.store import Store
from caviar.study import tune
from caviar.study.enqueued import Enqueued
from caviar.study.events import Event, Progress
from caviar.study.respace import change_space
from caviar.study.respacing import respacing
from caviar.study.spec import ProgramRequest, Request

pytestmark = pytest.mark.filterwarnings("ignore::caviar.CaviarWarning")

STORE = "caviar.db"
FIRST = Space(learning_rate=caviar.Log(1e-3, 1))
SECOND = Space(learning_rate=caviar.Log(1e-5, 0.1), hidden_units=caviar.Integer(4, 64, log=True))
VALUES = {"hidden_units": 16}

X = Space(x=caviar.Log(1e-3, 1), kind=caviar.Choice(["a", "b"]))
WIDER = Space(x=caviar.Log(1e-5, 1), kind=caviar.Choice(["a", "b", "c"]), m=caviar.Linear(0, 1))


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def at_every_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process looks for what is asked of it at every turn."""
    monkeypatch.setattr("caviar.study.interventions.LOOK_EVERY", 0.0)
    monkeypatch.setattr("caviar.study.ledger.SHOW_EVERY", 0.0)
    monkeypatch.setattr("caviar.study.loop._MOMENT", 0.001)


def rows() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3)).astype(np.float32)
    return x, (x.sum(axis=1) > 0).astype(int)


def objective(trial: Any) -> float:
    for epoch in range(1, trial.last_epoch + 1):
        trial.report(epoch, -abs(float(trial.config["x"]) - 3e-3) - 0.01 / epoch)
    return -abs(float(trial.config["x"]) - 3e-3) - 0.01 / trial.last_epoch


def a_table(name: str, trials: int, threads: int) -> Request:
    given = {"space": FIRST, "trials": trials, "study": name, "seed": 3, "store": STORE, "threads": threads}
    return Request(data=rows(), preset="fast", **given)


def tuned(name: str, trials: int, **more: Any) -> Any:
    given = {"processes": 1, "epochs": 1, "progress": False, "seed": 5, "goal": "maximize", "space": X}
    return caviar.tune(objective, trials=trials, study=name, **(given | more))


def resumed(name: str, trials: int, **more: Any) -> Any:
    return caviar.resume(name, data=objective, trials=trials, progress=False, **more)


def found(name: str) -> list[Any]:
    with Store.open(STORE) as store:
        return [trial for trial in store.trials(name) if not trial.repeat]


def bits(name: str) -> list[Any]:
    with Store.open(STORE) as store:
        boxes = [(box.number, box.first_trial, box.reason) for box in store.boxes(name)]
    return [*[(t.number, t.config, t.state, t.score, t.origin, t.epochs) for t in found(name)], *boxes]


def changed_at(name: str) -> int:
    with Store.open(STORE) as store:
        [change] = store.spec(name).respaced
    assert change.tick is not None
    return change.tick


def live(name: str, space: Space, values: Any = ()) -> Callable[[], object]:
    return lambda: change_space(name, lambda now: space, values, STORE, "why not", "ada", wait=0.0)


def followed(events: Iterator[Event], act: Callable[[], object], at: int) -> None:
    """Follow ``events``, and ``act`` at the first progress of which ``at`` trials have begun."""
    done = False
    for event in events:
        if not done and isinstance(event, Progress) and event.phase == "search" and sum(event.counts.values()) >= at:
            done = True
            act()
    assert done


def test_a_table_is_respaced_while_it_runs_to_the_bits_of_one_that_rested(at_every_turn: None) -> None:
    followed(tune.follow(a_table("live", 300, 3)), live("live", SECOND, VALUES), at=5)
    first = changed_at("live")
    assert 5 <= first < 300
    for trial in found("live"):
        assert ("hidden_units" in trial.config) == (trial.number >= first)
    with Store.open(STORE) as store:
        [asked] = store.spec("live").interventions
    assert (asked.who, asked.because, asked.state) == ("ada", "why not", InterventionState.DONE)
    caviar.tune(
        rows(), space=FIRST, trials=first, study="rested", seed=3, threads=1, preset="fast", progress=False, store=STORE
    )
    done = caviar.respace("rested", SECOND, VALUES)
    assert done.first_trial == first
    for trials in (first + 40, 300):
        caviar.resume("rested", data=rows(), trials=trials, threads=1, progress=False)
    assert bits("rested") == bits("live")


def test_one_that_is_killed_after_it_took_a_change_up_is_resumed_to_the_same_bits() -> None:
    Path("run.py").write_text(f"""
import os, signal
import caviar.study.interventions, caviar.study.ledger, caviar.study.loop
from tests.study.test_respace import *
caviar.study.interventions.LOOK_EVERY = caviar.study.ledger.SHOW_EVERY = 0.0
caviar.study.loop._MOMENT = 0.001
asked = False
for event in tune.follow(a_table("killed", 300, 2)):
    if isinstance(event, Progress) and not asked and sum(event.counts.values()) >= 5:
        asked = True
        live("killed", SECOND, VALUES)()
    if isinstance(event, Progress) and asked:
        with Store.open(STORE) as store:
            changes = store.spec("killed").respaced
        if changes and sum(event.counts.values()) >= changes[0].tick + 30:
            os.kill(os.getpid(), {int(signal.SIGKILL)})
""")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent.parent)}
    assert subprocess.run([sys.executable, "run.py"], env=environment, check=False).returncode == -signal.SIGKILL
    first = changed_at("killed")
    caviar.resume("killed", data=rows(), trials=300, threads=1, progress=False)
    given = {"seed": 3, "threads": 2, "preset": "fast", "progress": False, "store": STORE}
    caviar.tune(rows(), space=FIRST, trials=first, study="whole", **given)
    assert caviar.respace("whole", SECOND, VALUES).first_trial == first
    caviar.resume("whole", data=rows(), trials=300, threads=2, progress=False)
    assert bits("killed") == bits("whole")


def test_a_function_is_respaced_while_it_runs_and_when_it_rests(at_every_turn: None) -> None:
    given = {"space": X, "trials": 24, "study": "live", "seed": 5, "processes": 1, "epochs": 3, "goal": "maximize"}
    request = ProgramRequest(objective=objective, store=STORE, **given)
    followed(tune.follow(request), live("live", WIDER, {"m": 0.5}), at=4)
    first = changed_at("live")
    tuned("rested", first, epochs=3)
    assert caviar.respace("rested", WIDER, {"m": 0.5}).first_trial == first
    resumed("rested", first + 3)
    resumed("rested", 24)
    assert bits("rested") == bits("live")
    with Store.open(STORE) as store:
        study = store.study("live")
        opened = [box for box in store.boxes("live") if box.first_trial >= first]
    assert opened[0].reason.startswith(f"the space is another from trial {first} on; ")
    assert study.space == WIDER.to_dict()
    assert [era.first_trial for era in eras_of(study)] == [0, first]
    assert [era.space.to_dict() for era in eras_of(study)] == [X.to_dict(), WIDER.to_dict()]


def test_a_chain_of_changes_leaves_the_trials_before_each_as_they_were() -> None:
    tuned("s", 5)
    before = bits("s")[:5]
    caviar.respace("s", WIDER, {"m": 0.5})
    resumed("s", 11)
    caviar.respace("s", Space(x=caviar.Log(1e-4, 0.1), kind="a", m=caviar.Linear(0.2, 0.6)))
    resumed("s", 16)
    assert bits("s")[:5] == before
    trials = found("s")
    with Store.open(STORE) as store:
        eras = eras_of(store.study("s"))
    assert [era.first_trial for era in eras] == [0, 5, 11]
    for trial in trials:
        space = [era.space for era in eras if era.first_trial <= trial.number][-1]
        assert placed(space, {}, trial.config) == (trial.config, frozenset())
    assert len(trials) == 16


def test_the_answer_lies_in_the_new_space_and_what_was_better_outside_is_said() -> None:
    tuned("s", 12, search="random")
    best = min(found("s"), key=lambda t: abs(t.config["x"] - 3e-3))
    done = caviar.respace("s", Space(x=caviar.Log(0.05, 1), kind=caviar.Choice(["a", "b"])))
    fit = [t.number for t in found("s") if t.config["x"] >= 0.05]
    assert (done.fit, done.outside) == (len(fit), 12 - len(fit))
    answer = resumed("s", 14)
    assert answer.best.config["x"] >= 0.05
    assert any(f"trial {best.number} is better" in note for note in answer.notes)
    assert [t.state for t in found("s")].count(TrialState.FINISHED) >= 1


def test_where_no_trial_fits_that_is_said_and_the_best_of_all_is_the_answer_until_one_does() -> None:
    tuned("s", 6)
    done = caviar.respace("s", Space(x=0.25, kind=caviar.Choice(["a", "b"])))
    assert done.fit == 0
    assert any("no trial so far lies in the new space: x is fixed" in note for note in done.notes)
    answer = resumed("s", 8)
    assert answer.best.config["x"] == 0.25


def test_one_that_is_left_out_counts_whatever_its_value_was_and_comes_back() -> None:
    tuned("s", 6)
    done = caviar.respace("s", Space(x=caviar.Log(1e-3, 1)))
    assert (done.fit, done.outside) == (6, 0)
    assert "left out: kind. Earlier trials count whatever value" in done.notes[0]
    resumed("s", 8)
    assert found("s")[7].config.keys() == {"x"}
    with pytest.raises(UserMistake, match="kind is new, and the search needs"):
        caviar.respace("s", X)
    assert caviar.respace("s", X, {"kind": "a"}).fit == 8
    with Store.open(STORE) as store:
        assert values_of(eras_of(store.study("s"))) == {"kind": "a"}


def test_a_wish_of_the_old_space_is_tried_in_it_and_one_of_the_new_space_in_the_new() -> None:
    tuned("s", 4)
    caviar.enqueue("s", {"x": 0.9})
    caviar.respace("s", Space(x=caviar.Log(1e-4, 0.1), kind=caviar.Choice(["a", "b"])))
    caviar.enqueue("s", {"x": 0.0002})
    with pytest.raises(UserMistake, match=r"x must be from"):
        caviar.enqueue("s", {"x": 0.9})
    resumed("s", 8)
    assert [t.config["x"] for t in found("s")[4:6]] == [0.9, 0.0002]
    resumed("s", 9)
    assert [t.origin for t in found("s")].count("enqueued") == 2


def test_a_study_that_is_asked_is_respaced_while_it_is_open_and_between(at_every_turn: None) -> None:
    def train(study: Any, n: int) -> None:
        for _ in range(n):
            for trial in study.ask():
                study.tell(trial, -abs(trial.config["x"] - 3e-3))

    with caviar.open_study("s", X, goal="maximize") as study:
        train(study, 8)
        done = change_space("s", lambda now: WIDER, {"m": 0.5}, STORE, wait=0.0)
        assert (done.is_running, done.first_trial) == (True, None)
        train(study, 8)
        study.enqueue({"x": 2e-5})
        train(study, 1)
        assert study.best.config["x"] > 0
    assert changed_at("s") == 8
    assert {("m" in t.config) for t in found("s")[8:]} == {True}
    with pytest.raises(UserMistake, match="has another space") as refused:
        caviar.open_study("s", X, goal="maximize")
    assert "caviar respace s" in refused.value.way_out
    with caviar.open_study("s", WIDER, goal="maximize") as study:
        train(study, 3)
    caviar.respace("s", X)
    with caviar.open_study("s", X, goal="maximize") as study:
        train(study, 4)
        assert study.best.config.keys() >= {"x", "kind"}
    assert {t.config.keys() == {"x", "kind"} for t in found("s")[20:]} == {True}
    assert len(found("s")) == 24


def test_a_command_takes_what_it_has_a_place_for(capsys: pytest.CaptureFixture[str]) -> None:
    Path("p.py").write_text("import sys; print('score', sys.argv[1])")
    Path("space.toml").write_text(X.to_toml())
    command = f"{sys.executable} p.py {{x}} --kind {{kind}}"
    given = ["--command", command, "--score", r"score (\S+)", "--goal", "minimize", "--space", "space.toml"]
    assert run(["tune", *given, "--trials", "3", "--study", "s", "--processes", "1", "--quiet"]) == 0
    capsys.readouterr()
    Path("wider.toml").write_text(WIDER.to_toml())
    assert run(["respace", "s", "--space", "wider.toml", "--value", "m=0.5"]) == 2
    rule, way_out = capsys.readouterr().err.splitlines()
    assert rule.endswith("the program of study 's' does not take m: its command has no place for it")
    assert "{m}" in way_out
    Path("less.toml").write_text(Space(x=caviar.Log(1e-5, 1)).to_toml())  # kind is left out of the command then
    assert run(["respace", "s", "--space", "less.toml", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["first_trial"], said["fit"], said["outside"]) == (3, 3, 0)
    assert run(["resume", "s", "--trials", "6", "--quiet"]) == 0
    assert {trial.state for trial in found("s")} <= {TrialState.FINISHED, TrialState.STOPPED}
    assert found("s")[5].config.keys() == {"x"}
    capsys.readouterr()
    assert run(["respace", "s", "x.low=1e-6", "--because", "the best lie at its end"]) == 0
    out, err = capsys.readouterr()
    assert "x widened: 1e-05 to 1 (log) before, 1e-06 to 1 (log) now" in out + err
    assert "next: caviar resume s --trials 106" in out + err
    assert run(["respace", "s", "--toml"]) == 0
    assert Space.from_toml(capsys.readouterr().out) == Space(x=caviar.Log(1e-6, 1))
    assert run(["respace", "s", "--toml", "--space", "less.toml"]) == 2  # it would be taken for a change


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"space": X}, "has this space already"),
    ({}, "there is no other space"),
    ({"space": WIDER}, "m is new, and the search needs the value that the 3 trials so far had of it"),
    ({"space": WIDER, "values": {"m": 0.5, "k": 1}}, "no hyperparameter 'k'"),
    ({"space": WIDER, "values": {"x": 0.5}}, "all of them have x"),
    ({"space": WIDER, "values": {"m": [object()]}}, "m"),
    ({"space": "nowhere.toml"}, "cannot be read"),
    ({"space": Space(x=caviar.Log(1e-5, 1)).require(lambda config: True)}, "the store keeps no functions"),
    ({"space": Space(x=caviar.Log(1e-5, 1)).require("x > 2")}, "hardly any fulfils"),
    ({"study": "t", "space": WIDER}, "no study 't'"),
]


def test_mistakes_are_refused_in_two_lines_and_nothing_is_written() -> None:
    tuned("s", 3)
    for given, said in REFUSED:
        with pytest.raises(UserMistake) as refused:
            caviar.respace(**({"study": "s"} | given))
        assert said in refused.value.rule, given
        assert refused.value.way_out
    grid = Space(**{f"x{i}": caviar.Linear(0, 1) for i in range(40)})
    tuned("g", 3, search="grid")
    with pytest.raises(UserMistake, match="too many to walk through"):
        caviar.respace("g", grid)
    caviar.tune(rows(), space=FIRST, trials=2, study="t", threads=1, preset="fast", progress=False, store=STORE)
    for space, said in ((X, "'x' is not a hyperparameter"), (Space(dropout=caviar.Linear(0, 2)), "dropout")):
        with pytest.raises(UserMistake, match=said):
            caviar.respace("t", space, {"dropout": 0.0} if "dropout" in space else None)
    with Store.open(STORE) as store:
        for name in ("s", "g", "t"):
            assert store.spec(name).interventions == ()
            assert not store.leases.living(name)


def test_ways_out_are_written_as_the_command_line_takes_them(capsys: pytest.CaptureFixture[str]) -> None:
    tuned("s", 2)
    Path("add.toml").write_text(WIDER.to_toml())
    for words, way_out in (
        (["--space", "add.toml"], "give it, --value m=0.5 say"),
        (["kind.choices=a,c"], """write 'kind.choices=["a","c"]'"""),
        (["kind.choices=[a, 2]"], """write 'kind.choices=["a",2]'"""),
        (["m"], "is --value"),
    ):
        assert run(["respace", "s", *words]) == 2
        assert way_out in capsys.readouterr().err.splitlines()[1]
    assert run(["respace", "s", 'kind.choices=["a","c"]']) == 0
    capsys.readouterr()
    assert run(["respace", "s", "--toml", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {"study": "s", "space": Space(x=X["x"], kind=caviar.Choice(["a", "c"])).to_dict()}


def test_what_asks_for_a_value_that_is_gone_is_named_and_the_way_to_leave_it_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tuned("s", 2, space=Space(kind=X["kind"], x=X["x"], m=caviar.Linear(0, 1, when={"kind": ["b"]})))
    assert run(["respace", "s", "kind.value=a"]) == 2
    rule, way_out = capsys.readouterr().err.splitlines()
    assert "when asks for a value that kind never has" in rule
    assert way_out.startswith("leave out m, or let when ask")
    assert "--toml" in way_out
    assert "--space FILE" in way_out


def test_a_resume_in_another_space_names_the_way(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserMistake, match="has no argument `space`") as refused:
        caviar.resume("s", space=X)  # type: ignore[call-arg]
    assert "caviar respace STUDY --space FILE" in refused.value.way_out
    assert run(["resume", "s", "--space", "wider.toml"]) == 2
    rule, way_out = capsys.readouterr().err.splitlines()
    assert "No such option: --space" in rule
    assert "caviar respace STUDY --space FILE" in way_out


def test_a_study_whose_search_is_over_refuses_and_one_that_was_imported_too(at_every_turn: None) -> None:
    events = tune.follow(a_table("s", 30, 1))
    for event in events:
        if isinstance(event, Progress) and event.phase != "search":
            live("s", SECOND, VALUES)()
            break
    list(events)
    with Store.open(STORE) as store:
        for asked in store.spec("s").interventions:
            assert asked.state in (InterventionState.REFUSED, InterventionState.WAITING)
        assert store.spec("s").respaced == ()
    optuna = pytest.importorskip("optuna")
    study = optuna.create_study(storage="sqlite:///optuna.db", study_name="o")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    assert run(["import", "optuna.db"]) == 0
    with pytest.raises(UserMistake, match="was imported from Optuna"):
        caviar.respace("o", WIDER)


def test_a_study_of_an_older_version_has_one_space() -> None:
    tuned("s", 2)
    with Store.open(STORE) as store:
        study = store.study("s")
    record = study.spec.to_record()
    del record["interventions"]
    assert StudySpec.from_record(record).respaced == ()
    assert [(era.first_trial, era.space.to_dict()) for era in eras_of(study)] == [(0, X.to_dict())]


def test_changes_by_the_names_of_the_space_file() -> None:
    space = Space(x=caviar.Log(1e-3, 1, tier=1), n=caviar.Integer(1, 4), **{"a.b": caviar.Choice(["p", "q"])})
    changed = with_changes(space, ["x.low=1e-5", "x.high=.5", "n.value=3", 'a.b.choices=["p", "r"]'])
    assert changed == Space(x=caviar.Log(1e-5, 0.5, tier=1), n=3, **{"a.b": caviar.Choice(["p", "r"])})
    for text, said in [
        ("x=3", "NAME.FIELD=VALUE"),
        ("x.low", "NAME.FIELD=VALUE"),
        ("y.low=3", "no hyperparameter 'y'"),
        ("x.lo=3", "x"),
        ("x.low=big", "x"),
    ]:
        with pytest.raises(UserMistake, match=said):
            with_changes(space, [text])


def test_a_change_that_comes_while_a_resume_is_replayed_begins_after_all_known_trials() -> None:
    def make(space: Space, boxes: int) -> Any:
        return search_named("random", space, 3)

    strategy = Strategy(make(X, 0), (1,), trials=20)
    for _ in range(3):
        strategy.next()
    tuned("s", 1)
    with Store.open(STORE) as store:
        study = store.study("s")
    known = [Trial(number, {}, TrialState.FINISHED) for number in range(10)]
    ledger: Any = SimpleNamespace(known_trials=lambda: known)
    changes = respacing(study, eras_of(study), make, strategy, ledger, Enqueued((), 3, ()))
    assert (strategy.begun, changes.begun()) == (3, 10)
