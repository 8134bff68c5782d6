"""Hostile values for every option of every command, and every argument of every public function.

Whatever is given, the answer is one, or a refusal in words: never a traceback, and never ten seconds of work to refuse.
The gate tries a few values for each, chosen by a seed; `make faults` tries them all.
"""

from __future__ import annotations

import inspect
import math
import os
import random
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

import caviar
from caviar.cli.main import COMMANDS, application, run
from caviar.errors import CaviarError
from caviar.study.options import ProgramOptions, ResumeOptions, TableOptions

EACH = 3  # values for an option, in the gate
LONGEST = 10.0  # seconds of processor time to refuse a value

pytestmark = pytest.mark.filterwarnings("ignore")

TEXTS = (
    "",
    " ",
    "-",
    "--",
    "nan",
    "-inf",
    "1e308",
    "-1",
    "0",
    "2.5",
    "9" * 400,
    "٣",
    "None",
    "true",
    ".",
    "..",
    "/",
    "/dev/zero",
    "/dev/null",
    "/proc/nowhere/at/all",
    "../" * 40 + "etc/passwd",
    "x" * 300,
    "x" * 100_000,
    "\x1b[2Jred",
    "\u202eright to left",
    "\ud800",
    "two\nlines",
    "nul\0",
    "[" * 2000,
    "{}",
    "=1+1",
    "'; drop table studies; --",
    "%s%n{0}{x}",
    "[bold]x[/]",
    "a=b=c",
    "a=nan",
    "*",
    "(",
    "sqlite://",
    "postgresql://nobody:secret@127.0.0.1:1/none",
    "mysql://x/y",
    "a,b",
)


class Unwilling:
    """An object with which nothing can be done."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    __str__ = __repr__


def circular() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


OBJECTS: tuple[Callable[[], Any], ...] = (
    lambda: None,
    lambda: True,
    lambda: -1,
    lambda: 0,
    lambda: 2.5,
    lambda: math.nan,
    lambda: -math.inf,
    lambda: 10**400,
    lambda: 1e308,
    lambda: 1j,
    lambda: Decimal("NaN"),
    lambda: np.float32("nan"),
    lambda: np.int64(-1),
    lambda: np.array([]),
    lambda: np.array([[1, 2], [3, 4]], dtype=object),
    lambda: np.datetime64("NaT"),
    lambda: "",
    lambda: "5",
    lambda: "nul\0",
    lambda: "\ud800",
    lambda: "x" * 100_000,
    lambda: "/dev/zero",
    lambda: "/nowhere",
    lambda: b"bytes",
    lambda: Path("."),
    lambda: [],
    lambda: [[1], [1, 2]],
    lambda: circular(),
    lambda: (),
    lambda: {},
    lambda: {"a": object()},
    lambda: {1: 2},
    lambda: {math.nan},
    lambda: iter(()),
    lambda: object(),
    lambda: Unwilling(),
    lambda: int,
    lambda: len,
    lambda: lambda: None,
    lambda: sys,
    lambda: NotImplemented,
    lambda: slice(3),
)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """The processor time of what is done, not the wall's: other work on the machine must not fail a test."""
    began = time.process_time()
    yield
    assert time.process_time() - began < seconds


SPACE = 'learning_rate = "log 0.001 to 0.1"\n'
PROGRAM = """
import sys
for epoch in range(1, 4):
    print("score", 1 / epoch, flush=True)
"""


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table, a finished study, a run, a model, a space and a program."""
    folder = tmp_path_factory.mktemp("furnished")
    here = os.getcwd()
    os.chdir(folder)
    try:
        rows = np.random.Generator(np.random.Philox(1)).normal(size=(120, 3))
        lines = [f"{a:.3f},{b:.3f},{c:.3f},{'yes' if a + b > 0 else 'no'}" for a, b, c in rows]
        Path("t.csv").write_text("a,b,c,y\n" + "\n".join(lines) + "\n")
        Path("space.toml").write_text(SPACE)
        Path("program.py").write_text(PROGRAM)
        caviar.tune("t.csv", "y", trials=2, threads=1, study="s", out="m.caviar", progress=False)
        assert run(["babysit", "t.csv", "--target", "y", "--epochs", "2", "--name", "r", "--quiet"]) == 0
    finally:
        os.chdir(here)
    return folder


@pytest.fixture
def workplace(furnished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in which a test may do what it likes."""
    place = tmp_path / "workplace"
    shutil.copytree(furnished, place)
    monkeypatch.chdir(place)
    return place


