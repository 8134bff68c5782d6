"""A wrong argument of a public call is a mistake in two lines."""

from __future__ import annotations

import inspect
import os

import numpy as np
import pytest

import caviar
from caviar.api import tune_program, tune_table
from caviar.errors import CaviarError

SPACE = caviar.Space(x=caviar.Linear(0, 1))


def objective(trial):
    trial.report(1, trial.config["x"])


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


WRONG = {
    "threads for a function": (
        lambda: caviar.tune(objective, SPACE, threads=2),
        "`threads` is for tables, and code of your own trains in processes, on its own data",
        "use `processes=2`",
    ),
    "an option of tables for a function": (
        lambda: caviar.tune(objective, SPACE, ensemble=True),
        "`ensemble` is for tables, and code of your own trains in processes, on its own data",
        "leave out `ensemble`",
    ),
    "processes for a table": (
        lambda: caviar.tune("flowers.csv", "species", processes=2),
        "`processes` is for code of your own, and caviar itself trains the networks of a table",
        "use `threads=2`",
    ),
    "a goal for a table": (
        lambda: caviar.tune("flowers.csv", "species", goal="minimize"),
        "`goal` is for code of your own, and caviar itself trains the networks of a table",
        "a metric has a direction of its own: choose one with `metric`",
    ),
    "a misspelt argument": (
        lambda: caviar.tune("flowers.csv", "species", secconds=3),
        "caviar.tune has no argument `secconds`",
        "did you mean `seconds`?",
    ),
    "Optuna's name": (
        lambda: caviar.tune(objective, SPACE, n_trials=9),
        "caviar.tune has no argument `n_trials`",
        "did you mean `trials`?",
    ),
    "another of Optuna's": (
        lambda: caviar.tune(objective, SPACE, direction="minimize"),
        "caviar.tune has no argument `direction`",
        "did you mean `goal`?",
    ),
    "the options of the other kind": (
        lambda: caviar.tune(objective, SPACE, options=caviar.TableOptions()),
        "the `options` of a function must be a caviar.ProgramOptions, got TableOptions",
        "write `options=caviar.ProgramOptions(...)`",
    ),
    "two arrays": (
        lambda: caviar.tune(np.ones((9, 2)), np.ones(9)),
        "`target` must be the name of a column, got ndarray",
        "give arrays as a pair: `data=(x, y)`",
    ),
    "a target beside a space": (
        lambda: caviar.tune(objective, "species", space=SPACE),
        "`target` is for tables, and code of your own trains in processes, on its own data",
        "leave out `target`",
    ),
    "a dictionary for a space": (
        lambda: caviar.tune(objective, {"lr": (0, 1)}),
        "`space` must be a caviar.Space or the path of a space file, got dict",
        "write caviar.Space(learning_rate=caviar.Log(1e-4, 1))",
    ),
    "of train": (
        lambda: caviar.train(np.ones((4, 2)), np.arange(4), {}, epoch=3),
        "caviar.train has no argument `epoch`",
        "did you mean `epochs`?",
    ),
    "of resume": (
        lambda: caviar.resume("flowers", timeout=3),
        "caviar.resume has no argument `timeout`",
        "did you mean `seconds`?",
    ),
    "of open_study": (
        lambda: caviar.open_study("nets", SPACE, sampler="random"),
        "caviar.open_study has no argument `sampler`",
        "did you mean `search`?",
    ),
    "of babysit.run": (
        lambda: caviar.babysit.run("net", knob={}),
        "caviar.babysit.run has no argument `knob`",
        "did you mean `knobs`?",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_argument_is_named_with_the_right_one_and_nothing_is_written(wrong: str):
    call, rule, way_out = WRONG[wrong]
    with pytest.raises(CaviarError) as mistake:
        call()
    assert (mistake.value.rule, mistake.value.way_out) == (rule, way_out)
    assert os.listdir() == []


@pytest.mark.parametrize(
    "call",
    [tune_table, tune_program, caviar.resume, caviar.train, caviar.open_study, caviar.babysit.run],
    ids=lambda call: call.__name__,
)
def test_a_signature_has_names_and_at_most_twelve_of_them(call):
    parameters = inspect.signature(call).parameters.values()
    assert len(parameters) <= 12
    assert not any(p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in parameters)
    assert call.__doc__


def test_a_field_of_the_options_can_be_an_argument_of_the_call():
    in_options = caviar.ProgramOptions(search="random", stopping="none")
    arguments = {"trials": 4, "processes": 1, "epochs": 1, "progress": False}
    one = caviar.tune(objective, SPACE, options=in_options, **arguments)
    other = caviar.tune(objective, SPACE, search="random", stopping="none", **arguments)
    both = caviar.tune(objective, SPACE, options=caviar.ProgramOptions(stopping="none"), search="random", **arguments)
    assert one.best == other.best == both.best
    assert [study.name for study in (one, other, both)] == ["objective", "objective-2", "objective-3"]


def test_a_name_that_is_given_must_be_free():
    arguments = {"trials": 2, "processes": 1, "epochs": 1, "progress": False, "study": "mine"}
    caviar.tune(objective, SPACE, **arguments)
    with pytest.raises(caviar.StoreError, match="a study 'mine' already"):
        caviar.tune(objective, SPACE, **arguments)
