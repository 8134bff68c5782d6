"""caviar work"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from caviar.cli import options
from caviar.cli.console import console
from caviar.cli.next_steps import at, say_next
from caviar.cli.options import DEFAULT_STORE, Quiet, StoreUrl, Threads
from caviar.cli.signals import Ended, ending
from caviar.store.delivery import STORE_PATIENCE
from caviar.study.helping import work as help_with

_ROUND = 5.0  # seconds between two lines


def work(
    study: Annotated[str, typer.Argument(help="A study that runs; caviar studies lists them.", metavar="STUDY")],
    store: StoreUrl = DEFAULT_STORE,
    threads: Threads = None,
    data: options.DataAgain = None,
    test: options.TestAgain = None,
    labels: options.LabelsAgain = None,
    test_labels: options.TestLabelsAgain = None,
    store_patience: options.StorePatience = STORE_PATIENCE,
    quiet: Quiet = False,
) -> None:
    """[bold]caviar work flowers[/]

    Help with a study that another process runs, by tune or resume: train its tasks until it ends. The numbers
    are the same with any number of helpers, and a helper may be killed at any time.
    """

    people = console(quiet=quiet)
    files: dict[str, Any] = {"data": data, "test": test, "labels": labels, "test_labels": test_labels}
    printed = 0.0
    tasks: int | None = None
    with ending() as ended:
        try:
            for helping in help_with(
                study, store=store, threads=threads, ended=ended.asked.is_set, store_patience=store_patience, **files
            ):
                ended.saves = True
                if tasks is None:
                    people.print(f"helping with {study}; Ctrl-C ends the help, and the study goes on", markup=False)
                tasks = helping.tasks
                if helping.over:
                    people.print(f"trained {tasks:,} tasks: {helping.over}", markup=False, soft_wrap=True)
                    say_next(people, ["watch", study, *at(store)])
                elif helping.elapsed - printed >= _ROUND:
                    printed = helping.elapsed
                    note = helping.note and f" | {helping.note}"
                    people.print(f"{helping.elapsed:.0f} s | {tasks:,} tasks{note}", markup=False, soft_wrap=True)
        except KeyboardInterrupt:
            people.print(f"trained {tasks or 0:,} tasks: others have the rest of it now", markup=False)
            raise Ended(ended.status) from None
