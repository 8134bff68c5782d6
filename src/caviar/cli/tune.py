"""caviar tune"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from caviar.cli.options import DEFAULT_STORE, Json, Quiet, StoreUrl


def tune(
    data: Annotated[str, typer.Argument(help="CSV, Parquet, NPZ, NPY or IDX (.gz); images are flattened.")],
    target: Annotated[
        str | None, typer.Option(help="The column, or the NPZ key, of the labels.", metavar="COLUMN")
    ] = None,
    labels: Annotated[str | None, typer.Option(help="A file of labels, for NPY and IDX.", metavar="FILE")] = None,
    test: Annotated[
        str | None, typer.Option(help="Data kept sealed until the end; else a fifth of DATA.", metavar="FILE")
    ] = None,
    test_labels: Annotated[
        str | None, typer.Option(help="The labels of --test, for NPY and IDX.", metavar="FILE")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="The budget: all in all. 60 if neither is given.")] = None,
    trials: Annotated[
        int | None, typer.Option(help="The budget as a number of trials: the same bits on any machine of a kind.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides the split, the configs, and every weight.")] = 0,
    task: Annotated[
        str | None, typer.Option(help="classification or regression; by default the column decides.")
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(help="accuracy (the default), balanced_accuracy or log_loss; for numbers r2, rmse or mae."),
    ] = None,
    space: Annotated[str | None, typer.Option(help="A space file (TOML); see caviar space.", metavar="FILE")] = None,
    search: Annotated[
        str, typer.Option(help="coarse_to_fine, sobol, random, grid, or optuna:tpe, optuna:gp, optuna:cmaes.")
    ] = "coarse_to_fine",
    stopping: Annotated[
        str, typer.Option(help="Who is stopped early: halving, hyperband, median or none.")
    ] = "halving",
    prefer: Annotated[
        str, typer.Option(help="small or fast: the least network within a hundredth of the best.", metavar="WHAT")
    ] = "score",
    ensemble: Annotated[
        bool, typer.Option("--ensemble", help="Save a weighted mean of several finalists, not a single network.")
    ] = False,
    study: Annotated[str | None, typer.Option(help="The study's name; by default the file's.", metavar="NAME")] = None,
    store: StoreUrl = DEFAULT_STORE,
    threads: Annotated[int | None, typer.Option(help="Networks trained at once; by default one a processor.")] = None,
    out: Annotated[str, typer.Option(help="The folder that the model is saved in.", metavar="DIR")] = ".",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """[bold]caviar tune flowers.csv --target species --seconds 30[/]

    Find the best dense network for a table: thousands of configs, the poor ones stopped early, the best trained again
    with fresh seeds, the winner scored once on sealed data and saved.
    """
    started = time.monotonic()
    from caviar.cli.watch import watch
    from caviar.tune import Request, follow

    request = Request(
        data=data,
        target=target,
        labels=labels,
        test=test,
        test_labels=test_labels,
        seconds=seconds,
        trials=trials,
        seed=seed,
        task=task,
        metric=metric,
        space=space,
        search=search,
        stopping=stopping,
        prefer=prefer,
        ensemble=ensemble,
        study=study,
        store=store,
        threads=threads,
        out=out,
        started=started,
    )
    watch(lambda ended: follow(request, ended=ended), Path(data).name, store, json=json, quiet=quiet)
