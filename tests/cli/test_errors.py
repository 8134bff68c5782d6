"""The names of arguments in an error, as Python and as the command line write them."""

from __future__ import annotations

import pytest
import typer

from caviar.cli.errors import in_options
from caviar.cli.main import application


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
        ("tune", "use `ensemble=True`", "use --ensemble"),
        ("tune", "`data` is for tables", "DATA is for tables"),
        ("tune", 'try `data="flowers.csv"`', "try flowers.csv"),
        ("tune", "`command=LINE`, `store=...`", "--command LINE, --store ..."),
        ("babysit", "leave out `mapped`, or `mapped=False`", "leave out --mapped, or --in-memory"),
        ("babysit", '`from_study="wine"`', "--from wine"),
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
