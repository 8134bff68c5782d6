"""caviar diary"""

from __future__ import annotations

from typing import Annotated

import typer

from caviar.cli.options import DEFAULT_STORE, Json, StoreUrl
from caviar.cli.orders import RunName


def diary(
    run: RunName,
    everything: Annotated[bool, typer.Option("--all", help="The snapshots at the epochs' ends too.")] = False,
    store: StoreUrl = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """[bold]caviar diary flowers[/]

    A run's lab ledger: who turned what, when and why, rollbacks, snapshots, what the nurse did and said.
    """
    from caviar.cli.console import console, print_json
    from caviar.report import panda
    from caviar.runs.client import look

    seen = look(run, store)
    if json:
        print_json({"run": run, "state": str(seen.run.state), "diary": [panda.entry_row(e) for e in seen.diary]})
    else:
        console().print(panda.diary_table(seen.run, seen.diary, everything))
