"""caviar plan"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from caviar.analysis.plan import plan as make
from caviar.cli.console import console, print_json
from caviar.cli.main import MANY, ONE
from caviar.cli.next_steps import of_table, say_next
from caviar.cli.notes import in_commands, print_notes
from caviar.cli.options import Json, Labels, Quiet, SplitSeed, Target, Task, Threads, reads_tables
from caviar.records import Reading
from caviar.records.reading import as_target
from caviar.report.text import counted, duration, number

_WAYS = {"caviar": MANY, "panda": ONE}


@reads_tables
def plan(
    data: Annotated[str, typer.Argument(help="CSV, Parquet, NPZ, NPY or IDX (.gz).")],
    target: Target = None,
    labels: Labels = None,
    task: Task = None,
    seconds: Annotated[float, typer.Option(help="The time that you have.")] = 60.0,
    seed: SplitSeed = 0,
    threads: Threads = None,
    json: Json = False,
    quiet: Quiet = False,
    *,
    reading: Reading,
) -> None:
    """[bold]caviar plan flowers.csv --target species --seconds 600[/]

    Time typical networks, and say whether your time affords many of them, or one that is nursed.
    """
    from rich.table import Table

    made = make(data, as_target(target), labels, seconds, seed, threads, reading, task)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for header in ("network", "parameters", "mini-batches a second", "an epoch"):
        table.add_column(header, justify="left" if header == "network" else "right")
    for one in made.timed:
        pace = f"{one.steps_per_second:,.0f}"
        table.add_row(one.name, f"{one.parameters:,}", pace, f"{number(one.epoch_seconds)} s")
    people = console(json=json, quiet=quiet)
    print_notes(people, made.notes, "plan")
    people.print(table)
    time = f"{duration(seconds)} on {counted(made.threads, 'processor')}"
    people.print(f"\n{_WAYS[made.way]}. With {time} {made.reason}.", markup=False, soft_wrap=not people.is_terminal)
    given = of_table(data, as_target(target), labels, reading, task)
    command = ["tune", *given, "--seconds", f"{seconds:g}"] if made.way == "caviar" else ["babysit", *given]
    say_next(people, command)
    if json:
        print_json({**asdict(made), "notes": in_commands(made.notes, "plan")})
