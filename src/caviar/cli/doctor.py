"""caviar doctor"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from caviar.cli.options import DEFAULT_STORE, Json, StoreUrl


def doctor(
    name: Annotated[str | None, typer.Argument(help="Only this study or run; all of them if not given.")] = None,
    store: StoreUrl = DEFAULT_STORE,
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be mended, and say what was done.")] = False,
    json: Json = False,
) -> int:
    """[bold]caviar doctor[/]

    Look for damage in a store: its database, claims of dead workers, runs whose process has ended, snapshots that are
    damaged or belong to nothing; and show this machine and versions.
    """
    from caviar.cli.console import console, print_json
    from caviar.report.doctor import doctor_page, finding_row, machine, store_facts
    from caviar.store import Store
    from caviar.store.examination import examine

    here = machine()
    if store == DEFAULT_STORE and name is None and not Path(store).exists():
        facts, found = None, []
    else:
        with Store.open(store, create=False) as opened:
            found = examine(opened, name, repair)
            facts = store_facts(opened)
    if json:
        print_json({"machine": here, "store": facts, "found": [finding_row(finding) for finding in found]})
    else:
        console().print(doctor_page(here, facts, found))
    return int(any(finding.is_damage and not finding.mended for finding in found))
