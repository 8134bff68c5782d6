"""caviar drift"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from caviar.analysis.drift import drift as compare
from caviar.cli.console import console, print_json, write_page
from caviar.cli.next_steps import say_next
from caviar.cli.notes import in_commands, print_notes
from caviar.cli.options import Json, Quiet
from caviar.report.drift import as_html, as_text
from caviar.views.drift import drift_view

CHANGED = 3
"""The exit status where something has changed."""


def drift(
    model: Annotated[str, typer.Argument(help="A model that caviar tune or caviar babysit saved.")],
    data: Annotated[str, typer.Argument(help="A file of new rows with the features of training.")],
    labels: Annotated[
        bool | None,
        typer.Option("--labels/--no-labels", help="The rows have the target's column; by default it is used if there."),
    ] = None,
    old: Annotated[
        str | None,
        typer.Option(help="The rows of training: a network tries to tell them from the new ones.", metavar="FILE"),
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(help="Leave this column out. Once for each column.", metavar="COLUMN")
    ] = None,
    seed: Annotated[int, typer.Option(help="The seed of tests that draw at random.")] = 0,
    html: Annotated[str | None, typer.Option(help="Write the report as HTML here.", metavar="FILE")] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """[bold]caviar drift flowers.caviar new.csv[/]

    Compare new rows with those that a model was made from: its outputs, every column, the labels if there are any.
    Exit status 0: no change was found; 3: something has changed.
    """
    found = compare(model, data, labels=labels, old=old, ignore=ignore or [], seed=seed)
    found = replace(found, notes=in_commands(found.notes, "drift"), unknown=in_commands(found.unknown, "drift"))
    view = drift_view(found)
    if html is not None:
        write_page(html, as_html(view, f"{Path(data).name} beside the rows of {Path(model).name}"), model, data, old)
    people = console(json=json, quiet=quiet)
    print_notes(people, found.notes, "drift")
    people.print(as_text(view))
    people.print("")
    for sentence in found.unknown:
        people.print(f"unknown: {sentence}", markup=False, soft_wrap=not people.is_terminal)
    if html is None:
        say_next(people, ["drift", model, data, "--html", "drift.html"])
    if json:
        print_json({"model": model, "data": data, **found.to_record(), "html": html})
    return CHANGED if found.changed else 0
