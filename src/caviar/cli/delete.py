"""caviar delete"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from caviar.cli.options import DEFAULT_STORE, Json, StoreUrl


def delete(
    study: Annotated[str, typer.Argument(help="The name of a study; caviar studies lists them.")],
    store: StoreUrl = DEFAULT_STORE,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Json = False,
) -> int:
    """[bold]caviar delete flowers[/]

    Delete a study with its trials and snapshots, after a question. Its model's file is left where it is.
    """
    from rich.text import Text

    from caviar.cli.console import console, print_json, visible
    from caviar.errors import StoreError
    from caviar.store import Store
    from caviar.store.examination import delete as delete_study

    people = console(json)
    with Store.open(store, create=False) as opened:
        n = sum(opened.trial_counts()[opened.study(study).name].values())
        if not yes:
            if not sys.stdin.isatty():
                raise StoreError("deleting asks first, and there is nobody to ask", "add --yes")
            people.print(Text(f"Delete study {visible(study)!r} with its {n:,} trials? Write yes: "), end="")
            if sys.stdin.readline().strip().lower() not in ("y", "yes"):
                people.print("nothing was deleted")
                return 1
        delete_study(opened, study)
    if json:
        print_json({"study": study, "deleted": True, "trials": n})
    else:
        people.print(Text(f"deleted {visible(study)!r} with its {n:,} trials"))
    return 0
