"""caviar lr-find"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from caviar.analysis.plan import range_test
from caviar.cli.console import console, print_json, write_page
from caviar.cli.next_steps import of_table, say_next
from caviar.cli.notes import in_commands, print_notes
from caviar.cli.options import Json, Labels, Quiet, SplitSeed, Target, Task, reads_tables
from caviar.records import Reading
from caviar.records.reading import as_target
from caviar.report.rates import as_html, picture
from caviar.runs.configs import read_config


@reads_tables
def lr_find(
    data: Annotated[str, typer.Argument(help="CSV, Parquet, NPZ, NPY or IDX (.gz).")],
    target: Target = None,
    labels: Labels = None,
    task: Task = None,
    config: Annotated[str | None, typer.Option(help="A TOML file of hyperparameters.", metavar="FILE")] = None,
    low: Annotated[float, typer.Option(help="The first learning rate.")] = 1e-6,
    high: Annotated[float, typer.Option(help="The last one.")] = 10.0,
    steps: Annotated[int, typer.Option(help="Mini-batches from the first to the last.")] = 200,
    seed: SplitSeed = 0,
    out: Annotated[str | None, typer.Option(help="Write the curve as HTML here.", metavar="FILE")] = None,
    json: Json = False,
    quiet: Quiet = False,
    *,
    reading: Reading,
) -> None:
    """[bold]caviar lr-find flowers.csv --target species --out rates.html[/]

    Train a few mini-batches at ever larger learning rates, and suggest one: where the loss has nearly stopped falling.
    """

    hyperparameters = read_config(config, None, "")
    found, notes = range_test(data, as_target(target), labels, hyperparameters, seed, low, high, steps, reading, task)
    if out is not None:
        write_page(out, as_html(found, Path(data).name), data, labels, config)
    people = console(json=json, quiet=quiet)
    print_notes(people, notes, "lr-find")
    people.print(picture(found, people.width))
    table = of_table(data, as_target(target), labels, reading, task)
    say_next(people, ["tune", *table, "--seconds", "60"], ["babysit", *table])
    if json:
        print_json(
            {
                "data": data,
                "suggested": found.suggested,
                "largest": found.largest,
                "rates": found.rates,
                "losses": found.losses,
                "smoothed": found.smoothed,
                "out": out,
                "notes": in_commands(notes, "lr-find"),
            }
        )
