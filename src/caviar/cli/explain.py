"""caviar explain"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from caviar.cli.options import DEFAULT_STORE, Json, StoreUrl


def explain(
    study: Annotated[str, typer.Argument(help="The study's name; caviar studies lists them.", metavar="STUDY")],
    html: Annotated[
        str | None, typer.Option(help="Write the account with its pictures as a page.", metavar="FILE")
    ] = None,
    store: StoreUrl = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """[bold]caviar explain flowers --html flowers.html[/]

    What a study did and why: every box that the search zoomed into with its reason, what mattered beside what the
    course says should, the finalists and how the winner was chosen, and what to change next time.
    """
    from caviar.cli.console import console, print_json
    from caviar.errors import ConfigError
    from caviar.report.explain import account, as_html, as_json, as_text
    from caviar.store import Store

    with Store.open(store, create=False) as opened:
        told = account(opened.study(study), opened.trials(study), opened.boxes(study))
    if html is not None:
        try:
            Path(html).write_text(as_html(told), encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"{html} cannot be written: {error.strerror}", "choose another file") from error
    people = console(json=json)
    people.print(as_text(told))
    if html is not None:
        people.print(f"\nwritten to {html}", markup=False)
    if json:
        print_json(as_json(told))
