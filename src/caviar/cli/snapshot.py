"""caviar snapshot"""

from __future__ import annotations

from caviar.cli.interventions import Because, RunName, intervene
from caviar.cli.options import DEFAULT_STORE, Json, Quiet, StoreUrl


def snapshot(
    run: RunName, because: Because = "", store: StoreUrl = DEFAULT_STORE, json: Json = False, quiet: Quiet = False
) -> None:
    """[bold]caviar snapshot flowers --because "before I try something"[/]

    Save a run's state at its next mini-batch; such snapshots are the last to be cleaned up.
    """
    intervene(run, "snapshot", {}, store, because, json, quiet)
