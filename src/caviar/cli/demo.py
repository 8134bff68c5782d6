"""caviar demo"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from caviar.cli.follow_study import follow_study
from caviar.cli.options import Json, Quiet
from caviar.data import samples
from caviar.errors import ConfigError
from caviar.study.spec import Request
from caviar.study.tune import follow


class Sample(StrEnum):
    """The built-in real data (scikit-learn's)."""

    digits = "digits"
    wine = "wine"
    breast_cancer = "breast_cancer"
    iris = "iris"
    diabetes = "diabetes"  # a number to predict


def demo(
    context: typer.Context,
    data: Annotated[Sample, typer.Option(help="Which data.")] = Sample.digits,
    seconds: Annotated[float, typer.Option(help="The budget: all in all.")] = 30.0,
    seed: Annotated[int, typer.Option(help="Decides the split, the configs, and every weight.")] = 0,
    out: Annotated[
        str, typer.Option(help="The folder for the table, the study and the model.", metavar="DIR")
    ] = "caviar-demo",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """[bold]caviar demo[/]

    Tune a network on built-in real data in half a minute. The table is written out as CSV first, so that every other
    command can be tried on it. A second demo of the same data is a new study, with a number behind its name.
    """
    folder = Path(out)
    table = getattr(samples, data.value)()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = samples.write_csv(table, folder / f"{data.value}.csv")
    except OSError as error:
        raise ConfigError(
            f"the demo cannot be written into {out!r}: {error.strerror}",
            "name a folder that you may write to: `out=...`",
        ) from error
    request = Request(
        data=path,
        target=table.target_name,
        seconds=seconds,
        seed=seed,
        store=folder / "caviar.db",
        out=folder,
        started=context.obj,
    )
    follow_study(
        lambda ended: follow(request, fresh_name=True, ended=ended),
        str(path),
        str(request.store),
        json=json,
        quiet=quiet,
    )
