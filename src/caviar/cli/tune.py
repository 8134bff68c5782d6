"""caviar tune"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from caviar.api import refuse_other_kind
from caviar.cli import options
from caviar.cli.follow_study import follow_study
from caviar.errors import ConfigError
from caviar.records import Reading
from caviar.records.reading import as_target
from caviar.store.delivery import STORE_PATIENCE
from caviar.study.spec import ProgramRequest, Request
from caviar.study.tune import follow


@options.reads_tables
def tune(
    context: typer.Context,
    data: options.TableFile = None,
    target: options.Target = None,
    labels: options.Labels = None,
    test: Annotated[
        str | None, typer.Option(help="Data kept sealed until the end; else a fifth of DATA.", metavar="FILE")
    ] = None,
    test_labels: options.TestLabels = None,
    seconds: Annotated[float | None, typer.Option(help="The budget: all in all. 60 if neither is given.")] = None,
    trials: Annotated[
        int | None, typer.Option(help="The budget as a number of trials: the same bits on any machine of a kind.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides the split, the configs, and every weight.")] = 0,
    task: options.Task = None,
    metric: Annotated[
        str | None,
        typer.Option(
            help="accuracy (the default), balanced_accuracy, log_loss, roc_auc, average_precision, f1_macro, mcc, "
            "brier or calibration_error; for numbers r2 (the default), rmse, mae or mape."
        ),
    ] = None,
    space: Annotated[str | None, typer.Option(help="A space file (TOML); see caviar space.", metavar="FILE")] = None,
    search: Annotated[
        str | None,
        typer.Option(
            help="portfolio (the default in the default space), coarse_to_fine (in another), sobol, random, grid, or "
            "optuna:tpe, optuna:gp, optuna:cmaes.",
            metavar="NAME",
        ),
    ] = None,
    stopping: Annotated[
        str, typer.Option(help="The rule that stops poor trials early: halving, hyperband, median or none.")
    ] = "halving",
    prefer: Annotated[
        str | None,
        typer.Option(help="small or fast: the least network within a hundredth of the best.", metavar="WHAT"),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="best (the default): a weighted mean of several finalists; single: one of them; fast: the search's "
            "best, without repeats.",
            metavar="NAME",
        ),
    ] = None,
    balance: options.Balance = False,
    clip: Annotated[
        bool, typer.Option("--clip", help="For numbers: cut predictions to the range of the target in training.")
    ] = False,
    target_scale: Annotated[
        str | None,
        typer.Option(
            help="For numbers: learn them on a plain, log or quantile scale, without a trial.", metavar="SCALE"
        ),
    ] = None,
    first: Annotated[
        list[str] | None,
        typer.Option(
            help="A config to try first: 'learning_rate=0.01 layers=2'; the search fills in the rest. May be repeated.",
            metavar="CONFIG",
        ),
    ] = None,
    like: Annotated[
        list[str] | None,
        typer.Option(
            help="An earlier study, whose best configs come first, and then draws around them, while these are good; "
            "STUDY@STORE for one of another store. May be repeated.",
            metavar="STUDY",
        ),
    ] = None,
    constraints: Annotated[
        list[str] | None,
        typer.Option("--require", help="A condition on every config: 'units2 <= units1'. May be repeated."),
    ] = None,
    study: Annotated[
        str | None,
        typer.Option(help="The study's name, which must be free; by default the file's or program's.", metavar="NAME"),
    ] = None,
    store: options.StoreUrl = options.DEFAULT_STORE,
    store_patience: options.StorePatience = STORE_PATIENCE,
    threads: options.Threads = None,
    out: options.OutFolder = None,
    command: options.CommandLine = None,
    score: Annotated[
        str | None,
        typer.Option(
            help="For a program that does not speak to caviar: the score in its output, 'val_acc=([0-9.]+)'.",
            metavar="REGEX",
            rich_help_panel=options.PROGRAM,
        ),
    ] = None,
    goal: options.Goal = None,
    epochs: Annotated[
        int | None, typer.Option(help="The most epochs of a trial: 27 if not given.", rich_help_panel=options.PROGRAM)
    ] = None,
    processes: Annotated[
        int | None, typer.Option(help="Trials at once: one a processor, or a GPU.", rich_help_panel=options.PROGRAM)
    ] = None,
    gpus: Annotated[
        str | None, typer.Option(help="GPUs, one a process: 0,1,2.", metavar="LIST", rich_help_panel=options.PROGRAM)
    ] = None,
    trial_timeout: options.Silence = None,
    known: Annotated[
        str | None,
        typer.Option(
            help="A study whose trials the search begins with.",
            metavar="STUDY",
            rich_help_panel=options.PROGRAM,
        ),
    ] = None,
    repeats: Annotated[
        int | None,
        typer.Option(
            help="Times that the best five are trained again before one is chosen.", rich_help_panel=options.PROGRAM
        ),
    ] = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    *,
    reading: Reading,
) -> None:
    """[bold]caviar tune flowers.csv --target species --seconds 30[/]

    Find the best dense network for a table: thousands of configs, the poor ones stopped early, the best trained again
    with fresh seeds, the winner scored once on sealed data and saved.

    [bold]caviar tune --command "python train.py" --space space.toml --seconds 600[/]

    The same search for a program of your own, in any language and framework: see docs/protocol.md, caviar client.
    """
    of_tables = options.given(
        data=data, target=as_target(target), labels=labels, test=test, test_labels=test_labels, task=task
    )
    of_tables |= options.given(metric=metric, prefer=prefer, preset=preset, threads=threads, out=out)
    of_tables |= options.given(balance=balance or None, clip=clip or None, target_scale=target_scale)
    listed = None if gpus is None else [gpu.strip() for gpu in gpus.split(",")]
    of_programs = options.given(score=score, goal=goal, epochs=epochs, processes=processes, gpus=listed)
    of_programs |= options.given(trial_timeout=trial_timeout, repeats=repeats, known=known)
    of_both: dict[str, Any] = {
        "seconds": seconds,
        "trials": trials,
        "seed": seed,
        "space": space,
        **options.given(search=search),
        "first": first or (),
        "like": like or (),
        "constraints": constraints or (),
        "stopping": stopping,
        "study": study,
        "store": store,
        "store_patience": store_patience,
        "started": context.obj,
    }
    if command is not None:
        refuse_other_kind("function", of_tables | reading.to_record())
        program = ProgramRequest(command=command, **of_both, **of_programs)
        follow_study(lambda ended: follow(program, ended=ended), command, store, json=json, quiet=quiet)
        return
    if data is None:
        raise ConfigError(
            "there is nothing to tune: neither a table nor a program",
            'caviar tune flowers.csv --target species, or caviar tune --command "python train.py" --space space.toml',
        )
    if score is not None:
        raise ConfigError("`score` is for programs of your own", "leave it out, or give one: `command=LINE`")
    refuse_other_kind("table", of_programs)
    request = Request(reading=reading, **of_both, **{"out": "."} | of_tables)
    follow_study(lambda ended: follow(request, ended=ended), Path(data).name, store, json=json, quiet=quiet)
