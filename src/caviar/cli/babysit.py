"""caviar babysit"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from caviar.cli.follow_run import follow_run
from caviar.cli.options import DEFAULT_STORE, Json, Labels, OutFolder, Quiet, SplitSeed, StoreUrl, Target, Task
from caviar.errors import ConfigError
from caviar.records import RunKind, RunSpec
from caviar.runs import loop
from caviar.runs.configs import goal_of, read_config

PROGRAM = "A program of your own"


def babysit(
    data: Annotated[
        str | None,
        typer.Argument(help="CSV, Parquet, NPZ, NPY or IDX (.gz); images are flattened. None with --command."),
    ] = None,
    target: Target = None,
    labels: Labels = None,
    test: Annotated[str | None, typer.Option(help="Data kept sealed until the end.", metavar="FILE")] = None,
    test_labels: Annotated[str | None, typer.Option(help="The labels of --test.", metavar="FILE")] = None,
    config: Annotated[
        str | None, typer.Option(help="A TOML file of hyperparameters: learning_rate = 0.01 ...", metavar="FILE")
    ] = None,
    from_study: Annotated[
        str | None, typer.Option("--from", help="Begin with the best config of a study.", metavar="STUDY")
    ] = None,
    epochs: Annotated[int, typer.Option(help="How many epochs in all.")] = 50,
    name: Annotated[
        str | None, typer.Option(help="The run's name, which must be free; by default the file's.", metavar="RUN")
    ] = None,
    seed: SplitSeed = 0,
    task: Task = None,
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
    out: OutFolder = None,
    command: Annotated[
        str | None,
        typer.Option(help="A program of yours that trains, in any language.", metavar="LINE", rich_help_panel=PROGRAM),
    ] = None,
    goal: Annotated[
        str | None,
        typer.Option(help="Of its score: maximize (the default) or minimize.", rich_help_panel=PROGRAM),
    ] = None,
    trial_timeout: Annotated[
        float | None,
        typer.Option(help="Seconds that it may be silent.", metavar="SECONDS", rich_help_panel=PROGRAM),
    ] = None,
    snapshot_seconds: Annotated[
        float | None,
        typer.Option(
            help="Seconds between two snapshots of its own, at least; if not given 2, and more where they take long.",
            metavar="SECONDS",
            rich_help_panel=PROGRAM,
        ),
    ] = None,
    score: Annotated[str | None, typer.Option(hidden=True)] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """[bold]caviar babysit flowers.csv --target species --epochs 40[/]

    Train one network and watch it: turn its knobs while it learns, roll back when it goes wrong, branch to try an
    idea. From another terminal: caviar turn, pause, snapshot, rollback, branch, stop, watch. A nurse watches too.

    [bold]caviar babysit --command "python train.py" --config config.toml[/]

    The same for a program of your own, in any language and framework: see docs/protocol.md. Its hyperparameters are its
    knobs.
    """
    own: dict[str, Any] = {"goal": goal, "trial_timeout": trial_timeout, "snapshot_seconds": snapshot_seconds}
    if command is not None:
        tables = {"DATA": data, "--target": target, "--labels": labels, "--test": test, "--test-labels": test_labels}
        for option, value in (tables | {"--task": task, "--mapped": mapped, "--out": out}).items():
            if value is not None:
                raise ConfigError(
                    f"{option} is for tables, and with --command the program has its own data",
                    f"leave out {option}, or --command",
                )
        if score is not None:
            raise ConfigError(
                "--score is for a program that knows nothing of caviar, and such a one cannot be babysat",
                "have it speak docs/protocol.md: with the client for Python it is three lines; or caviar tune --score",
            )
        if nurse is not None:
            raise ConfigError(
                "--nurse is for caviar's own networks: a program's is only ever rolled back", "leave it out"
            )
        hyperparameters = read_config(config, from_study, store, own=True)
        if from_study is not None and goal is None:
            own["goal"] = goal_of(from_study, store)
        spec = RunSpec(
            kind=RunKind.PROGRAM,
            command=command,
            epochs=epochs,
            nurse="no" if no_nurse else "watch",
            disk_bytes=int(disk * 1e6),
            **{option: value for option, value in own.items() if value is not None},
        )
        follow_run(lambda ended: loop.begin(spec, hyperparameters, seed, name, store, ended), command, json, quiet)
        return
    for option, value in (own | {"score": score}).items():
        if value is not None:
            raise ConfigError(
                f"--{option.replace('_', '-')} is for programs of your own, and there is no --command",
                "leave it out, or add --command",
            )
    if data is None:
        raise ConfigError(
            "there is nothing to babysit: neither a table nor a program",
            'caviar babysit flowers.csv --target species, or caviar babysit --command "python train.py"',
        )
    spec = RunSpec(
        kind=RunKind.NETWORK,
        data=data,
        target=target,
        labels=labels,
        test=test,
        test_labels=test_labels,
        task=task,
        epochs=epochs,
        out=out or ".",
        nurse="no" if no_nurse else nurse or "watch",
        disk_bytes=int(disk * 1e6),
        mapped=mapped,
    )
    chosen = read_config(config, from_study, store)
    follow_run(lambda ended: loop.begin(spec, chosen, seed, name, store, ended), Path(data).name, json, quiet)
