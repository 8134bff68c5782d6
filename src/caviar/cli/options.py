"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated, Any

import typer

from caviar.records import Reading

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, and everything else on stderr.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors, and what --json prints.")]
ForSpreadsheet = Annotated[
    bool,
    typer.Option("--for-spreadsheet", help="In CSV, an apostrophe before text that a spreadsheet would run."),
]
STORE_VARIABLE = "CAVIAR_STORE"
StoreUrl = Annotated[
    str,
    typer.Option(
        "--store",
        envvar=STORE_VARIABLE,
        show_envvar=False,
        metavar="URL",
        help="The database of studies, a path or a URL; else what CAVIAR_STORE has.",
    ),
]
TableFile = Annotated[
    str | None, typer.Argument(help="CSV, Parquet, NPZ, NPY or IDX (.gz); images are flattened. None with --command.")
]
TestLabels = Annotated[str | None, typer.Option(help="The labels of --test, for NPY and IDX.", metavar="FILE")]
PROGRAM = "A program of your own"
DataAgain = Annotated[str | None, typer.Option(help="The same data, if its file was moved.", metavar="FILE")]
TestAgain = Annotated[str | None, typer.Option(help="The same --test, if it was moved.", metavar="FILE")]
LabelsAgain = Annotated[str | None, typer.Option(help="The same --labels, if it was moved.", metavar="FILE")]
TestLabelsAgain = Annotated[str | None, typer.Option(help="The same --test-labels, if it was moved.", metavar="FILE")]
FolderAgain = Annotated[
    str | None,
    typer.Option(
        help="The folder that the program is started in, if it was moved.", metavar="DIR", rich_help_panel=PROGRAM
    ),
]
Target = Annotated[
    list[str] | None,
    typer.Option(
        help="The column, or the NPZ key, of the labels. Several columns of two labels: once for each.",
        metavar="COLUMN",
    ),
]
Labels = Annotated[str | None, typer.Option(help="A file of labels, for NPY and IDX.", metavar="FILE")]
Task = Annotated[str | None, typer.Option(help="classification or regression; by default the column decides.")]
Balance = Annotated[
    bool, typer.Option("--balance", help="Count every class alike in training, however few rows it has.")
]
SplitSeed = Annotated[int, typer.Option(help="Decides the split and every weight.")]
Threads = Annotated[int | None, typer.Option(help="Networks trained at once; by default one a processor.")]
OutFolder = Annotated[
    str | None, typer.Option(help="The folder that the model is saved in; by default this one.", metavar="DIR")
]
CommandLine = Annotated[
    str | None,
    typer.Option(help="A program of yours that trains, in any language.", metavar="LINE", rich_help_panel=PROGRAM),
]
Goal = Annotated[
    str | None,
    typer.Option(
        help="Of its score: minimize for losses, or maximize; by default its name decides.",
        rich_help_panel=PROGRAM,
    ),
]
Silence = Annotated[
    float | None, typer.Option(help="Seconds that it may be silent.", metavar="SECONDS", rich_help_panel=PROGRAM)
]
DEFAULT_STORE = "caviar.db"
StorePatience = Annotated[
    float, typer.Option(help="Seconds that training goes on while the store cannot be reached.", metavar="SECONDS")
]
Trust = Annotated[
    bool,
    typer.Option("--trust", help="Run the command in the store, whoever wrote it.", rich_help_panel=PROGRAM),
]
RunOrStudy = Annotated[
    bool | None, typer.Option("--run/--study", help="Which of the two, where there is one of each of that name.")
]


def given(**arguments: Any) -> dict[str, Any]:
    """The ``arguments`` that the command line has."""
    return {name: value for name, value in arguments.items() if value is not None}


# --- how a table is read ---

_TABLE = "The table, where it should not decide itself"
_Texts = list[str] | None


def _column(text: str, type_: Any = _Texts, metavar: str = "COLUMN") -> Any:
    return Annotated[type_, typer.Option(help=text, metavar=metavar, rich_help_panel=_TABLE)]


_READING = {
    "ignore": _column("Leave this column out. Once for each column, as all of these."),
    "keep": _column("Keep a column that would be left out, such as a row number."),
    "number": _column("This column holds numbers."),
    "text": _column("This column holds text, even where it looks like numbers."),
    "date": _column("This column holds dates."),
    "group": _column("Rows of one value of this column go to one part, training or test, together.", str | None),
    "time": _column("The past predicts the future: the latest rows by this column are the test.", str | None),
    "separator": _column("Between the cells of a line: ',', ';' or TAB.", str | None, "C"),
    "decimal": _column("The decimal mark: '.' or ','.", str | None, "C"),
    "encoding": _column("The file's encoding: utf-8, latin-1, utf-16, ...", str | None, "NAME"),
    "missing": _column("A text that stands for a missing value.", metavar="MARK"),
    "skip_unlabelled": Annotated[
        bool,
        typer.Option("--skip-unlabelled", help="Leave out rows without a label.", rich_help_panel=_TABLE),
    ],
}


def reads_tables(command: Callable[..., None]) -> Callable[..., None]:
    """Give ``command`` an option a field of Reading; it gets a Reading as ``reading``."""
    own = signature(command, eval_str=True)
    off = {field.name: False if field.default is False else None for field in fields(Reading)}
    added = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=off[name], annotation=kind) for name, kind in _READING.items()
    ]

    @wraps(command)
    def with_reading(*args: Any, **arguments: Any) -> None:
        reading = Reading.from_record(given(**{field.name: arguments.pop(field.name) for field in fields(Reading)}))
        command(*args, reading=reading, **arguments)

    parameters = [p for p in own.parameters.values() if p.name != "reading"]
    kinds = {p.name: p.annotation for p in [*parameters, *added]}
    with_reading.__signature__ = own.replace(parameters=[*parameters, *added])  # type: ignore[attr-defined]
    with_reading.__annotations__ = kinds
    return with_reading
