"""The line at the end of a command that ended well: what to do next, ready to be pasted into a shell."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from caviar.cli.options import DEFAULT_STORE, STORE_VARIABLE
from caviar.records import Reading, RunKind, RunSpec, Study, StudyKind
from caviar.records.reading import Target
from caviar.records.result import StudyResult
from caviar.report.text import visible
from caviar.store.transactions import shown_address

if TYPE_CHECKING:
    from rich.console import Console

Command = Sequence[str]
"""The words of a command after ``caviar``."""


def say_next(people: Console, *commands: Command, program: str = "caviar") -> None:
    """Print ``commands`` of ``program`` for ``people``, quoted for the shell; nothing where there are none.

    They are never wrapped, for a wrapped command cannot be pasted. Paths in the working folder are shown as from there.
    """
    here = f"{Path.cwd()}{os.sep}"
    for i, command in enumerate(commands):
        title = "next:" if i == 0 else "     "
        words = " ".join(_pasted(word.removeprefix(here)) for word in command)
        people.print(f"{title} {program} {words}", markup=False, soft_wrap=True)


def _pasted(word: str) -> str:
    """``word`` quoted for the shell; in ANSI-C quotes where it has what a terminal would act on."""
    if visible(word) == word:
        return shlex.quote(word)
    return "$'" + visible(word.replace("\\", "\\\\").replace("'", "\\'")) + "'"


def at(store: str) -> list[str]:
    """The option that names ``store``, a password in it hidden; nothing for the default one, or CAVIAR_STORE's."""
    if store in (DEFAULT_STORE, os.environ.get(STORE_VARIABLE)):
        return []
    return ["--store", shown_address(store)]


def to_resume(name: str, store: str) -> str:
    """The command that takes up study or run ``name`` of ``store``."""
    return " ".join(_pasted(word) for word in ["caviar", "resume", name, *at(store)])


def after_study(study: Study, result: StudyResult, store: str) -> list[Command]:
    """After a study that has ended: its model predicts, and its way is explained."""
    explained = ["explain", study.name, *at(store)]
    if study.spec.kind is not StudyKind.TABLE:
        return [*again(study, store), explained, ["trials", study.name, *at(store)]]
    table = study.spec.table
    if result.model is None or table is None or table.data is None or not os.path.exists(result.model):
        return [explained]
    if set(table.reading.to_record()) & {"separator", "decimal", "encoding", "missing"}:  # predict has none of these
        return [explained]
    return [_predict(result.model, table.data, study.name), explained]


def looking(people: Console, store: str) -> list[Command]:
    """The dashboard, for people at a terminal who have it: in a script a command that never ends is no next step."""
    if not people.is_terminal or find_spec("starlette") is None or find_spec("uvicorn") is None:
        return []
    return [["dashboard", *at(store)]]


def again(study: Study, store: str) -> list[Command]:
    """The command that trains the best of a program again, where nothing did: a function needs Python."""
    if study.spec.kind is not StudyKind.PROGRAM or study.spec.repeats:
        return []
    return [["resume", study.name, "--repeats", "3", *at(store)]]


def after_run(run: str, spec: RunSpec, model: str | None, store: str) -> list[Command]:
    """After a run that has ended: its model predicts, and its diary tells what happened."""
    diary = ["diary", run, *at(store)]
    if spec.kind is not RunKind.NETWORK or model is None:
        return [diary, ["export", run, "--out", f"{run}.csv", *at(store)]]
    return [_predict(model, spec.data, run), diary]


def of_table(data: str, target: Target, labels: str | None, reading: Reading, task: str | None = None) -> list[str]:
    """The words that name a table: the file, its target, labels and task, and all that was said on reading it."""
    words = [data]
    for name, value in {"target": target, "labels": labels, "task": task, **reading.to_record()}.items():
        for one in [value] if isinstance(value, str) else value or ():
            words += [f"--{name}", one]
    return words


def _predict(model: str, data: str, name: str) -> Command:
    """Predict the rows of ``data``, for a start; new ones have the same columns."""
    return ["predict", short(model), short(data), "--out", f"{name}-predictions.csv"]


def short(path: str) -> str:
    """A path as one would type it: relative where it leads down from here."""
    relative = os.path.relpath(Path(path).absolute())
    if relative.startswith("-"):  # an option, it would seem
        return os.path.join(os.curdir, relative)
    return path if relative.startswith("..") else relative
