"""caviar rollback"""

from __future__ import annotations

from typing import Annotated

import typer

from caviar.cli.interventions import Because, RunName, intervene
from caviar.cli.options import DEFAULT_STORE, Json, Quiet, StoreUrl
from caviar.runs.client import snapshot_of


def rollback(
    run: RunName,
    to: Annotated[int | None, typer.Option(help="The epoch to go back to.", metavar="EPOCH")] = None,
    snapshot: Annotated[
        int | None, typer.Option(help="A snapshot by its number; by default the last good one.", metavar="NUMBER")
    ] = None,
    because: Because = "",
    store: StoreUrl = DEFAULT_STORE,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """[bold]caviar rollback flowers --to 12[/]

    Bring weights, moments, statistics, knobs, schedule and random streams of a run back to a snapshot, to the bit.
    """
    number = snapshot_of(run, to, snapshot, store)
    intervene(run, "rollback", {} if number is None else {"snapshot": number}, store, because, json, quiet)
