"""caviar turn"""

from __future__ import annotations

from typing import Annotated

import typer

from caviar.cli.interventions import Because, RunName, intervene
from caviar.cli.options import DEFAULT_STORE, Json, Quiet, StoreUrl
from caviar.runs.client import changes_of


def turn(
    run: RunName,
    knobs: Annotated[list[str], typer.Argument(help="name=value, one or more.", metavar="KNOB=VALUE")],
    because: Because = "",
    store: StoreUrl = DEFAULT_STORE,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """[bold]caviar turn flowers learning_rate=0.003 --because plateau[/]

    Turn knobs of a run at its next mini-batch: learning_rate, decay, decay_rate, momentum, beta1, beta2, l2, dropout,
    input_dropout, batch_size, clip_norm, weight_decay, optimizer.
    """
    intervene(run, "turn", changes_of(run, knobs, store), store, because, json, quiet)
