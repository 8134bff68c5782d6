"""caviar diary, caviar tree: the record of a run, and its family."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from caviar.cli.console import console, print_json, write_page
from caviar.cli.interventions import RunName
from caviar.cli.next_steps import at, say_next
from caviar.cli.notes import run_in_commands
from caviar.cli.options import DEFAULT_STORE, Json, StoreUrl
from caviar.report import plain
from caviar.report.page import run_report
from caviar.report.run import diary_table, family_tree
from caviar.store import Store
from caviar.views.run import family_view, run_view
from caviar.views.run_page import run_page


def diary(
    run: RunName,
    everything: Annotated[bool, typer.Option("--all", help="The snapshots at the epochs' ends too.")] = False,
    html: Annotated[
        str | None, typer.Option(help="Write the run with its pictures as a page in one file.", metavar="FILE")
    ] = None,
    store: StoreUrl = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """[bold]caviar diary flowers[/]

    Show a run's diary: every turn of a knob with its author and reason, rollbacks, snapshots, the nurse's acts and
    advice.
    """
    with Store.open(store, create=False) as opened:
        page = None if html is None else run_page(opened, run)
        view = run_in_commands(run_view(opened, run) if page is None else page.view)
    if html is not None and page is not None:
        write_page(html, run_report(replace(page, view=view)))
    if json:
        print_json(plain.diary(view))
    else:
        people = console()
        people.print(diary_table(view, everything))
        if html is not None:
            people.print(f"\nwritten to {html}", markup=False)
        say_next(people, ["export", run, "--diary", "--out", f"{run}-diary.csv", *at(store)])


def tree(run: RunName, store: StoreUrl = DEFAULT_STORE, json: Json = False) -> None:
    """[bold]caviar tree flowers[/]

    Show a run's ancestors and branches, each with its best epoch.
    """
    with Store.open(store, create=False) as opened:
        family = family_view(opened, run)
    if json:
        print_json(plain.family(family))
    else:
        people = console()
        people.print(family_tree(family))
        say_next(people, ["diary", run, *at(store)])
