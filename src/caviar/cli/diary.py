"""caviar diary"""

from __future__ import annotations

from typing import Annotated

import typer

from caviar.cli.console import console, print_json
from caviar.cli.interventions import RunName
from caviar.cli.options import DEFAULT_STORE, Json, StoreUrl
from caviar.report import plain
from caviar.report.run import diary_table
from caviar.store import Store
from caviar.views.run import run_view


def diary(
    run: RunName,
    everything: Annotated[bool, typer.Option("--all", help="The snapshots at the epochs' ends too.")] = False,
    store: StoreUrl = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """[bold]caviar diary flowers[/]

    A run's diary: every turn of a knob with its author and reason, rollbacks, snapshots, the nurse's acts and advice.
    """
    with Store.open(store, create=False) as opened:
        view = run_view(opened, run)
    if json:
        print_json(plain.diary(view))
    else:
        console().print(diary_table(view, everything))