BASE = {
    "demo": "--seconds 1 --data iris",
    "tune": "t.csv --target y --trials 1 --threads 1 --study fresh",
    "resume": "s --trials 3 --threads 1",
    "enqueue": "s learning_rate=0.01",
    "respace": "s learning_rate.low=0.0001",
    "work": "s",
    "predict": "m.caviar t.csv",
    "extend": "s --trials 1",
    "drift": "m.caviar t.csv",
    "retest": "s --trials 1 --threads 1",
    "retests": "s",
    "dashboard": "--store none.db --no-browser",  # one that it finds it would serve for ever
    "show": "s",
    "explain": "s",
    "studies": "",
    "trials": "s",
    "doctor": "",
    "export": "s",
    "frameworks": "none-of-these",
    "import": "optuna.db",
    "delete": "s",
    "client": "python",
    "space": "space.toml",
    "plan": "t.csv --target y --seconds 1 --threads 1",
    "lr-find": "t.csv --target y --steps 5",
    "babysit": "t.csv --target y --epochs 1",
    "turn": "r learning_rate=0.1",
    "pause": "r",
    "snapshot": "r",
    "rollback": "r --to 1",
    "branch": "r --epochs 1",
    "stop": "r",
    "watch": "r --once",
    "tree": "r",
    "diary": "r",
    "replay": "r",
}


def options_of(command: str) -> list[Any]:
    found = typer.main.get_command(application(command)).commands[command]  # type: ignore[attr-defined]
    return [each for each in found.params if each.name != "help"]


def lines_of(command: str) -> Iterator[tuple[str, list[str]]]:
    """Each command line that is tried: of its base, with one option or one word replaced by a hostile value."""
    base = BASE[command].split()
    for place, word in enumerate(base):
        if place == 0 or not (word.startswith("--") or base[place - 1].startswith("--")):
            for text in TEXTS:
                yield f"word {place}", [*base[:place], text, *base[place + 1 :]]
    for option in options_of(command):
        if option.param_type_name != "option" or option.is_flag:
            continue
        name = max(option.opts, key=len)
        kept = list(base)
        if name in kept:
            del kept[kept.index(name) : kept.index(name) + 2]
        for text in TEXTS:
            yield name, [*kept, name, text]


RAW = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


