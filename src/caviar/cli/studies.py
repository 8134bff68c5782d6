"""caviar studies"""

from __future__ import annotations

from caviar.cli.console import console, print_json
from caviar.cli.options import DEFAULT_STORE, Json, StoreUrl
from caviar.report import plain
from caviar.report.study import studies_table
from caviar.store import Store
from caviar.views.study import study_rows


def studies(store: StoreUrl = DEFAULT_STORE, json: Json = False) -> None:
    """[bold]caviar studies[/]

    List all studies of a store, the oldest first.
    """
    with Store.open(store, create=False) as opened:
        rows = study_rows(opened)
    if json:
        print_json(plain.studies(opened.url, rows))
    else:
        console().print(studies_table(rows))
