"""The working folder of a program, and the files of a table: kept, named where they are gone, given in a new place."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import caviar
from caviar.cli.main import main
from caviar.data import samples
from caviar.errors import ConfigError, DataError, UserMistake
from caviar.records import RunKind, RunSpec, RunState, StudyState, TrialState
from caviar.runs import loop
from caviar.store import Store
from caviar.store.runs import Runs
from caviar.study.resume import take_up
from caviar.study.spec import ProgramRequest
from caviar.study.tune import follow
from tests.runs.conftest import Pond

SPACE = caviar.Space(x=caviar.Linear(0, 1))
SPEAKS = """
import json, os, pathlib, sys
bias = float(pathlib.Path("bias").read_text())
assert os.path.samefile(os.environ["PWD"], os.getcwd())
for line in sys.stdin:
    trial = json.loads(line)
    for epoch in range(1, trial["epochs"] + 1):
        score = bias - abs(trial["config"].get("x", 0.0) - 0.7) - 1 / epoch
        print(json.dumps({"type": "epoch", "epoch": epoch, "score": score}), flush=True)
        if json.loads(sys.stdin.readline())["type"] == "stop":
            break
    print(json.dumps({"type": "done"}), flush=True)
"""
PRINTS = "import sys; print('acc=', float(open('bias').read()) - abs(float(sys.argv[1]) - 0.7), sep='')"
PYTHON = shlex.quote(sys.executable)
KINDS = {
    "speaks": {"command": f"{PYTHON} train.py"},
    "script": {"command": "./train.sh"},
    "score": {"command": f"{PYTHON} plain.py {{x}}", "score": r"acc=(-?[0-9.]+)"},
}


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with programs that need a file in it; the store is in the folder above."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "train.py").write_text(SPEAKS)
    (folder / "plain.py").write_text(PRINTS)
    (folder / "bias").write_text("1.0")
    (folder / "train.sh").write_text(f"#!/bin/sh\nexec {PYTHON} train.py\n")
    (folder / "train.sh").chmod(0o755)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "elsewhere"


def request(kind: str, store: Path, **asked: Any) -> ProgramRequest:
    given = {"space": SPACE, "trials": 6, "processes": 1, "epochs": 3, "study": "mine", "goal": "maximize"}
    return ProgramRequest(**{**given, **KINDS[kind], "store": str(store), **asked})


def trials(store: Path, study: str = "mine") -> list[tuple[Any, ...]]:
    with Store.open(str(store)) as opened:
        return [(t.number, t.config, t.state, t.epochs, t.score) for t in opened.trials(study)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_study_goes_on_from_another_folder_as_if_nobody_had_moved(
    kind: str, code: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = code.parent / "caviar.db"
    list(follow(request(kind, store, study="whole", trials=10)))
    list(follow(request(kind, store)))
    monkeypatch.chdir(elsewhere)
    list(take_up("mine", store=str(store), trials=10))
    assert trials(store) == trials(store, "whole")
    assert all(score is not None for *_, score in trials(store))


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_that_is_gone_is_named_and_given_again(kind: str, code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, moved = code.parent / "caviar.db", code.with_name("moved")
    list(follow(request(kind, store, study="whole", trials=12)))
    list(follow(request(kind, store)))
    before = trials(store)
    monkeypatch.chdir(code.parent)
    code.rename(moved)
    for wrong in (None, "nowhere", moved / "bias"):
        where = code if wrong is None else Path(wrong).absolute()
        with pytest.raises(ConfigError, match="working folder of study 'mine' is not there") as no:
            caviar.resume("mine", store=store, trials=9, folder=wrong, progress=False)
        assert f"looked for at '{where}'" in no.value.rule
        assert "`folder=DIR`" in no.value.way_out
        assert trials(store) == before
        with Store.open(str(store)) as opened:
            assert opened.study("mine").state is StudyState.FINISHED
            assert opened.study("mine").spec.program.folder == str(code)  # type: ignore[union-attr]
    caviar.resume("mine", store=store, trials=9, folder="moved", progress=False)
    caviar.resume("mine", store=store, trials=12, progress=False)  # the new place was kept
    assert trials(store) == trials(store, "whole")


def test_the_command_line_says_it_in_two_lines(
    code: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store, moved = code.parent / "caviar.db", code.with_name("moved")
    list(follow(request("speaks", store)))
    monkeypatch.chdir(code.parent)
    code.rename(moved)
    capsys.readouterr()
    assert status("resume", "mine", "--trials", "8") == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert f"looked for at '{code}'" in said[0]
    assert "--folder DIR" in said[1]
    assert status("resume", "mine", "--trials", "8", "--folder", "moved", "-q") == 0
    assert len(trials(store)) == 8


def status(*arguments: str) -> int:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", ["caviar", *arguments])
        try:
            return int(main() or 0)  # type: ignore[func-returns-value]
        except SystemExit as ending:
            return int(ending.code or 0)


def test_a_project_with_its_program_is_renamed(code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    list(follow(request("script", Path("caviar.db"))))
    monkeypatch.chdir(code.parent)
    code.rename("renamed")
    store = code.with_name("renamed") / "caviar.db"
    list(take_up("mine", store=str(store), trials=8))
    assert {state for _, _, state, *_ in trials(store)} <= {TrialState.FINISHED, TrialState.STOPPED}
    with Store.open(str(store)) as opened, opened.transactions.reading() as connection:
        assert not any(
            str(code) in str(spec) for spec in connection.exec_driver_sql("SELECT spec FROM studies").scalars()
        )


def test_the_program_is_looked_for_in_its_folder(code: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = code.parent / "caviar.db"
    list(follow(request("script", store)))
    (code / "train.sh").rename(elsewhere / "train.sh")
    monkeypatch.chdir(elsewhere)  # where there is one of the name, which is not meant
    before = trials(store)
    with pytest.raises(ConfigError, match=r"there is no program '\./train\.sh'"):
        list(take_up("mine", store=str(store), trials=8))
    assert trials(store) == before


def test_a_program_of_the_path_is_relative_to_nothing(code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:.")
    list(follow(request("script", code.parent / "caviar.db", command="train.sh")))
    monkeypatch.chdir(code.parent)
    list(take_up("mine", store="caviar.db", trials=8))
    assert all(score is not None for *_, score in trials(code.parent / "caviar.db"))


LEAVES = """
import os, pathlib, sys
score = float(open("bias").read()) - abs(float(sys.argv[1]) - 0.7)
trained = pathlib.Path("../trained")
trained.write_text(trained.read_text() + "." if trained.exists() else ".")
if trained.read_text() == "...":  # before it prints: the next trial may begin as soon as it has
    os.rename(os.getcwd(), os.getcwd() + "-away")
