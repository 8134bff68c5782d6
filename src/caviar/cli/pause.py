"""caviar pause"""

from __future__ import annotations

from caviar.cli.interventions import Because, RunName, intervene
from caviar.cli.options import DEFAULT_STORE, Json, Quiet, StoreUrl


def pause(
    run: RunName, because: Because = "", store: StoreUrl = DEFAULT_STORE, json: Json = False, quiet: Quiet = False
) -> None:
    """[bold]caviar pause flowers[/]

    Hold a run at its next mini-batch; caviar resume lets it go on.
    """
    intervene(run, "pause", {}, store, because, json, quiet)
