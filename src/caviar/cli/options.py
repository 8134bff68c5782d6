"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, and everything else on stderr.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors, and what --json prints.")]
StoreUrl = Annotated[str, typer.Option("--store", help="The database of studies, a path or a URL.", metavar="URL")]
Target = Annotated[
    str | None, typer.Option("--target", help="The column, or the NPZ key, of the labels.", metavar="COLUMN")
]
Labels = Annotated[str | None, typer.Option("--labels", help="A file of labels, for NPY and IDX.", metavar="FILE")]
Task = Annotated[
    str | None, typer.Option("--task", help="classification or regression; by default the column decides.")
]
SplitSeed = Annotated[int, typer.Option("--seed", help="Decides the split and every weight.")]
Threads = Annotated[int | None, typer.Option("--threads", help="Networks trained at once; by default one a processor.")]
OutFolder = Annotated[
    str | None, typer.Option("--out", help="The folder that the model is saved in; by default this one.", metavar="DIR")
]
DEFAULT_STORE = "caviar.db"
RunOrStudy = Annotated[
    bool | None, typer.Option("--run/--study", help="Which of the two, where there is one of each of that name.")
]
