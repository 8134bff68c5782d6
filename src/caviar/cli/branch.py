"""caviar branch"""

from __future__ import annotations

from typing import Annotated

import typer

from caviar.cli import options
from caviar.cli.follow_run import follow_run
from caviar.cli.interventions import Because, RunName, epoch_or_best
from caviar.cli.options import DEFAULT_STORE, Json, Quiet, StorePatience, StoreUrl, Trust
from caviar.runs import loop
from caviar.runs.client import branch_point, changes_of
from caviar.store.delivery import STORE_PATIENCE
from caviar.store.process import person


def branch(
    run: RunName,
    knobs: Annotated[
        list[str] | None, typer.Argument(help="name=value, to turn at once.", metavar="KNOB=VALUE")
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="The epoch to begin from: its number, or best.", metavar="EPOCH")
    ] = None,
    snapshot: Annotated[
        int | None, typer.Option(help="A snapshot by its number; by default the newest.", metavar="NUMBER")
    ] = None,
    name: Annotated[str | None, typer.Option(help="The branch's name.", metavar="RUN")] = None,
    epochs: Annotated[int | None, typer.Option(help="How many epochs in all; by default the run's.")] = None,
    because: Because = "",
    data: options.DataAgain = None,
    test: options.TestAgain = None,
    labels: options.LabelsAgain = None,
    test_labels: options.TestLabelsAgain = None,
    folder: options.FolderAgain = None,
    store: StoreUrl = DEFAULT_STORE,
    store_patience: StorePatience = STORE_PATIENCE,
    trust: Trust = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """[bold]caviar branch flowers --at 12 learning_rate=0.001 --name flowers-b[/]

    Train a second run from a snapshot of another, with other knobs. It runs here; the first goes on as it was.
    """
    changes = changes_of(run, knobs or [], store)
    number = branch_point(run, epoch_or_best("at", at), snapshot, store)
    moved = options.given(data=data, test=test, labels=labels, test_labels=test_labels, folder=folder)
    follow_run(
        lambda ended: loop.branch(
            run, number, changes, store, name, epochs, person(), because, ended, store_patience, trust, **moved
        ),
        run,
        store,
        json,
        quiet,
    )