def check_line(command: str, words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    with within(LONGEST):
        status = run([command, *words])
    out, err = capfd.readouterr()
    shown = [word[:80] for word in words]
    assert status in (0, 1, 2), (status, shown)
    assert "Traceback" not in err, (shown, err)
    assert not RAW.search(err + out), (shown, err)
    if status == 2:
        lines = err.splitlines()
        assert len(lines) >= 2, (shown, err)
        assert len(err) < 3000, (shown, len(err))


def objective(trial: Any) -> float:
    trial.report(1, 0.5)
    return 0.5


X, Y = np.random.Generator(np.random.Philox(2)).normal(size=(60, 2)), np.arange(60) % 2


def the_space() -> caviar.Space:
    return caviar.Space(learning_rate=caviar.Log(1e-3, 0.1))


def in_a_run(method: str) -> Callable[..., Any]:
    def call(**given: Any) -> Any:
        with caviar.babysit.run("own", {"learning_rate": 0.1}) as opened:
            return getattr(opened, method)(**given)

    return call


def in_a_study(method: str) -> Callable[..., Any]:
    def call(**given: Any) -> Any:
        with caviar.open_study("asked", the_space()) as opened:
            opened.ask(2)
            return getattr(opened, method)(**given)

    return call


def of_a_model(method: str) -> Callable[..., Any]:
    return lambda **given: getattr(caviar.load("m.caviar"), method)(**given)


def of_a_space(method: str) -> Callable[..., Any]:
    return lambda **given: getattr(the_space(), method)(**given)


def of_options(options: type) -> dict[str, Any]:
    return {field.name: None for field in fields(options)}


TABLE = {"data": "t.csv", "target": "y", "trials": 1, "threads": 1, "progress": False}
PROGRAM_OF_OURS = {"data": objective, "space": the_space(), "trials": 1, "processes": 1, "progress": False}
CALLS: dict[str, tuple[Callable[..., Any], dict[str, Any], tuple[str, ...]]] = {
    # the call, arguments that are right, and further ones that it takes
    "tune a table": (
        caviar.tune,
        TABLE,
        ("seconds", "seed", "metric", "space", "study", "store", "options", *of_options(TableOptions)),
    ),
    "tune a function": (
        caviar.tune,
        PROGRAM_OF_OURS,
        ("seconds", "seed", "goal", "epochs", "study", "store", "options", *of_options(ProgramOptions)),
    ),
    "resume": (
        caviar.resume,
        {"study": "s", "trials": 3, "threads": 1, "progress": False},
        ("store", "seconds", "data", "test", "processes", "out", "options", *of_options(ResumeOptions)),
    ),
    "retest": (
        caviar.retest,
        {"study": "s", "trials": 1, "threads": 1, "progress": False},
        ("data", "test", "seconds", "seed", "name", "store", "out"),
    ),
    "enqueue": (caviar.enqueue, {"study": "s", "config": {"learning_rate": 0.01}}, ("store",)),
    "respace": (
        caviar.respace,
        {"study": "s", "space": caviar.Space(learning_rate=caviar.Log(1e-4, 0.1))},
        ("values", "store"),
    ),
    "train": (
        caviar.train,
        {"x": X, "y": Y, "config": {"learning_rate": 0.01}, "epochs": 1},
        ("seed", "validation", "patience", "engine"),
    ),
    "open_study": (
        caviar.open_study,
        {"name": "asked", "space": the_space()},
        tuple(inspect.signature(caviar.open_study).parameters)[2:],
    ),
    "babysit.run": (
        caviar.babysit.run,
        {"name": "own", "knobs": {"learning_rate": 0.1}},
        ("store", "nurse", "snapshot_seconds", "disk_bytes", "store_patience"),
    ),
    "load": (caviar.load, {"path": "m.caviar"}, ()),
    "Space": (lambda **given: caviar.Space(**given), {"learning_rate": caviar.Log(1e-3, 0.1)}, ("units",)),
    "default_space": (caviar.default_space, {}, ()),
    **{
        scale.__name__: (
            scale,
            {"low": 1, "high": 8} if scale is not caviar.OneMinusLog else {"low": 0.5, "high": 0.9},
            (),
        )
        for scale in (caviar.Linear, caviar.Log, caviar.OneMinusLog, caviar.Integer, caviar.PowerOfTwo)
    },
    "ask": (in_a_study("ask"), {"n": 1}, ()),
    "report": (in_a_study("report"), {"trial": 1, "epoch": 1, "value": 0.5}, ()),
    "tell": (in_a_study("tell"), {"trial": 1, "value": 0.5}, ()),
    "set": (in_a_study("set"), {"trial": 1, "name": "a", "value": 0.5}, ()),
    "study.enqueue": (in_a_study("enqueue"), {"config": {"learning_rate": 0.01}}, ()),
    "study.folder": (in_a_study("folder"), {"trial": 1}, ()),
    "predict": (of_a_model("predict"), {"data": "t.csv"}, ()),
    "predict_proba": (of_a_model("predict_proba"), {"data": "t.csv"}, ()),
    "save": (of_a_model("save"), {"path": "again.caviar"}, ()),
}


OF_THE_USER = ("data", "after_trial", "constraints")  # functions of theirs may raise what they like


def calls_of(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each call that is tried: with one argument replaced by a hostile object."""
    _, right, further = CALLS[name]
    for argument in (*right, *further):
        for make in OBJECTS:
            value = make()
            if not (callable(value) and argument in OF_THE_USER) and not (value is None and argument == "trials"):
                yield argument, {**right, argument: value}


def check_call(name: str, given: dict[str, Any]) -> None:
    refusal = None
    with within(LONGEST):
        try:
            CALLS[name][0](**given)
        except CaviarError as error:
            refusal = error
    if refusal is not None:
        assert refusal.rule
        assert refusal.way_out
        assert len(str(refusal)) < 3000


def some(tried: Iterator[tuple[str, Any]], seed: str, each: int) -> list[Any]:
    """``each`` of those that are tried with every name."""
    found: dict[str, list[Any]] = {}
    for name, one in tried:
        found.setdefault(name, []).append(one)
    chance = random.Random(seed)
    return [one for of in found.values() for one in chance.sample(of, min(each, len(of)))]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_few_for_each_command(command: str, workplace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for words in some(lines_of(command), command, EACH):
        check_line(command, words, capfd)


@pytest.mark.parametrize("name", CALLS)
def test_a_few_for_each_call(name: str, workplace: Path) -> None:
    for given in some(calls_of(name), name, EACH):
        check_call(name, given)


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_all_of_each_command(command: str, workplace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for _, words in lines_of(command):
        check_line(command, words, capfd)


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_all_of_each_call(name: str, workplace: Path) -> None:
    for _, given in calls_of(name):
        check_call(name, given)
