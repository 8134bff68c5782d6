"""caviar tree"""

from __future__ import annotations

from caviar.cli.options import DEFAULT_STORE, Json, StoreUrl
from caviar.cli.orders import RunName


def tree(run: RunName, store: StoreUrl = DEFAULT_STORE, json: Json = False) -> None:
    """[bold]caviar tree flowers[/]

    A run's ancestors and branches, each with its best epoch.
    """
    from caviar.cli.console import console, print_json
    from caviar.report import panda
    from caviar.runs.client import relatives

    runs, epochs = relatives(run, store)
    if json:
        print_json({"run": run, "runs": [panda.member_row(one, epochs[one.name]) for one in runs]})
    else:
        console().print(panda.family(runs, epochs, run))
