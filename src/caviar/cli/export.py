"""caviar export"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from caviar.cli.options import DEFAULT_STORE, Json, StoreUrl


def export(
    study: Annotated[str, typer.Argument(help="The name of a study; caviar studies lists them.")],
    out: Annotated[Path | None, typer.Option(help="A .csv or .parquet file; CSV on stdout if not given.")] = None,
    epochs: Annotated[bool, typer.Option("--epochs", help="A row an epoch instead of a row a trial.")] = False,
    store: StoreUrl = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """[bold]caviar export flowers --out flowers.parquet[/]

    Write a study's trials to a file: CSV that is safe to open in a spreadsheet, or Parquet with scales and units.
    """
    from caviar.cli.console import console, print_json
    from caviar.errors import DataError
    from caviar.report.export import measurements_table, trials_table, write
    from caviar.store import Store

    if json and out is None:
        raise DataError("--json and the CSV would share stdout", "name a file with --out")
    with Store.open(store, create=False) as opened:
        record = opened.study(study)
        frame = measurements_table(opened, study) if epochs else trials_table(opened, study)
    write(frame, record, out)
    if json:
        print_json({"study": study, "file": str(out), "rows": len(frame), "columns": list(frame.columns)})
    elif out is not None:
        console().print(f"{len(frame):,} rows", soft_wrap=True)
