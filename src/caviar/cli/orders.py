"""What became of an order, for people and as JSON: the commands that give one share it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from caviar.errors import StoreError
from caviar.records import InterventionState

RunName = Annotated[str, typer.Argument(help="The name of a run.", metavar="RUN")]
Because = Annotated[str, typer.Option("--because", help="Why, for the diary.", metavar="TEXT")]


def give(run: str, kind: str, arguments: Mapping[str, Any], store: str, because: str, json: bool, quiet: bool) -> None:
    """Give the order and tell what became of it. A refused one is the user's mistake."""
    from caviar.cli.console import console, print_json
    from caviar.runs.client import is_kept, look, tell

    order = tell(run, kind, arguments, store, because)
    if order.state is InterventionState.REFUSED:
        rule, _, way_out = order.outcome.partition("; ")
        raise StoreError(f"run {run!r} refused: {rule}", way_out or f"caviar diary {run} tells more")
    if json:
        print_json(
            {"run": run, "order": order.number, "kind": kind, "state": str(order.state), "outcome": order.outcome}
        )
    said = f"{order.state} {order.outcome}"
    if order.state is InterventionState.WAITING:
        said = f"waits: it is obeyed when a process trains the run (caviar resume {run})"
        if is_kept(look(run, store).run):
            said = "waits: it is obeyed when the run comes to its next mini-batch, or a program to what it tells next"
    console(json=json, quiet=quiet).print(f"{run}: {kind} {said}", markup=False, soft_wrap=True)
