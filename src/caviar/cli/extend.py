"""caviar extend"""

from __future__ import annotations

from typing import Annotated

import typer

from caviar.cli.console import console
from caviar.cli.interventions import Because, say_of_study
from caviar.cli.next_steps import at, say_next
from caviar.cli.options import DEFAULT_STORE, Json, Quiet, StoreUrl, given
from caviar.study.client import intervene


def extend(
    study: Annotated[str, typer.Argument(help="The study's name; caviar studies lists them.", metavar="STUDY")],
    seconds: Annotated[float | None, typer.Option(help="So many seconds more.")] = None,
    trials: Annotated[int | None, typer.Option(help="So many trials more, if trials are its budget.")] = None,
    because: Because = "",
    store: StoreUrl = DEFAULT_STORE,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """[bold]caviar extend flowers --seconds 60[/]

    Give a running study more. One that does not run gets more by caviar resume.
    """
    asked = intervene(study, "extend", given(seconds=seconds, trials=trials), store, because)
    say_of_study(study, asked, json, quiet)
    say_next(console(json=json, quiet=quiet), ["watch", study, *at(store)])
