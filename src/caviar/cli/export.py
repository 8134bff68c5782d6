"""caviar export"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from caviar.cli.console import console, print_json
from caviar.cli.next_steps import at, say_next
from caviar.cli.options import DEFAULT_STORE, ForSpreadsheet, Json, RunOrStudy, StoreUrl
from caviar.errors import DataError
from caviar.report.export import write
from caviar.report.text import counted
from caviar.store import Store
from caviar.store.doctor import kind_of
from caviar.views.tables import export as make_export


def export(
    name: Annotated[str, typer.Argument(help="The name of a study, or of a run of caviar babysit.")],
    out: Annotated[Path | None, typer.Option(help="A .csv or .parquet file; CSV on stdout if not given.")] = None,
    epochs: Annotated[bool, typer.Option("--epochs", help="A row an epoch instead of a row a trial.")] = False,
    diary: Annotated[bool, typer.Option("--diary", help="A run's diary instead of what was measured of it.")] = False,
    run: RunOrStudy = None,
    for_spreadsheet: ForSpreadsheet = False,
    store: StoreUrl = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """[bold]caviar export flowers --out flowers.parquet[/]

    Write a study's trials, or what was measured of a run, to a file: CSV, or Parquet with scales
    and units.
    """
    if json and out is None:
        raise DataError("--json and the CSV would share stdout", "name a file with --out")
    with Store.open(store, create=False) as opened:
        kind = kind_of(opened, name, run)
        if kind == "study" and diary:
            raise DataError(f"{name!r} is a study, and only runs have a diary", "leave --diary out")
        made = make_export(opened, name, kind == "run", diary if kind == "run" else epochs)
    write(made, out, for_spreadsheet=for_spreadsheet)
    if json:
        print_json({kind: name, "file": str(out), "rows": len(made.frame), "columns": list(made.frame.columns)})
    elif out is not None:
        people = console()
        people.print(counted(len(made.frame), "row"), soft_wrap=True)
        say_next(people, ["explain" if kind == "study" else "diary", name, *at(store)])