print("acc=", score, sep="")
"""


def test_a_folder_that_goes_away_meanwhile_ends_the_study_and_nothing_is_counted(code: Path) -> None:
    (code / "plain.py").write_text(LEAVES)
    store = code.parent / "caviar.db"
    with pytest.raises(UserMistake, match=f"could not be started: No such file or directory: '{code}'"):
        list(follow(request("score", store, trials=9)))
    assert [trial[4] is not None for trial in trials(store)] == [True] * 3 + [False] * (len(trials(store)) - 3)
    assert TrialState.FAILED not in {state for _, _, state, *_ in trials(store)}
    code.with_name("code-away").rename(code)
    list(take_up("mine", store=str(store)))
    list(follow(request("score", store, trials=9, study="whole")))
    assert trials(store) == trials(store, "whole")


def test_a_study_of_an_earlier_version_has_no_folder(code: Path, elsewhere: Path) -> None:
    store = code.parent / "caviar.db"
    list(follow(request("speaks", store)))
    with Store.open(str(store)) as opened, opened.transactions.writing() as connection:
        connection.exec_driver_sql("UPDATE studies SET spec = json_remove(spec, '$.program.folder')")
    list(take_up("mine", store=str(store), trials=8))
    with Store.open(str(store)) as opened:
        program = opened.study("mine").spec.program
        assert program is not None
        assert program.folder is None
    list(take_up("mine", store=str(store), trials=9, folder=str(code)))
    with Store.open(str(store)) as opened:
        program = opened.study("mine").spec.program
        assert program is not None
        assert program.folder == str(code)


def begun(store: str, **spec: Any) -> None:
    """A run of the program in this folder, interrupted after three epochs."""
    asked: list[int] = []

    def events() -> Any:
        given = RunSpec(kind=RunKind.PROGRAM, command="./train.sh", epochs=6, **spec)
        for event in loop.begin(given, {"x": 0.5}, name="net", store=store, ended=lambda: bool(asked)):
            if isinstance(event, loop.EpochDone) and event.measurement.clock.epoch == 3:
                asked.append(1)
            yield event

    with pytest.raises(KeyboardInterrupt):
        Pond.follow(events())


def test_a_run_goes_on_from_another_folder_and_in_a_new_one(
    code: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, moved = str(code.parent / "caviar.db"), code.with_name("moved")
    begun(store)
    monkeypatch.chdir(elsewhere)
    code.rename(moved)
    with pytest.raises(ConfigError, match=f"(?s)of run 'net' is not there: looked for at '{code}'.*`folder=DIR`"):
        Pond.follow(loop.resume("net", store))
    with pytest.raises(ConfigError, match="run 'net' is of a program, and `data` is for tables"):
        Pond.follow(loop.resume("net", store, data="x.csv"))
    with Store.open(store) as opened:
        assert Runs(opened).run("net").state is RunState.INTERRUPTED
    assert Pond.follow(loop.resume("net", store, folder=str(moved))).summary["epochs"] == 6
    with Store.open(store) as opened:
        assert Runs(opened).run("net").spec.folder == str(moved)


@pytest.mark.parametrize("given", ["data", "labels", "test", "test_labels"])
def test_each_file_of_a_study_is_named_and_given_again(given: str, tmp_path: Path) -> None:
    store, digits = tmp_path / "caviar.db", np.random.default_rng(0).normal(size=(120, 3)).astype(np.float32)
    answer = (digits.sum(axis=1) > 0).astype(np.int64)
    files = {name: tmp_path / "data" / f"{name}.npy" for name in ("data", "labels", "test", "test_labels")}
    (tmp_path / "data").mkdir()
    for name, path in files.items():
        rows = slice(80, None) if name.startswith("test") else slice(80)
        np.save(path, (answer if name.endswith("labels") else digits)[rows])
    named = {name: path for name, path in files.items() if name != "data"}
    caviar.tune(files["data"], trials=4, preset="fast", study="mine", store=store, progress=False, **named)
    moved = tmp_path / f"moved-{given}.npy"
    files[given].rename(moved)
    with pytest.raises(DataError, match=f"is not there: looked for at '{files[given]}'") as refused:
        caviar.resume("mine", store=store, trials=6, progress=False)
    assert f"`{given}=FILE`" in refused.value.way_out
    caviar.resume("mine", store=store, trials=6, progress=False, **{given: moved})
    caviar.resume("mine", store=store, trials=7, progress=False)  # the new place was kept
    with Store.open(str(store)) as opened:
        assert getattr(opened.study("mine").spec.table, given) == str(moved)


def test_a_folder_is_for_programs_alone(code: Path) -> None:
    samples.write_csv(samples.wine(), Path("wine.csv"))
    caviar.tune("wine.csv", samples.wine().target_name, trials=2, study="wines", progress=False)
    with pytest.raises(ConfigError, match="study 'wines' is of a table, and `folder` is for programs"):
        caviar.resume("wines", trials=4, folder=".", progress=False)

    def objective(trial: Any) -> float:
        return float(trial.config["x"])

    caviar.tune(objective, SPACE, trials=2, study="function", epochs=1, processes=1, progress=False)
    with pytest.raises(ConfigError, match="study 'function' is of a function, and `folder` is for programs"):
        caviar.resume("function", trials=4, data=objective, folder=".", progress=False)
    for name in ("labels", "test_labels"):
        with pytest.raises(ConfigError, match=f"`{name}` is for tables"):
            caviar.resume("function", trials=4, data=objective, progress=False, **{name: "x.npy"})
