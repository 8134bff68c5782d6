"""The names of arguments in an error, as Python and as the command line write them."""

from __future__ import annotations

import pytest
import typer

import caviar
from caviar.cli.errors import in_options
from caviar.cli.main import application, run


def parameters_of(name: str):
    return {p.name: p for p in typer.main.get_command(application(name)).commands[name].params}


@pytest.mark.parametrize(
    ("command", "python", "shell"),
    [
        ("tune", "`seconds` must be above 0, got -1", "--seconds must be above 0, got -1"),
        ("tune", "give it some: `seconds=60`", "give it some: --seconds 60"),
        ("tune", 'use `task="regression"`, or `test_labels`', "use --task regression, or --test-labels"),
        ("tune", 'use `study="my study"`', "use --study 'my study'"),
        ("tune", "use `gpus=[0, 1]`", "use --gpus 0,1"),
        ("tune", "use `balance=True`", "use --balance"),
        ("tune", 'use `keep=["a b", "id"]`, or `ignore=...`', "use --keep 'a b' --keep id, or --ignore ..."),
        ("tune", '`text="zip"`', "--text zip"),
        ("tune", "`data` is for tables", "DATA is for tables"),
        ("tune", 'try `data="flowers.csv"`', "try flowers.csv"),
        ("tune", "`command=LINE`, `store=...`", "--command LINE, --store ..."),
        ("babysit", "leave out `mapped`, or `mapped=False`", "leave out --mapped, or --in-memory"),
        ("babysit", '`from_study="wine"`', "--from wine"),
        ("respace", "give it, `values={'mom': 0.5}` say", "give it, --value mom=0.5 say"),
        ("respace", "`values={'on': True, 'a.b': 'x y'}`", "--value on=true --value 'a.b=x y'"),
        (
            "tune",
            "`knobs` and `from_study=3` are of no such command",
            "`knobs` and `from_study=3` are of no such command",
        ),
        ("tune", "make one with `caviar tune`, or `a == b`", "make one with `caviar tune`, or `a == b`"),
        ("tune", "a lone ` is none, and `` neither", "a lone ` is none, and `` neither"),
    ],
)
def test_an_argument_becomes_the_option_of_the_command(command, python, shell):
    assert in_options(python, parameters_of(command)) == shell


def test_without_a_command_nothing_changes():
    assert in_options("`seconds` must be above 0", {}) == "`seconds` must be above 0"


TABLE = "x,y\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(40))
SPACE = caviar.Space(x=caviar.Linear(0, 1))


def objective(trial):
    trial.report(1, trial.config["x"])


OF_A_TABLE = ["tune", "t.csv", "--target", "y"]
OF_A_PROGRAM = ["tune", "--command", "echo 1", "--space", "s.toml"]
VOICES = {
    "seconds": (lambda: caviar.tune("t.csv", "y", seconds=-1), [*OF_A_TABLE, "--seconds", "-1"], "--seconds 60"),
    "trials": (lambda: caviar.tune("t.csv", "y", trials=0), [*OF_A_TABLE, "--trials", "0"], "--trials 500"),
    "seed": (lambda: caviar.tune("t.csv", "y", seed=-1), [*OF_A_TABLE, "--seed", "-1"], "--seed 0"),
    "target": (lambda: caviar.tune("t.csv"), ["tune", "t.csv"], "--target ..."),
    "task": (lambda: caviar.tune("t.csv", "y", metric="r2"), [*OF_A_TABLE, "--metric", "r2"], "--task"),
    "study": (lambda: caviar.tune("t.csv", "y", study="../x"), [*OF_A_TABLE, "--study", "../x"], "--study"),
    "out": (
        lambda: caviar.tune("t.csv", "y", trials=2, out="t.csv"),
        [*OF_A_TABLE, "--trials", "2", "--out", "t.csv"],
        "--out",
    ),
    "epochs": (lambda: caviar.tune(objective, SPACE, epochs=0), [*OF_A_PROGRAM, "--epochs", "0"], "--epochs 27"),
    "repeats": (lambda: caviar.tune(objective, SPACE, repeats=-1), [*OF_A_PROGRAM, "--repeats", "-1"], "--repeats 3"),
    "goal": (lambda: caviar.tune(objective, SPACE, goal="up"), [*OF_A_PROGRAM, "--goal", "up"], "--goal minimize"),
    "trial_timeout": (
        lambda: caviar.tune(objective, SPACE, trial_timeout=0),
        [*OF_A_PROGRAM, "--trial-timeout", "0"],
        "--trial-timeout 600",
    ),
    "space": (lambda: caviar.tune(objective, None), ["tune", "--command", "echo 1"], "--space"),
    "threads": (lambda: caviar.tune(objective, SPACE, threads=2), [*OF_A_PROGRAM, "--threads", "2"], "--processes 2"),
    "processes": (lambda: caviar.tune("t.csv", "y", processes=2), [*OF_A_TABLE, "--processes", "2"], "--threads 2"),
}


@pytest.mark.parametrize("argument", VOICES)
def test_an_error_names_the_argument_in_python_and_the_option_on_the_command_line(
    argument, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text(TABLE)
    (tmp_path / "s.toml").write_text('[x]\nscale = "linear"\nlow = 0.0\nhigh = 1.0\n')
    call, command, option = VOICES[argument]
    with pytest.raises(caviar.UserMistake) as mistake:
        call()
    said = str(mistake.value)
    assert f"`{argument}" in said
    assert "--" not in said
    assert len(said.splitlines()) == 2
    assert run(command) == 2
    shown = capsys.readouterr().err
    assert option in shown
    assert "`" not in shown
    assert len(shown.splitlines()) == 2
