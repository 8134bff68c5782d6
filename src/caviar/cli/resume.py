"""caviar resume"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated

import typer

from caviar.cli import options
from caviar.cli.follow_run import follow_run
from caviar.cli.follow_study import follow_study, status_of
from caviar.cli.interventions import Because, intervene
from caviar.cli.options import DEFAULT_STORE, Json, Quiet, StoreUrl, Threads, given
from caviar.errors import ConfigError
from caviar.runs import loop
from caviar.runs.client import going_on
from caviar.store.delivery import STORE_PATIENCE
from caviar.store.process import person
from caviar.study.events import Event
from caviar.study.resume import take_up


def resume(
    study: Annotated[str, typer.Argument(help="The name of a study, or of a run of caviar babysit.", metavar="NAME")],
    seconds: Annotated[float | None, typer.Option(help="So many seconds more.")] = None,
    trials: Annotated[
        int | None, typer.Option(help="The trials that the study should have in all, those before counted.")
    ] = None,
    data: options.DataAgain = None,
    test: options.TestAgain = None,
    labels: options.LabelsAgain = None,
    test_labels: options.TestLabelsAgain = None,
    folder: options.FolderAgain = None,
    store: StoreUrl = DEFAULT_STORE,
    store_patience: options.StorePatience = STORE_PATIENCE,
    threads: Threads = None,
    processes: Annotated[int | None, typer.Option(help="The same for a program of your own.")] = None,
    out: Annotated[
        str | None, typer.Option(help="The folder that the model is saved in; by default as before.", metavar="DIR")
    ] = None,
    repeats: Annotated[
        int | None,
        typer.Option(
            help="Train the best five again so many times before one is chosen.", rich_help_panel=options.PROGRAM
        ),
    ] = None,
    command: options.CommandLine = None,
    score: Annotated[
        str | None,
        typer.Option(help="As of caviar tune, for a study that was imported.", rich_help_panel=options.PROGRAM),
    ] = None,
    because: Because = "",
    trust: options.Trust = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """[bold]caviar resume flowers --seconds 60[/]

    Take a study up again: one that was interrupted or killed goes on to the end of its budget, one that is finished is
    given more. With a budget of trials the end is the same, to the bit, as if it had never been broken. The exit status
    of a test of an old answer is that of caviar retest.

    A study that was imported from Optuna goes on with a program of yours: --command "python train.py" --trials 100.

    A run of caviar babysit that is paused goes on; one whose process has ended is taken up at its newest snapshot.
    """
    run = going_on(study, store)
    if run is not None:
        of_studies = given(seconds=seconds, trials=trials, threads=threads)
        moved = given(data=data, test=test, labels=labels, test_labels=test_labels, folder=folder)
        for option in of_studies | given(processes=processes, out=out, command=command, score=score, repeats=repeats):
            raise ConfigError(f"`{option}` is for studies, and {study!r} is a run", f"leave out `{option}`")
        if run == "paused":
            for option in moved:
                raise ConfigError(
                    f"`{option}` is for a run whose process has ended, and {study!r} is in training", "leave it out"
                )
            intervene(study, "resume", {}, store, because, json, quiet)
        else:
            follow_run(
                lambda ended: loop.resume(study, store, ended, store_patience, trust, person(), because, **moved),
                study,
                store,
                json,
                quiet,
            )
        return 0
    if because:
        raise ConfigError(f"`because` is for the diary of a run, and {study!r} is none", "leave out `because`")

    def events(ended: Callable[[], bool]) -> Iterator[Event]:
        return take_up(
            study,
            store=store,
            seconds=seconds,
            trials=trials,
            data=data,
            test=test,
            labels=labels,
            test_labels=test_labels,
            folder=folder,
            threads=threads,
            processes=processes,
            out=out,
            command=command,
            score=score,
            repeats=repeats,
            store_patience=store_patience,
            trust=trust,
            ended=ended,
        )

    result = follow_study(events, f"study {study}", store, json=json, quiet=quiet)
    return 0 if result is None else status_of(result)
