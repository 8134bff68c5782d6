"""caviar tune"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from caviar.cli.options import DEFAULT_STORE, Json, Quiet, StoreUrl

PROGRAM = "A program of your own"


def tune(
    data: Annotated[
        str | None,
        typer.Argument(help="CSV, Parquet, NPZ, NPY or IDX (.gz); images are flattened. None with --command."),
    ] = None,
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
    command: Annotated[
        str | None,
        typer.Option(help="A program of yours that trains, in any language.", metavar="LINE", rich_help_panel=PROGRAM),
    ] = None,
    score: Annotated[
        str | None,
        typer.Option(
            help="For one that knows nothing of caviar: what its lines tell a score by, 'val_acc=([0-9.]+)'.",
            metavar="REGEX",
            rich_help_panel=PROGRAM,
        ),
    ] = None,
    goal: Annotated[
        str | None,
        typer.Option(help="maximize (the default) or minimize, for losses.", rich_help_panel=PROGRAM),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="The most epochs of a trial: 27 if not given.", rich_help_panel=PROGRAM)
    ] = None,
    processes: Annotated[
        int | None, typer.Option(help="Trials at once: one a processor, or a GPU.", rich_help_panel=PROGRAM)
    ] = None,
    gpus: Annotated[
        str | None, typer.Option(help="GPUs, one a process: 0,1,2.", metavar="LIST", rich_help_panel=PROGRAM)
    ] = None,
    trial_timeout: Annotated[
        float | None,
        typer.Option(help="Seconds that a trial may be silent.", metavar="SECONDS", rich_help_panel=PROGRAM),
    ] = None,
    repeats: Annotated[
        int | None,
        typer.Option(help="How often the best five are trained again before one is chosen.", rich_help_panel=PROGRAM),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """[bold]caviar tune flowers.csv --target species --seconds 30[/]

    Find the best dense network for a table: thousands of configs, the poor ones stopped early, the best trained again
    with fresh seeds, the winner scored once on sealed data and saved.

    [bold]caviar tune --command "python train.py" --space space.toml --seconds 600[/]

    The same search for a program of your own, in any language and framework: see docs/protocol.md, caviar client.
    """
    started = time.monotonic()
    from caviar.cli.watch import watch
    from caviar.errors import ConfigError
    from caviar.study.loop import ProgramRequest, Request, follow, follow_program

    own: dict[str, Any] = {
        "score": score,
        "goal": goal,
        "epochs": epochs,
        "processes": processes,
        "gpus": None if gpus is None else [gpu.strip() for gpu in gpus.split(",")],
        "trial_timeout": trial_timeout,
        "repeats": repeats,
    }
    given = {name: value for name, value in own.items() if value is not None}
    if command is not None:
        for name, value in {"DATA": data, "--target": target, "--metric": metric, "--test": test}.items():
            if value is not None:
                raise ConfigError(
                    f"{name} is for tables, and with --command the program has its own data",
                    f"leave out {name}, or --command",
                )
        program = ProgramRequest(
            command=command,
            space=space,
            seconds=seconds,
            trials=trials,
            seed=seed,
            search=search,
            stopping=stopping,
            study=study,
            store=store,
            started=started,
            **given,
        )
        watch(
            lambda ended: follow_program(program, fresh_name=study is None, ended=ended),
            command,
            store,
            json=json,
            quiet=quiet,
        )
        return
    if data is None:
        raise ConfigError(
            "there is nothing to tune: neither a table nor a program",
            'caviar tune flowers.csv --target species, or caviar tune --command "python train.py" --space space.toml',
        )
    for name in given:
        raise ConfigError(
            f"--{name.replace('_', '-')} is for programs of your own, and there is no --command",
            f"leave it out, or add --command (got a table, {data!r:.60})",
        )
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
