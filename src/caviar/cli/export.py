"""caviar export"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from caviar.cli.options import DEFAULT_STORE, Json, RunOrStudy, StoreUrl


def export(
    name: Annotated[str, typer.Argument(help="The name of a study, or of a run of caviar babysit.")],
    out: Annotated[Path | None, typer.Option(help="A .csv or .parquet file; CSV on stdout if not given.")] = None,
    epochs: Annotated[bool, typer.Option("--epochs", help="A row an epoch instead of a row a trial.")] = False,
    diary: Annotated[bool, typer.Option("--diary", help="A run's diary instead of what was measured of it.")] = False,
    run: RunOrStudy = None,
    store: StoreUrl = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """[bold]caviar export flowers --out flowers.parquet[/]

    Write a study's trials, or what was measured of a run, to a file: CSV that is safe to open in a spreadsheet, or
    Parquet with scales and units.
    """
    from caviar.cli.console import console, print_json
    from caviar.errors import DataError
    from caviar.report.export import diary_table, measurements_table, run_table, trials_table, write
    from caviar.store import Store
    from caviar.store.run_examination import is_run
    from caviar.store.runs import Runs

    if json and out is None:
        raise DataError("--json and the CSV would share stdout", "name a file with --out")
    with Store.open(store, create=False) as opened:
        kind = "run" if is_run(opened, name, run) else "study"
        if kind == "study" and diary:
            raise DataError(f"{name!r} is a study, and only runs have a diary", "leave --diary out")
        record = Runs(opened).run(name) if kind == "run" else opened.study(name)
        if kind == "run":
            frame = diary_table(Runs(opened), name) if diary else run_table(Runs(opened), name)
        else:
            frame = measurements_table(opened, name) if epochs else trials_table(opened, name)
    write(frame, record, out)
    if json:
        print_json({kind: name, "file": str(out), "rows": len(frame), "columns": list(frame.columns)})
    elif out is not None:
        console().print(f"{len(frame):,} rows", soft_wrap=True)
