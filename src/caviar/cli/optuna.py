"""caviar import"""

from __future__ import annotations

from typing import Annotated

import typer

from caviar.cli.console import console, print_json
from caviar.cli.next_steps import at, say_next
from caviar.cli.options import DEFAULT_STORE, Json, StoreUrl
from caviar.report.text import counted
from caviar.store import Store, from_optuna


def import_optuna(
    url: Annotated[str, typer.Argument(help="Optuna's storage: its URL, or the path of its SQLite file.")],
    study: Annotated[str | None, typer.Option(help="The study's name in Optuna, if there are several.")] = None,
    store: StoreUrl = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """[bold]caviar import optuna.db[/]

    Copy a study of Optuna's into the store: its space, its trials and their values.
    """
    from rich.text import Text

    record, trials, measured, times = from_optuna.read(url, study)
    with Store.open(store) as opened:
        record = from_optuna.put(opened, record, trials, measured, times)
        result = {**from_optuna.described(record, trials), "measurements": len(measured), "store": opened.url}
        result["notes"] = list(record.notes)
    if json:
        print_json(result)
    else:
        found = f"{counted(len(trials), 'trial')}, {counted(len(measured), 'measurement')}"
        people = console()
        people.print(Text(f"{record.name}: {found}"))
        for note in record.notes:
            people.print(Text(f"note: {note}"), soft_wrap=True)
        going_on = f"caviar.resume({record.name!r}, data=objective, trials={len(trials) + 100})"
        people.print(Text(f"to go on with a function of yours, in Python: {going_on}"), soft_wrap=True)
        say_next(people, ["explain", record.name, *at(store)], ["trials", record.name, *at(store)])
