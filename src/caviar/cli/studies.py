"""caviar studies, caviar trials: the contents of a store as tables."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Annotated

import typer

from caviar.cli.console import console, print_json
from caviar.cli.next_steps import at, looking, say_next
from caviar.cli.notes import head_in_commands
from caviar.cli.options import DEFAULT_STORE, ForSpreadsheet, Json, StoreUrl
from caviar.report import plain
from caviar.report.study import studies_table, trials_table
from caviar.report.table import write_csv
from caviar.store import Store
from caviar.views.spaces import outside_of
from caviar.views.study import ranked, study_rows


def studies(store: StoreUrl = DEFAULT_STORE, json: Json = False) -> None:
    """[bold]caviar studies[/]

    List all studies of a store, the oldest first.
    """
    with Store.open(store, create=False) as opened:
        rows = [replace(row, head=head_in_commands(row.head)) for row in study_rows(opened)]
    if json:
        print_json(plain.studies(opened.url, rows))
    else:
        people = console()
        people.print(studies_table(rows))
        if rows:
            say_next(people, ["explain", rows[-1].head.record.name, *at(store)], *looking(people, store))


def trials(
    study: Annotated[str, typer.Argument(help="The name of a study; caviar studies lists them.")],
    store: StoreUrl = DEFAULT_STORE,
    best: Annotated[int, typer.Option(help="How many to show, the best first; the table only.")] = 20,
    csv: Annotated[bool, typer.Option("--csv", help="Print all trials as CSV.")] = False,
    for_spreadsheet: ForSpreadsheet = False,
    json: Json = False,
) -> None:
    """[bold]caviar trials flowers[/]

    List the trials of a study: the best as a table, or all of them as CSV or JSON.
    """
    with Store.open(store, create=False) as opened:
        if csv:
            frame = opened.trials_frame(study, for_file=True)
            write_csv(frame, sys.stdout, for_spreadsheet=for_spreadsheet)
        elif json:
            print_json(plain.trials(study, opened.trials(study), outside_of(opened, opened.study(study))))
        else:
            record = opened.study(study)
            people = console()
            outside = outside_of(opened, record)
            people.print(trials_table(record.metric, ranked(record.metric, opened.trials(study)), best, outside))
            say_next(people, ["explain", study, *at(store)])
