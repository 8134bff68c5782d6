"""Notes in the words of the command line: `keep=["id"]` in a note of a study is --keep id of ``caviar tune``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import typer

from caviar.cli.errors import in_options, with_first_row
from caviar.cli.main import application
from caviar.records import DiaryEntry, Study, StudyResult
from caviar.report.text import visible
from caviar.study.events import Begun, Event, Progress, TunedProgram, TunedStudy
from caviar.views.run import RunView
from caviar.views.study import StudyHead

if TYPE_CHECKING:
    from rich.console import Console


def in_commands(notes: Sequence[str], command: str = "tune") -> tuple[str, ...]:
    """``notes`` with the arguments in backquotes as options of ``command``."""
    return tuple(in_options(note, _parameters(command)) if "`" in note else note for note in notes)


def print_notes(people: Console, notes: Sequence[str], command: str) -> None:
    """Print ``notes`` of ``command`` for people, each on its own line."""
    counted = False
    for note in in_commands(notes, command):
        if not counted and (said := with_first_row(note)) != note:
            note, counted = said, True
        people.print(f"note: {visible(note)}", markup=False, soft_wrap=not people.is_terminal)


def event_in_commands(event: Event) -> Event:
    """``event`` with its notes in the words of the command line."""
    if isinstance(event, Begun):
        return replace(event, study=_study(event.study))
    if isinstance(event, TunedStudy):
        return replace(event, result=_result(event.result))
    if isinstance(event, TunedProgram):
        return replace(event, result=_result(event.result))
    if isinstance(event, Progress) and event.note:
        return replace(event, note=in_commands([event.note])[0])
    return event


def head_in_commands(head: StudyHead) -> StudyHead:
    """``head`` with its notes in the words of the command line."""
    return replace(head, record=_study(head.record))


def run_in_commands(view: RunView) -> RunView:
    """``view`` with the notes in its diary and its end in the words of the command line."""
    end = view.end
    if end is not None and "notes" in end:
        end = {**end, "notes": list(in_commands(end["notes"], "babysit"))}
    return replace(view, diary=tuple(map(entry_in_commands, view.diary)), end=end)


def entry_in_commands(entry: DiaryEntry) -> DiaryEntry:
    """``entry`` of a diary in the words of the command line, where it is a note."""
    return replace(entry, text=in_commands([entry.text], "babysit")[0]) if entry.kind == "note" else entry


def _study(study: Study) -> Study:
    result = None if study.result is None else _result(study.result)
    return replace(study, notes=in_commands(study.notes), result=result)


def _result(result: StudyResult) -> StudyResult:
    test = result.retest
    if test is not None:
        test = replace(test, why=in_commands([test.why], "retest")[0], notes=in_commands(test.notes, "retest"))
    return replace(result, notes=in_commands(result.notes), retest=test)


@cache
def _parameters(command: str) -> Mapping[str, Any]:
    """The parameters of ``command`` by name."""
    commands = typer.main.get_command(application(command)).commands  # type: ignore[attr-defined]
    return {parameter.name: parameter for parameter in commands[command].params}
