"""Follow a study in the terminal: a live display there, a line a round in a pipe or a log, JSON if asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from caviar.cli.console import console, print_json
from caviar.cli.next_steps import after_study, looking, say_next, to_resume
from caviar.cli.notes import event_in_commands
from caviar.cli.signals import Ended, ending
from caviar.records import StudyResult
from caviar.records.retest import KEEP, UNCLEAR
from caviar.report.showing import showing
from caviar.store.transactions import shown_address
from caviar.study.events import Begun, Event, TunedProgram, TunedStudy
from caviar.views.live import view_of

if TYPE_CHECKING:
    from rich.console import Console


ACT = 3
"""The exit status where something is to be done: train again, or tune again."""


def follow_study(
    events: Callable[[Callable[[], bool]], Iterator[Event]],
    reading: str,
    store: str,
    json: bool = False,
    quiet: bool = False,
    ended_with: Callable[[Console, StudyResult], dict[str, Any]] | None = None,
) -> StudyResult | None:
    """Show the ``events`` of a study; a signal ends it with everything saved. Returns its result.

    ``events`` gets a function that is true once the study shall end. ``reading`` names the data or the program that is
    read before the first event. ``ended_with`` shows people more of the result, and gives another JSON object.
    """
    result: StudyResult | None = None
    people = console(json=json, quiet=quiet)
    begun: Begun | None = None
    with ending() as ended:
        try:
            with showing(people, reading) as show:
                for event in map(event_in_commands, events(ended.asked.is_set)):
                    ended.saves = True
                    show(view_of(event))
                    if isinstance(event, Begun):
                        begun = event
                    elif isinstance(event, TunedStudy | TunedProgram):
                        result, summary = event.result, event.summary
                        if ended_with is not None:
                            summary = ended_with(people, result)
                        if begun is not None:
                            say_next(people, *after_study(begun.study, event.result, store), *looking(people, store))
                        if json:
                            print_json(summary)
        except KeyboardInterrupt as interrupt:
            if begun is not None:
                how = interrupt.args[0] if interrupt.args else f"with everything saved in {shown_address(store)}"
                if begun.out is not None and begun.study.result is None and begun.out.exists():
                    how += f", and the best network so far in {begun.out}"
                people.print(
                    f"ended early, {how}; to go on: {to_resume(begun.study.name, store)}",
                    markup=False,
                    soft_wrap=True,
                )
            raise Ended(ended.status) from None
    return result


def status_of(result: StudyResult) -> int:
    """The exit status of a study by its verdict; 0 for one that tests no old answer."""
    verdict = KEEP if result.retest is None else result.retest.verdict
    return {KEEP: 0, UNCLEAR: 1}.get(verdict, ACT)
