"""Command lines with hyperparameters in them."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caviar import Choice, Linear, Log, Space
from caviar.errors import ConfigError
from caviar.protocol.template import OF_THE_TRIAL, Template, refuse_places

FACTS = {"trial": 3, "seed": 7, "epochs": 27, "folder": "/tmp/a folder"}
SGD = {"optimizer": ["sgd"]}
SPACE = Space(
    lr=Log(1e-4, 1),
    optimizer=Choice(["adam", "sgd"]),
    momentum=Linear(0, 1, when=SGD),
    nesterov=Choice([True, False], when=SGD),
    use_bn=Choice([True, False]),
    act=Choice([None, "relu"]),
)
ADAM = {"lr": 0.1, "optimizer": "adam", "use_bn": False, "act": None}
SGD_CONFIG = {"lr": 0.1, "optimizer": "sgd", "momentum": 0.9, "nesterov": True, "use_bn": True, "act": "relu"}


def filled(command: str, config=ADAM, space: Space = SPACE) -> list[str]:
    return Template(shlex.split(command), space).fill(FACTS, config)


@pytest.mark.parametrize(
    ("command", "adam", "sgd"),
    [
        ("t --lr {lr}", "t --lr 0.1", "t --lr 0.1"),
        ("t --lr {lr} --momentum {momentum}", "t --lr 0.1", "t --lr 0.1 --momentum 0.9"),
        ("t --momentum {momentum} --lr {lr}", "t --lr 0.1", "t --momentum 0.9 --lr 0.1"),
        ("t --lr={lr} --momentum={momentum}", "t --lr=0.1", "t --lr=0.1 --momentum=0.9"),
        ("t lr={lr} optimizer.momentum={momentum}", "t lr=0.1", "t lr=0.1 optimizer.momentum=0.9"),
        ("t -Dlr={lr} -Dm={momentum}", "t -Dlr=0.1", "t -Dlr=0.1 -Dm=0.9"),
        ("t -m {momentum} {lr}", None, None),  # which of the two does -m take?
        ("t {lr} {momentum}", "t 0.1", "t 0.1 0.9"),
        ('t --lr {lr} --momentum "{momentum}"', "t --lr 0.1", "t --lr 0.1 --momentum 0.9"),
        ("t --sgd {momentum} {nesterov} --lr {lr}", "t --lr 0.1", "t --sgd 0.9 true --lr 0.1"),
        ("t --lr {lr} {--momentum}", "t --lr 0.1", "t --lr 0.1 --momentum 0.9"),
        ("t --lr {lr} {--nesterov}", "t --lr 0.1", "t --lr 0.1 --nesterov"),
        ("t --lr {lr} {--use_bn}", "t --lr 0.1", "t --lr 0.1 --use_bn"),
        ("t --lr {lr} {--use-bn}", "t --lr 0.1", "t --lr 0.1 --use-bn"),
        ("t {--act} {--lr}", "t --lr 0.1", "t --act relu --lr 0.1"),
        ("t --verbose {--use_bn} data.csv {lr}", "t --verbose data.csv 0.1", "t --verbose --use_bn data.csv 0.1"),
        ("t {lr} --name run-{trial}-{momentum}", "t 0.1", "t 0.1 --name run-3-0.9"),
        ("t {lr} {{print}} {{lr}}", "t 0.1 '{print}' '{lr}'", "t 0.1 '{print}' '{lr}'"),
        ("awk '{print $1}' {lr}", "awk '{print $1}' 0.1", "awk '{print $1}' 0.1"),
        ("""t '{"lr": {lr}}'""", """t '{"lr": 0.1}'""", """t '{"lr": 0.1}'"""),
        ("t {lr} --out {folder}", "t 0.1 --out '/tmp/a folder'", "t 0.1 --out '/tmp/a folder'"),
        (
            "sh -c 'cd x && t --momentum {momentum}  --lr {lr} > y'",
            "sh -c 'cd x && t  --lr 0.1 > y'",
            "sh -c 'cd x && t --momentum 0.9  --lr 0.1 > y'",
        ),
        ("sh -c '{--use_bn} t {lr}'", "sh -c ' t 0.1'", "sh -c '--use_bn t 0.1'"),
    ],
)
def test_an_argument_is_there_where_its_hyperparameter_applies(command, adam, sgd):
    if adam is None:
        with pytest.raises(ConfigError, match="do not always apply together"):
            filled(command)
        return
    assert (shlex.join(filled(command)), shlex.join(filled(command, SGD_CONFIG))) == (adam, sgd)


@pytest.mark.parametrize(
    ("command", "rule", "way_out"),
    [
        ("t {lrr}", "{lrr}, which is no hyperparameter", "did you mean 'lr'?"),
        ("t {lr} {sede}", "{sede}, which is no hyperparameter", "'seed'"),
        ("t {lr} ${HOME}", "{HOME}, which is no hyperparameter", "write {{HOME}}"),
        ("t {--optimiser}", "{--optimiser}, which is no hyperparameter", "did you mean 'optimizer'?"),
        ("sh -c 't {lrr}'", "{lrr}, which is no hyperparameter", "did you mean 'lr'?"),
        ("t", "does not use hyperparameter 'lr'", "--lr {lr}"),
        ("t {seed}", "does not use hyperparameter 'lr'", "--lr {lr}"),
        ("t {{lr}}", "does not use hyperparameter 'lr'", "--lr {lr}"),
        ("t x{--use_bn}", "option of its own", "{use_bn}"),
        ("t {optimizer}:{momentum}", "optimizer and momentum stand in one argument", "of its own"),
    ],
)
def test_a_place_for_no_value_is_refused(command, rule, way_out):
    with pytest.raises(ConfigError) as refused:
        Template(shlex.split(command), SPACE)
    assert rule in refused.value.rule
    assert way_out in refused.value.way_out


def test_what_may_not_be_meant_is_noted():
    unused, flag = Template(["t", "{lr}", "--use_bn", "{use_bn}"], SPACE).notes()
    assert "momentum, nesterov, act stand nowhere in the command, so they change nothing" in unused
    assert "{--use_bn} is a flag" in flag


def test_what_only_decides_about_others_may_stand_nowhere():
    template = Template(["t", "{lr}", "{--momentum}", "{--nesterov}", "{--use_bn}", "{--act}"], SPACE)
    assert list(template.notes()) == []


NAMES = ["lr", "optimizer", "momentum", "nesterov", "use_bn", "act"]


@given(st.permutations(NAMES), st.sampled_from([ADAM, SGD_CONFIG]), st.data())
def test_an_argument_parser_gets_exactly_the_config(names, config, data):
    """In every form and order of the options."""
    words = ["t"]
    for name in names:
        form = data.draw(st.sampled_from(["--{0} {{{0}}}", "--{0}={{{0}}}", "{{--{0}}}"]))
        words += form.format(name).split(" ")
    (_, *said) = Template(words, SPACE).fill(FACTS, config)
    got: dict[str, str] = {}
    while said:
        option = said.pop(0)
        assert option.startswith("--")
        name, equals, value = option[2:].partition("=")
        got[name] = value if equals else said.pop(0) if said and not said[0].startswith("--") else "true"
    as_text = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in config.items()}
    for name, text in as_text.items():
        assert got.pop(name, text if text in ("false", "None") else "missing") == text
    assert not got


def test_a_program_that_speaks_the_protocol_has_no_places():
    with pytest.raises(ConfigError, match=r"has \{lr\}") as refused:
        refuse_places(["t", "--lr", "{lr}"], ["lr"])
    assert "`score=" in refused.value.way_out
    refuse_places(["awk", "{print}", "{{lr}}"], ["lr"])


def test_a_real_parser(tmp_path: Path):
    (tmp_path / "train.py").write_text(
        "import argparse\n"
        "p = argparse.ArgumentParser()\n"
        "p.add_argument('--lr', type=float)\n"
        "p.add_argument('--momentum', type=float, default=-1)\n"
        "p.add_argument('--use-bn', action='store_true')\n"
        "print(vars(p.parse_args()))\n"
    )
    command = f"{sys.executable} train.py --lr {{lr}} --momentum {{momentum}} {{--use-bn}}"
    for config, expected in ((ADAM, (0.1, -1, False)), (SGD_CONFIG, (0.1, 0.9, True))):
        said = subprocess.run(filled(command, config), cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        lr, momentum, use_bn = expected
        assert said.strip() == str({"lr": lr, "momentum": momentum, "use_bn": use_bn})


def test_the_facts_of_a_trial():
    assert filled("t {lr} {trial} {seed} {epochs}")[2:] == ["3", "7", "27"]
    assert set(OF_THE_TRIAL) == set(FACTS)


@pytest.mark.parametrize(
    ("command", "rule", "way_out"),
    [
        ("t --lr {lr:.3f}", "{lr:.3f}, which nothing fills in", "write {lr}"),
        ("t --lr $lr --act {act}", "$lr, which nothing fills in", "write {lr}"),
        ("t --lr ${lr}", "${lr}, which nothing fills in", "write {lr}"),
        ("t --lr { lr } --act {act}", "{ lr }, which nothing fills in", "write {lr}"),
        ("t --lr %(lr)s --act {act}", "%(lr)s, which nothing fills in", "write {lr}"),
        ("t --lr <lr> --act {act}", "<lr>, which nothing fills in", "write {lr}"),
        ("t {lr} --betas {momentum} 0.99", "0.99 beside it behind --betas would stay", "--betas={momentum},0.99"),
        ("t {lr} --betas 0.9 {momentum}", "0.9 beside it behind --betas would stay", "--betas=0.9,{momentum}"),
        ("""t {lr} '{"lr": 1, "m": {momentum}}'""", "'{momentum}}' in", "--momentum {momentum}"),
        ("sh -c 't {lr} --m {momentum};x'", "'{momentum};x' in", "blanks around it"),
    ],
)
def test_what_would_reach_a_program_broken_is_refused(command, rule, way_out):
    with pytest.raises(ConfigError) as refused:
        Template(shlex.split(command), SPACE)
    assert rule in refused.value.rule
    assert way_out in refused.value.way_out


def test_a_variable_of_the_shell_with_the_name_of_a_hyperparameter():
    assert filled("sh -c 'lr={lr}; t $lr'")[2] == "lr=0.1; t $lr"


def test_a_boolean_may_be_an_option_that_says_no():
    command = "t {lr} {--use_bn} {--no-use_bn} {--no_nesterov}"
    assert filled(command) == ["t", "0.1", "--no-use_bn"]
    assert filled(command, {**SGD_CONFIG, "nesterov": False}) == ["t", "0.1", "--use_bn", "--no_nesterov"]
    with pytest.raises(ConfigError, match="no hyperparameter"):
        filled("t {--no-lr}")


def test_values_are_written_right_behind_short_options():
    space = Space(lr=Log(1e-4, 1), m=Linear(0, 1, when={"o": ["sgd"]}), o=Choice(["sgd", "adam"]))
    assert filled("t -l{lr} -m{m} -o{o}", {"lr": 0.1, "o": "adam"}, space) == ["t", "-l0.1", "-oadam"]


def test_double_braces_that_stay_are_noted():
    (note, *_) = Template(["t", '{{"lr": {lr}}}'], Space(lr=Log(1e-4, 1))).notes()
    assert "double braces" in note
    assert not list(Template(["t", '{"a": {"lr": {lr}}}', "{{lr}}"], Space(lr=Log(1e-4, 1))).notes())


def test_a_choice_that_a_shell_takes_apart():
    space = Space(data=Choice(["a b.csv", "c.csv"]))
    with pytest.raises(ConfigError, match=r"'a b\.csv', which the shell of sh takes apart"):
        Template(["sh", "-c", "t --data {data} | cat"], space)
    config = {"data": "a b.csv"}
    assert filled("""sh -c "t --data '{data}' | cat" """, config, space)[2] == "t --data 'a b.csv' | cat"
    assert filled("t --data {data}", config, space) == ["t", "--data", "a b.csv"]
