"""caviar frameworks"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from caviar.cli.console import console, print_json, write_page
from caviar.cli.next_steps import say_next
from caviar.cli.options import Json
from caviar.errors import ConfigError, did_you_mean
from caviar.frameworks import timing
from caviar.frameworks.facts import read_facts
from caviar.report.frameworks import as_html, as_json, as_text, compared


def frameworks(
    names: Annotated[
        list[str] | None, typer.Argument(help="Only these, such as pytorch or keras-jax.", metavar="NAME")
    ] = None,
    environments: Annotated[
        str | None,
        typer.Option(
            help="The folder of make frameworks; by default $CAVIAR_FRAMEWORKS or build/frameworks.", metavar="DIR"
        ),
    ] = None,
    turns: Annotated[int, typer.Option(help="Timings of each, by turns with our own engine.", min=1)] = 5,
    html: Annotated[str | None, typer.Option(help="Write a page with bars.", metavar="FILE")] = None,
    json: Json = False,
) -> int:
    """[bold]caviar frameworks --html frameworks.html[/]

    Compare frameworks: train the same small network on each framework of this machine, beside our own engine. Shows
    steps a second, import, first step, lines of the shortest program; licences, releases, ways to deploy.
    """

    facts = read_facts()
    named = environments if environments is not None else os.environ.get("CAVIAR_FRAMEWORKS")
    folder = Path(named or "build/frameworks")
    found = timing.environments(folder)
    if environments is not None and not found:
        raise ConfigError(
            f"there are no environments of frameworks in the folder {environments!r}",
            "make frameworks makes them; leave `environments` out to time what is installed here",
        )
    found += timing.here(facts, found)
    rows = [one.row for one in found]
    for name in names or []:
        if name not in rows:
            raise ConfigError(
                f"{name!r} is not on this machine",
                f"make frameworks NAME={name} sets it up, if it can be; {did_you_mean(name, rows)}",
            )
    if names:
        found = [one for one in found if one.row in names]
    if html is not None and not Path(html).absolute().parent.is_dir():  # before minutes of work
        raise ConfigError(f"{html} cannot be written: its folder is not there", "choose another file")
    people = console(json=json)
    timings = []
    for done in timing.measure(found, facts, turns):
        timings.append(done)
        people.print(f"{done.found.title}: {done.failure or 'timed'}", markup=False, style="dim")
    lines = compared(facts, timings)
    if html is not None:
        write_page(html, as_html(lines))
    people.print(as_text(lines))
    if html is not None:
        people.print(f"\nwritten to {html}", markup=False)
    if json:
        print_json(as_json(lines))
    if not timings[0].failure:
        say_next(people, ["demo"])
    return 1 if timings[0].failure else 0
