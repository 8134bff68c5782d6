"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, and everything else on stderr.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors, and what --json prints.")]
StoreUrl = Annotated[str, typer.Option("--store", help="The database of studies, a path or a URL.", metavar="URL")]
TableFile = Annotated[
    str | None, typer.Argument(help="CSV, Parquet, NPZ, NPY or IDX (.gz); images are flattened. None with --command.")
]
TestLabels = Annotated[str | None, typer.Option(help="The labels of --test, for NPY and IDX.", metavar="FILE")]
Target = Annotated[str | None, typer.Option(help="The column, or the NPZ key, of the labels.", metavar="COLUMN")]
Labels = Annotated[str | None, typer.Option(help="A file of labels, for NPY and IDX.", metavar="FILE")]
Task = Annotated[str | None, typer.Option(help="classification or regression; by default the column decides.")]
SplitSeed = Annotated[int, typer.Option(help="Decides the split and every weight.")]
Threads = Annotated[int | None, typer.Option(help="Networks trained at once; by default one a processor.")]
OutFolder = Annotated[
    str | None, typer.Option(help="The folder that the model is saved in; by default this one.", metavar="DIR")
]
PROGRAM = "A program of your own"
CommandLine = Annotated[
    str | None,
    typer.Option(help="A program of yours that trains, in any language.", metavar="LINE", rich_help_panel=PROGRAM),
]
Goal = Annotated[
    str | None,
    typer.Option(help="Of its score: maximize (the default), or minimize, for losses.", rich_help_panel=PROGRAM),
]
Silence = Annotated[
    float | None, typer.Option(help="Seconds that it may be silent.", metavar="SECONDS", rich_help_panel=PROGRAM)
]
DEFAULT_STORE = "caviar.db"
RunOrStudy = Annotated[
    bool | None, typer.Option("--run/--study", help="Which of the two, where there is one of each of that name.")
]


def given(**arguments: Any) -> dict[str, Any]:
    """The ``arguments`` that the command line has."""
    return {name: value for name, value in arguments.items() if value is not None}
