"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, and everything else on stderr.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors, and what --json prints.")]
StoreUrl = Annotated[str, typer.Option("--store", help="The database of studies, a path or a URL.", metavar="URL")]
DEFAULT_STORE = "caviar.db"
RunOrStudy = Annotated[
    bool | None, typer.Option("--run/--study", help="Which of the two, where there is one of each of that name.")
]
