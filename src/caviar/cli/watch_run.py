"""caviar watch"""

from __future__ import annotations

import time
from typing import Annotated

import typer

from caviar.cli.options import DEFAULT_STORE, Json, StoreUrl
from caviar.cli.orders import RunName

_EVERY = 0.5  # seconds; a run tells the store as often


def watch(
    run: RunName,
    once: Annotated[bool, typer.Option("--once", help="Show it as it stands now, and end.")] = False,
    store: StoreUrl = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """[bold]caviar watch flowers[/]

    Look on while another terminal, or the night, trains a run. In a pipe: a line an epoch.
    """
    from rich.live import Live

    from caviar.cli.console import console, print_json
    from caviar.report import panda
    from caviar.runs.client import Look, is_kept, look

    people = console(json=json)
    shown = 0

    def view(seen: Look) -> panda.View:
        state = str(seen.run.state) if is_kept(seen.run) or seen.run.state != "running" else "its process has ended"
        return panda.View(run, seen.run.progress or {}, seen.epochs, seen.diary, state)

    seen = look(run, store)
    if json:
        print_json(panda.watched(seen.run, seen.epochs))
        return
    if once and people.is_terminal:
        people.print(panda.screen(view(seen), people.width, people.height))
        return
    try:
        with Live(console=people, auto_refresh=False) as display:
            while True:
                if people.is_terminal:
                    display.update(panda.screen(view(seen), people.width, people.height), refresh=True)
                else:
                    for m in seen.epochs[shown:]:
                        people.print(panda.watched_line(run, m), markup=False, soft_wrap=True)
                    shown = len(seen.epochs)
                if once or not is_kept(seen.run):
                    return
                time.sleep(_EVERY)
                seen = look(run, store)
    except KeyboardInterrupt:
        return  # who only looked has nothing to save
