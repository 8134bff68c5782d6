"""caviar space"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from caviar.cli.console import console, print_json, write_page
from caviar.cli.next_steps import say_next
from caviar.cli.options import Json
from caviar.report.drawing import as_page
from caviar.space import Space, default_space


def space(
    file: Annotated[str | None, typer.Argument(help="A space file (TOML); the default space if not given.")] = None,
    html: Annotated[str | None, typer.Option(help="Draw it into this HTML file too.", metavar="FILE")] = None,
    toml: Annotated[bool, typer.Option("--toml", help="Print it as a space file, to start your own from.")] = False,
    json: Json = False,
) -> None:
    """[bold]caviar space myspace.toml --html myspace.html[/]

    Show the samples of every scale of a space, beside plain uniform sampling.
    """

    chosen = default_space() if file is None else Space.load(Path(file))
    if html is not None:
        write_page(html, as_page(chosen.show(), "the scales of a space"), file)
    if json:
        print_json({"space": chosen.to_dict(), "html": html})
    elif toml:
        print(chosen.to_toml(), end="")
    else:
        print(chosen.describe())
        given = [] if file is None else [file]
        if html is None:
            say_next(console(), ["space", *given, "--html", "space.html"])
    if html is not None:
        console(json=True).print(f"drawn in {html}", markup=False)
