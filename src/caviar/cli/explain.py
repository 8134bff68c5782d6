"""caviar explain"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from caviar.cli.console import console, print_json, write_page
from caviar.cli.next_steps import again, at, say_next
from caviar.cli.notes import head_in_commands
from caviar.cli.options import DEFAULT_STORE, Json, StoreUrl
from caviar.report import plain
from caviar.report.explain import as_text
from caviar.report.page import study_report
from caviar.store import Store
from caviar.views.study import study_view
from caviar.views.study_page import study_page, trial_page


def explain(
    study: Annotated[str, typer.Argument(help="The study's name; caviar studies lists them.", metavar="STUDY")],
    html: Annotated[
        str | None, typer.Option(help="Write the account with its pictures as a page in one file.", metavar="FILE")
    ] = None,
    store: StoreUrl = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """[bold]caviar explain flowers --html flowers.html[/]

    Explain how a study went: the ranges that the search narrowed to, with reasons; which hyperparameters mattered; the
    finalists and how the winner was chosen; and what to change next time.
    """
    with Store.open(store, create=False) as opened:
        page = None if html is None else study_page(opened, study)
        trials = () if page is None else [trial_page(opened, study, number) for number in page.chosen]
        view = study_view(opened, study) if page is None else page.view
    view = replace(view, head=head_in_commands(view.head))
    if html is not None and page is not None:
        write_page(html, study_report(replace(page, view=view), trials))
    people = console(json=json)
    people.print(as_text(view))
    if html is not None:
        people.print(f"\nwritten to {html}", markup=False)
    pictures = [] if html is not None else [["explain", study, "--html", f"{study}.html", *at(store)]]
    repeated = again(view.head.record, store) if view.best is not None else []
    wider = [["respace", study, *(one.change for one in view.proposed), *at(store)]] if view.proposed else []
    say_next(people, *wider, *repeated, ["trials", study, *at(store)], *pictures)
    if json:
        print_json(plain.account(view))
