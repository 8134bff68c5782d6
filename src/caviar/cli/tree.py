"""caviar tree"""

from __future__ import annotations

from caviar.cli.console import console, print_json
from caviar.cli.interventions import RunName
from caviar.cli.options import DEFAULT_STORE, Json, StoreUrl
from caviar.report import plain
from caviar.report.run import family_tree
from caviar.store import Store
from caviar.views.run import family_view


def tree(run: RunName, store: StoreUrl = DEFAULT_STORE, json: Json = False) -> None:
    """[bold]caviar tree flowers[/]

    A run's ancestors and branches, each with its best epoch.
    """
    with Store.open(store, create=False) as opened:
        family = family_view(opened, run)
    if json:
        print_json(plain.family(family))
    else:
        console().print(family_tree(family))
