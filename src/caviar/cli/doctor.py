"""caviar doctor"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from caviar.cli.console import console, print_json
from caviar.cli.next_steps import at, say_next
from caviar.cli.options import DEFAULT_STORE, Json, StoreUrl
from caviar.errors import ConfigError
from caviar.report import plain
from caviar.report.doctor import doctor_page
from caviar.store import Store
from caviar.views.health import Health, health, machine, mapped_rows


def doctor(
    name: Annotated[str | None, typer.Argument(help="Only this study or run; all of them if not given.")] = None,
    store: StoreUrl = DEFAULT_STORE,
    repair: Annotated[bool, typer.Option("--repair", help="Fix what can be fixed, and say what was done.")] = False,
    forget_missing: Annotated[
        bool, typer.Option("--forget-missing", help="With --repair: give up snapshots whose files are gone for good.")
    ] = False,
    json: Json = False,
) -> int:
    """[bold]caviar doctor[/]

    Look for damage in a store: its database, claims of dead workers, runs whose process has ended, snapshots that are
    damaged or belong to nothing; and show this machine and versions.

    Snapshots whose files are not there are no damage: their disk may not be mounted. They are used when they are back.
    """
    if forget_missing and not repair:
        raise ConfigError("`forget_missing` changes the store, and goes with `repair`", "add `repair`")
    if store == DEFAULT_STORE and name is None and not Path(store).exists():
        view = Health(machine(), found=tuple(mapped_rows(repair)))
    else:
        looking = console(json=json).status("looking")  # at processes of other machines it takes ten seconds
        with Store.open(store, create=False) as opened, looking:
            view = health(opened, name, repair, forget_missing)
    if json:
        print_json(plain.health(view))
    else:
        people = console()
        people.print(doctor_page(view))
        if view.store is None:
            say_next(people, ["demo"])
        elif view.is_damaged and not repair:
            say_next(people, ["doctor", *([name] if name else []), "--repair", *at(store)])
        else:
            say_next(people, ["studies", *at(store)])
    return int(view.is_damaged)
