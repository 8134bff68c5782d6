"""caviar babysit"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from caviar.cli import options
from caviar.cli.follow_run import follow_run
from caviar.errors import ConfigError
from caviar.learners.balance import BALANCED, NAME
from caviar.records import Reading, RunKind, RunSpec
from caviar.records.reading import as_target
from caviar.runs import loop
from caviar.runs.configs import balanced, goal_of, read_config
from caviar.store.delivery import STORE_PATIENCE


@options.reads_tables
def babysit(
    data: options.TableFile = None,
    target: options.Target = None,
    labels: options.Labels = None,
    test: Annotated[str | None, typer.Option(help="Data kept sealed until the end.", metavar="FILE")] = None,
    test_labels: options.TestLabels = None,
    config: Annotated[
        str | None, typer.Option(help="A TOML file of its config: learning_rate = 0.01 ...", metavar="FILE")
    ] = None,
    from_study: Annotated[
        str | None, typer.Option("--from", help="Begin with the best config of a study.", metavar="STUDY")
    ] = None,
    epochs: Annotated[int, typer.Option(help="How many epochs in all.")] = 50,
    patience: Annotated[
        int | None, typer.Option(help="Stop when so many epochs in a row were no better than the best.", metavar="N")
    ] = None,
    last: Annotated[bool, typer.Option("--last", help="Save the last epoch's network, not the best epoch's.")] = False,
    name: Annotated[
        str | None, typer.Option(help="The run's name, which must be free; by default the file's.", metavar="RUN")
    ] = None,
    seed: options.SplitSeed = 0,
    task: options.Task = None,
    balance: options.Balance = False,
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
    store: options.StoreUrl = options.DEFAULT_STORE,
    store_patience: options.StorePatience = STORE_PATIENCE,
    out: options.OutFolder = None,
    command: options.CommandLine = None,
    goal: options.Goal = None,
    trial_timeout: options.Silence = None,
    snapshot_seconds: Annotated[
        float | None,
        typer.Option(
            help="Seconds between two snapshots of its own, at least; if not given 2, and more where they take long.",
            metavar="SECONDS",
            rich_help_panel=options.PROGRAM,
        ),
    ] = None,
    score: Annotated[str | None, typer.Option(hidden=True)] = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    *,
    reading: Reading,
) -> None:
    """[bold]caviar babysit flowers.csv --target species --epochs 40[/]

    Train one network and watch it: turn its knobs while it learns, roll back when it goes wrong, branch to try an
    idea. From another terminal: caviar turn, pause, snapshot, rollback, branch, stop, watch. A nurse watches too.

    [bold]caviar babysit --command "python train.py" --config config.toml[/]

    The same for a program of your own, in any language and framework: see docs/protocol.md. Its hyperparameters are its
    knobs.
    """
    of_tables = options.given(data=data, target=as_target(target), labels=labels, test=test, test_labels=test_labels)
    of_tables |= options.given(task=task, mapped=mapped, out=out, last=last or None, balance=balance or None)
    of_programs = options.given(goal=goal, trial_timeout=trial_timeout, snapshot_seconds=snapshot_seconds, score=score)
    of_both: dict[str, Any] = {"epochs": epochs, "disk_bytes": int(disk * 1e6), "patience": patience}
    if command is not None:
        for option in of_tables | reading.to_record():
            raise ConfigError(
                f"`{option}` is for tables, and with --command the program has its own data",
                f"leave out `{option}`, or --command",
            )
        if score is not None:
            raise ConfigError(
                "--score is for programs that do not speak to caviar; babysit needs one that does",
                "have it speak docs/protocol.md: with the client for Python it is three lines; or caviar tune --score",
            )
        if nurse is not None:
            raise ConfigError(
                "--nurse is for caviar's own networks: a program is rolled back, and nothing else", "leave it out"
            )
        chosen = read_config(config, from_study, store, own=True)
        if from_study is not None and goal is None:
            of_programs["goal"] = goal_of(from_study, store)
        nurse = "no" if no_nurse else "watch"
        spec = RunSpec(kind=RunKind.PROGRAM, command=command, nurse=nurse, **of_both, **of_programs)
    else:
        for option in of_programs:
            raise ConfigError(
                f"`{option}` is for programs of your own, and there is no --command",
                "leave it out, or add --command",
            )
        if data is None:
            raise ConfigError(
                "there is nothing to babysit: neither a table nor a program",
                'caviar babysit flowers.csv --target species, or caviar babysit --command "python train.py"',
            )
        nurse = "no" if no_nurse else nurse or "watch"
        of_tables.pop("last", None)
        shape = {"out": ".", "save": "last" if last else "best", **of_tables}
        spec = RunSpec(kind=RunKind.NETWORK, nurse=nurse, reading=reading, **of_both, **shape)
        chosen = read_config(config, from_study, store)
        if from_study is not None and chosen.get(NAME) == BALANCED:  # of a study with --balance
            spec = replace(spec, balance=True)
        chosen = balanced(chosen) if balance else chosen
    title = command if data is None else Path(data).name
    follow_run(
        lambda ended: loop.begin(spec, chosen, seed, name, store, ended, store_patience),
        title or "",
        store,
        json,
        quiet,
    )
