"""A wrong argument of a public call is a mistake in two lines."""

from __future__ import annotations

import copy
import inspect
import os
import pickle
import re

import numpy as np
import pytest

import caviar
from caviar import other_tuners
from caviar.api import names_of, tune_program, tune_table
from caviar.arguments import check_kinds, kind_of
from caviar.cli.main import run
from caviar.errors import CaviarError, ConfigError

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
        lambda: caviar.tune(objective, SPACE, preset="best"),
        "`preset` is for tables, and code of your own trains in processes, on its own data",
        "leave out `preset`",
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
        "write caviar.Space(lr=caviar.Linear(0, 1))",
    ),
    "a dictionary of Ray's and W&B's kinds": (
        lambda: caviar.tune(
            objective,
            {
                "lr": {"distribution": "log_uniform_values", "min": 1e-4, "max": 0.1},
                "units": (16, 256),
                "optimizer": ["adam", "sgd"],
                "layers": {"values": [1, 2, 3, 4]},
            },
        ),
        "`space` must be a caviar.Space or the path of a space file, got dict",
        "write caviar.Space(lr=caviar.Log(0.0001, 0.1), units=caviar.Integer(16, 256), "
        "optimizer=caviar.Choice(['adam', 'sgd']), layers=caviar.Choice([1, 2, 3, ...]))",
    ),
    "the dictionary of a space": (
        lambda: caviar.tune(objective, {"lr": {"scale": "log", "low": 1e-4, "high": 0.1}}),
        "`space` must be a caviar.Space or the path of a space file, got dict",
        "write caviar.Space.from_dict(...)",
    ),
    "a dictionary for the space of open_study": (
        lambda: caviar.open_study("nets", {"lr": (1e-4, 0.1)}),
        "`space` must be a caviar.Space or the path of a space file, got dict",
        "write caviar.Space(lr=caviar.Log(0.0001, 0.1))",
    ),
    "nothing at all": (
        lambda: caviar.tune(),
        "there is nothing to tune: neither data nor a function",
        'caviar.tune("flowers.csv", target="species"), or caviar.tune(objective, space)',
    ),
    "scikit-learn's X and y": (
        lambda: caviar.tune(X=np.ones((9, 2)), y=np.ones(9)),
        "caviar.tune has no argument `X`",
        "arrays are one argument, a pair: caviar.tune((X, y))",
    ),
    "a third without a name": (
        lambda: caviar.tune(objective, SPACE, 9),
        "caviar.tune takes two arguments without a name, got 3",
        "name the others, `trials=100`; arrays are one argument, a pair: caviar.tune((X, y))",
    ),
    "Keras Tuner's objective": (
        lambda: caviar.tune(objective, SPACE, objective="val_loss"),
        "caviar.tune has no argument `objective`",
        "the function is the first argument: caviar.tune(objective, space). Of its score: "
        'a loss: `goal="minimize"`; a score, the larger the better: `goal="maximize"`',
    ),
    "Ray's mode": (
        lambda: caviar.tune(objective, SPACE, mode="min"),
        "caviar.tune has no argument `mode`",
        'a loss: `goal="minimize"`; a score, the larger the better: `goal="maximize"`',
    ),
    "n_jobs of a table": (
        lambda: caviar.tune("flowers.csv", "species", n_jobs=4),
        "caviar.tune has no argument `n_jobs`",
        "did you mean `threads`?",
    ),
    "n_jobs of a function": (
        lambda: caviar.tune(objective, SPACE, n_jobs=4),
        "caviar.tune has no argument `n_jobs`",
        "did you mean `processes`?",
    ),
    "Hyperopt's trials": (
        lambda: caviar.tune(objective, SPACE, trials=object),
        "`trials` must be a whole number, got <class 'object'>",
        "write one: `trials=500`, or leave it out",
    ),
    "a fraction of a trial": (
        lambda: caviar.tune(objective, SPACE, trials=9.5),
        "`trials` must be a whole number, got 9.5",
        "write one: `trials=500`, or leave it out",
    ),
    "text for seconds": (
        lambda: caviar.tune("flowers.csv", "species", seconds="60"),
        "`seconds` must be a number, got '60'",
        "leave out the quotes: `seconds=60`, or leave it out",
    ),
    "no seed": (
        lambda: caviar.tune(objective, SPACE, trials=9, seed=None),
        "`seed` must be a whole number, got None",
        "write one: `seed=0`",
    ),
    "Optuna's direction of open_study": (
        lambda: caviar.open_study("nets", SPACE, direction="minimize"),
        "caviar.open_study has no argument `direction`",
        "did you mean `goal`?",
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
    "a word for seconds": (
        lambda: caviar.resume("flowers", seconds="a minute"),
        "`seconds` must be a number, got 'a minute'",
        "write one: `seconds=60`, or leave it out",
    ),
    "a boolean for trials": (
        lambda: caviar.tune("flowers.csv", "species", trials=True),
        "`trials` must be a whole number, got True",
        "write one: `trials=500`, or leave it out",
    ),
    "trials with a point": (
        lambda: caviar.resume("flowers", trials=100.0),
        "`trials` must be a whole number, got 100.0",
        "write `trials=100`, or leave it out",
    ),
    "text for a switch": (
        lambda: caviar.tune("flowers.csv", "species", balance="no"),
        "`balance` must be True or False, got 'no'",
        "write `balance=True` or `balance=False`",
    ),
    "text in options": (
        lambda: caviar.tune(objective, SPACE, options=caviar.ProgramOptions(trial_timeout="9")),
        "`trial_timeout` must be a number, got '9'",
        "leave out the quotes: `trial_timeout=9`, or leave it out",
    ),
    "a number for a path": (
        lambda: caviar.resume("flowers", store=5),
        "`store` must be a path, got 5",
        'write `store="..."`',
    ),
    "a study for its name": (
        lambda: caviar.resume(SPACE),
        f"`study` must be text, got {' '.join(repr(SPACE).split()):.60}",
        'write `study="..."`',
    ),
    "text for epochs": (
        lambda: caviar.train(np.ones((4, 2)), np.arange(4), {}, epochs="3"),
        "`epochs` must be a whole number, got '3'",
        "leave out the quotes: `epochs=3`",
    ),
    "no epochs": (
        lambda: caviar.train(np.ones((4, 2)), np.arange(4), {}),
        "caviar.train needs `epochs`",
        "give it: `epochs=...`",
    ),
    "too many without a name": (
        lambda: caviar.resume("flowers", 60),
        "caviar.resume takes 1 argument without a name, got 2",
        "name the others: `store=...`, `seconds=...`",
    ),
    "one argument twice": (
        lambda: caviar.open_study("nets", SPACE, name="nets"),
        "caviar.open_study got `name` twice",
        "give it once, by name or in its place",
    ),
    "text for the seed of open_study": (
        lambda: caviar.open_study("nets", SPACE, seed="1"),
        "`seed` must be a whole number, got '1'",
        "leave out the quotes: `seed=1`",
    ),
    "text for the seconds of babysit.run": (
        lambda: caviar.babysit.run("net", snapshot_seconds="60"),
        "`snapshot_seconds` must be a number, got '60'",
        "leave out the quotes: `snapshot_seconds=60`",
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


@pytest.mark.parametrize("name", other_tuners.ARGUMENTS)
def test_every_name_of_another_tuner_leads_to_one_of_ours(name: str):
    ours = other_tuners.ARGUMENTS[name]
    known = {kind: names_of(kind) for kind in ("table", "function")}
    of_study = (caviar.OpenStudy.ask, caviar.OpenStudy.report, caviar.OpenStudy.tell)
    calls = (*of_study, caviar.open_study, caviar.resume, caviar.train, caviar.babysit.run)
    known |= {call.__name__: set(inspect.signature(call).parameters) for call in calls}
    for names in known.values():
        assert name not in names or not set(ours) & set(names), "the name is ours"
    assert all(any(each in names for names in known.values()) for each in ours)


SAID = [hint for kind in other_tuners.ATTRIBUTES.values() for hint in kind.values()]


@pytest.mark.parametrize("hint", sorted({*SAID, *other_tuners._OTHERWISE.values()}))
def test_what_is_to_be_written_instead_is_there(hint: str):
    for name in re.findall(r"caviar\.(\w+)", hint):
        assert name in caviar.__all__
    for name in re.findall(r"study\.(\w+)", hint):
        assert hasattr(caviar.OpenStudy, name) or name in ("name", "best", "trials", "notes")
    for name in re.findall(r"study\.best\.(\w+)", hint):
        assert name in ("config", "score", "model", "trial", "attributes")
    for name in re.findall(r"`(\w+)=", hint):
        assert name in names_of("table") | names_of("function")


def test_attributes_of_other_tuners_are_answered_with_ours(tmp_path):
    with caviar.open_study("mine", SPACE) as study:
        for name, way_out in (("best_params", "study.best_config"), ("optimize", "caviar.tune(objective, space")):
            with pytest.raises(AttributeError, match=re.escape(way_out)):
                getattr(study, name)
        asked = study.ask(1)
        with pytest.raises(AttributeError, match="is a list of trials"):
            _ = asked.config
        with pytest.raises(AttributeError, match=r"study\.report"):
            asked[0].should_prune()
        with pytest.raises(ConfigError, match=r"study\.tell has no argument `state`(?s:.*)`stopped`"):
            study.tell(asked[0], 0.5, state="complete")
        assert not hasattr(study, "nothing")
        study.tell(asked[0], 0.5)
    tuned = caviar.tune(objective, SPACE, trials=1, processes=1, epochs=1)
    with pytest.raises(AttributeError, match=r"write study\.best_score"):
        _ = tuned.best_value
    assert pickle.loads(pickle.dumps(tuned)) == copy.copy(tuned) == tuned
    for name, way_out in (
        ("create_study", "caviar.open_study"),
        ("loguniform", "caviar.Log"),
        ("nothing", "'nothing'$"),
    ):
        with pytest.raises(AttributeError, match=way_out):
            getattr(caviar, name)


def test_attributes_of_a_trial_in_a_function():
    def ported(trial):
        return trial.suggest_float("x", 0, 1)

    def of_ray(config):
        return config["x"]

    with pytest.raises(caviar.NoAnswer, match="hyperparameters stand in the space"):
        caviar.tune(ported, SPACE, trials=9, processes=2)
    with pytest.raises(caviar.NoAnswer, match=r"a trial is not its config: trial.config\['x'\]"):
        caviar.tune(of_ray, SPACE, trials=9, processes=2)


@pytest.mark.parametrize(
    ("option", "way_out"),
    [
        ("--n-trials", "did you mean --trials?"),
        ("--max-epochs", "did you mean --epochs?"),
        ("--num-samples", "did you mean --trials?"),
        ("--direction", "did you mean --goal?"),
        ("--mode", "--goal minimize"),
        ("--timeout", "did you mean --seconds?"),
        ("--random-state", "did you mean --seed?"),
    ],
)
def test_an_option_of_another_tuner(option: str, way_out: str, capsys):
    assert run(["tune", "flowers.csv", option, "3"]) == 2
    rule, second = capsys.readouterr().err.splitlines()
    assert option in rule
    assert way_out in second


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
    first = {"trials": 4, "study": "known", "processes": 1, "epochs": 1, "progress": False}
    caviar.tune(objective, SPACE, **first)
    for name, given in (("object", {"options": caviar.OpenOptions(known="known")}), ("named", {"known": "known"})):
        with caviar.open_study(name, SPACE, **given) as study:
            assert len(study.trials()) == 4


def test_the_options_of_open_study_are_checked_wherever_they_stand():
    for given in ({"options": caviar.OpenOptions(store_patience="1")}, {"store_patience": "1"}):
        with pytest.raises(caviar.ConfigError, match="`store_patience` must be a number"):
            caviar.open_study("mine", SPACE, **given)
    with pytest.raises(caviar.ConfigError, match=r"`options` must be a caviar\.OpenOptions, got 3"):
        caviar.open_study("mine", SPACE, options=3)


def test_a_name_that_is_given_must_be_free():
    arguments = {"trials": 2, "processes": 1, "epochs": 1, "progress": False, "study": "mine"}
    caviar.tune(objective, SPACE, **arguments)
    with pytest.raises(caviar.StoreError, match="a study 'mine' already"):
        caviar.tune(objective, SPACE, **arguments)


def test_numbers_of_numpy_and_paths_are_taken(tmp_path):
    kinds = {name: kind_of(text) for name, text in (("n", "int | None"), ("x", "float"), ("b", "bool"), ("p", "File"))}
    given = {"n": np.int64(3), "x": np.float32(0.5), "b": np.bool_(True), "p": tmp_path, "other": object}
    taken = check_kinds(given, kinds)
    assert taken == {"n": 3, "x": 0.5, "b": True, "p": tmp_path, "other": object}
    assert [type(taken[name]) for name in "nxb"] == [int, float, bool]
    assert check_kinds({"n": None}, kinds) == {"n": None}
    assert kind_of("Given | Sequence[Given]") == kind_of("Any") == frozenset()
    assert kind_of("Mapping[str, list[Value]] | None") == {"mapping", "None"}


@pytest.mark.parametrize("name", ["run", "Tuner", "report", "uniform", "choice", "grid_search", "TuneConfig"])
def test_what_other_tuners_have_in_a_module_called_tune_is_answered_with_ours(name: str):
    with pytest.raises(AttributeError, match=rf"caviar\.tune\.{name} is not one of caviar's functions: ") as refused:
        getattr(caviar.tune, name)(lambda trial: 0.5, num_samples=3)
    assert other_tuners.ATTRIBUTES["module"][name] in str(refused.value)


@pytest.mark.parametrize("given", [(SPACE, lambda trial: 0.5), (0.5, SPACE), (SPACE,)])
def test_an_objective_that_is_none(given):
    with pytest.raises(ConfigError, match=r"(?s)neither a table nor a function.*caviar\.tune\(objective, space\)"):
        caviar.tune(*given)


def test_hyperparameters_of_a_space_have_names():
    with pytest.raises(caviar.SpaceError, match=r"(?s)given by name, got dict.*lr=caviar\.Log\(0\.0001, 1\), n=3"):
        caviar.Space({"lr": (1e-4, 1), "n": 3})
    with pytest.raises(caviar.SpaceError, match="given by name, got Log"):
        caviar.Space(caviar.Log(1e-4, 1))
