"""caviar delete"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from caviar.cli.console import console, print_json
from caviar.cli.next_steps import at, say_next
from caviar.cli.options import DEFAULT_STORE, Json, RunOrStudy, StoreUrl
from caviar.errors import StoreError
from caviar.report.text import visible
from caviar.store import Store, doctor
from caviar.store.runs import Runs


def delete(
    name: Annotated[str, typer.Argument(help="The name of a study, or of a run of caviar babysit.")],
    store: StoreUrl = DEFAULT_STORE,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    run: RunOrStudy = None,
    json: Json = False,
) -> int:
    """[bold]caviar delete flowers[/]

    Delete a study or a run, after a question: its trials or diary, and its snapshots. Its model's file is left where it
    is.
    """
    from rich.text import Text

    people = console(json)
    with Store.open(store, create=False) as opened:
        kind = doctor.kind_of(opened, name, run)
        of = "snapshots" if kind == "run" else "trials"
        if kind == "run":
            n = sum(snapshot.state == "kept" for snapshot in Runs(opened).snapshots(name))
        else:
            n = sum(opened.trial_counts()[opened.study(name).name].values())
        if not yes:
            if not sys.stdin.isatty():
                raise StoreError("deleting asks first, and there is nobody to ask", "add --yes")
            people.print(Text(f"Delete {kind} {visible(name)!r} with its {n:,} {of}? Write yes: "), end="")
            if sys.stdin.readline().strip().lower() not in ("y", "yes"):
                people.print("nothing was deleted")
                return 1
        with people.status("deleting"):  # a process of another machine is watched for ten seconds
            doctor.delete(opened, kind, name)
    if json:
        print_json({kind: name, "deleted": True, of: n})
    else:
        people.print(Text(f"deleted {visible(name)!r} with its {n:,} {of}"))
        say_next(people, ["studies", *at(store)])
    return 0
