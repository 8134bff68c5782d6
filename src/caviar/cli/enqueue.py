"""caviar enqueue"""

from __future__ import annotations

from typing import Annotated

import typer

from caviar.cli.console import console, print_json
from caviar.cli.next_steps import to_resume
from caviar.cli.options import DEFAULT_STORE, Json, StoreUrl
from caviar.report.text import config_text
from caviar.study.enqueued import wish


def enqueue(
    study: Annotated[str, typer.Argument(help="The study's name; caviar studies lists them.", metavar="STUDY")],
    values: Annotated[list[str], typer.Argument(help="Hyperparameters and their values.", metavar="NAME=VALUE...")],
    store: StoreUrl = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """[bold]caviar enqueue flowers learning_rate=0.01 layers=2[/]

    Have a config of yours tried: next, where the study runs, else first when it goes on. The search fills in the
    hyperparameters that you leave out.
    """
    wished = wish(study, values, store)
    if json:
        print_json({"study": study, "enqueued": wished.config, "waiting": wished.waiting})
        return
    when = "next" if wished.is_running else f"first when the study goes on: {to_resume(study, store)} --seconds 60"
    console().print(f"{config_text(wished.config)} is tried {when}", markup=False, soft_wrap=True)
