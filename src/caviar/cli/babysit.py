"""caviar babysit"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from caviar.cli.options import DEFAULT_STORE, Json, Quiet, StoreUrl


def babysit(
    data: Annotated[str, typer.Argument(help="CSV, Parquet, NPZ, NPY or IDX (.gz); images are flattened.")],
    target: Annotated[
        str | None, typer.Option(help="The column, or the NPZ key, of the labels.", metavar="COLUMN")
    ] = None,
    labels: Annotated[str | None, typer.Option(help="A file of labels, for NPY and IDX.", metavar="FILE")] = None,
    test: Annotated[str | None, typer.Option(help="Data kept sealed until the end.", metavar="FILE")] = None,
    test_labels: Annotated[str | None, typer.Option(help="The labels of --test.", metavar="FILE")] = None,
    config: Annotated[
        str | None, typer.Option(help="A TOML file of hyperparameters: learning_rate = 0.01 ...", metavar="FILE")
    ] = None,
    from_study: Annotated[
        str | None, typer.Option("--from", help="Begin with the best config of a study.", metavar="STUDY")
    ] = None,
    epochs: Annotated[int, typer.Option(help="How many epochs in all.")] = 50,
    name: Annotated[str | None, typer.Option(help="The run's name; by default the file's.", metavar="RUN")] = None,
    seed: Annotated[int, typer.Option(help="Decides the split and every weight.")] = 0,
    task: Annotated[
        str | None, typer.Option(help="classification or regression; by default the column decides.")
    ] = None,
    no_nurse: Annotated[bool, typer.Option("--no-nurse", help="Nobody watches but you.")] = False,
    nurse: Annotated[
        str | None,
        typer.Option(help="watch: rolls back, proposes the rest (the default); act: does it.", metavar="HOW"),
    ] = None,
    mapped: Annotated[
        bool | None,
        typer.Option(
            "--mapped/--in-memory", help="Leave the rows in files; by default where they are many (NPY, Parquet)."
        ),
    ] = None,
    disk: Annotated[float, typer.Option(help="Megabytes that its snapshots may take.", metavar="MB")] = 2048.0,
    store: StoreUrl = DEFAULT_STORE,
    out: Annotated[str, typer.Option(help="The folder that the model is saved in.", metavar="DIR")] = ".",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """[bold]caviar babysit flowers.csv --target species --epochs 40[/]

    Train one network and watch it: turn its knobs while it learns, roll back when it goes wrong, branch to try an
    idea. From another terminal: caviar turn, pause, snapshot, rollback, branch, stop, watch. A nurse watches too.
    """
    from caviar.babysit.configs import read_config
    from caviar.babysit.loop import Request, follow
    from caviar.cli.raising import raise_run

    request = Request(
        data=data,
        target=target,
        labels=labels,
        test=test,
        test_labels=test_labels,
        task=task,
        config=read_config(config, from_study, store),
        epochs=epochs,
        seed=seed,
        name=name,
        store=store,
        out=out,
        nurse="no" if no_nurse else nurse or "watch",
        budget=int(disk * 1e6),
        mapped=mapped,
    )
    raise_run(lambda ended: follow(request, ended), Path(data).name, json, quiet)
