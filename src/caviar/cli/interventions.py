"""The outcome of an intervention, for people and as JSON: the commands that intervene share it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from caviar.cli.console import console, print_json
from caviar.errors import StoreError
from caviar.records import InterventionState
from caviar.runs import client

RunName = Annotated[str, typer.Argument(help="The name of a run.", metavar="RUN")]
Because = Annotated[str, typer.Option("--because", help="Why, for the diary.", metavar="TEXT")]


def intervene(
    run: str, kind: str, arguments: Mapping[str, Any], store: str, because: str, json: bool, quiet: bool
) -> None:
    """Intervene in ``run`` and show the outcome. A refused intervention is the user's mistake."""
    asked = client.intervene(run, kind, arguments, store, because)
    if asked.state is InterventionState.REFUSED:
        rule, _, way_out = asked.outcome.partition("; ")
        raise StoreError(f"run {run!r} refused: {rule}", way_out or f"caviar diary {run} tells more")
    if json:
        print_json(
            {"run": run, "order": asked.number, "kind": kind, "state": str(asked.state), "outcome": asked.outcome}
        )
    said = f"{asked.state} {asked.outcome}"
    if asked.state is InterventionState.WAITING:
        said = f"waits until a process trains the run (caviar resume {run})"
        if client.is_held(run, store):
            said = "waits until the run comes to its next mini-batch, a program to its next report"
            said += ", a loop of your own to run.snapshot or run.wants_rollback"
    console(json=json, quiet=quiet).print(f"{run}: {kind} {said}", markup=False, soft_wrap=True)
