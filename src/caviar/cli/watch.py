"""Follow a study in the terminal: a live display there, a line a round in a pipe or a log, JSON if asked."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator

from rich.live import Live
from rich.text import Text

from caviar.cli.console import console, print_json
from caviar.cli.options import DEFAULT_STORE
from caviar.cli.signals import Ended, ending
from caviar.tune import Begun, Event, Progress, TunedProgram, TunedStudy

_ROUND = 2.0  # seconds between two lines of a log, at least


def watch(
    events: Callable[[Callable[[], bool]], Iterator[Event]],
    reading: str,
    store: str,
    json: bool = False,
    quiet: bool = False,
) -> None:
    """Show the ``events`` of a study, made from whether it shall end; Ctrl-C and SIGTERM end it with everything saved.

    ``reading`` is what is said to be read before the first event.
    """
    people = console(json=json, quiet=quiet)
    begun: Begun | None = None
    told = 0.0
    with (
        ending() as ended,
        Live(Text(f"reading {reading}"), console=people, transient=True, auto_refresh=False) as display,
    ):
        display.refresh()  # the first sign of life; the imports below take most of a second
        from caviar.report import live

        try:
            for event in events(ended.asked.is_set):
                if isinstance(event, Begun):
                    begun = event
                    people.print(live.heading(event))
                    for warning in event.warnings:
                        people.print(f"note: {warning}", markup=False)
                elif isinstance(event, Progress) and begun is not None:
                    if people.is_terminal:
                        display.update(live.picture(begun, event), refresh=True)
                    elif event.elapsed - told >= _ROUND:
                        told = event.elapsed
                        people.print(live.line(begun, event), markup=False, soft_wrap=True)
                elif isinstance(event, TunedStudy | TunedProgram):
                    display.stop()
                    shown = live.answer(event) if isinstance(event, TunedStudy) else live.program_answer(event)
                    people.print(shown)
                    if json:
                        print_json(event.summary)
        except KeyboardInterrupt:
            display.stop()
            if begun is not None:
                where = "" if store == DEFAULT_STORE else f" --store {shlex.quote(store)}"
                people.print(
                    f"ended early, with everything saved in {store}; "
                    f"to go on: caviar resume {shlex.quote(begun.study.name)}{where}",
                    markup=False,
                    soft_wrap=True,
                )
            raise Ended(ended.status) from None
