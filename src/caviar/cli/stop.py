"""caviar stop"""

from __future__ import annotations

from caviar.cli.interventions import Because, RunName, intervene
from caviar.cli.options import DEFAULT_STORE, Json, Quiet, StoreUrl


def stop(
    run: RunName, because: Because = "", store: StoreUrl = DEFAULT_STORE, json: Json = False, quiet: Quiet = False
) -> None:
    """[bold]caviar stop flowers[/]

    End a run for good at its next mini-batch: it is scored and its model saved.
    """
    intervene(run, "stop", {}, store, because, json, quiet)
